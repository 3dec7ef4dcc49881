//! Run records: over every deed they equal the event stream byte for byte, add up, and reproduce
//! every report. Truncated, edited, reordered and foreign records are recognised.
use crate::support::copy::{Copy, replay};
use crate::support::program::{Ran, connected, program, scratch};
use crate::support::wait_until;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use trailproof_testkit::server::{
    Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Schedule, ServerOptions,
};
use trailproof_testkit::trail::dice::Dice;
use trailproof_testkit::trail::{BuiltTrail, Deed, DigestAt, LogPlan, LogSizes, TrailSpec};

const FORMATS: [&str; 3] = ["text", "json", "jsonl"];

fn trail(pause: bool) -> BuiltTrail {
    let spec = TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 14)
        .logs(LogPlan::Constant(1), LogSizes::Small);
    if pause { spec.pause(4, 6, 0).build() } else { spec.build() }
}

fn root(name: &str) -> PathBuf {
    scratch(&format!("record-{name}"))
}

fn copy(name: &str, trail: &BuiltTrail) -> std::io::Result<Copy> {
    Copy::write(&root(name), trail)
}

fn events(text: &str) -> BTreeSet<String> {
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].as_str().unwrap().into())
        .collect()
}

/// Over many combinations of deeds: the record's lines equal those of `--format jsonl`, and a
/// replay in every format gives the same bytes and exit status as the live run.
#[test]
fn a_record_is_the_stream_and_reproduces_every_report() {
    let clean = [trail(false), trail(true)];
    let mut dice = Dice::new(31, "record");
    let (mut compared, mut codes, mut seen) = (0, BTreeSet::new(), BTreeSet::new());
    for round in 0..40 {
        let mut changed = clean[round / 4 % 2].clone();
        for _ in 0..round % 4 {
            let deed = changed.random_deed(&mut dice);
            let _ = changed.apply(deed);
        }
        let Ok(copy) = copy("deeds", &changed) else { continue };
        let name = if round % 2 == 0 { "run.jsonl" } else { "run.jsonl.zst" };
        let record = copy.beside(name);
        let live = copy.verify(&["--format", "jsonl", "--record", &record, "--reproducible"]);
        if live.stdout.is_empty() {
            continue;
        }
        compared += 1;
        let plain = copy.verify(&["--format", "jsonl"]);
        let lines = copy.read(name);
        let (before, last) = lines.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(format!("{before}\n"), live.stdout, "round {round}");
        assert!(last.contains("record-finished"), "{last}");
        assert_eq!(plain.status, live.status);
        seen.extend(events(before));
        for format in FORMATS {
            let live = copy.verify(&["--format", format, "--reproducible"]);
            let again = replay(&[&record, "--format", format]);
            assert_eq!(again.stdout, live.stdout, "round {round} as {format}: {}", again.stderr);
            assert_eq!((again.status, &*again.stderr), (live.status, ""), "round {round}");
        }
        codes.insert(live.status);
    }
    assert!(compared > 30 && codes.len() >= 3, "{compared} {codes:?}");
    assert!(seen.contains("public-key") && seen.contains("log-judged"), "{seen:?}");
}

fn served(trail: &BuiltTrail, options: ServerOptions) -> LoopbackServer {
    LoopbackServer::start(trail.world.clone(), options).unwrap()
}

fn command(server: &LoopbackServer, more: &[&str]) -> Command {
    let mut command = connected(server, &["verify", "s3://example-trail-logs"]);
    command
        .args(["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T14:04:11Z"])
        .args(more);
    command
}

/// Two runs over the same evidence, with different concurrency and order of answers, write the same
/// reproducible record, compressed or not. Without the option they do not.
#[test]
fn a_reproducible_record_is_identical_at_any_concurrency() {
    let mut changed = trail(true);
    let mut dice = Dice::new(3, "concurrency");
    for _ in 0..3 {
        let deed = changed.random_deed(&mut dice);
        let _ = changed.apply(deed);
    }
    let denied = FaultPlan::new().with(
        Matcher::any().key(KeyMatcher::Sample { per_mille: 200, seed: 4 }),
        Schedule::always(Fault::AccessDenied),
    );
    let root = root("concurrency");
    fs::create_dir_all(&root).unwrap();
    for name in ["run.jsonl", "run.jsonl.zst"] {
        let mut written = Vec::new();
        for (seed, concurrency) in [(1, "1"), (2, "64"), (3, "7")] {
            let options = ServerOptions {
                seed,
                faults: denied.clone(),
                latency_jitter: std::time::Duration::from_millis(4),
                ..ServerOptions::default()
            };
            let server = served(&changed, options);
            let record = root.join(name);
            let path = record.to_str().unwrap();
            let more =
                ["--record", path, "--force", "--reproducible", "--concurrency", concurrency];
            let ran = Ran::from(&mut command(&server, &more));
            assert!([1, 3].contains(&ran.status), "{}", ran.stderr);
            written.push(fs::read(&record).unwrap());
            let ran = Ran::from(&mut command(&server, &["--record", path, "--force"]));
            assert!([1, 3].contains(&ran.status), "{}", ran.stderr);
            let other = fs::read(&record).unwrap();
            assert_ne!(Some(&other), written.last(), "the clock must be recorded");
        }
        assert!(written.windows(2).all(|pair| pair[0] == pair[1]), "{name}");
    }
}

#[test]
fn an_unwritable_record_is_status_6_and_the_verdict_is_printed() {
    let clean = trail(false);
    let mut contradicted = trail(false);
    contradicted.apply(Deed::DigestDeleted(DigestAt { chain: 0, index: 4 })).unwrap();
    let root = root("unwritable");
    fs::create_dir_all(root.join("folder")).unwrap();
    let folder = root.join("folder");
    let below_file = root.join("file/record");
    fs::write(root.join("file"), "").unwrap();
    for (trail, expected) in [(&clean, 6), (&contradicted, 1)] {
        let copy = copy("unwritable-copy", trail).unwrap();
        for path in [Path::new("/dev/full"), &folder, &below_file, Path::new("/nowhere/record")] {
            let path = path.to_str().unwrap();
            let ran = copy.verify(&["--record", path, "--format", "jsonl"]);
            assert_eq!(ran.status, expected, "{path}: {}", ran.stderr);
            assert!(ran.stdout.contains("\"verdict\""), "{path}: the verdict must be printed");
            assert!(ran.stderr.contains(&format!("cannot write `{path}`")), "{}", ran.stderr);
        }
    }
    // The device was not replaced by a file.
    assert!(!fs::metadata("/dev/full").unwrap().is_file());
}

#[test]
fn an_impossible_output_path_is_a_usage_error() {
    let copy = copy("usage", &trail(false)).unwrap();
    let out = copy.beside("out");
    for (arguments, part) in [
        (vec!["--record", "-"], "`-` is not a file"),
        (vec!["--record", &out, "--junit", &out], "named for two outputs"),
        (vec!["--report", "html"], "html=FILE"),
        (vec!["--report", "pdf=x"], "kinds of report"),
    ] {
        let ran = copy.verify(&arguments);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(part), "{arguments:?}: {}", ran.stderr);
    }
    let stdout = fs::File::create(&out).unwrap();
    let ran = Ran::from(copy.command(&["--record", &out]).stdout(stdout));
    let words = "is the file that stdout is redirected to";
    assert!(ran.status == 2 && ran.stderr.contains(words), "{ran:?}");
}

/// An existing file stays until the new record is complete, and a link is not replaced by a file.
#[test]
fn a_record_gets_its_name_only_when_it_is_complete() {
    let copy = copy("name", &trail(false)).unwrap();
    let (record, link) = (copy.beside("run.jsonl"), copy.beside("link.jsonl"));
    fs::write(&record, "older").unwrap();
    std::os::unix::fs::symlink("run.jsonl", &link).unwrap();
    fs::write(copy.beside("run.jsonl.partial"), "of a run that was killed").unwrap();
    let ran = copy.verify(&["--record", &link]);
    assert_eq!((ran.status, &*ran.stdout), (2, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("`{link}` already exists")), "{}", ran.stderr);
    assert_eq!(copy.read("run.jsonl"), "older");
    let ran = copy.verify(&["--record", &link, "--force"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(copy.read("run.jsonl").contains("record-finished"));
    assert_eq!(copy.read("run.jsonl.partial.old"), "of a run that was killed");
    assert!(!Path::new(&copy.beside("run.jsonl.partial")).exists());
    // A run that does not begin touches nothing.
    let before = copy.read("run.jsonl");
    let nowhere = copy.beside("nowhere");
    let arguments = ["verify", &nowhere, "--last", "1d", "--force", "--record", &record];
    assert_eq!(Ran::from(&mut program(&arguments)).status, 2);
    assert_eq!(copy.read("run.jsonl"), before);
}

/// Interrupted and killed runs leave a record that is recognised as truncated.
#[test]
fn the_record_of_an_ended_run_is_recognised_as_truncated() {
    let slow = FaultPlan::new().with(
        Matcher::any().key(KeyMatcher::Contains("_CloudTrail_".to_owned())),
        Schedule::always(Fault::StallBeforeHeaders(std::time::Duration::from_secs(60))),
    );
    let trail = trail(false);
    let root = root("ended");
    fs::create_dir_all(&root).unwrap();
    for (signal, name) in [("-INT", "run.jsonl"), ("-INT", "run.jsonl.zst"), ("-KILL", "k.jsonl")] {
        let server = served(&trail, ServerOptions { faults: slow.clone(), ..Default::default() });
        let (record, partial) = (root.join(name), root.join(format!("{name}.partial")));
        let path = record.to_str().unwrap();
        let mut command = command(&server, &["--record", path, "--format", "jsonl"]);
        let child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // The first requested log file never arrives. By then the run has written everything before
        // it.
        wait_until("a log file is requested", || server.requests().faulted > 0);
        let kill = Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap();
        assert!(kill.success());
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert!(!record.exists() && partial.exists(), "{signal} {name}");
        let again = replay(&[partial.to_str().unwrap(), "--format", "jsonl"]);
        if signal == "-INT" {
            assert_eq!(ran.status, 130);
            assert!(ran.stderr.contains("--resume"), "{}", ran.stderr);
            assert_eq!(again.stdout, ran.stdout, "{name}: the replay must equal the output");
            assert_eq!(again.status, 3, "{}", again.stderr);
            assert!(again.stderr.contains("cut short"), "{}", again.stderr);
        } else {
            // Possibly no byte has reached the system yet.
            assert!([3, 5].contains(&again.status), "{}", again.stderr);
        }
    }
}

/// A pipe at the path of the partial record does not block the run.
#[test]
fn a_pipe_in_place_of_a_partial_record_does_not_hang() {
    let copy = copy("pipe", &trail(false)).unwrap();
    let (record, partial) = (copy.beside("run.jsonl"), copy.beside("run.jsonl.partial"));
    let made = Command::new("mkfifo").arg(&partial).status().unwrap();
    assert!(made.success());
    let run = std::thread::spawn(move || copy.verify(&["--record", &record]).status);
    wait_until("the run ends although nothing reads the pipe", || run.is_finished());
    assert_eq!(run.join().unwrap(), 0);
}

/// Whatever a forged digest claims, the record of the run can be read back, and nothing in it
/// controls a terminal.
#[test]
fn the_record_of_the_worst_claims_can_be_read_back() {
    let mut trail = trail(false);
    let digest = trail.chains[0].standard()[5].clone();
    let long =
        |character: char, bytes: usize| character.to_string().repeat(bytes / character.len_utf8());
    let cases = [
        (long('k', 300_000), "f".to_owned()),
        (long('\u{1}', 1_024), "f".to_owned()),
        (long('\u{202e}', 1_024), "f".to_owned()),
        (digest.key.clone(), long('\u{9b}', 256)),
        (digest.key.clone(), long('\u{200b}', 300_000)),
    ];
    for (number, (place, fingerprint)) in cases.into_iter().enumerate() {
        let end = digest.key.rfind("Z.json.gz").unwrap();
        let key = format!("{}{}{}Z.json.gz", &digest.key[..end - 2], 2, number);
        let place = if place == digest.key { key.clone() } else { place };
        let json = serde_json::json!({
            "digestStartTime": "2026-03-01T05:04:11Z", "digestEndTime": "2026-03-01T06:04:11Z",
            "digestS3Bucket": digest.bucket, "digestS3Object": place,
            "digestPublicKeyFingerprint": fingerprint, "previousDigestSignature": null,
            "logFiles": [],
        });
        let bucket = trail.world.buckets.get_mut(&digest.bucket).unwrap();
        let mut version = bucket.objects[&digest.key][0].clone();
        version.body = trailproof_testkit::trail::gzip::member(json.to_string().as_bytes()).into();
        bucket.put(&key, version);
    }
    let copy = copy("worst", &trail).unwrap();
    let record = copy.beside("run.jsonl");
    let live = copy.verify(&["--format", "jsonl", "--record", &record, "--reproducible"]);
    assert_eq!(live.status, 1, "{}", live.stderr);
    for format in ["jsonl", "json", "text"] {
        let again = replay(&[&record, "--format", format]);
        assert_eq!(again.status, 1, "{}", again.stderr);
        let steers = |it: char| matches!(it, '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
        assert!(!again.stdout.chars().any(steers), "{format}");
        if format == "jsonl" {
            assert_eq!(again.stdout, live.stdout);
        }
    }
    let longest = live.stdout.lines().map(str::len).max().unwrap();
    assert!(longest < 64 << 10, "{longest}");
}
