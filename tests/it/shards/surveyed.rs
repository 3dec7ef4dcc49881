//! Plans whose shards list their own digests.
use super::program::{LOCATION, PERIOD, Room, bytes};
use super::refused::{edited, finished};
use super::{again, plan_of, runtime, save, untouched, whole};
use crate::support::worlds::WorldSource;
use std::path::PathBuf;
use trailproof::shard::in_process;
use trailproof_testkit::server::{Fault, FaultPlan, KeyMatcher, Matcher, Schedule};
use trailproof_testkit::world::Bucket;

fn plan(room: &Room, output: &str) -> u64 {
    let planned = ["plan", LOCATION, "--survey-in-shards", "--output", output];
    room.run(&[&planned[..], &PERIOD].concat(), 0).trim().parse().unwrap()
}

/// Surveys all shards of `first` into `to`, makes the plan `next` of them, and works on its shards.
fn two_rounds(room: &Room, first: &str, next: &str, to: &str) {
    let all: Vec<String> = (0..plan(room, first)).map(|shard| format!("--shard={shard}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let work = |plan| room.run(&[&["work", plan, "--to", to, "--quiet"], &all[..]].concat(), 0);
    let surveyed = work(first);
    assert_eq!(surveyed.lines().count(), 6);
    // The first digest ends when the period begins.
    let digests = untouched(0).chains.last().unwrap().digests.len() - 1;
    let line = format!(
        "{{\"shard\":5,\"survey\":\"{to}/survey-000005.jsonl.zst\",\"chains\":1,\"digests\":{digests}}}"
    );
    assert_eq!(surveyed.lines().last(), Some(line.as_str()));
    assert_eq!(room.run(&["merge", first, to, "--plan", next], 0), "6\n");
    work(next);
    room.run(&["merge", next, to, "--record", "merged.jsonl.zst"], 3);
    room.one_machine();
    let folder = room.folder.path();
    assert!(bytes(folder, "one.jsonl.zst") == bytes(folder, "merged.jsonl.zst"));
}

#[test]
fn the_record_of_two_rounds_is_that_of_verify() {
    let room = Room::new(FaultPlan::default());
    two_rounds(&room, "first.jsonl", "plan.jsonl", "shards");
    // No plan is overwritten.
    let merge = ["merge", "first.jsonl", "shards", "--plan", "plan.jsonl"];
    room.refused(&merge, 2, "already exists");
    room.run(&[&merge[..], &["--force"]].concat(), 0);
}

#[test]
fn plans_and_surveys_may_lie_in_s3() {
    let mut trail = untouched(0);
    let bucket = Bucket {
        region: "eu-west-1".to_owned(),
        objects: Default::default(),
        settings: Default::default(),
    };
    trail.world.buckets.insert("results".to_owned(), bucket);
    let room = Room::of(trail, FaultPlan::default());
    let of = |name: &str| format!("s3://results/run/{name}");
    two_rounds(&room, &of("first.jsonl"), &of("plan.jsonl"), "s3://results/run");
    let (first, next) = (of("first.jsonl"), of("plan.jsonl"));
    let merge = ["merge", &first, "s3://results/run", "--plan", &next];
    // The same plan again is no other plan.
    assert_eq!(room.run(&merge, 0), "6\n");
}

#[test]
fn no_plan_and_no_survey_is_made_with_credentials_that_expired() {
    let expired = Matcher::any()
        .key(KeyMatcher::Contains("444455556666/CloudTrail-Digest/eu-west-1/".to_owned()));
    let room = Room::new(FaultPlan::new().with(expired, Schedule::always(Fault::ExpiredToken)));
    let planned = ["plan", LOCATION, "--output", "plan.jsonl"];
    let why = "the credentials expired before the plan was written";
    room.refused(&[&planned[..], &PERIOD].concat(), 5, why);
    assert!(!room.folder.path().join("plan.jsonl").exists());
    plan(&room, "first.jsonl");
    let work = ["work", "first.jsonl", "--to", "shards", "--shard", "4"];
    room.refused(&work, 5, "the credentials expired before the survey of shard 4 was written");
    assert_eq!(std::fs::read_dir(room.folder.path().join("shards")).unwrap().count(), 0);
}

#[test]
fn a_round_is_not_taken_for_the_other() {
    let room = Room::new(FaultPlan::default());
    plan(&room, "first.jsonl");
    room.plan();
    room.run(&["work", "first.jsonl", "--to", "shards", "--quiet", "--shard", "0"], 0);
    for (arguments, status, part) in [
        (vec!["work", "first.jsonl", "--to", "shards", "--shard", "6"], 2, "and no shard 6"),
        (
            vec!["work", "first.jsonl", "--to", "shards", "--shard", "0", "--hash", "1/2"],
            2,
            "the shards of this plan list digests and read no log files",
        ),
        (
            vec!["work", "first.jsonl", "--to", "shards", "--shard", "0", "--hashed", "shards"],
            2,
            "the shards of this plan list digests and read no log files",
        ),
        (
            vec!["merge", "first.jsonl", "shards", "--record", "r"],
            2,
            "the shards of this plan are surveys, which make no run record",
        ),
        (
            vec!["merge", "plan.jsonl", "shards", "--plan", "r"],
            2,
            "the shards of this plan are no surveys",
        ),
        (vec!["merge", "plan.jsonl", "shards"], 2, "--record"),
        (vec!["merge", "plan.jsonl", "shards", "--plan", "r", "--record", "q"], 2, "--record"),
        (
            vec!["merge", "first.jsonl", "shards", "--plan", "r"],
            5,
            "5 of 6 shards are missing: 1 (from 111122223333 eu-west-1), 2",
        ),
        (
            vec!["merge", "plan.jsonl", "shards/survey-000000.jsonl.zst", "--record", "r"],
            5,
            "not a shard record: it is the survey of a shard, and `trailproof merge --plan`",
        ),
        (
            vec!["replay", "shards/survey-000000.jsonl.zst"],
            5,
            "not a run record: it is the survey of a shard",
        ),
    ] {
        room.refused(&arguments, status, part);
    }
    assert!(!room.folder.path().join("r").exists());
    // The place holds the survey of a different plan.
    room.run(
        &[
            &["plan", LOCATION, "--survey-in-shards", "--force"],
            &PERIOD[..2],
            &PERIOD[4..],
            &["--end-time", "2026-03-01T13:04:11Z", "--output", "first.jsonl"],
        ]
        .concat(),
        0,
    );
    let work = ["work", "first.jsonl", "--to", "shards", "--shard", "0"];
    room.refused(&work, 2, "`shards/survey-000000.jsonl.zst` is a shard of a different plan");
}

/// What one survey lacks or adds is refused by name: silence about a place would be no digest there.
#[test]
fn surveys_that_do_not_fit_the_plan_are_refused() {
    let trail = untouched(0);
    let source = WorldSource::new(&trail.world);
    let verify = plan_of(&trail.world, whole(&trail), whole(&trail).end.unix());
    let runtime = runtime();
    let evidence = again(&source);
    let planned = in_process::plan_in_shards(&verify, &evidence, None);
    let (plan, number) = runtime.block_on(planned).unwrap();
    let survey =
        |shard| runtime.block_on(in_process::survey(&plan, shard, again(&source))).unwrap();
    let surveys: Vec<Vec<u8>> = (0..number).map(survey).collect();
    let folder = tempfile::tempdir().unwrap();
    let files = |changed: Option<Vec<u8>>| -> Vec<PathBuf> {
        let mut all = surveys.clone();
        all[2] = changed.unwrap_or_else(|| all[2].clone());
        let save = |(at, survey): (usize, &Vec<u8>)| {
            save(folder.path(), &format!("survey-{at}.jsonl"), survey)
        };
        all.iter().enumerate().map(save).collect()
    };
    assert!(in_process::plan_of_surveys(&plan, &files(None)).is_ok());
    let lines: Vec<String> =
        String::from_utf8(surveys[2].clone()).unwrap().lines().map(str::to_owned).collect();
    let place = lines.iter().position(|line| line.contains("place-listed")).unwrap();
    let mut without = lines.clone();
    without.remove(place);
    let mut twice = lines.clone();
    twice.insert(place, lines[place].clone());
    let cut = &surveys[2][..surveys[2].len() - 40];
    for (changed, part) in [
        (finished(&without), "it does not list the place of `AWSLogs/"),
        (finished(&twice), "the place is not in this shard, or was listed twice"),
        (
            edited(&surveys[2], |line| line.replace("us-east-1", "eu-west-1")),
            "is not in this shard",
        ),
        (edited(&surveys[2], |line| line.replace("\"shard\":2", "\"shard\":9")), "it is shard 9"),
        (cut.to_vec(), "survey-2.jsonl`"),
    ] {
        let why = in_process::plan_of_surveys(&plan, &files(Some(changed))).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
    let mut other = files(None);
    let changed = edited(&surveys[2], |line| line.replace("\"present\":true", "\"present\":false"));
    assert_ne!(changed, surveys[2]);
    other.push(save(folder.path(), "survey-other.jsonl", &changed));
    let why = in_process::plan_of_surveys(&plan, &other).unwrap_err();
    assert!(why.contains("two records of shard 2 differ, first in line"), "{why}");
}
