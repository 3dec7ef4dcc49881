//! A mirror whose run is killed: nothing that was complete is lost, and the next run finishes it.
#![cfg(unix)]

use crate::support::mirrors::*;
use crate::support::wait_until;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use trailproof_testkit::server::{LoopbackServer, Operation, ServerOptions};
use trailproof_testkit::trail::dice::Dice;
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

/// The number of kills that must hit an active run.
const KILLS: usize = 24;

fn start(server: &LoopbackServer, trail: &BuiltTrail, at: &Path) -> Child {
    let location = format!("s3://{}", bucket(trail));
    let path = at.to_str().unwrap();
    let period = period(trail);
    let arguments = [&["mirror", &location, path][..], &slices(&period), &JSONL].concat();
    command(server, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The real program is ended by SIGKILL at random moments, again and again over one directory.
/// After each kill, every file under its final name equals the bucket's object, and no earlier file
/// is lost; the mirror yields no finding and does not count as complete. The undisturbed last run
/// finishes it: byte for byte like a mirror that was never disturbed.
#[test]
fn a_killed_run_loses_nothing_and_the_next_one_finishes_it() {
    let trail = TrailSpec::new()
        .seed(31)
        .regions(&["us-east-1", "eu-west-1", "ap-south-1"])
        .time(START, 60)
        .logs(LogPlan::Constant(4), LogSizes::Small)
        .build();
    let options = ServerOptions { latency: Duration::from_millis(8), ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let undisturbed = fresh("undisturbed");
    let expected = mirror(&server, &trail, &undisturbed, &[]);
    assert_eq!(expected.status, 0, "{}", expected.stderr);
    let expected_tree = tree(&undisturbed);
    let objects: usize = trail.world.buckets.values().map(|bucket| bucket.objects.len()).sum();

    let at = fresh("killed");
    let mut dice = Dice::new(77, "kills");
    let (mut killed, mut kept, mut rounds, mut half_copied) = (0, tree_or_none(&at), 0, 0);
    // The longest time until a kill, in milliseconds. It grows on a busy machine so that the run
    // gets to copy something.
    let mut latest = 160;
    server.forget();
    while killed < KILLS {
        rounds += 1;
        assert!(rounds < 400, "the runs end before they are killed: {killed}");
        let mut child = start(&server, &trail, &at);
        std::thread::sleep(Duration::from_millis(u64::from(15 + dice.below(latest))));
        if child.try_wait().unwrap().is_none() {
            killed += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let now = tree_or_none(&at);
        for (path, bytes) in now.iter().filter(|(path, _)| path.starts_with(bucket(&trail))) {
            assert!(expected_tree.get(path) == Some(bytes), "{} is not complete", path.display());
        }
        for path in kept.keys() {
            assert!(now.contains_key(path), "{} was lost", path.display());
        }
        let files = now.keys().filter(|path| path.starts_with(bucket(&trail))).count();
        if now.len() <= kept.len() {
            latest += 40;
        }
        if files > 0 && files < objects && half_copied < 6 {
            half_copied += 1;
            // The key file is written last, so without it nothing is proven. With keys from
            // elsewhere nothing is proven either.
            fs::copy(undisturbed.join("public-keys.json"), at.with_extension("keys")).unwrap();
            let keys = at.with_extension("keys").to_str().unwrap().to_owned();
            let path = at.to_str().unwrap();
            let (whole, verify) = (period(&trail), ["verify", path, "--public-keys", &keys]);
            let ran = offline(&[&verify[..], &slices(&whole), &JSONL].concat());
            assert!(matches!(ran.status, 3 | 5), "{} {}", ran.status, ran.stderr);
            assert!(ran.findings().is_empty(), "{:?}", ran.findings());
            assert!(ran.stderr.contains("is incomplete"), "{}", ran.stderr);
        }
        kept = now;
        if files == objects {
            // The mirror is complete. Start again, because there is nothing left to disturb.
            fs::remove_dir_all(&at).unwrap();
            kept.clear();
        }
    }
    assert!(half_copied > 0);
    let last = mirror(&server, &trail, &at, &[]);
    assert_eq!(last.events(), expected.events(), "{}", last.stderr);
    assert!(tree(&at) == expected_tree, "the mirror differs from the undisturbed one");
    server.forget();
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    assert_eq!(server.requests().of(Operation::GetObject), 0);
    assert_eq!(verify_offline(&trail, &at).events(), expected.events());
}

/// Files that were complete when the run was killed are not fetched again.
#[test]
fn a_run_after_a_kill_fetches_only_the_rest() {
    let trail = TrailSpec::new()
        .seed(32)
        .time(START, 100)
        .logs(LogPlan::Constant(4), LogSizes::Small)
        .build();
    let options = ServerOptions { latency: Duration::from_millis(8), ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let objects: usize = trail.world.buckets.values().map(|bucket| bucket.objects.len()).sum();
    let at = fresh("rest");
    let mut child = start(&server, &trail, &at);
    let files = || tree_or_none(&at).keys().filter(|path| path.starts_with(bucket(&trail))).count();
    wait_until("a third of the objects is copied", || files() >= objects / 3);
    assert!(child.try_wait().unwrap().is_none(), "the run ended before it was killed");
    child.kill().unwrap();
    child.wait().unwrap();
    let there = files();
    assert!(there < objects);
    server.forget();
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let gets = usize::try_from(server.requests().of(Operation::GetObject)).unwrap();
    assert_eq!(gets, objects - there, "{there} of {objects} existed");
}

fn tree_or_none(at: &Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    if at.exists() { tree(at) } else { std::collections::BTreeMap::new() }
}
