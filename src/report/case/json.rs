//! `case.json`: the case in one document.
use super::model::{AffectedObject, CaseDeed, CaseReport, CaseSpan, KmsReader, KmsWrite, LogDiff};
use serde_json::{Value, json, to_value};
use std::io;
use trailproof_core::codes::technique::ATTACK_VERSION;
use trailproof_core::record::wire::{DeliveredToShape, ReadPlaceShape, Time, write_json_pretty};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// Number of the schema. Any version may add a field; changing or removing one requires a new number.
const SCHEMA: u32 = 1;

/// Calls of KMS that are listed; the timeline has all of them.
const KMS_LISTED: usize = 1_000;

/// Returns the document.
///
/// # Errors
///
/// It cannot be serialized.
pub(crate) fn case_json(case: &CaseReport) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    write_json_pretty(&mut out, &document(case)?)?;
    out.push(b'\n');
    Ok(out)
}

fn time(at: Timestamp) -> Value {
    to_value(Time(at)).unwrap_or(Value::Null)
}

fn document(case: &CaseReport) -> serde_json::Result<Value> {
    let read_from = case.place.read_from.iter().map(|from| to_value(ReadPlaceShape::from(from)));
    let searched = &case.searched;
    Ok(json!({
        "schema": SCHEMA,
        "tool": "trailproof",
        "version": env!("CARGO_PKG_VERSION"),
        "attack_version": ATTACK_VERSION,
        "location": {
            "delivered_to": to_value(DeliveredToShape::from(&case.place.delivered_to))?,
            "read_from": read_from.collect::<serde_json::Result<Vec<_>>>()?,
        },
        "period": {"from": time(case.period.start), "to": time(case.period.end)},
        "scope": {
            "trails": case.trails, "accounts": case.accounts, "regions": case.regions,
        },
        "record_sha256": case.record_sha256,
        "verdict": case.verdict.words(),
        "verdict_with_versions": case.with_versions.map(|verdict| verdict.words()),
        "versions_unread": case.versions_unread.as_ref().map(|why| json!({
            "code": why.kind.code(), "detail": why.detail,
        })),
        "deeds": case.deeds.iter().enumerate().map(|(at, one)| deed(at, one, case)).collect::<Vec<_>>(),
        "not_tied": case.context.iter().map(|((technique, why), events)| json!({
            "technique": technique.code(), "reason": why.code(), "events": events,
        })).collect::<Vec<_>>(),
        "affected": case.affected.iter().map(affected).collect::<Vec<_>>(),
        "uncovered": case.spans.iter().map(span).collect::<Vec<_>>(),
        "also": case.also.iter().map(|(location, searched)| json!({
            "location": location,
            "log_files": searched.log_files,
            "complete": searched.is_complete(),
        })).collect::<Vec<_>>(),
        "access_logs": {"lines": case.access_lines.0, "unclear": case.access_lines.1},
        "event_history": case.history.as_ref().map(|history| json!({
            "events": history.len(),
            "missing": history.iter().filter(|it| it.missing).count(),
        })),
        "lost": case.lost.as_ref().map(|lost| lost.iter().map(|span| json!({
            "chain": span.chain, "from": time(span.from), "to": time(span.to),
        })).collect::<Vec<_>>()),
        "replaced": case.diffs.iter().map(diff).collect::<Vec<_>>(),
        "unproven": case.unproven.iter().map(|log| json!({
            "log_file": log.at.uri(),
            "sha256": log.hash.map(hex::encode),
            "events": log.count,
            "events_listed": log.events.len(),
        })).collect::<Vec<_>>(),
        "kms": {
            "written": case.kms.len(),
            "gone": case.kms.iter().filter(|it| it.is_there == Some(false)).count(),
            "log_files": case.kms.iter().take(KMS_LISTED).map(kms).collect::<Vec<_>>(),
            "readers": case.kms_readers.iter().map(reader).collect::<Vec<_>>(),
        },
        "events": case.events.len(),
        "timeline_lines": case.timeline.len(),
        "searched": {
            "log_files": searched.log_files,
            "log_files_not_proven": searched.logs_not_proven,
            "log_files_changed": searched.logs_changed,
            "log_files_not_read": searched.logs_unread,
            "log_files_not_confirmed": searched.logs_not_confirmed,
            "log_files_without_form": searched.not_events,
            "events_not_parsed": searched.events_unparsed,
            "digests_not_proven": searched.digests_not_proven,
        },
        "notices": case.notices.iter().map(|notice| notice.code()).collect::<Vec<_>>(),
    }))
}

fn deed(number: usize, deed: &CaseDeed, case: &CaseReport) -> Value {
    let attacks: Vec<Value> = deed
        .technique
        .attacks()
        .iter()
        .map(|attack| {
            json!({"id": attack.id, "name": attack.name, "old_id": attack.old_id, "tactic": attack.tactic})
        })
        .collect();
    let ids = deed.events.iter().filter_map(|at| case.events.get(*at));
    let ids: Vec<&str> = ids.map(|event| event.event.id.as_str()).collect();
    json!({
        "number": number + 1,
        "technique": deed.technique.code(),
        "confidence": deed.confidence.code(),
        "witness": deed.witness.code(),
        "when": deed.when.map(time),
        "who": deed.who,
        "from_where": deed.from_where,
        "event_ids": ids,
        "effect": deed.effect.map(|(from, to)| json!({"from": time(from), "to": time(to)})),
        "chains": deed.chains,
        "objects": deed.objects.iter().map(ObjectLocation::uri).collect::<Vec<_>>(),
        "object_count": deed.object_count,
        "alternatives": deed.alternatives.iter().map(|it| it.code()).collect::<Vec<_>>(),
        "raise": deed.raise.iter().map(|it| it.code()).collect::<Vec<_>>(),
        "days": deed.days,
        "redirected_to": deed.redirected_to,
        "restarted": deed.restarted.map(time),
        "rules": deed.rules.iter().map(|rule| json!({
            "id": rule.id, "prefix": rule.prefix, "days": rule.days, "put": time(rule.put),
            "until": rule.until.map(time),
        })).collect::<Vec<_>>(),
        "rivals": deed.rivals.iter().map(|number| number + 1).collect::<Vec<_>>(),
        "attack": attacks,
    })
}

fn diff(diff: &LogDiff) -> Value {
    let mut value = json!({
        "log_file": diff.at.uri(),
        "digest": diff.digest.uri(),
        "proven_sha256": hex::encode(diff.proven_hash),
        "current_sha256": diff.current_hash.map(hex::encode),
    });
    let (name, told) = match &diff.compared {
        Ok(compared) => (
            "events",
            json!({
                "same": compared.same,
                "added": compared.added,
                "removed": compared.removed,
                "changed": compared.changed,
                "not_compared": compared.not_compared,
                "listed": compared.changes.len(),
            }),
        ),
        Err(why) => ("not_compared", why.code().into()),
    };
    value.as_object_mut().into_iter().for_each(|it| drop(it.insert(name.to_owned(), told.clone())));
    value
}

fn affected(object: &AffectedObject) -> Value {
    json!({
        "object": object.at.uri(),
        "kind": if object.is_digest { "digest" } else { "log-file" },
        "chain": object.chain,
        "time": object.time.map(time),
        "code": object.code,
        "sha256": object.sha256,
        "versions": object.versions,
        "digest": object.digest.as_ref().map(ObjectLocation::uri),
        "deed": object.deed.map(|number| number + 1),
    })
}

fn reader(reader: &KmsReader) -> Value {
    json!({
        "who": reader.who,
        "calls": reader.calls,
        "first": time(reader.first),
        "last": time(reader.last),
        "from_where": reader.from_where,
    })
}

fn kms(write: &KmsWrite) -> Value {
    json!({
        "log_file": write.at.uri(),
        "written": time(write.time),
        "who": write.who,
        "from_where": write.from_where,
        "by_cloudtrail": write.by_cloudtrail,
        "is_there": write.is_there,
        "recorded_in": write.log.as_ref().map(|log| log.at.uri()),
        "digest": write.log.as_ref().map(|log| log.digest.at.uri()),
    })
}

fn span(span: &CaseSpan) -> Value {
    json!({
        "chain": span.chain,
        "from": time(span.from),
        "to": time(span.to),
        "coverage": span.coverage,
        "deed": span.deed.map(|number| number + 1),
    })
}
