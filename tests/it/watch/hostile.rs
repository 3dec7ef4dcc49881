//! States that somebody changed, and steps that could not finish.
use super::*;
use std::io::Write as _;
use std::os::unix::fs::symlink;

/// Returns a state with three records, and its copy, to be changed by a test.
fn three(name: &str) -> Watched {
    let watched = Watched::new(name, trail(11, 16));
    for hour in [5, 7, 9] {
        watched.step(watched.hour(hour), &[]).is(0, "proven");
    }
    watched
}

const RECORDS: [&str; 3] = [
    "records/20260301T030411Z.jsonl.zst",
    "records/20260301T050411Z.jsonl.zst",
    "records/20260301T070411Z.jsonl.zst",
];

fn copied(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to.join("records")).unwrap();
    fs::create_dir_all(to.join("attempts")).unwrap();
    for name in RECORDS.iter().chain(&["latest.json"]) {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

fn lines(path: &Path) -> String {
    String::from_utf8(zstd::decode_all(fs::read(path).unwrap().as_slice()).unwrap()).unwrap()
}

/// Writes these lines as a whole record, with a last line that fits them.
pub(super) fn put(path: &Path, lines: &str) {
    let (before, _) = lines.trim_end().rsplit_once('\n').unwrap();
    let before = format!("{before}\n");
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&before));
    let number = before.lines().count();
    let last =
        format!("{{\"event\":\"record-finished\",\"lines\":{number},\"sha256\":\"{hash}\"}}\n");
    fs::write(path, zstd::encode_all((before + &last).as_bytes(), 1).unwrap()).unwrap();
}

type Change = fn(&Path);

#[test]
fn a_broken_state_is_refused_and_the_file_is_named() {
    let original = three("broken");
    let kept = scratch("watch-broken-original");
    copied(&original.state, &kept);
    let changes: [(&str, &str, Change); 19] = [
        ("20260301T030411Z.jsonl.zst` is missing", "the first is removed", |state| {
            fs::remove_file(state.join(RECORDS[0])).unwrap();
        }),
        ("20260301T050411Z.jsonl.zst` is missing", "one in the middle is removed", |state| {
            fs::remove_file(state.join(RECORDS[1])).unwrap();
        }),
        ("latest.json` does not agree", "the newest is removed", |state| {
            fs::remove_file(state.join(RECORDS[2])).unwrap();
        }),
        ("20260301T050411Z.jsonl.zst` is not the record", "one is changed as a whole", |state| {
            let path = state.join(RECORDS[1]);
            put(&path, &lines(&path).replace("\"user\":", "\"reason\":1,\"user\":"));
        }),
        ("latest.json` does not agree", "the newest is changed as a whole", |state| {
            let path = state.join(RECORDS[2]);
            put(&path, &lines(&path).replace("\"user\":", "\"reason\":1,\"user\":"));
        }),
        ("20260301T050411Z.jsonl.zst` is not a whole record", "one is changed", |state| {
            let path = state.join(RECORDS[1]);
            let text = lines(&path).replace("\"user\":", "\"User\":");
            fs::write(&path, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
        }),
        ("20260301T070411Z.jsonl.zst` is not a whole record", "the newest is cut", |state| {
            let path = state.join(RECORDS[2]);
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("20260301T030411Z.jsonl.zst` is not a whole record", "one is empty", |state| {
            fs::write(state.join(RECORDS[0]), "").unwrap();
        }),
        ("20260301T030411Z.jsonl.zst` is not a whole record", "one is not a record", |state| {
            fs::write(state.join(RECORDS[0]), "{\"event\":\"mirror\"}\n").unwrap();
        }),
        ("20260301T040411Z.jsonl.zst` has the record of a period that ends", "renamed", |state| {
            let to = "records/20260301T040411Z.jsonl.zst";
            fs::rename(state.join(RECORDS[1]), state.join(to)).unwrap();
        }),
        ("20260301T050411Z.jsonl.zst` is not a regular file", "one is a link", |state| {
            let (path, aside) = (state.join(RECORDS[1]), state.join("aside"));
            fs::rename(&path, &aside).unwrap();
            symlink(&aside, &path).unwrap();
        }),
        ("records`: not a directory", "the folder is a link", |state| {
            fs::rename(state.join("records"), state.join("aside")).unwrap();
            symlink(state.join("aside"), state.join("records")).unwrap();
        }),
        ("lock`: it is not a regular file", "the lock is a link", |state| {
            symlink(state.join("aside"), state.join("lock")).unwrap();
        }),
        ("latest.json`: it is not a regular file", "the document is a link", |state| {
            fs::rename(state.join("latest.json"), state.join("aside")).unwrap();
            symlink(state.join("aside"), state.join("latest.json")).unwrap();
        }),
        ("latest.json`: it has more than", "the document is huge", |state| {
            fs::write(state.join("latest.json"), vec![b' '; (4 << 20) + 1]).unwrap();
        }),
        ("latest.json`: line 1: it is not valid", "the document is not one", |state| {
            fs::write(state.join("latest.json"), "[1]").unwrap();
        }),
        ("what it names is not the record of a step", "it leads elsewhere", |state| {
            let path = state.join("latest.json");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace("records/", "../../records/")).unwrap();
        }),
        ("what it names is not the record of a step", "it controls a terminal", |state| {
            let path = state.join("latest.json");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace("records/", "\\u001b[2J\\n/")).unwrap();
        }),
        ("its schema is 2, not 1", "it is of a later version", |state| {
            let path = state.join("latest.json");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace("\"schema\": 1", "\"schema\": 2")).unwrap();
        }),
    ];
    for (words, what, change) in changes {
        copied(&kept, &original.state);
        change(&original.state);
        let before = names(&original.file("records"));
        let ran = original.step(original.hour(11), &["--quiet"]);
        assert_eq!(ran.status, 5, "{what}: {ran:#?}");
        let ran = ran.is(5, words);
        assert!(ran.stdout.is_empty() && names(&original.file("records")) == before, "{what}");
    }
    // Each of them is found because of the change.
    copied(&kept, &original.state);
    original.step(original.hour(11), &[]).is(0, "proven");
}

#[test]
fn other_files_in_a_state_are_passed_over() {
    let watched = three("strangers");
    for name in
        ["records/a\nb.jsonl.zst", "records/.x", "records/\u{1b}[2J", "README", "attempts/x"]
    {
        fs::write(watched.file(name), "x").unwrap();
    }
    let partial = format!("{}.partial", watched.file(RECORDS[2]).display());
    fs::File::create(partial).unwrap().write_all(b"x").unwrap();
    watched.step(watched.hour(11), &[]).is(0, "proven");
}

/// The records of a different bucket, whole and joined with each other, in the state of this one.
#[test]
fn the_records_of_a_different_bucket_are_refused() {
    let watched = three("foreign");
    let other = trail(12, 16);
    let mut other = Watched::new("foreign-other", other);
    // Its own bucket has the same name here, so it is delivered under a prefix.
    other.bucket = watched.bucket.clone();
    other.state = watched.state.clone();
    let location = format!("s3://{}/elsewhere", watched.bucket);
    let state = watched.state.to_str().unwrap();
    watched.at(watched.hour(11));
    let end = iso(watched.hour(9));
    let mut command =
        connected(&watched.server, &["watch", &location, "--state", state, "--end-time", &end]);
    // What was there is gone: that is news, once.
    assert_eq!(alerts(&Ran::from(&mut command)).len(), 1);
    let ran = Ran::from(&mut command);
    assert_eq!((ran.status, alerts(&ran).len()), (4, 0), "{ran:#?}");
    let location = format!("s3://{}/AWSLogs/111122223333/", watched.bucket);
    let narrow = ["watch", &location, "--state", state, "--end-time", &end];
    let ran = Ran::from(&mut connected(&watched.server, &narrow)).is(2, "  organization: `all`");
    assert!(
        ran.stderr.contains("  --account: `all` in the record, `111122223333` now\n"),
        "{ran:#?}"
    );
    // Other chains under the same name: the digests at the seam have different hashes.
    let ran = other.step(other.hour(11), &[]);
    assert!([1, 3].contains(&ran.status), "{ran:#?}");
    assert_eq!(alerts(&ran).len(), 1, "{ran:#?}");
}

/// A step adds its record, then reports, then writes `latest.json`. Killed in between, it leaves the
/// document of the step before.
#[test]
fn a_step_that_was_killed_before_the_document_is_continued() {
    let watched = Watched::new("killed", trail(13, 20));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    let document = watched.file("latest.json");
    let first = fs::read(&document).unwrap();
    let mut before = first.clone();
    for hour in [7, 9, 11] {
        watched.step(watched.hour(hour), &[]).is(0, "proven");
        let after = fs::read(&document).unwrap();
        fs::write(&document, before).unwrap();
        before = after;
    }
    watched.step(watched.hour(13), &[]).is(0, "proven");
    assert_eq!(watched.latest()["record"], "records/20260301T110411Z.jsonl.zst");
    // A document that is older than that is not the work of a killed step.
    fs::write(&document, first).unwrap();
    watched.step(watched.hour(15), &[]).is(5, "it is about a different chain of records");
    // Without any, the state is usable.
    fs::remove_file(&document).unwrap();
    watched.step(watched.hour(15), &[]).is(0, "proven");
}

/// What a step found that was killed before it could report it is reported by the next one.
#[test]
fn an_alert_that_was_not_printed_is_not_lost() {
    let mut watched = Watched::new("unprinted", trail(14, 20));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    watched.deleted.push((watched.digest(watched.hour(4)), 0));
    let before = fs::read(watched.file("latest.json")).unwrap();
    assert_eq!(alerts(&watched.step(watched.hour(7), &[])).len(), 1);
    fs::write(watched.file("latest.json"), before).unwrap();
    let ran = watched.step(watched.hour(8), &[]);
    assert_eq!((ran.status, alerts(&ran).len()), (1, 1), "{ran:#?}");
    // Nobody read it: stdout was closed.
    let mut watched = Watched::new("unread", trail(14, 20));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    watched.deleted.push((watched.digest(watched.hour(4)), 0));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = watched.command(watched.hour(7), &[]);
    assert_eq!(command.stdout(full).status().unwrap().code(), Some(1));
    let ran = watched.step(watched.hour(8), &[]);
    assert_eq!((ran.status, alerts(&ran).len()), (1, 1), "{ran:#?}");
    let ran = watched.step(watched.hour(9), &[]);
    assert_eq!((ran.status, alerts(&ran).len()), (1, 0), "{ran:#?}");
}

/// A disk without space, as a limit of the size of files.
#[test]
fn a_full_disk_changes_nothing_and_hides_no_contradiction() {
    let mut watched = Watched::new("full", trail(15, 20));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    let full = |watched: &Watched, hour: i64| {
        let step = watched.command(watched.hour(hour), &[]);
        // The signal is ignored, so that writing fails as it does on a full disk.
        let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
        let mut command = Command::new("bash");
        command.env_clear().envs(step.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(["-c", script]).arg(step.get_program()).args(step.get_args());
        Ran::from(&mut command)
    };
    let (before, records) = (watched.latest(), watched.names("records"));
    let ran = full(&watched, 7).is(6, "error: cannot write `");
    assert!(alerts(&ran).is_empty(), "{ran:#?}");
    assert_eq!((watched.latest(), watched.names("records")), (before, records));
    watched.deleted.push((watched.digest(watched.hour(5)), 0));
    let ran = full(&watched, 8).is(1, "error: cannot write `");
    assert_eq!(alerts(&ran).len(), 1, "{ran:#?}");
    // It is reported again, because nothing shows that it was reported.
    let ran = watched.step(watched.hour(8), &[]);
    assert_eq!((ran.status, alerts(&ran).len()), (1, 1), "{ran:#?}");
}
