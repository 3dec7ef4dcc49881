//! Hash ledgers: they spare reads and change no result, and nothing else takes them for proof.
use super::program::Room;
use super::{again, keys, one_machine, plan_of, runtime, save, whole};
use crate::support::program::Ran;
use crate::support::worlds::WorldSource;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use trailproof::shard::in_process;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::HOUR;
use trailproof_testkit::server::{Fault, FaultPlan, KeyMatcher, Matcher, Operation, Schedule};
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

type Opened = Arc<Mutex<Vec<ObjectLocation>>>;

fn trail() -> BuiltTrail {
    TrailSpec::new()
        .seed(31)
        .accounts(&["111122223333"])
        .regions(&["us-east-1"])
        .time("2026-03-01T00:04:11Z", 30)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build()
}

struct Hashing {
    source: WorldSource,
    plan: Vec<u8>,
    expected: Vec<u8>,
    folder: tempfile::TempDir,
    opened: Opened,
}

impl Hashing {
    fn new(trail: &BuiltTrail) -> Self {
        let opened = Opened::default();
        let source = WorldSource {
            etags: true,
            opened: Some(Arc::clone(&opened)),
            ..WorldSource::new(&trail.world)
        };
        let plan = plan_of(&trail.world, whole(trail), whole(trail).end.unix());
        let expected = one_machine(&plan, &source);
        let listed = again(&source);
        let planned = in_process::plan(&plan, &listed, None);
        let (plan, shards) = runtime().block_on(planned).unwrap();
        assert_eq!(shards, 1);
        Self { source, plan, expected, folder: tempfile::tempdir().unwrap(), opened }
    }

    fn ledger(&self, part: u64, parts: u64) -> (PathBuf, String) {
        let hashed = in_process::hash(&self.plan, 0, (part, parts), again(&self.source));
        let ledger = runtime().block_on(hashed).unwrap();
        let path = save(self.folder.path(), &format!("hashes-0-{part}.jsonl"), &ledger);
        (path, String::from_utf8(ledger).unwrap())
    }

    /// Verifies the shard with these ledgers, over this source. Returns the merged record and the number
    /// of log files that were opened.
    fn verify(&self, ledgers: &[PathBuf], source: &WorldSource) -> (Vec<u8>, usize) {
        self.opened.lock().unwrap().clear();
        let worked = in_process::work(&self.plan, 0, ledgers, again(source), keys(source));
        let record = runtime().block_on(worked).unwrap();
        let read = self.opened.lock().unwrap();
        let is_log = |at: &&ObjectLocation| at.key.contains("/CloudTrail/");
        let logs = read.iter().filter(is_log).count();
        drop(read);
        let file = save(self.folder.path(), "shard-0.jsonl", &record);
        let mut merged = Vec::new();
        in_process::merge(&self.plan, &[file], &mut merged).unwrap();
        (merged, logs)
    }

    fn refused(&self, ledger: &[u8], part: &str) {
        let path = [save(self.folder.path(), "hashes-0-bad.jsonl", ledger)];
        let worked =
            in_process::work(&self.plan, 0, &path, again(&self.source), keys(&self.source));
        let why = runtime().block_on(worked).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn what_ledgers_hold_is_not_read_and_the_record_is_the_same() {
    let trail = trail();
    let hashing = Hashing::new(&trail);
    let all = trail.logs().count();
    let (without, read) = hashing.verify(&[], &hashing.source);
    assert!(read >= all && without == hashing.expected);
    let ledgers: Vec<(PathBuf, String)> = (1..=3).map(|part| hashing.ledger(part, 3)).collect();
    let lines = |text: &str| text.matches("\"event\":\"log-hashed\"").count();
    let hashed: Vec<usize> = ledgers.iter().map(|(_, text)| lines(text)).collect();
    assert_eq!(hashed.iter().sum::<usize>(), all, "{hashed:?}");
    let paths: Vec<PathBuf> = ledgers.into_iter().map(|(path, _)| path).collect();
    let (merged, still) = hashing.verify(&paths, &hashing.source);
    assert!(merged == hashing.expected);
    // Near the beginning and the end of the chain, log files are searched for events and so read.
    assert!(still < read / 2, "{still} of {read}");
    // A ledger of one day spares less, and a lost one nothing.
    let (merged, some) = hashing.verify(&paths[..2], &hashing.source);
    assert!(merged == hashing.expected && still <= some && some <= read);
}

/// An entry counts only for the very object, and only if a proven digest records its hash.
#[test]
fn a_ledger_that_is_wrong_or_old_changes_no_result() {
    let mut trail = trail();
    let hashing = Hashing::new(&trail);
    let (path, text) = hashing.ledger(1, 1);
    // Each hash is that of a different log file.
    let hashes: Vec<&str> =
        text.lines().filter_map(|line| line.split("\"sha256\":\"").nth(1)?.get(..64)).collect();
    let wrong: Vec<String> = text
        .lines()
        .scan(0, |at, line| {
            let own = line.contains("log-hashed").then(|| hashes[*at]);
            let other = hashes[(*at + 1) % hashes.len()];
            *at += usize::from(own.is_some());
            Some(own.map_or(line.to_owned(), |own| line.replace(own, other)))
        })
        .collect();
    let wrong = super::refused::finished(&wrong);
    let wrong = save(hashing.folder.path(), "hashes-0-wrong.jsonl", &wrong);
    let (merged, _) = hashing.verify(&[wrong], &hashing.source);
    assert!(merged == hashing.expected);
    // After hashing, one log file is changed and one is deleted.
    let keys: Vec<(String, String)> =
        trail.logs().map(|(_, log)| (log.bucket.clone(), log.key.clone())).collect();
    let (bucket, changed) = &keys[20];
    let version = trail.current(bucket, &keys[21].1).unwrap().clone();
    trail.put(bucket, changed, version);
    trail.delete(bucket, &keys[30].1);
    let later = WorldSource {
        etags: true,
        opened: Some(Arc::clone(&hashing.opened)),
        ..WorldSource::new(&trail.world)
    };
    let plan = plan_of(&trail.world, whole(&trail), whole(&trail).end.unix());
    let expected = String::from_utf8(one_machine(&plan, &later)).unwrap();
    for finding in ["log-hash-mismatch", "log-missing"] {
        assert!(expected.contains(finding), "{finding}");
    }
    let (merged, _) = hashing.verify(&[path], &later);
    assert_eq!(String::from_utf8(merged).unwrap(), expected);
}

#[test]
fn what_is_not_a_ledger_of_the_plan_is_refused_by_name() {
    let trail = trail();
    let hashing = Hashing::new(&trail);
    let (_, text) = hashing.ledger(1, 1);
    hashing.refused(&hashing.expected, "not a hash ledger: it is a run record");
    hashing.refused(&text.as_bytes()[..text.len() / 2], "it was cut short");
    let mut later = plan_of(&trail.world, whole(&trail), whole(&trail).end.unix());
    later.period.start = later.period.start.plus(HOUR);
    let listed = again(&hashing.source);
    let planned = in_process::plan(&later, &listed, None);
    let (other, _) = runtime().block_on(planned).unwrap();
    let foreign = in_process::hash(&other, 0, (1, 1), again(&hashing.source));
    let foreign = runtime().block_on(foreign).unwrap();
    hashing.refused(&foreign, "hashes-0-bad.jsonl` is a hash ledger of a different plan");
    // Nor does anything else take a ledger for a record.
    let path = save(hashing.folder.path(), "shard-0.jsonl", text.as_bytes());
    let why = in_process::merge(&hashing.plan, &[path], Vec::new()).unwrap_err();
    assert!(why.contains("not a shard record: it is a hash ledger"), "{why}");
    let edited = |from: &str, to: &str| {
        super::refused::edited(text.as_bytes(), |line| line.replacen(from, to, 1))
    };
    for (from, to) in [("\"part\":1,", "\"part\":2,"), ("\"schema\":1,", "\"schema\":2,")] {
        hashing.refused(&edited(from, to), "it has no `ledger-started` of this version");
    }
    for part in [(0, 1), (2, 1), (1, 0)] {
        let hashed = in_process::hash(&hashing.plan, 0, part, again(&hashing.source));
        assert!(runtime().block_on(hashed).is_err(), "{part:?}");
    }
}

/// A log file that is hashed is read once for all its parts, and whoever merges learns of the ledgers.
#[test]
fn the_program_hashes_verifies_and_says_so() {
    let room = Room::new(FaultPlan::default());
    room.plan();
    let work = ["work", "plan.jsonl", "--to", "shards", "--quiet"];
    let run = |more: &[&'static str]| room.run(&[&work[..], more].concat(), 0);
    let hashed = run(&["--shard", "0", "--hash", "1/2"]);
    assert!(
        hashed.starts_with(
            "{\"shard\":0,\"part\":1,\"parts\":2,\"ledger\":\
             \"shards/hashes-000000-00001-of-00002.jsonl.zst\",\"log_files\":"
        ),
        "{hashed}"
    );
    run(&["--shard", "0", "--shard", "1", "--hash", "2/2"]);
    let gets = |room: &Room| room.server.requests().of(Operation::GetObject);
    room.server.forget();
    run(&["--shard", "0"]);
    let without = gets(&room);
    std::fs::remove_file(room.folder.path().join("shards/shard-000000.jsonl.zst")).unwrap();
    room.server.forget();
    let status = run(&["--shard", "0", "--hashed", "shards"]);
    assert!(gets(&room) < without, "{} of {without}", gets(&room));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let skipped = status["log_files_from_ledgers"].as_u64().unwrap();
    assert_eq!(without - gets(&room), skipped);
    run(&["--shard", "1", "--shard", "2", "--shard", "3", "--shard", "4", "--shard", "5"]);
    room.one_machine();
    let merge = ["merge", "plan.jsonl", "shards", "--record", "merged.jsonl.zst"];
    let words = "note: verified with hash ledgers: shard 0.";
    Ran::from(&mut room.command(&merge)).is(3, words);
    let bytes = |name| super::program::bytes(room.folder.path(), name);
    assert!(bytes("one.jsonl.zst") == bytes("merged.jsonl.zst"));
    // A file is taken whatever its name is.
    let to = |name: &str| room.folder.path().join(name);
    for part in ["1", "2"] {
        let ledger = format!("shards/hashes-000000-0000{part}-of-00002.jsonl.zst");
        std::fs::rename(to(&ledger), to(part)).unwrap();
    }
    std::fs::create_dir(to("again")).unwrap();
    let again =
        ["work", "plan.jsonl", "--to", "again", "--shard", "0", "--hashed", "1", "--hashed", "2"];
    let again: serde_json::Value = serde_json::from_str(&room.run(&again, 0)).unwrap();
    assert_eq!(again["log_files_from_ledgers"], skipped);
    room.refused(&[&work[..], &["--shard", "0", "--hash", "3/2"]].concat(), 2, "such as `3/10`");
    let both = ["--shard", "0", "--hash", "1/2", "--hashed", "shards"];
    room.refused(&[&work[..], &both].concat(), 2, "cannot be used with");
}

#[test]
fn hashing_ends_when_the_credentials_do_and_needs_a_store() {
    let expired = Matcher::any().key(KeyMatcher::Contains("/CloudTrail/".to_owned()));
    let room = Room::new(FaultPlan::default());
    room.plan();
    let always = Schedule::always(Fault::ExpiredToken);
    room.server.replace_faults(FaultPlan::new().with(expired, always));
    let hash = ["work", "plan.jsonl", "--to", "shards", "--shard", "0", "--hash", "1/1", "-q"];
    room.refused(&hash, 5, "the credentials expired before a hash ledger of shard 0 was written");
    assert_eq!(std::fs::read_dir(room.folder.path().join("shards")).unwrap().count(), 0);
    // What could not be read is left to the worker that verifies.
    room.server.replace_faults(FaultPlan::new().with(
        Matcher::any().key(KeyMatcher::Contains("/CloudTrail/".to_owned())),
        Schedule::always(Fault::AccessDenied),
    ));
    let hashed = room.run(&hash, 0);
    assert!(hashed.contains("\"log_files\":0,\"unread\":"), "{hashed}");
    assert!(!hashed.contains("\"unread\":0"), "{hashed}");
    room.server.replace_faults(FaultPlan::default());
    let mirror = ["mirror", super::program::LOCATION, "copy"];
    room.run(&[&mirror[..], &super::program::PERIOD].concat(), 3);
    let planned = ["plan", "copy", "--output", "copy.jsonl"];
    room.run(&[&planned[..], &super::program::PERIOD].concat(), 0);
    let hash = ["work", "copy.jsonl", "--to", "shards", "--shard", "0", "--hash", "1/1", "-q"];
    room.refused(&hash, 2, "hash ledgers are of no use there");
}
