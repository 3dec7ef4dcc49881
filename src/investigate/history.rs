//! Event history as a second witness: what happened in time that no digest covers, and events of
//! verified time that no verified log file has.
//!
//! Nobody signed it, and it is that of the caller's account alone. So it is never enough for a deed to
//! be shown.
use super::facts::RecordFacts;
use super::ties::Ties;
use crate::report::case::model::HistoryEvent;
use crate::trust::{EventHistory, HistoryRequest};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;
use trailproof_core::coverage::Coverage;
use trailproof_core::trail_event::{DEED_NAMES, EventFilter, TrailEvent};
use trailproof_core::vocab::budget::{
    CASE_EVENT_BYTES, HISTORY_EVENTS, HISTORY_IDS, HISTORY_PAGES, HISTORY_REQUESTS,
};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{DAY, HOUR, Timestamp};

/// AWS answers two requests a second of an account and region.
pub(crate) const PACE: Duration = Duration::from_millis(500);

/// How far back Event history goes.
const KEPT: i64 = 90 * DAY;

/// Where the calls of services without a region of their own are recorded.
const GLOBAL: &str = "us-east-1";

/// Event history, and what is asked of it.
pub(crate) struct AskHistory {
    pub(crate) service: Arc<dyn EventHistory>,
    /// Whether everything is asked for, and not only what may be a cause.
    pub(crate) every: bool,
    /// Time between two requests.
    pub(crate) pace: Duration,
    pub(crate) now: Timestamp,
}

/// What Event history told.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) events: Vec<HistoryEvent>,
    bytes: usize,
    /// Whether something could not be read.
    pub(crate) unread: bool,
    /// Whether there is more than is kept.
    pub(crate) capped: bool,
    /// Whether a part of the time is before what Event history keeps.
    pub(crate) too_old: bool,
    /// Whether there are events of accounts that are not in the record.
    pub(crate) other_account: bool,
}

/// Time without digests, merged and in order.
type Windows = Vec<(Timestamp, Timestamp)>;

impl AskHistory {
    /// Asks about all time of the record that no digest covers: an hour more on either side, or
    /// `lookback` seconds if everything is asked for.
    pub(super) async fn ask(
        &self,
        facts: &RecordFacts,
        ties: &Ties,
        bucket: &str,
        lookback: i64,
    ) -> History {
        let mut history = History::default();
        let around = if self.every { lookback.max(HOUR) } else { HOUR };
        let mut windows = windows(facts, around);
        let oldest = self.now.plus(-KEPT);
        history.too_old = windows.iter().any(|(from, _)| *from < oldest);
        windows.iter_mut().for_each(|(_, to)| *to = (*to).min(self.now));
        windows.retain(|(from, to)| from < to);
        let names: Vec<Option<&str>> = match self.every {
            true => vec![None],
            false => management_deeds().map(Some).collect(),
        };
        let mut seen = BTreeSet::new();
        let mut requests = 0;
        let mut paced = tokio::time::interval(self.pace.max(Duration::from_nanos(1)));
        paced.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for region in regions(facts) {
            for (from, to) in &windows {
                for name in &names {
                    let mut request = HistoryRequest {
                        region: region.clone(),
                        name: name.map(str::to_owned),
                        from: *from,
                        to: *to,
                        next: None,
                    };
                    let mut tokens = HashSet::new();
                    for page in 0.. {
                        if page == HISTORY_PAGES
                            || requests == HISTORY_REQUESTS
                            || history.is_full()
                        {
                            history.capped = true;
                            break;
                        }
                        requests += 1;
                        paced.tick().await;
                        let Ok(page) = self.service.events(&request).await else {
                            history.unread = true;
                            break;
                        };
                        for text in &page.events {
                            history.take(text, &region, facts, ties, bucket, &mut seen);
                        }
                        match page.next {
                            // A token that was seen before is a loop.
                            Some(next) if !tokens.insert(hash(&next)) => {
                                history.unread = true;
                                break;
                            }
                            Some(next) => request.next = Some(next),
                            None => break,
                        }
                    }
                }
            }
        }
        history.events.sort_by(|one, other| {
            (one.event.time, &one.event.id).cmp(&(other.event.time, &other.event.id))
        });
        history
    }
}

impl History {
    fn is_full(&self) -> bool {
        self.events.len() >= HISTORY_EVENTS || self.bytes >= CASE_EVENT_BYTES
    }

    fn take(
        &mut self,
        text: &str,
        region: &Region,
        facts: &RecordFacts,
        ties: &Ties,
        bucket: &str,
        seen: &mut BTreeSet<String>,
    ) {
        let content = format!("{{\"Records\":[{text}]}}");
        let found = EventFilter::default().search(content.as_bytes()).unwrap_or_default();
        // More than one would come from a text that is no single event.
        let ([event], 0) = (found.events.as_slice(), found.unparsed) else {
            self.unread = true;
            return;
        };
        if event.id.is_empty() || !seen.insert(event.id.clone()) {
            return;
        }
        let chains = || facts.chains.iter().map(|chain| &chain.summary.chain);
        let of_account = |chain: &&ChainId| chain.account.as_str() == event.account;
        let here = |chain: &&ChainId| of_account(chain) && chain.source_region == *region;
        let Some(chain) = chains().find(here).or_else(|| chains().find(of_account)) else {
            self.other_account = true;
            return;
        };
        let log = ObjectLocation::new(bucket, "");
        let judged = ties.judge(event, &log, chain);
        let not_tied = judged.as_ref().and_then(|deed| ties.not_tied(deed));
        self.bytes += event.json.len();
        self.events.push(HistoryEvent {
            event: event.clone(),
            region: region.clone(),
            chain: chain.clone(),
            deed: judged,
            not_tied,
            missing: false,
        });
    }

    /// Marks the events of verified time that no verified log file has, given all verified events of
    /// that time: by id, and their kinds. A trail does not record every kind of event, so only kinds
    /// are judged that it has. Delivery may be late by `delivered` seconds, so that events which happened
    /// as long before time without digests, or before the end of the record, may be in log files that
    /// were never delivered.
    pub(super) fn mark_missing(
        &mut self,
        facts: &RecordFacts,
        verified: &VerifiedEvents,
        delivered: i64,
        searched: &[(Timestamp, Timestamp)],
    ) {
        let mut covered: BTreeMap<(&str, &str), Windows> = BTreeMap::new();
        for chain in &facts.chains {
            let id = &chain.summary.chain;
            let place = (id.account.as_str(), id.source_region.as_str());
            let segments = chain.summary.segments.iter();
            let of = segments.filter(|segment| segment.coverage == Coverage::Verified);
            let of = of.map(|segment| (segment.from, segment.to.plus(-delivered)));
            covered.entry(place).or_default().extend(of.filter(|(from, to)| from < to));
        }
        for it in &mut self.events {
            let event = &it.event;
            let Some(time) = event.time.filter(|_| event.category != "Insight") else { continue };
            let is_in = |windows: &[(Timestamp, Timestamp)]| {
                windows.iter().any(|(from, to)| time >= *from && time < *to)
            };
            let of_place = covered.get(&(event.account.as_str(), it.region.as_str()));
            it.missing = of_place.is_some_and(|windows| is_in(windows))
                && is_in(searched)
                && verified.kinds.contains(&kind(event))
                && !verified.ids.contains(&hash(&event.id));
        }
    }
}

/// Ids of verified events, as hashes, and their kinds.
#[derive(Debug, Default)]
pub(super) struct VerifiedEvents {
    ids: HashSet<u64>,
    kinds: BTreeSet<Kind>,
    /// Whether there are more than are kept, so that nothing can be called missing.
    pub(super) capped: bool,
}

impl VerifiedEvents {
    pub(super) fn take(&mut self, event: &TrailEvent) {
        if self.ids.len() >= HISTORY_IDS {
            self.capped = true;
            return;
        }
        self.ids.insert(hash(&event.id));
        if self.kinds.len() < 10_000 {
            self.kinds.insert(kind(event));
        }
    }
}

/// Account, region and service of an event, and whether it only read. Trails differ in what they record.
type Kind = (String, String, String, bool);

fn kind(event: &TrailEvent) -> Kind {
    (event.account.clone(), event.region.clone(), event.source.clone(), event.read_only)
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Returns the time without digests, and that of log files that are missing or replaced, with `around`
/// seconds more on either side.
fn windows(facts: &RecordFacts, around: i64) -> Windows {
    let spans = facts.chains.iter().flat_map(|chain| chain.uncovered());
    let spans = spans.map(|span| (span.from, span.to));
    let lost = facts.affected.iter().filter(|it| !it.is_digest).filter_map(|it| it.time);
    let mut all: Windows = spans.chain(lost.map(|time| (time.plus(-HOUR), time))).collect();
    all.sort_unstable();
    let mut merged = Windows::new();
    for (from, to) in all {
        let (from, to) = (from.plus(-around), to.plus(around));
        match merged.last_mut() {
            Some((_, last)) if *last >= from => *last = (*last).max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// Returns the regions in which the causes of a stretch may be recorded: its own, that of the trail, those
/// of the keys, and that of services without a region.
fn regions(facts: &RecordFacts) -> BTreeSet<Region> {
    let mut regions = BTreeSet::new();
    for chain in &facts.chains {
        let id = &chain.summary.chain;
        let lost = |it: &super::facts::Affected| it.chain == *id;
        if chain.uncovered().next().is_none() && !facts.affected.iter().any(lost) {
            continue;
        }
        regions.extend([id.source_region.clone(), id.home_region.clone()]);
        let keys = chain.keys.iter().filter_map(|used| used.key.parts().0.parse().ok());
        regions.extend(keys);
    }
    let apart =
        |region: &Region| ["cn-", "us-gov-"].iter().any(|it| region.as_str().starts_with(it));
    if !regions.is_empty() && !regions.iter().any(apart) {
        regions.extend(GLOBAL.parse::<Region>());
    }
    regions
}

/// Lists the names of all deeds that are management events: few trails record others, and those that do
/// have one for each object.
pub(crate) fn management_deeds() -> impl Iterator<Item = &'static str> {
    DEED_NAMES.into_iter().filter(|name| !DATA.contains(name))
}

/// Names of data events, which Event history does not have.
const DATA: [&str; 10] = [
    "CompleteMultipartUpload",
    "CopyObject",
    "DeleteObject",
    "DeleteObjects",
    "PutObject",
    "PutObjectAcl",
    "PutObjectLegalHold",
    "PutObjectRetention",
    "PutObjectTagging",
    "RestoreObject",
];
