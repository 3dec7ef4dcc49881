//! `lookup --format json`: one document.
use super::result::{FileReport, LookupMatch, LookupReport, ObjectNow};
use serde_json::{Map, Value, json, to_value};
use std::io;
use trailproof_core::record::wire::{
    DeliveredToShape, FailureShape, FindingShape, ReadPlaceShape, Time, write_json_pretty,
};

/// Number of the schema. Any version may add a field; changing or removing one requires a new number.
const SCHEMA: u32 = 1;

/// Returns the report as one JSON document.
///
/// # Errors
///
/// The document cannot be serialized.
pub(crate) fn json(report: &LookupReport) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    write_json_pretty(&mut out, &document(report)?)?;
    out.push(b'\n');
    Ok(out)
}

fn document(report: &LookupReport) -> serde_json::Result<Value> {
    let read_from = report.place.read_from.iter().map(|from| to_value(ReadPlaceShape::from(from)));
    let searched = &report.searched;
    Ok(json!({
        "schema": SCHEMA,
        "tool": "trailproof",
        "version": env!("CARGO_PKG_VERSION"),
        "location": {
            "delivered_to": to_value(DeliveredToShape::from(&report.place.delivered_to))?,
            "read_from": read_from.collect::<serde_json::Result<Vec<_>>>()?,
        },
        "complete_copy_asserted": report.complete_copy,
        "public_key_sources": report.key_sources,
        "period": {
            "from": to_value(Time(report.period.start))?,
            "to": to_value(Time(report.period.end))?,
        },
        "scope": {
            "trails": report.scope.trails,
            "accounts": report.scope.accounts,
            "regions": report.scope.regions,
        },
        "from_names": report.from_names,
        "searched": {
            "complete": searched.is_complete(),
            "chains": searched.chains,
            "total_seconds": searched.total,
            "searched_seconds": searched.searched,
            "digests_not_proven": searched.digests_not_proven,
            "backfill_digests_not_proven": searched.backfill_not_proven,
            "places_in_doubt": searched.places_in_doubt,
            "listings_unread": searched.listings_unread,
        },
        "verdict": report.verdict.words(),
        "exit_status": report.verdict.exit_status(),
        "files": report.files.iter().map(file).collect::<serde_json::Result<Vec<_>>>()?,
        "skipped": report
            .skipped
            .iter()
            .map(|skipped| json!({ "file": skipped.file, "reason": skipped.why.code() }))
            .collect::<Vec<_>>(),
    }))
}

fn file(report: &FileReport) -> serde_json::Result<Value> {
    let notices: Vec<&str> = report.notices.iter().map(|notice| notice.code()).collect();
    let matches = report.matches.iter().map(found).collect::<serde_json::Result<Vec<_>>>()?;
    let mut value = Map::new();
    value.insert("file".into(), report.file.clone().into());
    value.insert("answer".into(), report.answer.code().into());
    value.insert("notices".into(), notices.into());
    value.insert("sha256".into(), hex::encode(report.hash).into());
    if let Some(expected) = &report.expected {
        value.insert("expected_sha256".into(), hex::encode(expected).into());
    }
    if let Some(trailing) = report.trailing {
        value.insert("trailing_bytes".into(), trailing.into());
    }
    value.insert("matches".into(), matches.into());
    Ok(value.into())
}

fn found(found: &LookupMatch) -> serde_json::Result<Value> {
    let now = match &found.now {
        ObjectNow::Valid => json!({ "state": "valid" }),
        ObjectNow::Invalid(finding) => {
            json!({ "state": "invalid", "finding": to_value(FindingShape::from(finding))? })
        }
        ObjectNow::Unverified(why) => {
            json!({ "state": "unverified", "read_failure": to_value(FailureShape::from(why))? })
        }
        ObjectNow::NotRead => json!({ "state": "not-read" }),
    };
    Ok(json!({
        "bucket": found.at.bucket,
        "key": found.at.key,
        "sha256": hex::encode(found.hash),
        "digest": { "bucket": found.digest.bucket, "key": found.digest.key },
        "from": to_value(Time(found.start))?,
        "to": to_value(Time(found.end))?,
        "fingerprint": found.fingerprint,
        "object_now": now,
    }))
}
