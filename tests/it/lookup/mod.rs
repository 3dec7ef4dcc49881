//! `trailproof lookup`: whether CloudTrail delivered a file depends on its content; what its name
//! says is looked up too.
mod answers;

use crate::support::program::{Ran, program};
use std::fs;
use std::path::{Path, PathBuf};
use trailproof_core::bytes::content::read_whole;
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec, gzip};

struct Stage {
    trail: BuiltTrail,
    at: PathBuf,
    /// A log file from the middle of the trail, as delivered.
    log: Vec<u8>,
    key: String,
}

fn stage(name: &str) -> Stage {
    let trail = TrailSpec::new()
        .seed(4)
        .time("2026-03-01T00:04:11Z", 10)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build();
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lookup-{name}"));
    let _ = fs::remove_dir_all(&at);
    trail.write_to(&at.join("mirror")).unwrap();
    let log = &trail.chains[0].digests[5].logs[1];
    let body = trail.world.buckets[&log.bucket].current(&log.key).unwrap().body.to_vec();
    let key = format!("{}/{}", log.bucket, log.key);
    Stage { trail, at, log: body, key }
}

impl Stage {
    /// Returns exit status and stdout for a file with these bytes.
    fn look_up(&self, bytes: &[u8], keys: bool) -> (i32, String) {
        let file = self.at.join("a file");
        fs::write(&file, bytes).unwrap();
        let whole = self.trail.whole();
        let iso = |at: i64| trailproof_core::vocab::time::Timestamp::from_unix(at).to_string();
        let mut command = program(&["lookup"]);
        command.arg(&file).arg("--in").arg(self.at.join("mirror"));
        command.args(["--start-time", &iso(whole.from), "--end-time", &iso(whole.to)]);
        if keys {
            command.arg("--public-keys").arg(self.at.join("mirror/public-keys.json"));
        }
        let ran = Ran::from(&mut command);
        (ran.status, ran.stdout)
    }
}

#[test]
fn a_file_is_found_by_its_content_in_any_form() {
    let stage = stage("found");
    let mut inflated = Vec::new();
    read_whole(&stage.log, 1 << 30, Some(&mut inflated)).unwrap();
    for bytes in [&stage.log, &inflated] {
        let (status, out) = stage.look_up(bytes, true);
        assert_eq!(status, 0, "{out}");
        assert!(out.contains("was delivered by CloudTrail"), "{out}");
        assert!(out.contains(&format!("as s3://{}", stage.key)), "{out}");
        let digest = &stage.trail.chains[0].digests[5];
        assert!(out.contains(&format!("named by s3://{}/{}", digest.bucket, digest.key)), "{out}");
        assert!(out.contains(&digest.fingerprint), "{out}");
        assert!(
            out.contains(
                "searched: 10 of 10 hours of chain time in 1 chain, 2026-03-01T00:04:11Z to"
            ),
            "{out}"
        );
    }
}

#[test]
fn a_file_with_trailing_data_is_not_the_delivered_file() {
    let stage = stage("more");
    let twice = [stage.log.clone(), stage.log.clone()].concat();
    let (status, out) = stage.look_up(&twice, true);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("its first part was") && out.contains("log-trailing-data"), "{out}");
}

/// A tool that repacked the content in several members did not change the content.
#[test]
fn a_file_in_several_members_is_the_delivered_file() {
    let stage = stage("members");
    let mut inflated = Vec::new();
    read_whole(&stage.log, 1 << 30, Some(&mut inflated)).unwrap();
    let (first, second) = inflated.split_at(inflated.len() / 2);
    let members = [gzip::member(first), gzip::member(second)].concat();
    let (status, out) = stage.look_up(&members, true);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains(": was delivered") && out.contains("several-members"), "{out}");
}

#[test]
fn a_changed_object_is_reported() {
    let stage = stage("changed");
    fs::write(stage.at.join("mirror").join(&stage.key), b"changed").unwrap();
    let (status, out) = stage.look_up(&stage.log, true);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("the object at that key is no longer what was delivered"), "{out}");
}

#[test]
fn a_file_that_no_digest_names_is_not_found() {
    let stage = stage("unknown");
    let (status, out) = stage.look_up(b"{\"Records\":[]}", true);
    assert_eq!(status, 4, "{out}");
    assert!(out.contains("not found in any verified digest"), "{out}");
    assert!(!out.contains("not searched"), "{out}");
    // Without keys nothing is proven, so nothing counts as searched.
    let (status, out) = stage.look_up(&stage.log, false);
    assert_eq!(status, 3, "{out}");
    assert!(out.contains("searched: 0 of 10 hours"), "{out}");
    let left =
        "not searched: 10 hours that no proven digest covers, 10 digests not proven; a file may";
    assert!(out.contains(left), "{out}");
}

/// A backfill digest covers no time but names log files. If it is not proven, it is open what it
/// names.
#[test]
fn an_unproven_backfill_digest_leaves_the_answer_open() {
    for (without, status) in [(false, 0), (true, 3)] {
        let mut stage = stage("backfill");
        let spec = TrailSpec::new().seed(4).time("2026-03-01T00:04:11Z", 10).backfill(3, 1, 4);
        stage.trail = spec.build();
        let late = stage.trail.chains[0].backfills()[0].clone();
        let log = &late.logs[0];
        let body = stage.trail.world.buckets[&log.bucket].current(&log.key).unwrap().body.clone();
        if without {
            let objects = &mut stage.trail.world.buckets.get_mut(&late.bucket).unwrap().objects;
            objects.get_mut(&late.key).unwrap().last_mut().unwrap().metadata.clear();
        }
        let _ = fs::remove_dir_all(stage.at.join("mirror"));
        stage.trail.write_to(&stage.at.join("mirror")).unwrap();
        let (found, out) = stage.look_up(&body, true);
        assert_eq!(found, status, "{out}");
        assert!(out.contains("searched: 10 of 10 hours"), "{out}");
        assert_eq!(out.contains("not searched: 1 backfill digest not proven; a"), without, "{out}");
    }
}

/// Typical calls: several files, standard input, and unreadable input.
#[test]
fn unreadable_input_is_reported_and_standard_input_is_read() {
    use std::io::Write as _;
    use std::process::Stdio;
    let stage = stage("called");
    let whole = stage.trail.whole();
    let iso = |at: i64| trailproof_core::vocab::time::Timestamp::from_unix(at).to_string();
    let run = |files: &[&str], input: &[u8]| {
        let mut command = program(&["lookup"]);
        command.args(files).args(["--in", "mirror"]).current_dir(&stage.at);
        command.args(["--start-time", &iso(whole.from), "--end-time", &iso(whole.to)]);
        command.args(["--public-keys", "mirror/public-keys.json"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Standard input is not read unless requested.
        let _ = child.stdin.take().unwrap().write_all(input);
        let ran = Ran::of(child.wait_with_output().unwrap());
        (ran.status, ran.stdout, ran.stderr)
    };
    let (status, out, _) = run(&["-"], &stage.log);
    assert_eq!(status, 0, "{out}");
    assert!(out.starts_with("-: was delivered by CloudTrail\n"), "{out}");
    fs::write(stage.at.join("known"), &stage.log).unwrap();
    fs::write(stage.at.join("unknown"), "[]").unwrap();
    fs::write(stage.at.join("empty"), "").unwrap();
    // The worst result of several decides: not found is worse than found.
    let (status, out, _) = run(&["known", "unknown", "empty", "known"], b"");
    assert_eq!(status, 4, "{out}");
    assert_eq!(out.matches("known: was delivered by CloudTrail").count(), 2, "{out}");
    for name in ["unknown", "empty"] {
        assert!(out.contains(&format!("{name}: not found in any verified digest")), "{out}");
    }
    // A gigabyte and one byte of zeros as gzip: CloudTrail does not write such a log file.
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1 << 10 {
        member.write_all(&zeros).unwrap();
    }
    member.write_all(&[0]).unwrap();
    fs::write(stage.at.join("huge"), member.finish().unwrap()).unwrap();
    for (file, words) in [
        ("none", "cannot read `none`: No such file or directory"),
        ("huge", "`huge` inflates to more than 1073741824 bytes"),
    ] {
        let (status, out, err) = run(&["known", file], b"");
        assert_eq!((status, out.as_str()), (5, ""), "{err}");
        assert!(err.contains(words), "{err}");
    }
}
