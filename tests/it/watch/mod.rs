//! `watch`: a chain of records that grows step by step, and what it alerts about.
mod hostile;
mod in_s3;
mod steps;
mod week;
use crate::support::program::{Ran, connected, scratch};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use trailproof_core::vocab::time::Timestamp;
use trailproof_testkit::server::{LoopbackServer, ServerOptions};
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};
use trailproof_testkit::world::{Bucket, World};

const HOUR: i64 = 3_600;

/// Digests arrive within this time after the hour that they are about.
const ALLOWANCE: i64 = 2 * HOUR;

fn iso(at: i64) -> String {
    Timestamp::from_unix(at).to_string()
}

/// The bucket of a state in S3.
const STATE: &str = "example-state";

/// Returns a trail of two regions whose digests all end at the same time of the hour.
fn trail(seed: u64, hours: u32) -> BuiltTrail {
    TrailSpec::new()
        .seed(seed)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", hours)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build()
}

/// A bucket whose content depends on the time, and a state beside it.
struct Watched {
    trail: BuiltTrail,
    server: LoopbackServer,
    bucket: String,
    state: PathBuf,
    start: i64,
    /// Keys that are deleted, and when.
    deleted: Vec<(String, i64)>,
}

impl Watched {
    fn new(name: &str, trail: BuiltTrail) -> Self {
        let options = ServerOptions { log_requests: true, ..ServerOptions::default() };
        let server = LoopbackServer::start(World::default(), options).unwrap();
        let bucket = trail.digests().next().unwrap().1.bucket.clone();
        let start = trail.whole().from;
        let state = scratch(&format!("watch-{name}"));
        Self { trail, server, bucket, state, start, deleted: Vec::new() }
    }

    /// Does the same, with the state in a bucket of its own.
    fn in_s3(name: &str, mut trail: BuiltTrail) -> Self {
        let bucket = Bucket {
            region: "eu-west-1".to_owned(),
            objects: Default::default(),
            settings: Default::default(),
        };
        trail.world.buckets.insert(STATE.to_owned(), bucket);
        let state = PathBuf::from(format!("s3://{STATE}/hourly"));
        Self { state, ..Self::new(name, trail) }
    }

    /// Returns the end of the digest of this hour of the trail.
    fn hour(&self, hour: i64) -> i64 {
        self.start + hour * HOUR
    }

    /// Makes the bucket what it was at this time.
    fn at(&self, now: i64) {
        let mut world = self.trail.world.clone();
        // What the steps wrote stays.
        let written = self.server.world().buckets.get(STATE).cloned();
        world.buckets.extend(written.map(|bucket| (STATE.to_owned(), bucket)));
        for (_, bucket) in world.buckets.iter_mut().filter(|(name, _)| *name != STATE) {
            bucket.objects.retain(|key, versions| {
                let gone = self.deleted.iter().any(|(name, at)| name == key && *at <= now);
                !gone && versions.iter().all(|version| version.last_modified <= now)
            });
        }
        self.server.replace_world(world);
    }

    /// Returns the command of the step at this time.
    fn command(&self, now: i64, more: &[&str]) -> Command {
        self.at(now);
        let location = format!("s3://{}", self.bucket);
        let (start, end) = (iso(self.start), iso(now - ALLOWANCE));
        let state = self.state.to_str().unwrap();
        let mut command = connected(
            &self.server,
            &["watch", &location, "--state", state, "--start-time", &start, "--end-time", &end],
        );
        command.env("AWS_MAX_ATTEMPTS", "1").args(more);
        command
    }

    fn step(&self, now: i64, more: &[&str]) -> Ran {
        Ran::from(&mut self.command(now, more))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.state.join(name)
    }

    fn latest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file("latest.json")).unwrap()).unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        names(&self.file(folder))
    }

    /// Returns the key of the standard digest that ends at this time in the first chain.
    fn digest(&self, end: i64) -> String {
        let chain = &self.trail.chains[0];
        chain.standard().iter().find(|digest| digest.end == end).unwrap().key.clone()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns the lines of stdout that are alerts.
fn alerts(ran: &Ran) -> Vec<&str> {
    ran.stdout.lines().filter(|line| line.starts_with("alert: ")).collect()
}
