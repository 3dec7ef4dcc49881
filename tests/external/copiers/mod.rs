//! How `verify` judges the output of the copiers that people use: the real programs `aws s3 sync`,
//! `rclone copy` and `s5cmd cp`, over every deed.
//!
//! `TRAILPROOF_AWS_CLI`, `TRAILPROOF_RCLONE` and `TRAILPROOF_S5CMD` name the programs. If one is
//! not set, its test prints that and passes; `TRAILPROOF_REQUIRE_COPIERS` turns this into a
//! failure.
//!
//! A copy is compared with two references. The first is a model of copying: the copy must give the
//! same events as a bucket whose digests have lost their metadata and that has lost its archived
//! objects. The second is the bucket itself: both must give the same findings, except for those
//! that depend on a digest whose signature existed only in its own metadata. A copier that inflates
//! removes faults in the gzip encoding.
mod cases;
mod judged;
mod stage;
use crate::support::copy::all_keys;
use crate::support::program::{NOWHERE, connect, isolate, named_program, program};
use cases::{Case, case, deeds};
use judged::{comparable_events, difference};
use serde_json::Value;
use stage::{STAGE, side_by_side};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex};
use trailproof_core::vocab::time::Timestamp;
use trailproof_testkit::server::{LoopbackServer, ServerOptions};
use trailproof_testkit::trail::{
    BuiltTrail, Decoy, Deed, DigestAt, Hostile, LogAt, LogPlan, LogSizes, TrailSpec,
};
use trailproof_testkit::world::{Bucket, World};

const BUCKET: &str = "example-trail-logs";
const START: &str = "2026-03-01T21:04:11Z";

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("copiers-{name}"))
}

fn verify(case: &Case, location: &str, endpoint: Option<&str>) -> Output {
    let whole = case.trail.whole();
    let iso = |at| Timestamp::from_unix(at).to_string();
    let mut command = program(&["verify", location, "--format", "jsonl", "--public-keys"]);
    // A copy is verified without any request.
    connect(&mut command, endpoint.unwrap_or(NOWHERE))
        .arg(&case.keys)
        // Every copier reports what it leaves out, so the copy can be asserted to be complete.
        .args(endpoint.is_none().then_some("--complete-copy"))
        .args(["--start-time", &iso(whole.from), "--end-time", &iso(whole.to)])
        .env("AWS_REGION", "us-east-1")
        .output()
        .unwrap()
}

/// The form in which a copier writes the bodies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bodies {
    /// The stored bytes.
    Stored,
    /// The bytes after `Content-Encoding: gzip` is undone. If that fails, no file is written.
    Inflated,
}

fn copier(variable: &str) -> Option<OsString> {
    named_program(variable, "TRAILPROOF_REQUIRE_COPIERS")
}

/// Copies the whole bucket into a new directory. A copier that leaves something out reports it and
/// fails; whatever it copied is the copy.
fn copy(
    name: &str,
    program: &OsString,
    arguments: impl Fn(&str, &Path) -> Vec<OsString>,
) -> PathBuf {
    let to = scratch(name);
    let _ = fs::remove_dir_all(&to);
    fs::create_dir_all(&to).unwrap();
    let mut command = Command::new(program);
    let endpoint = STAGE.server.endpoint();
    let output = connect(isolate(&mut command), &endpoint)
        .args(arguments(&endpoint, &to))
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("HOME", &to)
        .envs([("AWS_REGION", "us-east-1"), ("AWS_DEFAULT_REGION", "us-east-1")])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    println!("{name}: {:?}, {:.2000}", output.status.code(), stderr.replace(BUCKET, "B"));
    fs::write(to.with_extension("log"), stderr.as_bytes()).unwrap();
    let files = fs::read_dir(&to).unwrap().count();
    assert!(files >= STAGE.cases.len() - 2, "{files} of {}: {stderr:.2000}", STAGE.cases.len());
    to
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// Compares the copy of every case with the bucket and, if bodies are stored unchanged, with the
/// model. Where the copier cannot list the bucket, no copy may exist.
fn check(name: &str, at: &Path, bodies: Bodies, cannot_list: fn(Deed) -> bool) {
    let stage = &*STAGE;
    let copies = side_by_side(&stage.cases, |case| {
        verify(case, at.join(&case.prefix).to_str().unwrap(), None)
    });
    let mut wrong = Vec::new();
    let mut tally: BTreeMap<Option<i32>, usize> = BTreeMap::new();
    for (((case, copy), whole), model) in
        stage.cases.iter().zip(&copies).zip(&stage.whole).zip(&stage.model)
    {
        *tally.entry(copy.status.code()).or_default() += 1;
        let mut because = difference(case, whole, copy, at, bodies);
        let (seen, meant) = (comparable_events(case, copy), comparable_events(case, model));
        let same = seen == meant && copy.status.code() == model.status.code();
        if case.deed.is_some_and(cannot_list) {
            because = Vec::new();
            if at.join(&case.prefix).exists() {
                because.push("it was copied although it cannot be listed".to_owned());
            }
        } else if bodies == Bodies::Stored && !same {
            let first = seen.iter().zip(&meant).find(|(one, other)| one != other);
            because.push(format!("{:?} for {:?}: {first:?}", copy.status, model.status));
        } else if copy.stdout.is_empty() {
            because.push("no report was written".to_owned());
        }
        if !because.is_empty() {
            let stderr = String::from_utf8_lossy(&copy.stderr);
            let because = because.join("\n    ");
            wrong.push(format!("{} {:?}\n    {because}\n    {stderr}", case.prefix, case.deed));
        }
    }
    assert!(wrong.is_empty(), "{name}: {} of {}\n{}", wrong.len(), copies.len(), wrong.join("\n"));
    // Some cases are contradicted, and some are not proven because the newest signature is missing.
    assert!(tally[&Some(1)] > 35 && tally[&Some(3)] > 15, "{name}: {tally:?}");
    fs::remove_dir_all(at).unwrap();
}

#[test]
fn every_deed_is_among_the_cases() {
    let source = include_str!("../../../crates/trailproof-testkit/src/trail/deed.rs");
    let (_, variants) = source.split_once("pub enum Deed {").unwrap();
    let (variants, _) = variants.split_once("\n}\n").unwrap();
    let names: BTreeSet<&str> = variants
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| line.split(['(', ' ', ',']).next().unwrap())
        .collect();
    assert!(names.len() > 40, "{names:?}");
    let done: Vec<String> =
        STAGE.cases.iter().filter_map(|case| Some(format!("{:?}", case.deed?))).collect();
    for name in names {
        let is = |done: &String| done.split(['(', ' ']).next() == Some(name);
        assert!(done.iter().any(is), "`{name}` is not among the cases");
    }
}

#[test]
fn aws_s3_sync() {
    let Some(aws) = copier("TRAILPROOF_AWS_CLI") else { return };
    let at = copy("aws", &aws, |endpoint, to| {
        let bucket = format!("s3://{BUCKET}");
        let mut all =
            words(&["--endpoint-url", endpoint, "s3", "sync", "--only-show-errors", &bucket]);
        all.push(to.into());
        all
    });
    check("aws", &at, Bodies::Stored, |_| false);
}

fn rclone(name: &str, more: &str) -> Option<PathBuf> {
    let rclone = copier("TRAILPROOF_RCLONE")?;
    Some(copy(name, &rclone, |endpoint, to| {
        // With the provider `AWS`, rclone would put the bucket into the host name.
        let options = "provider=Other,env_auth,list_version=2,list_url_encode=true";
        let from = format!(":s3,{options}{more},endpoint='{endpoint}':{BUCKET}");
        let mut all = words(&["copy", "--retries", "1", &from]);
        all.push(to.into());
        all
    }))
}

#[test]
fn rclone_copy() {
    let Some(at) = rclone("rclone", "") else { return };
    check("rclone", &at, Bodies::Stored, |_| false);
}

#[test]
fn rclone_copy_with_decompression() {
    let Some(at) = rclone("rclone-inflated", ",decompress=true") else { return };
    check("rclone-inflated", &at, Bodies::Inflated, |_| false);
}

#[test]
fn s5cmd_cp() {
    let Some(s5cmd) = copier("TRAILPROOF_S5CMD") else { return };
    // s5cmd stops at the first listing that is not valid XML, so each case is listed separately.
    let at = copy("s5cmd", &s5cmd, |endpoint, to| {
        let each = STAGE.cases.iter().map(|case| {
            let prefix = &case.prefix;
            format!("cp s3://{BUCKET}/{prefix}/* {}/{prefix}/\n", to.display())
        });
        let script = to.with_extension("script");
        fs::write(&script, each.collect::<String>()).unwrap();
        let mut all = words(&["--endpoint-url", endpoint, "run"]);
        all.push(script.into());
        all
    });
    // Without `encoding-type=url`, such a key makes the listing invalid XML.
    check("s5cmd", &at, Bodies::Stored, |deed| {
        matches!(deed, Deed::HostileKey(_, Hostile::Control | Hostile::Terminal))
    });
}
