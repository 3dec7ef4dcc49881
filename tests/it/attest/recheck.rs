//! Reading the evidence a second time (`--recheck`).
use crate::support::attest_room::{ATTESTATION, AttestFolder, repository};
use crate::support::worlds::{WorldKeys, WorldSource};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use trailproof::report::RunReporter as _;
use trailproof::report::record::{Record, RecordSink};
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::run::verify;
use trailproof_core::vocab::time::{Period, Timestamp};
use trailproof_testkit::server::{LoopbackServer, ServerOptions};
use trailproof_testkit::trail::demo::demo;
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Lists the files below a folder whose paths contain this part.
fn find(below: &Path, part: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(find(&path, part));
        } else if path.to_str().unwrap().contains(part) {
            found.push(path);
        }
    }
    found
}

#[test]
fn unchanged_evidence_holds_with_the_keys_of_the_attestation() {
    let room = AttestFolder::new("recheck");
    let demo = repository("testdata/demo");
    let ran = room
        .verify(ATTESTATION, &["--recheck", &demo, "--complete-copy"])
        .is(0, "was verified again");
    assert!(ran.stdout.contains("all 241 lines are identical to those attested"), "{ran:#?}");
    assert!(ran.stdout.contains("not checked  trust: "), "{ran:#?}");
    let ran = room
        .verify(ATTESTATION, &["--record", "record.jsonl", "--recheck", &demo, "--complete-copy"]);
    let ran = ran.is(0, "all 241 lines are identical to those attested");
    assert!(ran.stdout.contains("not checked  copy: "), "{ran:#?}");
    // What counts as deleted only because of the assertion is open without it.
    let ran = room.verify(ATTESTATION, &["--record", "record.jsonl", "--recheck", &demo]);
    ran.is(3, "1 objects or listings could not be read again");
    // If the attestation has no keys, no signature proves anything.
    room.sign_changed("keyless.json", |statement| {
        statement["predicate"]["method"]["publicKeys"]["listed"] = serde_json::json!([]);
    });
    let ran = room.verify("keyless.json", &["--recheck", &demo, "--complete-copy"]);
    assert!(ran.status == 1 || ran.status == 3, "{ran:#?}");
    room.verify(ATTESTATION, &["--recheck", "no-such-directory"]).is(2, "no such directory");
    room.verify(ATTESTATION, &["--recheck", "keys"]).is(2, "");
}

#[test]
fn changed_evidence_does_not_hold() {
    let room = AttestFolder::new("recheck-changed");
    let changed = room.0.join("copy");
    copy(Path::new(&repository("testdata/demo")), &changed);
    let logs = find(&changed, "/CloudTrail/us-east-1/");
    fs::remove_file(logs.last().unwrap()).unwrap();
    // Without the record, a changed line cannot be distinguished from a line with a different ETag, but
    // the numbers differ.
    let ran = room.verify(ATTESTATION, &["--recheck", "copy", "--complete-copy"]);
    ran.is(3, "OPEN         evidence: less of it is there than was attested")
        .is(3, "OPEN         statement: `result.counts.logFiles.valid` differs");
    let with_record = ["--record", "record.jsonl", "--recheck", "copy", "--complete-copy"];
    let ran = room.verify(ATTESTATION, &with_record);
    ran.is(3, "OPEN         evidence: 1 digests or log files are no longer there");
    // Content that a signature contradicts is not what was attested.
    fs::write(logs.last().unwrap(), fs::read(&logs[0]).unwrap()).unwrap();
    let ran = room.verify(ATTESTATION, &["--recheck", "copy", "--complete-copy"]);
    ran.is(1, "WRONG        statement: `result.counts.logFiles.valid` differs");
    let ran = room.verify(ATTESTATION, &with_record);
    ran.is(1, "WRONG        evidence: 1 digests or log files contradict the record");
}

/// Time of the trails of the tests below: a day and a half.
const HOURS: u32 = 36;

/// Writes what lies in a trail's bucket at this many hours after its start to a folder.
fn write_at(room: &AttestFolder, trail: &BuiltTrail, hours: i64, name: &str) {
    let now = trail.whole().from + hours * 3_600 + 1_800;
    let mut then = trail.clone();
    for bucket in then.world.buckets.values_mut() {
        bucket.objects.retain(|_, versions| versions.iter().all(|one| one.last_modified <= now));
    }
    fs::create_dir_all(room.0.join(name)).unwrap();
    then.write_to(&room.0.join(name)).unwrap();
}

/// Verifies the hours 2 to 20 of a folder, signs the result, and returns the exit status of the run.
fn attest_hours(room: &AttestFolder, trail: &BuiltTrail, folder: &str, more: &[&str]) {
    let at = |hours: i64| Timestamp::from_unix(trail.whole().from + hours * 3_600).to_string();
    let (from, to, keys) = (at(2), at(20), format!("{folder}/public-keys.json"));
    let period = ["--start-time", &from, "--end-time", &to, "--public-keys", &keys];
    let record = ["--record", "record.jsonl", "--complete-copy", "--quiet"];
    room.run(&[&["verify", folder][..], &period, &record, more].concat()).is(0, "PROVEN");
    room.run(&["attest", "keygen", "-o", "key.pem", "--public", "public.pem"]).is(0, "key id");
    room.run(&["attest", "sign", "record.jsonl", "--key", "key.pem", "-o", ATTESTATION])
        .is(0, "verdict: proven");
}

fn trail_of_hours(seed: u64) -> BuiltTrail {
    TrailSpec::new()
        .seed(seed)
        .time("2026-03-01T00:04:11Z", HOURS)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build()
}

/// The bucket goes on after the period.
#[test]
fn evidence_that_came_later_takes_nothing_away() {
    let room = AttestFolder::empty("recheck-grown");
    let trail = trail_of_hours(42);
    write_at(&room, &trail, 22, "then");
    write_at(&room, &trail, 36, "now");
    attest_hours(&room, &trail, "then", &[]);
    let with_record = ["--record", "record.jsonl", "--complete-copy", "--recheck"];
    let ran = room.verify(ATTESTATION, &[&with_record[..], &["then"]].concat());
    ran.is(0, "lines are identical to those attested");
    let ran = room.verify(ATTESTATION, &[&with_record[..], &["now"]].concat());
    ran.is(0, "of the record have the same outcomes, hashes and intervals;")
        .is(0, "more are there now")
        .is(0, "except that there is more evidence now");
    // Without the record, nobody knows which lines are the attested ones.
    let ran = room.verify(ATTESTATION, &["--complete-copy", "--recheck", "now"]);
    ran.is(3, "give `--record` to find out")
        .is(3, "OPEN         statement: `commitment.lines` differs");
}

/// A lifecycle rule deletes the oldest day, digests and log files.
#[test]
fn evidence_that_expired_since_is_open() {
    let room = AttestFolder::empty("recheck-expired");
    let trail = trail_of_hours(43);
    write_at(&room, &trail, 36, "evidence");
    attest_hours(&room, &trail, "evidence", &[]);
    for path in find(&room.0.join("evidence"), "/2026/03/01/") {
        let text = path.to_str().unwrap();
        let at = text.split('_').find_map(|part| part.strip_prefix("20260301T")).unwrap();
        if at < "10" {
            fs::remove_file(path).unwrap();
        }
    }
    let with_record = ["--record", "record.jsonl", "--complete-copy", "--recheck", "evidence"];
    for more in [&with_record[..], &with_record[2..]] {
        let ran = room.verify(ATTESTATION, more);
        assert!(!ran.stdout.contains("WRONG"), "{ran:#?}");
        ran.is(3, "NOT PROVEN");
    }
    room.verify(ATTESTATION, &with_record).is(3, "are no longer there, so what was attested");
    // All of it.
    for path in find(&room.0.join("evidence"), "/2026/03/0") {
        fs::remove_file(path).unwrap();
    }
    for more in [&with_record[..], &with_record[2..]] {
        room.verify(ATTESTATION, more).is(4, "no evidence in `evidence`");
    }
}

/// What the attested run relied on beside the lines of its chains: the end of a chain that has none,
/// and the digests of a trail that was out of scope. Their keys are in the attestation.
#[test]
fn a_run_that_relied_on_keys_of_other_chains_holds() {
    let room = AttestFolder::empty("recheck-keys");
    let trail = trail_of_hours(44);
    write_at(&room, &trail, 100, "evidence");
    room.run(&["attest", "keygen", "-o", "key.pem", "--public", "public.pem"]).is(0, "key id");
    let digests = find(&room.0.join("evidence"), "CloudTrail-Digest");
    let of_key = |part: usize| {
        let mut names: Vec<String> = digests
            .iter()
            .filter_map(|path| {
                let name = path.file_name()?.to_str()?.strip_suffix(".json.gz")?;
                name.split('_').nth(part).map(str::to_owned)
            })
            .collect();
        names.sort();
        names.pop().unwrap()
    };
    let [account, region, last] = [0, 2, 5].map(of_key);
    let last = format!(
        "{}-{}-{}:{}:{}",
        &last[..4],
        &last[4..6],
        &last[6..11],
        &last[11..13],
        &last[13..]
    );
    let at = |hours: i64| Timestamp::from_unix(trail.whole().from + hours * 3_600).to_string();
    let known = format!("{account}/{region}={last}");
    let (from, to) = (at(60), at(70));
    let run = ["verify", "evidence", "--public-keys", "evidence/public-keys.json", "--quiet"];
    let more = ["--complete-copy", "--start-time", &from, "--end-time", &to, "--known-end", &known];
    room.run(&[&run[..], &more, &["--record", "record.jsonl"]].concat()).is(4, "NOTHING FOUND");
    room.run(&["attest", "sign", "record.jsonl", "--key", "key.pem", "-o", ATTESTATION])
        .is(0, "verdict: nothing found");
    let again = ["--record", "record.jsonl", "--complete-copy", "--recheck", "evidence"];
    let ran = room.verify(ATTESTATION, &again);
    assert!(!ran.stdout.contains("WRONG") && !ran.stdout.contains("OPEN"), "{ran:#?}");
    let keys = &room.statement(ATTESTATION)["predicate"]["method"]["publicKeys"]["listed"];
    assert_eq!(keys.as_array().unwrap().len(), 1, "{keys}");
}

/// Exceptions that had expired when the attestation says that the run began accept nothing.
#[test]
fn the_start_that_is_stated_decides_which_exceptions_had_expired() {
    let room = AttestFolder::new("recheck-expiry");
    let demo = repository("testdata/demo");
    let keys = repository("testdata/demo/public-keys.json");
    let run = ["verify", &demo, "--public-keys", &keys, "--complete-copy", "--quiet"];
    let period = ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-04"];
    room.run(&[&run[..], &period, &["--export", "exceptions=e.toml"]].concat()).is(1, "");
    let file = String::from_utf8(room.read("e.toml")).unwrap();
    let file = file.replace("reason = \"\"", "reason = \"r\"");
    let file = file.replace("approved-by = \"\"", "approved-by = \"a\"");
    // After the period, and before the run.
    room.write("e.toml", file.replace("until = \"\"", "until = 2026-05-01"));
    let record = ["--accept", "e.toml", "--record", "accepted.jsonl"];
    room.run(&[&run[..], &period, &record].concat()).is(1, "");
    room.run(&[
        "attest",
        "sign",
        "accepted.jsonl",
        "--key",
        "key.pem",
        "-o",
        ATTESTATION,
        "--force",
    ])
    .is(0, "verdict");
    let again = ["--recheck", &demo, "--complete-copy", "--require", "proven-or-accepted"];
    room.verify(ATTESTATION, &again).is(1, "HOLDS; it attests CONTRADICTED");
    let lie = |statement: &mut Value| {
        let accepted = &mut statement["predicate"]["acceptedExceptions"];
        for entry in accepted["listed"].as_array_mut().unwrap() {
            entry["expired"] = json!(false);
        }
        accepted["accepted"] = accepted["objections"].clone();
        accepted["allAccepted"] = json!(true);
    };
    room.sign_changed("lie.json", lie);
    room.verify("lie.json", &again)
        .is(1, "WRONG        statement: `acceptedExceptions.accepted` differs");
    // Without that time, nobody knows.
    room.sign_changed("lie.json", |statement| {
        lie(statement);
        statement["predicate"]["invocation"]["startedAt"] = Value::Null;
    });
    let words = "not checked  exceptions: only the signer states that";
    room.verify("lie.json", &again).is(0, words);
}

/// A log file that was added later has no line of a digest or log file in the record.
#[test]
fn a_planted_log_file_does_not_hold() {
    let room = AttestFolder::new("recheck-planted");
    let copied = room.0.join("copy");
    copy(Path::new(&repository("testdata/demo")), &copied);
    room.verify(ATTESTATION, &["--record", "record.jsonl", "--recheck", "copy", "--complete-copy"])
        .is(0, "statement: scope, counts, coverage, keys, exceptions and gaps match what was read");
    let logs = find(&copied, "/CloudTrail/us-east-1/");
    let log = logs.last().unwrap();
    let name = log.to_str().unwrap().replace(".json.gz", "x.json.gz");
    fs::write(name, "no copy of any").unwrap();
    for more in [
        &["--recheck", "copy", "--complete-copy"][..],
        &["--record", "record.jsonl", "--recheck", "copy", "--complete-copy"],
    ] {
        room.verify(ATTESTATION, more)
            .is(1, "WRONG        statement: `result.logFilesUnlisted` differs")
            .is(1, "WRONG        statement: `exceptions.listed` differs");
    }
}

/// What a second run computes is compared with what the signer states, whatever it is, and what it
/// cannot compute is named.
#[test]
fn a_second_run_exposes_a_false_statement_by_the_signer() {
    type Change = fn(&mut Value);
    let room = AttestFolder::new("recheck-lies");
    let demo = repository("testdata/demo");
    let again = ["--recheck", &demo, "--complete-copy"];
    let ran = room.verify(ATTESTATION, &again).is(0, "HOLDS");
    for stated in ["invocation.startedAt", "clock", "verifier", "scope.readFrom"] {
        let line = ran.stdout.lines().find(|line| line.starts_with("  not checked  circumstances"));
        assert!(line.unwrap().contains(&format!("`{stated}`")), "{ran:#?}");
    }
    let cases: [(&str, Change); 19] = [
        ("scope.found.accounts", |it| it["scope"]["found"]["accounts"] = json!(["999988887777"])),
        ("scope.found.regions", |it| it["scope"]["found"]["regions"] = json!(["us-east-1"])),
        ("scope.found.trails", |it| it["scope"]["found"]["trails"] = json!([])),
        ("scope.found.buckets", |it| it["scope"]["found"]["buckets"] = json!(["other"])),
        ("scope.trailsLeftOut", |it| it["scope"]["trailsLeftOut"] = json!(["other"])),
        ("result.chains", |it| it["result"]["chains"] = json!(500)),
        ("result.counts.logFiles.valid", |it| {
            it["result"]["counts"]["logFiles"]["valid"] = json!(1_000_000);
        }),
        ("result.coverageSeconds.verified", |it| {
            it["result"]["coverageSeconds"]["verified"] = json!(1);
        }),
        ("result.exitStatus", |it| it["result"]["exitStatus"] = json!(0)),
        ("invocation.exitStatus", |it| it["invocation"]["exitStatus"] = json!(0)),
        ("method.checksMade", |it| {
            it["method"]["checksMade"].as_array_mut().unwrap().push(json!("expected-places"));
        }),
        ("method.checksMade", |it| it["method"]["searchedUnlisted"] = json!(false)),
        ("method.checksNotMade.listed", |it| it["method"]["searchedUnlisted"] = json!(false)),
        ("exceptions.listed", |it| it["exceptions"]["listed"] = json!([])),
        ("exceptions.leftOut", |it| it["exceptions"]["leftOut"] = json!(1)),
        ("gaps.listed", |it| it["gaps"]["listed"] = json!([])),
        ("commitment.lines", |it| it["commitment"]["lines"] = json!(1)),
        ("acceptedExceptions", |it| {
            it["acceptedExceptions"] = json!({
                "fileSha256": "00".repeat(32), "objections": 1, "accepted": 1,
                "allAccepted": true, "listed": {},
            });
        }),
        ("more", |it| it["more"] = json!("than any run tells")),
    ];
    for (path, lie) in cases {
        room.sign_changed("lie.json", |statement| lie(&mut statement["predicate"]));
        let words = format!("WRONG        statement: `{path}` differs from what was read again");
        room.verify("lie.json", &again).is(1, &words);
    }
    // Exceptions that accept nothing.
    room.sign_changed("lie.json", |statement| {
        statement["predicate"]["acceptedExceptions"] = json!({
            "fileSha256": "00".repeat(32), "objections": 2, "accepted": 2, "allAccepted": true,
            "listed": [],
        });
    });
    room.verify("lie.json", &[&again[..], &["--require", "proven-or-accepted"]].concat())
        .is(1, "WRONG        statement: `acceptedExceptions.accepted` differs")
        .is(1, "DOES NOT HOLD");
    // Checks of another record and of AWS's word of then cannot be made again.
    room.sign_changed("then.json", |statement| {
        let made = statement["predicate"]["method"]["checksMade"].as_array_mut().unwrap();
        made.extend([json!("joined"), json!("trail-status")]);
    });
    let ran = room.verify("then.json", &again).is(0, "`method.checksMade.joined`");
    assert!(ran.stdout.contains("`method.checksMade.trail-status`"), "{ran:#?}");
}

/// A run at a time at which digests were still to come, attested, and checked again later.
#[test]
fn time_that_was_still_to_come_is_judged_by_the_clock_of_the_recheck() {
    let trail = TrailSpec::new()
        .seed(41)
        .time("2026-03-01T00:04:11Z", 12)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build();
    let room = AttestFolder::empty("recheck-tail");
    let now = trail.whole().from + 6 * 3_600 + 1_800;
    let mut before = trail.clone();
    for bucket in before.world.buckets.values_mut() {
        bucket.objects.retain(|_, versions| versions.iter().all(|one| one.last_modified <= now));
    }
    for (name, trail) in [("full", &trail), ("then", &before)] {
        fs::create_dir_all(room.0.join(name)).unwrap();
        trail.write_to(&room.0.join(name)).unwrap();
    }
    let at = Timestamp::from_unix;
    let period = Period { start: at(trail.whole().from), end: at(now) };
    let bucket = before.world.buckets.keys().next().unwrap();
    let plan = VerifyPlan::new(bucket, period, at(now));
    let source = WorldSource::new(&before.world);
    let keys = Arc::new(WorldKeys(Arc::clone(&source.world)));
    let mut bytes = Vec::new();
    let mut record = Record::new(RecordSink::Plain(&mut bytes), None);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(verify(&plan, Arc::new(source), keys, &mut |event| {
        record.event(event).unwrap();
    }));
    record.finish().unwrap();
    drop(record);
    room.write("record.jsonl", bytes);
    room.run(&["attest", "keygen", "-o", "key.pem", "--public", "public.pem"]).is(0, "key id");
    room.run(&["attest", "sign", "record.jsonl", "--key", "key.pem", "-o", ATTESTATION])
        .is(0, "verdict: proven");
    let result = room.statement(ATTESTATION)["predicate"]["result"].clone();
    let pending = result["coverageSeconds"]["pending"].as_u64().unwrap();
    assert!(pending > 0, "{result}");
    // The digests have come.
    let with_record = ["--record", "record.jsonl", "--complete-copy", "--recheck"];
    let ran = room.verify(ATTESTATION, &[&with_record[..], &["full"]].concat());
    ran.is(0, &format!("tail: {pending} seconds were still to come, and are verified now"))
        .is(0, "of the record have the same outcomes, hashes and intervals;");
    // They have not, so that nothing is proven of that time any more.
    let ran = room.verify(ATTESTATION, &[&with_record[..], &["then"]].concat());
    ran.is(3, &format!("tail: {pending} seconds were still to come, and are not verified now"))
        .is(3, "OPEN         verdict: `then` is not proven now, and was proven");
    // A signer who lets them come for as long as it takes, or says nothing about it.
    for (end, allowed) in [
        ("2026-03-02T02:00:00Z", json!("2026-03-01T04:00:00Z")),
        ("2026-03-01T06:34:11Z", json!("2026-03-01T04:34:10Z")),
        ("2026-03-01T06:34:11Z", json!(null)),
    ] {
        room.sign_changed("late.json", |statement| {
            let scope = &mut statement["predicate"]["scope"];
            assert_eq!(scope["tailAllowedFrom"], "2026-03-01T04:34:11Z");
            (scope["to"], scope["tailAllowedFrom"]) = (json!(end), allowed.clone());
        });
        room.verify("late.json", &["--recheck", "then", "--complete-copy"])
            .is(1, "WRONG        tail: no run over this period can have allowed");
    }
    room.sign_changed("future.json", |statement| {
        statement["predicate"]["scope"]["to"] = json!("2999-01-01T00:00:00Z");
    });
    room.verify("future.json", &["--recheck", "full"])
        .is(5, "the attested period ends at 2999-01-01T00:00:00Z");
}

#[test]
fn a_copy_without_metadata_is_not_reported_as_changed() {
    let room = AttestFolder::new("recheck-metadata");
    let less = room.0.join("copy");
    copy(Path::new(&repository("testdata/demo")), &less);
    fs::remove_file(less.join("trailproof-objects.json")).unwrap();
    let ran = room
        .verify(ATTESTATION, &["--record", "record.jsonl", "--recheck", "copy", "--complete-copy"]);
    assert!(!ran.stdout.contains("WRONG        evidence"), "{ran:#?}");
    assert_eq!(ran.status, 3, "{ran:#?}");
}

#[test]
fn evidence_in_a_bucket_holds_despite_different_etags() {
    let room = AttestFolder::new("recheck-bucket");
    let server = LoopbackServer::start(demo().trail.world, ServerOptions::default()).unwrap();
    let aws = [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", &server.endpoint()),
    ];
    let verify = ["attest", "verify", ATTESTATION, "--key", "public.pem", "--quiet"];
    let place = ["--recheck", "s3://example-trail-logs"];
    let with_record = ["--record", "record.jsonl"];
    let ran = room.run_with(&[&verify[..], &place, &with_record].concat(), &aws);
    ran.is(0, "have the same outcomes, hashes and intervals as in the record");
    let ran = room.run_with(&[&verify[..], &place].concat(), &aws);
    ran.is(3, "give `--record` to find out");
    // The keys come from the attestation, not from AWS.
    let asked = server.requests();
    let keys = trailproof_testkit::server::Operation::ListPublicKeys;
    assert_eq!(asked.of(keys), 0);
}
