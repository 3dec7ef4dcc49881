//! `trailproof verify` from the outside: the program over a loopback AWS. Every row of the table of
//! exit statuses in every format, and every kind of bad input.
mod refused;
use crate::support::program::{Ran, connected, serve};
use crate::support::wait_until;
use serde_json::Value;
use std::process::{Command, Stdio};
use trailproof_testkit::server::{
    AccessRules, Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Schedule, ServerOptions,
};
use trailproof_testkit::trail::{
    BuiltTrail, Deed, DigestAt, Hostile, LogAt, LogPlan, LogSizes, TrailBuilder, TrailSpec,
};

const BUCKET: &str = "example-trail-logs";
const FORMATS: [&str; 3] = ["text", "json", "jsonl"];

fn command(server: &LoopbackServer, arguments: &[&str]) -> Command {
    let mut command = connected(server, arguments);
    command.env("AWS_MAX_ATTEMPTS", "1");
    command
}

fn run(server: &LoopbackServer, arguments: &[&str]) -> Ran {
    Ran::from(&mut command(server, arguments))
}

fn trail() -> BuiltTrail {
    TrailSpec::new()
        .seed(21)
        .time("2026-03-01T00:04:11Z", 12)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build()
}

const WHOLE: [&str; 4] =
    ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T12:04:11Z"];

fn verify<'a>(location: &'a str, period: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    ["verify", location].iter().chain(period).chain(more).copied().collect()
}

/// Returns the verdict that a format shows.
fn shown_verdict(format: &str, stdout: &str) -> String {
    match format {
        "text" => {
            let line = stdout.lines().next().unwrap();
            line.split("  ").next().unwrap().to_lowercase()
        }
        "json" => {
            let document: Value = serde_json::from_str(stdout).unwrap();
            assert_eq!(document["complete"], true);
            document["verdict"].as_str().unwrap().to_owned()
        }
        _ => {
            let lines: Vec<Value> =
                stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(lines[0]["event"], "run-started");
            let last = &lines[lines.len() - 1];
            assert_eq!(last["event"], "run-finished");
            last["verdict"].as_str().unwrap().to_owned()
        }
    }
}

#[test]
fn every_verdict_has_its_exit_status_in_every_format() {
    let log = |index| LogAt { digest: DigestAt { chain: 0, index }, log: 0 };
    let mut contradicted = trail();
    contradicted.apply(Deed::LogContentChanged(log(5))).unwrap();
    let mut not_proven = trail();
    not_proven.apply(Deed::LogArchived(log(5))).unwrap();
    let mut nothing = trail();
    for bucket in nothing.world.buckets.values_mut() {
        let marker = bucket.objects.values().next().unwrap().last().unwrap().clone();
        bucket.objects.clear();
        let marker = trailproof_testkit::world::Version { body: Vec::new().into(), ..marker };
        bucket.put("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/", marker);
    }
    for (trail, period, status, verdict) in [
        (trail(), WHOLE, 0, "proven"),
        (contradicted, WHOLE, 1, "contradicted"),
        (not_proven, WHOLE, 3, "not proven"),
        (nothing, WHOLE, 4, "nothing found"),
    ] {
        let server = serve(&trail);
        for format in FORMATS {
            let ran =
                run(&server, &verify("s3://example-trail-logs", &period, &["--format", format]));
            assert_eq!(ran.status, status, "{verdict} as {format}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(shown_verdict(format, &ran.stdout), verdict, "as {format}");
            assert_eq!(ran.stderr, "", "{verdict} as {format}");
        }
    }
}

#[test]
fn the_trail_status_anchors_the_tail() {
    let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events";
    let mut cut = trail();
    cut.apply(Deed::NewestDigestsDeleted { chain: 0, count: 5 }).unwrap();
    let server = serve(&cut);
    let period = ["--start-time", "2026-03-01T01:04:11Z", "--end-time", "2026-03-01T12:04:11Z"];
    let arguments = ["verify", "--trail-arn", arn, "--format", "jsonl"];
    let ran = run(&server, &[arguments.as_slice(), period.as_slice()].concat());
    assert_eq!(ran.status, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("digest-delivered-then-gone"), "{}", ran.stdout);
    // Without the trail's status, the end of the same bucket is uncovered, and nothing more is
    // known.
    let ran = run(&server, &verify("s3://example-trail-logs", &period, &[]));
    assert_eq!(ran.status, 3, "{}", ran.stdout);
    assert!(ran.stdout.contains("tail"), "{}", ran.stdout);
}

/// A trail's status applies only to the place that it currently delivers to, and not to its former
/// bucket or prefix, to a copy, or to digests that are there but were delivered late.
#[test]
fn the_trail_status_applies_to_no_other_place() {
    let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events";
    let asked = ["verify", "s3://example-trail-logs", "--trail-arn", arn, "--format", "jsonl"];
    let asked = [asked.as_slice(), WHOLE.as_slice()].concat();
    let late = |trail: &mut BuiltTrail, by: i64| {
        for status in trail.world.trails.iter_mut().flat_map(|one| one.status.values_mut()) {
            status.latest_digest_delivery = status.latest_digest_delivery.map(|at| at + by);
        }
    };
    let (mut bucket, mut prefix, mut unknown) = (trail(), trail(), trail());
    bucket.world.trails[0].bucket = "another-bucket".to_owned();
    prefix.world.trails[0].prefix = Some("another".to_owned());
    unknown.world.trails.clear();
    for (mut elsewhere, why) in
        [(bucket, "delivers-elsewhere"), (prefix, "delivers-elsewhere"), (unknown, "trail-unknown")]
    {
        late(&mut elsewhere, 90 * 86_400);
        let ran = run(&serve(&elsewhere), &asked);
        assert_eq!(ran.status, 0, "{why}: {}{}", ran.stdout, ran.stderr);
        let expected_text = format!("\"check\":\"trail-status\",\"why\":\"{why}\"");
        assert!(ran.stdout.contains(&expected_text), "{}", ran.stdout);
        assert!(!ran.stdout.contains("\"trail-status\",\"chain\""), "{}", ran.stdout);
    }
    // Digests that were written as late as the trail reports are there, whenever they end.
    let mut there = trail();
    late(&mut there, 30 * 3_600);
    assert_eq!(run(&serve(&there), &asked).status, 1, "no object there was written that late");
    let objects = &mut there.world.buckets.get_mut(BUCKET).unwrap().objects;
    let digests = objects.iter_mut().filter(|(key, _)| key.contains("CloudTrail-Digest"));
    let first = digests.map(|(_, versions)| versions).next().unwrap();
    first.last_mut().unwrap().last_modified += 60 * 3_600;
    let ran = run(&serve(&there), &asked);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_gap_is_explained_by_a_verified_event_and_stays_uncovered() {
    let paused = TrailSpec::new()
        .seed(4)
        .time("2026-03-01T00:04:11Z", 12)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .pause(4, 8, 0)
        .build();
    let server = serve(&paused);
    let ran = run(&server, &verify("s3://example-trail-logs", &WHOLE, &[]));
    assert_eq!(ran.status, 3, "{}", ran.stdout);
    assert!(ran.stdout.contains("explained by StopLogging ("), "{}", ran.stdout);
    // The same gap, but the log file with the event differs from what was delivered.
    let mut changed = paused.clone();
    let stop = changed
        .logs()
        .map(|(_, log)| log.key.clone())
        .find(|key| ran.stdout.contains(&format!("{key}\n")))
        .unwrap();
    changed.delete(BUCKET, &stop);
    let server = serve(&changed);
    let ran = run(&server, &verify("s3://example-trail-logs", &WHOLE, &[]));
    assert!(!ran.stdout.contains("explained by StopLogging"), "{}", ran.stdout);
}

#[test]
fn an_added_log_file_is_reported_unless_the_search_is_off() {
    let mut added = trail();
    added.apply(Deed::LogAdded(DigestAt { chain: 0, index: 6 })).unwrap();
    let server = serve(&added);
    let ran = run(&server, &verify("s3://example-trail-logs", &WHOLE, &[]));
    assert_eq!(ran.status, 3, "{}", ran.stdout);
    assert!(ran.stdout.contains("log-unlisted"), "{}", ran.stdout);
    let ran = run(&server, &verify("s3://example-trail-logs", &WHOLE, &["--no-unlisted"]));
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("Not checked: unlisted-logs"), "{}", ran.stdout);
    let headline = ran.stdout.lines().next().unwrap_or_default();
    assert!(headline.contains("log files that no digest names not searched for"), "{headline}");
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    let mut hostile = trail();
    let at = DigestAt { chain: 0, index: 5 };
    for text in [Hostile::Terminal, Hostile::Control, Hostile::Bidirectional, Hostile::Script] {
        let _ = hostile.apply(Deed::HostileKey(at, text));
    }
    hostile.apply(Deed::HostileDigest(at, Hostile::Terminal)).unwrap();
    let server = serve(&hostile);
    for format in FORMATS {
        let ran = run(&server, &verify("s3://example-trail-logs", &WHOLE, &["--format", format]));
        let unsafe_there =
            |text: &str| text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
        assert_eq!(ran.status, 1, "{format}");
        assert!(!unsafe_there(&ran.stdout) && !unsafe_there(&ran.stderr), "{}", ran.stdout);
    }
}

#[test]
fn output_is_identical_at_any_concurrency_and_under_transient_faults() {
    let mut changed = TrailSpec::new()
        .seed(8)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 12)
        .logs(LogPlan::Constant(3), LogSizes::Small)
        .build();
    changed.apply(Deed::DigestDeleted(DigestAt { chain: 1, index: 4 })).unwrap();
    let arguments = |concurrency| {
        verify(
            "s3://example-trail-logs",
            &WHOLE,
            &["--format", "jsonl", "--concurrency", concurrency],
        )
    };
    let first = run(&serve(&changed), &arguments("1"));
    assert_eq!(first.status, 1, "{}", first.stderr);
    let sampled = Matcher::any().key(KeyMatcher::Sample { per_mille: 300, seed: 5 });
    let faults = FaultPlan::new().with(sampled, Schedule::first(2, Fault::InternalError));
    let faulty = ServerOptions {
        faults,
        latency_jitter: std::time::Duration::from_millis(3),
        ..ServerOptions::default()
    };
    let server = LoopbackServer::start(changed.world.clone(), faulty).unwrap();
    for concurrency in ["2", "64"] {
        let mut command = command(&server, &arguments(concurrency));
        let ran = Ran::from(command.env_remove("AWS_MAX_ATTEMPTS"));
        assert_eq!(ran.stdout, first.stdout, "at {concurrency}");
        server.forget();
    }
}

#[test]
fn mixed_prefixes_are_all_found_and_one_can_be_named() {
    let spec = || {
        TrailSpec::new().time("2026-03-01T00:04:11Z", 4).logs(LogPlan::Constant(1), LogSizes::Small)
    };
    let world = TrailBuilder::new()
        .reuse_keys()
        .trail(spec().seed(1))
        .trail(spec().seed(2).trail("second", "us-east-1").prefix("logs/audit"))
        .build();
    let server = serve(&world);
    let period = ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T04:04:11Z"];
    for (location, chains) in
        [("s3://example-trail-logs", 2), ("s3://example-trail-logs/logs/audit", 1)]
    {
        let ran = run(&server, &verify(location, &period, &["--format", "json"]));
        assert_eq!(ran.status, 0, "{location}: {}{}", ran.stdout, ran.stderr);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(document["chains"], chains, "{location}");
    }
}

#[test]
fn a_signal_ends_the_run_with_its_status_after_its_output_is_written() {
    let slow = || ServerOptions {
        faults: FaultPlan::new().with(
            Matcher::any().key(KeyMatcher::Contains("_CloudTrail_".to_owned())),
            Schedule::always(Fault::StallBeforeHeaders(std::time::Duration::from_secs(60))),
        ),
        ..ServerOptions::default()
    };
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        // A new server for each signal, so that requests of the previous run are not counted here.
        let server = LoopbackServer::start(trail().world, slow()).unwrap();
        let arguments = verify("s3://example-trail-logs", &WHOLE, &["--format", "jsonl"]);
        let child = command(&server, &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The first requested log file never arrives: the run has begun and waits.
        wait_until("a log file is requested", || server.requests().faulted > 0);
        let killed = Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap();
        assert!(killed.success());
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.status, status, "{signal}");
        assert!(ran.stdout.contains("\"run-started\""), "{signal}: {}", ran.stdout);
        assert!(!ran.stdout.contains("\"run-finished\""), "a truncated stream has no last line");
    }
}

/// A machine without root certificates can use services without TLS, and a note explains the rest.
#[test]
fn a_machine_without_root_certificates_gets_a_note() {
    let server = serve(&trail());
    let arguments = verify("s3://example-trail-logs", &WHOLE, &[]);
    let without = |command: &mut Command| {
        let files = [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/nowhere")];
        let ran = Ran::from(command.envs(files));
        (ran.status, ran.stderr)
    };
    let (status, stderr) = without(&mut command(&server, &arguments));
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("`ca-certificates`"), "{stderr}");
    let over_tls = server.endpoint().replace("http:", "https:");
    let (status, stderr) = without(command(&server, &arguments).env("AWS_ENDPOINT_URL", over_tls));
    assert_eq!(status, 5, "{stderr}");
    assert!(stderr.contains("`ca-certificates`"), "{stderr}");
}
