//! `trailproof events`: events come only from proven log files, each with its proof, in every format.
use crate::support::program::{Ran, program, scratch};
use crate::support::records::resealed;
use std::path::PathBuf;
use trailproof_testkit::trail::{BuiltTrail, Deed, DigestAt, EventSpec, LogAt, TrailSpec};

const STOP: &str = "StopLogging";

struct Stage {
    trail: BuiltTrail,
    at: PathBuf,
}

/// Builds a trail with hostile events, and a copy of it on disk.
fn stage(name: &str, deeds: &[Deed]) -> Stage {
    let hostile = EventSpec::new("s3.amazonaws.com", "DeleteBucket")
        .by("=HYPERLINK(\"x\")")
        .from_address("\u{1b}[2J\u{202e}")
        .request("{\"bucketName\":\"b\",\"x-amz-security-token\":\"PLANTED-TOKEN\"}");
    let stop = EventSpec::stop_logging("management-events").from_address("203.0.113.9");
    let mut trail = TrailSpec::new()
        .seed(7)
        .time("2026-03-01T00:04:11Z", 8)
        .event(3, stop)
        .event(5, hostile)
        .build();
    trail.apply_all(deeds).unwrap();
    let at = scratch(&format!("events-{name}"));
    trail.write_to(&at.join("copy")).unwrap();
    Stage { trail, at }
}

impl Stage {
    fn program(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let ran = Ran::from(&mut program(arguments));
        (Some(ran.status), ran.stdout, ran.stderr)
    }

    fn copy(&self) -> String {
        self.at.join("copy").to_str().unwrap().to_owned()
    }

    fn keys(&self) -> String {
        self.at.join("copy/public-keys.json").to_str().unwrap().to_owned()
    }

    /// Searches the copy itself.
    fn search(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let (copy, keys) = (self.copy(), self.keys());
        let whole = self.trail.whole();
        let iso = |at: i64| trailproof_core::vocab::time::Timestamp::from_unix(at).to_string();
        let (from, to) = (iso(whole.from), iso(whole.to));
        let mut arguments = vec!["events", &copy, "--public-keys", &keys];
        arguments.extend(["--start-time", &from, "--end-time", &to]);
        arguments.extend(more);
        self.program(&arguments)
    }

    /// Verifies the copy, and returns the path of its record.
    fn record(&self) -> String {
        let at = self.at.join("run.jsonl").to_str().unwrap().to_owned();
        let (copy, keys) = (self.copy(), self.keys());
        let whole = self.trail.whole();
        let iso = |at: i64| trailproof_core::vocab::time::Timestamp::from_unix(at).to_string();
        let (from, to) = (iso(whole.from), iso(whole.to));
        self.program(&[
            "verify",
            &copy,
            "--public-keys",
            &keys,
            "--start-time",
            &from,
            "--end-time",
            &to,
            "--record",
            &at,
            "--complete-copy",
            "--quiet",
        ]);
        at
    }
}

fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_hit_comes_with_the_log_file_and_the_digest_that_carry_it() {
    let stage = stage("hit", &[]);
    let digest = &stage.trail.chains[0].digests[4];
    let (status, out, err) = stage.search(&["--name", STOP, "--format", "jsonl"]);
    assert_eq!(status, Some(0), "{err}");
    let found = lines(&out);
    assert_eq!(found.len(), 1, "{out}");
    assert_eq!(found[0]["event"]["eventName"], STOP);
    assert_eq!(found[0]["event"]["sourceIPAddress"], "203.0.113.9");
    let proof = &found[0]["proof"];
    assert_eq!(proof["digest"], format!("s3://{}/{}", digest.bucket, digest.key));
    assert_eq!(proof["digest_sha256"], digest.hash);
    let log = digest.logs.iter().find(|log| proof["log_file_sha256"] == log.hash).unwrap();
    assert_eq!(proof["log_file"], format!("s3://{}/{}", log.bucket, log.key));
    assert!(proof["proofs"].as_array().unwrap().contains(&"own-signature".into()), "{proof}");
    // A record names the same log files, and they are read again from the copy.
    let record = stage.record();
    let with_keys = ["--public-keys", &stage.keys(), "--name", STOP, "--format", "jsonl"];
    let (status, again, err) = stage.program(&[&["events", &record], &with_keys[..]].concat());
    assert_eq!((status, &again), (Some(0), &out), "{err}");
    assert!(err.contains("the record is trusted"), "{err}");
}

#[test]
fn every_format_holds_the_same_events() {
    let stage = stage("formats", &[]);
    let filter = ["--principal", "*mallory", "--principal", "=HYPERLINK*"];
    let form = |form: &str| {
        let (status, out, _) = stage.search(&[&filter[..], &["--format", form]].concat());
        assert_eq!(status, Some(0), "{form}");
        assert!(!out.contains("PLANTED-TOKEN"), "{form}: a secret is shown");
        let control = |it: char| (it.is_control() && it != '\n') || it == '\u{202e}';
        assert!(!out.contains(control), "{form}: a terminal could be controlled");
        out
    };
    let of_lines: Vec<_> =
        lines(&form("jsonl")).into_iter().map(|line| line["event"].clone()).collect();
    assert_eq!(of_lines.len(), 2);
    let document: serde_json::Value = serde_json::from_str(&form("json")).unwrap();
    let of_document: Vec<_> =
        document["events"].as_array().unwrap().iter().map(|hit| hit["event"].clone()).collect();
    assert_eq!(of_document, of_lines);
    assert_eq!(
        (&document["searched"]["events"], &document["searched"]["complete"]),
        (&2.into(), &true.into())
    );
    let table = form("csv");
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let at = |name: &str, head: &csv::StringRecord| head.iter().position(|it| it == name).unwrap();
    let head = rows.headers().unwrap().clone();
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    for (row, event) in rows.iter().zip(&of_lines) {
        assert_eq!(&row[at("event_id", &head)], event["eventID"].as_str().unwrap());
        assert!(!row.iter().any(|cell| cell.starts_with(['=', '+', '-', '@'])), "{row:?}");
    }
    let text = form("text");
    assert!(
        text.contains("StopLogging by arn:aws:iam::111122223333:user/mallory from 203.0.113.9"),
        "{text}"
    );
    assert!(text.contains("2 events in 2 of 16 log files searched, in 1 chain"), "{text}");
}

#[test]
fn what_was_not_searched_is_said() {
    let at = DigestAt { chain: 0, index: 4 };
    let hidden = stage("deleted", &[Deed::DigestDeleted(at)]);
    let (status, out, _) = hidden.search(&["--name", STOP]);
    assert_eq!(status, Some(3), "{out}");
    assert!(out.contains("0 events") && out.contains("1 digest not proven"), "{out}");
    let nothing = stage("nothing", &[]);
    let (status, out, _) = nothing.search(&["--name", "NoSuchEvent"]);
    assert_eq!(status, Some(4), "{out}");
    // A forged event in a log file that no longer has its content is not an event of the trail.
    let changed = stage("changed", &[Deed::LogContentChanged(LogAt { digest: at, log: 0 })]);
    let (status, out, _) = changed.search(&["--name", "Un*"]);
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("0 events") && out.contains("log-hash-mismatch"), "{out}");
    let record = changed.record();
    let keys = changed.keys();
    let (status, out, _) =
        changed.program(&["events", &record, "--public-keys", &keys, "--name", "Un*"]);
    assert_eq!(status, Some(3), "{out}");
    assert!(out.contains("1 log file not proven"), "{out}");
}

#[test]
fn a_search_continues_after_a_log_file() {
    let stage = stage("after", &[]);
    let (_, all, _) = stage.search(&["--format", "jsonl"]);
    let all: Vec<&str> = all.lines().collect();
    let log_of = |line: &str| lines(line)[0]["proof"]["log_file"].as_str().unwrap().to_owned();
    let middle = log_of(all[all.len() / 2]);
    let rest: Vec<&str> = {
        let last = all.iter().rposition(|line| log_of(line) == middle).unwrap();
        all[last + 1..].to_vec()
    };
    let (status, out, _) = stage.search(&["--format", "jsonl", "--after", &middle]);
    assert_eq!(status, Some(0));
    assert_eq!(out.lines().collect::<Vec<_>>(), rest);
    let (status, _, err) = stage.search(&["--after", "s3://b/no-such-log-file"]);
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("not among those searched"), "{err}");
}

#[test]
fn times_limit_what_is_read() {
    let stage = stage("times", &[]);
    let (copy, keys) = (stage.copy(), stage.keys());
    let of = |from: &str, to: &str| {
        stage.program(&[
            "events",
            &copy,
            "--public-keys",
            &keys,
            "--name",
            STOP,
            "--from",
            from,
            "--to",
            to,
            "--format",
            "jsonl",
        ])
    };
    let (_, out, err) = of("2026-03-01T03:00:00Z", "2026-03-01T04:30:00Z");
    assert_eq!(lines(&out).len(), 1, "{err}");
    let (status, out, err) = of("2026-03-01T01:00:00Z", "2026-03-01T02:00:00Z");
    assert_eq!((status, out.as_str()), (Some(4), ""), "{err}");
    // An event may be delivered six hours later, and the copy ends before.
    let (status, out, err) = of("2026-03-01T05:00:00Z", "2026-03-01T06:00:00Z");
    assert_eq!((status, out.as_str()), (Some(3), ""), "{err}");
    assert!(err.contains("3.9 h of chain time not proven"), "{err}");
    let (status, _, err) = of("2026-03-01T05:00:00Z", "2026-03-01T05:00:00Z");
    assert_eq!(status, Some(2), "{err}");
}

#[test]
fn a_record_of_another_bucket_is_refused() {
    let stage = stage("bucket", &[]);
    let record = stage.record();
    let other = TrailSpec::new()
        .seed(8)
        .time("2026-03-01T00:04:11Z", 3)
        .bucket("other-logs", "us-east-1")
        .build();
    other.write_to(&stage.at.join("other")).unwrap();
    let place = stage.at.join("other");
    let (status, _, err) = stage.program(&["events", &record, place.to_str().unwrap()]);
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("other-logs"), "{err}");
}

/// A log file whose events are too many to wait in memory is read again in its turn, and the order
/// stays.
#[test]
fn a_log_file_full_of_events_is_reported_whole() {
    let mut spec = TrailSpec::new().seed(9).time("2026-03-01T00:04:11Z", 4);
    for number in 0..400 {
        let request = format!("{{\"name\":\"t\",\"filler\":\"{}\"}}", "x".repeat(900));
        let event = EventSpec::new("cloudtrail.amazonaws.com", STOP);
        spec = spec.event(2, event.id(&format!("many-{number:04}")).request(&request));
    }
    let trail = spec.build();
    let at = scratch("events-many");
    trail.write_to(&at.join("copy")).unwrap();
    let stage = Stage { trail, at };
    let (status, out, err) = stage.search(&["--name", STOP, "--format", "jsonl"]);
    assert_eq!(status, Some(0), "{err}");
    let ids: Vec<_> = lines(&out).iter().map(|line| line["event"]["eventID"].clone()).collect();
    let expected: Vec<_> = (0..400).map(|number| format!("many-{number:04}")).collect();
    assert_eq!(ids, expected);
}

/// A record that says what a changed log file holds now is not believed, and neither is one whose
/// digests were never verified here.
#[test]
fn an_edited_record_is_not_evidence() {
    let at = DigestAt { chain: 0, index: 4 };
    let stage = stage("edited", &[]);
    let record = stage.record();
    let log = stage.trail.chains[0].digests[at.index].logs[0].clone();
    let forged = serde_json::json!({"Records": [{
        "eventName": "ForgedCall", "eventSource": "iam.amazonaws.com", "eventID": "forged",
        "eventTime": "2026-03-01T04:00:00Z", "eventVersion": "1.08",
        "userIdentity": {"arn": "arn:aws:iam::111122223333:user/innocent"},
    }]})
    .to_string();
    let path = stage.at.join("copy").join(&log.bucket).join(&log.key);
    std::fs::write(path, trailproof_testkit::trail::gzip::member(forged.as_bytes())).unwrap();
    let hash = trailproof_testkit::trail::digest_json::sha256(forged.as_bytes());
    let text = std::fs::read_to_string(&record).unwrap();
    assert!(text.contains(&log.hash));
    let text = text.replace(&log.hash, &hash);
    let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    std::fs::write(&record, resealed(&lines)).unwrap();
    let keys = stage.keys();
    let name = ["--name", "ForgedCall"];
    let (status, out, err) =
        stage.program(&[&["events", &record, "--public-keys", &keys], &name[..]].concat());
    assert_eq!(status, Some(1), "{out}{err}");
    assert!(out.contains("0 events") && out.contains("log-hash-mismatch"), "{out}");
    assert!(!out.contains("innocent"), "{out}");
    // Without keys, nothing confirms what the record says.
    let (status, out, err) = stage.program(&["events", &record, "--name", STOP]);
    assert_eq!(status, Some(3), "{out}{err}");
    assert!(out.contains("0 events") && out.contains("not confirmed by its digest"), "{out}{err}");
    let case = stage.at.join("case");
    let (_, out, err) = stage.program(&[
        "investigate",
        &record,
        "--public-keys",
        &keys,
        "--quiet",
        "--case",
        case.to_str().unwrap(),
    ]);
    assert!(out.contains("The case trusts the record"), "{out}{err}");
    assert!(out.contains("1 log file changed"), "{out}");
}

/// In a copy without metadata, the digest after it keeps a digest's signature.
#[test]
fn a_record_is_confirmed_by_the_signature_that_the_next_digest_keeps() {
    let stage = stage("bare", &[]);
    std::fs::remove_file(stage.at.join("copy/trailproof-objects.json")).unwrap();
    let (record, keys) = (stage.record(), stage.keys());
    let (_, out, err) = stage.program(&[
        "events",
        &record,
        "--public-keys",
        &keys,
        "--bucket",
        "example-trail-logs",
        "--name",
        STOP,
        "--format",
        "jsonl",
    ]);
    assert_eq!(lines(&out).len(), 1, "{out}{err}");
    assert_eq!(lines(&out)[0]["event"]["eventName"], STOP);
}

/// Text that JSON forbids hides no event without a word.
#[test]
fn an_event_that_cannot_be_parsed_is_named() {
    let event = |id: &str, request: &str| {
        EventSpec::new("cloudtrail.amazonaws.com", STOP).id(id).request(request)
    };
    let deep = format!("{}1{}", "{\"a\":".repeat(140), "}".repeat(140));
    let trail = TrailSpec::new()
        .seed(9)
        .time("2026-03-01T00:04:11Z", 4)
        .event(2, event("surrogate", "{\"name\":\"a\\ud800\"}"))
        .event(2, event("deep", &deep))
        .event(2, event("whole", "{\"name\":\"a\"}"))
        .build();
    let at = scratch("events-unparsed");
    trail.write_to(&at.join("copy")).unwrap();
    let stage = Stage { trail, at };
    let (status, out, err) = stage.search(&["--name", STOP]);
    assert_eq!(status, Some(3), "{out}{err}");
    assert!(out.contains("event whole") && out.contains("1 event in"), "{out}");
    assert!(
        out.contains("2 events that cannot be parsed") && out.contains("not parsed: s3://"),
        "{out}"
    );
    let (_, out, _) = stage.search(&["--name", STOP, "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let searched = &document["searched"];
    assert_eq!((&searched["complete"], &searched["events_not_parsed"]), (&false.into(), &2.into()));
}
