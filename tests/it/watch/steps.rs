//! Single steps: what they cover, when they alert, and what they refuse.
use super::*;
use std::process::Stdio;
use trailproof_testkit::server::{Fault, FaultPlan, Matcher, Operation, Schedule};

fn failing(matcher: Matcher) -> FaultPlan {
    FaultPlan::new().with(matcher, Schedule::always(Fault::InternalError))
}

#[test]
fn the_first_step_needs_a_start_and_later_ones_continue() {
    let watched = Watched::new("first", trail(1, 12));
    watched.at(watched.hour(6));
    let (location, state) = (format!("s3://{}", watched.bucket), watched.state.to_str().unwrap());
    let bare = ["watch", &location, "--state", state];
    let ran = Ran::from(&mut connected(&watched.server, &bare));
    ran.is(2, "`--start-time` says where the first step begins");
    assert!(watched.names("records").is_empty() && watched.names("attempts").is_empty());

    let ran = watched.step(watched.hour(6), &[]).is(0, "proven: 2026-03-01T00:04:11Z to ");
    assert!(alerts(&ran).is_empty());
    // A step without a start continues: it reads the last verified second again.
    watched.at(watched.hour(8));
    let end = iso(watched.hour(6));
    let mut next = connected(&watched.server, &bare);
    let ran = Ran::from(next.args(["--end-time", &end]));
    ran.is(0, &format!("proven: {} to {end}; record `", iso(watched.hour(4) - 1)));
    let latest = watched.latest();
    let names = watched.names("records");
    assert_eq!(names, ["20260301T040411Z.jsonl.zst", "20260301T060411Z.jsonl.zst"]);
    assert_eq!(latest["record"], format!("records/{}", names[1]));
    assert_eq!((&latest["verdict"], &latest["to"]), (&"proven".into(), &end.as_str().into()));
    // A second step at the same time has nothing to do.
    let ran = watched.step(watched.hour(8), &[]).is(0, "nothing new yet");
    assert!(ran.stdout.is_empty() && watched.names("records") == names, "{ran:#?}");
    // The beginning is where it is.
    let mut other = connected(&watched.server, &bare);
    other.args(["--start-time", "2026-03-01T00:00:00Z", "--end-time", &iso(watched.hour(7))]);
    Ran::from(&mut other).is(2, "the records of the state begin at 2026-03-01T00:04:11Z");
    for option in [["--since", "2026-03-01"], ["--quarter", "2026Q1"], ["--as-of", "2026-03-01"]] {
        Ran::from(connected(&watched.server, &bare).args(option)).is(2, "do not apply");
    }
}

#[test]
fn what_is_not_proven_is_covered_again_and_reported_once() {
    let mut watched = Watched::new("again", trail(2, 16));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    // Somebody adds a log file to an hour that was not yet covered.
    let (_, log) = watched
        .trail
        .logs()
        .find(|(_, log)| log.delivered > watched.hour(4) && log.delivered < watched.hour(5))
        .unwrap();
    let (bucket, key) = (log.bucket.clone(), log.key.clone());
    let planted = key.replace(".json.gz", "x.json.gz");
    let versions = watched.trail.world.buckets[&bucket].objects[&key].clone();
    let objects = &mut watched.trail.world.buckets.get_mut(&bucket).unwrap().objects;
    objects.insert(planted.clone(), versions);
    // The same content under a different name is a copy; another content is not.
    let body = b"\x1f\x8b not gzip".to_vec();
    objects.get_mut(&planted).unwrap()[0].body = body.into();
    let ran = watched.step(watched.hour(8), &[]);
    assert_eq!(ran.status, 3, "{ran:#?}");
    let [line] = alerts(&ran)[..] else { panic!("{ran:#?}") };
    assert!(line.starts_with("alert: not proven: new: 1 log-unlisted; record `"), "{line}");
    assert!(ran.stdout.contains("; the next step covers this time again; "), "{ran:#?}");
    for hour in [9, 10] {
        let ran = watched.step(watched.hour(hour), &[]);
        assert_eq!((ran.status, alerts(&ran).len()), (3, 0), "{ran:#?}");
        assert!(ran.stdout.contains(&iso(watched.hour(3) - 1)), "{ran:#?}");
    }
    // A second one is news, although the verdict is the same.
    let second = planted.replace("x.json.gz", "y.json.gz");
    let objects = &mut watched.trail.world.buckets.get_mut(&bucket).unwrap().objects;
    let versions = objects[&planted].clone();
    objects.insert(second.clone(), versions);
    let ran = watched.step(watched.hour(11), &[]);
    let [line] = alerts(&ran)[..] else { panic!("{ran:#?}") };
    assert!(ran.status == 3 && line.contains("new: 1 log-unlisted"), "{ran:#?}");
    // The cause goes away: the time is proven, in one step.
    watched.deleted = vec![(planted.clone(), 0), (second.clone(), 0)];
    let ran = watched.step(watched.hour(12), &[]).is(0, "proven");
    assert!(alerts(&ran).is_empty());
    assert_eq!(watched.names("records").len(), 2);
    assert_eq!(watched.names("attempts").len(), 4);
    // If it comes back, it is news again, but only where a step looks.
    watched.deleted.clear();
    watched.step(watched.hour(13), &[]).is(0, "proven");
}

#[test]
fn a_store_that_fails_for_longer_than_the_limit_is_reported_once() {
    let watched = Watched::new("stale", trail(3, 24));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    watched.server.replace_faults(failing(Matcher::any()));
    // The newest proven digest ended three hours before the first step.
    let mut alerted = Vec::new();
    for hour in 6..=12 {
        let ran = watched.step(watched.hour(hour), &["--max-age", "5h"]);
        assert_eq!(ran.status, 5, "{ran:#?}");
        alerted.extend(alerts(&ran).iter().map(|line| (hour, (*line).to_owned())));
    }
    let [(hour, line)] = alerted.as_slice() else { panic!("{alerted:#?}") };
    // The digest after the period is proven too: it ended at hour 4.
    assert_eq!(*hour, 10, "{line}");
    let words = "alert: no proven digest for more than 5 h: `111122223333 eu-west-1 ";
    assert!(line.starts_with(words), "{line}");
    // It comes back, and everything is caught up with in one step.
    watched.server.replace_faults(FaultPlan::new());
    let ran = watched.step(watched.hour(13), &["--max-age", "5h"]).is(0, "proven");
    assert!(alerts(&ran).is_empty());
    assert_eq!(watched.latest()["reported"]["stale"], serde_json::json!([]));
    // If it fails again, that is news.
    watched.server.replace_faults(failing(Matcher::any()));
    let ran = watched.step(watched.hour(22), &["--max-age", "5h"]);
    assert_eq!(alerts(&ran).len(), 1, "{ran:#?}");
}

/// Log files that cannot be read leave digests proven, so that no chain is stale.
#[test]
fn log_files_that_cannot_be_read_are_reported_when_they_are_too_old() {
    let watched = Watched::new("behind", trail(4, 24));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    let logs = Matcher::operation(Operation::GetObject);
    let logs = logs.key_prefix("AWSLogs/111122223333/CloudTrail/");
    watched.server.replace_faults(failing(logs));
    let mut alerted = Vec::new();
    for hour in 6..=14 {
        let ran = watched.step(watched.hour(hour), &["--max-age", "6h"]);
        assert_eq!(ran.status, 3, "{ran:#?}");
        alerted.extend(alerts(&ran).iter().map(|line| (hour, (*line).to_owned())));
    }
    let [(hour, line)] = alerted.as_slice() else { panic!("{alerted:#?}") };
    // The records end at hour 3, and a step covers what is two hours old.
    assert_eq!(*hour, 12, "{line}");
    let words = "alert: not everything is proven for more than 6 h: since 2026-03-01T03:04:11Z";
    assert!(line.starts_with(words), "{line}");
    watched.server.replace_faults(FaultPlan::new());
    watched.step(watched.hour(15), &[]).is(0, "proven");
}

#[test]
fn a_step_that_would_look_at_something_else_is_refused() {
    let watched = Watched::new("scope", trail(5, 12));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    let before = watched.latest();
    let ran = watched.step(watched.hour(6), &["--region", "eu-west-1", "--no-unlisted"]);
    let ran = ran.is(2, "  --region: `all` in the record, `eu-west-1` now\n");
    assert!(ran.stderr.contains("  --no-unlisted: `no` in the record, `yes` now\n"), "{ran:#?}");
    assert!(ran.stdout.is_empty());
    assert_eq!((watched.latest(), watched.names("attempts").len()), (before, 0));
}

#[test]
fn two_steps_do_not_overlap_and_a_killed_one_is_no_obstacle() {
    let watched = Watched::new("lock", trail(6, 12));
    watched.step(watched.hour(5), &[]).is(0, "proven");
    let lock = fs::File::open(watched.file("lock")).unwrap();
    lock.try_lock().unwrap();
    watched.step(watched.hour(6), &[]).is(5, "another step is running");
    drop(lock);
    // A step that waits for a log file is killed.
    let hangs = Fault::StallBeforeHeaders(std::time::Duration::from_secs(600));
    let logs = Matcher::operation(Operation::GetObject);
    let logs = logs.key_prefix("AWSLogs/111122223333/CloudTrail/");
    let plan = FaultPlan::new().with(logs, Schedule::always(hangs));
    watched.server.replace_faults(plan);
    let mut command = watched.command(watched.hour(6), &[]);
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while watched.names("attempts").is_empty() {
        let ended = killed.try_wait().unwrap();
        assert!(ended.is_none(), "the step ended before it was killed");
        std::thread::yield_now();
    }
    watched.step(watched.hour(6), &[]).is(5, "another step is running");
    killed.kill().unwrap();
    killed.wait().unwrap();
    watched.server.replace_faults(FaultPlan::new());
    watched.step(watched.hour(6), &[]).is(0, "proven");
    assert_eq!(watched.names("records").len(), 2);
}

#[test]
fn json_has_the_alerts_as_codes() {
    let mut watched = Watched::new("json", trail(7, 12));
    let key = watched.digest(watched.hour(2));
    watched.deleted.push((key, 0));
    let ran = watched.step(watched.hour(6), &["--format", "json", "--quiet"]);
    assert_eq!(ran.status, 1, "{ran:#?}");
    let json = ran.json();
    assert_eq!(json["alerts"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(json["alerts"][0]["alert"], "contradicted");
    assert_eq!(json["alerts"][0]["objections"]["digest-missing"], 1);
    assert_eq!((&json["verdict"], &json["settled"]), (&"contradicted".into(), &false.into()));
    let again = watched.step(watched.hour(7), &["--format", "json", "--quiet"]);
    assert_eq!((again.status, again.stdout.as_str()), (1, ""));
    let first = watched.file("attempts/20260301T040411Z.jsonl.zst");
    assert_eq!(json["record"], first.to_str().unwrap());
}
