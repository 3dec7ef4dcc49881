//! A mirror is verified with nothing but its place: its own period, scope and keys.
use super::*;

fn mirror(name: &str, trail: &BuiltTrail, more: &[&str]) -> PathBuf {
    let server = serve(trail);
    let at = fresh(&format!("by-itself-{name}"));
    let (from, to) = (trail.whole().from + 3_600, trail.whole().to);
    let period = over(from, to);
    let place = ["mirror", LOCATION, at.to_str().unwrap()];
    let ran = aws(&server, &[&place[..], &slices(&period), &JSONL, more].concat());
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    at
}

#[test]
fn a_mirror_has_its_period_its_scope_and_its_keys() {
    let trail = of_organization(6).build();
    let at = mirror("whole", &trail, &[]);
    let path = at.to_str().unwrap();
    let ran = offline(&[&["verify", path][..], &JSONL].concat());
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    let started = &ran.of_kind("run-started")[0];
    assert_eq!(started["from"], iso(trail.whole().from + 3_600), "{started}");
    assert_eq!(started["to"], iso(trail.whole().to), "{started}");
    assert_eq!(finished(&ran)["chains"], 4);
    // What it means to trust keys that lie with the evidence is said, and where they come from.
    assert!(ran.stderr.contains("note: the public keys come from the mirror itself"));
    let keys = ran.of_kind("public-key");
    assert!(!keys.is_empty());
    assert!(keys.iter().all(|key| key["source"] == "public-keys.json of the mirror itself"));
    // Keys of one's own are used in their place.
    let own = at.join("public-keys.json");
    let ran =
        offline(&[&["verify", path, "--public-keys", own.to_str().unwrap()][..], &JSONL].concat());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(!ran.stderr.contains("the mirror itself"), "{}", ran.stderr);
    // An end alone is no period, and neither has a directory of files one.
    for arguments in [
        vec!["verify", path, "--end-time", "2026-03-02"],
        vec!["verify", "testdata/demo", "--public-keys", "testdata/demo/public-keys.json"],
    ] {
        let ran = offline(&arguments);
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("a period is required"), "{}", ran.stderr);
    }
}

/// A header that was changed to a shorter period proves that period, and the run says who gave it.
#[test]
fn a_period_from_the_header_of_a_mirror_is_noted() {
    let trail = of_organization(6).build();
    let at = mirror("header", &trail, &[]);
    let path = at.to_str().unwrap();
    let header = at.join("trailproof-mirror.json");
    let text = fs::read_to_string(&header).unwrap();
    let shorter = iso(trail.whole().to - 7_200);
    fs::write(&header, text.replace(&iso(trail.whole().to), &shorter)).unwrap();
    let note = format!("note: the period and the scope come from `{}`", header.display());
    let ran = offline(&[&["verify", path][..], &JSONL].concat());
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.of_kind("run-started")[0]["to"], shorter);
    assert!(ran.stderr.contains(&note), "{}", ran.stderr);
    let (from, to) = (trail.whole().from + 3_600, trail.whole().to);
    let period = over(from, to);
    let ran = offline(&[&["verify", path][..], &slices(&period), &JSONL].concat());
    assert_eq!(ran.of_kind("run-started")[0]["to"], iso(to));
    assert!(!ran.stderr.contains("come from `"), "{}", ran.stderr);
}

#[test]
fn a_mirror_of_one_account_is_verified_as_that() {
    let trail = of_organization(6).build();
    let at = mirror("account", &trail, &["--account", MEMBER]);
    let ran = offline(&[&["verify", at.to_str().unwrap()][..], &JSONL].concat());
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.of_kind("run-started")[0]["accounts"], json!([MEMBER]));
    assert_eq!(finished(&ran)["chains"], 2);
    // What it does not have is not proven, where somebody asks for it.
    let ran =
        offline(&[&["verify", at.to_str().unwrap(), "--account", OWNER][..], &JSONL].concat());
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_mirror_that_was_changed_is_not_proven_by_itself() {
    let trail = of_organization(6).build();
    let at = mirror("changed", &trail, &[]);
    let logs = tree(&at);
    // The last one is of the period, and not of a digest that anchors it.
    let is_log = |path: &&PathBuf| path.to_string_lossy().contains("_CloudTrail_");
    let log = logs.keys().rev().find(is_log).unwrap();
    fs::write(at.join(log), object(b"{\"Records\":[]}").body.clone()).unwrap();
    let ran = offline(&[&["verify", at.to_str().unwrap()][..], &JSONL].concat());
    assert!(ran.status == 3 || ran.status == 1, "{}{}", ran.stdout, ran.stderr);
    // Without its keys nothing is proven, and nobody is accused.
    fs::remove_file(at.join("public-keys.json")).unwrap();
    let ran = offline(&[&["verify", at.to_str().unwrap()][..], &JSONL].concat());
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
}

/// A mirror of a folder below `AWSLogs` knows nothing of what lies beside it, and is verified as that
/// folder.
#[test]
fn a_mirror_of_a_folder_below_awslogs_is_verified_as_that() {
    let trail = of_organization(6).build();
    let period = over(trail.whole().from + 3_600, trail.whole().to);
    for (below, chains) in [
        (String::new(), 4),
        (format!("{ORGANIZATION}/"), 4),
        (format!("{ORGANIZATION}/{MEMBER}/"), 2),
        (format!("{ORGANIZATION}/{MEMBER}/CloudTrail/{AWAY}/"), 1),
    ] {
        let server = serve(&trail);
        let at = fresh("by-itself-below");
        let (place, path) = (format!("{LOCATION}/AWSLogs/{below}"), at.to_str().unwrap());
        let arguments = [&["mirror", &place, path][..], &slices(&period), &JSONL].concat();
        let ran = aws(&server, &arguments);
        assert_eq!(ran.status, 0, "{below}: {}{}", ran.stdout, ran.stderr);
        for more in [&[][..], &slices(&period)] {
            let ran = offline(&[&["verify", path][..], more, &JSONL].concat());
            assert_eq!(ran.status, 0, "{below}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(finished(&ran)["chains"], chains, "{below}");
        }
        let ran = offline(&["verify", path, "--account", NOBODY]);
        assert_ne!(ran.status, 0, "{below}: {}{}", ran.stdout, ran.stderr);
    }
}

/// `sha256sum -c SHA256SUMS` checks every file of a mirror, and names the one that changed.
#[test]
fn the_checksums_of_a_mirror_are_those_of_sha256sum() {
    let trail = of_organization(4).build();
    let at = mirror("sums", &trail, &[]);
    let check = || {
        let output = std::process::Command::new("sha256sum")
            .args(["--check", "--strict", "SHA256SUMS"])
            .current_dir(&at)
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (ok, out) = check();
    assert!(ok, "{out}");
    let copied = tree(&at);
    let objects = copied.keys().filter(|path| path.starts_with("example-trail-logs"));
    assert_eq!(out.lines().count(), objects.count(), "{out}");
    let is_log = |path: &&PathBuf| path.to_string_lossy().contains("_CloudTrail_");
    let log = copied.keys().find(is_log).unwrap();
    fs::write(at.join(log), "rot").unwrap();
    let (ok, out) = check();
    let failed: Vec<&str> = out.lines().filter(|line| !line.ends_with(": OK")).collect();
    assert!(!ok, "{out}");
    assert_eq!(failed, [format!("{}: FAILED", log.display())]);
}
