//! What the rules look at, and what is looked up for every object or stretch.
use crate::investigate::access_logs::AccessLine;
use crate::investigate::facts::{ChainFacts, RecordFacts, VersionTrace};
use crate::report::case::model::{CaseEvent, DeedRule, HistoryEvent};
use crate::report::events::EventRates;
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::technique::Technique;
use trailproof_core::trail_event::{
    AgeRule, Effect as EventEffect, Explanations, KeyName, Subject,
};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{DAY, HOUR, Timestamp};

/// Seconds within which several chains end by one cause.
pub(super) const TOGETHER: i64 = 2 * HOUR;

/// Everything that the rules look at.
pub(crate) struct Evidence<'a> {
    pub(crate) record: &'a RecordFacts,
    pub(crate) events: &'a [CaseEvent],
    pub(crate) explanations: &'a Explanations,
    /// Events of Event history, which nobody signed, and what they explain.
    pub(crate) history: &'a [HistoryEvent],
    pub(crate) history_explains: &'a Explanations,
    pub(crate) access: &'a [AccessLine],
    /// What versions show, by object; `None` if versions were not read.
    pub(crate) versions: Option<&'a BTreeMap<ObjectLocation, VersionTrace>>,
    /// Names of events of which some were dropped: the one that did it may be among them.
    pub(crate) dropped: &'a BTreeSet<String>,
    /// How many events the searched log files have.
    pub(crate) rates: &'a EventRates,
    /// Whether any log file that was searched holds data events of the bucket.
    pub(crate) data_events: bool,
    /// Whether a copy of the bucket was read.
    pub(crate) is_copy: bool,
    pub(crate) bucket: &'a str,
    pub(crate) now: Timestamp,
    /// Name of each chain, unique in the run.
    pub(crate) name_of: &'a dyn Fn(&ChainId) -> String,
}

/// Deletions and rules that are held against each affected object. A thousand explain no more than the
/// first.
pub(super) const EXAMINED: usize = 64;

/// Seconds after a configuration was replaced in which its rules may still act.
const STOPS_WITHIN: i64 = HOUR;

/// Seconds by which S3's lifecycle worker may be late: it runs once a day.
const LAG: i64 = 2 * DAY;

/// Lifecycle rules that are held against each affected object. S3 allows as many in one configuration.
const RULES: usize = 1_000;

/// A lifecycle rule while it was in force.
#[derive(Clone, Debug)]
pub(super) struct RuleInForce<'a> {
    pub(super) rule: &'a AgeRule,
    /// The event that put it first.
    pub(super) event: usize,
    pub(super) put: Timestamp,
    /// When a configuration without it was put, or the configuration was removed.
    pub(super) until: Option<Timestamp>,
    /// The time of the oldest object below its prefix that was read and is proven; an error if that
    /// is not known.
    survivor: Result<Option<Timestamp>, ()>,
}

impl RuleInForce<'_> {
    /// Returns when the rule acted on an object of this time at the earliest, if it did. `removed` is when
    /// the object went, if that is known: the rule was in force then.
    pub(super) fn acted(
        &self,
        key: &str,
        time: Timestamp,
        (removed, now): (Option<Timestamp>, Timestamp),
    ) -> Option<Timestamp> {
        let acts = self.rule.due_for(time).max(self.put);
        let in_force = self.until.is_none_or(|until| {
            acts < until && removed.is_none_or(|removed| removed < until.plus(STOPS_WITHIN))
        });
        let in_time = acts <= removed.unwrap_or(now);
        (key.starts_with(&self.rule.prefix) && in_force && in_time).then_some(acts)
    }

    /// Returns whether the rule was in force when the object went, and not only when it was due.
    pub(super) fn is_settled(&self, removed: Option<Timestamp>) -> bool {
        self.until.is_none() || removed.is_some()
    }

    /// Returns the rule as it was in force.
    pub(super) fn told(&self) -> DeedRule {
        DeedRule {
            id: self.rule.id.clone(),
            prefix: self.rule.prefix.clone(),
            days: self.rule.days(),
            put: self.put,
            until: self.until,
        }
    }

    /// Returns whether nothing survives on which the rule would have acted too: nothing that is at least as
    /// old, and nothing for which it was due long ago.
    pub(super) fn is_thorough(&self, time: Timestamp, now: Timestamp) -> bool {
        let acts_until = self.until.unwrap_or(now);
        let left =
            |oldest: Timestamp| self.rule.due_for(oldest).max(self.put).plus(LAG) < acts_until;
        self.survivor.is_ok_and(|it| it.is_none_or(|oldest| oldest > time && !left(oldest)))
    }
}

/// Chains of one trail: trail, home region, organization.
pub(super) type TrailKey<'a> = (&'a str, &'a str, Option<&'a str>);

/// What is looked up for every object or stretch.
#[derive(Default)]
pub(super) struct Index<'a> {
    /// Events by the key of the object that they name, in order of time.
    pub(super) by_key: BTreeMap<&'a str, Vec<usize>>,
    /// Events by name, in order of time.
    by_name: BTreeMap<&'a str, Vec<usize>>,
    /// Events by id. The same event may be in several log files.
    pub(super) by_id: BTreeMap<&'a str, Vec<usize>>,
    /// Lifecycle rules, in order of time.
    pub(super) rules: Vec<RuleInForce<'a>>,
    /// Whether more deletions or rules were found than are held against each object.
    pub(super) capped: bool,
    /// Events that withhold a KMS key or give it back, in order of time.
    pub(super) keys: BTreeMap<&'a KeyName, Vec<(usize, EventEffect)>>,
    /// Events that delete objects without naming them, in order of time.
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
            let Some(deed) = event.done() else { continue };
            index.by_name.entry(&event.event.name).or_default().push(at);
            index.by_id.entry(&event.event.id).or_default().push(at);
            if let Some(key) = &deed.key {
                index.by_key.entry(key).or_default().push(at);
            }
            for (subject, effect) in &deed.effects {
                if let Subject::Key(key) = subject {
                    index.keys.entry(key).or_default().push((at, *effect));
                }
            }
            let bulk = deed.technique == Some(Technique::ObjectsDeleted) && deed.key.is_none();
            if bulk && index.bulks.len() < EXAMINED {
                index.bulks.push(at);
            } else if bulk {
                index.capped = true;
            }
        }
        index.rules = rules_in_force(facts);
        index.capped |= index.rules.len() > RULES;
        index.rules.truncate(RULES);
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

    /// Lists the events of some names that happened after a time and not after another one: for each name in
    /// order of time.
    pub(super) fn named(
        &self,
        events: &'a [CaseEvent],
        names: &'static [&'static str],
        (after, to): (Timestamp, Timestamp),
    ) -> impl Iterator<Item = (usize, &'a CaseEvent)> {
        let time = |at: usize| events.get(at).and_then(|event| event.event.time);
        names.iter().filter_map(|name| self.by_name.get(name)).flat_map(move |all| {
            // Those without a time come first.
            let first = all.partition_point(|at| time(*at).is_none_or(|time| time <= after));
            let end = all.partition_point(|at| time(*at).is_none_or(|time| time <= to));
            let of_time = all.get(first..end.max(first)).unwrap_or_default();
            of_time.iter().filter_map(move |at| Some((*at, events.get(*at)?)))
        })
    }

    /// Returns the last call that matters to a refusal to use a key, unless it gave the key back. `matters`
    /// is asked about the number of each call.
    pub(super) fn withheld(
        &self,
        key: &KeyName,
        events: &[CaseEvent],
        matters: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let calls = self.keys.get(key)?;
        // A policy that lets CloudTrail use the key may refuse a reader all the same, and so may one that
        // cannot be decided.
        let is_of_policy = |at: usize| {
            let event = events.get(at);
            event.is_some_and(|event| event.event.name == "PutKeyPolicy")
        };
        let gives_back =
            |at: usize, effect: EventEffect| effect == EventEffect::Resumes && is_of_policy(at);
        let mut calls = calls.iter().filter(|(at, effect)| !gives_back(*at, *effect));
        let (last, effect) = calls.rfind(|(at, _)| matters(*at))?;
        matches!(effect, EventEffect::Stops | EventEffect::MayStop).then_some(*last)
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

/// Lists the lifecycle rules of the bucket. Each configuration replaces the one before it; a rule that
/// stays is that of the call which put it first.
fn rules_in_force<'a>(facts: &Evidence<'a>) -> Vec<RuleInForce<'a>> {
    let configurations = facts.events.iter().enumerate().filter_map(|(at, event)| {
        let rules = event.done()?.rules.as_deref()?;
        Some((at, event.event.time?, rules))
    });
    let mut all: Vec<RuleInForce<'a>> = Vec::new();
    let mut now: Vec<RuleInForce<'a>> = Vec::new();
    for (event, put, rules) in configurations {
        let before = std::mem::take(&mut now);
        for rule in rules.iter().take(RULES) {
            let stays = before.iter().find(|known| known.rule.does_the_same(rule)).cloned();
            let survivor = || facts.record.survivors.oldest_under(&rule.prefix);
            let fresh = || RuleInForce { rule, event, put, until: None, survivor: survivor() };
            now.push(stays.unwrap_or_else(fresh));
        }
        let stays = |known: &RuleInForce<'_>| rules.iter().any(|it| it.does_the_same(known.rule));
        let gone = before.into_iter().filter(|known| !stays(known));
        all.extend(gone.map(|known| RuleInForce { until: Some(put), ..known }));
        // One more than are held against objects, so that it shows that some are left out.
        all.truncate(RULES + 1);
    }
    all.extend(now);
    all.sort_by_key(|rule| (rule.put, rule.event));
    all
}
