//! The custody log: one entry after the other, each with the hash of the one before.
use super::*;
use sha2::Digest as _;

const LOG: &str = "trailproof-custody.jsonl";

fn hash(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}

/// Verifies the mirror offline and returns what is printed to stderr.
fn said(at: &Path) -> Ran {
    offline(&["verify", at.to_str().unwrap()])
}

/// Each run is in the log with its times, caller, program, place, scope, result and record.
#[test]
fn each_run_is_an_entry_that_names_who_when_and_what() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("custody");
    let record = at.with_extension("record.jsonl");
    let _ = fs::remove_file(&record);
    let more = ["--record", record.to_str().unwrap(), "--region", "us-east-1"];
    assert_eq!(mirror(&server, &trail, &at, &more).status, 0);
    let entries = custody(&at);
    let events: Vec<&Value> = entries.iter().map(|entry| &entry["event"]).collect();
    assert_eq!(events, ["mirror-started", "mirror-ended"]);
    let (started, ended) = (&entries[0], &entries[1]);
    // The server's answer to GetCallerIdentity.
    assert_eq!(started["by"]["aws_caller"], "arn:aws:iam::111122223333:user/auditor");
    assert_eq!(started["by"]["version"], env!("CARGO_PKG_VERSION"));
    let program = fs::read(env!("CARGO_BIN_EXE_trailproof")).unwrap();
    assert_eq!(started["by"]["program_sha256"], hash(&program));
    assert_eq!(started["from"]["bucket"], bucket(&trail));
    assert_eq!(started["from"]["endpoint"], server.endpoint());
    let period = period(&trail);
    assert_eq!(started["run"]["from"], period[1]);
    assert_eq!(started["run"]["to"], period[3]);
    assert_eq!(started["run"]["regions"], serde_json::json!(["us-east-1"]));
    assert_eq!((&ended["result"], &ended["verdict"]), (&"complete".into(), &"proven".into()));
    assert_eq!(ended["began"], started["began"]);
    assert!(ended["ended"].as_str() >= started["began"].as_str());
    assert_eq!(ended["record_sha256"], hash(&fs::read(&record).unwrap()));
    let copied: Vec<Value> =
        manifest(&at).into_iter().filter(|line| line["copied"].is_object()).collect();
    let bytes: u64 = copied.iter().map(|line| line["copied"]["size"].as_u64().unwrap()).sum();
    let volume = serde_json::json!({ "objects": copied.len(), "bytes": bytes });
    assert_eq!(ended["copied"], volume, "what this run copied");
    for name in ["trailproof-manifest.jsonl", "SHA256SUMS", "public-keys.json"] {
        let document = fs::read(at.join(name)).unwrap();
        let expected = serde_json::json!({ "bytes": document.len(), "sha256": hash(&document) });
        assert_eq!(ended["documents"][name], expected, "{name}");
    }
    // A second run copies nothing and is an entry all the same.
    assert_eq!(mirror(&server, &trail, &at, &["--region", "us-east-1"]).status, 0);
    let again = custody(&at);
    assert_eq!((again.len(), &again[..2]), (4, &entries[..]));
    assert_eq!(again[3]["copied"]["objects"], 0);
    // Each line has the hash of the one before, and the header that of the last.
    let text = fs::read_to_string(at.join(LOG)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(again[0]["previous"].is_null());
    for (number, line) in lines.iter().enumerate().take(3) {
        assert_eq!(again[number + 1]["previous"], hash(line.as_bytes()), "{number}");
    }
    let header: Value =
        serde_json::from_slice(&fs::read(at.join("trailproof-mirror.json")).unwrap()).unwrap();
    let head = serde_json::json!({ "entries": 4, "sha256": hash(lines[3].as_bytes()) });
    assert_eq!(header["custody"], head);
    let ran = said(&at);
    assert!(ran.stdout.contains("public keys: those in the mirror itself"), "{}", ran.stdout);
    let named = offline(&["verify", at.to_str().unwrap(), "--public-keys", &keys(&at)]);
    assert!(!named.stdout.contains("public keys:"), "{}", named.stdout);
    let note = ran.stderr;
    for part in ["copied in 2 runs", "user/auditor", "never checked", "not signed"] {
        assert!(note.contains(part), "{part}: {note}");
    }
}

/// Whatever is removed or changed shows, and it still shows after the next run appended to it.
#[test]
fn a_log_that_was_changed_shows() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("altered");
    for _ in 0..3 {
        assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    }
    let whole = fs::read_to_string(at.join(LOG)).unwrap();
    let header = fs::read(at.join("trailproof-mirror.json")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert_eq!(lines.len(), 6);
    assert!(!said(&at).stderr.contains("custody-"), "nothing was changed");
    let without = |gone: &[usize]| {
        let kept = lines.iter().enumerate().filter(|(at, _)| !gone.contains(at));
        kept.map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    let renamed = whole.replacen("user/auditor", "user/another", 1);
    assert_ne!(renamed, whole);
    let last_changed = format!("{}{}\n", without(&[5]), lines[5].replace("proven", "Proven"));
    for (what, changed, code) in [
        ("the first is gone", without(&[0]), "custody-broken"),
        ("one in the middle is gone", without(&[2]), "custody-broken"),
        ("the last is gone", without(&[5]), "custody-cut"),
        ("all are gone", String::new(), "custody-cut"),
        ("one is changed", renamed, "custody-broken"),
        ("the last is changed", last_changed, "custody-broken"),
        ("one is no entry", whole.replacen("{\"entry\":2", "{\"entry\"2", 1), "custody-unreadable"),
    ] {
        fs::write(at.join(LOG), &changed).unwrap();
        fs::write(at.join("trailproof-mirror.json"), &header).unwrap();
        let ran = said(&at);
        assert_eq!(ran.status, 0, "{what}: the evidence is the same");
        assert!(ran.stderr.contains(code), "{what}: {}", ran.stderr);
        assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
        let after = said(&at).stderr;
        assert!(after.contains("custody-"), "{what}, after the next run: {after}");
    }
    fs::remove_file(at.join(LOG)).unwrap();
    fs::write(at.join("trailproof-mirror.json"), &header).unwrap();
    assert!(said(&at).stderr.contains("custody-missing"));
}

/// A run that a signal ends has its two entries, and prints how to continue; one that is killed has
/// its first.
#[cfg(unix)]
#[test]
fn an_interrupted_run_is_in_the_log_and_says_how_to_continue() {
    let trail = TrailSpec::new()
        .seed(4)
        .time(START, 200)
        .logs(LogPlan::Constant(6), LogSizes::Small)
        .build();
    let options = ServerOptions {
        latency: std::time::Duration::from_millis(300),
        ..ServerOptions::default()
    };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let at = fresh("custody-interrupted");
    let location = format!("s3://{}", bucket(&trail));
    let period = period(&trail);
    let arguments =
        [&["mirror", &location, at.to_str().unwrap()][..], &slices(&period), &JSONL].concat();
    let started = |signal: &str| {
        let before = fs::read_to_string(at.join(LOG)).map_or(0, |text| text.lines().count());
        let child = command(&server, &arguments)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        while fs::read_to_string(at.join(LOG)).map_or(0, |text| text.lines().count()) == before {
            std::thread::yield_now();
        }
        let pid = child.id().to_string();
        assert!(
            std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success()
        );
        Ran::of(child.wait_with_output().unwrap())
    };
    let ran = started("-INT");
    assert_eq!(ran.status, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains("run the same command again"), "{}", ran.stderr);
    let entries = custody(&at);
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1]["result"], "interrupted");
    assert!(entries[1]["verdict"].is_null());
    started("-KILL");
    let events: Vec<Value> = custody(&at).into_iter().map(|entry| entry["event"].clone()).collect();
    assert_eq!(events, ["mirror-started", "mirror-ended", "mirror-started"]);
}

/// A link in place of the log is not followed.
#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_log_is_not_followed() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("custody-link");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let victim = at.with_extension("victim");
    fs::write(&victim, "mine").unwrap();
    fs::remove_file(at.join(LOG)).unwrap();
    std::os::unix::fs::symlink(&victim, at.join(LOG)).unwrap();
    let ran = mirror(&server, &trail, &at, &[]);
    assert_eq!(ran.status, 6, "{}", ran.stderr);
    assert_eq!(said(&at).status, 0, "the evidence is the same");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
}

/// The mirror still proves what the bucket has lost since. The run that finds the loss judges the
/// bucket, and both say so.
#[test]
fn what_the_bucket_lost_is_said_of_the_bucket_and_not_of_the_mirror() {
    let mut trail = trail();
    let server = serve(&trail);
    let at = fresh("custody-gone");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    drop(server);
    let log = trail.logs().map(|(_, log)| log.clone()).nth(3).unwrap();
    trail.delete(&log.bucket, &log.key);
    let server = serve(&trail);
    let ran = mirror(&server, &trail, &at, &[]);
    assert_eq!(ran.status, 1, "the bucket is contradicted: {}", ran.stderr);
    assert!(ran.stderr.contains("that the bucket no longer has: 1"), "{}", ran.stderr);
    let header: Value =
        serde_json::from_slice(&fs::read(at.join("trailproof-mirror.json")).unwrap()).unwrap();
    assert_eq!(header["objects"]["gone"], 1);
    assert_eq!(custody(&at)[3]["verdict"], "contradicted");
    drop(server);
    let offline = said(&at);
    assert_eq!(offline.status, 0, "the mirror proves it: {}", offline.stderr);
    assert!(offline.stderr.contains("the bucket no longer had"), "{}", offline.stderr);
}

/// `sha256sum --check` of the system accepts what a run writes, also of keys that cannot be names, and
/// finds what was changed.
#[test]
fn the_checksums_are_those_of_sha256sum() {
    let mut trail = trail();
    let name = bucket(&trail);
    let log = trail.logs().map(|(_, log)| log.key.clone()).next().unwrap();
    let folder = log.rsplit_once('/').unwrap().0.to_owned();
    for odd in ["back\\slash.json.gz", "line\nend.json.gz", "-dash", " space ", "star*.json.gz"] {
        trail.put(&name, &format!("{folder}/{odd}"), object(odd.as_bytes()));
    }
    let server = serve(&trail);
    let at = fresh("sums");
    mirror(&server, &trail, &at, &[]);
    drop(server);
    // A replaced object keeps its earlier copy, which is listed too.
    trail.put(&name, &log, object(b"replaced"));
    let server = serve(&trail);
    mirror(&server, &trail, &at, &[]);
    let check = || {
        std::process::Command::new("sha256sum")
            .args(["--check", "--strict", "SHA256SUMS"])
            .env("LC_ALL", "C")
            .current_dir(&at)
            .output()
    };
    let Ok(checked) = check() else {
        println!("skipped: there is no sha256sum here");
        return;
    };
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let listed = String::from_utf8(checked.stdout).unwrap().lines().count();
    let files = tree(&at).keys().filter(|path| path.components().count() > 1).count();
    assert_eq!(listed, files, "every file below the folders is listed");
    fs::write(at.join(&name).join(&log), "damaged").unwrap();
    let checked = check().unwrap();
    assert!(!checked.status.success());
    let out = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(out.lines().filter(|line| line.ends_with("FAILED")).count(), 1, "{out}");
}
