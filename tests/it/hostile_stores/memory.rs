//! Forged digests that are small in storage and huge when inflated: no command keeps their content
//! in memory.
use super::program::WHOLE;
use super::*;
use std::process::{Command, Stdio};
use trailproof_testkit::trail::gzip;

/// The maximum resident memory of a run, in KiB.
const MOST: u64 = 300 << 10;

/// The content of a forged digest.
#[derive(Clone, Copy, Debug)]
enum Forged {
    /// It claims a location of this many bytes.
    Place(usize),
    /// It names this many log files.
    Logs(usize),
    /// It has this many empty entries for log files.
    Empty(usize),
}

impl Forged {
    fn json(self, end: &str, key: &str) -> Vec<u8> {
        let (place, logs) = match self {
            Self::Place(bytes) => ("k".repeat(bytes), String::new()),
            Self::Logs(count) => {
                let hash = "0".repeat(64);
                let log = format!(r#"{{"s3Bucket":"b","s3Object":"k","hashValue":"{hash}"}},"#);
                (key.to_owned(), log.repeat(count).trim_end_matches(',').to_owned())
            }
            Self::Empty(count) => (key.to_owned(), vec!["{}"; count].join(",")),
        };
        format!(
            r#"{{"digestStartTime":"{end}","digestEndTime":"{end}","digestS3Bucket":"{BUCKET}","digestS3Object":"{place}","digestPublicKeyFingerprint":"f","previousDigestSignature":null,"logFiles":[{logs}]}}"#
        )
        .into_bytes()
    }
}

/// Returns the trail with forged digests between its own.
fn with_forged(count: usize, forged: Forged) -> BuiltTrail {
    let mut trail = trail();
    let digest = trail.chains[0].standard()[2].clone();
    let bodies: Vec<_> = (0..count)
        .map(|number| {
            let time = format!("0210{:02}", number % 60);
            let hour = 3 + number / 60;
            let key = digest.key.replace(
                &digest.key[digest.key.rfind('T').unwrap()..],
                &format!("T{hour:02}{}Z.json.gz", &time[2..]),
            );
            (key, hour)
        })
        .collect();
    // The same bytes wherever the name does not matter: generating them takes most of the time.
    let json = forged.json("2026-03-01T03:00:00Z", "elsewhere");
    let body: bytes::Bytes = gzip::member(&json).into();
    for (key, _) in bodies {
        let mut version = trail.world.buckets[BUCKET].objects[&digest.key][0].clone();
        version.body = body.clone();
        trail.world.buckets.get_mut(BUCKET).unwrap().put(&key, version);
    }
    trail
}

/// Runs the program and returns its exit status and peak resident memory in KiB.
fn measured(server: &LoopbackServer, arguments: &[&str]) -> (Option<i32>, u64) {
    peak(connected(server, arguments).env("AWS_REGION", "us-east-1"))
}

/// Runs a command and returns its exit status and peak resident memory in KiB.
pub(crate) fn peak(command: &mut Command) -> (Option<i32>, u64) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        // The kernel keeps the highest value, so little is missed between two reads.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        most = most.max(peak.unwrap_or(0));
        if let Some(ended) = child.try_wait().unwrap() {
            return (ended.code(), most);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn over_everything(name: &str, trail: &BuiltTrail) {
    let server = serve(trail);
    let at = scratch(&format!("memory-{name}"));
    trail.write_to(&at.join("copy")).unwrap();
    let file = at.join("file");
    std::fs::write(&file, "a file").unwrap();
    let (file, copy) = (file.to_str().unwrap(), at.join("copy").join(BUCKET));
    let (copy, mirror) = (copy.to_str().unwrap(), at.join("mirror"));
    let mirror = mirror.to_str().unwrap();
    let place = format!("s3://{BUCKET}");
    let arn = trail.world.trails[0].arn.clone();
    let period = &WHOLE[2..];
    let commands: [(&[&str], i32); 7] = [
        (&["verify", &place], 1),
        (&["verify", copy], 1),
        (&["lookup", file, "--in", &place], 3),
        (&["lookup", file, "--in", copy], 3),
        (&["mirror", &place, mirror], 1),
        (&["validate-logs", "--trail-arn", &arn], 0),
        (&["verify", mirror], 1),
    ];
    let mut wrong = Vec::new();
    for (command, expected) in commands {
        let arguments: Vec<&str> = command.iter().chain(period).copied().collect();
        let (status, most) = measured(&server, &arguments);
        println!("{name}, {}: {status:?}, {} MiB", command[0], most >> 10);
        if most > MOST || status != Some(expected) {
            wrong.push(format!("{arguments:?}: {status:?}, {} MiB", most >> 10));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let _ = std::fs::remove_dir_all(&at);
}

/// Answers that the SDK holds in memory as a whole.
#[test]
fn endless_answers_do_not_fill_memory() {
    let trail = trail();
    for (name, operation, status, megabytes) in [
        ("list", Operation::ListObjectsV2, 200, 200),
        ("list refused", Operation::ListObjectsV2, 403, 200),
        // Many are read at once.
        ("get refused", Operation::GetObject, 403, 16),
        ("keys", Operation::ListPublicKeys, 200, 200),
        ("keys refused", Operation::ListPublicKeys, 400, 200),
    ] {
        let answer = Fault::Answer {
            status,
            content_type: "application/xml".to_owned(),
            body: " ".repeat(megabytes << 20),
        };
        let faults = FaultPlan::new().with(Matcher::operation(operation), Schedule::always(answer));
        let server = LoopbackServer::start(
            trail.world.clone(),
            ServerOptions { faults, ..ServerOptions::default() },
        )
        .unwrap();
        let place = format!("s3://{BUCKET}");
        let (status, most) = measured(&server, &[&["verify", &place], &WHOLE[2..]].concat());
        println!("{name}: {status:?}, {} MiB", most >> 10);
        assert!(most < MOST, "{name}: {} MiB", most >> 10);
        // An answer that is no answer proves nothing, and accuses nobody.
        assert!(matches!(status, Some(3..=5)), "{name}: {status:?}");
    }
}

#[test]
fn digests_with_huge_locations_do_not_fill_memory() {
    over_everything("places", &with_forged(24, Forged::Place(16 << 20)));
}

#[test]
fn digests_with_millions_of_empty_entries_do_not_fill_memory() {
    over_everything("empty", &with_forged(2, Forged::Empty(4_000_000)));
}

#[test]
fn digests_with_huge_log_lists_do_not_fill_memory() {
    over_everything("logs", &with_forged(24, Forged::Logs(190_000)));
}
