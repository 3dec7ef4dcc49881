//! What the program prints about such stores, and the estimate of a dry run.
use super::*;

/// A dry run predicts what a run then finds.
#[test]
fn a_survey_counts_the_objects_that_a_run_reads() {
    let trail = trail();
    // With every read corrupted, a run proves nothing; a survey reads nothing.
    let source = WorldSource { flips: Flips::new(false), ..WorldSource::new(&trail.world) };
    let source: Arc<dyn ObjectSource> = Arc::new(source);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let survey = runtime.block_on(survey(&plan(&trail), &source));
    let objects = &trail.world.buckets[BUCKET].objects;
    let logs = objects.iter().filter(|(key, _)| key.contains("_CloudTrail_"));
    let bytes: usize = logs.clone().map(|(_, versions)| versions[0].body.len()).sum();
    assert_eq!((survey.chains, survey.logs), (1, 12));
    assert_eq!(survey.log_bytes, u64::try_from(bytes).unwrap());
    // A region, a year, a month and a day; a root, an account, and its one folder of log files.
    assert_eq!(survey.search, 7);
    let (_, events, _) = run(&trail, ServerOptions::default(), LONG);
    let judged = events.iter().filter(|event| matches!(event, RunEvent::DigestJudged(_))).count();
    assert!(judged > 5 && survey.digests == u64::try_from(judged).unwrap(), "{judged} {survey:?}");
    assert!(survey.unread.is_empty(), "{survey:?}");
}

fn run_program(server: &LoopbackServer, arguments: &[&str]) -> Ran {
    Ran::from(connected(server, arguments).env("AWS_MAX_ATTEMPTS", "2"))
}

pub(super) const WHOLE: [&str; 6] = [
    "verify",
    "s3://example-trail-logs",
    "--start-time",
    "2026-03-01T00:04:11Z",
    "--end-time",
    "2026-03-01T06:04:11Z",
];

/// The program over a store that delays each log file: a line names the object that it waits for.
#[test]
fn the_program_reports_what_it_waits_for() {
    let faults = on_logs(Schedule::first(1, Fault::StallBeforeHeaders(Duration::from_secs(7))));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail().world, options).unwrap();
    let Ran { status, stderr, .. } = run_program(&server, &WHOLE);
    assert_eq!(status, 0, "{stderr}");
    let line = stderr.lines().next().unwrap();
    assert!(
        line.starts_with("waiting: no answer for 5 s, waiting for s3://example-trail"),
        "{stderr}"
    );
    assert!(line.contains("_CloudTrail_") && line.contains("others"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    server.forget();
    let quiet: Vec<&str> = WHOLE.into_iter().chain(["--quiet"]).collect();
    assert!(run_program(&server, &quiet).stderr.is_empty());
}

/// The program over a store that rejects every object: it ends by itself with "not proven".
#[test]
fn the_program_ends_if_every_object_is_rejected() {
    let refused = Matcher::operation(Operation::GetObject);
    let faults = FaultPlan::new().with(refused, Schedule::always(Fault::SlowDown));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail().world, options).unwrap();
    let Ran { status, stdout, .. } = run_program(&server, &WHOLE);
    assert_eq!(status, 3, "{stdout}");
    assert!(stdout.contains("throttled"), "{stdout}");
}

#[test]
fn a_dry_run_estimates_the_work_and_judges_nothing() {
    let server = LoopbackServer::start(trail().world, ServerOptions::default()).unwrap();
    let dry: Vec<&str> = WHOLE.into_iter().chain(["--dry-run"]).collect();
    let Ran { status, stdout, .. } = run_program(&server, &dry);
    assert_eq!(status, 0, "{stdout}");
    for part in ["DRY RUN", "Nothing was verified", "log files  12,", "estimate", "USD", "a second"]
    {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    // Only listings, apart from the digests that identify the bucket.
    let opened = server.requests().of(Operation::GetObject);
    assert!(opened <= 4, "{opened} objects were opened");
    // The predicted number of requests is what a run then makes.
    let foretold = stdout.split_once("requests   ").unwrap().1;
    let number = |text: &str| text.trim().replace(',', "").parse::<u64>().unwrap();
    let (lists, rest) = foretold.split_once(" LIST and ").unwrap();
    let gets = rest.split_once(" GET").unwrap().0;
    server.forget();
    let ran = run_program(&server, &WHOLE);
    assert_eq!(ran.status, 0);
    let seen = server.requests();
    assert_eq!(number(lists), seen.of(Operation::ListObjectsV2), "{stdout}");
    assert_eq!(number(gets) + opened, seen.of(Operation::GetObject), "{stdout}");

    let mut other = dry.clone();
    (other[3], other[5]) = ("2024-03-01", "2024-03-02");
    let nothing = run_program(&server, &other);
    assert_eq!(nothing.status, 4, "{}", nothing.stdout);
    let usage: Vec<&str> = dry.iter().copied().chain(["--format", "json"]).collect();
    assert_eq!(run_program(&server, &usage).status, 2);
}

#[test]
fn a_dry_run_of_a_directory_predicts_no_requests() {
    let at = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo");
    let server = LoopbackServer::start(trail().world, ServerOptions::default()).unwrap();
    let period = ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-04"];
    let arguments: Vec<&str> =
        ["verify", at.to_str().unwrap(), "--dry-run"].into_iter().chain(period).collect();
    let Ran { status, stdout, .. } = run_program(&server, &arguments);
    assert_eq!(status, 0, "{stdout}");
    assert!(stdout.contains("none to S3") && stdout.contains("chains     2"), "{stdout}");
    assert_eq!(server.requests().total, 0);
}

/// A run of more than a thousand requests prints the request summary even without a terminal.
#[test]
fn a_long_run_prints_its_request_summary() {
    let trail = TrailSpec::new()
        .seed(6)
        .time("2026-03-01T00:04:11Z", 6)
        .logs(LogPlan::Constant(170), LogSizes::Small)
        .build();
    let server = LoopbackServer::start(trail.world, ServerOptions::default()).unwrap();
    let Ran { status, stderr, .. } = run_program(&server, &WHOLE);
    assert_eq!(status, 0, "{stderr}");
    let seen = server.requests();
    let (lists, gets) = (seen.of(Operation::ListObjectsV2), seen.of(Operation::GetObject));
    assert!(gets > 1_000, "{gets}");
    let gets = format!("{},{:03}", gets / 1_000, gets % 1_000);
    assert!(stderr.contains(&format!("S3: {lists} LIST and {gets} GET requests")), "{stderr}");
    assert!(stderr.contains("estimate") && stderr.contains("USD"), "{stderr}");
}

/// A proxy that answers in place of the store, and a store that loses a byte of every answer, do not know
/// what the store lists: nobody is accused. What was really changed is listed as it is.
#[test]
fn answers_that_the_listing_belies_accuse_nobody() {
    let error = Fault::Answer {
        status: 200,
        content_type: "application/xml".to_owned(),
        body: "<Error><Code>InternalError</Code></Error>".to_owned(),
    };
    let replies = [error, Fault::ByteLost { at: 40 }, Fault::NoSuchKey, Fault::NotFoundWithoutBody];
    for fault in replies {
        for part in ["_CloudTrail_", "_CloudTrail-Digest_"] {
            let objects =
                Matcher::operation(Operation::GetObject).key(KeyMatcher::Contains(part.to_owned()));
            let faults = FaultPlan::new().with(objects, Schedule::always(fault.clone()));
            let options = ServerOptions { faults, ..ServerOptions::default() };
            let server = LoopbackServer::start(trail().world, options).unwrap();
            let ran = run_program(&server, &WHOLE);
            let context = format!("{fault:?} {part}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.status, 3, "{context}");
        }
    }
    let mut changed = trail();
    let log = LogAt { digest: DigestAt { chain: 0, index: 2 }, log: 0 };
    changed.apply(Deed::LogContentChanged(log)).unwrap();
    changed.apply(Deed::LogDeleted(LogAt { log: 1, ..log })).unwrap();
    let server = LoopbackServer::start(changed.world, ServerOptions::default()).unwrap();
    let ran = run_program(&server, &WHOLE);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("log-hash-mismatch") && ran.stdout.contains("log-missing"));
}
