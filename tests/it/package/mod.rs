//! `trailproof package` from the outside: what a package holds, that it is the same each time, and
//! everything that `check` must notice. `tests/external/packages.rs` shows how other programs judge it.
mod compare;
mod runs;
mod tampered;

use crate::support::attest_room::{ATTESTATION, AttestFolder, repository};
use crate::support::program::Ran;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `package.toml` says in these tests.
const DESCRIPTION: &str = r#"
id = "example-trail-2026q1"
organization = "Example Corp"
contact = "audit@example.com"
record = "record.jsonl"
attestation = "attestation.intoto.jsonl"
attestation-key = "public.pem"
trail-config = ["state.json", "plan.json"]

[[attachment]]
slot = 4
file = "Tickets <Q1>.csv"
title = "<script>alert(1)</script> =tickets"
given-by = "Ana Auditor"
source = "ticket system, project SEC, created in the period"
note = "[click](https://example.com)"

[[attachment]]
slot = 5
file = "rules.json"
title = "Config rules"
given-by = "Ben Builder"
source = "aws configservice describe-compliance-by-config-rule"

[[pointer]]
slot = 6
title = "SOC 2 report of AWS"
where = "AWS Artifact"
given-by = "Ana Auditor"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"#;

struct Room(AttestFolder);

impl Room {
    /// Creates a folder with everything that a package of the demo needs.
    fn new(name: &str) -> Self {
        let room = Self(AttestFolder::new(&format!("package-{name}")));
        for result in ["state.json", "plan.json"] {
            let file = repository(&format!("testdata/trail-config/{result}"));
            let ran = room.0.run(&["trail-config", "--terraform", &file, "--format", "json"]);
            assert_eq!(ran.status, 1, "{}", ran.stderr);
            room.0.write(result, ran.stdout);
        }
        room.0.write("Tickets <Q1>.csv", "id,closed\n1,yes\n");
        room.0.write("rules.json", "{}\n");
        room.0.write("package.toml", DESCRIPTION);
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.0.join(name)
    }

    fn create(&self, to: &str, more: &[&str]) -> Ran {
        let arguments = ["package", "create", "--config", "package.toml", "--to", to];
        self.0.run(&[&arguments[..], more].concat())
    }

    /// Creates a signed package.
    fn signed(&self, to: &str) {
        self.create(to, &["--key", "key.pem"]).is(0, "signed by the key");
    }

    fn check(&self, package: &str, more: &[&str]) -> Ran {
        self.0.run(&[&["package", "check", package], more].concat())
    }

    /// Checks a package and returns codes and paths of its faults.
    fn faults(&self, package: &str, more: &[&str]) -> (i32, Vec<(String, String)>) {
        let ran = self.check(package, &[&["--format", "json"], more].concat());
        let json: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap().to_owned();
        let faults = json["faults"].as_array().unwrap().iter();
        (ran.status, faults.map(|fault| (text(fault, "code"), text(fault, "path"))).collect())
    }
}

/// Returns the files below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, below: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => walk(&entry.path(), &format!("{name}/"), found),
                false => {
                    found.insert(name, fs::read(entry.path()).unwrap());
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    found
}

/// Writes the manifests of a package anew, as anybody can who cannot sign.
fn seal(package: &Path) {
    let all = files(package);
    let line = |(path, bytes): (&String, &Vec<u8>)| {
        format!("{}  {path}\n", hex::encode(Sha256::digest(bytes)))
    };
    let payload = || all.iter().filter(|(path, _)| path.starts_with("data/"));
    let manifest: String = payload().map(line).collect();
    fs::write(package.join("manifest-sha256.txt"), manifest).unwrap();
    let bytes: usize = payload().map(|(_, bytes)| bytes.len()).sum();
    let info = fs::read_to_string(package.join("bag-info.txt")).unwrap();
    let info = info.lines().map(|line| match line.starts_with("Payload-Oxum") {
        true => format!("Payload-Oxum: {bytes}.{}\n", payload().count()),
        false => format!("{line}\n"),
    });
    fs::write(package.join("bag-info.txt"), info.collect::<String>()).unwrap();
    seal_tags(package);
}

/// Writes only the manifest of the tag files anew.
fn seal_tags(package: &Path) {
    let all = files(package);
    let is_tag = |path: &str| !path.starts_with("data/") && path != "tagmanifest-sha256.txt";
    let tags = all
        .iter()
        .filter(|(path, _)| is_tag(path))
        .map(|(path, bytes)| format!("{}  {path}\n", hex::encode(Sha256::digest(bytes))));
    fs::write(package.join("tagmanifest-sha256.txt"), tags.collect::<String>()).unwrap();
}

/// Copies a package.
fn copied(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let at = to.join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, bytes).unwrap();
    }
}

fn sha256sum(package: &Path, manifest: &str) -> bool {
    let mut command = Command::new("sha256sum");
    let ran =
        command.args(["--check", "--strict", "--quiet", manifest]).current_dir(package).output();
    ran.unwrap().status.success()
}

#[test]
fn a_package_is_the_same_each_time_but_for_its_circumstances() {
    let room = Room::new("twice");
    room.signed("one");
    room.signed("two");
    let (one, two) = (files(&room.path("one")), files(&room.path("two")));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&two));
    let differs: Vec<&String> =
        one.iter().filter(|(path, bytes)| two[*path] != **bytes).map(|(path, _)| path).collect();
    // The time has seconds, and an ECDSA signature is different each time.
    for path in &differs {
        let by_nature = ["circumstances.json", "package.intoto.jsonl", "tagmanifest-sha256.txt"];
        assert!(by_nature.contains(&path.as_str()), "{differs:?}");
    }
    assert!(differs.len() >= 2, "{differs:?}");
    for name in ["three", "four"] {
        room.create(name, &["--reproducible"]).is(0, "not signed");
    }
    let (three, four) = (files(&room.path("three")), files(&room.path("four")));
    assert_eq!(three, four);
    assert!(!three.contains_key("circumstances.json"));
    // Without them the payload is the same.
    assert_eq!(three["manifest-sha256.txt"], one["manifest-sha256.txt"]);
}

#[test]
fn a_package_holds_every_part_and_sha256sum_accepts_it() {
    let room = Room::new("whole");
    room.signed("package");
    let package = room.path("package");
    let names: Vec<String> = files(&package).into_keys().collect();
    assert_eq!(
        names,
        [
            "bag-info.txt",
            "bagit.txt",
            "circumstances.json",
            "data/1-trail-configuration/01-state.html",
            "data/1-trail-configuration/01-state.json",
            "data/1-trail-configuration/02-plan.html",
            "data/1-trail-configuration/02-plan.json",
            "data/2-integrity/attestation.intoto.jsonl",
            "data/2-integrity/record.jsonl",
            "data/2-integrity/report.html",
            "data/2-integrity/summary.json",
            "data/3-immutability/immutability.json",
            "data/4-review/01-tickets--q1-.csv",
            "data/5-continuous-configuration/01-rules.json",
            "data/controls.csv",
            "data/index.html",
            "data/index.md",
            "data/oscal-assessment-results.json",
            "data/package.json",
            "manifest-sha256.txt",
            "package.intoto.jsonl",
            "tagmanifest-sha256.txt",
        ]
    );
    for manifest in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        assert!(sha256sum(&package, manifest), "{manifest}");
    }
    room.check("package", &["--key", "public.pem", "--attestation-key", "public.pem"])
        .is(0, "INTACT; the verdict in it is CONTRADICTED")
        .is(0, "made again from the record and the results, and compared");
    // What was copied is as it was; what was made from the record is what `replay` makes.
    let read = |path: &str| fs::read(package.join(path)).unwrap();
    assert_eq!(read("data/2-integrity/record.jsonl"), room.0.read("record.jsonl"));
    assert_eq!(read("data/1-trail-configuration/01-state.json"), room.0.read("state.json"));
    let replayed = ["replay", "record.jsonl", "--format", "json", "--report", "html=report.html"];
    let ran = room.0.run(&replayed);
    assert_eq!(read("data/2-integrity/summary.json"), ran.stdout.into_bytes());
    assert_eq!(read("data/2-integrity/report.html"), room.0.read("report.html"));
    let permissions = fs::metadata(&package).unwrap().permissions();
    let like = fs::metadata(package.join("data")).unwrap().permissions();
    assert_eq!(permissions, like, "a package is closed to others");
}

#[test]
fn the_document_says_what_was_asked_and_that_counts_agree() {
    let room = Room::new("facts");
    room.signed("package");
    let document = room.0.json("package/data/package.json");
    assert_eq!(document["run"]["scope"]["from"], "2026-03-01T00:04:11Z");
    assert_eq!(document["run"]["scope"]["to"], "2026-03-04T00:00:00Z");
    assert_eq!(document["run"]["result"]["verdict"], "contradicted");
    assert_eq!(document["attestation"]["names_record"], true);
    let lines = room.0.read("record.jsonl");
    let lines: Vec<Value> = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let judged = lines.iter().filter(|line| line["event"] == "log-judged").count();
    let counts = &document["reconciliation"];
    assert_eq!(counts[0]["what"], "log-files");
    assert_eq!(counts[0]["total"], judged);
    let chains = lines.iter().filter(|line| line["event"] == "chain-finished").count();
    let period = 3 * 86_400 - (4 * 60 + 11);
    assert_eq!(counts[1]["total"], period * chains);
    for count in counts.as_array().unwrap() {
        assert_eq!(count["adds_up"], true, "{count}");
    }
    let slots = document["slots"].as_array().unwrap();
    let slots: Vec<&str> = slots.iter().map(|slot| slot["status"].as_str().unwrap()).collect();
    assert_eq!(slots, ["provided", "provided", "provided", "provided", "provided", "pointed-at"]);
    for file in document["files"].as_array().unwrap() {
        let bytes = fs::read(room.path("package").join(file["path"].as_str().unwrap())).unwrap();
        assert_eq!(file["sha256"], hex::encode(Sha256::digest(&bytes)), "{file}");
        assert_eq!(file["bytes"], bytes.len());
    }
}

#[test]
fn a_control_counts_as_satisfied_only_if_every_check_of_it_passes() {
    let room = Room::new("controls");
    // As if AWS itself had been asked.
    let live = String::from_utf8(room.0.read("state.json")).unwrap();
    let live = live.replace("\"basis\": \"state\"", "\"basis\": \"live\"");
    room.0.write("state.json", live);
    room.create("package", &[]).is(0, "not signed");
    let document = room.0.json("package/data/package.json");
    // Recounted from the results themselves. What a plan describes counts only where it fails.
    let mut expected: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (result, is_live) in [("state.json", true), ("plan.json", false)] {
        for result in room.0.json(result)["results"].as_array().unwrap() {
            for control in result["controls"].as_array().unwrap() {
                if control["tool"] == true || (!is_live && result["status"] != "FAIL") {
                    continue;
                }
                let version = control["version"].as_str().map(|version| format!(" {version}"));
                let standard =
                    format!("{}{}", control["name"].as_str().unwrap(), version.unwrap_or_default());
                let id = (standard, control["id"].as_str().unwrap().to_owned());
                let status = result["status"].as_str().unwrap().to_owned();
                expected.entry(id).or_default().push(status);
            }
        }
    }
    // The demo is contradicted, and so are the controls that integrity serves.
    let summary = room.0.json("package/data/2-integrity/summary.json");
    for served in summary["controls"].as_array().unwrap() {
        let version = served["version"].as_str().map(|version| format!(" {version}"));
        let standard = served["name"].as_str().unwrap().to_owned() + &version.unwrap_or_default();
        for id in served["ids"].as_array().unwrap() {
            let id = (standard.clone(), id.as_str().unwrap().to_owned());
            expected.entry(id).or_default().push("FAIL".to_owned());
        }
    }
    let controls = document["controls"].as_array().unwrap();
    assert_eq!(controls.len(), expected.len());
    let mut states = BTreeMap::new();
    for control in controls {
        let text = |name: &str| control[name].as_str().unwrap().to_owned();
        let statuses = &expected[&(text("standard"), text("id"))];
        let has = |status: &str| statuses.iter().any(|it| it == status);
        let state = match () {
            () if has("FAIL") => "not-satisfied",
            () if has("MANUAL") || has("NOT_AVAILABLE") => "undecided",
            () if has("PASS") => "satisfied",
            () => "not-applicable",
        };
        assert_eq!(control["state"], state, "{control} {statuses:?}");
        *states.entry(state).or_insert(0) += 1;
    }
    assert!(states.len() >= 3, "{states:?}");
    // OSCAL has a finding for each decided control and an observation for each result.
    let oscal = room.0.json("package/data/oscal-assessment-results.json");
    let result = &oscal["assessment-results"]["results"][0];
    let findings = result["findings"].as_array().unwrap();
    assert_eq!(findings.len(), states["satisfied"] + states["not-satisfied"]);
    let satisfied =
        findings.iter().filter(|it| it["target"]["status"]["state"] == "satisfied").count();
    assert_eq!(satisfied, states["satisfied"]);
    // One observation is that of the record.
    let checks = document["checks"].as_array().unwrap().len() + 1;
    assert_eq!(result["observations"].as_array().unwrap().len(), checks);
    // A plan alone satisfies nothing.
    room.create("planned", &["--trail-config", "plan.json"]).is(0, "not signed");
    let planned = room.0.json("planned/data/package.json");
    let planned = planned["controls"].as_array().unwrap();
    assert!(planned.iter().all(|it| it["state"] != "satisfied") && !planned.is_empty());
    let table = fs::read(room.path("package/data/controls.csv")).unwrap();
    for row in csv::Reader::from_reader(&table[..]).records().map(Result::unwrap) {
        assert!(!row.iter().any(|cell| cell.starts_with(['=', '+', '-', '@'])), "{row:?}");
    }
}

#[test]
fn nothing_that_was_given_is_markup_on_the_page() {
    let room = Room::new("markup");
    room.0.write("\u{1b}[2Jx.csv", "x");
    let hostile = DESCRIPTION.replace("rules.json", "\\u001b[2Jx.csv");
    room.0.write("package.toml", hostile);
    let ran = room.create("package", &[]).is(0, "not signed");
    assert!(!ran.stderr.contains('\u{1b}'));
    for (path, bytes) in files(&room.path("package")) {
        if path.starts_with("data/5-") || path.ends_with(".csv") {
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        let unsafe_for = |it: char| it.is_control() && !"\r\n".contains(it);
        assert_eq!(text.chars().find(|it| unsafe_for(*it)), None, "{path}");
    }
    let page = fs::read_to_string(room.path("package/data/index.html")).unwrap();
    assert!(page.contains("alert(1)") && !page.contains("<script"), "a title is markup");
    assert!(page.contains("default-src 'none'"), "the page has no policy");
    let text = fs::read_to_string(room.path("package/data/index.md")).unwrap();
    assert!(text.contains("alert") && !text.contains("<script") && !text.contains("[click]("));
}

#[test]
fn what_is_not_provided_is_named() {
    let room = Room::new("little");
    let little = ["package", "create", "--record", "record.jsonl", "--id", "q", "--to", "package"];
    room.0.run(&little).is(0, "not signed");
    let document = room.0.json("package/data/package.json");
    let slots = document["slots"].as_array().unwrap();
    let slots: Vec<&str> = slots.iter().map(|slot| slot["status"].as_str().unwrap()).collect();
    let none = "not-provided";
    // A directory tells nothing of how the store keeps its objects.
    assert_eq!(slots, [none, "provided", none, none, none, none]);
    let text = fs::read_to_string(room.path("package/data/index.md")).unwrap();
    assert_eq!(text.matches("Status: not provided.").count(), 5);
    assert!(text.contains("The record is not attested."));
    // Without a configuration, the table has what integrity alone says.
    let table = fs::read(room.path("package/data/controls.csv")).unwrap();
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(&table[..]).records().map(Result::unwrap).collect();
    assert!(rows.len() > 20 && rows.iter().all(|row| &row[0] == "log-file-integrity"));
    assert!(rows.iter().all(|row| &row[2] == "FAIL"), "the demo is contradicted");
    room.check("package", &[]).is(0, "none: nothing shows who made the package");
}

#[test]
fn what_cannot_be_packed_leaves_nothing_behind() {
    let room = Room::new("refused");
    room.0.write("other.toml", DESCRIPTION.replace("tickets", "t").replace("rules.json", "none"));
    room.0.write("broken.jsonl", &room.0.read("record.jsonl")[..1_000]);
    room.0.write("changed.json", "{\"tool\":\"trailproof\",\"results\":[],\"schema\":9}");
    room.0.sign_changed("changed.intoto.jsonl", |statement| {
        statement["predicate"]["result"]["verdict"] = "proven".into();
    });
    room.0.record("testdata/demo", "again.jsonl");
    room.0.run(&["attest", "keygen", "-o", "other.pem", "--public", "other-public.pem"]);
    fs::create_dir(room.path("folder")).unwrap();
    for (status, words, more) in [
        (2, "there is no `", &["--config", "none.toml"][..]),
        (5, "cannot read `", &["--record", "none.jsonl"]),
        (
            5,
            "cannot make the package: `broken.jsonl` cannot be used",
            &["--record", "broken.jsonl"],
        ),
        (5, "`changed.json` cannot be used: it has a schema", &["--trail-config", "changed.json"]),
        (1, "is not signed by the key", &["--attestation-key", "other-public.pem"]),
        (1, "differs from the record: result", &["--attestation", "changed.intoto.jsonl"]),
        (1, "the attestation is not about the record", &["--record", "again.jsonl"]),
        (5, "cannot use the previous package", &["--previous", "folder"]),
        (2, "cannot sign with `public.pem`", &["--key", "public.pem"]),
        (2, "is not a regular file", &["--trail-config", "folder"]),
    ] {
        let config = if more[0] == "--config" { &[][..] } else { &["--config", "package.toml"] };
        let arguments = [&["package", "create", "--to", "package"][..], config, more].concat();
        let ran = room.0.run(&arguments);
        let printed = ran.stderr.contains(words) || words == "there is no `";
        assert!((ran.status, printed) == (status, true), "{more:?}: {ran:#?}");
    }
    let ran = room.0.run(&["package", "create", "--config", "other.toml", "--to", "package"]);
    ran.is(5, "cannot read `").is(5, "none");
    room.0.run(&["package", "create", "--to", "package"]).is(2, "the package has no name");
    let named = ["package", "create", "--to", "package", "--id", "q"];
    room.0.run(&named).is(2, "there is no run record");
    let left: Vec<String> = fs::read_dir(room.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("package") && name != "package.toml" || name.starts_with('.'))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn only_a_package_is_replaced_and_only_if_that_is_asked() {
    let room = Room::new("force");
    room.create("package", &[]).is(0, "not signed");
    let before = files(&room.path("package"));
    room.create("package", &[]).is(2, "`--force` replaces the package");
    assert_eq!(files(&room.path("package")), before);
    room.create("package", &["--force", "--id", "other"]).is(0, "not signed");
    room.check("package", &[]).is(0, "other");
    fs::create_dir(room.path("folder")).unwrap();
    room.0.write("folder/mine", "x");
    room.create("folder", &["--force"]).is(2, "is not a package");
    room.create("record.jsonl", &["--force"]).is(2, "is not a package");
    assert_eq!(room.0.read("folder/mine"), b"x");
}

#[test]
fn a_compressed_record_and_a_bundle_are_packed_as_they_are() {
    let room = Room::new("forms");
    room.0.record("testdata/demo", "record.jsonl.zst");
    let sign = ["attest", "sign", "record.jsonl.zst", "--key", "key.pem", "--force"];
    room.0.run(&[&sign[..], &["-o", ATTESTATION, "--bundle", "bundle.json"]].concat()).is(0, "");
    let given = ["--record", "record.jsonl.zst", "--attestation", "bundle.json"];
    room.create("package", &given).is(0, "not signed");
    for name in ["record.jsonl.zst", "attestation.sigstore.json"] {
        assert!(room.path("package/data/2-integrity").join(name).is_file(), "{name}");
    }
    let keys = ["--attestation-key", "public.pem"];
    room.check("package", &keys).is(0, "attestation  signed by the key");
}
