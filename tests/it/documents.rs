//! The documents match the program: its output conforms to the schema, and every event, field and
//! code is in the description of the stream.

use crate::support::worlds::{Flips, WorldKeys, WorldSource};
use crate::wire::some_events;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fs, iter};
use strum::{IntoEnumIterator as _, VariantNames as _};
use trailproof::report::RunReporter as _;
use trailproof::report::json::Json;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::run::verify;
use trailproof_core::bytes::inflate::InflateFault;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::{FindingCode, Malformed, SignatureFault};
use trailproof_core::codes::notice::Notice;
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::wire::write_event;
use trailproof_core::record::{Presence, RunEvent, RunEventName};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::time::{Period, Timestamp};
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec, dice::Dice};

fn document(name: &str) -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/src/format").join(name))
        .unwrap()
}

/// Returns a run over the trail as the JSON document.
fn run(trail: &BuiltTrail) -> Value {
    let whole = trail.whole();
    let end = Timestamp::from_unix(whole.to + 7_200);
    let plan = VerifyPlan {
        end_was_future: true,
        ..VerifyPlan::new(
            "example-trail-logs",
            Period { start: Timestamp::from_unix(whole.from), end },
            end,
        )
    };
    let mut json = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut report = Json::new(&mut json);
    runtime.block_on(verify(
        &plan,
        // The first read of every object returns a changed byte, so every outcome is reported after
        // a second read.
        Arc::new(WorldSource { flips: Flips::new(true), ..WorldSource::new(&trail.world) }),
        Arc::new(WorldKeys(Arc::new(trail.world.clone()))),
        &mut |event| report.event(event).unwrap(),
    ));
    report.finish().unwrap();
    drop(report);
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn the_schema_accepts_every_summary_and_rejects_others() {
    let validator = jsonschema::validator_for(&schema("verify-summary.schema.json")).unwrap();
    let mut dice = Dice::new(17, "documents");
    let mut verdicts = BTreeSet::new();
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
        let summary = run(&trail);
        let wrong: Vec<String> =
            validator.iter_errors(&summary).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "round {round}: {wrong:?}");
        verdicts.insert(summary["verdict"].to_string());
        let mut other = summary.clone();
        other["verdict"] = "valid".into();
        assert!(!validator.is_valid(&other), "the schema accepts any verdict");
    }
    assert!(verdicts.len() >= 2, "{verdicts:?}");
}

/// The schema accepts the summary of any events, not only of runs over synthetic trails.
#[test]
fn the_schema_accepts_the_summary_of_any_events() {
    let validator = jsonschema::validator_for(&schema("verify-summary.schema.json")).unwrap();
    let is_edge =
        |event: &RunEvent| matches!(event, RunEvent::RunStarted(_) | RunEvent::RunFinished(_));
    let (edges, inner): (Vec<_>, Vec<_>) = some_events(3_000).partition(is_edge);
    let (starts, ends): (Vec<_>, Vec<_>) =
        edges.into_iter().partition(|event| matches!(event, RunEvent::RunStarted(_)));
    for ((start, end), inner) in starts.iter().zip(&ends).zip(inner.chunks(30)) {
        let mut json = Vec::new();
        let mut report = Json::new(&mut json);
        for event in iter::once(start).chain(inner).chain(iter::once(end)) {
            report.event(event).unwrap();
        }
        report.finish().unwrap();
        drop(report);
        let summary: Value = serde_json::from_slice(&json).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&summary)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&document(name)).unwrap()
}

/// Returns the values that the schema lists at this place.
fn values(schema: &Value, at: &str) -> BTreeSet<String> {
    let values = schema.pointer(at).unwrap().as_array().unwrap().iter();
    values.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
}

fn set<'a>(codes: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    codes.into_iter().map(str::to_owned).collect()
}

/// Returns the parts of a text between backquotes.
fn quoted(text: &str) -> BTreeSet<String> {
    set(text.split('`').skip(1).step_by(2))
}

/// Returns the first cells of the table below this line, without their backquotes.
fn table(document: &str, head: &str) -> BTreeSet<String> {
    let (_, table) = document.split_once(&format!("\n{head}\n")).unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    set(cells.map(|cell| cell.trim().trim_matches('`')))
}

/// Codes are derived from names, so renaming a variant would change a code. The documents hold the
/// released codes.
#[test]
fn the_documents_list_exactly_the_codes() {
    let attestation = schema("attestation.schema.json");
    let (document, schema) = (document("run-record.md"), schema("verify-summary.schema.json"));
    let listed = |at: &str| values(&schema, at);

    let events = table(&document, "| event | meaning |");
    assert_eq!(events, set(RunEventName::iter().map(Into::into)));

    let findings = set(FindingCode::iter().map(Into::into));
    assert_eq!(table(&document, "| finding | meaning |"), findings);
    assert_eq!(listed("/$defs/finding/properties/code/enum"), findings);

    let gzip = InflateFault::iter().map(Into::into);
    let forms = Malformed::VARIANTS.iter().copied().filter(|code| *code != "gzip").chain(gzip);
    let why = set(forms.chain(SignatureFault::VARIANTS.iter().copied()));
    assert_eq!(table(&document, "| why | what is wrong |"), why);
    assert_eq!(listed("/$defs/finding/properties/why/enum"), why);

    let failures = set(ReadFailureKind::iter().map(ReadFailureKind::code));
    assert_eq!(table(&document, "| code | why it could not be read |"), failures);
    assert_eq!(listed("/$defs/read_failure/properties/code/enum"), failures);

    let notices = set(Notice::iter().map(Notice::code));
    assert_eq!(table(&document, "| notice | meaning |"), notices);
    assert_eq!(listed("/properties/notices/propertyNames/enum"), notices);

    let coverage = set(Coverage::all().map(Coverage::code));
    assert_eq!(table(&document, "| coverage | meaning |"), coverage);
    assert_eq!(listed("/$defs/segment/properties/coverage/enum"), coverage);
    let uncovered = set(Uncovered::iter().map(Uncovered::code));
    let seconds = "/properties/coverage_seconds/properties/uncovered/propertyNames/enum";
    assert_eq!(listed(seconds), uncovered);

    let presence = set(Presence::VARIANTS.iter().copied());
    assert_eq!(table(&document, "| presence | meaning |"), presence);
    assert_eq!(listed("/$defs/chain_summary/properties/presence/enum"), presence);

    let verdicts = set(Verdict::iter().map(Verdict::words));
    assert_eq!(table(&document, "| verdict | exit status | meaning |"), verdicts);
    assert_eq!(listed("/properties/verdict/enum"), verdicts);
    let verdict = "/$defs/predicate/properties/result/properties/verdict/enum";
    assert_eq!(values(&attestation, verdict), verdicts);
    let statuses = Verdict::iter().map(|verdict| verdict.exit_status().to_string());
    assert_eq!(listed("/properties/exit_status/enum"), statuses.collect());

    let kinds = set(DigestKind::iter().map(DigestKind::code));
    assert!(kinds.is_subset(&quoted(&document)), "{kinds:?}");
}

/// Every field of every event is named in the document, including events that no run over a
/// synthetic trail emits.
#[test]
fn every_field_is_documented() {
    fn fields(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.keys().cloned());
                object.values().for_each(|value| fields(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for event in some_events(4_000) {
        let mut line = Vec::new();
        write_event(&event, &mut line).unwrap();
        fields(&serde_json::from_slice(&line).unwrap(), &mut found);
    }
    assert!(found.remove("event"));
    let documented = quoted(&document("run-record.md"));
    let absent: Vec<_> = found.iter().filter(|field| !documented.contains(*field)).collect();
    assert!(absent.is_empty(), "{absent:?}");
    assert!(found.len() > 80, "{found:?}");
}
