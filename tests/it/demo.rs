//! The committed demo: it is what the builder generates, it reads back as it was built, and
//! `validate-logs` and the command in the README report what was done to it.
//!
//! `TRAILPROOF_BLESS=1` rewrites `testdata/demo`.
use crate::support::program::{Ran, connected};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;
use trailproof_testkit::server::{LoopbackServer, ServerOptions};
use trailproof_testkit::trail::demo::{demo, write_demo};
use trailproof_testkit::world::World;

/// A limit on the size of the demo in the repository, in bytes.
const LARGEST: usize = 1 << 20;

/// Returns the committed directory, rewritten if requested.
fn committed() -> PathBuf {
    static BLESSED: Once = Once::new();
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo");
    BLESSED.call_once(|| {
        if std::env::var_os("TRAILPROOF_BLESS").is_some() {
            write_anew(&at);
        }
    });
    at
}

fn write_anew(at: &Path) {
    if at.exists() {
        fs::remove_dir_all(at).unwrap();
    }
    write_demo(at).unwrap();
}

/// Returns all files below a directory, by their relative path.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, directory: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

#[test]
fn the_committed_demo_is_what_the_builder_generates() {
    let at = committed();
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo");
    write_anew(&made);
    let (made, committed) = (files(&made), files(&at));
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&committed), "`TRAILPROOF_BLESS=1` rewrites it");
    for (name, bytes) in &made {
        let same = committed.get(name) == Some(bytes);
        assert!(same, "`{}` differs; `TRAILPROOF_BLESS=1` rewrites it", name.display());
    }
    let size: usize = committed.values().map(Vec::len).sum();
    assert!(size < LARGEST, "{size} bytes");
}

#[test]
fn the_directory_reads_back_as_it_was_built() {
    let read = World::read_from(&committed()).unwrap();
    let built = demo().trail.world;
    assert_eq!(read.buckets.keys().collect::<Vec<_>>(), built.buckets.keys().collect::<Vec<_>>());
    for (name, bucket) in &built.buckets {
        let found = read.buckets.get(name).unwrap();
        let mut objects = 0;
        for key in bucket.objects.keys() {
            let Some(expected) = bucket.current(key) else { continue };
            let version = found.current(key).unwrap();
            assert_eq!(version.body, expected.body, "{key}");
            assert_eq!(version.metadata, expected.metadata, "{key}");
            assert_eq!(version.content_encoding, expected.content_encoding, "{key}");
            assert_eq!(version.content_type, expected.content_type, "{key}");
            objects += 1;
        }
        assert_eq!(found.objects.len(), objects);
    }
    for (region, keys) in &built.public_keys {
        let fields = |keys: &[trailproof_testkit::world::PublicKey]| {
            keys.iter()
                .map(|key| (key.der.clone(), key.fingerprint.clone(), key.valid_from, key.valid_to))
                .collect::<Vec<_>>()
        };
        assert_eq!(fields(read.public_keys.get(region).unwrap()), fields(keys), "{region}");
    }
}

/// Runs `validate-logs` over one region of the committed demo.
fn validate(region: &str) -> Ran {
    let world = World::read_from(&committed()).unwrap();
    let server = LoopbackServer::start(world, ServerOptions::default()).unwrap();
    let arguments = ["validate-logs", "--region", region, "--s3-bucket", "example-trail-logs"];
    Ran::from(
        connected(&server, &arguments)
            .args([
                "--trail-arn",
                "arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events",
            ])
            .args(["--start-time", "2026-03-01T00:00:00Z", "--end-time", "2026-03-04T00:00:00Z"]),
    )
}

#[test]
fn only_the_tampering_with_the_demo_is_found() {
    let done = demo();
    let Ran { status, stdout, stderr: found } = validate("us-east-1");
    assert_eq!(status, 1, "{stdout}{found}");
    let log = format!("Log file\ts3://example-trail-logs/{}\tINVALID", done.changed_log);
    assert!(found.starts_with(&log) && found.matches("INVALID").count() == 1, "{found}");
    let tallies = "\n73/73 digest files valid\n48/49 log files valid, 1/49 log files INVALID\n";
    assert!(stdout.ends_with(tallies), "{stdout}");

    let Ran { status, stdout, stderr: found } = validate("eu-west-1");
    assert_eq!(status, 1, "{stdout}{found}");
    let digest =
        format!("Digest file\ts3://example-trail-logs/{}\tINVALID: not found", done.deleted_digest);
    assert!(found.starts_with(&digest) && found.matches("INVALID").count() == 1, "{found}");
    let tallies = "\n72/73 digest files valid, 1/73 digest files INVALID\n48/48 log files valid\n";
    assert!(stdout.ends_with(tallies), "{stdout}");
}
