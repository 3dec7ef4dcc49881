//! Reading the evidence a second time (`--recheck`).
use crate::support::attest_room::{ATTESTATION, AttestFolder, repository};
use std::fs;
use std::path::Path;
use trailproof_testkit::server::{LoopbackServer, ServerOptions};
use trailproof_testkit::trail::demo::demo;

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
    // Without the record, a changed line cannot be distinguished from a line with a different ETag.
    room.verify(ATTESTATION, &["--recheck", "copy", "--complete-copy"]).is(3, "NOT PROVEN");
    let ran = room
        .verify(ATTESTATION, &["--record", "record.jsonl", "--recheck", "copy", "--complete-copy"]);
    ran.is(1, "WRONG        evidence: it differs from the record");
}

/// A log file that was added later has no line of a digest or log file in the record.
#[test]
fn a_planted_log_file_does_not_hold() {
    let room = AttestFolder::new("recheck-planted");
    let copied = room.0.join("copy");
    copy(Path::new(&repository("testdata/demo")), &copied);
    room.verify(ATTESTATION, &["--record", "record.jsonl", "--recheck", "copy", "--complete-copy"])
        .is(0, "beside it");
    let logs = find(&copied, "/CloudTrail/us-east-1/");
    let log = logs.last().unwrap();
    let name = log.to_str().unwrap().replace(".json.gz", "x.json.gz");
    fs::write(name, "no copy of any").unwrap();
    for more in [
        &["--recheck", "copy", "--complete-copy"][..],
        &["--record", "record.jsonl", "--recheck", "copy", "--complete-copy"],
    ] {
        room.verify(ATTESTATION, more).is(1, "WRONG        beside it");
    }
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
