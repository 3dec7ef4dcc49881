//! Run records: over every deed they are the event stream byte for byte, add up, and give every
//! report again; cut, edited, reordered and foreign ones are recognised.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use trailproof::test_support::copy::Copy;
use trailproof::test_support::trail::dice::Dice;
use trailproof::test_support::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

const FORMATS: [&str; 3] = ["text", "json", "jsonl"];

fn trail(pause: bool) -> BuiltTrail {
    let spec = TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 14)
        .logs(LogPlan::Constant(1), LogSizes::Small);
    if pause { spec.pause(4, 6, 0).build() } else { spec.build() }
}

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("record-{name}"))
}

fn copy(name: &str, trail: &BuiltTrail) -> std::io::Result<Copy> {
    Copy::write(env!("CARGO_BIN_EXE_trailproof"), &root(name), trail)
}

fn events(text: &str) -> BTreeSet<String> {
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].as_str().unwrap().into())
        .collect()
}

/// Over many combinations of deeds: the record's lines are those of `--format jsonl`, and every
/// format is replayed to the very bytes and the exit status of the live run.
#[test]
fn a_record_is_the_stream_and_gives_every_report_again() {
    let clean = [trail(false), trail(true)];
    let mut dice = Dice::new(31, "record");
    let (mut compared, mut codes, mut seen) = (0, BTreeSet::new(), BTreeSet::new());
    for round in 0..40 {
        let mut changed = clean[round / 4 % 2].clone();
        for _ in 0..round % 4 {
            let deed = changed.random_deed(&mut dice);
            let _ = changed.apply(deed);
        }
        let Ok(copy) = copy("deeds", &changed) else { continue };
        let name = if round % 2 == 0 { "run.jsonl" } else { "run.jsonl.zst" };
        let record = copy.beside(name);
        let live =
            copy.verify(&["--format", "jsonl", "--record", &record, "--reproducible"]).unwrap();
        if live.stdout.is_empty() {
            continue;
        }
        compared += 1;
        let plain = copy.verify(&["--format", "jsonl"]).unwrap();
        let lines = copy.read(name).unwrap();
        let (before, last) = lines.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(format!("{before}\n"), live.stdout, "round {round}");
        assert!(last.contains("record-finished"), "{last}");
        assert_eq!(plain.status, live.status);
        seen.extend(events(before));
        for format in FORMATS {
            let live = copy.verify(&["--format", format, "--reproducible"]).unwrap();
            let again = copy.replay(&[&record, "--format", format]).unwrap();
            assert_eq!(again.stdout, live.stdout, "round {round} as {format}: {}", again.stderr);
            assert_eq!((again.status, &*again.stderr), (live.status, ""), "round {round}");
        }
        codes.insert(live.status);
    }
    assert!(compared > 30 && codes.len() >= 3, "{compared} {codes:?}");
    assert!(seen.contains("public-key") && seen.contains("log-judged"), "{seen:?}");
}
