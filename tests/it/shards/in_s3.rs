//! Plans and shard records in S3: created once, never replaced, never in the evidence.
use super::program::{Room, bytes};
use super::untouched;
use crate::support::program::{Ran, connected};
use trailproof_testkit::server::{Fault, FaultPlan, KeyMatcher, Matcher, Operation, Schedule};
use trailproof_testkit::world::Bucket;

const PLAN: &str = "s3://results/run/plan.jsonl";
const SHARDS: &str = "s3://results/run";

fn room(faults: FaultPlan) -> Room {
    let mut trail = untouched(0);
    let bucket = Bucket {
        region: "eu-west-1".to_owned(),
        objects: Default::default(),
        settings: Default::default(),
    };
    trail.world.buckets.insert("results".to_owned(), bucket);
    Room::of(trail, faults)
}

fn plan(room: &Room) -> u64 {
    room.plan_to(PLAN)
}

fn work(room: &Room, shards: &[&str], to: &str) -> Ran {
    let mut arguments = vec!["work", PLAN, "--to", to, "--quiet"];
    for shard in shards {
        arguments.extend(["--shard", shard]);
    }
    Ran::from(&mut room.command(&arguments))
}

fn puts(on: Fault, schedule: fn(Fault) -> Schedule) -> FaultPlan {
    FaultPlan::new().with(
        Matcher::operation(Operation::PutObject).key(KeyMatcher::Contains("shard-".to_owned())),
        schedule(on),
    )
}

fn keys(room: &Room) -> Vec<String> {
    room.server.world().buckets["results"].objects.keys().cloned().collect()
}

#[test]
fn the_record_merged_from_s3_is_that_of_verify() {
    let room = room(FaultPlan::default());
    assert_eq!(plan(&room), 6);
    let done = work(&room, &["5", "0", "1", "4", "2", "3"], SHARDS).is(0, "");
    assert!(
        done.stdout
            .starts_with("{\"shard\":5,\"record\":\"s3://results/run/shard-000005.jsonl.zst\","),
        "{done:#?}"
    );
    // A second attempt finds what the first wrote, and replaces nothing.
    let before = room.server.world();
    work(&room, &["3"], &format!("{SHARDS}/")).is(0, "shard-000003");
    let object = |world: &trailproof_testkit::world::World| {
        let objects = &world.buckets["results"].objects;
        let [only] = objects["run/shard-000003.jsonl.zst"].as_slice() else { panic!() };
        only.body.as_ptr()
    };
    assert_eq!(object(&before), object(&room.server.world()));
    assert_eq!(room.server.requests().of(Operation::PutObject), 8);
    room.one_machine();
    // Records that lie elsewhere count as well.
    room.run(&["work", PLAN, "--to", "shards", "--shard", "2", "--quiet"], 0);
    let merge = ["merge", PLAN, SHARDS, "shards", "--record", "merged.jsonl.zst"];
    let merged = Ran::from(&mut room.command(&merge)).is(3, "1 records are identical to another");
    assert_eq!(merged.stdout, "not proven\n");
    let folder = room.folder.path();
    assert!(bytes(folder, "one.jsonl.zst") == bytes(folder, "merged.jsonl.zst"));
    // Beside the evidence, records may lie in its bucket.
    work(&room, &["1"], "s3://example-trail-logs/shards").is(0, "s3://example-trail-logs/shards/");
}

#[test]
fn nothing_is_written_into_the_evidence() {
    let room = room(FaultPlan::default());
    plan(&room);
    let inside = "s3://example-trail-logs/AWSLogs/o-a1b2c3d4e5/run";
    for to in [inside, "s3://results/copy/AWSLogs"] {
        work(&room, &["0"], to).is(2, "is in the evidence, where nothing is written");
    }
    let planned = ["plan", super::program::LOCATION, "--output", inside];
    let planned = [&planned[..], &super::program::PERIOD].concat();
    room.refused(&planned, 2, "is in the evidence, where nothing is written");
    assert_eq!(room.server.requests().of(Operation::PutObject), 1);
}

#[test]
fn a_different_record_is_kept_beside_and_the_merge_names_the_difference() {
    let room = room(FaultPlan::default());
    plan(&room);
    work(&room, &["0"], SHARDS).is(0, "");
    // The evidence changes between two attempts.
    room.server.alter_world(|world| {
        let evidence = world.buckets.get_mut("example-trail-logs").unwrap();
        let log = evidence.objects.keys().find(|key| {
            key.contains("/111122223333/CloudTrail/ap-south-1/") && key.ends_with(".json.gz")
        });
        let log = log.unwrap().clone();
        evidence.objects.remove(&log);
    });
    let before = room.server.world().buckets["results"].objects.clone();
    let again = work(&room, &["0"], SHARDS).is(0, "");
    let again: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    let beside = again["record"].as_str().unwrap().strip_prefix("s3://results/").unwrap();
    assert!(beside.starts_with("run/shard-000000-") && keys(&room).iter().any(|key| key == beside));
    work(&room, &["1", "2", "3", "4", "5"], SHARDS).is(0, "");
    let merge = ["merge", PLAN, SHARDS, "--record", "merged.jsonl"];
    let refused =
        Ran::from(&mut room.command(&merge)).is(5, "two records of shard 0 differ, first in line");
    for part in
        ["`s3://results/run/shard-000000.jsonl.zst` has", "or could not be read in one of them"]
    {
        assert!(refused.stderr.contains(part), "{refused:#?}");
    }
    assert!(refused.stderr.contains(&format!("`s3://results/{beside}` has")), "{refused:#?}");
    // Removing the one that is not to count helps.
    room.server.alter_world(|world| {
        world.buckets.get_mut("results").unwrap().objects.remove("run/shard-000000.jsonl.zst");
    });
    Ran::from(&mut room.command(&merge)).is(1, "");
    room.server.alter_world(|world| {
        world.buckets.get_mut("results").unwrap().objects.clone_from(&before);
    });
    let after = &room.server.world().buckets["results"].objects;
    let name = "run/shard-000000.jsonl.zst";
    assert_eq!(before[name][0].body, after[name][0].body);
    // Nor is a plan replaced by a different one.
    let hour = ["--start-time", "2026-03-01T05:00:00Z", "--end-time", "2026-03-01T06:00:00Z"];
    let planned = ["plan", super::program::LOCATION, "--output", PLAN, "--quiet"];
    room.refused(
        &[&planned[..], &hour].concat(),
        2,
        "`s3://results/run/plan.jsonl` already exists",
    );
    let forced = [&planned[..], &hour, &["--force"]].concat();
    room.refused(&forced, 2, "an object in S3 is never overwritten");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    for (fault, status, part) in [
        (
            Fault::AccessDenied,
            6,
            "cannot write shard 0 in `s3://results/run`: denied: AccessDenied",
        ),
        (Fault::ExpiredToken, 5, "the credentials expired before shard 0 was written"),
        (
            Fault::InternalError,
            6,
            "cannot write shard 0 in `s3://results/run`: network: InternalError",
        ),
    ] {
        let room = room(puts(fault, Schedule::always));
        plan(&room);
        work(&room, &["0"], SHARDS).is(status, part);
        assert_eq!(keys(&room), ["run/plan.jsonl"]);
    }
    let room = room(FaultPlan::default());
    plan(&room);
    room.server.forget();
    work(&room, &["0"], "s3://absent/run").is(6, "cannot write `s3://absent/run`: no-such-bucket");
    // This is known before the shard is verified.
    assert_eq!(room.server.requests().of(Operation::ListObjectsV2), 0);
    work(&room, &["0"], "s3://a b/run").is(2, "is not a place in S3");
}

#[test]
fn an_answer_that_is_lost_makes_no_second_record() {
    let faults = [
        Schedule::first(1, Fault::HangUp),
        Schedule::first(1, Fault::Reset),
        Schedule::first(2, Fault::SlowDown),
    ];
    for schedule in faults {
        let matcher =
            Matcher::operation(Operation::PutObject).key(KeyMatcher::Contains("shard-".to_owned()));
        let room = room(FaultPlan::new().with(matcher, schedule));
        plan(&room);
        let arguments = ["work", PLAN, "--to", SHARDS, "--shard", "0", "--quiet"];
        room.server.forget();
        Ran::from(connected(&room.server, &arguments).current_dir(room.folder.path())).is(0, "");
        assert!(room.server.requests().of(Operation::PutObject) > 1);
        assert_eq!(keys(&room), ["run/plan.jsonl", "run/shard-000000.jsonl.zst"]);
    }
}

#[test]
fn records_in_s3_that_cannot_be_merged_are_named() {
    let room = room(FaultPlan::default());
    plan(&room);
    work(&room, &["0", "1", "2", "3", "5"], SHARDS).is(0, "");
    let merge = ["merge", PLAN, SHARDS, "--record", "merged.jsonl"];
    room.refused(&merge, 5, "1 of 6 shards are missing: 4");
    let absent = ["merge", PLAN, "s3://results/run/shard-000004.jsonl.zst", "--record", "m.jsonl"];
    room.refused(&absent, 5, "cannot read `s3://results/run/shard-000004.jsonl.zst`: ");
    let absent = ["merge", PLAN, "s3://results/typo", "--record", "m.jsonl"];
    room.refused(&absent, 5, "there is nothing in `s3://results/typo`");
    let absent = ["merge", "s3://results/none", SHARDS, "--record", "m.jsonl"];
    room.refused(&absent, 5, "cannot read the plan `s3://results/none`");
    work(&room, &["4"], SHARDS).is(0, "");
    room.server.alter_world(|world| {
        let results = world.buckets.get_mut("results").unwrap();
        let record = results.objects.get_mut("run/shard-000002.jsonl.zst").unwrap();
        let half = record[0].body.len() / 2;
        record[0].body = record[0].body.slice(..half);
    });
    room.refused(
        &merge,
        5,
        "cannot use the shard record `s3://results/run/shard-000002.jsonl.zst`: it",
    );
    assert!(!room.folder.path().join("merged.jsonl").exists());
}

/// A place that holds shards of a different plan is refused before the shard is verified, which may take days.
#[test]
fn shards_of_different_plans_do_not_share_a_place() {
    let room = room(FaultPlan::default());
    plan(&room);
    work(&room, &["0"], SHARDS).is(0, "");
    room.run(&["work", PLAN, "--to", "shards", "--shard", "0", "--quiet"], 0);
    let hour = ["--start-time", "2026-03-01T05:00:00Z", "--end-time", "2026-03-01T06:00:00Z"];
    let planned = ["plan", super::program::LOCATION, "--output", "hour.jsonl", "--quiet"];
    room.run(&[&planned[..], &hour].concat(), 0);
    for (to, shown) in [(SHARDS, SHARDS), ("shards", "shards")] {
        room.server.forget();
        let other = ["work", "hour.jsonl", "--to", to, "--shard", "0", "--quiet"];
        let words = format!("`{shown}/shard-000000.jsonl.zst` is a shard of a different plan");
        room.refused(&other, 2, &words);
        assert_eq!(room.server.requests().of(Operation::ListObjectsV2), 0);
    }
}
