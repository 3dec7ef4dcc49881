//! Shared by the tests of mirrors: a trail, the program with and without a network, and the content
//! of a directory.
pub(crate) use super::program::{Ran, serve};
use super::program::{connected, scratch, without_network};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use trailproof_testkit::server::LoopbackServer;
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};
use trailproof_testkit::world::Version;

pub(crate) const START: &str = "2026-03-01T00:04:11Z";
pub(crate) const JSONL: [&str; 2] = ["--format", "jsonl"];

pub(crate) fn fresh(name: &str) -> PathBuf {
    scratch(&format!("mirrors-{name}"))
}

pub(crate) fn trail() -> BuiltTrail {
    TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time(START, 14)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build()
}

/// Returns an object with these bytes.
pub(crate) fn object(body: &[u8]) -> Version {
    Version {
        version_id: "null".to_owned(),
        body: body.to_vec().into(),
        metadata: BTreeMap::new(),
        content_type: String::new(),
        content_encoding: None,
        storage_class: "STANDARD".to_owned(),
        last_modified: 1_800_000_000,
        delete_marker: false,
        headers: Vec::new(),
    }
}

pub(crate) fn bucket(trail: &BuiltTrail) -> String {
    trail.chains.first().unwrap().digests.first().unwrap().bucket.clone()
}

pub(crate) fn iso(at: i64) -> String {
    trailproof_core::vocab::time::Timestamp::from_unix(at).to_string()
}

pub(crate) fn period(trail: &BuiltTrail) -> Vec<String> {
    let whole = trail.whole();
    ["--start-time", &iso(whole.from), "--end-time", &iso(whole.to)].map(str::to_owned).into()
}

pub(crate) fn slices(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

impl Ran {
    /// Returns the record without the fields that describe where it was read, and without the line in which a
    /// further run of `mirror` reports what it did not read again.
    pub(crate) fn events(&self) -> Vec<String> {
        let lines = self.stdout.lines();
        let lines = lines.filter(|line| !line.contains(r#""check":"stored-content""#));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        for (number, line) in lines.iter_mut().enumerate() {
            let mut event: Value = serde_json::from_str(line).unwrap();
            let fields = event.as_object_mut().unwrap();
            // Keys come from CloudTrail in one run and from a file in the other, and only the store
            // itself reports ETags and versions.
            match number {
                0 => assert!(fields.remove("read_from").is_some()),
                _ if fields["event"] == "public-key" => assert!(fields.remove("source").is_some()),
                _ => fields.retain(|name, _| name != "etag" && name != "version_id"),
            }
            // If a key is missing, CloudTrail and a file give different reasons.
            if event["read_failure"]["code"] == "keys-unavailable" {
                event["read_failure"]["detail"] = Value::Null;
            }
            *line = event.to_string();
        }
        lines
    }

    pub(crate) fn findings(&self) -> BTreeMap<String, String> {
        let of = |event: &Value| {
            let code = event["finding"]["code"].as_str()?.to_owned();
            Some((event["key"].as_str().unwrap_or_default().to_owned(), code))
        };
        self.jsonl().iter().filter_map(of).collect()
    }
}

/// Returns the program with the server in place of AWS, and a region.
pub(crate) fn command(server: &LoopbackServer, arguments: &[&str]) -> Command {
    let mut command = connected(server, arguments);
    command.env("AWS_REGION", "us-east-1");
    command
}

pub(crate) fn aws(server: &LoopbackServer, arguments: &[&str]) -> Ran {
    Ran::from(&mut command(server, arguments))
}

pub(crate) fn verify_bucket(server: &LoopbackServer, trail: &BuiltTrail) -> Ran {
    let location = format!("s3://{}", bucket(trail));
    aws(server, &[&["verify", &location][..], &slices(&period(trail)), &JSONL].concat())
}

pub(crate) fn mirror(server: &LoopbackServer, trail: &BuiltTrail, at: &Path, more: &[&str]) -> Ran {
    let location = format!("s3://{}", bucket(trail));
    let path = at.to_str().unwrap();
    let period = period(trail);
    aws(server, &[&["mirror", &location, path][..], &slices(&period), &JSONL, more].concat())
}

/// Runs the program without credentials and, if the system allows it, without a network.
pub(crate) fn offline(arguments: &[&str]) -> Ran {
    Ran::from(&mut without_network(arguments))
}

pub(crate) fn keys(at: &Path) -> String {
    at.join("public-keys.json").to_str().unwrap().to_owned()
}

pub(crate) fn verify_more(trail: &BuiltTrail, at: &Path, more: &[&str]) -> Ran {
    let (path, keys, period) = (at.to_str().unwrap(), keys(at), period(trail));
    // A mirror of nothing has no keys.
    let trusted: &[&str] = if Path::new(&keys).exists() { &["--public-keys", &keys] } else { &[] };
    offline(&[&["verify", path][..], trusted, &slices(&period), &JSONL, more].concat())
}

pub(crate) fn verify_offline(trail: &BuiltTrail, at: &Path) -> Ran {
    verify_more(trail, at, &[])
}

/// Returns every file below a directory with its bytes, except for the run's own folder.
pub(crate) fn tree(at: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, at: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if path.is_symlink() {
                found.insert(name, b"a symbolic link".to_vec());
            } else if path.is_dir() {
                if name != Path::new(".trailproof") {
                    walk(root, &path, found);
                }
            } else {
                let bytes = fs::read(&path).unwrap();
                match name.to_str() {
                    // The log of the runs.
                    Some("trailproof-custody.jsonl") => continue,
                    Some("trailproof-mirror.json") => {
                        found.insert(name, without_custody(&bytes));
                    }
                    Some("public-keys.json") => {
                        found.insert(name, without_times_of_asking(&bytes));
                    }
                    _ => {
                        found.insert(name, bytes);
                    }
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(at, at, &mut found);
    found
}

/// Returns a key bundle without the times at which the keys were requested.
fn without_times_of_asking(bundle: &[u8]) -> Vec<u8> {
    let mut bundle: Value = serde_json::from_slice(bundle).unwrap();
    for region in bundle["regions"].as_object_mut().unwrap().values_mut() {
        region["all_since"]["asked"] = Value::Null;
        let requested = region["requested"].as_array_mut().unwrap();
        requested.iter_mut().for_each(|stretch| stretch["to"] = Value::Null);
    }
    bundle.to_string().into_bytes()
}

/// Returns a header without the newest entry of the custody log.
fn without_custody(header: &[u8]) -> Vec<u8> {
    let mut header: Value = serde_json::from_slice(header).unwrap();
    header.as_object_mut().unwrap().remove("custody");
    header.to_string().into_bytes()
}

/// Returns the entries of the custody log.
pub(crate) fn custody(at: &Path) -> Vec<Value> {
    let text = fs::read_to_string(at.join("trailproof-custody.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the lines of the manifest.
pub(crate) fn manifest(at: &Path) -> Vec<Value> {
    let text = fs::read_to_string(at.join("trailproof-manifest.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the line of one object.
pub(crate) fn record_of(at: &Path, key: &str) -> Value {
    let is_it = |line: &Value| line["key"] == key && line["folder"].is_null();
    manifest(at).into_iter().find(is_it).unwrap()
}
