//! The reports that a run writes into files: HTML, JUnit and OCSF. They show the same verdict as
//! every other format, no evidence becomes part of their markup, and they stay small over an
//! organization.
mod exports;
mod page;

use crate::support::program::{Ran, program};
use crate::support::run_events::{MARKS, empty, hostile, organization};
use crate::support::worlds::{Flips, WorldKeys, WorldSource};
use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use trailproof::report::RunReporter;
use trailproof::report::html::Html;
use trailproof::report::json::Json;
use trailproof::report::junit::Junit;
use trailproof::report::ocsf::Ocsf;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::run::verify;
use trailproof_core::record::RunEvent;
use trailproof_core::vocab::time::{Period, Timestamp};
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec, dice::Dice};

/// A run in every format.
struct Outputs {
    html: String,
    junit: String,
    ocsf: Vec<Value>,
    json: Value,
}

fn render(events: &[RunEvent]) -> Outputs {
    let (mut html, mut junit, mut ocsf, mut json) = (vec![], vec![], vec![], vec![]);
    let mut reports: [Box<dyn RunReporter + '_>; 4] = [
        Box::new(Html::new(&mut html)),
        Box::new(Junit::new(&mut junit)),
        Box::new(Ocsf::new(&mut ocsf)),
        Box::new(Json::new(&mut json)),
    ];
    for report in &mut reports {
        events.iter().for_each(|event| report.event(event).unwrap());
        report.finish().unwrap();
    }
    drop(reports);
    let ocsf = String::from_utf8(ocsf).unwrap();
    Outputs {
        html: String::from_utf8(html).unwrap(),
        junit: String::from_utf8(junit).unwrap(),
        ocsf: ocsf.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        json: serde_json::from_slice(&json).unwrap(),
    }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no `{start}`"));
    rest.split_once(end).unwrap().0
}

/// Returns the tallies of the page: the kind, then the counts of checked, verified, invalid and
/// unverified objects.
fn sums(html: &str) -> BTreeMap<String, Vec<u64>> {
    let table = between(html, ">Objects<", "</table>");
    let rows = table.split("<tr><th scope=\"row\">").skip(1);
    rows.map(|row| {
        let (name, rest) = row.split_once("</th>").unwrap();
        let cells = rest.split("<td").skip(1).map(|cell| between(cell, ">", "<").replace(',', ""));
        (name.to_owned(), cells.map(|cell| cell.parse().unwrap()).collect())
    })
    .collect()
}

/// Returns the failures and errors of a JUnit document, according to its own reader and to its
/// tags.
fn red(junit: &str) -> (usize, usize) {
    let report = quick_junit::Report::deserialize_from_str(junit).unwrap();
    let red = (report.failures, report.errors);
    assert_eq!(red, (junit.matches("<failure ").count(), junit.matches("<error ").count()));
    red
}

/// Checks that every format shows the verdict and the counts of the JSON document.
fn agree(outputs: &Outputs) -> Result<(), String> {
    let status = outputs.json["exit_status"].as_i64().unwrap();
    let verdict = outputs.json["verdict"].as_str().unwrap();
    let same = |what: &str, one: &str, other: &str| match one == other {
        true => Ok(()),
        false => Err(format!("{what}: `{one}` instead of `{other}`")),
    };
    let words = between(&outputs.html, "<h1 ", "</h1>").rsplit("</span> ").next().unwrap();
    same("html verdict", &words.to_lowercase(), verdict)?;
    same("html status", between(&outputs.html, "Exit status ", "."), &status.to_string())?;
    let counts = &outputs.json["counts"];
    for (name, field) in [
        ("Digests", "digests"),
        ("Backfill digests", "backfill_digests"),
        ("Log files", "log_files"),
    ] {
        let tally = |kind: &str| counts[field][kind].as_u64().unwrap();
        let parts = [tally("valid"), tally("invalid"), tally("unverified")];
        let expected = [vec![parts.iter().sum()], parts.to_vec()].concat();
        same(name, &format!("{:?}", sums(&outputs.html)[name]), &format!("{expected:?}"))?;
    }
    let (failures, errors) = red(&outputs.junit);
    same("junit gate", &(failures + errors > 0).to_string(), &(status != 0).to_string())?;
    same("junit failures", &(failures > 0).to_string(), &(status == 1).to_string())?;
    let first = &outputs.ocsf[0];
    let data = &first["evidences"][0]["data"];
    same("ocsf verdict", data["verdict"].as_str().unwrap(), verdict)?;
    same("ocsf status", &data["exit_status"].to_string(), &status.to_string())?;
    let expected = match status {
        0 => "Pass",
        1 => "Fail",
        _ => "Warning",
    };
    same("ocsf", first["compliance"]["status"].as_str().unwrap(), expected)?;
    let failed =
        outputs.ocsf[1..].iter().filter(|one| one["compliance"]["status"] == "Fail").count();
    let findings = outputs.json["findings"].as_array().unwrap().len();
    same("ocsf findings", &failed.to_string(), &findings.to_string())?;
    let entries = outputs.html.matches("<li id=\"f-").count();
    same("html findings", &entries.to_string(), &findings.to_string())
}

fn schema() -> jsonschema::Validator {
    let at = Path::new(env!("CARGO_MANIFEST_DIR"));
    let at = at.join("testdata/ocsf/compliance-finding-1.6.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(at).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn check_ocsf(events: &[Value]) -> Result<(), String> {
    let validator = schema();
    let mut uids = BTreeSet::new();
    for event in events {
        if let Some(error) = validator.iter_errors(event).next() {
            return Err(format!("{error} in {event}"));
        }
        if !uids.insert(event["finding_info"]["uid"].to_string()) {
            return Err(format!("a second event of one id: {event}"));
        }
    }
    Ok(())
}

fn run(trail: &BuiltTrail, tail: i64) -> Vec<RunEvent> {
    let whole = trail.whole();
    let end = Timestamp::from_unix(whole.to + tail);
    let plan = VerifyPlan {
        end_was_future: tail > 0,
        ..VerifyPlan::new(
            "example-trail-logs",
            Period { start: Timestamp::from_unix(whole.from), end },
            end,
        )
    };
    let mut events = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(verify(
        &plan,
        Arc::new(WorldSource { flips: Flips::new(true), ..WorldSource::new(&trail.world) }),
        Arc::new(WorldKeys(Arc::new(trail.world.clone()))),
        &mut |event| events.push(event.clone()),
    ));
    events
}

#[test]
fn every_format_reports_the_same_over_every_deed() {
    let mut dice = Dice::new(23, "reports");
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for round in 0..60 {
        let mut trail = TrailSpec::new()
            .seed(round)
            .regions(&["us-east-1", "eu-west-1"])
            .time("2026-03-01T00:04:11Z", 8)
            .logs(LogPlan::Constant(1), LogSizes::Small);
        if round % 2 == 1 {
            trail = trail.pause(3, 5, 0);
        }
        let mut trail = trail.build();
        for _ in 0..round % 4 {
            let deed = trail.random_deed(&mut dice);
            let _ = trail.apply(deed);
        }
        let events = run(&trail, if round % 3 == 0 { 7_200 } else { 0 });
        let outputs = render(&events);
        *verdicts.entry(outputs.json["verdict"].to_string()).or_default() += 1;
        for problem in [
            agree(&outputs),
            check_ocsf(&outputs.ocsf),
            page::groups_equal_a_recount(&outputs.html, &events),
            page::links_have_targets(&outputs.html),
        ] {
            wrong.extend(problem.err().map(|why| format!("round {round}: {why}")));
        }
        let again = render(&events);
        assert!(outputs.html == again.html && outputs.junit == again.junit, "round {round}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for verdict in ["\"proven\"", "\"contradicted\"", "\"not proven\""] {
        assert!(verdicts.get(verdict).is_some_and(|count| *count > 3), "{verdicts:?}");
    }
}

#[test]
fn a_run_that_found_nothing_or_was_cut_short_is_not_a_success() {
    let outputs = render(&empty());
    agree(&outputs).unwrap();
    check_ocsf(&outputs.ocsf).unwrap();
    let mut cut = hostile();
    cut.pop();
    let outputs = render(&cut);
    assert!(outputs.html.contains("No verdict") && !outputs.html.contains("Exit status"));
    assert!(red(&outputs.junit).1 > 0);
    assert!(outputs.ocsf.is_empty(), "{:?}", outputs.ocsf);
}

/// Runs the program over the demo, in the folder of the package.
fn status_of(arguments: &[&str]) -> i32 {
    let mut command = program(arguments);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("USER", "an auditor <b>");
    Ran::from(&mut command).status
}

#[test]
fn a_replay_equals_the_run_and_a_reproducible_run_omits_its_environment() {
    const DEMO: [&str; 9] = [
        "verify",
        "testdata/demo",
        "--public-keys",
        "testdata/demo/public-keys.json",
        "--start-time",
        "2026-03-01T00:04:11Z",
        "--end-time",
        "2026-03-04",
        "--complete-copy",
    ];
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports");
    std::fs::create_dir_all(&folder).unwrap();
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let outputs = |name: &str| {
        let html = format!("--report=html={}", at(&format!("{name}.html")));
        let junit = format!("--junit={}", at(&format!("{name}.xml")));
        [html, junit, format!("--ocsf={}", at(&format!("{name}.ocsf")))]
    };
    let record = at("run.jsonl");
    for more in [&[][..], &["--reproducible"]] {
        let live = outputs("live");
        let live: Vec<&str> = live.iter().map(String::as_str).collect();
        let arguments = [&DEMO[..], &["--force", "--record", &record], more, &live].concat();
        assert_eq!(status_of(&arguments), 1);
        let again = outputs("again");
        let again: Vec<&str> = again.iter().map(String::as_str).collect();
        assert_eq!(status_of(&[&["replay", &record, "--force"], &again[..]].concat()), 1);
        for kind in ["html", "xml", "ocsf"] {
            let read = |name: &str| std::fs::read(at(&format!("{name}.{kind}"))).unwrap();
            assert!(read("live") == read("again"), "{kind} with {more:?}");
        }
        let html = std::fs::read_to_string(at("live.html")).unwrap();
        let reported = html.contains("an auditor &#60;b&#62;");
        assert_eq!((reported, html.contains("not recorded")), (more.is_empty(), !more.is_empty()));
        assert_eq!(html.contains("--record"), more.is_empty(), "what was typed");
    }
}

/// Returns the text between each `start` and the next quotation mark.
fn values<'t>(text: &'t str, start: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(start).skip(1).map(|rest| rest.split_once('"').unwrap().0)
}
