//! From a record to an attestation, and to everything that is checked in it.
use crate::support::attest_room::{ATTESTATION, AttestFolder, repository};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn a_key_file_is_private_and_never_overwritten() {
    let room = AttestFolder::empty("keygen");
    let made = room.run(&["attest", "keygen", "-o", "key.pem"]).is(0, "BEGIN PUBLIC KEY");
    let mode = std::fs::metadata(room.0.join("key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(room.key("key.pem").public().unwrap().to_pem().unwrap(), made.stdout);
    let before = room.read("key.pem");
    room.run(&["attest", "keygen", "-o", "key.pem"]).is(2, "already exists");
    assert_eq!(room.read("key.pem"), before);
    // If the public key cannot be written, no private key is left either.
    room.run(&["attest", "keygen", "-o", "other.pem", "--public", "key.pem"])
        .is(2, "already exists");
    room.run(&["attest", "keygen", "-o", "other.pem", "--public", "no/x.pem"])
        .is(6, "cannot write");
    assert!(!room.0.join("other.pem").exists());
    room.run(&["attest", "keygen", "-o", "no/key.pem"]).is(6, "cannot write");
}

#[test]
fn everything_signed_is_checked_again() {
    let room = AttestFolder::new("walk");
    room.write("report.txt", "a report");
    room.write("summary.json", "{}");
    let sign = [
        "attest",
        "sign",
        "record.jsonl",
        "--key",
        "key.pem",
        "-o",
        "second.json",
        "--bundle",
        "bundle.json",
        "--report",
        "report.txt",
        "--summary",
        "summary.json",
        "--previous",
        ATTESTATION,
        "--operator",
        "Example Audit Ltd",
    ];
    room.run(&sign).is(0, "signed by the key");
    for attestation in ["second.json", "bundle.json"] {
        let all = [
            "--record",
            "record.jsonl",
            "--report",
            "report.txt",
            "--summary",
            "summary.json",
            "--previous",
            ATTESTATION,
        ];
        let ran = room
            .verify(attestation, &all)
            .is(0, &format!("HOLDS; it attests CONTRADICTED: {attestation}"));
        for checked in ["signature", "record", "commitment", "statement", "report", "summary"] {
            assert!(ran.stdout.contains(&format!("  checked      {checked}: ")), "{ran:#?}");
        }
        assert!(ran.stdout.contains("checked      previous attestation: "), "{ran:#?}");
        assert!(ran.stdout.contains("not checked  evidence: not read again"), "{ran:#?}");
        assert!(ran.stdout.contains("Example Audit Ltd (self-declared)"), "{ran:#?}");
        // What was not given is not checked, and is not reported as checked.
        let ran = room.verify(attestation, &[]).is(0, "not checked  record: not given");
        for unchecked in ["report: `report.txt`", "summary: `summary.json`", "previous attestation"]
        {
            assert!(ran.stdout.contains(&format!("not checked  {unchecked}")), "{ran:#?}");
        }
        assert_eq!(ran.stdout.matches("  checked ").count(), 1, "{ran:#?}");
    }
    assert_eq!(room.envelope("second.json"), room.envelope("bundle.json"));
}

#[test]
fn the_predicate_matches_its_schema() {
    let room = AttestFolder::new("schema");
    let schema = std::fs::read(repository("docs/src/format/attestation.schema.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let statement = room.statement(ATTESTATION);
    let wrong: Vec<String> =
        validator.iter_errors(&statement).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let predicate = &statement["predicate"];
    assert_eq!(predicate["result"]["verdict"], "contradicted");
    assert_eq!(
        predicate["result"]["counts"]["logFiles"],
        json!({ "valid": 96, "invalid": 1, "unverified": 0 })
    );
    assert_eq!(predicate["exceptions"]["listed"].as_array().unwrap().len(), 2);
    assert_eq!(predicate["gaps"]["listed"][0]["reason"], "digests-missing");
    assert_eq!(predicate["scope"]["evidence"], "copy");
    assert_eq!(predicate["scope"]["deliveredTo"]["bucket"], "example-trail-logs");
    assert_eq!(predicate["scope"]["readFrom"][0]["kind"], "directory");
    assert_eq!(
        predicate["method"]["checksMade"],
        json!(["digest-signature", "digest-link", "log-sha256", "coverage", "unlisted-logs"])
    );
    assert_eq!(predicate["clock"]["source"], "machine");
    assert_eq!(predicate["scope"]["found"]["regions"], json!(["eu-west-1", "us-east-1"]));
    assert_eq!(predicate["method"]["publicKeys"]["listed"].as_array().unwrap().len(), 2);
    assert_eq!(predicate["previousAttestation"], Value::Null);
    assert!(predicate["invocation"]["startedAt"].is_string());
    // Every field is required, and none accepts a different value.
    for part in predicate.as_object().unwrap().keys() {
        let mut less = statement.clone();
        less["predicate"].as_object_mut().unwrap().remove(part);
        assert!(!validator.is_valid(&less), "`{part}` is not required");
        let mut other = statement.clone();
        other["predicate"][part] = json!(7);
        assert!(!validator.is_valid(&other), "`{part}` accepts a different value");
    }
}

#[test]
fn a_reproducible_record_has_null_for_the_run_environment() {
    let room = AttestFolder::new("reproducible");
    let (demo, keys) = (repository("testdata/demo"), repository("testdata/demo/public-keys.json"));
    room.run(&[
        "verify",
        &demo,
        "--public-keys",
        &keys,
        "--start-time",
        "2026-03-01T00:04:11Z",
        "--end-time",
        "2026-03-04",
        "--complete-copy",
        "--record",
        "plain.jsonl.zst",
        "--reproducible",
        "--quiet",
    ])
    .is(1, "CONTRADICTED");
    room.run(&["attest", "sign", "plain.jsonl.zst", "--key", "key.pem", "-o", "plain.json"])
        .is(0, "commitment: ");
    room.verify("plain.json", &["--record", "plain.jsonl.zst"]).is(0, "with the same root");
    let (plain, full) = (room.statement("plain.json"), room.statement(ATTESTATION));
    for unknown in ["arguments", "host", "user", "startedAt", "finishedAt"] {
        assert_eq!(plain["predicate"]["invocation"][unknown], Value::Null, "{unknown}");
        assert_ne!(full["predicate"]["invocation"][unknown], Value::Null, "{unknown}");
    }
    assert_eq!(plain["predicate"]["verifier"]["binarySha256"], Value::Null);
    // The environment of a run is not evidence: the commitment is the same.
    assert_eq!(plain["predicate"]["commitment"], full["predicate"]["commitment"]);
}

#[test]
fn existing_files_are_overwritten_only_with_force() {
    let room = AttestFolder::new("overwrite");
    let sign = ["attest", "sign", "record.jsonl", "--key", "key.pem", "-o", ATTESTATION];
    let before = room.read(ATTESTATION);
    room.run(&sign).is(2, "already exists");
    room.run(&["attest", "bundle", ATTESTATION, "-o", "record.jsonl"]).is(2, "already exists");
    room.run(&["attest", "timestamp-request", ATTESTATION, "-o", "key.pem"]).is(2, "`key.pem`");
    room.run(&["attest", "prove", "record.jsonl", "s3://b/k", "-o", "key.pem"]).is(1, "");
    assert_eq!(room.read(ATTESTATION), before);
    room.run(&[&sign[..], &["--force"]].concat()).is(0, "signed by the key");
    room.run(&[&sign[..5], &["-o", "/dev/null"]].concat()).is(0, "signed by the key");
}

#[test]
fn outputs_that_cannot_be_written_end_with_6() {
    let room = AttestFolder::new("outputs");
    let sign = ["attest", "sign", "record.jsonl", "--key", "key.pem", "-o"];
    room.run(&[&sign[..], &["no/attestation.json"]].concat()).is(6, "cannot write");
    room.run(&[&sign[..], &["a.json", "--bundle", "no/b.json"]].concat()).is(6, "cannot write");
    room.run(&["attest", "timestamp-request", ATTESTATION, "-o", "no/x.tsq"]).is(6, "cannot write");
    room.run(&["attest", "bundle", ATTESTATION, "-o", "no/b.json"]).is(6, "cannot write");
}
