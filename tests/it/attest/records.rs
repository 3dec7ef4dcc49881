//! Records and other files that differ from those that were attested, or that are missing.
use crate::support::attest_room::{ATTESTATION, AttestFolder, repository};
use crate::support::records::resealed;

/// Returns the lines of the record, with their line ends.
fn lines(room: &AttestFolder) -> Vec<String> {
    let text = String::from_utf8(room.read("record.jsonl")).unwrap();
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[test]
fn an_incomplete_record_is_not_signed() {
    let room = AttestFolder::new("records");
    let all = lines(&room);
    let changed = |at: usize, from: &str, to: &str| {
        let mut all = all.clone();
        assert!(all[at].contains(from), "{}", all[at]);
        all[at] = all[at].replacen(from, to, 1);
        all
    };
    let log = all.iter().position(|line| line.contains("log-judged")).unwrap();
    let mut swapped = all.clone();
    // A log file's line before its digest's. The order of the log files of one digest is not
    // checked.
    swapped.swap(log - 1, log);
    let mut less = all.clone();
    less.remove(log);
    let newer = changed(0, "\"schema\":2", "\"schema\":3");
    let preview = changed(0, "\"schema\":2", "\"schema\":1");
    let contradicted = "\"verdict\":\"contradicted\",\"exit_status\":1";
    let verdict = changed(all.len() - 3, contradicted, "\"verdict\":\"proven\",\"exit_status\":0");
    let valid = changed(
        all.iter().position(|line| line.contains("log-hash-mismatch")).unwrap(),
        "\"outcome\":\"invalid\"",
        "\"outcome\":\"valid\"",
    );
    let cases = [
        ("cut-line", all[..all.len() - 1].concat(), "it was cut short"),
        ("cut-half", all.concat()[..70_000].to_owned(), "it was cut short"),
        ("edited", changed(log, "valid", "Valid").concat(), ""),
        ("hash", changed(1, "started", "begun").concat(), ""),
        ("swapped", swapped.concat(), ""),
        ("less", less.concat(), ""),
        ("newer", resealed(&newer), "schema 3"),
        ("preview", resealed(&preview), "a preview format"),
        ("sealed-swapped", resealed(&swapped), ""),
        ("sealed-less", resealed(&less), "have no line"),
        ("sealed-verdict", resealed(&verdict), "a recount of the lines gives `contradicted`"),
        ("sealed-valid", resealed(&valid), ""),
        ("foreign", "{\"hello\":\"world\"}\n".to_owned(), "line 1"),
        ("text", "hello\n".to_owned(), "line 1"),
        ("empty", String::new(), "it holds no whole line"),
    ];
    for (name, text, words) in cases {
        room.write("bad.jsonl", text);
        let sign = ["attest", "sign", "bad.jsonl", "--key", "key.pem", "-o", "bad.json"];
        println!("{name}");
        let ran = room.run(&sign).is(5, "cannot use the record `bad.jsonl`: ").is(5, words);
        assert!(!room.0.join("bad.json").exists(), "{name}: {ran:#?}");
        room.run(&["attest", "prove", "bad.jsonl", "s3://b/k"]).is(5, "cannot use the record");
    }
    let sign = ["attest", "sign", "no-such", "--key", "key.pem", "-o", "bad.json"];
    room.run(&sign).is(5, "cannot use the record `no-such`");
}

/// A few kilobytes of a compressed record may inflate to gigabytes of names and values. Every command
/// that reads a record refuses them before they are parsed or kept.
#[test]
fn a_small_record_cannot_take_all_memory() {
    let room = AttestFolder::new("bombs");
    let all = lines(&room);
    let at = |event: &str| {
        let event = format!("\"event\":\"{event}\"");
        all.iter().position(|line| line.contains(&event)).unwrap()
    };
    let changed = |event: &str, from: &str, to: &str| {
        let (mut changed, at) = (all.clone(), at(event));
        assert!(changed[at].contains(from), "{}", changed[at]);
        changed[at] = changed[at].replacen(from, to, 1);
        resealed(&changed)
    };
    let long = "a".repeat(100_000);
    let of_digest = format!("\"key\":\"{long}");
    let fingerprint = format!("\"fingerprint\":\"{long}");
    let names = format!("\"trails_left_out\":[{}\"\"]", "\"\",".repeat(1_200_000));
    let more = |values: usize| format!("\"x\":[{}0],\"event\":\"", "0,".repeat(values));
    let cases = [
        ("names", changed("bucket-listed", "\"trails_left_out\":[]", &names), "with more values"),
        ("start", changed("run-started", "\"event\":\"", &more(1_200_000)), "with more values"),
        ("fact", changed("log-judged", "\"event\":\"", &more(5_000)), "with more values"),
        (
            "key",
            changed("public-key", "\"fingerprint\":\"", &fingerprint),
            "`fingerprint` is longer",
        ),
        ("digest", changed("digest-judged", "\"key\":\"", &of_digest), "`key` is longer"),
        ("chains", changed("bucket-listed", "\"chains\":", "\"chains\":9"), ""),
    ];
    let demo = repository("testdata/demo");
    let keys = repository("testdata/demo/public-keys.json");
    for (name, text, words) in cases {
        room.write("bomb.jsonl.zst", zstd::encode_all(text.as_bytes(), 3).unwrap());
        println!("{name}");
        let verify =
            ["verify", &demo, "--public-keys", &keys, "--end-time", "2026-03-04", "--quiet"];
        for command in [
            vec!["replay", "bomb.jsonl.zst"],
            vec!["attest", "sign", "bomb.jsonl.zst", "--key", "key.pem", "-o", "bad.json"],
            vec!["package", "create", "--id", "p", "--to", "p", "--record", "bomb.jsonl.zst"],
            [&verify[..], &["--since", "bomb.jsonl.zst"]].concat(),
            [&verify[..], &["--start-time", "2026-03-01T00:04:11Z", "--resume", "bomb.jsonl.zst"]]
                .concat(),
        ] {
            room.run(&command).is(5, "").is(5, words);
        }
    }
}

/// Two bytes of JSON become a value of 32 bytes or more.
#[test]
fn an_attestation_cannot_take_all_memory() {
    let room = AttestFolder::new("json-bombs");
    let zeros = "0,".repeat(1_200_000);
    let envelope =
        format!("{{\"payload\":\"\",\"payloadType\":\"x\",\"signatures\":[],\"x\":[{zeros}0]}}");
    room.write("bomb.json", &envelope);
    room.verify("bomb.json", &[]).is(5, "it has more than 1000000 values");
    room.run(&["keys", "check", "bomb.json"]).is(5, "it has too many values to be keys");
    let config = ["package", "create", "--id", "p", "--to", "p", "--record", "record.jsonl"];
    room.run(&[&config[..], &["--trail-config", "bomb.json"]].concat())
        .is(5, "has more than 1000000 values");
}

#[test]
fn a_different_record_is_not_accepted_as_the_attested_one() {
    let room = AttestFolder::new("another");
    // The same run again: the same evidence at a different time.
    room.record("testdata/demo", "again.jsonl");
    assert_ne!(room.read("again.jsonl"), room.read("record.jsonl"));
    room.verify(ATTESTATION, &["--record", "again.jsonl"]).is(1, "is not the attested file");
    // A file that differs from the attested one is not parsed, whatever it contains.
    room.write("any", "no record");
    room.verify(ATTESTATION, &["--record", "any"]).is(1, "is not the attested file");
    room.verify(ATTESTATION, &["--record", "no-such"]).is(5, "cannot read");
    room.verify(ATTESTATION, &["--report", "any"])
        .is(1, "was given, but the attestation has no report");
    room.verify(ATTESTATION, &["--previous", ATTESTATION])
        .is(1, "is not the one that this attestation names");
    let sign = [
        "attest",
        "sign",
        "record.jsonl",
        "--key",
        "key.pem",
        "--force",
        "-o",
        "r.json",
        "--report",
    ];
    room.run(&[&sign[..], &["any"]].concat()).is(0, "");
    room.verify("r.json", &["--report", "any"]).is(0, "report: the SHA-256 of `any` matches");
    room.write("any", "no record.");
    room.verify("r.json", &["--report", "any"])
        .is(1, "WRONG        report: `any` is not the attested file");
    // A report is not a summary, and the record is not a report.
    room.verify("r.json", &["--summary", "any"]).is(1, "the attestation has no summary");
    room.verify("r.json", &["--report", "record.jsonl"]).is(1, "is not the attested file");
    room.run(&[&sign[..], &["no-such"]].concat()).is(5, "cannot read `no-such`");
}
