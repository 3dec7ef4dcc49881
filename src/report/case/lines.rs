//! `timeline.jsonl`, `timeline.csv`, and the files of `events` and `diffs`: one line for each thing that
//! happened.
use super::model::{CaseReport, TimelineEntry};
use crate::report::events::guarded;
use csv::{Terminator, WriterBuilder};
use serde_json::{Value, json};
use std::io::{self, Write as _};
use trailproof_core::codes::technique::Witness;
use trailproof_core::record::wire::write_json;
use trailproof_core::trail_event::Change;
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
                "by_versions": event.by_versions,
            }),
        )?;
        found.push(b'\n');
    }
    Ok(found)
}

/// Returns how the events of replaced log files differ from those of the proven versions, one event per
/// line.
///
/// # Errors
///
/// They cannot be serialized.
pub(crate) fn changes_of_logs(case: &CaseReport) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for diff in &case.diffs {
        for change in diff.compared.iter().flat_map(|compared| &compared.changes) {
            let fields = change.fields.iter().map(|field| {
                let json =
                    |value: &Option<String>| value.as_deref().map_or(Value::Null, Value::from);
                json!({
                    "pointer": field.pointer,
                    "old": json(&field.old),
                    "new": json(&field.new),
                    "cut": field.cut,
                })
            });
            write_json(
                &mut out,
                &json!({
                    "log_file": diff.at.uri(),
                    "digest": diff.digest.uri(),
                    "proven_sha256": hex::encode(diff.proven_hash),
                    "current_sha256": diff.current_hash.map(hex::encode),
                    "change": change.change.code(),
                    "witness": match change.change {
                        Change::Added => Witness::Unproven.code(),
                        Change::Removed | Change::Changed => Witness::Proven.code(),
                    },
                    "event_id": change.event.id,
                    "event_name": change.event.name,
                    "event_time": change.event.time.map(|time| time.to_string()),
                    "who": change.event.principal,
                    "from_where": change.event.address,
                    "fields": fields.collect::<Vec<_>>(),
                    "fields_left_out": change.fields_left_out,
                    "event": change.event.json,
                    "redacted": change.event.redacted,
                }),
            )?;
            out.push(b'\n');
        }
    }
    Ok(out)
}

/// Returns the events of log files that no digest names, one per line. Nothing proves them.
///
/// # Errors
///
/// They cannot be serialized.
pub(crate) fn unproven_events(case: &CaseReport) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for log in &case.unproven {
        for event in &log.events {
            write_json(
                &mut out,
                &json!({
                    "log_file": log.at.uri(),
                    "log_file_sha256": log.hash.map(hex::encode),
                    "witness": Witness::Unproven.code(),
                    "event_id": event.id,
                    "event_name": event.name,
                    "event_time": event.time.map(|time| time.to_string()),
                    "who": event.principal,
                    "from_where": event.address,
                    "event": event.json,
                    "redacted": event.redacted,
                }),
            )?;
            out.push(b'\n');
        }
    }
    Ok(out)
}

/// Returns the events of Event history, one per line. Nobody signed them.
///
/// # Errors
///
/// They cannot be serialized.
pub(crate) fn history_events(case: &CaseReport) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for it in case.history.iter().flatten() {
        write_json(
            &mut out,
            &json!({
                "witness": Witness::Unsigned.code(),
                "region": it.region.as_str(),
                "event_id": it.event.id,
                "event_name": it.event.name,
                "event_time": it.event.time.map(|time| time.to_string()),
                "who": it.event.principal,
                "from_where": it.event.address,
                "technique": it.deed.as_ref().and_then(|deed| deed.technique).map(|it| it.code()),
                "not_tied": it.not_tied.map(|why| why.code()),
                "missing_in_log_files": it.missing,
                "event": it.event.json,
                "redacted": it.event.redacted,
            }),
        )?;
        out.push(b'\n');
    }
    Ok(out)
}
