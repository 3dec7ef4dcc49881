//! What the rules look at, and what is looked up for every object or stretch.
use crate::investigate::access_logs::AccessLine;
use crate::investigate::facts::{ChainFacts, RecordFacts, VersionTrace};
use crate::report::case::model::CaseEvent;
use std::collections::BTreeMap;
use trailproof_core::codes::technique::Technique;
use trailproof_core::trail_event::Explanations;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// Seconds within which several chains end by one cause.
pub(super) const TOGETHER: i64 = 2 * HOUR;

/// Everything that the rules look at.
pub(crate) struct Evidence<'a> {
    pub(crate) record: &'a RecordFacts,
    pub(crate) events: &'a [CaseEvent],
    pub(crate) explanations: &'a Explanations,
    pub(crate) access: &'a [AccessLine],
    /// What versions show, by object; `None` if versions were not read.
    pub(crate) versions: Option<&'a BTreeMap<ObjectLocation, VersionTrace>>,
    /// Whether any log file that was searched holds data events.
    pub(crate) data_events: bool,
    pub(crate) bucket: &'a str,
    pub(crate) now: Timestamp,
    /// Name of each chain, unique in the run.
    pub(crate) name_of: &'a dyn Fn(&ChainId) -> String,
}

/// Events of one kind that are held against each affected object. A thousand rules explain no more
/// than the first.
const EXAMINED: usize = 64;

/// Chains of one trail: trail, home region, organization.
pub(super) type TrailKey<'a> = (&'a str, &'a str, Option<&'a str>);

/// What is looked up for every object or stretch.
#[derive(Default)]
pub(super) struct Index<'a> {
    /// Events by the key of the object that they name.
    pub(super) by_key: BTreeMap<&'a str, Vec<usize>>,
    /// Events that put a rule which removes objects.
    pub(super) rules: Vec<usize>,
    /// Events that delete objects without naming them.
    pub(super) bulks: Vec<usize>,
    /// Lines of access logs by object.
    pub(super) access: BTreeMap<&'a ObjectLocation, Vec<&'a AccessLine>>,
    /// Starts of stretches without digests of each trail, ascending.
    pub(super) ends: BTreeMap<TrailKey<'a>, Vec<i64>>,
    /// Chains of each trail and account.
    pub(super) of_account: BTreeMap<(TrailKey<'a>, &'a str), Vec<&'a ChainFacts>>,
    /// Number of chains of each trail.
    pub(super) chains: BTreeMap<TrailKey<'a>, usize>,
    /// Times without digests, ascending and without overlaps.
    pub(super) uncovered: Vec<(Timestamp, Timestamp)>,
}

pub(super) fn trail_key(chain: &ChainId) -> TrailKey<'_> {
    let organization = chain.organization.as_ref().map(|id| id.as_str());
    (chain.trail.as_str(), chain.home_region.as_str(), organization)
}

impl<'a> Index<'a> {
    pub(super) fn of(facts: &'a Evidence<'a>) -> Self {
        let mut index = Self::default();
        for (at, event) in facts.events.iter().enumerate() {
            let Some(deed) = event.deed.as_ref().filter(|_| !event.is_attempt()) else { continue };
            if let Some(key) = &deed.key {
                index.by_key.entry(key).or_default().push(at);
            }
            let list = match deed.technique {
                Some(Technique::LifecycleExpiry) => &mut index.rules,
                Some(Technique::ObjectsDeleted) if deed.key.is_none() => &mut index.bulks,
                _ => continue,
            };
            if list.len() < EXAMINED {
                list.push(at);
            }
        }
        for line in facts.access {
            index.access.entry(&line.at).or_default().push(line);
        }
        let mut spans = Vec::new();
        for chain in &facts.record.chains {
            let id = &chain.summary.chain;
            let trail = trail_key(id);
            *index.chains.entry(trail).or_default() += 1;
            index.of_account.entry((trail, id.account.as_str())).or_default().push(chain);
            for segment in chain.uncovered() {
                index.ends.entry(trail).or_default().push(segment.from.unix());
                spans.push((segment.from, segment.to));
            }
        }
        index.ends.values_mut().for_each(|ends| ends.sort_unstable());
        spans.sort_unstable();
        for (from, to) in spans {
            match index.uncovered.last_mut() {
                Some((_, last)) if *last >= from => *last = (*last).max(to),
                _ => index.uncovered.push((from, to)),
            }
        }
        index
    }

    /// Returns how many stretches of a trail begin near this time.
    pub(super) fn ends_near(&self, trail: TrailKey<'_>, time: Timestamp) -> usize {
        let Some(ends) = self.ends.get(&trail) else { return 0 };
        let before = ends.partition_point(|end| *end < time.unix() - TOGETHER);
        ends.partition_point(|end| *end <= time.unix() + TOGETHER).saturating_sub(before)
    }

    /// Returns whether no digest of some chain covers this time.
    pub(super) fn is_uncovered(&self, time: Timestamp) -> bool {
        let at = self.uncovered.partition_point(|(_, to)| *to <= time);
        self.uncovered.get(at).is_some_and(|(from, _)| *from <= time)
    }
}
