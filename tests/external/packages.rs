//! Packages, judged by programs of others: bagit-python, compliance-trestle and openssl. Each of them must
//! accept a package, and refuse it altered.
//!
//! `TRAILPROOF_BAGIT` and `TRAILPROOF_TRESTLE` name the first two.
use crate::support::attest_room::{AttestFolder, repository};
use crate::support::program::named_program;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

const REQUIRED: &str = "TRAILPROOF_REQUIRE_PACKAGES";

/// Returns a folder with a signed package of the demo.
fn packed(name: &str) -> AttestFolder {
    let room = AttestFolder::new(&format!("external-package-{name}"));
    let state = repository("testdata/trail-config/state.json");
    let ran = room.run(&["trail-config", "--terraform", &state, "--format", "json"]);
    room.write("state.json", ran.stdout.replace("\"basis\": \"state\"", "\"basis\": \"live\""));
    let given = ["--id", "q", "--record", "record.jsonl", "--trail-config", "state.json"];
    let made = ["--key", "key.pem", "--to", "package"];
    room.run(&[&["package", "create"][..], &given, &made].concat()).is(0, "signed by the key");
    room
}

fn runs(program: &OsStr, arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

#[test]
fn bagit_python_accepts_a_package_and_refuses_it_altered() {
    let Some(bagit) = named_program("TRAILPROOF_BAGIT", REQUIRED) else { return };
    let room = packed("bagit");
    let validate = || runs(&bagit, &["--validate", "package"], &room.0);
    let (valid, printed) = validate();
    assert!(valid && printed.contains("is valid"), "{printed}");
    let page = room.read("package/data/index.md");
    room.write("package/data/index.md", "x");
    assert!(!validate().0, "a changed file is accepted");
    room.write("package/data/index.md", page);
    room.write("package/data/more", "x");
    assert!(!validate().0, "an added file is accepted");
    fs::remove_file(room.0.join("package/data/more")).unwrap();
    fs::remove_file(room.0.join("package/data/controls.csv")).unwrap();
    assert!(!validate().0, "a missing file is accepted");
}

#[test]
fn trestle_accepts_the_assessment_results_and_refuses_them_altered() {
    let Some(trestle) = named_program("TRAILPROOF_TRESTLE", REQUIRED) else { return };
    let room = packed("trestle");
    fs::create_dir(room.0.join("workspace")).unwrap();
    let run = |arguments: &[&str]| runs(&trestle, arguments, &room.0.join("workspace"));
    let (made, printed) = run(&["init", "--local"]);
    assert!(made, "{printed}");
    let path = "package/data/oscal-assessment-results.json";
    let results = String::from_utf8(room.read(path)).unwrap();
    // Both kinds of findings are there.
    assert!(results.contains("\"satisfied\"") && results.contains("\"not-satisfied\""));
    let (valid, printed) = run(&["import", "-f", &format!("../{path}"), "-o", "whole"]);
    assert!(valid, "{printed}");
    let (valid, printed) = run(&["validate", "-t", "assessment-results", "-n", "whole"]);
    assert!(valid && printed.contains("VALID"), "{printed}");
    for (from, to) in [
        ("\"not-satisfied\"", "\"undecided\""),
        ("\"objective-id\"", "\"control\""),
        ("\"target-id\": \"", "\"target-id\": \"("),
        ("\"uuid\": \"", "\"uuid\": \"x"),
    ] {
        let altered = results.replace(from, to);
        assert_ne!(altered, results, "{from}");
        room.write("altered.json", altered);
        let (valid, printed) = run(&["import", "-f", "../altered.json", "-o", "altered"]);
        assert!(!valid, "{to}: {printed}");
    }
}

#[test]
fn openssl_accepts_the_signature_and_refuses_it_altered() {
    let room = packed("openssl");
    let envelope: Value = room.json("package/package.intoto.jsonl");
    let decoded = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let payload = decoded(&envelope["payload"]);
    let kind = envelope["payloadType"].as_str().unwrap();
    // DSSE's pre-authentication encoding, as its specification defines it.
    let encoded = |payload: &[u8]| {
        let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
        [head.as_bytes(), payload].concat()
    };
    room.write("signature", decoded(&envelope["signatures"][0]["sig"]));
    let verify = |payload: &[u8]| {
        room.write("signed", encoded(payload));
        let arguments = ["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"];
        runs(OsStr::new("openssl"), &[&arguments[..], &["signed"]].concat(), &room.0).0
    };
    assert!(verify(&payload), "openssl refuses the signature");
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(statement["subject"][0]["name"], "manifest-sha256.txt");
    let manifest = &statement["subject"][0]["digest"]["sha256"];
    let sums = runs(OsStr::new("sha256sum"), &["package/manifest-sha256.txt"], &room.0).1;
    assert!(sums.starts_with(manifest.as_str().unwrap()), "{sums}");
    let altered = String::from_utf8(payload).unwrap().replace("contradicted", "proven");
    assert!(!verify(altered.as_bytes()), "openssl accepts an altered statement");
}
