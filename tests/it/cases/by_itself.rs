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
    // An end alone is not a period.
    let ran = offline(&["verify", path, "--end-time", "2026-03-02"]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("a period is required"), "{}", ran.stderr);
}

/// Whoever can change the evidence can change the keys beside it. Every format says where they come
/// from.
#[test]
fn every_format_says_that_the_keys_lie_in_the_mirror() {
    let trail = of_organization(6).build();
    let at = mirror("formats", &trail, &[]);
    let path = at.to_str().unwrap();
    let out = fresh("by-itself-formats-out");
    fs::create_dir_all(&out).unwrap();
    let file = |name: &str| out.join(name).to_str().unwrap().to_owned();
    let html = format!("html={}", file("run.html"));
    let (junit, ocsf, metrics) = (file("run.xml"), file("run.ocsf"), file("run.prom"));
    let files = ["--report", &html, "--junit", &junit, "--ocsf", &ocsf, "--metrics", &metrics];
    let ran = offline(&[&["verify", path, "--format", "json"][..], &files].concat());
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    let source = "public-keys.json of the mirror itself";
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["public_key_sources"], json!([source]));
    for name in ["run.html", "run.xml", "run.ocsf"] {
        assert!(fs::read_to_string(file(name)).unwrap().contains(source), "{name}");
    }
    let text = fs::read_to_string(&metrics).unwrap();
    let line = text.lines().find(|line| line.starts_with("trailproof_public_keys_of_mirror"));
    assert!(line.is_some_and(|line| line.ends_with(" 1")), "{text}");
    let logs = tree(&at);
    let log = logs.keys().rev().find(|path| path.to_string_lossy().contains("_CloudTrail_"));
    let log = at.join(log.unwrap());
    let lookup = ["lookup", "--in", path, log.to_str().unwrap(), "--format"];
    let ran = offline(&[&lookup[..], &["text"]].concat());
    assert!(ran.stdout.contains("those in the mirror itself"), "{}{}", ran.stdout, ran.stderr);
    let ran = offline(&[&lookup[..], &["json"]].concat());
    assert!(ran.stdout.contains(source), "{}{}", ran.stdout, ran.stderr);
}

/// A mirror that was made one region after the other has all of them, and one whose header leaves a
/// region out does not hide what lies there.
#[test]
fn a_mirror_that_was_made_region_by_region_has_them_all() {
    let trail = of_organization(20).build();
    let server = serve(&trail);
    let at = fresh("by-itself-one-by-one");
    let path = at.to_str().unwrap();
    let period = over(trail.whole().from + 3_600, trail.whole().to);
    let whole = offline(
        &[&["verify", mirror("regions", &trail, &[]).to_str().unwrap()][..], &JSONL].concat(),
    );
    let chains = whole.of_kind("chain-started");
    let regions: std::collections::BTreeSet<String> = chains
        .iter()
        .map(|line| line["chain"]["source_region"].as_str().unwrap().to_owned())
        .collect();
    assert!(regions.len() > 1, "{regions:?}");
    for region in &regions {
        let place = ["mirror", LOCATION, path, "--region", region];
        let ran = aws(&server, &[&place[..], &slices(&period), &JSONL].concat());
        assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    }
    let ran = offline(&[&["verify", path][..], &JSONL].concat());
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(finished(&ran)["chains"], finished(&whole)["chains"]);
    assert_eq!(ran.of_kind("run-started")[0]["regions"], json!(regions));
    let named: Vec<&str> = regions.iter().flat_map(|region| ["--region", region]).collect();
    let ran = offline(&[&["verify", path][..], &named, &slices(&period), &JSONL].concat());
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    // A header that says less.
    let header = at.join("trailproof-mirror.json");
    let mut json: Value = serde_json::from_str(&fs::read_to_string(&header).unwrap()).unwrap();
    for run in json["runs"].as_array_mut().unwrap() {
        run["regions"] = json!([regions.first().unwrap()]);
    }
    fs::write(&header, json.to_string()).unwrap();
    let ran = offline(&[&["verify", path][..], &JSONL].concat());
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    let doubts = ran.of_kind("place-in-doubt");
    let last = format!("/{}/", regions.last().unwrap());
    let names = |doubt: &&Value| doubt["folder"].as_str().unwrap().ends_with(&last);
    assert!(doubts.iter().filter(names).count() > 0, "{doubts:?}");
    // One that cannot be read is no reason to ask for a period.
    fs::write(&header, "{").unwrap();
    let ran = offline(&["verify", path]);
    assert_eq!(ran.status, 5, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("`trailproof-mirror.json` cannot be read"), "{}", ran.stderr);
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
