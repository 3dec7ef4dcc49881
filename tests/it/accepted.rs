//! Accepted exceptions: in every format, in attestations, and never in the verdict.
use crate::support::attest_room::{AttestFolder, repository};
use crate::support::program::Ran;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The contradictions of the demo, and the time that they leave.
const CODES: [&str; 3] = ["digest-missing", "digests-missing", "log-hash-mismatch"];

/// Verifies the demo.
fn verify(room: &AttestFolder, more: &[&str]) -> Ran {
    let (demo, keys) = (repository("testdata/demo"), repository("testdata/demo/public-keys.json"));
    let arguments = [
        "verify",
        &demo,
        "--public-keys",
        &keys,
        "--start-time",
        "2026-03-01T00:04:11Z",
        "--end-time",
        "2026-03-04",
        "--complete-copy",
        "--reproducible",
        "--quiet",
    ];
    room.run(&[&arguments[..], more].concat())
}

/// Writes the file of everything that forbids "proven", and fills it in.
fn review(room: &AttestFolder, until: &str) -> String {
    verify(room, &["--export", "exceptions=review.toml"]).is(1, "CONTRADICTED");
    let review = String::from_utf8(room.read("review.toml")).unwrap();
    // What is not filled in is not accepted.
    verify(room, &["--accept", "review.toml"]).is(2, "for `until` is not a time");
    let filled = review
        .replace("reason = \"\"", "reason = \"lost on the way, SEC-12\"")
        .replace("approved-by = \"\"", "approved-by = \"Jo <jo@example.com>\"")
        .replace("until = \"\"", &format!("until = {until}"));
    room.write("accepted.toml", &filled);
    filled
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn named<'a>(lines: &'a [Value], event: &str) -> &'a Value {
    lines.iter().find(|line| line["event"] == event).unwrap()
}

#[test]
fn exceptions_change_nothing_but_their_own_lines() {
    let room = AttestFolder::empty("accepted-lines");
    review(&room, "2999-12-31");
    let plain = lines(&verify(&room, &["--format", "jsonl"]).is(1, "run-finished"));
    let accepted =
        lines(&verify(&room, &["--format", "jsonl", "--accept", "accepted.toml"]).is(1, ""));
    let judged = named(&accepted, "exceptions-judged");
    assert_eq!(judged["objections"], 3);
    assert_eq!(judged["accepted"], 3);
    assert_eq!(judged["all_accepted"], true);
    assert_eq!(judged["matches"], serde_json::json!([1, 1, 1]));
    let file = &accepted[0]["accepted_exceptions"];
    assert_eq!(file["file_sha256"], hex::encode(Sha256::digest(room.read("accepted.toml"))));
    let mut codes: Vec<&str> = file["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["code"].as_str().unwrap())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, CODES);
    // Everything else is the same, verdict and exit status included.
    let mut rest = accepted.clone();
    rest.retain(|line| line["event"] != "exceptions-judged");
    rest[0].as_object_mut().unwrap().remove("accepted_exceptions");
    assert_eq!(rest, plain);
}

#[test]
fn what_is_left_out_expired_or_wider_is_not_accepted() {
    let room = AttestFolder::empty("accepted-not");
    let filled = review(&room, "2999-12-31");
    let result = |file: &str| {
        room.write("other.toml", file);
        let ran = verify(&room, &["--accept", "other.toml", "--format", "json"]).is(1, "");
        let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
        let accepted = summary["accepted_exceptions"].clone();
        let standings: Vec<String> = accepted["listed"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["standing"].as_str().unwrap().to_owned())
            .collect();
        let all = accepted["all_accepted"].as_bool().unwrap();
        (accepted["accepted"].as_u64().unwrap(), all, standings.join(" "))
    };
    assert_eq!(result(&filled), (3, true, "applied applied applied".to_owned()));
    for code in CODES {
        let other = filled.replace(&format!("\"{code}\""), "\"hole\"");
        let other = match code {
            "digests-missing" => other,
            // A contradiction has to be named by its object; a different code is about nothing.
            _ => filled.replace(&format!("\"{code}\""), "\"digest-moved\""),
        };
        let (accepted, all, standings) = result(&other);
        assert_eq!((accepted, all), (2, false), "{code}");
        assert!(standings.contains("unmatched"), "{code}: {standings}");
    }
    let shorter = filled.replace("to = \"2026-03-03T02:04:11Z\"", "to = \"2026-03-03T02:04:10Z\"");
    assert_ne!(shorter, filled);
    assert_eq!(result(&shorter).0, 2, "a second of the gap is not accepted");
    let elsewhere = filled.replace("s3://example-trail-logs/", "s3://example-trail-log/");
    assert_eq!(result(&elsewhere).0, 1, "only the time is accepted");
    let other_bucket = filled.replace("bucket = \"example-trail-logs\"", "bucket = \"other-logs\"");
    assert_ne!(other_bucket, filled);
    assert_eq!(result(&other_bucket).0, 2, "the time of a different bucket is not accepted");
    let expired = filled.replace("2999-12-31", "2020-12-31");
    assert_eq!(result(&expired), (0, false, "expired expired expired".to_owned()));
}

#[test]
fn every_format_shows_them_and_a_replay_shows_the_same() {
    let room = AttestFolder::empty("accepted-formats");
    review(&room, "2999-12-31");
    let outputs = [
        "--record",
        "run.jsonl",
        "--report",
        "html=run.html",
        "--junit",
        "run.xml",
        "--ocsf",
        "run.ocsf",
        "--export",
        "exceptions=left.toml",
    ];
    let accept = ["--accept", "accepted.toml"];
    let run = verify(&room, &[&accept[..], &outputs].concat()).is(1, "Accepted exceptions (3, of");
    for words in
        ["all 3 reasons against a proven verdict are accepted", "SEC-12", "Jo <jo@example.com>"]
    {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }
    let text = |name: &str| String::from_utf8(room.read(name)).unwrap();
    for (name, parts) in [
        ("run.html", ["id=\"exceptions\"", "SEC-12", "all 3 reasons against"]),
        ("run.xml", ["\"objections-accepted\" value=\"3\"", "SEC-12", "accepted exception 1"]),
        ("run.ocsf", ["\"accepted-exception\"", "SEC-12", "\"all_accepted\":true"]),
    ] {
        for part in parts {
            assert!(text(name).contains(part), "{name} does not contain {part}");
        }
    }
    assert!(!text("left.toml").contains("[[exception]]"), "nothing is left to accept");
    let replayed = [
        "replay",
        "run.jsonl",
        "--report",
        "html=again.html",
        "--junit",
        "again.xml",
        "--ocsf",
        "again.ocsf",
        "--export",
        "exceptions=again.toml",
    ];
    assert_eq!(room.run(&replayed).is(1, "").stdout, run.stdout);
    for (one, other) in [
        ("run.html", "again.html"),
        ("run.xml", "again.xml"),
        ("run.ocsf", "again.ocsf"),
        ("left.toml", "again.toml"),
    ] {
        assert!(room.read(one) == room.read(other), "{one} and {other} differ");
    }
    verify(&room, &["--accept", "accepted.toml", "--record", "accepted.toml", "--force"])
        .is(2, "is an input and cannot be an output");
}

/// Returns a record of these lines with a valid end.
fn resealed(lines: &[String]) -> String {
    let before: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let (count, hash) = (lines.len(), hex::encode(Sha256::digest(&before)));
    format!("{before}{{\"event\":\"record-finished\",\"lines\":{count},\"sha256\":\"{hash}\"}}\n")
}

#[test]
fn a_record_cannot_state_more_than_its_lines_give() {
    let room = AttestFolder::empty("accepted-record");
    let filled = review(&room, "2999-12-31");
    // Only the first of the three is accepted.
    let end = filled.match_indices("[[exception]]").nth(1).unwrap().0;
    room.write("one.toml", &filled[..end]);
    let record = ["--accept", "one.toml", "--record", "run.jsonl"];
    verify(&room, &record).is(1, "1 of 3 reasons against a proven verdict are accepted");
    let text = String::from_utf8(room.read("run.jsonl")).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.pop();
    room.write("same.jsonl", resealed(&lines));
    room.run(&["replay", "same.jsonl"]).is(1, "1 of 3 reasons");
    for (from, to) in [
        ("\"accepted\":1", "\"accepted\":3"),
        ("\"all_accepted\":false", "\"all_accepted\":true"),
        ("\"matches\":[1]", "\"matches\":[3]"),
        ("\"objections\":3", "\"objections\":1"),
        ("\"expired\":false", "\"expired\":true"),
        ("\"event\":\"exceptions-judged\"", "\"event\":\"unknown\""),
    ] {
        let changed: Vec<String> = lines.iter().map(|line| line.replace(from, to)).collect();
        assert_ne!(changed, lines, "{from}");
        room.write("changed.jsonl", resealed(&changed));
        room.run(&["replay", "changed.jsonl"]).is(5, "is not what a recount of the lines gives");
    }
}

#[test]
fn an_expiry_is_held_against_the_time_of_the_run() {
    let room = AttestFolder::empty("accepted-time");
    review(&room, "2999-12-31");
    let (demo, keys) = (repository("testdata/demo"), repository("testdata/demo/public-keys.json"));
    room.run(&[
        "verify",
        &demo,
        "--public-keys",
        &keys,
        "--end-time",
        "2026-03-04",
        "--start-time",
        "2026-03-01T00:04:11Z",
        "--complete-copy",
        "--accept",
        "accepted.toml",
        "--record",
        "run.jsonl",
        "--quiet",
    ])
    .is(1, "all 3 reasons");
    let text = String::from_utf8(room.read("run.jsonl")).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.pop();
    // As if the exceptions had expired before the run, and nobody had noticed.
    let changed: Vec<String> = lines
        .iter()
        .map(|line| line.replace("3000-01-01T00:00:00Z", "2020-01-01T00:00:00Z"))
        .collect();
    assert_ne!(changed, lines);
    room.write("changed.jsonl", resealed(&changed));
    room.run(&["replay", "changed.jsonl"]).is(5, "whether an accepted exception had expired");
}

#[test]
fn a_requirement_is_met_only_by_what_is_attested() {
    let room = AttestFolder::empty("accepted-attest");
    let filled = review(&room, "2999-12-31");
    room.run(&["attest", "keygen", "-o", "key.pem", "--public", "public.pem"]).is(0, "key id");
    let end = filled.match_indices("[[exception]]").nth(2).unwrap().0;
    room.write("two.toml", &filled[..end]);
    for (name, accept) in
        [("none", None), ("two", Some("two.toml")), ("all", Some("accepted.toml"))]
    {
        let record = format!("{name}.jsonl");
        let mut options = vec!["--record", &record];
        if let Some(file) = accept {
            options.extend(["--accept", file]);
        }
        verify(&room, &options).is(1, "CONTRADICTED");
        let output = format!("{name}.json");
        room.run(&["attest", "sign", &record, "--key", "key.pem", "-o", &output]).is(0, "verdict");
        let with_record = ["--record", record.as_str()];
        let ran = room.verify(&output, &with_record).is(0, "HOLDS; it attests CONTRADICTED");
        assert_eq!(ran.stdout.contains("(all of it accepted)"), name == "all", "{ran:#?}");
        assert_eq!(ran.stdout.contains("accepted exceptions:"), accept.is_some(), "{ran:#?}");
        room.verify(&output, &["--require", "proven"]).is(1, "NOT MET");
        let (status, words) = if name == "all" { (0, "  met ") } else { (1, "NOT MET") };
        room.verify(&output, &["--require", "proven-or-accepted"]).is(status, words);
    }
    // A signer who states more than the record has is found out with the record.
    let mut statement = room.statement("two.json");
    statement["predicate"]["acceptedExceptions"]["accepted"] = 3.into();
    statement["predicate"]["acceptedExceptions"]["allAccepted"] = true.into();
    let payload = statement.to_string();
    room.sign_payload(payload.as_bytes(), trailproof::attest::dsse::IN_TOTO, "false.json");
    let record = ["--record", "two.jsonl", "--require", "proven-or-accepted"];
    room.verify("false.json", &record).is(1, "`acceptedExceptions` differs from the record");
    // Or without it, by verifying again with what was accepted.
    let demo = repository("testdata/demo");
    let again = ["--recheck", &demo, "--complete-copy", "--require", "proven-or-accepted"];
    room.verify("false.json", &again)
        .is(1, "WRONG        statement: `acceptedExceptions.accepted` differs from what was read");
    room.verify("all.json", &again).is(0, "  met ");
    room.verify("two.json", &again).is(1, "NOT MET");
    let mut statement = room.statement("all.json");
    for entry in statement["predicate"]["acceptedExceptions"]["listed"].as_array_mut().unwrap() {
        entry["until"] = "2020-01-01T00:00:00Z".into();
    }
    let payload = statement.to_string();
    room.sign_payload(payload.as_bytes(), trailproof::attest::dsse::IN_TOTO, "expired.json");
    room.verify("expired.json", &again).is(1, "WRONG        statement: `acceptedExceptions");
    // The file itself is bound by its hash.
    let hash = hex::encode(Sha256::digest(room.read("accepted.toml")));
    let ran = room.verify("all.json", &[]).is(0, &hash);
    assert!(
        ran.stdout.contains("lost on the way, SEC-12 (approved by Jo <jo@example.com>"),
        "{ran:#?}"
    );
}
