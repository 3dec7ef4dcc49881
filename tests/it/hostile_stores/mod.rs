//! Stores that are slow, reject every request, or lead nowhere: the run goes on, reports what it
//! waits for, and ends with a list of what it could not read.
mod endless;
pub(crate) mod memory;
mod program;
mod slow;

use crate::support::program::{Ran, connected, scratch, serve};
use crate::support::worlds::{Flips, WorldKeys, WorldSource};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use trailproof::aws::config::AwsConfig;
use trailproof::locate::roots::find_roots;
use trailproof::source::layer::count::{Counted, Counts};
use trailproof::source::layer::limit::{InFlight, Limited};
use trailproof::source::layer::retry::Retrying;
use trailproof::source::layer::retry_policy::RetryPolicy;
use trailproof::source::s3::{S3Source, Timeouts};
use trailproof::source::{
    BoxFuture, ListPage, ListRequest, Listed, ObjectReader, ObjectSource, ReadError, ReadFrom,
};
use trailproof::verify::discover::survey::survey;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::run::{verify, verify_counting};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::Outcome;
use trailproof_core::record::{LogJudged, RunEvent, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{Period, Timestamp};
use trailproof_testkit::server::{
    Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
    Throttling,
};
use trailproof_testkit::trail::{BuiltTrail, Deed, DigestAt, LogAt, LogPlan, LogSizes, TrailSpec};

const BUCKET: &str = "example-trail-logs";
const LONG: Duration = Duration::from_secs(60);

/// The time limit in these tests. A well-behaved answer takes only a fraction of it.
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
    VerifyPlan::new(
        BUCKET,
        Period { start: Timestamp::from_unix(whole.from), end: Timestamp::from_unix(whole.to) },
        Timestamp::from_unix(whole.to + 90_000),
    )
}

/// Returns the program's source, with the time limits of these tests.
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
    (Arc::new(Retrying::new(limited, RetryPolicy::at_once(2))), counts)
}

/// Runs the engine over the server and returns the summary and the events.
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

/// Returns the classes of the read failures of log files.
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
