//! Stores that are slow, refuse everything, or lead nowhere: the run goes on, says what it waits
//! for, and ends with what it could not read.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test says how much memory it took")]
mod common;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use common::{Flips, WorldKeys, WorldSource};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use trailproof::aws::config::AwsConfig;
use trailproof::core::chain_id::Scope;
use trailproof::core::failure::{ReadFailure, ReadFailureKind};
use trailproof::core::finding::Outcome;
use trailproof::core::location::ObjectLocation;
use trailproof::core::time::{Period, Timestamp};
use trailproof::core::verdict::Verdict;
use trailproof::event::{LogJudged, RunEvent, RunSummary};
use trailproof::source::count::{Counted, Counts};
use trailproof::source::limit::{InFlight, Limited};
use trailproof::source::retry::Retrying;
use trailproof::source::retry_policy::RetryPolicy;
use trailproof::source::s3::{S3Source, Timeouts};
use trailproof::source::{
    BoxFuture, ListPage, ListRequest, Listed, ObjectReader, ObjectSource, ReadError, ReadFrom,
};
use trailproof::test_support::server::{
    Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
    Throttling,
};
use trailproof::test_support::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};
use trailproof::verify::discover::find_roots;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::survey::survey;
use trailproof::verify::verify_run::{verify, verify_counting};

const BUCKET: &str = "example-trail-logs";
/// A time limit of these tests, in which a well-behaved answer comes many times over.
const LIMIT: Duration = Duration::from_millis(400);

fn trail() -> BuiltTrail {
    TrailSpec::new()
        .seed(5)
        .time("2026-03-01T00:04:11Z", 6)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build()
}

fn plan(trail: &BuiltTrail) -> VerifyPlan {
    let whole = trail.whole();
    VerifyPlan {
        location: format!("s3://{BUCKET}"),
        bucket: BUCKET.to_owned(),
        roots: vec![String::new()],
        scope: Scope::default(),
        period: Period {
            start: Timestamp::from_unix(whole.from),
            end: Timestamp::from_unix(whole.to),
        },
        end_was_future: false,
        now: Timestamp::from_unix(whole.to + 90_000),
        status: None,
        unlisted: true,
        known: None,
        since: None,
    }
}

/// The source that the program has, with time limits of tests.
fn source(server: &LoopbackServer, patience: Duration) -> (Arc<dyn ObjectSource>, Arc<Counts>) {
    let keys = Credentials::new("AKID", "secret", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .http_client(trailproof::aws::http::client(None))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .endpoint_url(server.endpoint())
        .region(Some(Region::new("us-east-1")))
        .build();
    let counts = Arc::new(Counts::default());
    let timeouts = Timeouts { connect: LIMIT, first_byte: LIMIT, chunk: LIMIT };
    let s3 = S3Source::new(&AwsConfig::from_sdk(sdk), timeouts);
    let limited = Limited::new(Counted::new(s3, Arc::clone(&counts)), InFlight::Adaptive);
    let limited = limited.with_patience(patience);
    (Arc::new(Retrying::new(limited, RetryPolicy::at_once(2), 1)), counts)
}

/// What a run over the server comes to.
fn run(
    trail: &BuiltTrail,
    options: ServerOptions,
    patience: Duration,
) -> (RunSummary, Vec<RunEvent>, Arc<Counts>) {
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let (source, counts) = source(&server, patience);
    let keys = Arc::new(WorldKeys(Arc::new(trail.world.clone())));
    let mut events = Vec::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let summary = runtime.block_on(verify(&plan(trail), source, keys, &mut |event| {
        events.push(event.clone());
    }));
    (summary, events, counts)
}

/// The classes of read failures that log files ended with.
fn unread_logs(events: &[RunEvent]) -> Vec<ReadFailureKind> {
    let of_log = |event: &RunEvent| match event {
        RunEvent::LogJudged(LogJudged { outcome: Outcome::Unverified(why), .. }) => Some(why.kind),
        _ => None,
    };
    events.iter().filter_map(of_log).collect()
}

fn on_logs(schedule: Schedule) -> FaultPlan {
    let logs = KeyMatcher::Contains("_CloudTrail_".to_owned());
    FaultPlan::new().with(Matcher::operation(Operation::GetObject).key(logs), schedule)
}

const LONG: Duration = Duration::from_secs(60);

/// Log files of which the answer never comes within the limit, and such as trickle.
#[test]
fn what_is_too_slow_is_unread_and_the_rest_is_read() {
    let trail = trail();
    for fault in [
        Fault::StallBeforeHeaders(Duration::from_secs(10)),
        // Never silent for as long as the limit, and never done.
        Fault::Trickle(LIMIT / 8),
    ] {
        let faults = on_logs(Schedule::always(fault.clone()));
        let options = ServerOptions { faults, ..ServerOptions::default() };
        let begun = Instant::now();
        let (summary, events, _) = run(&trail, options, LONG);
        assert_eq!(summary.verdict, Verdict::NotProven, "{fault:?}");
        let unread = unread_logs(&events);
        assert_eq!(unread.len(), 12, "{fault:?}");
        assert!(unread.iter().all(|kind| *kind == ReadFailureKind::Timeout), "{unread:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{fault:?}");
    }
}

#[test]
fn connections_that_close_after_each_answer_change_nothing() {
    let trail = trail();
    let faults = FaultPlan::new().with(Matcher::any(), Schedule::always(Fault::ConnectionClose));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let (summary, events, _) = run(&trail, options, LONG);
    let (well, expected, _) = run(&trail, ServerOptions::default(), LONG);
    assert_eq!((summary.verdict, &events), (Verdict::Proven, &expected));
    assert_eq!(summary, well);
}

/// Everything is refused once the bucket has been listed: from the first refusal on nothing more is
/// asked for, where the run has no patience at all.
#[test]
fn a_store_that_refuses_every_object_is_given_up() {
    let trail = trail();
    let refused = Matcher::operation(Operation::GetObject);
    let faults = FaultPlan::new().with(refused, Schedule::always(Fault::SlowDown));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let (summary, events, counts) = run(&trail, options, Duration::ZERO);
    assert_eq!(summary.verdict, Verdict::NotProven);
    let (mut judged, mut not_asked) = (0_u64, 0_u64);
    for event in &events {
        let RunEvent::DigestJudged(digest) = event else { continue };
        let Outcome::Unverified(why) = &digest.outcome else { panic!("{digest:?}") };
        assert_eq!(why.kind, ReadFailureKind::Throttled, "{digest:?}");
        judged += 1;
        not_asked += u64::from(why.detail.contains("not asked"));
    }
    assert!(judged >= 6 && not_asked == judged, "{not_asked} of {judged}");
    // Each was asked for once at most, although two attempts are allowed.
    assert!(counts.now().gets <= judged, "{} requests", counts.now().gets);
    let waiting = counts.waiting();
    assert!(waiting.refused > 0 && waiting.oldest.is_none(), "{waiting:?}");
}

/// A store that answers so many requests a second and refuses the others: everything is read.
#[test]
fn a_store_with_a_rate_refuses_nothing_for_good() {
    let trail = trail();
    let throttling = Throttling { requests_per_second: 20.0, burst: 1.0 };
    let options = ServerOptions { throttling: Some(throttling), ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let policy = RetryPolicy { refusals: 9, ..RetryPolicy::at_once(5) };
    let keys = Arc::new(WorldKeys(Arc::new(trail.world.clone())));
    let (_, counts) = source(&server, LONG);
    let sdk = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .http_client(trailproof::aws::http::client(None))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "AKID", "secret", None, None, "test",
        )))
        .endpoint_url(server.endpoint())
        .region(Some(Region::new("us-east-1")))
        .build();
    let s3 = S3Source::new(&AwsConfig::from_sdk(sdk), Timeouts::default());
    let limited = Limited::new(Counted::new(s3, Arc::clone(&counts)), InFlight::Adaptive);
    let source = Arc::new(Retrying::new(limited, policy, 1));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let summary = runtime.block_on(verify(&plan(&trail), source, keys, &mut |_| {}));
    assert_eq!(summary.verdict, Verdict::Proven, "{summary:?}");
    assert!(server.requests().throttled > 0, "the store was never asked too much");
}

/// A source that lists what it makes up, and opens nothing.
#[derive(Debug)]
struct MadeUp {
    /// Objects of a listing by the prefix asked for, page by page; no page is the last.
    page: fn(&str, usize) -> Vec<String>,
    pages: AtomicUsize,
    /// Keys that were given out and are still held by whoever asked.
    below: WorldSource,
    folder: String,
    last: usize,
}

impl ObjectSource for MadeUp {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        if request.folders || !request.prefix.starts_with(&self.folder) {
            return self.below.list(request);
        }
        Box::pin(async move {
            self.pages.fetch_add(1, Ordering::Relaxed);
            let at = request.continuation.as_deref().map_or(0, |text| text.parse().unwrap());
            let after = request.start_after.as_deref().unwrap_or_default();
            let keys = (self.page)(&request.prefix, at);
            let keys = keys.into_iter().filter(|key| key.as_str() > after);
            let objects = keys.map(|key| Listed { key, size: 1, etag: None }).collect();
            let next = (at < self.last).then(|| (at + 1).to_string());
            Ok(ListPage { objects, folders: Vec::new(), next })
        })
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        self.below.open(at, from)
    }
}

fn folder(trail: &BuiltTrail, name: &str) -> String {
    let bucket = &trail.world.buckets[BUCKET];
    let key = bucket.objects.keys().find(|key| key.contains(&format!("/{name}/"))).unwrap();
    let (account, rest) = key.split_once(&format!("/{name}/")).unwrap();
    format!("{account}/{name}/{}/", rest.split('/').next().unwrap())
}

fn over(made_up: MadeUp, trail: &BuiltTrail) -> (RunSummary, Vec<RunEvent>) {
    let keys = Arc::new(WorldKeys(Arc::new(trail.world.clone())));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut events = Vec::new();
    let summary = runtime.block_on(verify(&plan(trail), Arc::new(made_up), keys, &mut |event| {
        events.push(event.clone());
    }));
    (summary, events)
}

/// Resident memory of this process at its highest, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// A million keys in a folder of digests that are no digests' are passed over and not kept.
#[test]
fn a_million_keys_that_match_nothing_are_passed_over_in_little_memory() {
    let trail = trail();
    let junk = |prefix: &str, at: usize| {
        (0..1_000)
            .map(|n| format!("{prefix}2026/03/01/junk-{at:06}-{n:04}{}", "x".repeat(100)))
            .collect()
    };
    let before = peak();
    let (summary, events) = over(
        MadeUp {
            page: junk,
            pages: AtomicUsize::new(0),
            below: WorldSource::new(&trail.world),
            folder: folder(&trail, "CloudTrail-Digest"),
            last: 999,
        },
        &trail,
    );
    // The kernel counts in batches, so that what nothing was added to may even seem to fall.
    let grown = peak().saturating_sub(before) / 1_024;
    println!("1,000,000 keys that match nothing: {grown} MiB more");
    assert!(grown < 60, "{grown} MiB");
    assert_ne!(summary.verdict, Verdict::Proven);
    assert!(summary.passed_over >= 1_000_000, "{summary:?}");
    assert!(!events.is_empty());
}

/// A listing that never ends becomes a read failure, and not a run without an end.
#[test]
fn a_listing_without_an_end_is_given_up() {
    let trail = trail();
    let (summary, events) = over(
        MadeUp {
            page: |prefix, at| vec![format!("{prefix}2026/03/01/junk-{at:09}")],
            pages: AtomicUsize::new(0),
            below: WorldSource::new(&trail.world),
            folder: folder(&trail, "CloudTrail-Digest"),
            last: usize::MAX,
        },
        &trail,
    );
    assert_ne!(summary.verdict, Verdict::Proven);
    let unread = events.iter().any(|event| {
        matches!(event, RunEvent::ListingUnread { why, .. } if why.kind == ReadFailureKind::OverBudget)
    });
    assert!(unread, "{events:?}");
}

/// A day's folder with more log files that nothing names than are told one by one.
#[test]
fn what_was_planted_by_the_hundred_thousand_is_told_up_to_a_limit() {
    let trail = trail();
    let (summary, events) = over(
        MadeUp {
            page: |prefix, at| (0..1_000).map(|n| format!("{prefix}junk-{at:06}-{n:04}")).collect(),
            pages: AtomicUsize::new(0),
            below: WorldSource::new(&trail.world),
            folder: folder(&trail, "CloudTrail"),
            last: 500,
        },
        &trail,
    );
    let told = events.iter().filter(|event| matches!(event, RunEvent::LogUnlisted { .. })).count();
    assert_eq!(told, trailproof::core::budget::UNLISTED);
    let unread = events.iter().any(|event| {
        matches!(event, RunEvent::ListingUnread { why, .. } if why.kind == ReadFailureKind::OverBudget)
    });
    assert!(unread, "the rest must be said to be unknown");
    assert_eq!(summary.verdict, Verdict::NotProven);
}

/// A long period is listed in parts; the pages' size and the number of parts change no event, and
/// no object is asked for twice.
#[test]
fn a_long_period_is_the_same_at_any_page_size_and_nothing_is_fetched_twice() {
    let trail = TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-01-01T00:04:11Z", 24 * 100)
        .logs(LogPlan::Constant(0), LogSizes::Small)
        .pause(24 * 20, 24 * 55, 0)
        .build();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut expected: Option<Vec<RunEvent>> = None;
    for page in [7, 100, 1_000] {
        let counts = Arc::new(Counts::default());
        let below = WorldSource { page, ..WorldSource::new(&trail.world) };
        let source: Arc<dyn ObjectSource> = Arc::new(Counted::new(below, Arc::clone(&counts)));
        let keys = Arc::new(WorldKeys(Arc::new(trail.world.clone())));
        let roots = runtime.block_on(find_roots(source.as_ref(), BUCKET, "")).unwrap();
        assert_eq!(roots, [""]);
        let (mut events, unneeded) = (Vec::new(), Arc::new(AtomicU64::new(0)));
        let plan = plan(&trail);
        let summary =
            runtime.block_on(verify_counting(&plan, source, keys, &unneeded, &mut |event| {
                events.push(event.clone());
            }));
        let judged = summary.counts.digests.valid + summary.counts.digests.invalid;
        let gets = counts.now().gets;
        let unneeded = unneeded.load(Ordering::Relaxed);
        assert!(gets <= judged + unneeded + 8, "{gets} {judged} {unneeded}");
        let expected = expected.get_or_insert_with(|| events.clone());
        assert!(*expected == events, "pages of {page}");
    }
}

/// A dry run tells what a run then finds.
#[test]
fn a_survey_counts_what_a_run_reads() {
    let trail = trail();
    // Nothing that is read proves; a survey reads nothing.
    let source = WorldSource { flips: Flips::new(false), ..WorldSource::new(&trail.world) };
    let source: Arc<dyn ObjectSource> = Arc::new(source);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let survey = runtime.block_on(survey(&plan(&trail), &source));
    let objects = &trail.world.buckets[BUCKET].objects;
    let logs = objects.iter().filter(|(key, _)| key.contains("_CloudTrail_"));
    let bytes: usize = logs.clone().map(|(_, versions)| versions[0].body.len()).sum();
    assert_eq!((survey.chains, survey.logs), (1, 12));
    assert_eq!(survey.log_bytes, u64::try_from(bytes).unwrap());
    assert_eq!(survey.search, 1);
    let (_, events, _) = run(&trail, ServerOptions::default(), LONG);
    let judged = events.iter().filter(|event| matches!(event, RunEvent::DigestJudged(_))).count();
    assert!(judged > 5 && survey.digests == u64::try_from(judged).unwrap(), "{judged} {survey:?}");
    assert!(survey.unread.is_empty(), "{survey:?}");
}

fn program(server: &LoopbackServer, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trailproof"))
        .args(arguments)
        .env_clear()
        .env("AWS_ENDPOINT_URL", server.endpoint())
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_MAX_ATTEMPTS", "2")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

const WHOLE: [&str; 6] = [
    "verify",
    "s3://example-trail-logs",
    "--start-time",
    "2026-03-01T00:04:11Z",
    "--end-time",
    "2026-03-01T06:04:11Z",
];

/// The program itself: each log file is held up, and a line says which is waited for.
#[test]
fn the_program_says_what_it_waits_for() {
    let faults = on_logs(Schedule::first(1, Fault::StallBeforeHeaders(Duration::from_secs(7))));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail().world, options).unwrap();
    let output = program(&server, &WHOLE);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let line = said.lines().next().unwrap();
    assert!(
        line.starts_with("waiting: no answer for 5 s, waiting for s3://example-trail"),
        "{said}"
    );
    assert!(line.contains("_CloudTrail_") && line.contains("others"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    server.forget();
    let quiet: Vec<&str> = WHOLE.into_iter().chain(["--quiet"]).collect();
    assert!(program(&server, &quiet).stderr.is_empty());
}

/// The program over a store that refuses every object: it ends by itself, not proven.
#[test]
fn the_program_ends_where_everything_is_refused() {
    let refused = Matcher::operation(Operation::GetObject);
    let faults = FaultPlan::new().with(refused, Schedule::always(Fault::SlowDown));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail().world, options).unwrap();
    let output = program(&server, &WHOLE);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("throttled"), "{said}");
}

#[test]
fn a_dry_run_tells_the_work_and_judges_nothing() {
    let server = LoopbackServer::start(trail().world, ServerOptions::default()).unwrap();
    let dry: Vec<&str> = WHOLE.into_iter().chain(["--dry-run"]).collect();
    let output = program(&server, &dry);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in ["DRY RUN", "nothing was judged", "log files  12,", "estimate", "USD", "a second"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Listing only: the digests that tell whose bucket it is are all that is opened.
    let opened = server.requests().of(Operation::GetObject);
    assert!(opened <= 4, "{opened} objects were opened");
    // What it foretold is what a run then asks for.
    let foretold = said.split_once("requests   ").unwrap().1;
    let number = |text: &str| text.trim().replace(',', "").parse::<u64>().unwrap();
    let (lists, rest) = foretold.split_once(" LIST and ").unwrap();
    let gets = rest.split_once(" GET").unwrap().0;
    server.forget();
    let ran = program(&server, &WHOLE);
    assert_eq!(ran.status.code(), Some(0));
    let seen = server.requests();
    assert_eq!(number(lists), seen.of(Operation::ListObjectsV2), "{said}");
    assert_eq!(number(gets) + opened, seen.of(Operation::GetObject), "{said}");

    let mut other = dry.clone();
    (other[3], other[5]) = ("2024-03-01", "2024-03-02");
    let nothing = program(&server, &other);
    assert_eq!(nothing.status.code(), Some(4), "{:?}", String::from_utf8(nothing.stdout));
    let usage: Vec<&str> = dry.iter().copied().chain(["--format", "json"]).collect();
    assert_eq!(program(&server, &usage).status.code(), Some(2));
}

#[test]
fn a_dry_run_of_a_directory_costs_nothing() {
    let at = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo");
    let server = LoopbackServer::start(trail().world, ServerOptions::default()).unwrap();
    let period = ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-04"];
    let arguments: Vec<&str> =
        ["verify", at.to_str().unwrap(), "--dry-run"].into_iter().chain(period).collect();
    let output = program(&server, &arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("none of S3") && said.contains("chains     2"), "{said}");
    assert_eq!(server.requests().total, 0);
}

/// A run of more than a thousand requests says what they cost, where nobody watches too.
#[test]
fn a_run_says_what_it_cost() {
    let trail = TrailSpec::new()
        .seed(6)
        .time("2026-03-01T00:04:11Z", 6)
        .logs(LogPlan::Constant(170), LogSizes::Small)
        .build();
    let server = LoopbackServer::start(trail.world, ServerOptions::default()).unwrap();
    let output = program(&server, &WHOLE);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let seen = server.requests();
    let (lists, gets) = (seen.of(Operation::ListObjectsV2), seen.of(Operation::GetObject));
    assert!(gets > 1_000, "{gets}");
    let gets = format!("{},{:03}", gets / 1_000, gets % 1_000);
    assert!(said.contains(&format!("S3: {lists} LIST and {gets} GET requests")), "{said}");
    assert!(said.contains("estimate") && said.contains("USD"), "{said}");
}
