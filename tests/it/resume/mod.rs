//! Runs that resume from a record: unchanged objects are not read again and nothing else is
//! skipped; and runs that continue a record without a seam.
mod seam;
use crate::support::program::{Ran, connected, empty_folder};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use trailproof_core::vocab::time::Timestamp;
use trailproof_testkit::server::{LoopbackServer, Operation, ServerOptions};
use trailproof_testkit::trail::scale::Scale;
use trailproof_testkit::trail::{BuiltTrail, Deed, DigestAt, LogAt, LogPlan, LogSizes, TrailSpec};

const HOUR: i64 = 3_600;

struct Bench {
    server: LoopbackServer,
    bucket: String,
    root: PathBuf,
}

impl Bench {
    fn new(name: &str, trail: &BuiltTrail) -> Self {
        let root = empty_folder(&format!("resume-{name}"));
        let options = ServerOptions { log_requests: true, ..ServerOptions::default() };
        let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
        let bucket = trail.digests().next().unwrap().1.bucket.clone();
        Self { server, bucket, root }
    }

    fn file(&self, name: &str) -> String {
        self.root.join(name).to_str().unwrap().to_owned()
    }

    fn verify(&self, arguments: &[&str]) -> Ran {
        self.server.forget();
        let mut command = connected(&self.server, &["verify", &format!("s3://{}", self.bucket)]);
        if !arguments.contains(&"--format") {
            command.args(["--format", "jsonl"]);
        }
        Ran::from(command.args(arguments))
    }

    /// Returns the log files that were requested.
    fn logs_read(&self) -> Vec<String> {
        let log = self.server.log();
        let gets = log.iter().filter(|one| one.operation == Operation::GetObject);
        gets.filter(|one| one.key.contains("/CloudTrail/")).map(|one| one.key.clone()).collect()
    }

    fn gets(&self) -> u64 {
        self.server.requests().of(Operation::GetObject)
    }
}

fn trail() -> BuiltTrail {
    TrailSpec::new()
        .seed(41)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 20)
        .logs(LogPlan::Constant(3), LogSizes::Small)
        .versioned()
        .build()
}

fn iso(at: i64) -> String {
    Timestamp::from_unix(at).to_string()
}

fn period(from: i64, to: i64) -> [String; 4] {
    ["--start-time".to_owned(), iso(from), "--end-time".to_owned(), iso(to)]
}

fn with<'a>(period: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    period.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

/// Returns the lines without the one that says how many log files were not read again.
fn without_skipped(lines: &str) -> String {
    let lines = lines.split_inclusive('\n');
    lines.filter(|line| !line.contains("\"why\":\"earlier-record\"")).collect()
}

/// Returns the lines of a record, without that one, and without the hash over all of them.
fn evidence(bench: &Bench, record: &str) -> String {
    let text = fs::read_to_string(bench.file(record)).unwrap();
    let text = without_skipped(&text);
    let lines = text.split_inclusive('\n');
    lines.filter(|line| !line.contains("\"event\":\"record-finished\"")).collect()
}

/// Somebody may have written the record by which log files were skipped. Every report of the run says
/// that it relies on one.
#[test]
fn every_report_says_what_was_not_read_again() {
    let trail = trail();
    let bench = Bench::new("reports", &trail);
    let period = period(trail.whole().from, trail.whole().to);
    let (first, second) = (bench.file("first.jsonl"), bench.file("second.jsonl"));
    bench.verify(&with(&period, &["--record", &first]));
    let (html, junit) = (format!("html={}", bench.file("run.html")), bench.file("run.xml"));
    let (ocsf, metrics) = (bench.file("run.ocsf"), bench.file("run.prom"));
    let files = ["--report", &html, "--junit", &junit, "--ocsf", &ocsf, "--metrics", &metrics];
    let resume = ["--resume", &first, "--record", &second, "--reproducible"];
    let ran = bench.verify(&with(&period, &[&resume[..], &files].concat()));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let words = "log files of an earlier record not read again";
    for format in ["text", "json", "jsonl"] {
        let ran = connected(&bench.server, &["replay", &second, "--format", format]);
        let ran = Ran::from(&mut { ran });
        let part = if format == "text" { words } else { "earlier-record" };
        assert!(ran.stdout.contains(part), "{format}: {}", ran.stdout);
    }
    for name in ["run.html", "run.xml", "run.ocsf"] {
        let text = fs::read_to_string(bench.file(name)).unwrap();
        let said = [words, "earlier-record", "the record of an earlier run proves them"];
        assert!(said.iter().any(|said| text.contains(said)), "{name}: {text}");
    }
    let text = fs::read_to_string(&metrics).unwrap();
    let line = text.lines().find(|line| line.starts_with("trailproof_log_files_of_earlier_record"));
    assert!(line.is_some_and(|line| !line.ends_with(" 0")), "{text}");
}

#[test]
fn a_resumed_run_reads_only_what_is_new_and_writes_the_same_record() {
    let trail = trail();
    let bench = Bench::new("whole", &trail);
    let whole = trail.whole();
    let period = period(whole.from, whole.to);
    let (first, second) = (bench.file("first.jsonl"), bench.file("second.jsonl"));
    let ran = bench.verify(&with(&period, &["--record", &first, "--reproducible"]));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let (all, logs) = (bench.gets(), bench.logs_read().len());
    let ran =
        bench.verify(&with(&period, &["--record", &second, "--reproducible", "--resume", &first]));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    // The log files next to the period's edges are searched for events that may explain a gap.
    let read = bench.logs_read().len();
    assert!(
        read < logs / 4 && bench.gets() < all / 2,
        "{read} of {logs}, {} of {all}",
        bench.gets()
    );
    let skipped = format!("{} of {logs} log files that the record proves", logs - read);
    assert!(ran.stderr.contains(&skipped), "{skipped}: {}", ran.stderr);
    assert_eq!(evidence(&bench, &first), evidence(&bench, &second));
    // From a truncated record, the rest is read.
    let text = fs::read_to_string(&first).unwrap();
    let half: String = text.split_inclusive('\n').take(text.lines().count() / 2).collect();
    let cut = bench.file("cut.jsonl.partial");
    fs::write(&cut, half).unwrap();
    let third = bench.file("third.jsonl");
    let ran =
        bench.verify(&with(&period, &["--record", &third, "--reproducible", "--resume", &cut]));
    let rest = bench.logs_read().len();
    assert!(rest > logs / 3 && rest < logs * 3 / 4, "{rest} of {logs}: {}", ran.stderr);
    assert_eq!(evidence(&bench, &first), evidence(&bench, &third));
    // Its own record lists what it skipped.
    let fourth = bench.file("fourth.jsonl");
    bench.verify(&with(&period, &["--record", &fourth, "--resume", &first]));
    let text = fs::read_to_string(&fourth).unwrap();
    let ended = text.lines().find(|line| line.contains("\"run-ended\"")).unwrap();
    assert!(ended.contains(&format!("\"log_files_skipped\":{}", logs - read)), "{ended}");
}

/// Whatever was done to the bucket after the record was written, a resumed run gives the same
/// events as a full run.
#[test]
fn nothing_that_changed_is_skipped() {
    let clean = trail();
    let whole = clean.whole();
    let period = period(whole.from, whole.to);
    let log = |index| LogAt { digest: DigestAt { chain: 0, index }, log: 1 };
    let digest = |index| DigestAt { chain: 1, index };
    for deed in [
        Deed::LogContentChanged(log(9)),
        Deed::LogByteFlippedInGzip(log(9)),
        Deed::LogDeleted(log(9)),
        Deed::LogSecondMemberAppended(log(9)),
        Deed::LogEmptied(log(9)),
        Deed::LogStoredInflated(log(9)),
        Deed::DigestDeleted(digest(9)),
        Deed::DigestForged(digest(9)),
        Deed::DigestByteFlipped(digest(9)),
        Deed::NewestDigestsDeleted { chain: 0, count: 3 },
    ] {
        let bench = Bench::new("changed", &clean);
        let record = bench.file("first.jsonl");
        assert_eq!(bench.verify(&with(&period, &["--record", &record])).status, 0);
        let mut changed = clean.clone();
        changed.apply(deed).unwrap();
        bench.server.replace_world(changed.world.clone());
        let ran = bench.verify(&with(&period, &["--reproducible"]));
        let all = bench.logs_read().len();
        let resumed = bench.verify(&with(&period, &["--reproducible", "--resume", &record]));
        assert!(without_skipped(&resumed.stdout) == ran.stdout, "{deed:?}");
        assert_eq!(resumed.status, ran.status, "{deed:?}");
        assert!(bench.logs_read().len() < all / 2, "{deed:?}: nothing was skipped");
    }
}

/// An object that has become unreadable and is listed unchanged stays proven. That is the purpose
/// of a record, and the only case in which a resumed run gives a different verdict than a full run.
#[test]
fn an_object_archived_since_the_record_stays_proven() {
    let clean = trail();
    let whole = clean.whole();
    let period = period(whole.from, whole.to);
    let bench = Bench::new("archived", &clean);
    let record = bench.file("first.jsonl");
    assert_eq!(bench.verify(&with(&period, &["--record", &record])).status, 0);
    let mut changed = clean.clone();
    let log = LogAt { digest: DigestAt { chain: 0, index: 9 }, log: 1 };
    changed.apply(Deed::LogArchived(log)).unwrap();
    bench.server.replace_world(changed.world.clone());
    assert_eq!(bench.verify(&with(&period, &[])).status, 3);
    assert_eq!(bench.verify(&with(&period, &["--resume", &record])).status, 0);
}

#[test]
fn a_record_that_cannot_be_used_stops_the_run_before_it_begins() {
    let trail = trail();
    let bench = Bench::new("unusable", &trail);
    let whole = trail.whole();
    let period = period(whole.from, whole.to);
    let record = bench.file("first.jsonl");
    bench.verify(&with(&period, &["--record", &record]));
    let edited = fs::read_to_string(&record).unwrap().replacen("\"valid\"", "\"valid \"", 1);
    let bad = bench.file("bad.jsonl");
    fs::write(&bad, edited).unwrap();
    let cut = bench.file("cut.jsonl");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&cut, text.split_inclusive('\n').take(9).collect::<String>()).unwrap();
    let end = iso(whole.to);
    for (arguments, status, part) in [
        (with(&period, &["--resume", &bad]), 5, "cannot use the record"),
        (with(&period, &["--resume", "nowhere"]), 5, "cannot use the record"),
        (vec!["--since", &bad, "--end-time", &end], 5, "cannot use the record"),
        (vec!["--since", &cut, "--end-time", &end], 5, "it was cut short"),
        (vec!["--since", "nowhere"], 2, "neither a time nor an existing record"),
        (vec!["--since", &record, "--last", "1d"], 2, "--last"),
    ] {
        let ran = bench.verify(&arguments);
        assert_eq!((ran.status, &*ran.stdout), (status, ""), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{arguments:?}: {}", ran.stderr);
    }
}
