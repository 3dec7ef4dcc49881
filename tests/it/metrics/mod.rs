//! The numbers of a run for monitoring, in both formats.
use crate::support::program::{Ran, connected, empty_folder, program, serve};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use trailproof_core::vocab::time::Timestamp;
use trailproof_testkit::trail::{BuiltTrail, Deed, DigestAt, LogAt, LogPlan, LogSizes, TrailSpec};

fn trail() -> BuiltTrail {
    let mut trail = TrailSpec::new()
        .seed(21)
        .regions(&["us-east-1", "eu-west-1"])
        .prefix("a\"b\\c")
        .time("2026-03-01T00:04:11Z", 12)
        .logs(LogPlan::Constant(3), LogSizes::Small)
        .build();
    let digest = |index| DigestAt { chain: 0, index };
    trail.apply(Deed::LogDeleted(LogAt { digest: digest(4), log: 1 })).unwrap();
    trail.apply(Deed::LogDeleted(LogAt { digest: digest(6), log: 0 })).unwrap();
    trail
}

/// Returns the arguments of a run over all of the trail.
fn verify(trail: &BuiltTrail, more: &[&str]) -> Vec<String> {
    let whole = trail.whole();
    let (from, to) = (Timestamp::from_unix(whole.from), Timestamp::from_unix(whole.to));
    let bucket = &trail.digests().next().unwrap().1.bucket;
    let location = format!("s3://{bucket}/a\"b\\c");
    let period =
        ["--start-time", &from.to_string(), "--end-time", &to.to_string()].map(str::to_owned);
    ["verify".to_owned(), location]
        .into_iter()
        .chain(period)
        .chain(more.iter().map(|more| (*more).to_owned()))
        .collect()
}

/// Returns the samples of a file, by name and labels. Names must be announced once, before them.
fn samples(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n'));
    let mut announced = BTreeSet::new();
    let mut samples = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.strip_suffix(" gauge").unwrap();
            assert!(announced.insert(name.to_owned()), "{name} is announced twice");
            name.clone_into(&mut last);
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(series.split('{').next().unwrap(), last, "{line}");
            // A time after the value would be a second number.
            assert!(series.ends_with('}'), "{line}");
            let before = samples.insert(series.to_owned(), value.parse().unwrap());
            assert!(before.is_none(), "{line} is there twice");
        }
    }
    samples
}

const LOCATION: &str = "location=\"s3://example-trail-logs/a\\\"b\\\\c\"";

#[test]
fn a_file_for_prometheus_has_what_the_run_found() {
    let trail = trail();
    let server = serve(&trail);
    let folder = empty_folder("metrics-prometheus");
    let file = folder.join("trailproof.prom");
    let record = folder.join("record.jsonl");
    let (path, record) = (file.to_str().unwrap(), record.to_str().unwrap());
    let arguments = verify(&trail, &["--quiet", "--metrics", path, "--record", record]);
    assert_eq!(Ran::from(&mut connected(&server, &arguments)).status, 1);
    let text = fs::read_to_string(&file).unwrap();
    let found = samples(&text);
    let logs = f64::from(u32::try_from(trail.logs().count()).unwrap());
    for (series, expected) in [
        ("trailproof_verdict{L,verdict=\"contradicted\"}", 1.0),
        ("trailproof_verdict{L,verdict=\"proven\"}", 0.0),
        ("trailproof_verdict{L,verdict=\"not proven\"}", 0.0),
        ("trailproof_verdict{L,verdict=\"nothing found\"}", 0.0),
        ("trailproof_run_exit_status{L}", 1.0),
        ("trailproof_chains{L}", 2.0),
        ("trailproof_log_files{L,outcome=\"invalid\"}", 2.0),
        ("trailproof_log_files{L,outcome=\"valid\"}", logs - 2.0),
        ("trailproof_findings{L,code=\"log-missing\"}", 2.0),
        ("trailproof_findings{L,code=\"digest-missing\"}", 0.0),
        ("trailproof_coverage_seconds{L,coverage=\"contradicted\"}", 7_200.0),
        ("trailproof_coverage_seconds{L,coverage=\"tail\"}", 0.0),
        ("trailproof_log_files_unlisted{L}", 0.0),
    ] {
        let series = series.replace('L', LOCATION);
        assert_eq!(found.get(&series), Some(&expected), "{series}: {text}");
    }
    let newest =
        trail.chains.iter().map(|chain| chain.standard().last().unwrap().end).min().unwrap();
    let series = |name: &str| found[&format!("trailproof_{name}{{{LOCATION}}}")];
    assert_eq!(series("newest_proven_digest_timestamp_seconds").to_string(), newest.to_string());
    assert!(series("run_completed_timestamp_seconds") > 1.7e9 && series("requests") > 10.0);
    assert!(series("read_bytes") > 1_000.0 && series("run_duration_seconds") > 0.0);
    // The record gives the same numbers again, and replaces the file without being asked.
    let replay = ["replay", record, "--metrics", path];
    assert_eq!(Ran::from(&mut program(&replay)).status, 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    // With a series for each chain.
    let replay = [&replay[..], &["--metrics-per-chain"]].concat();
    assert_eq!(Ran::from(&mut program(&replay)).status, 1);
    let more = samples(&fs::read_to_string(&file).unwrap());
    assert_eq!(more.len(), found.len() + 2);
    for chain in &trail.chains {
        let series = format!(
            "trailproof_chain_newest_proven_digest_timestamp_seconds{{{LOCATION},account=\"{}\",\
             region=\"{}\",trail=\"{}\",home_region=\"{}\",organization=\"\"}}",
            chain.id.account, chain.id.region, chain.id.trail, chain.id.home_region
        );
        assert_eq!(more[&series].to_string(), chain.standard().last().unwrap().end.to_string());
    }
    // A reproducible run has nothing of the clock.
    let arguments = verify(&trail, &["--quiet", "--metrics", path, "--reproducible"]);
    assert_eq!(Ran::from(&mut connected(&server, &arguments)).status, 1);
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(samples(&text).len(), found.len() - 4, "{text}");
}

#[test]
fn lines_for_cloudwatch_are_valid_and_have_what_the_run_found() {
    let trail = trail();
    let server = serve(&trail);
    let more = ["--quiet", "--metrics-emf", "--metrics-per-chain"];
    let ran = Ran::from(&mut connected(&server, &verify(&trail, &more)));
    assert_eq!(ran.status, 1, "{ran:#?}");
    let schema = serde_json::from_str(include_str!("emf.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let is_line = |line: &&str| line.starts_with('{');
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .filter(is_line)
        .map(|line| {
            assert!(line.len() < 256 << 10);
            serde_json::from_str(line).unwrap()
        })
        .collect();
    assert_eq!(lines.len(), 3, "{ran:#?}");
    for line in &lines {
        let errors: Vec<String> = schema.iter_errors(line).map(|why| why.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}: {line}");
        // Each metric and each dimension has its value at the root.
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}: {line}");
        }
        for name in directive["Dimensions"][0].as_array().unwrap() {
            assert!(!line[name.as_str().unwrap()].as_str().unwrap().is_empty(), "{line}");
        }
    }
    let run = &lines[0];
    assert_eq!(run["Location"], "s3://example-trail-logs/a\"b\\c");
    for (name, value) in [
        ("VerdictContradicted", 1.0),
        ("VerdictProven", 0.0),
        ("Findings", 2.0),
        ("LogFilesInvalid", 2.0),
        ("CoverageContradicted", 7_200.0),
    ] {
        assert_eq!(run[name].as_f64(), Some(value), "{name}: {run}");
    }
    let time = run["_aws"]["Timestamp"].as_i64().unwrap();
    let age = run["NewestProvenDigestAge"].as_f64().unwrap();
    let newest =
        trail.chains.iter().map(|chain| chain.standard().last().unwrap().end).min().unwrap();
    assert_eq!(age.to_string(), (time / 1_000 - newest).to_string());
    let regions: BTreeSet<&str> =
        lines[1..].iter().map(|line| line["Region"].as_str().unwrap()).collect();
    assert_eq!(regions, BTreeSet::from(["eu-west-1", "us-east-1"]));
    for format in ["json", "jsonl"] {
        let arguments = verify(&trail, &["--metrics-emf", "--format", format]);
        Ran::from(&mut connected(&server, &arguments)).is(2, "both need stdout");
    }
}

/// A run that did not finish leaves the file of the run before, whose age then shows.
#[test]
fn a_run_that_does_not_start_leaves_the_file_of_the_run_before() {
    let trail = trail();
    let server = serve(&trail);
    let file = empty_folder("metrics-kept").join("x.prom");
    fs::write(&file, "# before\n").unwrap();
    let path = file.to_str().unwrap();
    let mut arguments = verify(&trail, &["--quiet", "--metrics", path]);
    arguments[1] = "s3://no-such-bucket".to_owned();
    assert_eq!(Ran::from(&mut connected(&server, &arguments)).status, 4);
    assert_eq!(fs::read_to_string(&file).unwrap(), "# before\n");
}
