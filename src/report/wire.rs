//! The events of a run as JSON values: names and shapes that stay, apart from the types in memory.
//!
//! `docs/run-record.md` documents them. A new field may come with any version; a changed or removed
//! one comes with a new schema number.
use crate::core::chain_id::ChainId;
use crate::core::coverage::Segment;
use crate::core::explain::ExplainingEvent;
use crate::core::failure::ReadFailure;
use crate::core::finding::Finding;
use crate::core::finding::Outcome;
use crate::core::key_layout::DigestKind;
use crate::core::location::ObjectLocation;
use crate::core::notice::Notice;
use crate::core::time::Timestamp;
use crate::event::{
    ChainSummary, Counts, CoverageTotals, DigestJudged, Presence, RunEvent, RunSummary, Tally,
};
use serde_json::{Map, Value, json};

/// Number of the schema of events and summaries.
pub(super) const SCHEMA: u32 = 1;

/// One event.
pub(super) fn event(event: &RunEvent) -> Value {
    match event {
        RunEvent::RunStarted { location, period, end_was_future } => json!({
            "event": "run-started",
            "schema": SCHEMA,
            "tool": "trailproof",
            "version": env!("CARGO_PKG_VERSION"),
            "location": location,
            "from": time(period.start),
            "to": time(period.end),
            "end_was_future": end_was_future,
        }),
        RunEvent::BucketListed { chains, digests, left_out } => json!({
            "event": "bucket-listed",
            "chains": chains,
            "digests": digests,
            "trails_left_out": left_out,
        }),
        RunEvent::ListingUnread { folder, why } => json!({
            "event": "listing-unread",
            "folder": folder,
            "read_failure": failure(why),
        }),
        RunEvent::ChainStarted { chain: id } => {
            json!({ "event": "chain-started", "chain": chain(id) })
        }
        RunEvent::DigestJudged(judged) => digest(judged),
        RunEvent::LogJudged { at, outcome } => {
            let mut value = object("log-judged", at);
            judge(&mut value, outcome, |value, proof| {
                value.insert("stored_bytes".into(), proof.stored.into());
                value.insert("inflated_bytes".into(), proof.inflated.into());
                if proof.stored_inflated {
                    value.insert("notices".into(), json!(["stored-inflated"]));
                }
            });
            Value::Object(value)
        }
        RunEvent::LogNamed(named) => {
            let mut value = object("log-named", &named.at);
            value.insert("sha256".into(), hex::encode(named.hash).into());
            let digest = json!({ "bucket": named.digest.bucket, "key": named.digest.key });
            value.insert("digest".into(), digest);
            value.insert("start".into(), time(named.start));
            value.insert("end".into(), time(named.end));
            value.insert("fingerprint".into(), named.fingerprint.clone().into());
            Value::Object(value)
        }
        RunEvent::ChainFinished(summary) => {
            let mut value = chain_summary(summary);
            value.insert("event".into(), "chain-finished".into());
            Value::Object(value)
        }
        RunEvent::TrailStatus {
            chain: id,
            is_logging,
            latest_digest_delivery,
            latest_digest_error,
            finding: contradicted,
        } => json!({
            "event": "trail-status",
            "chain": chain(id),
            "is_logging": is_logging,
            "latest_digest_delivery": latest_digest_delivery.map(time),
            "latest_digest_error": latest_digest_error,
            "finding": contradicted.as_ref().map(finding),
        }),
        RunEvent::GapExplained { chain: id, from, to, event } => json!({
            "event": "gap-explained",
            "chain": chain(id),
            "from": time(*from),
            "to": time(*to),
            "explained_by": explaining(event),
        }),
        RunEvent::LogUnlisted { at } => Value::Object(object("log-unlisted", at)),
        RunEvent::LogsWithoutDigests { folder } => {
            json!({ "event": "logs-without-digests", "folder": folder })
        }
        RunEvent::CheckNotPerformed { check, why } => {
            json!({ "event": "check-not-performed", "check": check, "why": why })
        }
        RunEvent::RunFinished(summary) => {
            let mut value = run_summary(summary);
            value.insert("event".into(), "run-finished".into());
            Value::Object(value)
        }
    }
}

fn digest(judged: &DigestJudged) -> Value {
    let mut value = object("digest-judged", &judged.at);
    let kind = match judged.kind {
        DigestKind::Standard => "standard",
        DigestKind::Backfill => "backfill",
    };
    value.insert("kind".into(), kind.into());
    value.insert("end".into(), time(judged.end));
    value.insert("counts".into(), judged.counts.into());
    judge(&mut value, &judged.outcome, |value, proof| {
        value.insert("start".into(), time(proof.start));
        value.insert("sha256".into(), hex::encode(proof.hash).into());
        value.insert("log_files".into(), proof.logs.into());
        let proofs = [
            ("own-signature", proof.proofs.own_signature),
            ("successor-signature", proof.proofs.successor_signature),
            ("successor-hash", proof.proofs.successor_hash),
        ];
        let held: Vec<&str> =
            proofs.iter().filter(|(_, held)| *held).map(|(name, _)| *name).collect();
        value.insert("proofs".into(), json!(held));
    });
    if !judged.notices.is_empty() {
        let codes: Vec<&str> = judged.notices.iter().copied().map(Notice::code).collect();
        value.insert("notices".into(), json!(codes));
    }
    Value::Object(value)
}

fn judge<P>(
    value: &mut Map<String, Value>,
    outcome: &Outcome<P>,
    valid: impl FnOnce(&mut Map<String, Value>, &P),
) {
    let word = match outcome {
        Outcome::Valid(_) => "valid",
        Outcome::Invalid(_) => "invalid",
        Outcome::Unverified(_) => "unverified",
    };
    value.insert("outcome".into(), word.into());
    match outcome {
        Outcome::Valid(proof) => valid(value, proof),
        Outcome::Invalid(what) => {
            value.insert("finding".into(), finding(what));
        }
        Outcome::Unverified(why) => {
            value.insert("read_failure".into(), failure(why));
        }
    }
}

fn object(event: &str, at: &ObjectLocation) -> Map<String, Value> {
    let mut value = Map::new();
    value.insert("event".into(), event.into());
    value.insert("bucket".into(), at.bucket.clone().into());
    value.insert("key".into(), at.key.clone().into());
    value
}

pub(super) fn finding(finding: &Finding) -> Value {
    let (expected, found) = finding.expected_and_found();
    json!({ "code": finding.code(), "expected": expected, "found": found })
}

pub(super) fn failure(why: &ReadFailure) -> Value {
    json!({
        "code": why.kind.code(),
        "detail": why.detail,
        "attempts": why.attempts,
        "request_id": why.request_id,
    })
}

pub(super) fn chain(id: &ChainId) -> Value {
    json!({
        "account": id.account.as_str(),
        "source_region": id.source_region.as_str(),
        "trail": id.trail.as_str(),
        "home_region": id.home_region.as_str(),
        "organization": id.organization.as_ref().map(|id| id.as_str()),
    })
}

pub(super) fn explaining(event: &ExplainingEvent) -> Value {
    json!({
        "event_name": event.name,
        "event_id": event.id,
        "event_time": time(event.time),
        "principal": event.principal,
        "source_address": event.address,
        "log_file": { "bucket": event.log.bucket, "key": event.log.key },
    })
}

pub(super) fn segment(segment: &Segment) -> Value {
    json!({
        "from": time(segment.from),
        "to": time(segment.to),
        "seconds": segment.seconds(),
        "coverage": segment.coverage.code(),
    })
}

pub(super) fn chain_summary(summary: &ChainSummary) -> Map<String, Value> {
    let mut value = Map::new();
    let (presence, last) = match &summary.presence {
        Presence::Present => ("present", None),
        Presence::Absent { last } => ("absent", *last),
        Presence::Ended { last } => ("ended", Some(*last)),
    };
    value.insert("chain".into(), chain(&summary.chain));
    value.insert("presence".into(), presence.into());
    value.insert("last_digest_before".into(), last.map_or(Value::Null, time));
    value.insert("coverage".into(), summary.segments.iter().map(segment).collect());
    value.insert("tail_allowed_seconds".into(), summary.tail_allowed.into());
    value.insert("counts".into(), counts(&summary.counts));
    value
}

pub(super) fn run_summary(summary: &RunSummary) -> Map<String, Value> {
    let mut value = Map::new();
    value.insert("verdict".into(), summary.verdict.words().into());
    value.insert("exit_status".into(), summary.verdict.exit_status().into());
    value.insert("chains".into(), summary.chains.into());
    value.insert("chains_ended".into(), summary.ended.into());
    value.insert("counts".into(), counts(&summary.counts));
    value.insert("coverage_seconds".into(), totals(&summary.coverage));
    value.insert("log_files_unlisted".into(), summary.unlisted.into());
    value.insert("listings_unread".into(), summary.listings_unread.into());
    value.insert("keys_passed_over".into(), summary.passed_over.into());
    value
}

fn totals(totals: &CoverageTotals) -> Value {
    let mut uncovered = Map::new();
    for (why, seconds) in &totals.uncovered {
        uncovered.insert(why.code().into(), (*seconds).into());
    }
    json!({
        "verified": totals.verified,
        "contradicted": totals.contradicted,
        "unverified": totals.unverified,
        "uncovered": uncovered,
    })
}

fn counts(counts: &Counts) -> Value {
    let tally = |tally: &Tally| {
        json!({
            "valid": tally.valid,
            "invalid": tally.invalid,
            "unverified": tally.unverified,
        })
    };
    json!({
        "digests": tally(&counts.digests),
        "backfill_digests": tally(&counts.backfill),
        "log_files": tally(&counts.logs),
        "chain_findings": counts.chain_findings,
        "stored_bytes": counts.stored_bytes,
        "inflated_bytes": counts.inflated_bytes,
    })
}

pub(super) fn time(at: Timestamp) -> Value {
    Value::String(at.to_string())
}
