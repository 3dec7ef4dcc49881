//! A state in S3: objects that are created once, so that of two steps which continue the same record only
//! one adds its own.
use super::*;
use std::process::Stdio;
use std::time::Duration;
use trailproof_testkit::server::{Fault, FaultPlan, KeyMatcher, Matcher, Operation, Schedule};
use trailproof_testkit::world::Version;

/// Returns a state with three records.
fn three(name: &str) -> Watched {
    let watched = Watched::in_s3(name, trail(31, 16));
    for hour in [5, 7, 9] {
        watched.step(watched.hour(hour), &[]).is(0, "proven");
    }
    watched
}

impl Watched {
    /// Returns the names of the objects of the state.
    fn kept(&self) -> Vec<String> {
        let world = self.server.world();
        let keys = world.buckets[STATE].objects.keys();
        keys.map(|key| key.strip_prefix("hourly/").unwrap().to_owned()).collect()
    }

    fn document(&self, number: u32) -> Value {
        let world = self.server.world();
        let key = format!("hourly/steps/{number:08}.json");
        serde_json::from_slice(&world.buckets[STATE].objects[&key][0].body).unwrap()
    }

    /// Changes the objects of the state.
    fn alter(&self, change: impl FnOnce(&mut std::collections::BTreeMap<String, Vec<Version>>)) {
        self.server.alter_world(|world| change(&mut world.buckets.get_mut(STATE).unwrap().objects));
    }

    fn remove(&self, name: &str) {
        self.alter(|objects| {
            assert!(objects.remove(&format!("hourly/{name}")).is_some(), "{name}")
        });
    }

    fn put(&self, name: &str, body: Vec<u8>) {
        self.alter(|objects| {
            let version = objects.values().next().unwrap()[0].clone();
            let version = Version { body: body.into(), ..version };
            objects.insert(format!("hourly/{name}"), vec![version]);
        });
    }

    fn body(&self, name: &str) -> Vec<u8> {
        self.server.world().buckets[STATE].objects[&format!("hourly/{name}")][0].body.to_vec()
    }
}

#[test]
fn the_chain_of_records_goes_on_in_s3() {
    let watched = three("s3-chain");
    let names = |numbers: std::ops::RangeInclusive<u32>| {
        let records = numbers.clone().map(|number| format!("records/{number:08}.jsonl.zst"));
        records.chain(numbers.map(|number| format!("steps/{number:08}.json"))).collect::<Vec<_>>()
    };
    assert_eq!(watched.kept(), names(1..=3));
    // A step writes two objects.
    assert_eq!(watched.server.requests().of(Operation::PutObject), 6);
    let document = watched.document(3);
    assert_eq!(document["record"], "records/00000003.jsonl.zst");
    assert_eq!((&document["verdict"], &document["schema"]), (&"proven".into(), &1.into()));
    assert_eq!(document["to"], iso(watched.hour(7)));
    assert_eq!(document["begins"], iso(watched.start));
    // A second step at the same time has nothing to do, and writes nothing.
    let ran = watched.step(watched.hour(9), &[]).is(0, "nothing new yet");
    assert!(ran.stdout.is_empty() && watched.kept() == names(1..=3), "{ran:#?}");
    watched.step(watched.hour(9), &["--check-state"]).is(0, "is whole: 3 records, up to ");
    // A later one needs no start, and names the place of its record.
    let (location, state) = (format!("s3://{}", watched.bucket), format!("s3://{STATE}/hourly/"));
    watched.at(watched.hour(11));
    let end = iso(watched.hour(9));
    let bare = ["watch", &location, "--state", &state, "--end-time", &end];
    Ran::from(&mut connected(&watched.server, &bare))
        .is(0, &format!("; record `s3://{STATE}/hourly/records/00000004.jsonl.zst`\n"));
    let later = iso(watched.hour(10));
    let other = ["watch", &location, "--state", &state, "--end-time", &later];
    let other = [&other[..], &["--start-time", "2026-03-01T00:00:00Z"]].concat();
    Ran::from(&mut connected(&watched.server, &other))
        .is(2, "the records of the state begin at 2026-03-01T00:04:11Z");
    // The records are those of any run: the last follows the one before.
    let file = scratch("watch-s3-record.jsonl.zst");
    fs::write(&file, watched.body("records/00000004.jsonl.zst")).unwrap();
    let replayed = ["replay", file.to_str().unwrap(), "--format", "jsonl"];
    let replayed = Ran::from(&mut crate::support::program::program(&replayed));
    let follows = &replayed.of_kind("run-started")[0]["follows"];
    assert_eq!(follows["sha256"], document["sha256"]);
}

#[test]
fn a_first_step_in_s3_needs_a_start() {
    let watched = Watched::in_s3("s3-first", trail(32, 12));
    watched.at(watched.hour(6));
    let (location, state) = (format!("s3://{}", watched.bucket), watched.state.to_str().unwrap());
    let bare = ["watch", &location, "--state", state];
    let words = "the state `s3://example-state/hourly` has no records yet";
    Ran::from(&mut connected(&watched.server, &bare)).is(2, words);
    let check = [&bare[..], &["--check-state"]].concat();
    Ran::from(&mut connected(&watched.server, &check)).is(0, "has no records\n");
    assert_eq!(watched.server.requests().of(Operation::PutObject), 0);
}

/// Beside the evidence, in the same bucket, the objects of a state are not taken for log files.
#[test]
fn a_state_may_lie_beside_the_evidence() {
    let mut watched = Watched::new("s3-beside", trail(33, 12));
    watched.state = PathBuf::from(format!("s3://{}/trailproof", watched.bucket));
    // The state must outlive the world of the step before.
    for (number, hour) in [(1, 5), (2, 7)] {
        let written = watched.server.world().buckets.get(&watched.bucket).cloned();
        let own = |key: &String| key.starts_with("trailproof/");
        let written = written.into_iter().flat_map(|bucket| bucket.objects);
        let written: Vec<_> = written.filter(|(key, _)| own(key)).collect();
        let objects = &mut watched.trail.world.buckets.get_mut(&watched.bucket).unwrap().objects;
        objects.extend(written.into_iter().map(|(key, mut versions)| {
            versions.iter_mut().for_each(|version| version.last_modified = 0);
            (key, versions)
        }));
        let ran = watched.step(watched.hour(hour), &[]).is(0, "proven");
        assert!(ran.stdout.contains(&format!("/trailproof/records/{number:08}.")), "{ran:#?}");
    }
}

#[test]
fn a_state_is_never_in_the_evidence() {
    let watched = Watched::in_s3("s3-evidence", trail(34, 12));
    watched.at(watched.hour(5));
    let bucket = &watched.bucket;
    let inside = [format!("s3://{bucket}/AWSLogs"), format!("s3://{STATE}/a/AWSLogs/b")];
    for state in &inside {
        let location = format!("s3://{bucket}");
        let step = ["watch", &location, "--state", state, "--start-time", "2026-03-01"];
        Ran::from(&mut connected(&watched.server, &step))
            .is(2, "is in the evidence, where nothing is written");
    }
    // A copy of other objects lies in the bucket of the state.
    let relocate = format!("s3://old-logs=s3://{STATE}/hourly");
    let ran = watched.step(watched.hour(5), &["--relocate", &relocate]);
    ran.is(2, "is in the evidence, where nothing is written");
    let odd = ["watch", "s3://x", "--state", "s3://a b/x", "--start-time", "2026-03-01"];
    Ran::from(&mut connected(&watched.server, &odd)).is(2, "is not a place in S3");
    assert_eq!(watched.server.requests().of(Operation::PutObject), 0);
}

#[test]
fn what_is_not_proven_is_kept_as_an_attempt() {
    let mut watched = Watched::in_s3("s3-attempt", trail(35, 20));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    let deleted = watched.digest(watched.hour(4));
    watched.deleted.push((deleted, watched.hour(6)));
    let ran = watched.step(watched.hour(7), &[]);
    assert_eq!((ran.status, alerts(&ran).len()), (1, 1), "{ran:#?}");
    let attempt = format!("attempts/{}-", Timestamp::from_unix(watched.hour(5)).key());
    let kept = watched.kept();
    assert!(kept[0].starts_with(&attempt) && kept.len() == 4, "{kept:#?}");
    assert!(
        ran.stdout.contains(&format!("; record `s3://{STATE}/hourly/{}`", kept[0])),
        "{ran:#?}"
    );
    assert_eq!(watched.document(2)["record"], kept[0]);
    // The same time is covered again, and not reported again.
    for hour in [7, 8] {
        let ran = watched.step(watched.hour(hour), &[]);
        assert_eq!((ran.status, alerts(&ran).len()), (1, 0), "{ran:#?}");
    }
    // The attempts before the newest may be removed, and the documents before the newest too.
    watched.remove(&kept[0]);
    watched.remove("steps/00000001.json");
    watched.deleted.clear();
    let ran = watched.step(watched.hour(9), &[]).is(0, "proven");
    assert!(alerts(&ran).is_empty() && ran.stdout.contains(&iso(watched.hour(3) - 1)), "{ran:#?}");
    assert_eq!(watched.document(5)["record"], "records/00000002.jsonl.zst");
}

/// Starts the step at this hour, which waits at a log file that no step has read.
fn waiting(watched: &Watched, hour: i64, wait: Duration) -> std::process::Child {
    let (from, to) = (watched.hour(hour - 3), watched.hour(hour - 2));
    let new = |log: i64| from < log && log < to;
    let (_, log) = watched.trail.logs().find(|(_, log)| new(log.delivered)).unwrap();
    let stalls = Schedule::on(1, Fault::StallBeforeHeaders(wait));
    watched.server.replace_faults(FaultPlan::new().with(Matcher::get(&log.key), stalls));
    let mut command = watched.command(watched.hour(hour), &[]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !watched.server.log().iter().any(|request| request.key == log.key) {
        assert!(child.try_wait().unwrap().is_none(), "the step ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn of_two_steps_at_once_one_adds_its_record() {
    let watched = Watched::in_s3("s3-race", trail(36, 20));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    let slow = waiting(&watched, 7, Duration::from_secs(5));
    watched.step(watched.hour(8), &[]).is(0, "proven");
    let after = watched.kept();
    let lost = Ran::of(slow.wait_with_output().unwrap());
    let words = "cannot write `s3://example-state/hourly/records/00000002.jsonl.zst`: another step has \
                 written it meanwhile";
    let lost = lost.is(6, words);
    assert!(alerts(&lost).is_empty() && watched.kept() == after, "{lost:#?}");
    assert_eq!(watched.document(2)["to"], iso(watched.hour(6)));
    // Nothing is locked, and nothing is passed over.
    let ran = watched.step(watched.hour(9), &[]).is(0, "proven");
    assert!(ran.stdout.contains(&iso(watched.hour(6) - 1)), "{ran:#?}");
}

/// The step that is refused has seen a contradiction, which its status and its alert still report.
#[test]
fn a_refused_step_hides_no_contradiction() {
    let mut watched = Watched::in_s3("s3-race-alert", trail(37, 20));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    watched.deleted.push((watched.digest(watched.hour(4)), 0));
    let slow = waiting(&watched, 7, Duration::from_secs(5));
    let ran = watched.step(watched.hour(8), &[]);
    assert_eq!((ran.status, alerts(&ran).len()), (1, 1), "{ran:#?}");
    let lost = Ran::of(slow.wait_with_output().unwrap());
    let lost = lost.is(1, "steps/00000002.json`: another step has written it meanwhile");
    // It may be printed twice, and is never lost.
    assert_eq!(alerts(&lost).len(), 1, "{lost:#?}");
    let ran = watched.step(watched.hour(9), &[]);
    assert_eq!((ran.status, alerts(&ran).len()), (1, 0), "{ran:#?}");
}

#[test]
fn a_step_that_is_cut_short_leaves_nothing_in_the_way() {
    let watched = Watched::in_s3("s3-killed", trail(38, 24));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    // Killed while it verifies.
    let mut killed = waiting(&watched, 7, Duration::from_secs(600));
    let before = watched.kept();
    killed.kill().unwrap();
    killed.wait().unwrap();
    watched.server.replace_faults(FaultPlan::new());
    assert_eq!(watched.kept(), before);
    watched.step(watched.hour(7), &[]).is(0, "proven");
    // Killed when it had added its record: the next step writes its document.
    watched.remove("steps/00000002.json");
    watched.step(watched.hour(9), &[]).is(0, "proven");
    assert_eq!(watched.document(2)["record"], "records/00000002.jsonl.zst");
    assert_eq!(watched.document(3)["record"], "records/00000003.jsonl.zst");
    // Without any document, the newest record says how things stand.
    for number in 1..=3 {
        watched.remove(&format!("steps/{number:08}.json"));
    }
    watched.step(watched.hour(9), &[]).is(0, "nothing new yet");
    watched.step(watched.hour(11), &[]).is(0, "proven");
    assert_eq!(watched.document(1)["record"], "records/00000004.jsonl.zst");
    // A document that is older than that is not the work of a step that was cut short.
    watched.step(watched.hour(13), &[]).is(0, "proven");
    watched.step(watched.hour(15), &[]).is(0, "proven");
    watched.remove("steps/00000002.json");
    watched.remove("steps/00000003.json");
    let ran = watched.step(watched.hour(17), &[]);
    ran.is(5, "it is about a different chain of records");
}

/// The temporary file of an interrupted step is gone, so that nothing can go on from it.
#[test]
fn an_interrupted_step_names_no_file_that_is_gone() {
    let watched = Watched::in_s3("s3-interrupted", trail(39, 12));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    let interrupted = waiting(&watched, 7, Duration::from_secs(600));
    let pid = interrupted.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let ran = Ran::of(interrupted.wait_with_output().unwrap());
    assert_eq!(ran.status, 143, "{ran:#?}");
    assert!(!ran.stderr.contains("--resume") && watched.kept().len() == 2, "{ran:#?}");
}

#[test]
fn an_answer_that_is_lost_adds_no_second_record() {
    for (number, fault) in [Fault::HangUp, Fault::Reset].into_iter().enumerate() {
        let watched = Watched::in_s3(&format!("s3-lost-{number}"), trail(40, 12));
        let puts = Matcher::operation(Operation::PutObject);
        let plan = FaultPlan::new()
            .with(puts, Schedule::each(vec![Some(fault.clone()), None, Some(fault)]));
        watched.server.replace_faults(plan);
        let mut command = watched.command(watched.hour(5), &[]);
        Ran::from(command.env("AWS_MAX_ATTEMPTS", "3")).is(0, "proven");
        assert_eq!(watched.kept(), ["records/00000001.jsonl.zst", "steps/00000001.json"]);
    }
}

/// Each object that cannot be written: the status, what the state then holds, and the next step.
#[test]
fn a_state_that_cannot_be_written_hides_no_contradiction() {
    let refused = |part: &str| {
        let puts = Matcher::operation(Operation::PutObject);
        let puts = puts.key(KeyMatcher::Contains(part.to_owned()));
        FaultPlan::new().with(puts, Schedule::always(Fault::AccessDenied))
    };
    let mut watched = Watched::in_s3("s3-unwritten", trail(41, 20));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    let before = watched.kept();
    watched.server.replace_faults(refused("records/"));
    let words =
        "cannot write `s3://example-state/hourly/records/00000002.jsonl.zst`: denied: AccessDenied";
    watched.step(watched.hour(7), &[]).is(6, words);
    assert_eq!(watched.kept(), before);
    watched.deleted.push((watched.digest(watched.hour(4)), 0));
    watched.server.replace_faults(refused("steps/"));
    let ran =
        watched.step(watched.hour(7), &[]).is(1, "cannot write `s3://example-state/hourly/steps/");
    assert_eq!(alerts(&ran).len(), 1, "{ran:#?}");
    // It is reported again, because nothing shows that it was reported.
    watched.server.replace_faults(FaultPlan::new());
    let ran = watched.step(watched.hour(8), &[]);
    assert_eq!((ran.status, alerts(&ran).len()), (1, 1), "{ran:#?}");
}

#[test]
fn a_state_that_cannot_be_read_is_refused() {
    let watched = three("s3-unread");
    let read = |operation, part: &str| {
        Matcher::operation(operation).bucket(STATE).key(KeyMatcher::Contains(part.to_owned()))
    };
    for (matcher, words) in [
        (
            Matcher::operation(Operation::ListObjectsV2).bucket(STATE),
            "cannot use the state: `s3://example-state/hourly/records`: denied",
        ),
        (
            read(Operation::GetObject, "00000003.jsonl"),
            "cannot use the state: `s3://example-state/hourly/records/00000003.jsonl.zst`: denied",
        ),
        (
            read(Operation::GetObject, "00000001.jsonl"),
            "cannot use the state: `s3://example-state/hourly/records/00000001.jsonl.zst`: denied",
        ),
        (
            read(Operation::GetObject, "steps/"),
            "cannot use the state: `s3://example-state/hourly/steps/00000003.json`: denied",
        ),
    ] {
        let plan = FaultPlan::new().with(matcher, Schedule::always(Fault::AccessDenied));
        watched.server.replace_faults(plan);
        watched.step(watched.hour(11), &[]).is(5, words);
    }
    watched.server.replace_faults(FaultPlan::new());
    let location = format!("s3://{}", watched.bucket);
    let absent = ["watch", &location, "--state", "s3://absent/x", "--start-time", "2026-03-01"];
    Ran::from(&mut connected(&watched.server, &absent)).is(5, "no-such-bucket");
    assert_eq!(watched.kept().len(), 6);
}

type Change = fn(&Watched);

#[test]
fn a_broken_state_in_s3_is_refused_and_the_object_is_named() {
    let watched = three("s3-broken");
    let kept = watched.server.world().buckets[STATE].objects.clone();
    let changes: [(&str, &str, Change); 13] = [
        ("records/00000001.jsonl.zst` is missing", "the first is removed", |watched| {
            watched.remove("records/00000001.jsonl.zst");
        }),
        ("records/00000002.jsonl.zst` is missing", "one in the middle is removed", |watched| {
            watched.remove("records/00000002.jsonl.zst");
        }),
        ("steps/00000003.json` does not agree", "the newest is removed", |watched| {
            watched.remove("records/00000003.jsonl.zst");
        }),
        ("records/00000004.jsonl.zst` is missing", "a number is left out", |watched| {
            watched.put("records/00000005.jsonl.zst", watched.body("records/00000001.jsonl.zst"));
        }),
        ("records/00000002.jsonl.zst` is not the record", "one is another record", |watched| {
            watched.put("records/00000002.jsonl.zst", watched.body("records/00000001.jsonl.zst"));
        }),
        ("records/00000001.jsonl.zst` is not the record", "the first is another", |watched| {
            watched.put("records/00000001.jsonl.zst", watched.body("records/00000002.jsonl.zst"));
        }),
        ("records/00000003.jsonl.zst` is not the record", "the newest comes twice", |watched| {
            watched.put("records/00000004.jsonl.zst", watched.body("records/00000003.jsonl.zst"));
        }),
        ("steps/00000003.json` does not agree", "the newest is another", |watched| {
            watched.put("records/00000003.jsonl.zst", {
                let path = scratch("watch-s3-changed.jsonl.zst");
                let body = watched.body("records/00000003.jsonl.zst");
                let text = String::from_utf8(zstd::decode_all(body.as_slice()).unwrap()).unwrap();
                let changed = text.replace("\"user\":", "\"reason\":1,\"user\":");
                super::hostile::put(&path, &changed);
                fs::read(path).unwrap()
            });
        }),
        ("records/00000003.jsonl.zst` is not a whole record", "the newest is cut", |watched| {
            let body = watched.body("records/00000003.jsonl.zst");
            watched.put("records/00000003.jsonl.zst", body[..body.len() / 2].to_vec());
        }),
        ("records/00000001.jsonl.zst` is not a whole record", "one is empty", |watched| {
            watched.put("records/00000001.jsonl.zst", Vec::new());
        }),
        ("what it names is not the record of a step", "it leads elsewhere", |watched| {
            let text = String::from_utf8(watched.body("steps/00000003.json")).unwrap();
            watched.put(
                "steps/00000003.json",
                text.replace("records/00000003", "../x/records/00000003").into_bytes(),
            );
        }),
        ("steps/00000003.json`: line 1: it is not valid", "the document is not one", |watched| {
            watched.put("steps/00000003.json", b"[1]".to_vec());
        }),
        ("steps/00000003.json`: it has more than", "the document is huge", |watched| {
            watched.put("steps/00000003.json", vec![b' '; (4 << 20) + 1]);
        }),
    ];
    for (words, what, change) in changes {
        watched.alter(|objects| *objects = kept.clone());
        change(&watched);
        let before = watched.kept();
        let ran = watched.step(watched.hour(11), &["--quiet"]);
        assert_eq!(ran.status, 5, "{what}: {ran:#?}");
        let ran = ran.is(5, words);
        assert!(ran.stdout.is_empty() && watched.kept() == before, "{what}");
    }
    // Objects with other names are passed over.
    watched.alter(|objects| *objects = kept.clone());
    for name in ["records/x", "records/0000004.jsonl.zst", "steps/README", "steps/00000000.json"] {
        watched.put(name, b"x".to_vec());
    }
    watched.step(watched.hour(11), &[]).is(0, "proven");
}

/// A step does not read a chain of any length: the numbers show that nothing is missing, and the newest
/// records are hashed again.
#[test]
fn a_step_reads_the_newest_records_of_a_long_chain() {
    let hours = 110;
    let watched = Watched::in_s3("s3-long", trail(42, hours + 4));
    for hour in 3..=i64::from(hours) {
        watched.step(watched.hour(hour), &["--reproducible", "--quiet"]).is(0, "");
    }
    let records = hours - 2;
    let first = "records/00000001.jsonl.zst";
    let gets_of_state = || {
        let log = watched.server.log();
        let gets = log.iter().filter(|it| it.operation == Operation::GetObject);
        gets.filter(|it| it.key.starts_with("hourly/")).count()
    };
    watched.server.forget();
    watched.step(watched.hour(111), &["--quiet"]).is(0, "");
    // The newest record, a hundred before it, and the document.
    assert_eq!(gets_of_state(), 102);
    // The first record is not among them.
    watched.put(first, watched.body("records/00000002.jsonl.zst"));
    watched.step(watched.hour(112), &["--quiet"]).is(0, "");
    let checked = watched.step(watched.hour(112), &["--check-state"]);
    checked.is(5, "records/00000001.jsonl.zst` is not the record that the next one follows");
    watched.remove(first);
    let ran = watched.step(watched.hour(113), &["--quiet"]);
    ran.is(5, "records/00000001.jsonl.zst` is missing");
    assert!(watched.kept().contains(&format!("records/{:08}.jsonl.zst", records + 2)));
}
