//! Stretches that no digest covers.
use super::index::{EXAMINED, Evidence, TOGETHER, trail_key};
use super::ledger::{Cause, Effect, Judge};
use crate::investigate::facts::ChainFacts;
use crate::investigate::ties::{concerns, is_about};
use crate::report::case::model::CaseEvent;
use std::collections::BTreeSet;
use trailproof_core::codes::technique::{Confidence, Raise, Technique, Witness};
use trailproof_core::control::policy::Truth;
use trailproof_core::coverage::{Coverage, Segment, Uncovered};
use trailproof_core::trail_event::{
    Deed, Effect as EffectOn, GapQuery, KeyName, REACH, Subject, TrailEvent,
};
use trailproof_core::vocab::chain_id::ChainId;
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
                if let Some(number) = self.span(chain, span) {
                    self.judged.of_span.insert((chain.summary.chain.clone(), span.from), number);
                }
            }
        }
    }

    fn span(&mut self, chain: &ChainFacts, span: &Segment) -> Option<usize> {
        let id = &chain.summary.chain;
        let keys = chain.keys_at(span.from);
        let folders = chain.folders_at(span.from);
        let query = query(self.facts, id, &keys, &folders);
        let causes = self.events_of_span(&query, span);
        let numbers: Vec<usize> = causes
            .iter()
            .map(|(at, technique)| {
                let event = self.facts.events.get(*at);
                let doubt = event.and_then(|it| Some((&it.event, it.done()?))).is_some_and(
                    |(event, deed)| {
                        self.spares_another(event, deed, id)
                            || self.may_be_replaced(&query, span, event)
                    },
                );
                let sure = if doubt { Confidence::Possible } else { self.sure_of(*at, id) };
                let sure = if causes.len() > 1 { sure.min(Confidence::Likely) } else { sure };
                self.by_event(id, span, *at, *technique, sure)
            })
            .collect();
        self.undecided(&numbers);
        if let Some(first) = numbers.first() {
            return Some(*first);
        }
        if let Some((at, technique)) = self.history_of_span(&query, span) {
            return Some(self.by_history(id, span, at, technique));
        }
        let near = self.undecided_near(&query, span).or_else(|| self.key_near(span, &keys));
        if let Some((at, technique)) = near {
            return Some(self.by_event(id, span, at, technique, Confidence::Possible));
        }
        // Where a copy ends, nothing was done.
        if self.facts.is_copy && span.coverage == Coverage::Uncovered(Uncovered::Tail) {
            return None;
        }
        let (technique, confidence, witness, alternatives) = self.fits(chain, span);
        let raise = vec![Raise::LostLogs, Raise::EventHistory, Raise::OtherPlaces];
        let number = self.add(Effect {
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
        });
        if technique == Technique::ValidationOff
            && let Some(logs) = self.facts.record.unattested.get(&(id.clone(), span.from))
        {
            self.list(number, &logs.first, logs.count);
        }
        Some(number)
    }

    /// Adds a stretch to the deed of a verified event.
    fn by_event(
        &mut self,
        id: &ChainId,
        span: &Segment,
        at: usize,
        technique: Technique,
        confidence: Confidence,
    ) -> usize {
        let restarted = self.restart_of(id, span, at);
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
            alternatives: match confidence {
                Confidence::Possible => &[Technique::TrailStopped, Technique::DeliveryBroken],
                _ => &[],
            },
            raise: Vec::new(),
        });
        if let Some(deed) = self.judged.deeds.get_mut(number) {
            deed.restarted = deed.restarted.or(restarted);
        }
        number
    }

    /// Adds a stretch to the deed of an event of Event history, which is never shown.
    fn by_history(
        &mut self,
        id: &ChainId,
        span: &Segment,
        at: usize,
        technique: Technique,
    ) -> usize {
        let event = self.facts.history.get(at).map(|it| it.event.clone()).unwrap_or_default();
        let number = self.add(Effect {
            technique,
            confidence: Confidence::Likely,
            witness: Witness::Unsigned,
            cause: Cause::Event(event.id.clone()),
            event: None,
            chain: Some(id),
            time: Some((span.from, span.to)),
            object: None,
            alternatives: &[],
            raise: vec![Raise::LostLogs, Raise::OtherPlaces],
        });
        if let Some(deed) = self.judged.deeds.get_mut(number)
            && deed.when.is_none()
        {
            deed.when = event.time;
            deed.who = event.principal;
            deed.from_where = event.address;
        }
        number
    }

    /// Returns the event of Event history that explains a stretch, and its technique.
    fn history_of_span(&self, of: &GapQuery<'_>, span: &Segment) -> Option<(usize, Technique)> {
        let found = self.facts.history_explains.explain(of, span);
        let ids: BTreeSet<String> = found.into_iter().map(|event| event.id).collect();
        let events = self.facts.history.iter().enumerate();
        let of_it = events.filter(|(_, it)| ids.contains(&it.event.id)).filter_map(|(at, it)| {
            let deed = it.done().filter(|deed| concerns(deed, of) == Truth::Yes)?;
            // What is less than likely names nobody.
            let is_sure = !is_doubtful(&it.event, deed, of.chain)
                && !self.is_undone(of, span, &it.event, deed, true)
                && !self.may_be_replaced(of, span, &it.event)
                && !self.spares_another(&it.event, deed, of.chain);
            Some((at, technique_of(&it.event, deed).filter(|_| is_sure)?, it.event.time))
        });
        nearest(span, of_it.collect()).first().copied()
    }

    /// Returns how sure it is that an event about a chain is the cause of a stretch.
    pub(super) fn sure_of(&self, at: usize, chain: &ChainId) -> Confidence {
        let Some(event) = self.facts.events.get(at) else { return Confidence::Possible };
        if event.done().is_some_and(|deed| is_doubtful(&event.event, deed, chain)) {
            return Confidence::Likely;
        }
        Confidence::Shown
    }

    /// Returns the verified events that explain a stretch, and their techniques: more than one if the evidence
    /// does not decide between them.
    fn events_of_span(&self, of: &GapQuery<'_>, span: &Segment) -> Vec<(usize, Technique)> {
        let found = self.facts.explanations.explain(of, span);
        let mut ids: BTreeSet<String> = found.into_iter().map(|event| event.id).collect();
        let of_record = self.facts.record.explained.get(&(of.chain.clone(), span.from));
        ids.extend(of_record.into_iter().flatten().cloned());
        let of_ids = ids.iter().filter_map(|id| self.index.by_id.get(id.as_str())).flatten();
        let of_it = of_ids
            .filter_map(|at| Some((*at, self.facts.events.get(*at)?)))
            .filter_map(|(at, event)| {
                let deed = event.done().filter(|deed| concerns(deed, of) == Truth::Yes)?;
                let technique = technique_of(&event.event, deed)?;
                (!self.is_undone(of, span, &event.event, deed, false)).then_some((
                    at,
                    technique,
                    event.event.time,
                ))
            })
            .collect();
        let mut seen = BTreeSet::new();
        let nearest = nearest(span, of_it).into_iter().filter(|(at, technique)| {
            let event = self.facts.events.get(*at).map(|event| &event.event);
            let who = event.map(|event| event.principal.as_str());
            seen.insert((*technique, who))
        });
        nearest.take(EXAMINED).collect()
    }

    /// Returns whether what a call set was set back before a stretch began, so that the call cannot be its
    /// cause. Event history may acquit only whom it accuses.
    fn is_undone(
        &self,
        of: &GapQuery<'_>,
        span: &Segment,
        event: &TrailEvent,
        deed: &Deed,
        by_history: bool,
    ) -> bool {
        let by = undone_by(&event.name);
        let Some(time) = event.time.filter(|_| !by.is_empty()) else { return false };
        let verified = self.index.named(self.facts.events, by, (time, span.from));
        let history = self.facts.history.iter().filter(|it| {
            by_history
                && by.contains(&it.event.name.as_str())
                && it.event.time.is_some_and(|later| later > time && later <= span.from)
        });
        let later =
            verified.filter_map(|(_, it)| it.done()).chain(history.filter_map(|it| it.done()));
        let later: Vec<&Deed> = later.collect();
        match event.name.as_str() {
            // Each setting has to be set back.
            "UpdateTrail" => {
                let ends = |(subject, effect): &&(Subject, EffectOn)| {
                    *effect == EffectOn::Ends && is_about(subject, of) != Truth::No
                };
                let mut ended = deed.effects.iter().filter(ends);
                ended.all(|(subject, _)| later.iter().any(|later| sets_back(later, subject, of)))
            }
            // A call whose parameters CloudTrail left out may have set anything.
            _ if deed.in_bucket => later.iter().any(|later| {
                let is_policy =
                    |(subject, _): &(Subject, EffectOn)| matches!(subject, Subject::NotLet { .. });
                later.in_bucket
                    && later.technique != Some(Technique::EventStarved)
                    && (!POLICY.contains(&event.name.as_str())
                        || later.effects.iter().any(is_policy))
                    && concerns(later, of) == Truth::No
            }),
            _ => later.iter().any(|later| {
                // The keys of an organization's trail do not name its owner, but the calls do.
                later.trail == deed.trail
                    && later.effects.iter().any(|(subject, effect)| {
                        matches!(effect, EffectOn::Begins | EffectOn::Resumes)
                            && is_about(subject, of) == Truth::Yes
                    })
            }),
        }
    }

    /// Returns whether a later call, of which that cannot be decided, may have set back what a call set.
    fn may_be_replaced(&self, of: &GapQuery<'_>, span: &Segment, event: &TrailEvent) -> bool {
        let Some(time) = event.time else { return false };
        let by = undone_by(&event.name);
        let mut later = self.index.named(self.facts.events, by, (time, span.from));
        later.any(|(_, it)| it.done().is_some_and(|deed| concerns(deed, of) == Truth::Perhaps))
    }

    /// Returns whether another chain goes on that an event is as much about. Then it took more than the event
    /// to end one of them.
    fn spares_another(&self, event: &TrailEvent, deed: &Deed, chain: &ChainId) -> bool {
        let Some(time) = event.time else { return false };
        let until = time.plus(CAUSE_WITHIN);
        let goes_on = |other: &&ChainFacts| {
            let segments = &other.summary.segments;
            let first = segments.partition_point(|it| it.to <= time);
            let after = segments.get(first..).unwrap_or_default().iter();
            let mut after = after.take_while(|it| it.from < until).peekable();
            other.summary.chain != *chain
                && after.peek().is_some()
                && segments.last().is_some_and(|last| last.to >= until)
                && after.all(|it| it.coverage == Coverage::Verified)
        };
        self.facts.record.chains.iter().take(SPARED).filter(goes_on).any(|other| {
            let keys = other.keys_at(time);
            let folders = other.folders_at(time);
            concerns(deed, &query(self.facts, &other.summary.chain, &keys, &folders)) == Truth::Yes
        })
    }

    /// Returns the last call before a stretch begins, within the hour of a digest, of which it cannot be decided
    /// whether it stopped delivery.
    fn undecided_near(&self, of: &GapQuery<'_>, span: &Segment) -> Option<(usize, Technique)> {
        // The last ones of each name that may be undecided. Events are in order of time.
        let window = (span.from.plus(-REACH - 1), span.from.plus(REACH));
        let mut near: Vec<(usize, &CaseEvent)> =
            self.index.named(self.facts.events, &UNDECIDED, window).collect();
        let is_before = |event: &CaseEvent| event.event.time.is_some_and(|it| it <= span.from);
        near.sort_unstable_by_key(|(at, event)| std::cmp::Reverse((is_before(event), *at)));
        let (at, event) = near.into_iter().take(EXAMINED).find(|(_, event)| {
            event.done().is_some_and(|deed| {
                concerns(deed, of) == Truth::Perhaps
                    && !self.is_undone(of, span, &event.event, deed, false)
            })
        })?;
        let technique = match event.event.name.as_str() {
            "PutKeyPolicy" => Technique::KeyWithheld,
            "UpdateTrail" => Technique::TrailRedirected,
            _ => Technique::DeliveryBroken,
        };
        Some((at, technique))
    }

    /// Returns an event that withheld a key of the chain near the start of the stretch, but too early
    /// to explain it.
    fn key_near(&self, span: &Segment, keys: &BTreeSet<KeyName>) -> Option<(usize, Technique)> {
        let near = |time: Timestamp| (time.unix() - span.from.unix()).abs() <= TOGETHER;
        let events = keys.iter().filter_map(|key| self.index.keys.get(key)).flatten();
        let at = events.map(|(at, _)| *at).find(|at| {
            self.facts.events.get(*at).is_some_and(|event| {
                event.technique() == Some(Technique::KeyWithheld)
                    // CloudTrail uses no grants.
                    && event.event.name != "RevokeGrant"
                    && event.event.time.is_some_and(near)
            })
        })?;
        Some((at, Technique::KeyWithheld))
    }

    /// Returns when logging of the chain was started again within the stretch.
    fn restart_of(&self, chain: &ChainId, span: &Segment, stopped: usize) -> Option<Timestamp> {
        let stopped = self.facts.events.get(stopped)?.event.time?;
        let window = (stopped, span.to.plus(HOUR));
        let again = self.index.named(self.facts.events, &["CreateTrail", "StartLogging"], window);
        let of_chain = again.filter(|(_, event)| {
            let trail = event.done().and_then(|deed| deed.trail.as_ref());
            trail.is_some_and(|trail| trail.owns(chain))
        });
        of_chain.filter_map(|(_, event)| event.event.time).min()
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
        let unattested = self.facts.record.unattested.get(&place);
        if unattested.is_some_and(|logs| logs.count > 0) {
            // Anyone who can write to the bucket can put a name there.
            let others = &[T::TrailStopped, T::ObjectsPlanted];
            return (T::ValidationOff, Confidence::Possible, Witness::Store, others);
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

fn query<'q>(
    facts: &Evidence<'q>,
    chain: &'q ChainId,
    keys: &'q BTreeSet<KeyName>,
    folders: &'q [String],
) -> GapQuery<'q> {
    GapQuery { chain, also: &[], bucket: facts.bucket, keys, folders, now: facts.now }
}

/// Returns the calls after which what a call did may hold no longer. A deletion of a key that is cancelled
/// leaves it disabled, and a trail that is created anew does not log yet.
pub(super) fn undone_by(name: &str) -> &'static [&'static str] {
    match name {
        "StopLogging" | "DeleteTrail" => &["StartLogging"],
        "UpdateTrail" => &["UpdateTrail"],
        "DisableKey" | "ScheduleKeyDeletion" => &["EnableKey"],
        "DeleteImportedKeyMaterial" => &["ImportKeyMaterial"],
        "PutKeyPolicy" => &["PutKeyPolicy"],
        "DisableRegion" => &["EnableRegion"],
        "PutBucketPolicy" | "DeleteBucketPolicy" => &POLICY,
        "PutBucketRequestPayment" => &["PutBucketRequestPayment"],
        "PutBucketEncryption" => &["DeleteBucketEncryption", "PutBucketEncryption"],
        _ => &[],
    }
}

/// Returns whether a call sets back what another one set on a trail.
fn sets_back(later: &Deed, subject: &Subject, of: &GapQuery<'_>) -> bool {
    later.effects.iter().any(|(back, effect)| match (subject, back) {
        (
            Subject::TrailNotAt { trail: one, bucket, prefix },
            Subject::TrailNotAt { trail: other, bucket: bucket_back, prefix: prefix_back },
        ) => {
            // A call leaves what it does not name as it was.
            let names_all = (bucket.is_none() || bucket_back.is_some())
                && (prefix.is_none() || prefix_back.is_some());
            one == other && names_all && is_about(back, of) == Truth::No
        }
        (Subject::Trail(one), Subject::Trail(other))
        | (Subject::TrailElsewhere(one), Subject::TrailElsewhere(other))
        | (Subject::TrailMembers(one), Subject::TrailMembers(other)) => {
            one == other && *effect == EffectOn::Resumes && is_about(back, of) == Truth::Yes
        }
        _ => false,
    })
}

/// Returns the technique of an event that did something to a chain. What a policy does is judged by a part of
/// the places when it is read.
fn technique_of(event: &TrailEvent, deed: &Deed) -> Option<Technique> {
    deed.technique
        .or_else(|| POLICY.contains(&event.name.as_str()).then_some(Technique::DeliveryBroken))
}

/// Other chains that are held against one event.
const SPARED: usize = 1_000;

/// Seconds from the beginning of a stretch within which its cause lies: the hour of the digest that is missing
/// first, and the two hours until it is due. What came later found it missing.
const CAUSE_WITHIN: i64 = 3 * HOUR;

/// Calls of which it may be impossible to decide whether they stop delivery.
const UNDECIDED: [&str; 3] = ["PutBucketPolicy", "PutKeyPolicy", "UpdateTrail"];

/// Calls that set the policy of a bucket, of which the last is in force.
const POLICY: [&str; 2] = ["PutBucketPolicy", "DeleteBucketPolicy"];

/// Returns whether an event about a chain may be about a different trail, or may have hindered nothing.
fn is_doubtful(event: &TrailEvent, deed: &Deed, chain: &ChainId) -> bool {
    // The keys of an organization's trail do not name its owner, and the trail of an account may
    // have the same name. A key that is used from now on breaks delivery only if CloudTrail must not
    // use it.
    let unnamed = |(subject, _): &(Subject, EffectOn)| matches!(subject, Subject::Members(None));
    chain.organization.is_some() && (deed.trail.is_some() || deed.effects.iter().any(unnamed))
        || event.name == "PutBucketEncryption"
}

/// Returns the last of these events before the stretch begins, or else the first one in it, and all others
/// that are on the same side and less than the hour of a digest away from it: digests do not tell their
/// order from their effects.
fn nearest(
    span: &Segment,
    mut events: Vec<(usize, Technique, Option<Timestamp>)>,
) -> Vec<(usize, Technique)> {
    events.retain(|(.., time)| time.is_none_or(|time| time <= span.from.plus(CAUSE_WITHIN)));
    events.sort_by_key(|(at, _, time)| {
        let after = time.is_none_or(|time| time > span.from);
        let near = time.map_or(i64::MAX, |time| (span.from.unix() - time.unix()).abs());
        (after, near, *at)
    });
    let side = |time: Option<Timestamp>| time.is_none_or(|time| time > span.from);
    let Some(first) = events.first().map(|(.., time)| *time) else { return Vec::new() };
    let is_near = |time: Option<Timestamp>| match (time, first) {
        (Some(time), Some(first)) => (time.unix() - first.unix()).abs() < HOUR,
        (time, first) => time == first,
    };
    let near = events.iter().filter(|(.., time)| side(*time) == side(first) && is_near(*time));
    near.map(|(at, technique, _)| (*at, *technique)).collect()
}
