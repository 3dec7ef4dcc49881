//! Makes a case of a record: searches the right log files, judges what they show, and puts
//! everything in order of time.
use super::access_logs::AccessLine;
use super::facts::{RecordFacts, Trouble, VersionTrace};
use super::search::{EventSearch, ProvenLogsFrom, search};
use super::techniques::{Evidence, Judged, judge};
use crate::console::refusal::Refusal;
use crate::report::case::model::{AffectedObject, CaseEvent, CaseReport, CaseSpan, TimelineEntry};
use crate::report::events::EventsSearched;
use crate::report::names::ChainNames;
use crate::source::{ListRequest, ObjectSource, Pages};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use trailproof_core::codes::technique::{CaseNotice, TimeIs, Witness};
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::{RunStart, RunSummary};
use trailproof_core::trail_event::{
    DEED_NAMES, EventFilter, Explanations, KeptEvents, Recorded, TrailEvent, causes_of, deed,
};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::CASE_EVENTS;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::DIGEST_FOLDER;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::log_key::log_key_time;
use trailproof_core::vocab::time::{DAY, HOUR, Timestamp};

/// Events that explain a stretch and are kept.
const CAUSES: usize = 100_000;

/// Stretches without digests, and days of each, whose folders are listed.
const SPANS_LISTED: usize = 256;
const DAYS_LISTED: i64 = 8;

/// Names that pivoting searches for of each kind.
const PIVOTS: usize = 16;

/// What a case is made of.
pub(crate) struct CaseInput {
    pub(crate) record: PathBuf,
    pub(crate) record_sha256: String,
    pub(crate) start: RunStart,
    pub(crate) facts: RecordFacts,
    pub(crate) source: Arc<dyn ObjectSource>,
    /// Whether log files are read from a disk.
    pub(crate) local: bool,
    pub(crate) bucket: String,
    pub(crate) access: Vec<AccessLine>,
    pub(crate) access_capped: bool,
    /// What the versions of the affected objects show; `None` if they were not read.
    pub(crate) versions: Option<BTreeMap<ObjectLocation, VersionTrace>>,
    /// The verdict over the versions that are left, if they were read.
    pub(crate) with_versions: Option<Verdict>,
    /// Seconds before each effect in which a cause is looked for.
    pub(crate) lookback: i64,
    /// Whether everything else that the callers of deeds did is added.
    pub(crate) pivot: bool,
}

/// Makes the case.
pub(crate) async fn investigate(mut input: CaseInput) -> Result<CaseReport, Refusal> {
    input.facts.unattested = unattested(&input).await;
    let end = input.start.period.end;
    let delivered = input.facts.to_search(input.lookback, end);
    let filter = EventFilter {
        names: DEED_NAMES.iter().map(|name| (*name).to_owned()).collect(),
        starved: true,
        ..EventFilter::default()
    };
    let mut gathered = Gathered::new(&input.bucket);
    // Where nothing is wrong, only events by themselves can be deeds, and they may be anywhere.
    let delivered = (!delivered.is_empty()).then_some(delivered);
    let searched = gathered.search(&input, filter, delivered.clone(), false).await?;
    if input.pivot
        && let Some(filter) = gathered.pivots()
    {
        gathered.search(&input, filter, delivered, true).await?;
    }
    Ok(report(input, gathered, searched))
}

/// Lists the log files in stretches that no digest covers: CloudTrail may have gone on to deliver
/// while nothing attested it. A listing that fails tells nothing.
async fn unattested(input: &CaseInput) -> BTreeMap<(ChainId, Timestamp), u64> {
    let mut found = BTreeMap::new();
    let spans = input.facts.chains.iter().flat_map(|chain| {
        let spans = chain.uncovered().filter(|span| {
            !matches!(span.coverage, Coverage::Uncovered(Uncovered::DigestsMissing))
        });
        spans.map(move |span| (chain, span))
    });
    for (chain, span) in spans.take(SPANS_LISTED) {
        let id = &chain.summary.chain;
        let mut logs = 0;
        for folder in &chain.folders {
            let folder = folder.replace(&format!("/{DIGEST_FOLDER}/"), "/CloudTrail/");
            for day in 0..DAYS_LISTED {
                let at = span.from.plus(day * DAY);
                if at.date_folder() > span.to.date_folder() {
                    break;
                }
                let prefix = format!("{folder}{}/", at.date_folder());
                let request = ListRequest::names(&input.bucket, &prefix);
                let mut pages = Pages::new(input.source.as_ref(), request);
                while let Ok(Some(page)) = pages.next().await {
                    let named = page.objects.iter().filter_map(|object| {
                        log_key_time(&object.key, &id.account, &id.source_region)
                    });
                    let within = named.filter(|time| *time >= span.from && *time < span.to);
                    logs += u64::try_from(within.count()).unwrap_or(u64::MAX);
                }
            }
        }
        found.insert((id.clone(), span.from), logs);
    }
    found
}

/// The events that were found.
struct Gathered {
    bucket: String,
    events: Vec<CaseEvent>,
    seen: BTreeSet<String>,
    causes: KeptEvents,
    data_events: bool,
    capped: bool,
}

impl Gathered {
    fn new(bucket: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            events: Vec::new(),
            seen: BTreeSet::new(),
            causes: KeptEvents::new(CAUSES),
            data_events: false,
            capped: false,
        }
    }

    async fn search(
        &mut self,
        input: &CaseInput,
        filter: EventFilter,
        delivered: Option<Vec<(Timestamp, Timestamp)>>,
        every: bool,
    ) -> Result<EventsSearched, Refusal> {
        let from = ProvenLogsFrom::Record(input.record.clone(), input.record_sha256.clone());
        let to_search = EventSearch {
            source: Arc::clone(&input.source),
            local: input.local,
            from,
            filter,
            after: None,
            delivered,
        };
        search(to_search, &mut |hit| {
            self.take(hit.event, hit.log, every);
            Ok(())
        })
        .await
    }

    /// Takes an event that was found. Unless `every` is set, only deeds are kept.
    fn take(&mut self, event: &TrailEvent, log: &trailproof_core::record::ProvenLog, every: bool) {
        self.data_events |= event.category == "Data" && event.source == "s3.amazonaws.com";
        let recorded = Recorded { log: &log.at, chain: &log.digest.chain, bucket: &self.bucket };
        for cause in causes_of(event, recorded) {
            self.causes.take(cause);
        }
        let judged = deed(event, recorded);
        if judged.is_none() && !every {
            return;
        }
        // The same event may be in the log files of two trails.
        if !event.id.is_empty() && !self.seen.insert(event.id.clone()) {
            return;
        }
        if self.events.len() >= CASE_EVENTS {
            self.capped = true;
            return;
        }
        self.events.push(CaseEvent { event: event.clone(), log: log.clone(), deed: judged });
    }

    /// Returns what to search for beside the deeds: everything by the same access keys, or else by
    /// the same callers.
    fn pivots(&self) -> Option<EventFilter> {
        let of_deeds = || {
            self.events
                .iter()
                .filter(|event| event.deed.as_ref().is_some_and(|deed| deed.technique.is_some()))
        };
        let few = |texts: BTreeSet<&str>| -> Vec<String> {
            let texts = texts.into_iter().filter(|text| !text.is_empty());
            texts.take(PIVOTS).map(str::to_owned).collect()
        };
        let keys = few(of_deeds().map(|event| event.event.access_key.as_str()).collect());
        let mut filter = EventFilter::default();
        if keys.is_empty() {
            filter.principals =
                few(of_deeds().map(|event| event.event.principal.as_str()).collect());
        } else {
            filter.access_keys = keys;
        }
        let set = !filter.access_keys.is_empty() || !filter.principals.is_empty();
        set.then_some(filter)
    }
}

fn report(input: CaseInput, gathered: Gathered, searched: EventsSearched) -> CaseReport {
    let Gathered { mut events, causes, data_events, capped, .. } = gathered;
    events.sort_by(|one, other| {
        (one.event.time, &one.event.id, &one.log.at).cmp(&(
            other.event.time,
            &other.event.id,
            &other.log.at,
        ))
    });
    let facts = &input.facts;
    let chains: BTreeSet<ChainId> =
        facts.chains.iter().map(|chain| chain.summary.chain.clone()).collect();
    let names = ChainNames::of(&chains);
    let name_of = |chain: &ChainId| names.name(chain);
    let explanations = Explanations::new(&causes, &chains);
    let evidence = Evidence {
        record: facts,
        events: &events,
        explanations: &explanations,
        access: &input.access,
        versions: input.versions.as_ref(),
        data_events,
        bucket: &input.bucket,
        now: input
            .start
            .tail_allowed_from
            .map_or(input.start.period.end, |from| from.plus(2 * HOUR)),
        name_of: &name_of,
    };
    let judged = judge(&evidence);
    let timeline = timeline(&input, &events, &judged, &name_of);
    let affected = affected(facts, &judged, &name_of, input.versions.as_ref());
    let spans = spans(facts, &judged, &name_of);
    let mut notices = BTreeSet::new();
    let touched = !facts.affected.is_empty() || !facts.unlisted.is_empty();
    for (applies, notice) in [
        (touched && !data_events, CaseNotice::NoDataEvents),
        (capped, CaseNotice::EventsCapped),
        (facts.left_out > 0, CaseNotice::ObjectsCapped),
        (input.access_capped, CaseNotice::AccessLogsCapped),
        (touched && input.versions.is_none(), CaseNotice::VersionsNotRead),
        (!searched.is_complete() && searched.chains > 0, CaseNotice::SearchIncomplete),
    ] {
        if applies {
            notices.insert(notice);
        }
    }
    let verdict = facts.summary.as_ref().map(|summary: &RunSummary| summary.verdict);
    CaseReport {
        place: input.start.place.clone(),
        period: input.start.period,
        trails: input.start.trails.clone(),
        accounts: input.start.accounts.clone(),
        regions: input.start.regions.clone(),
        record_sha256: input.record_sha256,
        verdict: verdict.unwrap_or(Verdict::NotProven),
        with_versions: input.with_versions,
        deeds: judged.deeds,
        timeline,
        events,
        affected,
        spans,
        searched,
        notices: notices.into_iter().collect(),
    }
}

fn timeline(
    input: &CaseInput,
    events: &[CaseEvent],
    judged: &Judged,
    name_of: &dyn Fn(&ChainId) -> String,
) -> Vec<TimelineEntry> {
    let facts = &input.facts;
    let uri = |at: &ObjectLocation| format!("s3://{}/{}", at.bucket, at.key);
    let technique = |number: Option<usize>| {
        number.and_then(|number| judged.deeds.get(number)).map(|deed| deed.technique)
    };
    let mut lines = Vec::new();
    for (number, CaseEvent { event, log, deed }) in events.iter().enumerate() {
        let Some(time) = event.time else { continue };
        let key = deed.as_ref().and_then(|deed| deed.key.as_ref());
        let target = key.map(|key| format!("s3://{}/{key}", input.bucket));
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
            technique: deed.as_ref().and_then(|deed| deed.technique),
            finding: None,
            event: Some(number),
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
    };
    for (affected, number) in facts.affected.iter().zip(&judged.of_affected) {
        let Some(time) = affected.time else { continue };
        let witness = match affected.trouble {
            Trouble::Finding(_) => Witness::Proven,
            Trouble::Unread(_) => Witness::Unproven,
        };
        let code = affected.trouble.code();
        let mut line = plain(time, TimeIs::Delivery, code, uri(&affected.at), witness);
        line.technique = technique(*number);
        line.finding = Some(code);
        line.digest = affected.recorded.as_ref().map(|(_, digest)| digest.clone());
        lines.push(line);
        let marker = input.versions.as_ref().and_then(|seen| seen.get(&affected.at)?.marker);
        if let Some(marker) = marker {
            let mut line =
                plain(marker, TimeIs::Marker, "delete-marker", uri(&affected.at), Witness::Store);
            line.technique = technique(*number);
            lines.push(line);
        }
    }
    for unlisted in &facts.unlisted {
        let Some(time) = unlisted.last_modified.or(unlisted.time) else { continue };
        let mut line =
            plain(time, TimeIs::LastModified, "log-unlisted", uri(&unlisted.at), Witness::Store);
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
    for line in &input.access {
        let request = TimelineEntry {
            who: line.requester.clone(),
            from_where: line.address.clone(),
            outcome: line.status.to_string(),
            ..plain(line.time, TimeIs::Request, &line.operation, uri(&line.at), Witness::Unsigned)
        };
        lines.push(request);
    }
    lines.sort();
    lines
}

fn affected(
    facts: &RecordFacts,
    judged: &Judged,
    name_of: &dyn Fn(&ChainId) -> String,
    versions: Option<&BTreeMap<ObjectLocation, VersionTrace>>,
) -> Vec<AffectedObject> {
    let objects = facts.affected.iter().zip(&judged.of_affected);
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

fn spans(
    facts: &RecordFacts,
    judged: &Judged,
    name_of: &dyn Fn(&ChainId) -> String,
) -> Vec<CaseSpan> {
    let mut spans = Vec::new();
    for chain in &facts.chains {
        let id = &chain.summary.chain;
        for segment in chain.uncovered() {
            spans.push(CaseSpan {
                chain: name_of(id),
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
