//! `plan`, `work` and `merge` from the outside, over a loopback AWS and over a directory.
use super::untouched;
use crate::support::program::{Ran, connected};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use trailproof_testkit::server::{
    Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Schedule, ServerOptions,
};

const LOCATION: &str = "s3://example-trail-logs";
const PERIOD: [&str; 5] =
    ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T14:04:11Z", "--quiet"];

struct Room {
    server: LoopbackServer,
    folder: TempDir,
}

impl Room {
    fn new(faults: FaultPlan) -> Self {
        let options = ServerOptions { faults, ..ServerOptions::default() };
        let server = LoopbackServer::start(untouched(0).world, options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("shards")).unwrap();
        Self { server, folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = connected(&self.server, arguments);
        command.env("AWS_MAX_ATTEMPTS", "1").current_dir(self.folder.path());
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], status: i32) -> String {
        checked(&mut self.command(arguments), status).stdout
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], status: i32, part: &str) {
        Ran::from(&mut self.command(arguments)).is(status, part);
    }

    fn plan(&self) -> u64 {
        let planned = ["plan", LOCATION, "--output", "plan.jsonl"];
        self.run(&[&planned[..], &PERIOD].concat(), 0).trim().parse().unwrap()
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

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
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
    let one = ["verify", LOCATION, "--reproducible", "--record", "one.jsonl.zst"];
    room.run(&[&one[..], &PERIOD].concat(), 3);
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
    room.refused(&work, 5, "the credentials expired while shard 0 was verified");
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
