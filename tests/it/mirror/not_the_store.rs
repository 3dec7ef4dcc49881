//! A mirror is not the bucket: what lies in the directory speaks neither for it nor against it.
use super::*;
use sha2::{Digest as _, Sha256};

const MANIFEST: &str = "trailproof-manifest.jsonl";

fn write_manifest(at: &Path, manifest: &str) {
    fs::write(at.join(MANIFEST), manifest).unwrap();
    let path = at.join("trailproof-mirror.json");
    let mut header: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    header["manifest_bytes"] = manifest.len().into();
    fs::write(&path, header.to_string()).unwrap();
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Changes the line of an object in the manifest.
fn edit(at: &Path, key: &str, change: impl Fn(&mut Value)) {
    let manifest = fs::read_to_string(at.join(MANIFEST)).unwrap();
    let lines = manifest.lines().map(|line| {
        let mut entry: Value = serde_json::from_str(line).unwrap();
        if entry["key"] == key && !entry["copied"].is_null() {
            change(&mut entry);
            return format!("{entry}\n");
        }
        format!("{line}\n")
    });
    let changed: String = lines.collect();
    assert_ne!(changed, manifest, "no line of {key}");
    write_manifest(at, &changed);
}

/// A copy that somebody changed, with its hash in the manifest, must not accuse the bucket: the bucket is
/// asked again, and the mirror is healed.
#[test]
fn a_changed_copy_does_not_accuse_the_bucket() {
    let trail = trail();
    let server = serve(&trail);
    let name = bucket(&trail);
    let log = trail.logs().next().unwrap().1.key.clone();
    let digest = trail.digests().nth(1).unwrap().1.key.clone();
    for key in [log, digest] {
        let at = fresh("accused");
        assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
        let path = at.join(&name).join(&key);
        let genuine = fs::read(&path).unwrap();
        let junk = vec![b'x'; genuine.len()];
        fs::write(&path, &junk).unwrap();
        edit(&at, &key, |entry| entry["copied"]["sha256"] = sha256(&junk).into());
        let ran = mirror(&server, &trail, &at, &[]);
        assert_eq!(ran.status, 0, "{key}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(fs::read(&path).unwrap(), genuine, "{key}");
        assert_eq!(verify_offline(&trail, &at).status, 0, "{key}");
    }
}

/// A further run reads unchanged objects from the mirror. Whoever can write to both could make a changed
/// object look unchanged, so the run says what it did not read again.
#[test]
fn what_a_further_run_did_not_read_again_is_told() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("again");
    assert_eq!(mirror(&server, &trail, &at, &[]).of_kind("check-not-performed").len(), 0);
    let again = mirror(&server, &trail, &at, &[]);
    let told = again.of_kind("check-not-performed");
    let told: Vec<&Value> = told.iter().filter(|it| it["check"] == "stored-content").collect();
    assert_eq!(told.len(), 1, "{}", again.stdout);
    assert_eq!(told[0]["why"], "copy-read");
}

/// The manifest does not choose the file of an object. A file under the object's own name is what everybody
/// else reads, so it is what is judged.
#[test]
fn the_manifest_cannot_show_a_different_file_than_lies_there() {
    let trail = trail();
    let server = serve(&trail);
    let name = bucket(&trail);
    let key = trail.logs().next().unwrap().1.key.clone();
    let hash = sha256(format!("{name}/{key}").as_bytes());
    let derived = format!("trailproof-escaped/{}/{hash}", &hash[..2]);
    for file in ["trailproof-escaped/0".to_owned(), "zz/x".to_owned(), derived] {
        let at = fresh("chosen");
        assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
        let own = at.join(&name).join(&key);
        let moved = at.join(&file);
        fs::create_dir_all(moved.parent().unwrap()).unwrap();
        fs::rename(&own, &moved).unwrap();
        fs::write(&own, b"junk").unwrap();
        edit(&at, &key, |entry| entry["copied"]["file"] = file.clone().into());
        let ran = verify_offline(&trail, &at);
        assert_ne!(ran.status, 0, "{file}: {}{}", ran.stdout, ran.stderr);
    }
}

/// Log files beside the mirrored bucket are not part of the mirror, and are not passed over in silence.
#[test]
fn evidence_beside_the_mirrored_bucket_is_reported() {
    let trail = trail();
    let server = serve(&trail);
    let log = trail.logs().next().unwrap().1.key.clone();
    for beside in
        ["", "other-bucket/", "trailproof-escaped/", "trailproof-earlier/", ".trailproof/"]
    {
        let at = fresh("beside");
        assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
        let path = at.join(format!("{beside}{log}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"x").unwrap();
        let ran = verify_offline(&trail, &at);
        assert_eq!(ran.status, 3, "{beside}: {}{}", ran.stdout, ran.stderr);
        let told = ran.of_kind("place-in-doubt");
        assert!(told.iter().any(|it| it["why"] == "not-looked-at"), "{beside}: {}", ran.stdout);
    }
    // Notes are nobody's evidence.
    let at = fresh("notes");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    fs::create_dir(at.join("notes")).unwrap();
    fs::write(at.join("notes/x.txt"), b"x").unwrap();
    assert_eq!(verify_offline(&trail, &at).status, 0);
}

/// What the mirror has of a chain shows that it is to be expected, whatever was left or put in its place.
#[test]
fn a_chain_that_disappeared_since_the_last_run_is_absent() {
    // A trail of each account by itself: no sibling shows what is to be expected.
    let clean = TrailSpec::new()
        .seed(33)
        .accounts(&["111122223333", "444455556666"])
        .time(START, 4)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build();
    let name = bucket(&clean);
    let folder = "AWSLogs/444455556666/";
    let log = format!("{folder}CloudTrail/us-east-1/2026/03/01/x");
    let digest = format!("{folder}CloudTrail-Digest/us-east-1/x");
    let later = format!("{folder}CloudTrail/us-east-1/2030/01/01/x.json.gz");
    for left in [None, Some(&log), Some(&digest), Some(&later)] {
        let server = serve(&clean);
        let at = fresh("gone");
        assert_eq!(mirror(&server, &clean, &at, &[]).status, 0);
        let mut trail = clean.clone();
        let objects = &mut trail.world.buckets.get_mut(&name).unwrap().objects;
        objects.retain(|key, _| !key.starts_with(folder));
        if let Some(left) = left {
            trail.put(&name, left, object(b""));
        }
        server.replace_world(trail.world.clone());
        let ran = mirror(&server, &trail, &at, &[]);
        assert_eq!(ran.status, 3, "{left:?}: {}{}", ran.stdout, ran.stderr);
        let chains = ran.of_kind("chain-finished");
        let absent = chains.iter().find(|it| it["chain"]["account"] == "444455556666");
        let absent = absent.unwrap_or_else(|| panic!("{left:?}: {}", ran.stdout));
        assert_eq!(absent["presence"], "absent", "{left:?}: {absent}");
    }
}

/// Opening a pipe would wait for whoever writes to it.
#[test]
fn a_pipe_as_a_lock_is_refused() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("pipe");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let lock = at.join(".trailproof/lock");
    fs::remove_file(&lock).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&lock).status().unwrap();
    assert!(made.success());
    let ran = mirror(&server, &trail, &at, &[]);
    assert_eq!(ran.status, 6, "{}{}", ran.stdout, ran.stderr);
}
