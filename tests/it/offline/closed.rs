//! What cannot be read or is not known: bundles that lack keys, unreadable files, links, no
//! network.
use super::*;

/// The keys that a bundle holds, and the time that it claims to cover.
#[test]
fn an_unknown_key_is_a_finding_only_if_the_bundle_covers_the_time() {
    let trail = trail();
    let at = fresh("bundles");
    trail.write_to(&at).unwrap();
    let all: Value = serde_json::from_str(&all_keys(&trail)).unwrap();
    let run = |bundle: Option<&Value>| {
        let keys = at.with_extension("json");
        fs::write(&keys, bundle.unwrap_or(&Value::Null).to_string()).unwrap();
        verify(&trail, &at, bundle.map(|_| keys.as_path()), &[])
    };
    assert_eq!(verdict(&run(Some(&all))), "proven");
    let codes = |output: &Output| -> BTreeMap<String, usize> {
        let mut codes = BTreeMap::new();
        for event in events(output) {
            for field in ["finding", "read_failure"] {
                if let Some(code) = event[field]["code"].as_str() {
                    *codes.entry(code.to_owned()).or_default() += 1;
                }
            }
        }
        codes
    };
    // No bundle at all, and a bundle without regions.
    let none = run(None);
    assert_eq!(verdict(&none), "not proven");
    assert!(codes(&none).keys().all(|code| code == "keys-unavailable"), "{:?}", codes(&none));
    let stderr = String::from_utf8(none.stderr).unwrap();
    assert!(stderr.contains("public-keys.json` is not trusted"), "{stderr}");
    // With an unknown key instead of the real ones: a finding if the bundle covers the time and
    // holds a key of it, and none otherwise.
    let unknown = json!({
        "Fingerprint": trailproof_testkit::trail::signer::fingerprint(&Signer::pool(3).pkcs1),
        "Value": base64::engine::general_purpose::STANDARD.encode(&Signer::pool(3).pkcs1),
        "ValidityStartTime": "2026-02-20T00:00:00Z", "ValidityEndTime": "2026-03-22T00:00:00Z",
    });
    for (listed, requested, code, verdict_is) in [
        (json!([unknown]), true, "digest-key-unknown", "contradicted"),
        (json!([unknown]), false, "keys-unavailable", "not proven"),
        (json!([]), true, "keys-unavailable", "not proven"),
        (json!([]), false, "keys-unavailable", "not proven"),
    ] {
        let mut empty = all.clone();
        for region in empty["regions"].as_object_mut().unwrap().values_mut() {
            region["PublicKeyList"] = listed.clone();
            if !requested {
                region["requested"] = json!([]);
            }
        }
        let output = run(Some(&empty));
        assert_eq!(verdict(&output), verdict_is);
        assert!(codes(&output).keys().all(|reported| reported == code), "{:?}", codes(&output));
    }
    // As AWS's tools print them: by region, and without regions.
    assert_eq!(verdict(&run(Some(&trail.public_keys()))), "proven");
    let lists: Vec<Value> = trail
        .public_keys()
        .as_object()
        .unwrap()
        .values()
        .flat_map(|reported| reported["PublicKeyList"].as_array().unwrap().clone())
        .collect();
    let output = run(Some(&json!({ "PublicKeyList": lists })));
    assert_eq!(verdict(&output), "proven");
    assert!(String::from_utf8(output.stderr).unwrap().contains("does not name the region"));
    // A fingerprint that does not match its key is reported.
    let mut misnamed = all.clone();
    for region in misnamed["regions"].as_object_mut().unwrap().values_mut() {
        region["PublicKeyList"][0]["Fingerprint"] = json!("00000000000000000000000000000000");
    }
    let output = run(Some(&misnamed));
    assert_eq!(verdict(&output), "contradicted");
    assert!(String::from_utf8(output.stderr).unwrap().contains("fingerprint-mismatch"));
    // An entry that is not a key, or whose key does not match its fingerprint, never causes a
    // finding.
    let other = base64::engine::general_purpose::STANDARD.encode(&Signer::pool(2).pkcs1);
    for (field, value, words) in [
        ("Value", "*", "not base64"),
        ("ValidityEndTime", "x", "not a time"),
        ("Value", "AQID", "fingerprint-mismatch"),
        ("Value", other.as_str(), "fingerprint-mismatch"),
    ] {
        let mut damaged = all.clone();
        for region in damaged["regions"].as_object_mut().unwrap().values_mut() {
            region["PublicKeyList"][0][field] = json!(value);
        }
        let output = run(Some(&damaged));
        assert_eq!(verdict(&output), "not proven", "{field} {value}");
        assert!(codes(&output).keys().all(|code| code == "keys-unavailable"), "{field} {value}");
        assert!(String::from_utf8(output.stderr).unwrap().contains(words), "{field} {value}");
    }
    // The same over a copy without metadata. If the next digest records a digest's signature, only
    // the key is missing. Only the newest digest of each chain has no signature.
    fs::remove_file(at.join("trailproof-objects.json")).unwrap();
    let chains = trail.chains.len();
    assert_eq!(codes(&run(Some(&all))), BTreeMap::from([("no-signature".to_owned(), chains)]));
    let mut empty = all;
    for region in empty["regions"].as_object_mut().unwrap().values_mut() {
        region["PublicKeyList"] = json!([]);
    }
    for bundle in [None, Some(&empty)] {
        let codes = codes(&run(bundle));
        assert_eq!(codes.get("no-signature"), Some(&chains), "{codes:?}");
        assert_eq!(codes.len(), 2, "{codes:?}");
        assert!(codes.get("keys-unavailable").is_some_and(|count| *count >= 14), "{codes:?}");
    }
}

#[test]
fn unusable_input_is_reported_with_its_status() {
    let at = fresh("bad");
    fs::write(at.join("file"), "x").unwrap();
    fs::create_dir(at.join("empty")).unwrap();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["empty"], 4, "no folder `AWSLogs` or `CloudTrail-Digest`"),
        (&["none"], 2, "there is no such directory"),
        (&["file"], 2, "is not a directory"),
        (&["empty", "--public-keys", "none"], 5, "cannot use the public keys in `none`"),
        (&["empty", "--public-keys", "file"], 5, "it is not JSON"),
        (&["empty", "--relocate", "s3://a"], 2, "as a relocation"),
        (&["\u{1b}[2J"], 2, "\\u{1b}[2J"),
    ];
    for (arguments, status, words) in cases {
        let output = offline()
            .current_dir(&at)
            .arg("verify")
            .args(arguments)
            .args(["--start-time", "2026-03-01"])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty());
    }
}

/// Runs in an empty network namespace. If the system does not allow creating one, the test prints
/// that; `TRAILPROOF_REQUIRE_NAMESPACES` turns this into a failure.
#[test]
fn the_demo_is_verified_without_a_network() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo");
    let keys = demo.join("public-keys.json");
    let arguments = |command: &mut Command| {
        command
            .arg("verify")
            .arg(&demo)
            .arg("--public-keys")
            .arg(&keys)
            .args(["--start-time", "2026-03-01", "--end-time", "2026-03-04", "--complete-copy"])
            .output()
            .unwrap()
    };
    let output = arguments(&mut offline());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("CONTRADICTED  evidence of s3://example-trail-logs"), "{text}");
    assert!(text.contains("Evidence of tampering or loss (2):"), "{text}");
    assert!(text.contains("digest-missing") && text.contains("log-hash-mismatch"), "{text}");
    let can = |rights: &str| {
        let status = Command::new("unshare").args([rights, "true"]).status();
        status.is_ok_and(|status| status.success())
    };
    let Some(rights) = ["-n", "-rn"].into_iter().find(|rights| can(rights)) else {
        println!("skipped: no network namespace can be created here");
        assert!(
            std::env::var_os("TRAILPROOF_REQUIRE_NAMESPACES").is_none(),
            "a network namespace is required"
        );
        return;
    };
    let alone = || {
        let mut command = Command::new("unshare");
        isolate(&mut command).args([rights, PROGRAM]);
        command
    };
    let output = arguments(&mut alone());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
    // Nothing is reachable from there, not even a server that listens.
    let trail = trail();
    let server = serve(&trail);
    let online = |command: &mut Command| {
        connect(command, &server.endpoint())
            .args(["verify", &format!("s3://{}", bucket(&trail)), "--quiet"])
            .args(period(&trail))
            .env("AWS_REGION", "us-east-1")
            .status()
            .unwrap()
            .code()
    };
    assert_eq!(online(&mut offline()), Some(0));
    assert_eq!(online(&mut alone()), Some(5));
}

/// Returns the program without root's privilege to bypass file permissions.
fn unprivileged(probe: &Path) -> Command {
    let is_refused = |command: &mut Command| {
        let output = command.arg(probe).output();
        output.is_ok_and(|output| !output.status.success())
    };
    if is_refused(&mut Command::new("cat")) {
        return offline();
    }
    let rights = ["--bounding-set", "-dac_override,-dac_read_search"];
    let set = || {
        let mut command = Command::new("setpriv");
        command.args(rights);
        command
    };
    assert!(set().arg("true").status().unwrap().success(), "`setpriv` cannot drop privileges");
    assert!(is_refused(set().arg("cat")), "this user can read everything");
    let mut command = set();
    isolate(&mut command).arg(PROGRAM);
    command
}

/// An unreadable file is denied: neither missing nor invalid.
#[test]
fn an_unreadable_file_is_not_proven_and_not_a_finding() {
    use std::os::unix::fs::PermissionsExt as _;
    let trail = trail();
    let at = fresh("shut");
    trail.write_to(&at).unwrap();
    let keys = write_keys(&trail, "shut");
    let log = trail.logs().next().unwrap().1.clone();
    let digest = trail.chains.first().unwrap().digests.get(5).unwrap().clone();
    let file = |bucket: &str, key: &str| at.join(bucket).join(key);
    let folder = |path: PathBuf| path.parent().unwrap().to_owned();
    let places = [
        ("a log file", file(&log.bucket, &log.key)),
        ("a digest", file(&digest.bucket, &digest.key)),
        ("a folder of log files", folder(file(&log.bucket, &log.key))),
        ("a folder of digests", folder(file(&digest.bucket, &digest.key))),
    ];
    for (what, place) in places {
        let mode = fs::metadata(&place).unwrap().permissions().mode();
        // A probe beside it, so that whatever denies one denies the other.
        let probe = at.with_extension("probe");
        let _ = fs::remove_file(&probe);
        fs::write(&probe, "x").unwrap();
        for path in [&probe, &place] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
        }
        let run = |format: &str| {
            let mut command = unprivileged(&probe);
            command.arg("verify").arg(&at).args(period(&trail)).args(["--format", format]);
            command.arg("--public-keys").arg(&keys).output().unwrap()
        };
        let (output, text) = (run("jsonl"), run("text"));
        fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(output.status.code(), Some(3), "{what}");
        assert_eq!(findings(&output), BTreeSet::new(), "{what}");
        let denied = |event: &Value| event["read_failure"]["code"] == "denied";
        assert!(events(&output).iter().any(denied), "{what}");
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(text.contains("NOT PROVEN") && text.contains("\n  denied ("), "{what}: {text}");
    }
    assert_eq!(verdict(&verify(&trail, &at, Some(&keys), &[])), "proven");
    // The directory itself.
    let probe = at.with_extension("probe");
    fs::set_permissions(&at, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = unprivileged(&probe);
    let output = command.arg("verify").arg(&at).args(period(&trail)).output().unwrap();
    fs::set_permissions(&at, fs::Permissions::from_mode(0o700)).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{stderr}");
    assert!(
        stderr.starts_with("error: cannot read `") && stderr.contains("Permission denied"),
        "{stderr}"
    );
}

/// The target of a link is not read, even if it is the very file.
#[test]
fn links_that_lead_outside_are_reported_and_not_followed() {
    use std::os::unix::fs::symlink;
    let trail = trail();
    let at = fresh("links");
    trail.write_to(&at.join("copy")).unwrap();
    let keys = write_keys(&trail, "links");
    let log = trail.logs().next().unwrap().1.clone();
    let digest = trail.chains.get(1).unwrap().digests.get(5).unwrap().clone();
    let log = at.join("copy").join(&log.bucket).join(&log.key);
    let digest = at.join("copy").join(&digest.bucket).join(&digest.key);
    for (number, path) in [&log, &digest].into_iter().enumerate() {
        let away = at.join(format!("away-{number}"));
        fs::rename(path, &away).unwrap();
        symlink(&away, path).unwrap();
    }
    let output = verify(&trail, &at.join("copy"), Some(&keys), &[]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(findings(&output), BTreeSet::new());
    let reported = events(&output);
    let denied = reported.iter().filter(|event| event["read_failure"]["code"] == "denied");
    let keys: Vec<&str> = denied.map(|event| event["key"].as_str().unwrap()).collect();
    assert!(keys.iter().any(|key| log.ends_with(key)), "{keys:?}");
    assert!(keys.iter().any(|key| digest.ends_with(key)), "{keys:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("warning: skipped 2") && stderr.contains("symbolic links"), "{stderr}");
}

/// Every entry that is skipped below the folders of CloudTrail is a doubt in every output: a folder
/// that is a link, a link beside the log files, a name that cannot be a key, a pipe.
#[test]
fn skipped_entries_below_the_evidence_forbid_proven() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let trail = trail();
    let keys = write_keys(&trail, "passed");
    let log = trail.logs().next().unwrap().1.clone();
    let day = log.key.rsplit_once('/').unwrap().0.to_owned();
    let region = day.strip_suffix("/2026/03/01").unwrap().to_owned();
    let account = region.rsplit_once("/CloudTrail/").unwrap().0.to_owned();
    type Put<'p> = Box<dyn Fn(&Path) + 'p>;
    let away = fresh("passed-away");
    let cases: Vec<(&str, String, Put<'_>)> = vec![
        (
            "a link beside log files",
            format!("{day}/x.json.gz"),
            Box::new(|at| symlink(&away, at).unwrap()),
        ),
        (
            "a dangling link",
            format!("{day}/y.json.gz"),
            Box::new(|at| symlink("no/such", at).unwrap()),
        ),
        (
            "a region that is a link",
            format!("{account}/CloudTrail/ap-south-1"),
            Box::new(|at| symlink(&away, at).unwrap()),
        ),
        (
            "digests of a region that is a link",
            format!("{account}/CloudTrail-Digest/ap-south-1"),
            Box::new(|at| symlink(&away, at).unwrap()),
        ),
        (
            "an account that is a link",
            "AWSLogs/999988887777".to_owned(),
            Box::new(|at| symlink(&away, at).unwrap()),
        ),
        (
            "a pipe",
            format!("{day}/pipe"),
            Box::new(|at| assert!(Command::new("mkfifo").arg(at).status().unwrap().success())),
        ),
        (
            "a name that is not UTF-8",
            format!("{day}/bad\u{fffd}"),
            Box::new(|at| {
                let name = std::ffi::OsStr::from_bytes(b"bad\xff");
                fs::write(at.parent().unwrap().join(name), "x").unwrap();
            }),
        ),
    ];
    for (number, (what, key, put)) in cases.iter().enumerate() {
        let root = fresh(&format!("passed-{number}"));
        trail.write_to(&root.join("copy")).unwrap();
        assert_eq!(verdict(&verify(&trail, &root.join("copy"), Some(&keys), &[])), "proven");
        put(&root.join("copy").join(&log.bucket).join(key));
        let (record, page) = (root.join("r.jsonl"), root.join("r.html"));
        let report = format!("html={}", page.display());
        let more = ["--record", record.to_str().unwrap(), "--report", &report];
        let output = verify(&trail, &root.join("copy"), Some(&keys), &more);
        assert_eq!((output.status.code(), findings(&output)), (Some(3), BTreeSet::new()), "{what}");
        let reported = fs::read_to_string(&record).unwrap();
        let reported = reported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let reported = reported.filter(|event| event["read_failure"]["code"] == "not-followed");
        let folders: Vec<Value> = reported.map(|event| event["folder"].clone()).collect();
        assert_eq!(folders, [json!(key)], "{what}");
        assert!(fs::read_to_string(&page).unwrap().contains("not-followed"), "{what}");
    }
}
