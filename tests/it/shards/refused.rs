//! What a merge refuses: missing, foreign and contradictory shards, and documents of another kind.
use super::{again, keys, one_machine, plan_of, runtime, save, untouched, whole};
use crate::support::worlds::WorldSource;
use std::path::PathBuf;
use tempfile::TempDir;
use trailproof::shard::in_process;
use trailproof::verify::plan::VerifyPlan;
use trailproof_core::record::document::{check_record, record_from};
use trailproof_core::vocab::time::HOUR;
use trailproof_testkit::trail::{LogPlan, LogSizes, TrailSpec};

struct Shards {
    plan: Vec<u8>,
    records: Vec<Vec<u8>>,
    expected: Vec<u8>,
    folder: TempDir,
}

fn shards_of(plan: &VerifyPlan, source: &WorldSource) -> (Vec<u8>, Vec<Vec<u8>>) {
    let runtime = runtime();
    let (bytes, number) = runtime.block_on(in_process::plan(plan, &again(source), None)).unwrap();
    let work = |shard| {
        let worked = in_process::work(&bytes, shard, &[], again(source), keys(source));
        runtime.block_on(worked).unwrap()
    };
    let records = (0..number).map(work).collect();
    (bytes, records)
}

fn shards() -> Shards {
    let trail = untouched(0);
    let source = WorldSource::new(&trail.world);
    let plan = plan_of(&trail.world, whole(&trail), whole(&trail).end.unix());
    let (bytes, records) = shards_of(&plan, &source);
    let expected = one_machine(&plan, &source);
    Shards { plan: bytes, records, expected, folder: tempfile::tempdir().unwrap() }
}

impl Shards {
    fn files(&self) -> Vec<PathBuf> {
        let save = |(at, record): (usize, &Vec<u8>)| {
            save(self.folder.path(), &format!("shard-{at}.jsonl"), record)
        };
        self.records.iter().enumerate().map(save).collect()
    }

    fn merge(&self, files: &[PathBuf]) -> Result<Vec<u8>, String> {
        let mut merged = Vec::new();
        in_process::merge(&self.plan, files, &mut merged).map(|_| merged)
    }

    /// Returns why these files are refused, which must contain `part`.
    #[track_caller]
    fn refuses(&self, files: &[PathBuf], part: &str) {
        let why = self.merge(files).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
}

/// Returns the record with its lines changed and a last line that matches them.
pub(super) fn edited(record: &[u8], edit: impl Fn(&str) -> String) -> Vec<u8> {
    let text = String::from_utf8(record.to_vec()).unwrap();
    let lines: Vec<String> = text.lines().map(edit).collect();
    finished(&lines)
}

/// Returns the document of these lines, with a last line that matches them in place of theirs.
pub(super) fn finished(lines: &[String]) -> Vec<u8> {
    use sha2::Digest as _;
    let lines = &lines[..lines.len() - 1];
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let sha256 = hex::encode(sha2::Sha256::digest(&body));
    let number = lines.len();
    format!("{body}{{\"event\":\"record-finished\",\"lines\":{number},\"sha256\":\"{sha256}\"}}\n")
        .into()
}

#[test]
fn a_folder_of_all_shards_and_of_identical_duplicates_is_merged() {
    let shards = shards();
    let mut files = shards.files();
    files.push(save(shards.folder.path(), "shard-again.jsonl", &shards.records[1]));
    assert_eq!(shards.merge(&files).unwrap(), shards.expected);
    assert_eq!(shards.merge(&[shards.folder.path().to_owned()]).unwrap(), shards.expected);
}

#[test]
fn a_missing_shard_is_named() {
    let shards = shards();
    let mut files = shards.files();
    files.remove(2);
    shards.refuses(&files, "1 of 6 shards are missing: 2 (from 111122223333 us-east-1)");
    shards
        .refuses(&[], "6 of 6 shards are missing: 0 (the first), 1 (from 111122223333 eu-west-1)");
}

#[test]
fn a_shard_of_a_different_plan_is_refused() {
    let shards = shards();
    let trail = untouched(0);
    let mut plan = plan_of(&trail.world, whole(&trail), whole(&trail).end.unix());
    plan.period.start = plan.period.start.plus(HOUR);
    let (_, foreign) = shards_of(&plan, &WorldSource::new(&trail.world));
    let mut files = shards.files();
    files[3] = save(shards.folder.path(), "shard-foreign.jsonl", &foreign[3]);
    shards.refuses(&files, "shard-foreign.jsonl` is a shard of a different plan");
}

#[test]
fn two_attempts_that_differ_are_refused_and_the_first_line_that_does_is_named() {
    let shards = shards();
    let lines = String::from_utf8_lossy(&shards.records[0]).lines().count();
    let counted = std::cell::Cell::new(0);
    let other = edited(&shards.records[0], |line| {
        counted.set(counted.get() + 1);
        let changed = line.replacen("\"stored_bytes\":", "\"stored_bytes\":9", 1);
        if counted.get() == 9 && changed != line { changed } else { line.to_owned() }
    });
    assert_ne!(other, shards.records[0], "line 9 of {lines} has no size");
    let mut files = shards.files();
    files.push(save(shards.folder.path(), "shard-other.jsonl", &other));
    shards.refuses(&files, "two records of shard 0 differ, first in line 9:");
    shards.refuses(&files, "\"stored_bytes\":9");
}

#[test]
fn a_record_that_was_cut_short_or_changed_is_refused() {
    let shards = shards();
    for (name, record, part) in [
        ("empty", Vec::new(), "it holds no whole line"),
        ("half", shards.records[1][..shards.records[1].len() / 2].to_vec(), "it was cut short"),
        (
            "flip",
            {
                let text = String::from_utf8(shards.records[1].clone()).unwrap();
                // The line reads as before, so that nothing but the hash tells.
                text.replacen("\"version\":\"0", "\"version\":\"1", 1).into()
            },
            "their hash is another",
        ),
        (
            "unknown",
            edited(&shards.records[1], |line| line.replacen("\"valid\"", "\"vali \"", 1)),
            "the outcome `vali ` is not known",
        ),
        (
            "elsewhere",
            edited(&shards.records[2], |line| line.replace("\"shard\":2", "\"shard\":1")),
            "is not in this shard",
        ),
        (
            "unfinished",
            edited(&shards.records[1], |line| {
                line.replace(
                    "\"event\":\"shard-finished\"",
                    "\"event\":\"other-place\",\"place\":\"x\"",
                )
            }),
            "no `shard-finished`",
        ),
        // Whoever can write a record can contradict themselves.
        (
            "counts",
            edited(&shards.records[1], |line| match line.contains("\"chain-finished\"") {
                true => line.replacen("\"log_files\":{\"valid\":", "\"log_files\":{\"valid\":1", 1),
                false => line.to_owned(),
            }),
            "cannot use the shard record `",
        ),
    ] {
        let mut files = shards.files();
        files[1] = save(shards.folder.path(), name, &record);
        shards.refuses(&files, part);
        shards.refuses(&files, &format!("{name}`"));
    }
}

#[test]
fn a_plan_of_a_different_version_is_refused() {
    let shards = shards();
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let plan = edited(&shards.plan, |line| line.replace(&version, "\"version\":\"0.0.0-other\""));
    assert_ne!(plan, shards.plan);
    let mut merged = Vec::new();
    let why = in_process::merge(&plan, &shards.files(), &mut merged).unwrap_err();
    assert!(why.contains("trailproof 0.0.0-other made the plan"), "{why}");
    let cut = &shards.plan[..shards.plan.len() / 2];
    let why = in_process::merge(cut, &shards.files(), &mut merged).unwrap_err();
    assert!(why.contains("cut short"), "{why}");
}

#[test]
fn a_shard_record_is_not_a_run_record_and_the_other_way_round() {
    let shards = shards();
    let as_run = |bytes: &Vec<u8>| {
        let bytes = Box::new(std::io::Cursor::new(bytes.clone()));
        let mut record = record_from(bytes).unwrap();
        check_record(&mut record, |_, _| {}).unwrap_err().to_string()
    };
    assert_eq!(
        as_run(&shards.records[0]),
        "line 1: not a run record: it is the record of one shard, and `trailproof merge` makes a \
         run record of all"
    );
    assert_eq!(as_run(&shards.plan), "line 1: not a run record: it is the plan of shards");
    let mut files = shards.files();
    files[0] = save(shards.folder.path(), "run.jsonl", &shards.expected);
    shards.refuses(&files, "not a shard record: it is a run record");
    let why = in_process::merge(&shards.records[0], &files, Vec::new()).unwrap_err();
    assert!(why.contains("not the plan of shards"), "{why}");
}

#[test]
fn digests_that_changed_after_the_plan_are_named_in_the_shard() {
    let mut trail = untouched(0);
    let source = WorldSource::new(&trail.world);
    let plan = plan_of(&trail.world, whole(&trail), whole(&trail).end.unix());
    let runtime = runtime();
    let (bytes, _) = runtime.block_on(in_process::plan(&plan, &again(&source), None)).unwrap();
    let gone = trail.chains[0].digests[3].clone();
    trail.delete(&gone.bucket, &gone.key);
    let later = WorldSource::new(&trail.world);
    let work = |shard| {
        let worked = in_process::work(&bytes, shard, &[], again(&later), keys(&later));
        String::from_utf8(runtime.block_on(worked).unwrap()).unwrap()
    };
    let changed =
        format!("{{\"event\":\"digest-changed\",\"key\":\"{}\",\"gone\":true}}", gone.key);
    let with: Vec<u64> = (0..6).filter(|shard| work(*shard).contains(&changed)).collect();
    assert_eq!(with.len(), 1);
    // It is missing for the walk, too.
    assert!(work(with[0]).contains("digest-missing"));
}

/// What the plan lists and a shard does not find any more is not proven by what is left, even if nothing is left
/// that could point to it.
#[test]
fn a_place_that_disappeared_after_the_plan_is_not_proven() {
    // A trail of each account by itself: no sibling shows what is to be expected.
    let mut trail = TrailSpec::new()
        .seed(31)
        .regions(&["us-east-1"])
        .accounts(&["111122223333", "444455556666"])
        .time("2026-03-01T00:04:11Z", 6)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build();
    let source = WorldSource::new(&trail.world);
    let plan = plan_of(&trail.world, whole(&trail), whole(&trail).end.unix());
    let runtime = runtime();
    let (bytes, number) = runtime.block_on(in_process::plan(&plan, &again(&source), None)).unwrap();
    let verdict = |later: &WorldSource| {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = (0..number)
            .map(|shard| {
                let worked = in_process::work(&bytes, shard, &[], again(later), keys(later));
                save(folder.path(), &format!("{shard}"), &runtime.block_on(worked).unwrap())
            })
            .collect();
        let mut merged = Vec::new();
        in_process::merge(&bytes, &files, &mut merged).unwrap();
        let mut record = record_from(Box::new(std::io::Cursor::new(merged.clone()))).unwrap();
        check_record(&mut record, |_, _| {}).unwrap();
        let text = String::from_utf8(merged).unwrap();
        let last = text.lines().find(|line| line.contains("\"run-finished\"")).unwrap();
        serde_json::from_str::<serde_json::Value>(last).unwrap()["verdict"].clone()
    };
    assert_eq!(verdict(&source), "proven");
    let folder = {
        let key = &trail.chains[0].digests[0].key;
        key.split("CloudTrail-Digest").next().unwrap().to_owned()
    };
    for bucket in trail.world.buckets.values_mut() {
        bucket.objects.retain(|key, _| !key.starts_with(&folder));
    }
    assert_eq!(verdict(&WorldSource::new(&trail.world)), "not proven");
}
