//! The documents say what the program does: the schema fits its output, and every event, code and
//! notice stands in the description of the stream.

use crate::support::worlds::{Flips, WorldKeys, WorldSource};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use trailproof::report::RunReporter;
use trailproof::report::json::Json;
use trailproof::report::json_lines::JsonLines;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::verify_run::verify;
use trailproof_core::chain_id::Scope;
use trailproof_core::failure::ReadFailureKind;
use trailproof_core::time::{Period, Timestamp};
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec, dice::Dice};

fn document(name: &str) -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

/// A run over the trail, as the JSON document and as JSON lines.
fn run(trail: &BuiltTrail) -> (Value, Vec<Value>) {
    let whole = trail.whole();
    let plan = VerifyPlan {
        location: "s3://example-trail-logs".to_owned(),
        bucket: "example-trail-logs".to_owned(),
        roots: vec![String::new()],
        scope: Scope::default(),
        period: Period {
            start: Timestamp::from_unix(whole.from),
            end: Timestamp::from_unix(whole.to + 7_200),
        },
        end_was_future: true,
        now: Timestamp::from_unix(whole.to + 7_200),
        status: None,
        unlisted: true,
        complete_copy: false,
        known: None,
        since: None,
    };
    let (mut json, mut lines) = (Vec::new(), Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut reports: [Box<dyn RunReporter + '_>; 2] =
        [Box::new(Json::new(&mut json)), Box::new(JsonLines::new(&mut lines))];
    runtime.block_on(verify(
        &plan,
        // Every first read brings a changed byte, so that what is told is told after a second one.
        Arc::new(WorldSource { flips: Flips::new(true), ..WorldSource::new(&trail.world) }),
        Arc::new(WorldKeys(Arc::new(trail.world.clone()))),
        &mut |event| reports.iter_mut().for_each(|report| report.event(event).unwrap()),
    ));
    reports.iter_mut().for_each(|report| report.finish().unwrap());
    drop(reports);
    let lines = String::from_utf8(lines).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (serde_json::from_slice(&json).unwrap(), lines)
}

#[test]
fn the_schema_fits_every_summary_and_would_not_fit_another() {
    let schema: Value = serde_json::from_str(&document("verify-summary.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let stream = document("run-record.md");
    let mut dice = Dice::new(17, "documents");
    let mut verdicts = std::collections::BTreeSet::new();
    for round in 0..24 {
        let mut trail = TrailSpec::new()
            .seed(round)
            .regions(&["us-east-1", "eu-west-1"])
            .time("2026-03-01T00:04:11Z", 10)
            .logs(LogPlan::Constant(1), LogSizes::Small)
            .pause(3, 5, 0)
            .build();
        for _ in 0..round % 5 {
            let deed = trail.random_deed(&mut dice);
            let _ = trail.apply(deed);
        }
        let (summary, lines) = run(&trail);
        let wrong: Vec<String> =
            validator.iter_errors(&summary).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "round {round}: {wrong:?}");
        verdicts.insert(summary["verdict"].to_string());
        for line in &lines {
            let event = line["event"].as_str().unwrap();
            assert!(stream.contains(&format!("| `{event}` |")), "`{event}` is not documented");
            for field in line.as_object().unwrap().keys() {
                assert!(stream.contains(&format!("`{field}`")) || field == "event", "`{field}`");
            }
        }
        let mut other = summary.clone();
        other["verdict"] = "valid".into();
        assert!(!validator.is_valid(&other), "the schema takes any verdict");
    }
    assert!(verdicts.len() >= 2, "{verdicts:?}");
}

#[test]
fn every_read_failure_is_documented() {
    let (stream, schema) = (document("run-record.md"), document("verify-summary.schema.json"));
    for kind in ReadFailureKind::ALL {
        assert!(stream.contains(&format!("`{}`", kind.code())), "{}", kind.code());
        assert!(schema.contains(&format!("\"{}\"", kind.code())), "{}", kind.code());
    }
}
