//! `mirror --dry-run`: what would be copied, its size, and whether it fits.
use super::*;
use trailproof_testkit::world::Version;

fn plan(server: &LoopbackServer, trail: &BuiltTrail, at: &Path) -> (Ran, Value) {
    let location = format!("s3://{}", bucket(trail));
    let (path, period) = (at.to_str().unwrap(), period(trail));
    let what = ["mirror", "--dry-run", "--format", "json", &location, path];
    let ran = aws(server, &[&what[..], &slices(&period)].concat());
    let report = serde_json::from_str(&ran.stdout).unwrap_or(Value::Null);
    (ran, report)
}

#[test]
fn a_dry_run_counts_by_kind_and_writes_nothing() {
    let mut trail = trail();
    let name = bucket(&trail);
    let archived: Vec<_> = trail.logs().map(|(_, log)| log.clone()).take(3).collect();
    for log in &archived {
        let version: Version = trail.current(&log.bucket, &log.key).unwrap().clone();
        let version = Version { storage_class: "DEEP_ARCHIVE".to_owned(), ..version };
        trail.put(&log.bucket, &log.key, version);
    }
    let server = serve(&trail);
    let at = fresh("dry-run");
    let (ran, report) = plan(&server, &trail, &at);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(!at.exists(), "nothing is written");
    assert_eq!(server.requests().of(Operation::GetObject), sampled(&server), "nothing is read");
    let is_digest = |key: &str| key.contains("/CloudTrail-Digest/");
    let mut expected = BTreeMap::new();
    for (key, versions) in &trail.world.buckets[&name].objects {
        let kind = if is_digest(key) { "digests" } else { "log_files" };
        let sum: &mut (u64, u64) = expected.entry(kind).or_default();
        sum.0 += 1;
        sum.1 += u64::try_from(versions.last().unwrap().body.len()).unwrap();
    }
    for (kind, (objects, bytes)) in &expected {
        assert_eq!(report["listed"][*kind]["objects"], *objects, "{kind}");
        assert_eq!(report["listed"][*kind]["bytes"], *bytes, "{kind}");
    }
    assert_eq!(report["listed"]["log_files"]["archived"], 3);
    assert_eq!(report["to_copy"]["archived"], 3);
    let all: u64 = expected.values().map(|(objects, _)| objects).sum();
    assert_eq!(report["to_copy"]["objects"], all);
    assert!(report["space"]["free_bytes"].as_u64().unwrap() > 0);
    assert!(report["space"]["needed_bytes"].as_u64() >= report["to_copy"]["bytes"].as_u64());

    // Afterwards only the archived ones, which could not be read, are still to be copied.
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 3);
    let before = tree(&at);
    let log = fs::read(at.join("trailproof-custody.jsonl")).unwrap();
    let (ran, report) = plan(&server, &trail, &at);
    assert_eq!((ran.status, &report["is_mirror"]), (0, &true.into()), "{}", ran.stderr);
    assert_eq!(report["to_copy"]["objects"], 3);
    assert_eq!(report["listed"]["log_files"]["in_mirror"], expected["log_files"].0 - 3);
    assert!(tree(&at) == before, "nothing is written");
    assert_eq!(fs::read(at.join("trailproof-custody.jsonl")).unwrap(), log);
    let location = format!("s3://{name}");
    let arguments = ["mirror", "--dry-run", &location, at.to_str().unwrap()];
    let text = aws(&server, &[&arguments[..], &slices(&period(&trail))].concat());
    assert!(text.stdout.contains("3 of these are in GLACIER or DEEP_ARCHIVE"), "{}", text.stdout);
    assert!(text.stdout.contains("it fits"), "{}", text.stdout);
}

/// Reads that only find out what the bucket is a copy of.
fn sampled(server: &LoopbackServer) -> u64 {
    let gets = server.requests().of(Operation::GetObject);
    assert!(gets <= 12, "{gets}");
    gets
}

#[test]
fn a_dry_run_names_what_it_cannot_do() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("dry-run-refused");
    // Another place's mirror, a directory with something else, a format that it does not have.
    fs::create_dir_all(&at).unwrap();
    fs::write(at.join("something"), "else").unwrap();
    assert_eq!(plan(&server, &trail, &at).0.status, 2);
    let location = format!("s3://{}", bucket(&trail));
    let period = period(&trail);
    let jsonl = ["mirror", "--dry-run", &location, "new", "--format", "jsonl"];
    assert_eq!(aws(&server, &[&jsonl[..], &slices(&period)].concat()).status, 2);
    let record = ["mirror", "--dry-run", &location, "new", "--record", "r"];
    assert_eq!(aws(&server, &[&record[..], &slices(&period)].concat()).status, 2);
    // A period without anything.
    let nothing = ["mirror", "--dry-run", &location, "new"];
    let before = ["--start-time", "2019-01-01", "--end-time", "2019-02-01"];
    let ran = aws(&server, &[&nothing[..], &before].concat());
    assert_eq!(ran.status, 4, "{}{}", ran.stdout, ran.stderr);
}

/// Runs only where the system allows mounting a small file system.
#[test]
fn a_dry_run_ends_with_6_if_it_does_not_fit() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("dry-run-space");
    fs::create_dir_all(&at).unwrap();
    let location = format!("s3://{}", bucket(&trail));
    let period = period(&trail);
    let to = at.join("new");
    let arguments = ["mirror", "--dry-run", &location, to.to_str().unwrap()];
    let inner = command(&server, &[&arguments[..], &slices(&period)].concat());
    let mut outer = std::process::Command::new("unshare");
    let shell = "mount -t tmpfs -o size=64k tmpfs \"$AT\" || exit 99; exec \"$@\"";
    outer.args(["-rm", "sh", "-c", shell, "sh"]).arg(inner.get_program());
    outer.args(inner.get_args()).env("AT", &at);
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let Ok(output) = outer.output() else { return println!("skipped: there is no unshare here") };
    if output.status.code() == Some(99) || output.stderr.starts_with(b"unshare: ") {
        return println!("skipped: no small file system can be mounted here");
    }
    let ran = Ran::of(output);
    assert_eq!(ran.status, 6, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("IT DOES NOT FIT"), "{}", ran.stdout);
}
