//! Puts a case in order of time: its timeline, its affected objects, and its time without coverage.
use super::facts::Trouble;
use super::techniques::{Evidence, Judged};
use crate::report::case::model::{
    AffectedObject, CaseEvent, CaseSpan, KmsWrite, LogDiff, TimelineEntry, UnprovenLog,
};
use std::collections::BTreeSet;
use trailproof_core::codes::technique::{TimeIs, Witness};
use trailproof_core::coverage::Segment;
use trailproof_core::trail_event::{Change, TrailEvent};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::ObjectLocation;

/// Returns everything that happened, in order of time.
pub(super) fn timeline(
    evidence: &Evidence<'_>,
    judged: &Judged,
    diffs: &[LogDiff],
    unproven: &[UnprovenLog],
    kms: &[KmsWrite],
) -> Vec<TimelineEntry> {
    let (facts, name_of) = (evidence.record, evidence.name_of);
    let technique = |number: Option<usize>| {
        number.and_then(|number| judged.deeds.get(number)).map(|deed| deed.technique)
    };
    let mut lines = Vec::new();
    for (number, of) in evidence.events.iter().enumerate() {
        let CaseEvent { event, log, deed, not_tied, .. } = of;
        let Some(time) = event.time else { continue };
        let key = deed.as_ref().and_then(|deed| deed.key.as_ref());
        let target = key.map(|key| ObjectLocation::new(evidence.bucket, key).uri());
        lines.push(TimelineEntry {
            time,
            time_is: TimeIs::Event,
            what: event.name.clone(),
            who: event.principal.clone(),
            from_where: event.address.clone(),
            outcome: if event.error.is_empty() { "ok".to_owned() } else { event.error.clone() },
            target: target.or(event.resources.first().cloned()).unwrap_or_default(),
            witness: Witness::Proven,
            log_file: Some(log.at.clone()),
            digest: Some(log.digest.at.clone()),
            technique: deed.as_ref().and_then(|deed| deed.technique).filter(|_| not_tied.is_none()),
            finding: None,
            event: Some(number),
            not_tied: not_tied.filter(|_| deed.is_some()),
        });
    }
    let plain = |time, time_is, what: &str, target: String, witness| TimelineEntry {
        time,
        time_is,
        what: what.to_owned(),
        who: String::new(),
        from_where: String::new(),
        outcome: String::new(),
        target,
        witness,
        log_file: None,
        digest: None,
        technique: None,
        finding: None,
        event: None,
        not_tied: None,
    };
    for (affected, number) in facts.affected.iter().zip(&judged.of_affected) {
        let Some(time) = affected.time else { continue };
        let witness = match affected.trouble {
            Trouble::Finding(_) => Witness::Proven,
            Trouble::Unread(_) => Witness::Unproven,
        };
        let code = affected.trouble.code();
        let mut line = plain(time, TimeIs::Delivery, code, affected.at.uri(), witness);
        line.technique = technique(*number);
        line.finding = Some(code);
        line.digest = affected.recorded.as_ref().map(|(_, digest)| digest.clone());
        lines.push(line);
        let marker = evidence.versions.and_then(|seen| seen.get(&affected.at)?.marker);
        if let Some(marker) = marker {
            let mut line =
                plain(marker, TimeIs::Marker, "delete-marker", affected.at.uri(), Witness::Store);
            line.technique = technique(*number);
            lines.push(line);
        }
    }
    for unlisted in &facts.unlisted {
        let Some(time) = unlisted.last_modified.or(unlisted.time) else { continue };
        let mut line =
            plain(time, TimeIs::LastModified, "log-unlisted", unlisted.at.uri(), Witness::Store);
        line.finding = Some("log-unlisted");
        lines.push(line);
    }
    for chain in &facts.chains {
        let id = &chain.summary.chain;
        for segment in chain.uncovered() {
            let number = judged.of_span.get(&(id.clone(), segment.from)).copied();
            for (time, time_is) in
                [(segment.from, TimeIs::CoverageFrom), (segment.to, TimeIs::CoverageTo)]
            {
                let code = segment.coverage.code();
                let mut line = plain(time, time_is, code, name_of(id), Witness::Proven);
                line.technique = technique(number);
                line.finding = Some(code);
                lines.push(line);
            }
        }
    }
    for line in evidence.access {
        let request = TimelineEntry {
            who: line.requester.clone(),
            from_where: line.address.clone(),
            outcome: line.status.to_string(),
            ..plain(line.time, TimeIs::Request, &line.operation, line.at.uri(), Witness::Unsigned)
        };
        lines.push(request);
    }
    let differing = |event: &TrailEvent, at: &ObjectLocation, time_is, outcome: &str, witness| {
        Some(TimelineEntry {
            who: event.principal.clone(),
            from_where: event.address.clone(),
            outcome: outcome.to_owned(),
            ..plain(event.time?, time_is, &event.name, at.uri(), witness)
        })
    };
    for diff in diffs {
        let changes = diff.compared.iter().flat_map(|compared| &compared.changes);
        lines.extend(changes.filter_map(|it| {
            let (code, witness) = match it.change {
                Change::Added => ("event-added", Witness::Unproven),
                Change::Removed => ("event-removed", Witness::Proven),
                Change::Changed => ("event-changed", Witness::Proven),
            };
            let outcome = it.change.code();
            let line = differing(&it.event, &diff.at, TimeIs::Difference, outcome, witness)?;
            let digest = Some(diff.digest.clone()).filter(|_| witness == Witness::Proven);
            Some(TimelineEntry { finding: Some(code), digest, ..line })
        }));
    }
    // What verified log files have is there already, and proven.
    let proven: BTreeSet<&str> = evidence.events.iter().map(|it| it.event.id.as_str()).collect();
    let unsigned = evidence.history.iter().filter(|it| !proven.contains(it.event.id.as_str()));
    lines.extend(unsigned.filter_map(|it| {
        let event = &it.event;
        let outcome = if event.error.is_empty() { "unsigned" } else { &event.error };
        let target = event.resources.first().cloned().unwrap_or_default();
        let at = ObjectLocation::new("", "");
        let line = differing(event, &at, TimeIs::History, outcome, Witness::Unsigned)?;
        Some(TimelineEntry {
            target,
            technique: it.done().and_then(|deed| deed.technique),
            finding: it.missing.then_some("event-missing"),
            not_tied: it.not_tied,
            ..line
        })
    }));
    for log in unproven {
        lines.extend(log.events.iter().filter_map(|event| {
            let line = differing(event, &log.at, TimeIs::Claimed, "unproven", Witness::Unproven)?;
            Some(TimelineEntry { finding: Some("log-unlisted"), ..line })
        }));
    }
    for write in kms {
        let outcome = match write.is_there {
            Some(true) => "there",
            Some(false) => "gone",
            None => "",
        };
        lines.push(TimelineEntry {
            who: write.who.clone(),
            from_where: write.from_where.clone(),
            outcome: outcome.to_owned(),
            log_file: write.log.as_ref().map(|log| log.at.clone()),
            digest: write.log.as_ref().map(|log| log.digest.at.clone()),
            ..plain(write.time, TimeIs::Event, "GenerateDataKey", write.at.uri(), Witness::Unsigned)
        });
    }
    lines.sort();
    lines
}

/// Returns the affected objects, in order of their time.
pub(super) fn affected(evidence: &Evidence<'_>, judged: &Judged) -> Vec<AffectedObject> {
    let (versions, name_of) = (evidence.versions, evidence.name_of);
    let objects = evidence.record.affected.iter().zip(&judged.of_affected);
    let mut all: Vec<AffectedObject> = objects
        .map(|(affected, deed)| AffectedObject {
            at: affected.at.clone(),
            chain: name_of(&affected.chain),
            is_digest: affected.is_digest,
            time: affected.time,
            code: affected.trouble.code(),
            sha256: affected.recorded.as_ref().map(|(hash, _)| hash.clone()),
            digest: affected.recorded.as_ref().map(|(_, digest)| digest.clone()),
            versions: versions.and_then(|seen| Some(seen.get(&affected.at)?.class)),
            deed: *deed,
        })
        .collect();
    all.sort_by(|one, other| (one.time, &one.at).cmp(&(other.time, &other.at)));
    all
}

/// Returns the stretches of time without verified coverage, in order of time.
pub(super) fn spans(evidence: &Evidence<'_>, judged: &Judged) -> Vec<CaseSpan> {
    let mut spans = Vec::new();
    for chain in &evidence.record.chains {
        let id = &chain.summary.chain;
        for segment in chain.uncovered() {
            spans.push(CaseSpan {
                chain: (evidence.name_of)(id),
                from: segment.from,
                to: segment.to,
                coverage: segment.coverage.code(),
                deed: judged.of_span.get(&(id.clone(), segment.from)).copied(),
            });
        }
    }
    spans.sort_by(|one, other| (one.from, &one.chain).cmp(&(other.from, &other.chain)));
    spans
}

/// Returns the stretches that no version covers either, in order of time.
pub(super) fn lost<'s>(
    lost: impl Iterator<Item = &'s (ChainId, Segment)>,
    name_of: &dyn Fn(&ChainId) -> String,
) -> Vec<CaseSpan> {
    let span = |(chain, segment): &(ChainId, Segment)| CaseSpan {
        chain: name_of(chain),
        from: segment.from,
        to: segment.to,
        coverage: segment.coverage.code(),
        deed: None,
    };
    let mut spans: Vec<CaseSpan> = lost.map(span).collect();
    spans.sort_by(|one, other| (one.from, &one.chain).cmp(&(other.from, &other.chain)));
    spans
}
