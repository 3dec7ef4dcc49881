//! Copies of a trail in directories: over every deed they are judged as the world itself is, with
//! no network and no credentials, in whatever layout they lie.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use trailproof::test_support::server::{LoopbackServer, ServerOptions};
use trailproof::test_support::trail::dice::Dice;
use trailproof::test_support::trail::{BuiltTrail, Deed, LogPlan, LogSizes, TrailSpec};
use trailproof::test_support::world::World;

const START: &str = "2026-03-01T00:04:11Z";

fn fresh(name: &str) -> PathBuf {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("offline-{name}"));
    let _ = fs::remove_dir_all(&at);
    fs::create_dir_all(&at).unwrap();
    at
}

fn trail() -> BuiltTrail {
    TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time(START, 14)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build()
}

fn iso(at: i64) -> String {
    trailproof::core::time::Timestamp::from_unix(at).to_string()
}

/// The keys of the world in our own form: all of them, of the whole time.
fn own_keys(trail: &BuiltTrail) -> String {
    let mut regions = serde_json::Map::new();
    for (region, told) in trail.public_keys().as_object().unwrap() {
        let mut told = told.clone();
        told["requested"] =
            json!([{ "from": "2026-02-20T00:00:00Z", "to": "2200-01-01T00:00:00Z" }]);
        regions.insert(region.clone(), told);
    }
    json!({ "format": "trailproof-public-keys", "schema": 1, "regions": regions }).to_string()
}

fn write_keys(trail: &BuiltTrail, name: &str) -> PathBuf {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-keys.json"));
    fs::write(&at, own_keys(trail)).unwrap();
    at
}

/// The program with an environment in which every way to AWS is a dead end.
fn offline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailproof"));
    command
        .env_clear()
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]);
    command
}

fn period(trail: &BuiltTrail) -> Vec<String> {
    let whole = trail.whole();
    ["--start-time", &iso(whole.from), "--end-time", &iso(whole.to)].map(str::to_owned).into()
}

fn verify(trail: &BuiltTrail, directory: &Path, keys: Option<&Path>, more: &[&str]) -> Output {
    let mut command = offline();
    command.arg("verify").arg(directory).args(period(trail)).args(["--format", "jsonl"]).args(more);
    if let Some(keys) = keys {
        command.arg("--public-keys").arg(keys);
    }
    command.output().unwrap()
}

/// Verifies the world over the wire.
fn online(trail: &BuiltTrail, bucket: &str, more: &[&str]) -> Output {
    let server = LoopbackServer::start(trail.world.clone(), ServerOptions::default()).unwrap();
    Command::new(env!("CARGO_BIN_EXE_trailproof"))
        .args(["verify", &format!("s3://{bucket}"), "--format", "jsonl"])
        .args(period(trail))
        .args(more)
        .env_clear()
        .env("AWS_ENDPOINT_URL", server.endpoint())
        .env("AWS_REGION", "us-east-1")
        .envs([("AWS_ACCESS_KEY_ID", "demo"), ("AWS_SECRET_ACCESS_KEY", "demo")])
        .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
        .output()
        .unwrap()
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a run found, without what only tells where it was read.
fn told(output: &Output) -> Vec<Value> {
    let mut events = events(output);
    for event in &mut events {
        let event = event.as_object_mut().unwrap();
        for field in ["location", "source", "etag", "version_id"] {
            event.remove(field);
        }
        if let Some(why) = event.get_mut("read_failure").and_then(Value::as_object_mut) {
            why.remove("detail");
            why.remove("request_id");
            why.remove("attempts");
        }
    }
    events
}

fn bucket(trail: &BuiltTrail) -> String {
    trail.digests().next().unwrap().1.bucket.clone()
}

fn verdict(output: &Output) -> String {
    let events = events(output);
    events.last().unwrap()["verdict"].as_str().unwrap().to_owned()
}

/// Findings by key.
fn findings(output: &Output) -> BTreeSet<(String, String)> {
    let of = |event: &Value| {
        let code = event["finding"]["code"].as_str()?.to_owned();
        Some((event["key"].as_str().unwrap_or_default().to_owned(), code))
    };
    events(output).iter().filter_map(of).collect()
}

/// Writes the world's objects below `directory`, each under what `name` makes of bucket and key.
fn write_as(world: &World, directory: &Path, name: impl Fn(&str, &str) -> Option<String>) {
    for (bucket, objects) in &world.buckets {
        for key in objects.objects.keys() {
            let Some(version) = objects.current(key) else { continue };
            let Some(path) = name(bucket, key) else { continue };
            let path = directory.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &version.body).unwrap();
        }
    }
}

/// Whether a directory can hold what the deed does, and metadata that a copy keeps.
fn is_for_files(deed: Deed) -> bool {
    !matches!(
        deed,
        Deed::HostileKey(..)
            | Deed::LogBomb(_)
            | Deed::DigestBomb(_)
            | Deed::DigestArchived(_)
            | Deed::LogArchived(_)
    )
}

/// A mirror with its metadata, over many combinations of deeds: the same events as over the wire.
#[test]
fn a_mirror_is_judged_as_the_world_is() {
    let clean = trail();
    let mut dice = Dice::new(5, "offline");
    let (mut compared, mut contradicted, mut tried) = (0, 0, BTreeSet::new());
    let mut wrong = Vec::new();
    for round in 0..70 {
        let mut changed = clean.clone();
        for _ in 0..=round % 3 {
            let deed = changed.random_deed(&mut dice);
            if is_for_files(deed) && changed.apply(deed).is_ok() {
                let name = format!("{deed:?}");
                tried.insert(name.split(['(', ' ']).next().unwrap_or_default().to_owned());
            }
        }
        let at = fresh("deeds");
        if changed.write_to(&at).is_err() {
            continue;
        }
        let keys = write_keys(&changed, "deeds");
        let copy = verify(&changed, &at, Some(&keys), &[]);
        let wire = online(&changed, &bucket(&changed), &[]);
        if copy.stdout.is_empty() {
            // Of a trail that was deleted whole, both say that nothing is there.
            if (wire.status.code(), wire.stdout.is_empty()) != (copy.status.code(), true) {
                let said = String::from_utf8_lossy(&copy.stderr);
                wrong.push(format!("round {round}: {said}"));
            }
            continue;
        }
        compared += 1;
        contradicted += usize::from(wire.status.code() == Some(1));
        if told(&copy) != told(&wire) || copy.status.code() != wire.status.code() {
            let (copy, wire) = (told(&copy), told(&wire));
            let first = copy.iter().zip(&wire).find(|(one, other)| one != other);
            wrong.push(format!("round {round}: {first:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 55 && contradicted > 30 && tried.len() > 20, "{compared} {tried:?}");
}

/// Without metadata, in every layout that people have: each digest but the newest of a chain is
/// proven by the one after it.
#[test]
fn every_layout_proves_all_but_the_newest_digest() {
    let mut trail = trail();
    let log = trail.chains.first().unwrap().digests.get(5).unwrap().logs.first().unwrap().clone();
    trail.delete(&log.bucket, &log.key);
    let keys = write_keys(&trail, "layouts");
    let bucket = bucket(&trail);
    let inflate = |key: &str| key.strip_suffix(".gz").unwrap_or(key).to_owned();
    let inside = |key: &str| key.strip_prefix("AWSLogs/").map(str::to_owned);
    type Layout<'l> = (&'l str, Box<dyn Fn(&str, &str) -> Option<String> + 'l>);
    let layouts: Vec<Layout<'_>> = vec![
        ("sync", Box::new(|_, key| Some(key.to_owned()))),
        ("bucket", Box::new(|bucket, key| Some(format!("{bucket}/{key}")))),
        ("deep", Box::new(|_, key| Some(format!("evidence/2026/x/{key}")))),
        ("inside", Box::new(move |_, key| inside(key))),
        (
            "inside-account",
            Box::new(|_, key| {
                key.strip_prefix("AWSLogs/")
                    .and_then(|key| key.split_once('/'))
                    .map(|(_, key)| key.to_owned())
            }),
        ),
    ];
    for (name, layout) in &layouts {
        let at = fresh(name);
        write_as(&trail.world, &at, layout);
        let output = verify(&trail, &at, Some(&keys), &[]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let found = findings(&output);
        assert_eq!(found, [(log.key.clone(), "log-missing".to_owned())].into(), "{name}");
        let unread: Vec<String> = events(&output)
            .iter()
            .filter(|event| event["read_failure"]["code"] == "no-signature")
            .map(|event| event["end"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(unread.len(), 2, "{name}: one a chain");
        let location = events(&output)[0]["location"].as_str().unwrap().to_owned();
        assert_eq!(location, format!("evidence of s3://{bucket}, read from {}", at.display()));
    }
    // Inflated on the way, with and without the ending; the hashes are over inflated bytes.
    for keep_name in [true, false] {
        let at = fresh("inflated");
        write_as(&trail.world, &at, |_, key| Some(key.to_owned()));
        let mut files = Vec::new();
        walk(&at, &mut files);
        for path in files {
            let mut bytes = Vec::new();
            let stored = fs::read(&path).unwrap();
            trailproof::core::content::read_whole(&stored, 1 << 30, Some(&mut bytes)).unwrap();
            let to = if keep_name { path.clone() } else { inflate(path.to_str().unwrap()).into() };
            fs::remove_file(&path).unwrap();
            fs::write(to, bytes).unwrap();
        }
        let output = verify(&trail, &at, Some(&keys), &[]);
        let expected = [(log.key.clone(), "log-missing".to_owned())].into();
        assert_eq!(findings(&output), expected, "names kept: {keep_name}");
    }
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

#[test]
fn a_replica_is_verified_under_the_place_of_delivery() {
    let mut trail = trail();
    let original = bucket(&trail);
    let expected = told(&online(&trail, &original, &[]));
    let objects = trail.world.buckets.remove(&original).unwrap();
    trail.world.buckets.insert("the-replica".to_owned(), objects);
    let output = online(&trail, "the-replica", &[]);
    assert_eq!(verdict(&output), "proven");
    let location = events(&output)[0]["location"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("evidence of s3://{original}, read from s3://the-replica"));
    assert_eq!(told(&output), expected);
    // A bucket that was typed wins over what digests claim, and proves nothing that is not so.
    let output = online(&trail, "the-replica", &["--bucket", "the-replica"]);
    assert_eq!(verdict(&output), "contradicted");
    assert!(findings(&output).iter().all(|(_, code)| code == "digest-moved"));
}

/// An older part of the chain lies in another bucket, of which there is a copy elsewhere.
#[test]
fn a_part_that_lies_elsewhere_is_named() {
    let trail = trail();
    let at = fresh("parts");
    let old = |key: &str| key.contains("/eu-west-1/");
    write_as(&trail.world, &at.join("new"), |_, key| (!old(key)).then(|| key.to_owned()));
    write_as(&trail.world, &at.join("old"), |_, key| old(key).then(|| key.to_owned()));
    let keys = write_keys(&trail, "parts");
    let bucket = bucket(&trail);
    let account = &trail.chains.first().unwrap().id.account;
    let mut more = Vec::new();
    for kind in ["CloudTrail", "CloudTrail-Digest"] {
        let place = format!("AWSLogs/{account}/{kind}/eu-west-1");
        more.push("--relocate".to_owned());
        let to = at.join("old").join(&place);
        more.push(format!("s3://{bucket}/{place}={}", to.display()));
    }
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let whole = verify(&trail, &at.join("new"), Some(&keys), &more);
    assert_eq!(events(&whole).last().unwrap()["chains"], 2);
    assert_eq!(findings(&whole), BTreeSet::new());
    let part = verify(&trail, &at.join("new"), Some(&keys), &[]);
    assert_eq!(events(&part).last().unwrap()["chains"], 1);
}

#[test]
fn copies_that_do_not_agree_are_asked_about() {
    let mut trail = trail();
    let keys = write_keys(&trail, "several");
    let original = bucket(&trail);
    let at = fresh("several");
    write_as(&trail.world, &at.join("a"), |_, key| Some(key.to_owned()));
    write_as(&trail.world, &at.join("b"), |_, key| Some(key.to_owned()));
    let output = verify(&trail, &at, Some(&keys), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("two copies") && said.contains("`a/`"), "{said}");

    let other = TrailSpec::new().bucket("another-bucket", "us-east-1").time(START, 3).build();
    fs::remove_dir_all(at.join("b")).unwrap();
    write_as(&other.world, &at.join("b"), |_, key| Some(key.to_owned()));
    let output = verify(&trail, &at, Some(&keys), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("`s3://another-bucket`, `s3://") && said.contains("--bucket"), "{said}");
    let output = verify(&trail, &at, Some(&keys), &["--bucket", &original]);
    assert_eq!(findings(&output), BTreeSet::new());
    assert_eq!(output.status.code(), Some(3), "the newest digests carry no signature");
    trail.world = World::default();
}

/// Which keys a bundle has, and what it says of the time that it covers.
#[test]
fn a_bundle_accuses_only_where_it_has_every_key() {
    let trail = trail();
    let at = fresh("bundles");
    trail.write_to(&at).unwrap();
    let all: Value = serde_json::from_str(&own_keys(&trail)).unwrap();
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
    // No bundle at all, and none of the regions.
    let none = run(None);
    assert_eq!(verdict(&none), "not proven");
    assert!(codes(&none).keys().all(|code| code == "keys-unavailable"), "{:?}", codes(&none));
    let said = String::from_utf8(none.stderr).unwrap();
    assert!(said.contains("public-keys.json` is not believed"), "{said}");
    // The same without the keys: an accusation where the bundle covers the time, and none else.
    for (requested, code, verdict_is) in
        [(true, "digest-key-unknown", "contradicted"), (false, "keys-unavailable", "not proven")]
    {
        let mut empty = all.clone();
        for region in empty["regions"].as_object_mut().unwrap().values_mut() {
            region["PublicKeyList"] = json!([]);
            if !requested {
                region["requested"] = json!([]);
            }
        }
        let output = run(Some(&empty));
        assert_eq!(verdict(&output), verdict_is);
        assert!(codes(&output).keys().all(|told| told == code), "{:?}", codes(&output));
    }
    // As AWS's tools print them: by region, and without one.
    assert_eq!(verdict(&run(Some(&trail.public_keys()))), "proven");
    let lists: Vec<Value> = trail
        .public_keys()
        .as_object()
        .unwrap()
        .values()
        .flat_map(|told| told["PublicKeyList"].as_array().unwrap().clone())
        .collect();
    let output = run(Some(&json!({ "PublicKeyList": lists })));
    assert_eq!(verdict(&output), "proven");
    assert!(String::from_utf8(output.stderr).unwrap().contains("does not tell the region"));
    // A fingerprint that is not the key's is said.
    let mut misnamed = all.clone();
    for region in misnamed["regions"].as_object_mut().unwrap().values_mut() {
        region["PublicKeyList"][0]["Fingerprint"] = json!("00000000000000000000000000000000");
    }
    let output = run(Some(&misnamed));
    assert_eq!(verdict(&output), "contradicted");
    assert!(String::from_utf8(output.stderr).unwrap().contains("fingerprint-mismatch"));
}

#[test]
fn what_cannot_be_verified_is_said_with_its_status() {
    let at = fresh("bad");
    fs::write(at.join("file"), "x").unwrap();
    fs::create_dir(at.join("empty")).unwrap();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["empty"], 4, "no folder `AWSLogs` or `CloudTrail-Digest`"),
        (&["none"], 2, "there is no such directory"),
        (&["file"], 2, "is no directory"),
        (&["empty", "--public-keys", "none"], 5, "cannot use the public keys in `none`"),
        (&["empty", "--public-keys", "file"], 5, "it is no JSON"),
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
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

/// In an empty network namespace, where the system lets us make one.
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
            .args(["--start-time", "2026-03-01", "--end-time", "2026-03-04"])
            .output()
            .unwrap()
    };
    let output = arguments(&mut offline());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("CONTRADICTED  evidence of s3://example-trail-logs"), "{text}");
    assert!(text.contains("Contradicted by the evidence (2):"), "{text}");
    assert!(text.contains("digest-missing") && text.contains("log-hash-mismatch"), "{text}");
    let can = Command::new("unshare").args(["-rn", "true"]).status();
    if can.is_ok_and(|status| status.success()) {
        let mut command = Command::new("unshare");
        command.args(["-rn", env!("CARGO_BIN_EXE_trailproof")]).env_clear();
        let alone = arguments(&mut command);
        assert_eq!(alone.status.code(), Some(1));
        assert_eq!(String::from_utf8(alone.stdout).unwrap(), text);
    }
}

/// Somebody who can write into the bucket puts digests of another bucket there, where they sort
/// first: the bucket stays what it is, and a directory is asked about.
#[test]
fn nobody_makes_a_bucket_pass_for_a_copy() {
    let mut trail = trail();
    let original = bucket(&trail);
    let expected = verdict(&online(&trail, &original, &[]));
    assert_eq!(expected, "proven");
    let other = TrailSpec::new()
        .regions(&["us-east-1", "eu-west-1"])
        .bucket("another-bucket", "us-east-1")
        .time("2026-02-20T00:04:11Z", 3)
        .build();
    let planted = other.world.buckets.get("another-bucket").unwrap().clone();
    let into = trail.world.buckets.get_mut(&original).unwrap();
    for (key, versions) in planted.objects {
        into.put(&key, versions.last().unwrap().clone());
    }
    let output = online(&trail, &original, &[]);
    assert_eq!(events(&output)[0]["location"], format!("s3://{original}"));
    assert_eq!(verdict(&output), expected);
    let at = fresh("planted");
    write_as(&trail.world, &at, |_, key| Some(key.to_owned()));
    let keys = write_keys(&trail, "planted");
    assert_eq!(verify(&trail, &at, Some(&keys), &[]).status.code(), Some(2));
    let output = verify(&trail, &at, Some(&keys), &["--bucket", &original]);
    assert_eq!(findings(&output), BTreeSet::new());
}

/// What cannot be read is denied: neither missing nor found wrong. As root this shows nothing.
#[test]
fn a_folder_that_is_shut_is_not_proven_and_accuses_nobody() {
    use std::os::unix::fs::PermissionsExt as _;
    let trail = trail();
    let at = fresh("shut");
    trail.write_to(&at).unwrap();
    let keys = write_keys(&trail, "shut");
    let log = trail.logs().next().unwrap().1.clone();
    let folder = at.join(&log.bucket).join(&log.key).parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    let is_shut = fs::read_dir(&folder).is_err();
    let output = verify(&trail, &at, Some(&keys), &[]);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    if is_shut {
        assert_eq!(verdict(&output), "not proven");
        let denied = |event: &Value| event["read_failure"]["code"] == "denied";
        assert!(events(&output).iter().any(denied));
    } else {
        assert_eq!(verdict(&output), "proven");
    }
    assert_eq!(findings(&output), BTreeSet::new());
}

/// The README's promise of plain copies: a period that ends before the newest digest is proven.
#[test]
fn a_plain_copy_is_proven_up_to_its_newest_digest() {
    let trail = trail();
    let at = fresh("plain");
    write_as(&trail.world, &at, |_, key| Some(key.to_owned()));
    let keys = write_keys(&trail, "plain");
    let whole = trail.whole();
    for (hours, status) in [(0, 3), (2, 0)] {
        let output = offline()
            .arg("verify")
            .arg(&at)
            .args(["--start-time", &iso(whole.from)])
            .args(["--end-time", &iso(whole.to - hours * 3_600)])
            .arg("--public-keys")
            .arg(&keys)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(status), "{text}");
    }
}
