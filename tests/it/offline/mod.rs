//! Copies of a trail in directories, in any layout: over every deed they are judged like the world
//! itself, without a network or credentials.
mod closed;
mod layouts;
mod no_period;
mod replicas;
use crate::support::copy::all_keys;
use crate::support::program::{
    PROGRAM, connect, connected, empty_folder, isolate, program, scratch, serve,
};
use base64::Engine as _;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use trailproof_testkit::trail::dice::Dice;
use trailproof_testkit::trail::signer::Signer;
use trailproof_testkit::trail::{BuiltTrail, Deed, LogPlan, LogSizes, TrailSpec};
use trailproof_testkit::world::World;

const START: &str = "2026-03-01T00:04:11Z";

fn fresh(name: &str) -> PathBuf {
    empty_folder(&format!("offline-{name}"))
}

fn trail() -> BuiltTrail {
    TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time(START, 14)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build()
}

fn iso(at: i64) -> String {
    trailproof_core::vocab::time::Timestamp::from_unix(at).to_string()
}

fn write_keys(trail: &BuiltTrail, name: &str) -> PathBuf {
    let at = scratch(&format!("{name}-keys.json"));
    fs::write(&at, all_keys(trail)).unwrap();
    at
}

/// Returns the program with an environment in which every route to AWS is a dead end.
fn offline() -> Command {
    program(&[""; 0])
}

fn period(trail: &BuiltTrail) -> Vec<String> {
    let whole = trail.whole();
    ["--start-time", &iso(whole.from), "--end-time", &iso(whole.to)].map(str::to_owned).into()
}

fn verify(trail: &BuiltTrail, directory: &Path, keys: Option<&Path>, more: &[&str]) -> Output {
    let mut command = offline();
    command.arg("verify").arg(directory).args(period(trail)).args(more);
    if !more.contains(&"--format") {
        command.args(["--format", "jsonl"]);
    }
    if let Some(keys) = keys {
        command.arg("--public-keys").arg(keys);
    }
    command.output().unwrap()
}

/// Verifies the world over the network.
fn online(trail: &BuiltTrail, bucket: &str, more: &[&str]) -> Output {
    connected(&serve(trail), &["verify", &format!("s3://{bucket}")])
        .args(period(trail))
        .args(if more.contains(&"--format") { &[][..] } else { &["--format", "jsonl"] })
        .args(more)
        .env("AWS_REGION", "us-east-1")
        .output()
        .unwrap()
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the events of a run without the fields that only describe where it was read.
fn comparable_events(output: &Output) -> Vec<Value> {
    let mut events = events(output);
    for event in &mut events {
        let event = event.as_object_mut().unwrap();
        for field in [
            "delivered_to",
            "read_from",
            "source",
            "etag",
            "version_id",
            "stored_as",
            "last_modified",
            "complete_copy_asserted",
        ] {
            event.remove(field);
        }
        if let Some(why) = event.get_mut("read_failure").and_then(Value::as_object_mut) {
            why.remove("detail");
            why.remove("request_id");
            why.remove("attempts");
        }
    }
    events
}

fn bucket(trail: &BuiltTrail) -> String {
    trail.digests().next().unwrap().1.bucket.clone()
}

fn verdict(output: &Output) -> String {
    let events = events(output);
    events.last().unwrap()["verdict"].as_str().unwrap().to_owned()
}

/// Returns the findings by key.
fn findings(output: &Output) -> BTreeSet<(String, String)> {
    let of = |event: &Value| {
        let code = event["finding"]["code"].as_str()?.to_owned();
        Some((event["key"].as_str().unwrap_or_default().to_owned(), code))
    };
    events(output).iter().filter_map(of).collect()
}

/// Writes the world's objects below `directory`, each under the name that `name` returns for its
/// bucket and key.
fn write_as(world: &World, directory: &Path, name: impl Fn(&str, &str) -> Option<String>) {
    for (bucket, objects) in &world.buckets {
        for key in objects.objects.keys() {
            let Some(version) = objects.current(key) else { continue };
            let Some(path) = name(bucket, key) else { continue };
            let path = directory.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &version.body).unwrap();
        }
    }
}

/// Returns whether a directory can hold the result of the deed, including the metadata that a copy
/// keeps.
fn is_for_files(deed: Deed) -> bool {
    !matches!(
        deed,
        Deed::HostileKey(..)
            | Deed::LogBomb(_)
            | Deed::DigestBomb(_)
            | Deed::DigestArchived(_)
            | Deed::LogArchived(_)
    )
}
