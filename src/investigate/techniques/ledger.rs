//! Gathers effects into deeds: everything that one cause explains is one deed.
use super::index::{Evidence, Index};
use crate::report::case::model::{CaseDeed, CaseEvent, DeedRule};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::technique::{Confidence, Raise, Technique, Witness};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// Objects that a deed lists; the others are counted.
const LISTED: usize = 1_000;

/// Lifecycle rules that a deed names.
const RULES_TOLD: usize = 16;

/// The deeds, and which of them explains each affected object and each stretch.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) deeds: Vec<CaseDeed>,
    /// Whether more events were found than are held against each object.
    pub(crate) capped: bool,
    /// By index in [`RecordFacts::affected`].
    pub(crate) of_affected: Vec<Option<usize>>,
    /// By chain and start of the stretch.
    pub(crate) of_span: BTreeMap<(ChainId, Timestamp), usize>,
}

/// What makes two effects one deed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// The same event.
    Event(String),
    /// The same caller doing the same thing.
    Caller(String),
    /// A caller whose calls may be about the effects.
    MayBe(String),
    /// Nothing names it; the effects begin together.
    Unknown(i64),
}

pub(super) struct Judge<'a> {
    pub(super) facts: &'a Evidence<'a>,
    pub(super) index: Index<'a>,
    pub(super) by: BTreeMap<(Technique, Cause), usize>,
    pub(super) judged: Judged,
    /// Events that belong to a deed.
    pub(super) used: BTreeSet<usize>,
}

/// One effect of a deed.
pub(super) struct Effect<'a> {
    pub(super) technique: Technique,
    pub(super) confidence: Confidence,
    pub(super) witness: Witness,
    pub(super) cause: Cause,
    pub(super) event: Option<usize>,
    pub(super) chain: Option<&'a ChainId>,
    pub(super) time: Option<(Timestamp, Timestamp)>,
    pub(super) object: Option<&'a ObjectLocation>,
    pub(super) alternatives: &'a [Technique],
    pub(super) raise: Vec<Raise>,
}

/// Judges everything.
pub(crate) fn judge(facts: &Evidence<'_>) -> Judged {
    let mut judge = Judge::new(facts);
    judge.spans();
    judge.objects();
    judge.planted();
    judge.narrowed();
    judge.alone();
    judge.finish()
}

impl<'a> Judge<'a> {
    pub(super) fn new(facts: &'a Evidence<'a>) -> Self {
        Self {
            facts,
            index: Index::of(facts),
            by: BTreeMap::new(),
            judged: Judged::default(),
            used: BTreeSet::new(),
        }
    }

    /// Adds an effect to its deed, and returns the number of the deed.
    pub(super) fn add(&mut self, mut effect: Effect<'_>) -> usize {
        let event = effect.event.and_then(|at| self.facts.events.get(at));
        if event.is_some_and(|event| self.facts.dropped.contains(&event.event.name)) {
            effect.confidence = effect.confidence.min(Confidence::Possible);
        }
        let raise = effect.raise;
        let deeds = &mut self.judged.deeds;
        let number = *self.by.entry((effect.technique, effect.cause)).or_insert_with(|| {
            deeds.push(CaseDeed {
                technique: effect.technique,
                confidence: effect.confidence,
                witness: effect.witness,
                when: None,
                who: String::new(),
                from_where: String::new(),
                events: Vec::new(),
                effect: None,
                chains: Vec::new(),
                objects: Vec::new(),
                object_count: 0,
                alternatives: Vec::new(),
                raise: Vec::new(),
                days: None,
                redirected_to: None,
                restarted: None,
                rules: Vec::new(),
                rivals: BTreeSet::new(),
            });
            deeds.len() - 1
        });
        let Some(deed) = self.judged.deeds.get_mut(number) else { return number };
        // The weakest of its effects decides: a deed must not seem surer than any part of it.
        if effect.confidence < deed.confidence {
            (deed.confidence, deed.witness) = (effect.confidence, effect.witness);
        }
        for other in effect.alternatives {
            if !deed.alternatives.contains(other) {
                deed.alternatives.push(*other);
            }
        }
        for raise in raise {
            if !deed.raise.contains(&raise) {
                deed.raise.push(raise);
            }
        }
        if let (Some(at), Some(CaseEvent { event, deed: judged, .. })) = (effect.event, event) {
            if !deed.events.contains(&at) {
                deed.events.push(at);
            }
            self.used.insert(at);
            if deed.when.is_none_or(|when| event.time.is_some_and(|time| time < when)) {
                deed.when = event.time;
                deed.who.clone_from(&event.principal);
                deed.from_where.clone_from(&event.address);
            }
            deed.days = deed.days.or(judged.as_ref().and_then(|judged| judged.days));
            if let Some(to) = judged.as_ref().and_then(|judged| judged.redirected_to.as_ref()) {
                deed.redirected_to = Some(to.clone());
            }
        }
        if let Some(chain) = effect.chain {
            let name = (self.facts.name_of)(chain);
            if let Err(at) = deed.chains.binary_search(&name) {
                deed.chains.insert(at, name);
            }
        }
        if let Some((from, to)) = effect.time {
            let (first, last) = deed.effect.unwrap_or((from, to));
            deed.effect = Some((first.min(from), last.max(to)));
        }
        if let Some(object) = effect.object {
            deed.object_count += 1;
            if deed.objects.len() < LISTED {
                deed.objects.push(object.clone());
            }
        }
        number
    }

    /// Records the lifecycle rule by which a deed acted.
    pub(super) fn by_rule(&mut self, number: usize, rule: DeedRule) {
        let Some(deed) = self.judged.deeds.get_mut(number) else { return };
        if deed.rules.len() < RULES_TOLD && !deed.rules.contains(&rule) {
            deed.days = Some(rule.days.into_iter().chain(deed.days).min()).flatten();
            deed.rules.push(rule);
        }
    }

    /// Records that the evidence does not decide between these deeds.
    pub(super) fn undecided(&mut self, numbers: &[usize]) {
        for number in numbers {
            let Some(deed) = self.judged.deeds.get_mut(*number) else { continue };
            deed.rivals.extend(numbers.iter().filter(|other| *other != number));
        }
    }

    /// Adds objects to a deed.
    pub(super) fn list(&mut self, number: usize, objects: &[ObjectLocation], count: u64) {
        let Some(deed) = self.judged.deeds.get_mut(number) else { return };
        deed.object_count += count;
        let room = LISTED.saturating_sub(deed.objects.len());
        deed.objects.extend(objects.iter().take(room).cloned());
    }

    /// Returns the deeds in order of their time.
    pub(super) fn finish(mut self) -> Judged {
        self.judged.capped = self.index.capped;
        let order = {
            let key = |at: &usize| {
                let deed = self.judged.deeds.get(*at);
                let time = deed.and_then(|deed| deed.when.or(deed.effect.map(|(from, _)| from)));
                (time, deed.map(|deed| deed.technique), *at)
            };
            let mut order: Vec<usize> = (0..self.judged.deeds.len()).collect();
            order.sort_by_key(key);
            order
        };
        let mut new_of = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            new_of.get_mut(*old).into_iter().for_each(|of| *of = new);
        }
        let renumber = |old: usize| new_of.get(old).copied().unwrap_or(old);
        let mut deeds: Vec<Option<CaseDeed>> =
            std::mem::take(&mut self.judged.deeds).into_iter().map(Some).collect();
        self.judged.deeds =
            order.iter().filter_map(|old| deeds.get_mut(*old).and_then(Option::take)).collect();
        for deed in &mut self.judged.deeds {
            deed.rivals = deed.rivals.iter().map(|old| renumber(*old)).collect();
        }
        for number in self.judged.of_affected.iter_mut().flatten() {
            *number = renumber(*number);
        }
        for number in self.judged.of_span.values_mut() {
            *number = renumber(*number);
        }
        self.judged
    }
}
