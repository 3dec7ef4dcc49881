//! `timeline.jsonl`, `timeline.csv` and `events/events.jsonl`: one line for each thing that happened.
use super::model::{CaseReport, TimelineEntry};
use crate::report::events::guarded;
use csv::{Terminator, WriterBuilder};
use serde_json::json;
use std::io::{self, Write as _};
use trailproof_core::record::wire::write_json;
use trailproof_core::vocab::location::ObjectLocation;

/// Columns of the table.
const COLUMNS: [&str; 12] = [
    "time",
    "time_is",
    "what",
    "who",
    "from_where",
    "outcome",
    "target",
    "witness",
    "technique",
    "finding",
    "log_file",
    "digest",
];

/// Returns the timeline, one JSON object per line.
///
/// # Errors
///
/// It cannot be serialized.
pub(crate) fn timeline_lines(case: &CaseReport) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for line in &case.timeline {
        write_json(
            &mut out,
            &json!({
                "time": line.time.to_string(),
                "time_is": line.time_is.code(),
                "what": line.what,
                "who": line.who,
                "from_where": line.from_where,
                "outcome": line.outcome,
                "target": line.target,
                "witness": line.witness.code(),
                "technique": line.technique.map(|technique| technique.code()),
                "finding": line.finding,
                "log_file": line.log_file.as_ref().map(ObjectLocation::uri),
                "digest": line.digest.as_ref().map(ObjectLocation::uri),
                "event_id": event_id(case, line),
                "not_tied": line.not_tied.map(|why| why.code()),
            }),
        )?;
        out.push(b'\n');
    }
    Ok(out)
}

fn event_id<'c>(case: &'c CaseReport, line: &TimelineEntry) -> Option<&'c str> {
    case.events.get(line.event?).map(|event| event.event.id.as_str())
}

/// Returns the timeline as a table.
///
/// # Errors
///
/// It cannot be serialized.
pub(crate) fn timeline_csv(case: &CaseReport) -> io::Result<Vec<u8>> {
    let mut table = WriterBuilder::new();
    let mut table = table.terminator(Terminator::CRLF).from_writer(Vec::new());
    table.write_record(COLUMNS)?;
    for line in &case.timeline {
        let row = [
            line.time.to_string(),
            line.time_is.code().to_owned(),
            line.what.clone(),
            line.who.clone(),
            line.from_where.clone(),
            line.outcome.clone(),
            line.target.clone(),
            line.witness.code().to_owned(),
            line.technique.map(|technique| technique.code()).unwrap_or_default().to_owned(),
            line.finding.unwrap_or_default().to_owned(),
            line.log_file.as_ref().map(ObjectLocation::uri).unwrap_or_default(),
            line.digest.as_ref().map(ObjectLocation::uri).unwrap_or_default(),
        ];
        table.write_record(row.iter().map(|cell| guarded(cell)))?;
    }
    table.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// Returns the verified events as CloudTrail wrote them, without secrets, one per line, as other tools
/// load them.
///
/// # Errors
///
/// They cannot be serialized.
pub(crate) fn verified_events(case: &CaseReport) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    for event in &case.events {
        raw.write_all(event.event.json.as_bytes())?;
        raw.push(b'\n');
    }
    Ok(raw)
}

/// Returns where each of these events was found, one per line.
///
/// # Errors
///
/// They cannot be serialized.
pub(crate) fn proofs_of_events(case: &CaseReport) -> io::Result<Vec<u8>> {
    let mut found = Vec::new();
    for event in &case.events {
        let digest = &event.log.digest;
        write_json(
            &mut found,
            &json!({
                "event_id": event.event.id,
                "log_file": event.log.at.uri(),
                "log_file_sha256": hex::encode(event.log.hash),
                "digest": digest.at.uri(),
                "digest_sha256": hex::encode(digest.hash),
                "proofs": digest.proofs.codes(),
                "fingerprint": digest.fingerprint,
                "redacted": event.event.redacted,
            }),
        )?;
        found.push(b'\n');
    }
    Ok(found)
}
