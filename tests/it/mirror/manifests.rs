//! Manifests that were truncated or forged.
use super::*;

/// A truncated manifest is never accepted as complete. Otherwise its missing lines would look like
/// objects that the bucket did not have.
#[test]
fn a_truncated_manifest_is_rejected() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("cut");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let path = at.join("trailproof-manifest.jsonl");
    let manifest = fs::read_to_string(&path).unwrap();
    let line = manifest.trim_end().rfind('\n').unwrap() + 1;
    for (cut, header_too) in [(manifest.len() - 20, false), (line, false), (line + 9, true)] {
        match header_too {
            true => write_manifest(&at, &manifest[..cut]),
            false => fs::write(&path, &manifest[..cut]).unwrap(),
        }
        let ran = verify_offline(&trail, &at);
        assert_ne!(ran.status, 0, "{cut}: {}", ran.stderr);
    }
}

/// Writes a manifest, and its length into the header.
fn write_manifest(at: &Path, manifest: &str) {
    fs::write(at.join("trailproof-manifest.jsonl"), manifest).unwrap();
    let path = at.join("trailproof-mirror.json");
    let mut header: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(header["manifest_bytes"].is_u64());
    header["manifest_bytes"] = manifest.len().into();
    fs::write(&path, header.to_string()).unwrap();
}

/// Anyone who can write to the directory can make a mirror that proves less, but not one that
/// proves something false. Nothing outside is read for them, and nothing panics.
#[test]
fn a_forged_manifest_proves_nothing_false() {
    let mut trail = trail();
    let name = bucket(&trail);
    let log = trail.logs().next().unwrap().1.clone();
    let server = serve(&trail);
    let at = fresh("forged");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let path = at.join("trailproof-manifest.jsonl");
    let manifest = fs::read_to_string(&path).unwrap();
    let key = format!("\"key\":\"{}\"", log.key);
    let line = manifest.lines().find(|line| line.contains(&key) && line.contains("copied"));
    let line = line.unwrap();
    let secret = at.with_extension("secret");
    fs::copy(at.join(&name).join(&log.key), &secret).unwrap();
    let file =
        |file: &str| line.replace("\"copied\":{", &format!("\"copied\":{{\"file\":{file:?},"));
    let outside = format!("../{}", secret.file_name().unwrap().to_str().unwrap());
    for (forged, status, code) in [
        (file(&outside), 3, Some("not-copied")),
        (file(secret.to_str().unwrap()), 3, Some("not-copied")),
        // The actual bytes count, whatever the manifest says about them.
        (line.replace("copied", "other"), 0, None),
        (line.replace("\"copied\":{", "\"absent\":true,\"other\":{"), 0, None),
        (line.replace(&name, "zz"), 5, None),
        ("{".to_owned(), 5, None),
        (format!("{line}\n{line}"), 5, None),
        ("null".to_owned(), 5, None),
    ] {
        write_manifest(&at, &manifest.replace(line, &forged));
        let ran = verify_offline(&trail, &at);
        let codes: Vec<String> = ran
            .jsonl()
            .iter()
            .filter(|event| event["key"] == log.key)
            .flat_map(|event| {
                [&event["finding"]["code"], &event["read_failure"]["code"]].map(Value::clone)
            })
            .filter_map(|code| code.as_str().map(str::to_owned))
            .collect();
        // A damaged line is detected when it is needed, or at once.
        let expected = status == ran.status || (status == 5 && ran.status == 3);
        assert!(expected, "{forged}: {} {}", ran.status, ran.stderr);
        if let Some(code) = code {
            assert_eq!(codes, [code], "{forged}");
        }
    }
    // A run that continues the mirror neither reads nor moves files outside.
    write_manifest(&at, &manifest.replace(line, &file(&outside)));
    trail.put(&name, &log.key, object(b"replaced"));
    server.replace_world(trail.world.clone());
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 1);
    assert!(secret.exists());
}

/// The next run repairs it: what can be read is kept, and the rest is copied again.
#[test]
fn a_damaged_manifest_is_repaired() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("mended");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let path = at.join("trailproof-manifest.jsonl");
    let manifest = fs::read_to_string(&path).unwrap();
    let middle = manifest.len() / 2;
    for damaged in [
        manifest[..manifest.len() - 20].to_owned(),
        manifest[..middle].to_owned(),
        manifest.replacen("\"listed\"", "\"lis\u{0}ed", 2),
    ] {
        fs::write(&path, &damaged).unwrap();
        assert_ne!(verify_offline(&trail, &at).status, 0);
        let ran = mirror(&server, &trail, &at, &[]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("the mirror's manifest is damaged"), "{}", ran.stderr);
        assert_eq!(fs::read_to_string(&path).unwrap(), manifest);
        assert_eq!(
            fs::read_to_string(at.join(".trailproof/manifest.damaged.jsonl")).unwrap(),
            damaged
        );
        let copy = verify_offline(&trail, &at);
        assert_eq!((copy.status, copy.events()), (0, verify_bucket(&server, &trail).events()));
    }
}

/// A mistyped location does not make the directory unusable for the right one.
#[test]
fn a_directory_without_copies_belongs_to_no_location() {
    let trail = trail();
    let server = serve(&trail);
    let (at, name) = (fresh("mistyped"), bucket(&trail));
    let shown = at.to_str().unwrap();
    for (place, status) in [(format!("s3://{name}/nope"), 4), ("s3://nowhere".to_owned(), 4)] {
        let words = [vec!["mirror".to_owned(), place, shown.to_owned()], period(&trail)].concat();
        let ran = aws(&server, &slices(&words));
        assert_eq!(ran.status, status, "{}", ran.stderr);
    }
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    assert_eq!(verify_offline(&trail, &at).status, 0);
    // Now it belongs to one, although nothing of the other location exists.
    let period = period(&trail);
    let words = [&["mirror", "s3://nowhere", shown][..], &slices(&period)].concat();
    let ran = aws(&server, &words);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
}
