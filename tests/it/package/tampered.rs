//! What `package check` notices: each byte, each name, each signature.
use super::{Room, copied, files, seal, seal_tags, sha256sum};
use crate::support::attest_room::repository;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

fn pair(code: &str, path: &str) -> (String, String) {
    (code.to_owned(), path.to_owned())
}

#[test]
fn a_changed_byte_of_any_file_is_noticed_and_the_file_named() {
    let room = Room::new("byte");
    room.signed("package");
    let package = room.path("package");
    for (path, bytes) in files(&package) {
        let mut changed = bytes.clone();
        // A byte that is not the white space at the end, which some of the files may have or not.
        let at = changed.len() / 2;
        changed[at] ^= 1;
        fs::write(package.join(&path), &changed).unwrap();
        let (status, faults) = room.faults("package", &["--key", "public.pem"]);
        assert_eq!(status, 1, "{path}");
        // The manifest of the tag files is named by nothing: its own lines show it.
        let named = faults.iter().any(|(_, named)| *named == path);
        assert!(named || path == "tagmanifest-sha256.txt", "{path}: {faults:?}");
        if path.starts_with("data/") {
            assert_eq!(faults[0], pair("file-changed", &path));
            assert!(!sha256sum(&package, "manifest-sha256.txt"), "{path}");
        }
        fs::write(package.join(&path), bytes).unwrap();
    }
    room.check("package", &["--key", "public.pem"]).is(0, "INTACT");
}

#[test]
fn a_file_that_is_gone_or_was_added_is_named() {
    let room = Room::new("gone");
    room.signed("package");
    let package = room.path("package");
    for (path, bytes) in files(&package) {
        fs::remove_file(package.join(&path)).unwrap();
        let (status, faults) = room.faults("package", &["--key", "public.pem"]);
        assert_eq!(status, 1, "{path}");
        assert!(faults.iter().any(|(_, named)| *named == path), "{path}: {faults:?}");
        fs::write(package.join(&path), bytes).unwrap();
    }
    for path in ["data/4-review/02-more.csv", "data/new/file", "fetch.txt", "manifest-md5.txt"] {
        let at = package.join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(&at, "x").unwrap();
        let (status, faults) = room.faults("package", &["--key", "public.pem"]);
        assert_eq!((status, faults), (1, vec![pair("file-added", path)]));
        fs::remove_file(at).unwrap();
    }
    fs::remove_dir(package.join("data/new")).unwrap();
    room.check("package", &["--key", "public.pem"]).is(0, "INTACT");
    fs::create_dir(room.path("empty")).unwrap();
    room.check("empty", &[]).is(5, "is not a package");
    room.check("none", &[]).is(5, "cannot read `none`");
}

/// What desktops leave is not tampering, and what lies beside the bag does not belong to it.
#[test]
fn files_of_a_desktop_are_not_called_tampering() {
    let room = Room::new("desktop");
    room.signed("package");
    let package = room.path("package");
    for (path, status, faults) in [
        (".DS_Store", 0, vec![]),
        ("__MACOSX/data/._index.html", 0, vec![]),
        ("notes.txt", 0, vec![]),
        ("data/.DS_Store", 3, vec![pair("desktop-file", "data/.DS_Store")]),
        (
            "data/2-integrity/desktop.ini",
            3,
            vec![pair("desktop-file", "data/2-integrity/desktop.ini")],
        ),
        ("data/Notes.txt", 1, vec![pair("not-a-file", "data/Notes.txt")]),
        ("data/notes.txt", 1, vec![pair("file-added", "data/notes.txt")]),
    ] {
        let at = package.join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(&at, "x").unwrap();
        assert_eq!(room.faults("package", &["--key", "public.pem"]), (status, faults), "{path}");
        let ran = room.check("package", &["--key", "public.pem"]);
        let first = path.split('/').next().unwrap();
        assert!(ran.stdout.contains(first), "{ran:#?}");
        fs::remove_file(at).unwrap();
        let _ = fs::remove_dir_all(package.join("__MACOSX"));
    }
}

/// `--force` replaces a package, and not what somebody put beside it.
#[test]
fn force_deletes_nothing_that_the_package_did_not_write() {
    let room = Room::new("force");
    room.signed("package");
    let more = room.path("package/data/4-review/notes.txt");
    fs::write(&more, "mine").unwrap();
    room.create("package", &["--force"])
        .is(2, "which `--force` would delete: `data/4-review/notes.txt`");
    assert_eq!(fs::read(&more).unwrap(), b"mine");
    fs::remove_file(more).unwrap();
    fs::write(room.path("package/.DS_Store"), "x").unwrap();
    room.create("package", &["--force"]).is(0, "");
}

/// A run over a part of what lies there decides no control, however it ends.
#[test]
fn a_narrow_run_satisfies_no_control() {
    let room = Room::new("narrow");
    let (demo, keys) = (repository("testdata/demo"), repository("testdata/demo/public-keys.json"));
    let verify = ["verify", &demo, "--public-keys", &keys, "--quiet", "--force"];
    let period = ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T20:04:11Z"];
    let state = |more: &[&str]| {
        let record = ["--record", "narrow.jsonl"];
        room.0.run(&[&verify[..], &period, &record, more].concat()).is(0, "PROVEN");
        let create = ["package", "create", "--id", "p", "--to", "narrow", "--force"];
        room.0.run(&[&create[..], &["--record", "narrow.jsonl"]].concat()).is(0, "");
        let document = room.0.json("narrow/data/package.json");
        document["controls"][0]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(&["--region", "us-east-1"]), "undecided");
    assert_eq!(state(&["--no-unlisted"]), "undecided");
    assert_eq!(state(&[]), "satisfied");
}

/// Whoever cannot sign can write all manifests anew. What they say must still be what the evidence
/// gives.
#[test]
fn a_page_that_says_something_else_than_the_evidence_is_noticed_without_a_signature() {
    let room = Room::new("sealed");
    room.create("original", &[]).is(0, "not signed");
    let changes: [(&str, &str, &str); 7] = [
        ("data/index.html", "CONTRADICTED", "PROVEN"),
        ("data/index.md", "CONTRADICTED", "PROVEN"),
        ("data/2-integrity/summary.json", "contradicted", "proven"),
        ("data/2-integrity/report.html", "Contradicted: evidence", "Proven: evidence"),
        ("data/controls.csv", "FAIL", "PASS"),
        ("data/oscal-assessment-results.json", "not-satisfied", "satisfied"),
        ("data/package.json", "\"contradicted\"", "\"proven\""),
    ];
    for (path, from, to) in changes {
        let package = room.path("package");
        let _ = fs::remove_dir_all(&package);
        copied(&room.path("original"), &package);
        let text = fs::read_to_string(package.join(path)).unwrap();
        assert!(text.contains(from), "{path}");
        fs::write(package.join(path), text.replace(from, to)).unwrap();
        seal(&package);
        assert!(sha256sum(&package, "manifest-sha256.txt"), "{path}: the test seals wrongly");
        let (status, faults) = room.faults("package", &[]);
        assert_eq!(status, 1, "{path}");
        assert!(faults.iter().any(|(_, named)| named == path), "{path}: {faults:?}");
    }
    // A file that the document does not name, in a manifest that does.
    let package = room.path("package");
    fs::remove_dir_all(&package).unwrap();
    copied(&room.path("original"), &package);
    fs::write(package.join("data/4-review/02-more.csv"), "x").unwrap();
    seal(&package);
    let (status, faults) = room.faults("package", &[]);
    // The count in `bag-info.txt` includes it.
    let expected = [
        pair("file-added", "data/4-review/02-more.csv"),
        pair("made-file-differs", "bag-info.txt"),
    ];
    assert_eq!((status, faults), (1, expected.to_vec()));
    // The record of a different run, with everything else as it was.
    fs::remove_file(package.join("data/4-review/02-more.csv")).unwrap();
    room.0.record("testdata/demo", "again.jsonl");
    fs::write(package.join("data/2-integrity/record.jsonl"), room.0.read("again.jsonl")).unwrap();
    seal(&package);
    let (status, faults) = room.faults("package", &[]);
    assert_eq!(status, 1);
    let attestation = "data/2-integrity/attestation.intoto.jsonl";
    let named = |code: &str, path: &str| faults.contains(&pair(code, path));
    assert!(named("file-changed", "data/2-integrity/record.jsonl"), "{faults:?}");
    assert!(!named("attestation-differs", attestation), "{faults:?}");
    // The same with a document that says so: the attestation is of the other record.
    let mut document = room.0.json("package/data/package.json");
    for file in document["files"].as_array_mut().unwrap() {
        if file["role"] == "record" {
            let bytes = room.0.read("again.jsonl");
            file["sha256"] = hex::encode(Sha256::digest(&bytes)).into();
            file["bytes"] = bytes.len().into();
        }
    }
    room.0.write("package/data/package.json", document.to_string());
    seal(&package);
    let (status, faults) = room.faults("package", &[]);
    assert_eq!(status, 1);
    assert!(faults.contains(&pair("attestation-differs", attestation)), "{faults:?}");
}

/// The version is a claim as well: it must not switch the comparison off.
#[test]
fn a_package_of_a_different_version_is_vouched_for_by_its_signature_alone() {
    let room = Room::new("version");
    room.signed("package");
    let package = room.path("package");
    let mut document = room.0.json("package/data/package.json");
    document["made_by"]["version"] = "9.9.9".into();
    room.0.write("package/data/package.json", document.to_string());
    let page = fs::read_to_string(package.join("data/index.html")).unwrap();
    fs::write(package.join("data/index.html"), page.replace("CONTRADICTED", "PROVEN")).unwrap();
    fs::remove_file(package.join("package.intoto.jsonl")).unwrap();
    seal(&package);
    let open = vec![pair("not-made-again", "data/index.html")];
    assert_eq!(room.faults("package", &[]), (3, open));
    // Its inputs are compared all the same.
    room.0.run(&["package", "compare", "package", "package"]).is(0, "nothing else differs");
    document["run"]["result"]["verdict"] = "proven".into();
    room.0.write("package/data/package.json", document.to_string());
    seal(&package);
    let (status, faults) = room.faults("package", &[]);
    assert_eq!(status, 1);
    assert!(faults.contains(&pair("made-file-differs", "data/package.json")), "{faults:?}");
}

#[test]
fn a_foreign_signature_does_not_hold() {
    let room = Room::new("foreign");
    room.0.run(&["attest", "keygen", "-o", "other.pem", "--public", "other-public.pem"]);
    room.signed("package");
    let own = ["--key", "public.pem"];
    let other = ["--key", "other-public.pem"];
    room.check("package", &own).is(0, "signature    made by the key");
    room.check("package", &[]).is(0, "signature    not checked");
    let signature = "package.intoto.jsonl";
    assert_eq!(room.faults("package", &other), (1, vec![pair("signature-foreign", signature)]));
    // No signature at all, where one is expected.
    room.create("unsigned", &[]).is(0, "not signed");
    let missing = vec![pair("signature-missing", signature)];
    assert_eq!(room.faults("unsigned", &own), (1, missing));
    // The genuine signature of a different package.
    room.create("second", &["--key", "key.pem", "--id", "second"]).is(0, "signed");
    let package = room.path("package");
    fs::copy(room.path("second").join(signature), package.join(signature)).unwrap();
    seal_tags(&package);
    let (status, faults) = room.faults("package", &own);
    assert_eq!(status, 1);
    assert!(
        faults.iter().all(|fault| *fault == pair("statement-differs", signature)),
        "{faults:?}"
    );
    assert!(!faults.is_empty());
    // An attestation of a run, signed by the same key, is no statement about a package.
    fs::write(package.join(signature), room.0.read("attestation.intoto.jsonl")).unwrap();
    seal_tags(&package);
    assert_eq!(room.faults("package", &own), (1, vec![pair("statement-differs", signature)]));
    // Nor is that about a package an attestation of a run.
    let moved = fs::read(room.path("second").join(signature)).unwrap();
    room.0.write("moved.intoto.jsonl", moved);
    let ran = room.0.verify("moved.intoto.jsonl", &[]);
    ran.is(5, "a different kind");
    // A key that did not sign the attestation.
    let keys = ["--attestation-key", "other-public.pem"];
    let attestation = "data/2-integrity/attestation.intoto.jsonl";
    assert_eq!(room.faults("second", &keys), (1, vec![pair("signature-foreign", attestation)]));
    let json = room.check("second", &[&own[..], &["--format", "json"]].concat()).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["signature"]["state"], "valid");
    assert_eq!(json["attestation"]["state"], "valid");
}

#[test]
fn names_in_a_manifest_lead_nowhere() {
    let room = Room::new("names");
    room.create("package", &[]).is(0, "not signed");
    let package = room.path("package");
    // Whoever opens the pipe waits for ever.
    assert!(Command::new("mkfifo").arg(room.path("pipe")).status().unwrap().success());
    let manifest = fs::read_to_string(package.join("manifest-sha256.txt")).unwrap();
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let pipe = room.path("pipe");
    for name in [
        "../pipe",
        "data/../../pipe",
        pipe.to_str().unwrap(),
        "data/%2e%2e/%2e%2e/pipe",
        "data/..%0A",
        "data/\0",
        "data/\u{1b}[2J",
        "data\\..\\pipe",
        "bagit.txt",
        "data/index.html",
        &"data/".repeat(300),
    ] {
        fs::write(package.join("manifest-sha256.txt"), format!("{manifest}{sum}  {name}\n"))
            .unwrap();
        seal_tags(&package);
        let (status, faults) = room.faults("package", &[]);
        let expected = pair("manifest-malformed", "manifest-sha256.txt");
        assert_eq!((status, faults), (1, vec![expected]), "{name:?}");
        let shown = room.check("package", &[]).stdout;
        assert!(!shown.contains(['\u{1b}', '\0']), "{shown:?}");
    }
}

#[test]
fn no_link_in_a_package_is_followed() {
    let room = Room::new("links");
    room.create("package", &[]).is(0, "not signed");
    let package = room.path("package");
    let path = "data/4-review/01-tickets--q1-.csv";
    let at = package.join(path);
    // A link to the very same bytes.
    fs::rename(&at, room.path("outside")).unwrap();
    symlink(room.path("outside"), &at).unwrap();
    assert_eq!(room.faults("package", &[]), (1, vec![pair("not-a-file", path)]));
    fs::remove_file(&at).unwrap();
    fs::rename(room.path("outside"), &at).unwrap();
    // A folder that is a link.
    fs::rename(package.join("data/4-review"), room.path("moved")).unwrap();
    symlink(room.path("moved"), package.join("data/4-review")).unwrap();
    let (status, faults) = room.faults("package", &[]);
    assert_eq!(status, 1);
    assert!(faults.contains(&pair("not-a-file", "data/4-review")), "{faults:?}");
    fs::remove_file(package.join("data/4-review")).unwrap();
    fs::rename(room.path("moved"), package.join("data/4-review")).unwrap();
    // A name that no package has, and one that hides.
    for name in ["data/.hidden", "data/UPPER.txt", "data/a b", "data/\u{1b}[2J"] {
        fs::write(package.join(name), "x").unwrap();
        let (status, faults) = room.faults("package", &[]);
        assert_eq!((status, faults.len()), (1, 1), "{name:?}: {faults:?}");
        assert_eq!(faults[0].0, "not-a-file");
        fs::remove_file(package.join(name)).unwrap();
    }
    // The folder itself may be a link: the user named it.
    symlink(&package, room.path("link")).unwrap();
    room.check("link", &[]).is(0, "INTACT");
}

/// The document comes from whoever made the package.
#[test]
fn a_hostile_document_reads_nothing_outside_and_breaks_nothing() {
    let room = Room::new("document");
    room.create("original", &[]).is(0, "not signed");
    let original = room.0.json("original/data/package.json");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut document = original.clone();
        change(&mut document);
        document.to_string()
    };
    let inputs = |document: &mut Value| document["declared"]["inputs"].clone();
    for (code, text) in [
        ("document-unknown", "{}".to_owned()),
        ("document-unknown", "[".repeat(10_000)),
        ("document-unknown", changed(&|it| it["schema"] = 2.into())),
        ("document-unknown", changed(&|it| it["declared"]["id"] = 1.into())),
        ("input-unusable", changed(&|it| it["declared"]["inputs"] = Value::Array(Vec::new()))),
        (
            "input-unusable",
            changed(&|it| {
                let mut twice = inputs(it);
                let record = twice[0].clone();
                twice.as_array_mut().unwrap().push(record);
                it["declared"]["inputs"] = twice;
            }),
        ),
        ("input-unusable", changed(&|it| it["declared"]["inputs"][0]["slot"] = "review".into())),
        (
            "input-unusable",
            changed(&|it| it["declared"]["inputs"][0]["role"] = "trail-config".into()),
        ),
    ] {
        let package = room.path("package");
        let _ = fs::remove_dir_all(&package);
        copied(&room.path("original"), &package);
        fs::write(package.join("data/package.json"), &text).unwrap();
        seal(&package);
        let (status, faults) = room.faults("package", &[]);
        let expected = if code == "document-unknown" { 3 } else { 1 };
        assert_eq!(status, expected, "{text:.200}: {faults:?}");
        assert!(faults.iter().any(|(found, _)| found == code), "{text:.200}: {faults:?}");
    }
    let package = room.path("package");
    let outside = changed(&|it| it["declared"]["inputs"][0]["path"] = "../record.jsonl".into());
    fs::write(package.join("data/package.json"), outside).unwrap();
    seal(&package);
    let (status, _) = room.faults("package", &[]);
    assert_ne!(status, 0);
    assert!(Path::new(&room.path("record.jsonl")).exists());
}
