//! Runs `validate-logs` against third-party S3 servers. The output must be identical to that from
//! our own server.
//!
//! `TRAILPROOF_S3S_FS` names the program `s3s-fs` (0.14.1, which checks request signatures), and
//! `TRAILPROOF_MOTO_SERVER` the program `moto_server` (5.2, which keeps versions), and
//! `TRAILPROOF_MINISTACK` the program `ministack` (1.5.33, whose answers about versions, delete
//! markers, null versions and Object Lock are those of S3). If one is not set, its tests print that
//! and pass; `TRAILPROOF_REQUIRE_FOREIGN_SERVERS` turns this into a failure.
//!
//! A real client uploads the objects. CloudTrail and Organizations are still served by our own
//! server, because neither program implements ListPublicKeys.
pub(crate) mod foreign;
mod shards;
pub(crate) mod versions;
mod watch;
use crate::support::program::{Ran, connected, empty_folder, named_program};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, RequestChecksumCalculation};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, StorageClass,
    VersioningConfiguration,
};
use foreign::{Foreign, client, ministack, moto, s3s_fs, upload};
use std::ffi::OsString;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use trailproof_testkit::server::{LoopbackServer, Operation, ServerOptions};
use trailproof_testkit::trail::location::iso;
use trailproof_testkit::trail::{
    BuiltTrail, Deed, DigestAt, LogAt, LogPlan, LogSizes, SignWith, TrailSpec,
};
use trailproof_testkit::world::{Bucket, Version};

const ACCESS_KEY: &str = "AKIAEXAMPLE";
const SECRET_KEY: &str = "secret/of+nobody";

/// Runs the program with S3 at one endpoint and all other services at another.
fn run(s3: &str, others: &LoopbackServer, secret: &str, arguments: &[&str]) -> Ran {
    let credentials = [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", secret)];
    let mut command = connected(others, arguments);
    Ran::from(command.envs(credentials).env("AWS_ENDPOINT_URL_S3", s3))
}

/// A trail, the arguments that validate it, and the expected result.
struct Job {
    name: &'static str,
    trail: BuiltTrail,
    more: Vec<&'static str>,
    status: i32,
    /// The number of lines with INVALID on stderr.
    invalid: usize,
}

impl Job {
    fn arguments(&self) -> Vec<String> {
        let (from, to) = self.trail.span();
        let arn = self.trail.world.trails.first().unwrap().arn.clone();
        let named = ["validate-logs", "--region", "us-east-1", "--trail-arn", &arn];
        let period = ["--start-time", &iso(from), "--end-time", &iso(to)].map(str::to_owned);
        let more = self.more.iter().map(|&word| word.to_owned());
        named.map(str::to_owned).into_iter().chain(period).chain(more).collect()
    }
}

/// Validates the job's trail from our server and from the other one, and compares every byte.
async fn compare(foreign: &Foreign, job: &Job) {
    let Job { name, .. } = job;
    upload(&foreign.endpoint, &job.trail).await;
    let ours = LoopbackServer::start(job.trail.world.clone(), ServerOptions::default()).unwrap();
    for verbose in [false, true] {
        let mut arguments = job.arguments();
        arguments.extend(verbose.then(|| "--verbose".to_owned()));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let expected = run(&ours.endpoint(), &ours, SECRET_KEY, &arguments);
        assert_eq!(expected.status, job.status, "{name}: {expected:#?}");
        let invalid = expected.stderr.lines().filter(|line| line.contains("\tINVALID")).count();
        assert_eq!(invalid, job.invalid, "{name}: {expected:#?}");
        ours.forget();
        let found = run(&foreign.endpoint, &ours, SECRET_KEY, &arguments);
        assert_eq!(found, expected, "{name}");
        let asked = ours.requests();
        assert_eq!(
            asked.of(Operation::GetObject),
            0,
            "{name}: our own server was asked for objects"
        );
        assert!(asked.of(Operation::ListPublicKeys) > 0, "{name}: no keys were requested");
    }
}

fn digest(index: usize) -> DigestAt {
    DigestAt { chain: 0, index }
}

fn log(index: usize) -> LogAt {
    LogAt { digest: digest(index), log: 0 }
}

/// Returns a trail with a short name. s3s-fs keeps the metadata of an object in a file whose name
/// is the whole key in base64, and file systems limit a name to 255 bytes.
fn spec() -> TrailSpec {
    TrailSpec::new().trail("logs", "us-east-1")
}

/// Returns the jobs for every server. Each has its own bucket; one uses this prefix.
fn jobs(prefix: &str) -> Vec<Job> {
    let clean = spec().bucket("clean", "us-east-1").hours(12).build();

    let mut deeds = spec()
        .bucket("deeds", "us-east-1")
        .prefix(prefix)
        .hours(30)
        .pause(20, 23, 300)
        .backfill(5, 2, 3)
        .build();
    let done = [
        Deed::DigestDeleted(digest(3)),
        Deed::DigestByteFlipped(digest(5)),
        Deed::DigestTrailingData(digest(7)),
        Deed::DigestForged(digest(9)),
        Deed::DigestMetadataMissing(digest(11)),
        Deed::LogDeleted(log(12)),
        Deed::LogContentChanged(log(13)),
        Deed::LogSecondMemberAppended(log(14)),
        Deed::LogTruncated(log(15)),
        Deed::LogEmptied(log(16)),
        Deed::LogStoredInflated(log(17)),
    ];
    deeds.apply_all(&done).unwrap();

    let moved = spec()
        .bucket("moved-from", "us-east-1")
        .hours(12)
        .relocated(6, "moved-to", "eu-west-1", Some("new"))
        .build();

    let organization = spec()
        .bucket("organization", "us-east-1")
        .organization("o-a1b2c3d4e5")
        .accounts(&["111122223333", "444455556666"])
        .hours(6)
        .build();

    // More digests than fit on one page of a listing.
    let pages = spec()
        .bucket("pages", "us-east-1")
        .hours(1_100)
        .logs(LogPlan::Every { hours: 50, logs: 1 }, LogSizes::Small)
        .sign_with(SignWith::Fast)
        .build();

    let job = |name, trail, more: &[&'static str], status, invalid| Job {
        name,
        trail,
        more: more.to_vec(),
        status,
        invalid,
    };
    vec![
        job("clean", clean, &[], 0, 0),
        job("deeds", deeds, &[], 1, 10),
        job("moved", moved, &[], 0, 0),
        job("organization", organization, &["--account-id", "444455556666"], 0, 0),
        job("pages", pages, &[], 0, 0),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3s_fs_gives_identical_output() {
    let Some(server) = s3s_fs("jobs") else { return };
    // s3s-fs declares the keys of a listing as encoded but writes them unencoded, so no client can
    // read a `+` or a `%` from it.
    for job in jobs("a b") {
        compare(&server, &job).await;
    }
    println!("ran against s3s-fs");
}

/// A secret that does not match the store's is rejected, and nothing is reported as invalid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_for_s3s_fs_make_nothing_invalid() {
    let Some(server) = s3s_fs("credentials") else { return };
    let trail = spec().bucket("refused", "us-east-1").hours(3).build();
    upload(&server.endpoint, &trail).await;
    let job = Job { name: "refused", trail, more: Vec::new(), status: 255, invalid: 0 };
    let ours = LoopbackServer::start(job.trail.world.clone(), ServerOptions::default()).unwrap();
    let arguments = job.arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = run(&server.endpoint, &ours, "another secret", &arguments);
    assert_eq!(ran.status, job.status, "{ran:#?}");
    assert!(ran.stderr.contains("SignatureDoesNotMatch"), "{ran:#?}");
    assert!(!ran.stderr.contains("INVALID") && !ran.stdout.contains("INVALID"), "{ran:#?}");
    let ran = run(&server.endpoint, &ours, SECRET_KEY, &arguments);
    assert_eq!(ran.status, 0, "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_gives_identical_output() {
    let Some(server) = moto("jobs") else { return };
    for job in jobs("a b+c%2F") {
        compare(&server, &job).await;
    }
    println!("ran against moto");
}

/// In a versioned bucket a deleted object is not found although its bytes still exist, and a
/// changed object is read in its newest version. An archived log file is not a finding.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_objects_in_a_versioned_moto_bucket_are_not_found() {
    let Some(server) = moto("versions") else { return };
    let mut trail = spec().bucket("versions", "us-east-1").versioned().hours(12).build();
    let deeds = [
        Deed::LogDeleted(log(4)),
        Deed::DigestDeleted(digest(6)),
        Deed::LogContentChanged(log(8)),
        Deed::LogArchived(log(10)),
    ];
    trail.apply_all(&deeds).unwrap();
    let markers = trail.world.buckets.get("versions").unwrap().objects.values();
    assert_eq!(markers.flatten().filter(|version| version.delete_marker).count(), 2);
    let job = Job { name: "versions", trail, more: Vec::new(), status: 1, invalid: 3 };
    compare(&server, &job).await;
}
