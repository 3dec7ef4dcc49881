//! Makes a case of a record: searches the right log files, judges what they show, and puts
//! everything in order of time.
use super::access_logs::AccessLine;
use super::facts::{RecordFacts, Unattested, VersionTrace};
use super::search::{Confirm, EventSearch, OfRecord, ProvenLogsFrom, search};
use super::techniques::{Evidence, judge};
use super::ties::Ties;
use super::timeline::{affected, spans, timeline};
use crate::console::refusal::Refusal;
use crate::report::case::model::{CaseEvent, CaseReport};
use crate::report::events::EventsSearched;
use crate::report::names::ChainNames;
use crate::source::{ListRequest, ObjectSource, Pages};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use trailproof_core::codes::technique::{CaseNotice, NotTied};
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::{ProvenLog, ReadKind, RunStart, RunSummary};
use trailproof_core::trail_event::{
    DEED_NAMES, EventFilter, Explanations, KeptEvents, Recorded, TrailEvent, causes_of, deed,
};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::{CASE_EVENT_BYTES, CASE_EVENTS};
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

/// Objects of such a stretch that are named.
const LISTED: usize = 1_000;

/// Bytes of the fields of an event beside its JSON, about.
const FIELDS: usize = 1_024;

/// Names that pivoting searches for of each kind.
const PIVOTS: usize = 16;

/// What a case is made of.
pub(crate) struct CaseInput {
    pub(crate) record: PathBuf,
    /// What is needed to verify again what the record names; `None` if it was made for the case.
    pub(crate) confirm: Option<Confirm>,
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
    (input.facts.unattested, input.facts.unattested_capped) = unattested(&input).await;
    let end = input.start.period.end;
    let delivered = input.facts.to_search(input.lookback, end);
    let filter = EventFilter {
        names: DEED_NAMES.iter().map(|name| (*name).to_owned()).collect(),
        starved: true,
        ..EventFilter::default()
    };
    let mut gathered = Gathered::new(&input.bucket, Ties::of(&input.facts, &input.bucket));
    // Where nothing is wrong, only events by themselves can be deeds, and they may be anywhere.
    let delivered = (!delivered.is_empty()).then_some(delivered);
    let searched = gathered.search(&input, filter, delivered.clone(), false).await?;
    let mut complete = searched.is_complete();
    if input.pivot
        && let Some(filter) = gathered.pivots()
    {
        complete &= gathered.search(&input, filter, delivered, true).await?.is_complete();
    }
    Ok(report(input, gathered, searched, complete))
}

/// Lists the log files in stretches that no digest covers: CloudTrail may have gone on to deliver
/// while nothing attested it. Returns also whether there was more to list.
async fn unattested(input: &CaseInput) -> (BTreeMap<(ChainId, Timestamp), Unattested>, bool) {
    let (mut found, mut capped) = (BTreeMap::new(), false);
    let spans = input.facts.chains.iter().flat_map(|chain| {
        let spans = chain.uncovered().filter(|span| {
            !matches!(span.coverage, Coverage::Uncovered(Uncovered::DigestsMissing))
        });
        spans.map(move |span| (chain, span))
    });
    for (number, (chain, span)) in spans.enumerate() {
        if number == SPANS_LISTED {
            capped = true;
            break;
        }
        let id = &chain.summary.chain;
        let mut logs = Unattested::default();
        for folder in &chain.folders {
            let folder = folder.replace(&format!("/{DIGEST_FOLDER}/"), "/CloudTrail/");
            for day in 0.. {
                let at = span.from.plus(day * DAY);
                if at.date_folder() > span.to.date_folder() {
                    break;
                }
                if day == DAYS_LISTED {
                    capped = true;
                    break;
                }
                let prefix = format!("{folder}{}/", at.date_folder());
                let request = ListRequest::names(&input.bucket, &prefix);
                let mut pages = Pages::new(input.source.as_ref(), request);
                loop {
                    let page = match pages.next().await {
                        Ok(Some(page)) => page,
                        Ok(None) => break,
                        Err(_) => {
                            capped = true;
                            break;
                        }
                    };
                    let within = page.objects.iter().filter(|object| {
                        log_key_time(&object.key, &id.account, &id.source_region)
                            .is_some_and(|time| time >= span.from && time < span.to)
                    });
                    for object in within {
                        logs.count += 1;
                        if logs.first.len() < LISTED {
                            logs.first.push(ObjectLocation::new(&input.bucket, &object.key));
                        }
                    }
                }
            }
        }
        found.insert((id.clone(), span.from), logs);
    }
    (found, capped)
}

/// Events within a budget of their own. Beyond it, the last event of the most frequent name is
/// dropped, so that a flood of one name displaces no other.
#[derive(Default)]
struct KeptCaseEvents {
    /// With the bytes of each name's events.
    by_name: BTreeMap<String, (usize, Vec<CaseEvent>)>,
    bytes: usize,
    count: usize,
    capped: bool,
}

impl KeptCaseEvents {
    /// Adds an event; returns those that are dropped.
    fn add(&mut self, event: CaseEvent) -> Vec<CaseEvent> {
        let size = size(&event);
        let (bytes, events) = self.by_name.entry(event.event.name.clone()).or_default();
        *bytes += size;
        events.push(event);
        self.bytes += size;
        self.count += 1;
        let mut dropped = Vec::new();
        while self.bytes > CASE_EVENT_BYTES || self.count > CASE_EVENTS {
            let heavy = self.bytes > CASE_EVENT_BYTES;
            let most = self.by_name.values_mut().max_by_key(|(bytes, events)| match heavy {
                true => *bytes,
                false => events.len(),
            });
            let Some((bytes, events)) = most else { break };
            let Some(event) = events.pop() else { break };
            let size = self::size(&event);
            *bytes = bytes.saturating_sub(size);
            self.bytes = self.bytes.saturating_sub(size);
            self.count -= 1;
            self.capped = true;
            dropped.push(event);
        }
        dropped
    }

    fn into_events(self) -> impl Iterator<Item = CaseEvent> {
        self.by_name.into_values().flat_map(|(_, events)| events)
    }
}

/// Returns about how many bytes an event takes: its JSON, and its fields once more.
fn size(event: &CaseEvent) -> usize {
    event.event.json.len() + event.event.resources.iter().map(String::len).sum::<usize>() + FIELDS
}

/// The events that were found.
struct Gathered {
    bucket: String,
    ties: Ties,
    /// What was done to the evidence.
    done: KeptCaseEvents,
    /// Attempts, events that are not about the evidence, and what pivoting finds.
    context: KeptCaseEvents,
    seen: BTreeSet<String>,
    data_events: bool,
}

impl Gathered {
    fn new(bucket: &str, ties: Ties) -> Self {
        Self {
            bucket: bucket.to_owned(),
            ties,
            done: KeptCaseEvents::default(),
            context: KeptCaseEvents::default(),
            seen: BTreeSet::new(),
            data_events: false,
        }
    }

    async fn search(
        &mut self,
        input: &CaseInput,
        filter: EventFilter,
        delivered: Option<Vec<(Timestamp, Timestamp)>>,
        every: bool,
    ) -> Result<EventsSearched, Refusal> {
        let from = ProvenLogsFrom::Record(OfRecord {
            path: input.record.clone(),
            sha256: input.record_sha256.clone(),
            confirm: input.confirm.clone(),
        });
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
    fn take(&mut self, event: &TrailEvent, log: &ProvenLog, every: bool) {
        self.data_events |= is_data_event_of(event, &self.bucket);
        let recorded = Recorded { log: &log.at, chain: &log.digest.chain, bucket: &self.bucket };
        let judged = deed(event, recorded);
        if judged.is_none() && !every {
            return;
        }
        // The same event may be in the log files of two trails.
        if !event.id.is_empty() && !self.seen.insert(event.id.clone()) {
            return;
        }
        let not_tied = match &judged {
            Some(deed) => self.ties.not_tied(deed),
            None => Some(NotTied::OtherResource),
        };
        let event = CaseEvent { event: event.clone(), log: log.clone(), deed: judged, not_tied };
        let kept = if event.done().is_some() { &mut self.done } else { &mut self.context };
        for dropped in kept.add(event) {
            self.seen.remove(&dropped.event.id);
        }
    }

    /// Returns what to search for beside the deeds: everything by the same access keys, or else by
    /// the same callers.
    fn pivots(&self) -> Option<EventFilter> {
        let of_deeds = || {
            let events = self.done.by_name.values().flat_map(|(_, events)| events);
            events.filter(|event| event.technique().is_some())
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

/// Returns whether an event is a data event of this bucket.
fn is_data_event_of(event: &TrailEvent, bucket: &str) -> bool {
    event.category == "Data" && event.source == "s3.amazonaws.com" && {
        let json: Option<Value> = serde_json::from_str(&event.json).ok();
        json.is_some_and(|json| {
            json.pointer("/requestParameters/bucketName").and_then(Value::as_str) == Some(bucket)
        })
    }
}

fn report(
    input: CaseInput,
    gathered: Gathered,
    searched: EventsSearched,
    complete: bool,
) -> CaseReport {
    let Gathered { done, context, data_events, .. } = gathered;
    let capped = done.capped || context.capped;
    let mut events: Vec<CaseEvent> = done.into_events().chain(context.into_events()).collect();
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
    let mut causes = KeptEvents::new(CAUSES);
    for CaseEvent { event, log, .. } in events.iter().filter(|event| event.done().is_some()) {
        let recorded = Recorded { log: &log.at, chain: &log.digest.chain, bucket: &input.bucket };
        causes_of(event, recorded).into_iter().for_each(|cause| causes.take(cause));
    }
    let explanations = Explanations::new(&causes, &chains);
    let evidence = Evidence {
        record: facts,
        events: &events,
        explanations: &explanations,
        access: &input.access,
        versions: input.versions.as_ref(),
        data_events,
        is_copy: input.start.place.read_from.iter().any(|from| from.kind != ReadKind::Bucket),
        bucket: &input.bucket,
        now: input
            .start
            .tail_allowed_from
            .map_or(input.start.period.end, |from| from.plus(2 * HOUR)),
        name_of: &name_of,
    };
    let judged = judge(&evidence);
    let timeline = timeline(&evidence, &judged);
    let affected = affected(&evidence, &judged);
    let spans = spans(&evidence, &judged);
    let mut notices = BTreeSet::new();
    let touched = !facts.affected.is_empty() || !facts.unlisted.is_empty();
    for (applies, notice) in [
        (touched && !data_events, CaseNotice::NoDataEvents),
        (capped || judged.capped, CaseNotice::EventsCapped),
        (facts.left_out > 0, CaseNotice::ObjectsCapped),
        (input.access_capped, CaseNotice::AccessLogsCapped),
        (touched && input.versions.is_none(), CaseNotice::VersionsNotRead),
        (!complete, CaseNotice::SearchIncomplete),
        (input.confirm.is_some(), CaseNotice::RecordTrusted),
        (facts.unattested_capped, CaseNotice::GapsNotListed),
    ] {
        if applies {
            notices.insert(notice);
        }
    }
    let mut context = BTreeMap::new();
    for event in events.iter().filter(|event| !event.is_attempt()) {
        let technique = event.deed.as_ref().and_then(|deed| deed.technique);
        if let Some(kind) = technique.zip(event.not_tied) {
            *context.entry(kind).or_default() += 1;
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
        context,
        timeline,
        events,
        affected,
        spans,
        searched,
        notices: notices.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::digest::judge::Proofs;
    use trailproof_core::record::CarryingDigest;
    use trailproof_core::vocab::key_layout::DigestKind;

    fn event(name: &str, number: usize, bytes: usize) -> CaseEvent {
        let at = Timestamp::from_unix(0);
        let chain = ChainId {
            account: "111122223333".parse().unwrap(),
            source_region: "us-east-1".parse().unwrap(),
            trail: "t".parse().unwrap(),
            home_region: "us-east-1".parse().unwrap(),
            organization: None,
        };
        let digest = CarryingDigest {
            chain,
            at: ObjectLocation::new("b", "digest"),
            kind: DigestKind::Standard,
            start: at,
            end: at,
            hash: [0; 32],
            proofs: Proofs::default(),
            fingerprint: String::new(),
        };
        let json = serde_json::json!({"eventName": name, "filler": "x".repeat(bytes)});
        let content = serde_json::json!({"Records": [json]}).to_string();
        let mut found = EventFilter::default().search(content.as_bytes()).unwrap().events;
        let event = TrailEvent { id: number.to_string(), ..found.remove(0) };
        let log = ProvenLog {
            at: ObjectLocation::new("b", "log"),
            hash: [0; 32],
            digest: Arc::new(digest),
        };
        CaseEvent { event, log, deed: None, not_tied: None }
    }

    /// A flood of one kind, many small or few large, displaces only its own kind.
    #[test]
    fn a_flood_of_one_name_displaces_no_other() {
        for (count, bytes) in [(CASE_EVENTS + 50, 0), (50, CASE_EVENT_BYTES / 40)] {
            let mut kept = KeptCaseEvents::default();
            kept.add(event("StopLogging", 0, 10));
            let mut dropped = 0;
            for number in 0..count {
                dropped += kept.add(event("PutBucketPolicy", number, bytes)).len();
            }
            dropped += kept.add(event("DeleteTrail", count, 10)).len();
            assert!(kept.capped && dropped > 0 && kept.bytes <= CASE_EVENT_BYTES);
            assert!(kept.count <= CASE_EVENTS);
            assert_eq!(kept.count + dropped, count + 2);
            let names: BTreeSet<String> =
                kept.into_events().map(|event| event.event.name).collect();
            assert!(names.contains("StopLogging") && names.contains("DeleteTrail"), "{names:?}");
        }
    }
}
