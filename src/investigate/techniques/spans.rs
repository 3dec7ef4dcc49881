//! Stretches that no digest covers.
use super::index::{TOGETHER, trail_key};
use super::ledger::{Cause, Effect, Judge};
use crate::investigate::facts::ChainFacts;
use std::collections::BTreeSet;
use trailproof_core::codes::technique::{Confidence, Raise, Technique, Witness};
use trailproof_core::coverage::{Coverage, Segment, Uncovered};
use trailproof_core::trail_event::GapQuery;
use trailproof_core::vocab::time::{HOUR, Timestamp};

impl Judge<'_> {
    pub(super) fn spans(&mut self) {
        let record = self.facts.record;
        for chain in &record.chains {
            for span in chain.uncovered() {
                let Coverage::Uncovered(why) = span.coverage else { continue };
                // The missing digests themselves are judged one by one.
                if !matches!(why, Uncovered::Gap | Uncovered::Tail | Uncovered::Hole) {
                    continue;
                }
                let number = self.span(chain, span);
                self.judged.of_span.insert((chain.summary.chain.clone(), span.from), number);
            }
        }
    }

    fn span(&mut self, chain: &ChainFacts, span: &Segment) -> usize {
        let id = &chain.summary.chain;
        if let Some((at, technique, confidence)) = self
            .event_of_span(chain, span)
            .map(|(at, technique)| (at, technique, Confidence::Shown))
            .or_else(|| self.key_near(span))
        {
            let restarted = self.restart_of(span, at);
            let event = self.facts.events.get(at).map(|event| event.event.id.clone());
            let number = self.add(Effect {
                technique,
                confidence,
                witness: Witness::Proven,
                cause: Cause::Event(event.unwrap_or_default()),
                event: Some(at),
                chain: Some(id),
                time: Some((span.from, span.to)),
                object: None,
                alternatives: &[],
                raise: Vec::new(),
            });
            if let Some(deed) = self.judged.deeds.get_mut(number) {
                deed.restarted = deed.restarted.or(restarted);
            }
            return number;
        }
        let (technique, confidence, witness, alternatives) = self.fits(chain, span);
        let raise = vec![Raise::LostLogs, Raise::EventHistory, Raise::OtherPlaces];
        self.add(Effect {
            technique,
            confidence,
            witness,
            cause: Cause::Unknown(span.from.unix().div_euclid(TOGETHER)),
            event: None,
            chain: Some(id),
            time: Some((span.from, span.to)),
            object: None,
            alternatives,
            raise,
        })
    }

    /// Returns the verified event that explains a stretch, and its technique.
    fn event_of_span(&self, chain: &ChainFacts, span: &Segment) -> Option<(usize, Technique)> {
        let id = &chain.summary.chain;
        let folders: Vec<String> = chain.folders.iter().cloned().collect();
        let keys = BTreeSet::new();
        let query = GapQuery {
            chain: id,
            also: &[],
            bucket: self.facts.bucket,
            keys: &keys,
            folders: &folders,
            now: self.facts.now,
        };
        let found = self.facts.explanations.explain(&query, span);
        let mut ids: BTreeSet<String> = found.into_iter().map(|event| event.id).collect();
        let of_record = self.facts.record.explained.get(&(id.clone(), span.from));
        ids.extend(of_record.into_iter().flatten().cloned());
        let events = self.facts.events.iter().enumerate();
        let of_it =
            events.filter(|(_, event)| ids.contains(&event.event.id) && !event.is_attempt());
        let mut of_it: Vec<(usize, Technique, Option<Timestamp>)> = of_it
            .filter_map(|(at, event)| {
                let technique = event.deed.as_ref()?.technique?;
                Some((at, technique, event.event.time))
            })
            .collect();
        // The last one before the stretch begins, or else the first one in it.
        of_it.sort_by_key(|(at, _, time)| {
            let after = time.is_none_or(|time| time > span.from);
            let near = time.map_or(i64::MAX, |time| (span.from.unix() - time.unix()).abs());
            (after, near, *at)
        });
        of_it.first().map(|(at, technique, _)| (*at, *technique))
    }

    /// Returns an event that withheld a key shortly before the stretch. Whether it is the key of this
    /// trail is not known, so it is not shown.
    fn key_near(&self, span: &Segment) -> Option<(usize, Technique, Confidence)> {
        let near = |time: Timestamp| (time.unix() - span.from.unix()).abs() <= TOGETHER;
        let at = self.facts.events.iter().position(|event| {
            !event.is_attempt()
                && event
                    .deed
                    .as_ref()
                    .is_some_and(|deed| deed.technique == Some(Technique::KeyWithheld))
                && event.event.time.is_some_and(near)
        })?;
        Some((at, Technique::KeyWithheld, Confidence::Likely))
    }

    /// Returns when logging was started again within the stretch.
    fn restart_of(&self, span: &Segment, stopped: usize) -> Option<Timestamp> {
        let stopped = self.facts.events.get(stopped)?.event.time?;
        let again = self.facts.events.iter().filter(|event| {
            matches!(event.event.name.as_str(), "StartLogging" | "CreateTrail")
                && !event.is_attempt()
        });
        let times = again.filter_map(|event| event.event.time);
        times.filter(|time| *time > stopped && *time <= span.to.plus(HOUR)).min()
    }

    /// Returns what fits a stretch that no event explains.
    fn fits(
        &self,
        chain: &ChainFacts,
        span: &Segment,
    ) -> (Technique, Confidence, Witness, &'static [Technique]) {
        use Technique as T;
        let id = &chain.summary.chain;
        let place = (id.clone(), span.from);
        let unattested = self.facts.record.unattested.get(&place).is_some_and(|logs| *logs > 0);
        if unattested {
            return (T::ValidationOff, Confidence::Likely, Witness::Store, &[]);
        }
        let covered_later =
            chain.backfills.iter().any(|(from, to)| *to > span.from && *from < span.to);
        if covered_later {
            return (T::DeliveryBroken, Confidence::Possible, Witness::Store, &[T::KeyWithheld]);
        }
        let trail = trail_key(id);
        let (mut in_account, mut ended_in_account) = (0, 0);
        let mut home_goes_on = false;
        let of_account = self.index.of_account.get(&(trail, id.account.as_str()));
        for other in of_account.into_iter().flatten() {
            let of = &other.summary.chain;
            if of == id {
                continue;
            }
            let ends = other
                .uncovered()
                .any(|segment| (segment.from.unix() - span.from.unix()).abs() <= TOGETHER);
            in_account += 1;
            ended_in_account += usize::from(ends);
            home_goes_on |= of.source_region == of.home_region && !ends;
        }
        let beside = self.index.chains.get(&trail).copied().unwrap_or(1) - 1;
        let ended = self.index.ends_near(trail, span.from).saturating_sub(1);
        if home_goes_on && in_account > 1 && ended_in_account + 1 == in_account {
            return (T::TrailNarrowed, Confidence::Possible, Witness::Proven, &[T::RegionOff]);
        }
        if home_goes_on && ended_in_account == 0 {
            return (
                T::RegionOff,
                Confidence::Possible,
                Witness::Proven,
                &[T::TrailNarrowed, T::DeliveryBroken],
            );
        }
        if id.organization.is_some()
            && ended_in_account == in_account
            && beside > in_account
            && ended == ended_in_account
        {
            return (T::OrgLeft, Confidence::Possible, Witness::Proven, &[T::DeliveryBroken]);
        }
        (
            T::TrailStopped,
            Confidence::Possible,
            Witness::Proven,
            &[
                T::TrailDeleted,
                T::ValidationOff,
                T::TrailRedirected,
                T::DeliveryBroken,
                T::KeyWithheld,
            ],
        )
    }
}
