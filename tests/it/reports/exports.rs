//! The tables of what a run proved, against what the testkit knows of the trail.
use crate::support::copy::{Copy, replay};
use crate::support::program::scratch;
use std::collections::BTreeSet;
use std::fs;
use trailproof_testkit::trail::{BuiltTrail, Deed, DigestAt, LogAt, LogPlan, LogSizes, TrailSpec};

/// A trail whose prefix a spreadsheet would take for a formula.
fn trail() -> BuiltTrail {
    TrailSpec::new()
        .seed(6)
        .prefix("=1+1,\"x")
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 8)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build()
}

fn copy(name: &str, trail: &BuiltTrail) -> Copy {
    Copy::write(&scratch(&format!("exports-{name}")), trail).unwrap()
}

fn rows(text: &str) -> Vec<csv::StringRecord> {
    csv::Reader::from_reader(text.as_bytes()).records().map(Result::unwrap).collect()
}

/// Text of a record that a terminal, a page or a spreadsheet would take for something else.
#[test]
fn nothing_of_a_record_reaches_a_table_or_a_pipeline_unescaped() {
    let trail = trail();
    let copy = copy("escaped", &trail);
    let record = copy.beside("run.jsonl");
    let ran = copy.verify(&["--record", &record]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let text = copy.read("run.jsonl");
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let log = lines.iter().position(|line| line.contains("\"event\":\"log-judged\"")).unwrap();
    let bad = "\u{202e}\u{9b}\u{7}";
    let written = "\\u202e\\u009b\\u0007";
    lines[log] = lines[log].replacen("\"bucket\":\"", &format!("\"bucket\":\"{written}"), 1);
    lines[0] = lines[0].replacen("\"version\":\"", &format!("\"version\":\"{written}"), 1);
    let evil = copy.beside("evil.jsonl");
    fs::write(&evil, crate::support::records::resealed(&lines)).unwrap();
    let objects = format!("verified-objects={}", copy.beside("evil.csv"));
    let junit = copy.beside("evil.xml");
    let ran = replay(&[&evil, "--export", &objects, "--junit", &junit]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for name in ["evil.csv", "evil.xml"] {
        let text = copy.read(name);
        assert!(!text.chars().any(|one| bad.contains(one)), "{name}");
        assert!(text.contains("u{202e}"), "{name}: {text}");
    }
}

#[test]
fn the_objects_of_a_table_are_those_that_are_proven() {
    let mut trail = trail();
    let changed = LogAt { digest: DigestAt { chain: 0, index: 5 }, log: 0 };
    trail.apply(Deed::LogContentChanged(changed)).unwrap();
    let log = &trail.chains[0].digests[5].logs[0];
    let bad = format!("s3://{}/{}", log.bucket, log.key);
    let all: BTreeSet<String> = trail
        .digests()
        .flat_map(|(_, digest)| {
            let logs = digest.logs.iter().map(|log| format!("s3://{}/{}", log.bucket, log.key));
            logs.chain([format!("s3://{}/{}", digest.bucket, digest.key)]).collect::<Vec<_>>()
        })
        .collect();
    let copy = copy("objects", &trail);
    let objects = format!("verified-objects={}", copy.beside("objects.csv"));
    let intervals = format!("verified-intervals={}", copy.beside("intervals.csv"));
    let record = copy.beside("run.jsonl");
    let ran = copy.verify(&["--export", &objects, "--export", &intervals, "--record", &record]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    let (objects, intervals) = (copy.read("objects.csv"), copy.read("intervals.csv"));
    let found: Vec<String> = rows(&objects).iter().map(|row| row[0].to_owned()).collect();
    let set: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(found.len(), set.len(), "an object has two rows");
    assert!(all.contains(&bad) && !set.contains(&bad), "{objects}");
    // Whatever lies before the start of the chain or after the period is no part of the run.
    assert!(set.is_subset(&all), "{objects}");
    assert!(set.len() + 6 >= all.len(), "{} of {} objects", set.len(), all.len());
    assert!(set.len() > 40);
    // The hour of the changed log file is left out of its chain, and nothing else.
    let spans: Vec<(String, String, String)> = rows(&intervals)
        .iter()
        .map(|row| (row[1].to_owned(), row[5].to_owned(), row[6].to_owned()))
        .collect();
    let of = |region: &str| spans.iter().filter(|span| span.0 == region).count();
    let region = &trail.chains[0].id.region;
    assert_eq!(of(region), 2, "{intervals}");
    assert_eq!(spans.len(), 3, "{intervals}");
    // Nothing begins with what a spreadsheet takes for a formula.
    let formula = |field: &str| field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    assert!(rows(&objects).iter().chain(&rows(&intervals)).all(|row| !row.iter().any(formula)));
    // A replay writes the same bytes, and an existing file stays.
    let again = copy.beside("again.csv");
    let ran = replay(&[&record, "--export", &format!("verified-objects={again}")]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert_eq!(fs::read_to_string(&again).unwrap(), objects);
    let ran = replay(&[&record, "--export", &format!("verified-objects={again}")]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
}

#[test]
fn a_run_that_proves_nothing_writes_the_heads_of_its_tables() {
    let copy = copy("nothing", &trail());
    let intervals = copy.beside("intervals.csv");
    let objects = copy.beside("objects.csv");
    let ran = copy.verify(&[
        "--account",
        "999999999999",
        "--export",
        &format!("verified-intervals={intervals}"),
        "--export",
        &format!("verified-objects={objects}"),
    ]);
    assert_eq!(ran.status, 4, "{}", ran.stderr);
    for (path, head) in [
        (intervals, "account,region,trail,home_region,organization,from,to\n"),
        (objects, "object,kind,account,region,trail,sha256\n"),
    ] {
        assert_eq!(fs::read_to_string(path).unwrap(), head);
    }
    for wrong in ["verified-objects", "verified-objects=", "objects=x"] {
        let ran = copy.verify(&["--export", wrong]);
        assert_eq!(ran.status, 2, "{wrong}: {}", ran.stderr);
    }
}
