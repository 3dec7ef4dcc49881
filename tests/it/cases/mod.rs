//! Regression cases from attacks, the field and newcomers, each as the class of cases that it
//! stands for. The program runs over a bucket, over a mirror of it, and over a directory with a
//! copy of it.
mod attacks;
mod by_itself;
mod discovery;
mod ends;
mod field;
mod moved;
mod newcomer;
mod odd;
mod pages;
mod shared_folders;
use crate::support::mirrors::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use trailproof_testkit::server::LoopbackServer;
use trailproof_testkit::trail::{BuiltTrail, ChainId, LogPlan, LogSizes, TrailSpec};

const OWNER: &str = "111122223333";
const MEMBER: &str = "444455556666";
const NOBODY: &str = "999999999999";
const ORGANIZATION: &str = "o-ab12cd34ef";
const HOME: &str = "us-east-1";
const AWAY: &str = "eu-west-1";
const LOCATION: &str = "s3://example-trail-logs";
const ARN: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/main-trail";

/// Returns a trail of one account in two regions.
fn spec(hours: u32) -> TrailSpec {
    TrailSpec::new()
        .seed(41)
        .trail("main-trail", HOME)
        .regions(&[HOME, AWAY])
        .time(START, hours)
        .logs(LogPlan::Constant(1), LogSizes::Small)
}

/// Returns the same trail for an organization with two accounts.
fn of_organization(hours: u32) -> TrailSpec {
    spec(hours).organization(ORGANIZATION).accounts(&[OWNER, MEMBER])
}

/// Returns a trail of a different account, in the same bucket and in one region.
fn second(hours: u32) -> TrailSpec {
    spec(hours).seed(42).trail("other-trail", HOME).accounts(&[MEMBER]).regions(&[HOME])
}

/// Deletes the digests of these chains that end after `after`, and their log files if `logs` is
/// set.
fn delete(trail: &mut BuiltTrail, chain: impl Fn(&ChainId) -> bool, after: i64, logs: bool) {
    let digests = trail.digests().filter(|(id, digest)| chain(id) && digest.end > after);
    let gone: Vec<(String, String)> = digests
        .flat_map(|(_, digest)| {
            let files = digest.logs.iter().filter(|_| logs);
            let files = files.map(|log| (log.bucket.clone(), log.key.clone()));
            std::iter::once((digest.bucket.clone(), digest.key.clone())).chain(files)
        })
        .collect();
    assert!(!gone.is_empty());
    for (bucket, key) in gone {
        assert!(trail.delete(&bucket, &key));
    }
}

/// Puts a small object at a key of the trail's bucket.
fn plant(trail: &mut BuiltTrail, key: &str) {
    let name = bucket(trail);
    trail.put(&name, key, object(b"x"));
}

/// Returns the arguments of a `verify` or a `mirror` over a period.
fn over(from: i64, to: i64) -> Vec<String> {
    ["--start-time", &iso(from), "--end-time", &iso(to)].map(str::to_owned).into()
}

fn online(trail: &BuiltTrail, location: &str, period: &[String], more: &[&str]) -> Ran {
    let server = serve(trail);
    aws(&server, &[&["verify", location][..], &slices(period), &JSONL, more].concat())
}

/// Writes a copy of the trail with its signatures to a directory, and returns the directory and the
/// path of a bundle with keys of all time.
fn copy(name: &str, trail: &BuiltTrail) -> (PathBuf, String) {
    let root = fresh(&format!("cases-{name}"));
    trail.write_to(&root.join("copy")).unwrap();
    (root.join("copy"), all_keys(&root, trail))
}

/// Writes a bundle with the keys of the trail that covers all time, and returns its path.
fn all_keys(root: &Path, trail: &BuiltTrail) -> String {
    let mut regions = trail.public_keys();
    for listed in regions.as_object_mut().unwrap().values_mut() {
        let always = json!([{ "from": "2000-01-01T00:00:00Z", "to": "2200-01-01T00:00:00Z" }]);
        listed["requested"] = always;
    }
    let keys =
        json!({ "format": "trailproof-public-keys", "schema": 1, "regions": regions }).to_string();
    let at = root.join("keys.json");
    fs::write(&at, keys).unwrap();
    at.to_str().unwrap().to_owned()
}

fn in_directory(at: &Path, keys: &str, period: &[String], more: &[&str]) -> Ran {
    let path = at.to_str().unwrap();
    let place = ["verify", path, "--public-keys", keys];
    offline(&[&place[..], &slices(period), &JSONL, more].concat())
}

/// A bucket, a mirror of all of it, and a directory with a copy of it.
struct Places {
    server: LoopbackServer,
    location: String,
    mirror: PathBuf,
    copy: PathBuf,
    keys: String,
    period: Vec<String>,
}

impl Places {
    fn of(name: &str, trail: &BuiltTrail, period: &[String]) -> Self {
        let server = serve(trail);
        let (copy, keys) = copy(name, trail);
        let (location, mirror) = (format!("s3://{}", bucket(trail)), copy.with_file_name("mirror"));
        let path = mirror.to_str().unwrap();
        aws(&server, &[&["mirror", &location, path, "--quiet"][..], &slices(period)].concat());
        Self { server, location, mirror, copy, keys, period: period.to_vec() }
    }

    fn verify(&self, more: &[&str]) -> Vec<(&'static str, Ran)> {
        let arguments = [&["verify", &self.location][..], &slices(&self.period), &JSONL, more];
        vec![
            ("bucket", aws(&self.server, &arguments.concat())),
            ("mirror", in_directory(&self.mirror, &self.keys, &self.period, more)),
            ("directory", in_directory(&self.copy, &self.keys, &self.period, more)),
        ]
    }
}

/// Runs the program over the bucket, over a mirror of all of it, and over a directory with a copy.
fn everywhere(name: &str, trail: &BuiltTrail, period: &[String]) -> Vec<(&'static str, Ran)> {
    Places::of(name, trail, period).verify(&[])
}

/// Returns the places that are in doubt for this reason: account, region, trail and folder, as far
/// as each is reported.
fn doubts(ran: &Ran, why: &str) -> Vec<String> {
    let places = ran.of_kind("place-in-doubt").into_iter().filter(|event| event["why"] == why);
    let words = |event: &Value| {
        let parts = ["account", "region", "trail", "folder"];
        let named = parts.iter().filter_map(|part| event[*part].as_str());
        named.collect::<Vec<_>>().join(" ")
    };
    let mut all: Vec<String> = places.map(|event| words(&event)).collect();
    all.sort();
    all
}

/// Returns the chains that have no covered time because none of their objects exist.
fn absent(ran: &Ran) -> Vec<String> {
    let chains = ran.of_kind("chain-finished").into_iter().filter(|chain| {
        let covered = chain["coverage"].as_array().unwrap();
        covered.len() == 1 && covered[0]["coverage"] == "absent"
    });
    let name = |chain: &Value| {
        let of = |part: &str| chain["chain"][part].as_str().unwrap().to_owned();
        format!("{} {}", of("account"), of("source_region"))
    };
    let mut all: Vec<String> = chains.map(|chain| name(&chain)).collect();
    all.sort();
    all
}

/// Returns the folders of log files that no digest accounts for.
fn without_digests(ran: &Ran) -> Vec<String> {
    let events = ran.of_kind("logs-without-digests").into_iter();
    events.map(|event| event["folder"].as_str().unwrap().to_owned()).collect()
}

fn finished(ran: &Ran) -> Value {
    let last = ran.of_kind("run-finished").pop();
    last.unwrap_or_else(|| panic!("{} {}{}", ran.status, ran.stdout, ran.stderr))
}
