//! Runs that are interrupted say how far they were and how to go on, and progress can be read by
//! programs.
#![cfg(unix)]

use crate::support::mirrors::*;
use crate::support::wait_until;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use trailproof_testkit::server::{
    Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Schedule, ServerOptions,
};

/// Returns the trail on a server whose log files never arrive.
fn stalled() -> (trailproof_testkit::trail::BuiltTrail, LoopbackServer) {
    let faults = FaultPlan::new().with(
        Matcher::any().key(KeyMatcher::Contains("_CloudTrail_".to_owned())),
        Schedule::always(Fault::StallBeforeHeaders(Duration::from_secs(60))),
    );
    let trail = trail();
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    (trail, server)
}

/// Starts the program, and interrupts it when it waits for a log file.
fn interrupted(server: &LoopbackServer, arguments: &[&str]) -> Ran {
    server.forget();
    let mut command = command(server, arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("a log file is requested", || server.requests().faulted > 0);
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn every_command_says_how_far_it_was_and_how_to_go_on() {
    let (trail, server) = stalled();
    let location = format!("s3://{}", bucket(&trail));
    let period = period(&trail);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interrupted.json");
    let (_, log) = trail.logs().next().unwrap();
    let delivered = &trail.world.buckets[&log.bucket].objects[&log.key][0];
    std::fs::write(&file, &delivered.body[..]).unwrap();
    let (file, directory) = (file.to_str().unwrap(), fresh("interrupted"));
    let directory = directory.to_str().unwrap();
    for (arguments, hint) in [
        (vec!["verify", &location], "with `--record FILE`"),
        (vec!["mirror", &location, directory], "run the same command again"),
        (vec!["lookup", file, "--in", &location], "narrow the search"),
    ] {
        let command = arguments[0];
        let all = [&arguments[..], &slices(&period)].concat();
        let ran = interrupted(&server, &all);
        assert_eq!(ran.status, 130, "{command}: {ran:?}");
        // A mirror counts what it copied.
        let (begins, counts) = match command {
            "mirror" => ("note: interrupted; this run copied ", " objects ("),
            _ => ("interrupted after ", " objects were read ("),
        };
        let line = ran.stderr.lines().find(|line| line.starts_with(begins));
        let line = line.unwrap_or_else(|| panic!("{command}: {}", ran.stderr));
        assert!(line.contains(counts), "{command}: {line}");
        assert!(ran.stderr.contains(&format!("hint: {hint}")) || ran.stderr.contains(hint));
        // `verify` and `mirror` report on stdout, too, and never with a verdict.
        assert!(!ran.stdout.contains("PROVEN"), "{command}: {}", ran.stdout);
        assert_eq!(ran.stdout.starts_with("INTERRUPTED"), command != "lookup", "{}", ran.stdout);
        let quiet = interrupted(&server, &[&all[..], &["--quiet"]].concat());
        assert_eq!(quiet.status, 130, "{command}");
        assert!(!quiet.stderr.contains("interrupted after"), "{command}: {}", quiet.stderr);
    }
}

#[test]
fn progress_can_be_read_by_programs() {
    let (trail, server) = stalled();
    let location = format!("s3://{}", bucket(&trail));
    let period = period(&trail);
    let arguments = [&["verify", &location, "--progress", "json"][..], &slices(&period)].concat();
    let mut child =
        command(&server, &arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let line: serde_json::Value = loop {
        let line = lines.next().unwrap().unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        if line["phase"] == "verifying" && !line["objects_expected"].is_null() {
            break line;
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    // Two regions with 14 hours each, and one log file for each hour: the walks stop at the log
    // files that do not arrive, after the digests that were read ahead. The starting digest ends
    // where the period begins.
    let digests = line["digests_listed"].as_u64().unwrap();
    let objects: usize = trail.chains.iter().map(|chain| chain.digests.len() - 1).sum();
    assert_eq!(digests, u64::try_from(objects).unwrap());
    assert!(line["objects_expected"].as_u64().unwrap() > digests, "{line}");
    assert!(line["objects_read"].as_u64().unwrap() <= digests + 2, "{line}");
}
