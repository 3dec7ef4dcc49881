//! Records that were altered or that have a foreign format: each is rejected with the line number
//! and the reason, and nothing of it is printed.
use crate::support::copy::{Copy, replay};
use crate::support::program::{Ran, program, scratch};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use trailproof_testkit::trail::{Deed, DigestAt, LogAt, LogPlan, LogSizes, TrailSpec};

/// Returns a contradicted run of two chains, with its record in `run.jsonl`.
fn recorded(name: &str) -> Copy {
    let mut trail = TrailSpec::new()
        .seed(5)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 8)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build();
    let log = LogAt { digest: DigestAt { chain: 0, index: 5 }, log: 0 };
    trail.apply(Deed::LogContentChanged(log)).unwrap();
    let copy = Copy::write(&scratch(&format!("replay-{name}")), &trail).unwrap();
    let ran = copy.verify(&["--record", &copy.beside("run.jsonl")]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    copy
}

/// Returns the lines with a matching last line: what an editor who knows the format would write.
fn finished(lines: &[String]) -> String {
    let mut text = lines.join("\n") + "\n";
    let hash = hex::encode(Sha256::digest(&text));
    let count = lines.len();
    let last =
        format!("{{\"event\":\"record-finished\",\"lines\":{count},\"sha256\":\"{hash}\"}}\n");
    text.push_str(&last);
    text
}

fn lines(copy: &Copy) -> Vec<String> {
    let mut lines: Vec<String> = copy.read("run.jsonl").lines().map(str::to_owned).collect();
    lines.pop();
    lines
}

fn named(lines: &[String], event: &str) -> usize {
    let event = format!("{{\"event\":\"{event}\"");
    lines.iter().position(|line| line.starts_with(&event)).unwrap()
}

/// Replays a record that must be rejected, and returns the message.
fn refused(copy: &Copy, bytes: impl AsRef<[u8]>) -> String {
    fs::write(copy.beside("bad.jsonl"), bytes).unwrap();
    let ran = replay(&[&copy.beside("bad.jsonl"), "--format", "jsonl"]);
    assert_eq!((ran.status, &*ran.stdout), (5, ""), "{}", ran.stderr);
    ran.stderr
}

#[test]
fn a_record_with_changed_bytes_is_rejected() {
    let copy = recorded("bytes");
    let whole = copy.read("run.jsonl");
    // A byte of a text that only the hash covers.
    let host = whole.find("\"arguments\":[\"verify\"").unwrap() + 15;
    let mut edited = whole.clone().into_bytes();
    edited[host] ^= 1;
    assert!(refused(&copy, edited).contains("their hash is another"));
    let without = whole.replacen("\"run-ended\"", "\"run-edited\"", 1);
    assert!(refused(&copy, without).contains("their hash is another"));
    let line_out: Vec<&str> =
        whole.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
    assert!(refused(&copy, line_out.join("\n") + "\n").contains("lines should stand before it"));
    let count = whole.lines().count();
    assert!(
        refused(&copy, format!("{whole}more"))
            .contains(&format!("line {}: it stands after", count + 1))
    );
    assert!(refused(&copy, format!("{whole}\n")).contains("it stands after"));
}

#[test]
fn a_record_that_does_not_add_up_is_rejected() {
    let copy = recorded("adds-up");
    let good = lines(&copy);
    assert_eq!(
        finished(&good),
        copy.read("run.jsonl"),
        "the test must write it as the program does"
    );
    let edit = |at: usize, from: &str, to: &str| {
        let mut lines = good.clone();
        let edited = lines[at].replacen(from, to, 1);
        assert_ne!(edited, lines[at], "`{from}` does not occur");
        lines[at] = edited;
        refused(&copy, finished(&lines))
    };
    let invalid = good.iter().position(|line| line.contains("\"outcome\":\"invalid\"")).unwrap();
    let (finish, end) = (named(&good, "run-finished"), named(&good, "chain-finished"));
    let expect_fault = |message: &str, at: usize, part: &str| {
        assert!(
            message.contains(&format!("line {}: ", at + 1)) && message.contains(part),
            "{message}"
        );
    };
    expect_fault(
        &edit(finish, "contradicted\",\"exit_status\":1", "proven\",\"exit_status\":0"),
        finish,
        "the verdict is not `proven`",
    );
    expect_fault(&edit(finish, "contradicted\"", "proven\""), finish, "exit_status");
    expect_fault(
        &edit(finish, "\"log_files_unlisted\":0", "\"log_files_unlisted\":1"),
        finish,
        "counts and coverage",
    );
    expect_fault(
        &edit(end, "\"coverage\":\"contradicted\"", "\"coverage\":\"verified\""),
        end,
        "counts and coverage",
    );
    expect_fault(
        &edit(invalid, "\"outcome\":\"invalid\"", "\"outcome\":\"valid\""),
        invalid,
        "do not agree",
    );
    let mut honest = good.clone();
    let hash = good[invalid].split("\"sha256\":\"").nth(1).unwrap()[..64].to_owned();
    let value: Value = serde_json::from_str(&good[invalid]).unwrap();
    honest[invalid] = format!(
        "{{\"event\":\"log-judged\",\"bucket\":{},\"key\":{},\"outcome\":\"valid\",\"sha256\":\"{hash}\",\"inflated_bytes\":1,\"stored_bytes\":1}}",
        value["bucket"], value["key"]
    );
    let chain = honest.iter().skip(invalid).position(|line| line.contains("chain-finished"));
    expect_fault(
        &refused(&copy, finished(&honest)),
        invalid + chain.unwrap(),
        "counts and coverage",
    );
    let remove = |at: usize| {
        let mut lines = good.clone();
        lines.remove(at);
        refused(&copy, finished(&lines))
    };
    let log = named(&good, "log-judged");
    assert!(remove(log).contains("1 log files of the digest before it have no line"));
    assert!(remove(named(&good, "chain-started")).contains("none is open"));
    assert!(remove(finish).contains("`run-ended` stands once, after `run-finished`"));
    let swap = |one: usize, other: usize| {
        let mut lines = good.clone();
        lines.swap(one, other);
        refused(&copy, finished(&lines))
    };
    assert!(swap(0, 1).contains("line 1: not a run record"));
    assert!(swap(log, log - 1).contains("no digest before it names"), "{}", swap(log, log - 1));
    // The second chain before the first.
    let second = end + 1;
    let (first_at, last) = (
        named(&good, "chain-started"),
        good.len()
            - 1
            - good.iter().rev().position(|line| line.contains("\"chain-finished\"")).unwrap(),
    );
    let mut reordered = good[..first_at].to_vec();
    reordered.extend_from_slice(&good[second..=last]);
    reordered.extend_from_slice(&good[first_at..=end]);
    reordered.extend_from_slice(&good[last + 1..]);
    assert!(refused(&copy, finished(&reordered)).contains("is not where its name sorts"));
    // Two digests of a chain with their log files, each in the other's place.
    let digests: Vec<usize> =
        (first_at..end).filter(|at| good[*at].contains("\"digest-judged\"")).collect();
    let (a, b, c) = (digests[2], digests[3], digests[4]);
    let mut reordered = good[..a].to_vec();
    reordered.extend_from_slice(&good[b..c]);
    reordered.extend_from_slice(&good[a..b]);
    reordered.extend_from_slice(&good[c..]);
    assert!(refused(&copy, finished(&reordered)).contains("is not where its end sorts"));
    // A whole chain omitted.
    let mut shorter = good[..second].to_vec();
    shorter.extend_from_slice(&good[last + 1..]);
    assert!(refused(&copy, finished(&shorter)).contains("not as many chains"));
}

#[test]
fn a_file_that_is_not_our_record_is_rejected_with_a_message() {
    let copy = recorded("foreign");
    let good = lines(&copy);
    let newer = good[0].replacen("\"schema\":2", "\"schema\":3", 1);
    let other_tool = good[0].replacen("\"tool\":\"trailproof\"", "\"tool\":\"other\"", 1);
    for (bytes, part) in [
        (b"".to_vec(), "it holds no whole line"),
        (b"no newline".to_vec(), "it holds no whole line"),
        (b"{}\n".to_vec(), "line 1: not the JSON of an event"),
        (b"\xff\xfe\n".to_vec(), "line 1: it is not UTF-8"),
        (b"{\"event\":\"chain-started\"}\n".to_vec(), "not a run record"),
        (
            format!("{newer}\n").into_bytes(),
            "a record of schema 3; this version of trailproof reads schema 2",
        ),
        (format!("{other_tool}\n").into_bytes(), "the tool `other` is not known"),
        (b"\x28\xb5\x2f\xfdnot a frame".to_vec(), "cannot use the record"),
        (
            format!("{}\n{{\"event\":\"public-key\",\"x\":\"\x1b[2J\"}}\n", good[0]).into_bytes(),
            "line 2: ",
        ),
    ] {
        let message = refused(&copy, &bytes);
        assert!(message.contains(part), "{part}: {message}");
        assert!(!message.trim_end().contains(|c: char| c.is_control() && c != '\n'), "{message:?}");
    }
    let ran = replay(&[&copy.beside("nowhere")]);
    assert_eq!(ran.status, 5);
    let ran = replay(&[&copy.beside("copy")]);
    assert_eq!(ran.status, 5, "{}", ran.stderr);
}

/// A record truncated after any line reports what it holds and has no verdict.
#[test]
fn a_truncated_record_has_no_verdict() {
    let copy = recorded("cut");
    let whole = copy.read("run.jsonl");
    let count = whole.lines().count();
    for kept in [1, 2, 5, count / 2, count - 2, count - 1] {
        let cut: String = whole.split_inclusive('\n').take(kept).collect();
        for cut in [cut.clone(), format!("{cut}{{\"event\":\"lo")] {
            fs::write(copy.beside("cut.jsonl"), cut).unwrap();
            let ran = replay(&[&copy.beside("cut.jsonl"), "--format", "jsonl"]);
            assert_eq!(ran.status, 3, "{kept}: {}", ran.stderr);
            assert!(ran.stderr.contains(&format!("ends after line {kept},")), "{}", ran.stderr);
            assert!(whole.contains(ran.stdout.lines().last().unwrap()));
        }
    }
}

#[test]
fn additions_by_a_later_version_are_ignored() {
    let copy = recorded("later");
    let mut more = lines(&copy);
    let at = named(&more, "log-judged");
    more.insert(at, "{\"event\":\"moon-phase\",\"phase\":3}".to_owned());
    more[0] = more[0].replacen('{', "{\"moon\":[{\"x\":null}],", 1);
    fs::write(copy.beside("later.jsonl"), finished(&more)).unwrap();
    let later = replay(&[&copy.beside("later.jsonl"), "--format", "json"]);
    let now = replay(&[&copy.beside("run.jsonl"), "--format", "json"]);
    assert_eq!((later.status, later.stdout), (1, now.stdout), "{}", later.stderr);
}

/// Records from before the store's clock was recorded are read as records without that value.
#[test]
fn an_older_record_is_read() {
    let copy = recorded("older");
    let mut lines = lines(&copy);
    let ended = named(&lines, "run-ended");
    let older = lines[ended].replace(",\"store_skew_seconds\":null", "");
    assert_ne!(older, lines[ended]);
    lines[ended] = older;
    fs::write(copy.beside("older.jsonl"), finished(&lines)).unwrap();
    let reported = |name: &str| replay(&[&copy.beside(name), "--format", "jsonl"]);
    assert_eq!(reported("older.jsonl").status, 1);
    assert_eq!(reported("older.jsonl"), reported("run.jsonl"));
    let done = |arguments: &[&str]| {
        let ran = Ran::from(&mut program(arguments));
        assert_eq!(ran.status, 0, "{ran:?}");
    };
    let [key, signed, older] = ["key.pem", "signed.json", "older.jsonl"].map(|x| copy.beside(x));
    let public = copy.beside("public.pem");
    let _ = (fs::remove_file(&key), fs::remove_file(&public));
    done(&["attest", "keygen", "-o", &key, "--public", &public]);
    done(&["attest", "sign", &older, "--key", &key, "-o", &signed, "--force"]);
    done(&["attest", "verify", &signed, "--key", &public, "--record", &older]);
    let envelope = trailproof::attest::dsse::Envelope::parse(&fs::read(&signed).unwrap());
    let statement: Value = serde_json::from_slice(&envelope.unwrap().0.payload).unwrap();
    assert_eq!(statement["predicate"]["clock"]["storeSkewSeconds"], Value::Null);
}

/// An old run found no digest for the last hours of its period. Its record is edited so that these
/// hours look as if they were still to come.
#[test]
fn missing_hours_cannot_be_edited_into_pending_hours() {
    let mut trail = TrailSpec::new()
        .seed(6)
        .time("2026-03-01T00:04:11Z", 8)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build();
    trail.apply(Deed::NewestDigestsDeleted { chain: 0, count: 2 }).unwrap();
    let copy = Copy::write(&scratch("replay-pending"), &trail).unwrap();
    let ran = copy.verify(&["--record", &copy.beside("run.jsonl")]);
    assert_eq!(ran.status, 3, "{}", ran.stdout);
    let honest = lines(&copy);
    let mut edited = honest.clone();
    let mut edit = |event: &str, from: &str, to: &str| {
        let at = named(&edited, event);
        assert!(edited[at].contains(from), "{}", edited[at]);
        edited[at] = edited[at].replacen(from, to, 1);
    };
    edit("chain-finished", "\"coverage\":\"tail\"", "\"coverage\":\"pending\"");
    edit(
        "run-finished",
        "\"pending\":0,\"uncovered\":{\"tail\":7200}",
        "\"pending\":7200,\"uncovered\":{}",
    );
    let verdict = "\"verdict\":\"not proven\",\"exit_status\":3";
    edit("run-finished", verdict, "\"verdict\":\"proven\",\"exit_status\":0");
    let message = refused(&copy, finished(&edited));
    assert!(message.contains("are not those of its lines"), "{message}");
    // Editing the run to allow it fails too, because the run was made at a different time.
    let allowed = "\"tail_allowed_from\":\"2026-03-01T06:04:11Z\"";
    edited[0] = edited[0].replacen("\"tail_allowed_from\":null", allowed, 1);
    let message = refused(&copy, finished(&edited));
    assert!(message.contains("the run began at") && message.contains("line 2"), "{message}");
    for arguments in [
        vec!["attest", "sign", &copy.beside("bad.jsonl"), "--key", "k", "-o", "a"],
        vec!["verify", "x", "--resume", &copy.beside("bad.jsonl"), "--last", "1d"],
    ] {
        let ran = Ran::from(&mut program(&arguments));
        assert_ne!(ran.status, 0, "{arguments:?}");
    }
    // No run allows more than two hours, whenever it was made.
    edited[0] = edited[0].replacen("06:04:11Z\",\"trails", "06:04:10Z\",\"trails", 1);
    let message = refused(&copy, finished(&edited));
    assert!(message.contains("`tail_allowed_from`"), "{message}");
    // The honest record is accepted.
    fs::write(copy.beside("whole.jsonl"), finished(&honest)).unwrap();
    assert_eq!(replay(&[&copy.beside("whole.jsonl")]).status, 3);
}

#[test]
fn a_record_in_the_preview_format_is_rejected_as_such() {
    let copy = recorded("preview");
    let mut lines = lines(&copy);
    lines[0] = lines[0].replacen("\"schema\":2", "\"schema\":1", 1);
    let message = refused(&copy, finished(&lines));
    assert!(
        message.contains("schema 1, which was a preview format and cannot be read"),
        "{message}"
    );
    let at = copy.beside("bad.jsonl");
    for option in ["--since", "--resume"] {
        // `--since` already sets the start of the period.
        let ran = if option == "--since" {
            let directory = copy.beside("copy");
            let end = ["--end-time", "2026-03-02"];
            Ran::from(program(&["verify", &directory, option, &at]).args(end))
        } else {
            copy.verify(&[option, &at])
        };
        assert!(ran.stderr.contains("a preview format"), "{option}: {}", ran.stderr);
    }
}

/// A record of a proven run whose lines were edited so that each is right by itself, and that says
/// of more than it has lines for that it is proven.
#[test]
fn a_record_that_contradicts_itself_is_rejected() {
    let trail = TrailSpec::new()
        .seed(5)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 8)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build();
    let copy = Copy::write(&scratch("replay-contradicts"), &trail).unwrap();
    let ran = copy.verify(&["--record", &copy.beside("run.jsonl")]);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    let honest = lines(&copy);
    let edit = |event: &str, change: &dyn Fn(&mut Value)| {
        let (mut lines, at) = (honest.clone(), named(&honest, event));
        let mut line: Value = serde_json::from_str(&lines[at]).unwrap();
        // The name of the event stays the first field.
        line.as_object_mut().unwrap().remove("event");
        change(&mut line);
        lines[at] = format!("{{\"event\":\"{event}\",{}", &line.to_string()[1..]);
        lines
    };
    let first =
        |event: &str| -> Value { serde_json::from_str(&honest[named(&honest, event)]).unwrap() };
    let own = first("chain-started")["chain"]["account"].as_str().unwrap().to_owned();
    let set = |event: &str, field: &str, value: Value| {
        edit(event, &|line: &mut Value| line[field] = value.clone())
    };
    let start = |field: &str, value: Value| set("run-started", field, value);
    let (other, both) = ("999988887777", json!([own, "999988887777"]));
    let mut twice = honest.clone();
    let digest = named(&honest, "digest-judged");
    twice.splice(digest..digest, honest[digest..digest + 3].to_vec());
    let account = |event: &str| {
        edit(event, &|line: &mut Value| line["chain"]["account"] = "000000000001".into())
    };
    let mut moved = account("chain-started");
    let end = named(&moved, "chain-finished");
    moved[end] = account("chain-finished")[end].clone();
    let second = digest + 3;
    assert!(honest[second].contains("successor-hash"), "{}", honest[second]);
    let mut hash = honest.clone();
    let found: Value = serde_json::from_str(&hash[second]).unwrap();
    hash[second] = hash[second].replace(found["sha256"].as_str().unwrap(), &"0".repeat(64));
    let off = "{\"event\":\"check-not-performed\",\"check\":\"unlisted-logs\",\"why\":\"switched-off\"\
               ,\"region\":null,\"detail\":\"\"}";
    let mut switched_off = honest.clone();
    switched_off.insert(named(&honest, "run-finished"), off.to_owned());
    let cases = [
        (
            "expected account",
            start("expected_accounts", json!([other])),
            "expects 999988887777, which",
        ),
        ("expected region", start("expected_regions", json!(["ap-south-1"])), "expects ap-south-1"),
        (
            "expected pair",
            {
                let mut lines = start("expected_accounts", json!([own]));
                lines[0] = lines[0].replace(
                    "\"expected_regions\":null",
                    "\"expected_regions\":[\"us-east-1\",\"ap-south-1\"]",
                );
                lines
            },
            "ap-south-1, which",
        ),
        ("named account", start("accounts", both), "names 999988887777, which"),
        ("only another account", start("accounts", json!([other])), "is outside of the scope"),
        (
            "named region",
            start("regions", json!(["us-east-1", "eu-west-1", "ap-south-1"])),
            "names ap-south-1",
        ),
        ("only another region", start("regions", json!(["us-east-1"])), "is outside of the scope"),
        ("named trail", start("trails", json!(["other"])), "is outside of the scope"),
        ("no account", start("accounts", json!(["x"])), "in its scope is not valid"),
        ("organization", start("organization", json!("o-abcdefghij")), "is outside of the scope"),
        ("search", start("search_unlisted", json!(false)), "`search_unlisted`"),
        ("no search", switched_off, "`search_unlisted`"),
        ("ended", set("run-ended", "ended", json!("2020-01-01T00:00:00Z")), "ended before that"),
        ("two lines", twice, "has two lines"),
        ("another chain", moved, "is not of the chain 000000000001"),
        (
            "no proof",
            edit("digest-judged", &|line| line["proofs"] = json!([])),
            "a valid digest without a proof",
        ),
        ("hash", hash, "is not the one that its successor records"),
    ];
    for (name, lines, words) in cases {
        assert_ne!(lines, honest, "{name}");
        let message = refused(&copy, finished(&lines));
        assert!(message.contains(words), "{name}: {message}");
    }
    // What the run says itself about places that are not there is accepted.
    let (record, absent) = (copy.beside("asked.jsonl"), "222233334444");
    for asked in [
        &["--account", &own, "--account", absent, "--expect-accounts", absent, "--no-unlisted"][..],
        &["--region", "us-east-1", "--region", "ap-south-1", "--account", &own],
        &["--expect-accounts", &own, "--expect-regions", "ap-south-1,us-east-1"],
        &["--trail", "other"],
    ] {
        let ran = copy.verify(&[asked, &["--force", "--record", &record]].concat());
        assert!([3, 4].contains(&ran.status), "{asked:?}: {}", ran.stderr);
        assert_eq!(replay(&[&record]).status, ran.status, "{asked:?}");
    }
}

/// A signature is proved by a key, and the record holds the bytes of the key.
#[test]
fn a_signature_without_its_key_is_rejected() {
    let copy = recorded("keys");
    let whole = lines(&copy);
    let at = named(&whole, "public-key");
    let mut without = whole.clone();
    without.retain(|line| !line.starts_with("{\"event\":\"public-key\""));
    let mut other = whole.clone();
    let mut key: Value = serde_json::from_str(&whole[at]).unwrap();
    key["der"] = "AQID".into();
    other[at] = key.to_string();
    for (lines, words) in [(without, "its key"), (other, "are no key")] {
        let message = refused(&copy, finished(&lines));
        assert!(message.contains(words), "{message}");
    }
}
