//! Tests over the real keys.
use super::*;

/// The 1,594 real keys have no faults, and only the edges of a region are not covered.
#[test]
fn real_keys_have_no_faults() {
    let folder = std::env::var_os("TRAILPROOF_REALDATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/realdata"),
        PathBuf::from,
    );
    let path = folder.join("list_public_keys_by_region.json");
    if !path.is_file() {
        println!("skipped: no real data at `{}`", path.display());
        assert!(std::env::var_os("TRAILPROOF_REQUIRE_REALDATA").is_none(), "real data is required");
        return;
    }
    let (status, out, err) = check_file(&path);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("1,594 usable keys in 17 regions"), "{out}");
    assert!(!out.contains("wrong:") && !out.contains("odd:"), "{out}");
    let checked = check(&Bundle::read(&path).unwrap());
    assert_eq!(checked.regions.values().map(|region| region.keys).sum::<usize>(), 1_594);
    assert!(checked.regions.values().all(|region| region.open.len() == 2), "{out}");
    // A list without validity times and regions is read too, and one of its keys is not PKCS#1.
    let (status, out, _) = check_file(&folder.join("docs_public_keys.json"));
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("4 usable keys in 0 regions"), "{out}");
}

/// Real AWS digests with the real keys: without metadata they are unproven, and none is a finding.
#[test]
fn real_digests_with_real_keys_yield_no_finding() {
    let folder = std::env::var_os("TRAILPROOF_REALDATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/realdata"),
        PathBuf::from,
    );
    let keys = folder.join("list_public_keys_by_region.json");
    if !keys.is_file() {
        println!("skipped: no real data at `{}`", folder.display());
        assert!(std::env::var_os("TRAILPROOF_REQUIRE_REALDATA").is_none(), "real data is required");
        return;
    }
    for entry in fs::read_dir(folder.join("digests")).unwrap() {
        let stored = fs::read(entry.unwrap().path()).unwrap();
        let mut inflated = Vec::new();
        read_whole(&stored, 1 << 24, Some(&mut inflated)).unwrap();
        let digest: Value = serde_json::from_slice(&inflated).unwrap();
        let text = |name: &str| digest[name].as_str().unwrap().to_owned();
        let copy = at("real-digest");
        let _ = fs::remove_dir_all(&copy);
        let path = copy.join(text("digestS3Object"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &stored).unwrap();
        let mut command = program(&["verify"]);
        command.arg(&copy).arg("--public-keys").arg(&keys).args([
            "--format",
            "jsonl",
            "--start-time",
            &text("digestStartTime"),
            "--end-time",
            &text("digestEndTime"),
        ]);
        let (status, out, err) = parts(&mut command);
        assert_eq!((status, err.as_str()), (3, ""), "{out}");
        let events: Vec<Value> =
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events[0]["delivered_to"]["bucket"], text("digestS3Bucket"), "{out}");
        assert_eq!(events[0]["read_from"][0]["kind"], "directory", "{out}");
        let judged: Vec<&Value> =
            events.iter().filter(|event| event["event"] == "digest-judged").collect();
        assert_eq!(judged.len(), 1, "{out}");
        assert_eq!(judged[0]["key"], text("digestS3Object"));
        assert_eq!(judged[0]["read_failure"]["code"], "no-signature", "{out}");
    }
}
