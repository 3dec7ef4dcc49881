//! `plan`, `work` and `merge` from the outside, over a loopback AWS and over a directory.
use super::{untouched, whole};
use crate::support::program::{Ran, connected};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use trailproof_core::vocab::time::{Period, Timestamp};
use trailproof_testkit::server::{
    Date, Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Schedule, ServerOptions,
};
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

pub(super) const LOCATION: &str = "s3://example-trail-logs";
pub(super) const PERIOD: [&str; 5] =
    ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T14:04:11Z", "--quiet"];

pub(super) struct Room {
    pub(super) server: LoopbackServer,
    pub(super) folder: TempDir,
}

impl Room {
    pub(super) fn new(faults: FaultPlan) -> Self {
        Self::of(untouched(0), faults)
    }

    pub(super) fn of(trail: BuiltTrail, faults: FaultPlan) -> Self {
        let options = ServerOptions { faults, ..ServerOptions::default() };
        let server = LoopbackServer::start(trail.world, options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("shards")).unwrap();
        Self { server, folder }
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = connected(&self.server, arguments);
        command.env("AWS_MAX_ATTEMPTS", "1").current_dir(self.folder.path());
        command
    }

    #[track_caller]
    pub(super) fn run(&self, arguments: &[&str], status: i32) -> String {
        checked(&mut self.command(arguments), status).stdout
    }

    #[track_caller]
    pub(super) fn refused(&self, arguments: &[&str], status: i32, part: &str) {
        Ran::from(&mut self.command(arguments)).is(status, part);
    }

    pub(super) fn plan(&self) -> u64 {
        self.plan_to("plan.jsonl")
    }

    /// Plans and returns the number of shards.
    pub(super) fn plan_to(&self, output: &str) -> u64 {
        let planned = ["plan", LOCATION, "--output", output];
        self.run(&[&planned[..], &PERIOD].concat(), 0).trim().parse().unwrap()
    }

    /// Writes the record of one machine to `one.jsonl.zst`.
    pub(super) fn one_machine(&self) {
        let one = ["verify", LOCATION, "--reproducible", "--record", "one.jsonl.zst"];
        self.run(&[&one[..], &PERIOD].concat(), 3);
    }

    /// Verifies with these options on one machine and in shards, and returns the record, which must
    /// be the same.
    #[track_caller]
    fn same_record(&self, location: &str, options: &[&str], status: i32) -> String {
        let of = |command: &[&'static str]| -> Vec<&str> {
            [&command[..1], &[location], &command[1..], options].concat()
        };
        let one = ["verify", "--reproducible", "--record", "one.jsonl", "--force", "--quiet"];
        self.run(&of(&one), status);
        let planned = self.run(&of(&["plan", "--output", "plan.jsonl", "--force", "--quiet"]), 0);
        for shard in 0..planned.trim().parse::<u64>().unwrap() {
            let work = ["work", "plan.jsonl", "--to", "shards", "--quiet", "--shard"];
            self.run(&[&work[..], &[&shard.to_string()]].concat(), 0);
        }
        self.run(&["merge", "plan.jsonl", "shards", "--record", "merged.jsonl", "--force"], status);
        for name in self.records() {
            std::fs::remove_file(self.folder.path().join("shards").join(name)).unwrap();
        }
        let record = |name| String::from_utf8(bytes(self.folder.path(), name)).unwrap();
        assert_eq!(record("one.jsonl"), record("merged.jsonl"));
        record("merged.jsonl")
    }

    fn records(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("shards")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[track_caller]
fn checked(command: &mut Command, status: i32) -> Ran {
    Ran::from(command).is(status, "")
}

pub(super) fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn the_merged_record_is_that_of_verify() {
    let room = Room::new(FaultPlan::default());
    assert_eq!(room.plan(), 6);
    // One shard by option, one by each scheduler's variable, and the rest from standard input.
    let work = ["work", "plan.jsonl", "--to", "shards", "--quiet"];
    let with = |more: &[&'static str]| [&work[..], more].concat();
    let status = room.run(&with(&["--shard", "5"]), 0);
    assert!(status.starts_with("{\"shard\":5,\"record\":\"shards/shard-000005.jsonl.zst\","));
    for (shard, name) in
        ["SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX", "JOB_COMPLETION_INDEX"]
            .iter()
            .enumerate()
    {
        let mut command = room.command(&with(&["--shard-from-env"]));
        checked(command.env(name, shard.to_string()), 0);
    }
    let lines = room.folder.path().join("lines");
    std::fs::write(&lines, "3\n4\n2\n").unwrap();
    let mut command = room.command(&work);
    command.stdin(std::fs::File::open(lines).unwrap());
    assert_eq!(checked(&mut command, 0).stdout.lines().count(), 3);
    assert_eq!(room.records().len(), 6);
    room.one_machine();
    let merged = room.run(&["merge", "plan.jsonl", "shards", "--record", "merged.jsonl.zst"], 3);
    assert_eq!(merged, "not proven\n");
    let folder = room.folder.path();
    assert!(bytes(folder, "one.jsonl.zst") == bytes(folder, "merged.jsonl.zst"));
    // Neither a plan nor a record is overwritten.
    let again = ["merge", "plan.jsonl", "shards", "--record", "merged.jsonl.zst"];
    room.refused(&again, 2, "already exists");
    let planned = ["plan", LOCATION, "--output", "plan.jsonl"];
    room.refused(&[&planned[..], &PERIOD].concat(), 2, "already exists");
    // A shard record is not a run record, and the reports say so.
    let replayed = ["replay", "shards/shard-000000.jsonl.zst"];
    room.refused(&replayed, 5, "`trailproof merge` makes a run record of all");
}

#[test]
fn a_shard_whose_credentials_expire_leaves_no_record() {
    let expired = Matcher::any().key(KeyMatcher::Contains("T1204".to_owned()));
    let faults = FaultPlan::new().with(expired, Schedule::always(Fault::ExpiredToken));
    let room = Room::new(faults);
    room.plan();
    let work = ["work", "plan.jsonl", "--to", "shards", "--quiet", "--shard", "0"];
    room.refused(&work, 5, "the credentials expired before shard 0 was written");
    assert_eq!(room.records(), Vec::<String>::new());
}

#[test]
fn what_the_caller_got_wrong_is_said() {
    let room = Room::new(FaultPlan::default());
    room.plan();
    for (arguments, status, part) in [
        (vec!["work", "plan.jsonl", "--to", "shards", "--shard", "6"], 2, "and no shard 6"),
        (
            vec!["work", "plan.jsonl", "--to", "shards", "--shard-from-env"],
            2,
            "`SLURM_ARRAY_TASK_ID`",
        ),
        (vec!["work", "plan.jsonl", "--to", "absent", "--shard", "0"], 6, "cannot write shard 0"),
        (
            vec!["work", "plan.jsonl", "--to", "plan.jsonl", "--shard", "0"],
            6,
            "cannot write shard 0",
        ),
        (vec!["work", "absent.jsonl", "--to", "shards", "--shard", "0"], 5, "`absent.jsonl`"),
        (
            vec!["merge", "plan.jsonl", "shards", "--record", "r.jsonl"],
            5,
            "6 of 6 shards are missing",
        ),
        (vec!["merge", "plan.jsonl", "absent", "--record", "r.jsonl"], 5, "`absent`"),
        (vec!["merge", "plan.jsonl", "--record", "r.jsonl"], 2, "SHARD"),
    ] {
        room.refused(&arguments, status, part);
    }
    assert!(!room.folder.path().join("r.jsonl").exists());
    assert_eq!(room.records(), Vec::<String>::new());
}

/// Accepted exceptions are judged over all shards.
#[test]
fn exceptions_are_judged_in_the_merged_record() {
    let mut trail = untouched(1);
    let (_, log) = trail.logs().nth(4).unwrap();
    let (bucket, key) = (log.bucket.clone(), log.key.clone());
    assert!(trail.delete(&bucket, &key));
    let room = Room::of(trail, FaultPlan::default());
    let export = ["verify", LOCATION, "--export", "exceptions=review.toml"];
    room.run(&[&export[..], &PERIOD].concat(), 1);
    let review = String::from_utf8(bytes(room.folder.path(), "review.toml")).unwrap();
    let filled = review
        .replace("reason = \"\"", "reason = \"lost on the way\"")
        .replace("approved-by = \"\"", "approved-by = \"Jo <jo@example.com>\"")
        .replace("until = \"\"", "until = 2999-12-31");
    std::fs::write(room.folder.path().join("accepted.toml"), filled).unwrap();
    let accept = ["--accept", "accepted.toml"];
    let record = room.same_record(LOCATION, &[&PERIOD[..4], &accept].concat(), 1);
    let judged = record.lines().find(|line| line.contains("\"exceptions-judged\"")).unwrap();
    assert!(judged.contains("\"all_accepted\":true"), "{judged}");
    // The workers need the file no more.
    assert!(record.contains("lost on the way"));
}

/// The versions of a time are those of all shards.
#[test]
fn versions_of_a_time_are_read_by_the_workers() {
    let spec = TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 14)
        .logs(LogPlan::Constant(1), LogSizes::Small);
    let mut trail = spec.versioned().build();
    let digest = trail.chains[0].digests[3].clone();
    assert!(trail.delete(&digest.bucket, &digest.key));
    let versions = &trail.world.buckets[&digest.bucket].objects[&digest.key];
    let deleted = Timestamp::from_unix(versions.last().unwrap().last_modified);
    let Period { start, end } = whole(&trail);
    let location = format!("s3://{}", digest.bucket);
    let room = Room::of(trail, FaultPlan::default());
    let period = [start, end].map(|time| time.to_string());
    let period = ["--start-time", &period[0], "--end-time", &period[1]];
    room.same_record(&location, &period, 1);
    let time = deleted.plus(-1).to_string();
    let record = room.same_record(&location, &[&period[..], &["--as-of", &time]].concat(), 0);
    assert!(record.contains("\"kind\":\"versions\""));
}

/// What a mirror was not made for is in doubt in shards too.
#[test]
fn a_mirror_is_no_wider_in_shards() {
    let room = Room::new(FaultPlan::default());
    let mirror = ["mirror", LOCATION, "copy", "--quiet", "--start-time", "2026-03-01T02:04:11Z"];
    room.run(&[&mirror[..], &["--end-time", "2026-03-01T05:04:11Z"]].concat(), 0);
    let record = room.same_record("copy", &PERIOD[..4], 3);
    assert!(record.contains("\"not-copied\""), "{record}");
}

/// The plan has the time of the run: a worker whose store is months ahead or behind judges as one machine
/// did then, and warns.
#[test]
fn clocks_of_workers_do_not_matter() {
    const MONTHS: i64 = 90 * 86_400;
    let room = Room::new(FaultPlan::default());
    room.plan();
    room.one_machine();
    let elsewhere = [-MONTHS, MONTHS].map(|seconds| {
        let options =
            ServerOptions { date: Some(Date::Ahead(seconds)), ..ServerOptions::default() };
        LoopbackServer::start(untouched(0).world, options).unwrap()
    });
    for shard in 0..6 {
        let server = &elsewhere[shard % 2];
        let shard = shard.to_string();
        let work = ["work", "plan.jsonl", "--to", "shards", "--quiet", "--shard", &shard];
        let mut command = connected(server, &work);
        Ran::from(command.current_dir(room.folder.path())).is(0, "warning: the store's clock is");
    }
    room.run(&["merge", "plan.jsonl", "shards", "--record", "merged.jsonl.zst"], 3);
    let folder = room.folder.path();
    assert!(bytes(folder, "one.jsonl.zst") == bytes(folder, "merged.jsonl.zst"));
}

/// Whoever merges learns which digests appeared or disappeared between the plan and the shards.
#[test]
fn a_bucket_that_changes_between_shards_is_reported_with_its_objects() {
    let room = Room::new(FaultPlan::default());
    room.plan();
    let work = |shard: &str| {
        room.run(&["work", "plan.jsonl", "--to", "shards", "--quiet", "--shard", shard], 0)
    };
    assert!(work("0").contains("\"digests_changed\":0"));
    let mut gone = String::new();
    room.server.alter_world(|world| {
        let evidence = world.buckets.get_mut("example-trail-logs").unwrap();
        let key = evidence.objects.keys().find(|key| {
            key.contains("/444455556666/CloudTrail-Digest/eu-west-1/") && key.contains("T11")
        });
        gone = key.unwrap().clone();
        evidence.objects.remove(&gone);
    });
    let changed: usize =
        (1..6).map(|shard| usize::from(work(&shard.to_string()).contains("changed\":1"))).sum();
    assert_eq!(changed, 1);
    let merge = ["merge", "plan.jsonl", "shards", "--record", "merged.jsonl"];
    let merged = Ran::from(&mut room.command(&merge));
    let merged =
        merged.is(1, "warning: the evidence changed between the plan and its shards: 1 digest");
    assert!(merged.stderr.contains(&format!("`{gone}`")), "{merged:#?}");
}
