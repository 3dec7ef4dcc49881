//! `mirror check`: damage, absence and additions, in all files or in a sample.
use super::*;
use crate::support::program::empty_folder;
use sha2::Digest as _;

struct Check {
    ran: Ran,
    report: Value,
}

impl Check {
    fn of(at: &Path, more: &[&str]) -> Self {
        let path = at.to_str().unwrap();
        let ran = offline(&[&["mirror", "check", path, "--format", "json"][..], more].concat());
        let report = serde_json::from_str(&ran.stdout).unwrap_or(Value::Null);
        Self { ran, report }
    }

    /// Returns code and file of each fault.
    fn faults(&self) -> Vec<(String, String)> {
        let of = |fault: &Value| {
            let text = |name: &str| fault[name].as_str().unwrap().to_owned();
            (text("code"), text("file"))
        };
        self.report["faults"].as_array().unwrap().iter().map(of).collect()
    }
}

/// Makes a mirror and returns the paths of its copies in the order of the manifest.
fn made(name: &str) -> (std::path::PathBuf, Vec<String>) {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh(name);
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let path = |line: Value| {
        let (bucket, key) = (line["bucket"].as_str().unwrap(), line["key"].as_str().unwrap());
        format!("{bucket}/{key}")
    };
    let copied = manifest(&at).into_iter().filter(|line| line["copied"].is_object());
    let files = copied.map(path).collect();
    (at, files)
}

#[test]
fn an_untouched_mirror_is_intact_and_the_check_is_logged() {
    let (at, files) = made("check-intact");
    let check = Check::of(&at, &[]);
    assert_eq!(check.ran.status, 0, "{}{}", check.ran.stdout, check.ran.stderr);
    assert_eq!(check.report["result"], "intact");
    for part in ["recorded", "read"] {
        assert_eq!(check.report[part]["files"], files.len(), "{part}");
    }
    let bytes: u64 = files.iter().map(|file| fs::metadata(at.join(file)).unwrap().len()).sum();
    assert_eq!(check.report["read"]["bytes"], bytes);
    assert_eq!(check.report["documents_compared"], 3);
    let entry = custody(&at).pop().unwrap();
    assert_eq!((&entry["event"], &entry["intact"]), (&"fixity-checked".into(), &true.into()));
    assert_eq!(entry["read"]["objects"], files.len());
    assert!(entry["by"]["host"].is_string() && entry["by"]["user"].is_string());
    // `verify` reports it, and a second check sees no broken log.
    let verified = offline(&["verify", at.to_str().unwrap()]);
    assert!(verified.stderr.contains("all files checked for damage"), "{}", verified.stderr);
    assert_eq!(Check::of(&at, &[]).report["custody"]["faults"], serde_json::json!([]));
    // The text says the same.
    let text = offline(&["mirror", "check", at.to_str().unwrap()]);
    assert!(text.stdout.starts_with("INTACT  mirror of s3://"), "{}", text.stdout);
}

#[test]
fn each_kind_of_fault_is_found_and_none_accuses() {
    let (at, files) = made("check-faults");
    let flipped = at.join(&files[3]);
    let whole = fs::read(&flipped).unwrap();
    let mut bytes = whole.clone();
    bytes[7] ^= 1;
    fs::write(&flipped, &bytes).unwrap();
    fs::write(at.join(&files[5]), "shorter").unwrap();
    fs::remove_file(at.join(&files[8])).unwrap();
    fs::remove_file(at.join(&files[10])).unwrap();
    fs::create_dir(at.join(&files[10])).unwrap();
    let folder = files[3].rsplit_once('/').unwrap().0;
    let extra = format!("{folder}/extra.json.gz");
    fs::write(at.join(&extra), "extra").unwrap();
    fs::write(at.join(folder).join(".DS_Store"), "desktop").unwrap();
    fs::write(at.join("notes.txt"), "extra").unwrap();
    fs::write(at.join("SHA256SUMS"), "changed").unwrap();
    let check = Check::of(&at, &[]);
    assert_eq!(check.ran.status, 3, "{}", check.ran.stderr);
    let mut expected = vec![
        ("copy-damaged".to_owned(), files[3].clone()),
        ("copy-damaged".to_owned(), files[5].clone()),
        ("missing".to_owned(), files[8].clone()),
        ("unreadable".to_owned(), files[10].clone()),
        ("extra".to_owned(), extra),
        ("extra".to_owned(), "notes.txt".to_owned()),
        ("document-changed".to_owned(), "SHA256SUMS".to_owned()),
    ];
    expected.sort_by(|one, other| one.1.cmp(&other.1));
    let mut faults = check.faults();
    faults.sort_by(|one, other| one.1.cmp(&other.1));
    assert_eq!(faults, expected);
    assert_eq!(check.report["set_aside"], 1);
    let fault = |file: &str| {
        let all = check.report["faults"].as_array().unwrap();
        all.iter().find(|fault| fault["file"] == file).unwrap().clone()
    };
    let hash = |bytes: &[u8]| hex::encode(sha2::Sha256::digest(bytes));
    let damaged = fault(&files[3]);
    assert_eq!(damaged["expected"]["sha256"], hash(&whole));
    assert_eq!(damaged["found"]["sha256"], hash(&bytes));
    assert_eq!(fault(&files[5])["found"]["bytes"], 7);
    let entry = custody(&at).pop().unwrap();
    assert_eq!(entry["intact"], false);
    assert_eq!(entry["faults"]["copy-damaged"], 2);
    let text = offline(&["mirror", "check", at.to_str().unwrap(), "--no-log"]);
    assert_eq!(text.status, 3);
    assert!(text.stdout.starts_with("NOT INTACT"), "{}", text.stdout);
    assert!(text.stdout.contains("another copy"), "{}", text.stdout);
    assert_eq!(custody(&at).pop().unwrap(), entry, "it was not to be logged");
}

/// A sample reads exactly its share, which the seed draws again. Sizes and names are compared of all.
#[test]
fn a_sample_is_drawn_by_its_seed() {
    let (at, files) = made("check-sample");
    let read = |seed: &str| {
        let check = Check::of(&at, &["--sample", "25%", "--seed", seed]);
        assert_eq!(check.ran.status, 0, "{}", check.ran.stderr);
        assert_eq!(check.report["recorded"]["files"], files.len());
        check.report["read"].clone()
    };
    let first = read("7");
    assert_eq!(first["files"], files.len().div_ceil(4));
    assert_eq!(read("7"), first);
    // A damaged file is found by the seeds that draw it, about a quarter of them.
    let damaged = at.join(&files[20]);
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[7] ^= 1;
    fs::write(&damaged, &bytes).unwrap();
    let found = |seed: u32| {
        let check = Check::of(&at, &["--sample", "25", "--seed", &seed.to_string(), "--no-log"]);
        assert!([0, 3].contains(&check.ran.status), "{}", check.ran.stderr);
        check.ran.status == 3
    };
    let finds = (0..40).filter(|seed| found(*seed)).count();
    assert!((3..20).contains(&finds), "{finds} of 40");
    // What is absent or has another size is found by every sample.
    fs::remove_file(&damaged).unwrap();
    fs::write(at.join(&files[21]), "shorter").unwrap();
    for seed in 0..4 {
        let seed = seed.to_string();
        let check = Check::of(&at, &["--sample", "2%", "--seed", &seed]);
        let codes: Vec<String> = check.faults().into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, ["missing", "copy-damaged"], "{seed}");
    }
    let text = offline(&["mirror", "check", at.to_str().unwrap(), "--sample", "2%"]);
    assert!(text.stdout.contains("a random sample of 2 %"), "{}", text.stdout);
}

/// Whatever a mirror's documents say, a check reads nothing outside of the directory.
#[test]
fn no_document_leads_outside() {
    let (at, _) = made("check-outside");
    let secret = at.with_extension("secret");
    fs::write(&secret, "secret").unwrap();
    let outside = format!("../{}", secret.file_name().unwrap().to_str().unwrap());
    let path = at.join("trailproof-manifest.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let forged = text.replacen("\"copied\":{", &format!("\"copied\":{{\"file\":{outside:?},"), 1);
    assert_ne!(forged, text);
    fs::write(&path, forged).unwrap();
    let header = at.join("trailproof-mirror.json");
    let length = fs::metadata(&path).unwrap().len();
    let mut document: Value = serde_json::from_slice(&fs::read(&header).unwrap()).unwrap();
    document["manifest_bytes"] = length.into();
    fs::write(&header, document.to_string()).unwrap();
    let check = Check::of(&at, &[]);
    assert_eq!(check.ran.status, 3, "{}", check.ran.stderr);
    let faults = check.faults();
    assert!(faults.contains(&("unreadable".to_owned(), outside)), "{faults:?}");
    let changed = ("document-changed".to_owned(), "trailproof-manifest.jsonl".to_owned());
    assert!(faults.contains(&changed), "{faults:?}");
}

/// A damaged manifest is a fault and not an abort; what it does not record is not called extra.
#[test]
fn a_damaged_manifest_is_a_fault() {
    let (at, _) = made("check-manifest");
    let path = at.join("trailproof-manifest.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("{\"bucket\"", "x\"bucket\"", 3)).unwrap();
    let check = Check::of(&at, &[]);
    assert_eq!(check.ran.status, 3, "{}", check.ran.stderr);
    let changed = ("document-changed".to_owned(), "trailproof-manifest.jsonl".to_owned());
    assert_eq!(check.faults(), [changed]);
}

#[test]
fn what_cannot_be_checked_is_refused_with_its_status() {
    let (at, files) = made("check-refused");
    let folder = at.join(files[0].split('/').next().unwrap());
    let other = offline(&["mirror", "check", folder.to_str().unwrap()]);
    assert_eq!(other.status, 2, "{}", other.stderr);
    assert!(other.stderr.contains("is not a mirror"), "{}", other.stderr);
    assert_eq!(offline(&["mirror", "check", "/no/such/mirror"]).status, 5);
    for sample in ["0%", "101%", "x"] {
        let ran = offline(&["mirror", "check", at.to_str().unwrap(), "--sample", sample]);
        assert_eq!(ran.status, 2, "{sample}: {}", ran.stderr);
    }
    // A run that writes holds the lock.
    let lock = fs::File::open(at.join(".trailproof/lock")).unwrap();
    lock.lock().unwrap();
    let busy = Check::of(&at, &[]);
    assert_eq!(busy.ran.status, 5, "{}", busy.ran.stderr);
    assert!(busy.ran.stderr.contains("another run is writing"), "{}", busy.ran.stderr);
    lock.unlock().unwrap();
    // A copy on another medium has no working files, and may not be writable.
    fs::remove_dir_all(at.join(".trailproof")).unwrap();
    assert_eq!(Check::of(&at, &["--no-log"]).ran.status, 0);
}

/// A link or a pipe in place of a working file leads nowhere, and nothing is waited for.
#[cfg(unix)]
#[test]
fn working_files_that_are_something_else_are_refused() {
    use std::os::unix::fs::symlink;
    let (at, _) = made("check-work");
    let work = at.join(".trailproof");
    let outside = empty_folder("check-outside");
    fs::write(outside.join("header.part"), "mine").unwrap();
    fs::remove_dir_all(&work).unwrap();
    symlink(&outside, &work).unwrap();
    let check = Check::of(&at, &[]);
    assert_eq!(check.ran.status, 5, "{}{}", check.ran.stdout, check.ran.stderr);
    assert_eq!(fs::read_to_string(outside.join("header.part")).unwrap(), "mine");
    fs::remove_file(&work).unwrap();
    fs::create_dir(&work).unwrap();
    let made = std::process::Command::new("mkfifo").arg(work.join("lock")).status().unwrap();
    assert!(made.success());
    let check = Check::of(&at, &[]);
    assert_eq!(check.ran.status, 5, "{}{}", check.ran.stdout, check.ran.stderr);
}

/// One entry that cannot be read does not end the check.
#[cfg(unix)]
#[test]
fn odd_entries_are_faults_and_the_others_are_checked() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let (at, files) = made("check-odd");
    let odd = at.join(OsStr::from_bytes(b"odd\xe9"));
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("x"), "x").unwrap();
    fs::remove_file(at.join("SHA256SUMS")).unwrap();
    fs::create_dir(at.join("SHA256SUMS")).unwrap();
    fs::write(at.join(&files[0]), "damaged").unwrap();
    let check = Check::of(&at, &[]);
    assert_eq!(check.ran.status, 3, "{}{}", check.ran.stdout, check.ran.stderr);
    let expected = [
        ("document-changed", "SHA256SUMS"),
        ("extra", "odd\u{fffd}/x"),
        ("copy-damaged", files[0].as_str()),
    ];
    let expected = expected.map(|(code, file)| (code.to_owned(), file.to_owned()));
    let mut found = check.faults();
    found.sort();
    let mut expected = Vec::from(expected);
    expected.sort();
    assert_eq!(found, expected, "{}", check.ran.stdout);
}

/// A run that was killed after it wrote its documents, and before it said so, damaged nothing.
#[test]
fn documents_of_a_run_that_did_not_end_are_not_compared_with_an_earlier_one() {
    let (at, _) = made("check-killed");
    let log = at.join("trailproof-custody.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // The entries of a second run, without its end.
    let mut second: Value = serde_json::from_str(lines[0]).unwrap();
    second["entry"] = json!(3);
    second["began"] = json!("2026-12-01T00:00:00Z");
    second["previous"] = json!(hex::encode(sha2::Sha256::digest(lines[1])));
    let third = second.to_string();
    fs::write(&log, format!("{text}{third}\n")).unwrap();
    let header = at.join("trailproof-mirror.json");
    let mut of: Value = serde_json::from_str(&fs::read_to_string(&header).unwrap()).unwrap();
    of["custody"] = json!({ "entries": 3, "sha256": hex::encode(sha2::Sha256::digest(&third)) });
    fs::write(&header, of.to_string()).unwrap();
    fs::write(at.join("SHA256SUMS"), "of the second run").unwrap();
    let check = Check::of(&at, &["--no-log"]);
    assert_eq!(check.report["documents_compared"], 0, "{}", check.ran.stdout);
    assert_eq!(check.ran.status, 0, "{}{}", check.ran.stdout, check.ran.stderr);
}
