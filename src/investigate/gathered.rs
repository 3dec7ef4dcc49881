//! What a case is made of, and the events that are gathered for it, within budgets.
use super::access_logs::AccessLogs;
use super::facts::{RecordFacts, VersionTrace};
use super::history::{AskHistory, History, VerifiedEvents};
use super::kms_ledger::KmsLedger;
use super::search::{Confirm, DELIVERED_WITHIN, EventSearch, OfRecord, ProvenLogsFrom, search};
use super::ties::Ties;
use crate::console::refusal::Refusal;
use crate::report::case::model::CaseEvent;
use crate::report::events::{EventHit, EventsSearched};
use crate::source::ObjectSource;
use crate::trust::KeyService;
use crate::verify::plan::VerifyPlan;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::technique::NotTied;
use trailproof_core::coverage::Segment;
use trailproof_core::record::{ProvenLog, RunStart};
use trailproof_core::trail_event::{EventFilter, TrailEvent};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::{CASE_EVENT_BYTES, CASE_EVENTS};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;
/// Bytes of the fields of an event beside its JSON, about.
const FIELDS: usize = 1_024;

/// Names that pivoting searches for of each kind.
const PIVOTS: usize = 16;

/// What only older versions prove.
pub(crate) struct Regained {
    /// Shows these versions.
    pub(crate) source: Arc<dyn ObjectSource>,
    pub(crate) logs: Vec<ProvenLog>,
    /// Objects that were replaced.
    pub(crate) replaced: BTreeSet<ObjectLocation>,
    /// Whether there are more of them.
    pub(crate) capped: bool,
    /// Time that no version covers either; `None` if that is not known.
    pub(crate) lost: Option<Vec<(ChainId, Segment)>>,
}

/// Evidence of another trail, which is verified when it is searched.
pub(crate) struct Also {
    /// The location as it was named.
    pub(crate) location: String,
    pub(crate) source: Arc<dyn ObjectSource>,
    pub(crate) local: bool,
    pub(crate) plan: VerifyPlan,
    pub(crate) keys: Arc<dyn KeyService>,
}

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
    pub(crate) access: AccessLogs,
    /// What the versions of the affected objects show; `None` if they were not read.
    pub(crate) versions: Option<BTreeMap<ObjectLocation, VersionTrace>>,
    /// Why versions, or some of them, could not be listed.
    pub(crate) versions_unread: Option<ReadFailure>,
    /// Whether some versions were not tried.
    pub(crate) versions_untried: bool,
    /// Evidence of other trails.
    pub(crate) also: Vec<Also>,
    /// Events of KMS that nobody signed.
    pub(crate) kms_events: Vec<TrailEvent>,
    /// Event history, if it is to be asked.
    pub(crate) history: Option<AskHistory>,
    /// What only versions prove, if they were read.
    pub(crate) regained: Option<Regained>,
    /// The verdict over the versions that are left, if they were read.
    pub(crate) with_versions: Option<Verdict>,
    /// Seconds before each effect in which a cause is looked for.
    pub(crate) lookback: i64,
    /// Whether everything else that the callers of deeds did is added.
    pub(crate) pivot: bool,
}

/// Events within a budget of their own. Beyond it, the last event of the most frequent name is
/// dropped, so that a flood of one name displaces no other.
#[derive(Default)]
pub(super) struct KeptCaseEvents {
    /// With the bytes of each name's events.
    by_name: BTreeMap<String, (usize, Vec<CaseEvent>)>,
    bytes: usize,
    count: usize,
    pub(super) capped: bool,
    /// Names of events that were dropped.
    pub(super) dropped: BTreeSet<String>,
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
            if !self.dropped.contains(&event.event.name) {
                self.dropped.insert(event.event.name.clone());
            }
            dropped.push(event);
        }
        dropped
    }

    pub(super) fn into_events(self) -> impl Iterator<Item = CaseEvent> {
        self.by_name.into_values().flat_map(|(_, events)| events)
    }
}

/// Returns about how many bytes an event takes: its JSON, and its fields once more.
fn size(event: &CaseEvent) -> usize {
    event.event.json.len() + event.event.resources.iter().map(String::len).sum::<usize>() + FIELDS
}

/// The events that were found.
pub(super) struct Gathered {
    bucket: String,
    ties: Ties,
    /// What was done to the evidence.
    pub(super) done: KeptCaseEvents,
    /// Attempts, events that are not about the evidence, and what pivoting finds.
    pub(super) context: KeptCaseEvents,
    seen: BTreeSet<String>,
    pub(super) data_events: bool,
    pub(super) kms: KmsLedger,
}

impl Gathered {
    pub(super) fn new(bucket: &str, ties: Ties, kms: KmsLedger) -> Self {
        Self {
            bucket: bucket.to_owned(),
            ties,
            done: KeptCaseEvents::default(),
            context: KeptCaseEvents::default(),
            seen: BTreeSet::new(),
            data_events: false,
            kms,
        }
    }

    pub(super) async fn search(
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
            self.take(hit.event, hit.log, every, false);
            Ok(())
        })
        .await
    }

    /// Verifies the evidence of another trail, and searches it.
    pub(super) async fn search_also(
        &mut self,
        also: &Also,
        filter: EventFilter,
        every: bool,
    ) -> Result<EventsSearched, Refusal> {
        let to_search = EventSearch {
            source: Arc::clone(&also.source),
            local: also.local,
            from: ProvenLogsFrom::Digests(Box::new(also.plan.clone()), Arc::clone(&also.keys)),
            filter,
            after: None,
            delivered: None,
        };
        search(to_search, &mut |hit| {
            self.take(hit.event, hit.log, every, false);
            Ok(())
        })
        .await
    }

    /// Asks Event history, and holds what it tells against the verified log files.
    pub(super) async fn ask_history(
        &self,
        ask: &AskHistory,
        input: &CaseInput,
    ) -> Result<History, Refusal> {
        let facts = &input.facts;
        let mut history = ask.ask(facts, &self.ties, &input.bucket, input.lookback).await;
        let times = || history.events.iter().filter_map(|it| it.event.time);
        let (true, Some(from), Some(last)) = (ask.every, times().min(), times().max()) else {
            return Ok(history);
        };
        let window = (from, last.plus(1));
        let filter = EventFilter { from: Some(from), to: Some(window.1), ..EventFilter::default() };
        let mut verified = VerifiedEvents::default();
        let from = |confirm| {
            ProvenLogsFrom::Record(OfRecord {
                path: input.record.clone(),
                sha256: input.record_sha256.clone(),
                confirm,
            })
        };
        let to_search = EventSearch {
            source: Arc::clone(&input.source),
            local: input.local,
            from: from(input.confirm.clone()),
            filter: filter.clone(),
            after: None,
            delivered: None,
        };
        let mut complete = true;
        let mut take = |hit: EventHit<'_>| {
            verified.take(hit.event);
            Ok(())
        };
        complete &= search(to_search, &mut take).await?.is_whole();
        if let Some(regained) = &input.regained {
            let to_search = EventSearch {
                source: Arc::clone(&regained.source),
                local: false,
                from: ProvenLogsFrom::Run(regained.logs.clone()),
                filter,
                after: None,
                delivered: None,
            };
            complete &= search(to_search, &mut take).await?.is_whole();
        }
        // What could not be read or kept may have any event.
        if complete && !verified.capped {
            history.mark_missing(facts, &verified, DELIVERED_WITHIN, &[window]);
        }
        Ok(history)
    }

    /// Searches the log files that only versions prove.
    pub(super) async fn search_again(
        &mut self,
        regained: &Regained,
        filter: EventFilter,
        every: bool,
    ) -> Result<EventsSearched, Refusal> {
        let to_search = EventSearch {
            source: Arc::clone(&regained.source),
            local: false,
            from: ProvenLogsFrom::Run(regained.logs.clone()),
            filter,
            after: None,
            delivered: None,
        };
        search(to_search, &mut |hit| {
            self.take(hit.event, hit.log, every, true);
            Ok(())
        })
        .await
    }

    /// Takes an event that was found. Unless `every` is set, only deeds are kept.
    fn take(&mut self, event: &TrailEvent, log: &ProvenLog, every: bool, by_versions: bool) {
        self.data_events |= is_data_event_of(event, &self.bucket);
        if self.kms.take(event, Some(log)) && !every {
            return;
        }
        let judged = self.ties.judge(event, &log.at, &log.digest.chain);
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
        let (event, log) = (event.clone(), log.clone());
        let event = CaseEvent { event, log, deed: judged, by_versions, not_tied };
        let kept = if event.done().is_some() { &mut self.done } else { &mut self.context };
        for dropped in kept.add(event) {
            self.seen.remove(&dropped.event.id);
        }
    }

    /// Returns what to search for beside the deeds: everything by the same access keys, or else by
    /// the same callers.
    pub(super) fn pivots(&self) -> Option<EventFilter> {
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
        CaseEvent { event, log, deed: None, by_versions: false, not_tied: None }
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
            assert_eq!(kept.dropped, BTreeSet::from(["PutBucketPolicy".to_owned()]));
            assert!(kept.count <= CASE_EVENTS);
            assert_eq!(kept.count + dropped, count + 2);
            let names: BTreeSet<String> =
                kept.into_events().map(|event| event.event.name).collect();
            assert!(names.contains("StopLogging") && names.contains("DeleteTrail"), "{names:?}");
        }
    }
}
