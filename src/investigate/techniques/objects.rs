//! Digests and log files that are missing, changed or unreadable, and objects that CloudTrail did not
//! write.
use super::index::{EXAMINED, RuleInForce};
use super::ledger::{Cause, Effect, Judge};
use super::unreadable::is_of_caller;
use crate::investigate::access_logs::AccessLine;
use crate::investigate::facts::{Affected, Trouble, VersionTrace};
use crate::investigate::ties::is_wide;
use crate::report::case::model::DeedRule;
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::Finding;
use trailproof_core::codes::technique::{Confidence, Raise, Technique, Witness};
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::trail_event::{Act, MarkerChange, TrailEvent};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{DAY, HOUR, Timestamp};

impl Judge<'_> {
    pub(super) fn objects(&mut self) {
        let record = self.facts.record;
        for affected in &record.affected {
            let number = self.object(affected);
            self.judged.of_affected.push(number);
        }
    }

    fn object(&mut self, affected: &Affected) -> Option<usize> {
        match &affected.trouble {
            Trouble::Finding(Finding::DigestMissing | Finding::LogMissing) => {
                Some(self.gone(affected))
            }
            Trouble::Finding(Finding::DigestDeliveredThenGone { .. }) => Some(self.gone(affected)),
            Trouble::Finding(_) if affected.unlinked => {
                let (time, written) = (affected.time, affected.last_modified);
                Some(self.foreign(&affected.at, time, written, Some(&affected.chain)))
            }
            Trouble::Finding(_) => Some(self.replaced(affected, Technique::ObjectsReplaced)),
            Trouble::Unread(why) => match why.kind {
                ReadFailureKind::KmsDenied if why.detail.contains(CUSTOMER_KEY) => {
                    Some(self.replaced(affected, Technique::ObjectsRansomed))
                }
                // A permission that the caller lacks is no deed of anybody.
                ReadFailureKind::KmsDenied if is_of_caller(&why.detail) => None,
                ReadFailureKind::KmsDenied => Some(self.withheld(affected)),
                ReadFailureKind::Archived => Some(self.archived(affected)),
                // A refusal of the store or of the network is nobody's deed.
                _ => None,
            },
        }
    }

    /// Returns the last event of a kind that names this object, at a time or later: what was delivered
    /// afterwards, it did not touch.
    fn event_on(
        &self,
        at: &ObjectLocation,
        techniques: &[Technique],
        from: Option<Timestamp>,
    ) -> Option<usize> {
        let named =
            self.index.by_key.get(at.key.as_str()).filter(|_| at.bucket == self.facts.bucket);
        named.into_iter().flatten().copied().rfind(|number| {
            self.facts.events.get(*number).is_some_and(|event| {
                event.technique().is_some_and(|technique| techniques.contains(&technique))
                    && from.is_none_or(|from| event.event.time.is_some_and(|time| time >= from))
            })
        })
    }

    /// Returns the event that removed an object that is missing: the first deletion after the last known
    /// write, because whoever deletes a missing object removes nothing. Where the store has a delete marker,
    /// it must be the marker's.
    fn removal_of(&self, affected: &Affected, technique: Technique) -> Option<usize> {
        use Technique as T;
        let at = &affected.at;
        let written = self.event_on(at, &[T::ObjectsReplaced, T::ObjectsRansomed], affected.time);
        let written = written.and_then(|at| self.facts.events.get(at)?.event.time);
        let marker = self.trace(at).and_then(|trace| trace.marker);
        let marker = marker.filter(|_| technique == T::ObjectsDeleted);
        let named =
            self.index.by_key.get(at.key.as_str()).filter(|_| at.bucket == self.facts.bucket);
        let events = named.into_iter().flatten().filter_map(|it| self.facts.events.get(*it));
        // In order of time, so that the last removal of a version is kept.
        let undone: BTreeMap<&str, Timestamp> = events
            .filter_map(|event| match &event.done()?.marker {
                Some(MarkerChange::Removed(version)) => Some((version.as_str(), event.event.time?)),
                _ => None,
            })
            .collect();
        named.into_iter().flatten().copied().find(|number| {
            let Some(event) = self.facts.events.get(*number) else { return false };
            let Some(time) = event.event.time else { return false };
            let is_undone = event.done().is_some_and(|deed| {
                let Some(MarkerChange::Made(version)) = &deed.marker else { return false };
                undone.get(version.as_str()).is_some_and(|removed| *removed > time)
            });
            event.technique() == Some(technique)
                && !is_undone
                && affected.time.is_none_or(|from| time >= from)
                && written.is_none_or(|written| time >= written)
                && marker.is_none_or(|marker| is_at(time, marker))
        })
    }

    /// Returns the events that may have written what is there: the last that names the object, or those that
    /// fit the time at which the store wrote it, if that is known. There is one for each caller.
    fn writes_of(
        &self,
        at: &ObjectLocation,
        techniques: &[Technique],
        from: Option<Timestamp>,
        written: Option<Timestamp>,
    ) -> Vec<usize> {
        let Some(last) = self.event_on(at, techniques, from) else { return Vec::new() };
        let Some(written) = written else { return vec![last] };
        let named = self.index.by_key.get(at.key.as_str()).into_iter().flatten().copied();
        let mut callers = BTreeSet::new();
        let fitting = named.rev().filter(|number| {
            let Some(event) = self.facts.events.get(*number) else { return false };
            // An upload in parts counts as written when it began.
            let slack = if event.event.name == "CompleteMultipartUpload" { UPLOAD } else { SLACK };
            event.technique().is_some_and(|technique| techniques.contains(&technique))
                && event
                    .event
                    .time
                    .is_some_and(|time| time >= written.plus(-SLACK) && time <= written.plus(slack))
                && callers.insert(event.event.principal.as_str())
        });
        fitting.take(EXAMINED).collect()
    }

    /// Returns the request that removed an object that is missing, as [`Self::removal_of`] does.
    fn removal_in_logs(&self, affected: &Affected) -> Option<&AccessLine> {
        let at = &affected.at;
        let written = self.access_to(at, AccessLine::writes, affected.time).map(|line| line.time);
        let marker = self.trace(at).and_then(|trace| trace.marker);
        let lines = self.index.access.get(at)?.iter().copied();
        let mut removed = lines.filter(|line| {
            line.deletes()
                && affected.time.is_none_or(|from| line.time >= from)
                && written.is_none_or(|written| line.time >= written)
                && marker.is_none_or(|marker| is_at(line.time, marker))
        });
        removed.next()
    }

    /// Returns the last request to an object that fits, at a time or later.
    fn access_to(
        &self,
        at: &ObjectLocation,
        fits: fn(&AccessLine) -> bool,
        from: Option<Timestamp>,
    ) -> Option<&AccessLine> {
        let lines = self.index.access.get(at)?.iter().copied();
        lines.rev().find(|line| fits(line) && from.is_none_or(|from| line.time >= from))
    }

    fn trace(&self, at: &ObjectLocation) -> Option<&VersionTrace> {
        self.facts.versions.and_then(|versions| versions.get(at))
    }

    /// Returns the rule that acted first on this object, if one did, and when at the earliest.
    pub(super) fn rule_for(
        &self,
        affected: &Affected,
        act: Act,
    ) -> Option<(RuleInForce<'_>, Timestamp)> {
        let time = affected.time?;
        let removed = self.trace(&affected.at).and_then(|trace| trace.marker);
        let when = (removed, self.facts.now);
        let rules = self.index.rules.iter().filter(|rule| rule.rule.act == act);
        let acted = rules
            .filter_map(|rule| Some((rule.clone(), rule.acted(&affected.at.key, time, when)?)));
        acted.min_by_key(|(rule, acted)| (*acted, rule.event))
    }

    /// Returns the calls and the rule that removed an object that is missing: more than one if the evidence
    /// does not decide between them. The second list has calls that may be about it, and explain it less well.
    fn removals_of(&self, affected: &Affected) -> (Vec<Removal>, Vec<Removal>) {
        use Technique as T;
        let marker = self.trace(&affected.at).and_then(|trace| trace.marker);
        let time_of = |at: usize| self.facts.events.get(at).and_then(|event| event.event.time);
        let by_call = |at, technique, confidence| Removal { at, technique, confidence, rule: None };
        let call = self.removal_of(affected, T::ObjectsDeleted);
        let call = call.map(|at| by_call(at, T::ObjectsDeleted, Confidence::Shown)).or_else(|| {
            // A call that names a version removed that version; whether it was the only one is not known.
            let at = self.removal_of(affected, T::VersionsDeleted)?;
            Some(by_call(at, T::VersionsDeleted, Confidence::Likely))
        });
        // A rule that left what is at least as old cannot be what removed this.
        let rule = self.rule_for(affected, Act::Expires).filter(|(rule, _)| {
            affected.time.is_some_and(|time| rule.is_thorough(time, self.facts.now))
        });
        let rule = rule.filter(|(_, acted)| match &call {
            // The marker shows that it was the call. Without one, the rule may have acted before it.
            Some(call) => marker.is_none() && time_of(call.at).is_none_or(|time| *acted <= time),
            None => true,
        });
        let mut equal: Vec<Removal> = call.into_iter().collect();
        equal.extend(rule.map(|(rule, _)| Removal {
            at: rule.event,
            technique: T::LifecycleExpiry,
            confidence: match rule.is_settled(marker) {
                true => Confidence::Shown,
                false => Confidence::Likely,
            },
            rule: Some(rule.told()),
        }));
        if equal.first().is_some_and(|first| first.rule.is_none()) {
            return (equal, Vec::new());
        }
        // `DeleteObjects` does not name the keys, so it is the witness of a deletion and not of this one.
        let mut wide = Vec::new();
        let mut callers = BTreeSet::new();
        for at in self.index.bulks.iter().copied() {
            let Some(event) = self.facts.events.get(at) else { continue };
            let Some(deed) = event.done() else { continue };
            let prefix = deed.prefix.as_deref().unwrap_or_default();
            let fits = affected.at.key.starts_with(prefix)
                && affected.at.bucket == self.facts.bucket
                && event.event.time.is_some_and(|time| {
                    marker.is_none_or(|marker| is_at(time, marker))
                        && affected.time.is_none_or(|written| time > written)
                });
            if !fits || !callers.insert((is_wide(deed), event.event.principal.as_str())) {
                continue;
            }
            match is_wide(deed) {
                true => wide.push(by_call(at, T::ObjectsDeleted, Confidence::Possible)),
                false => equal.push(by_call(at, T::ObjectsDeleted, Confidence::Likely)),
            }
        }
        (equal, wide)
    }

    /// Adds an object to the deed of what removed it.
    fn by_removal(&mut self, affected: &Affected, removal: &Removal, undecided: bool) -> usize {
        let event = self.facts.events.get(removal.at).map(|event| &event.event);
        let text = |of: fn(&TrailEvent) -> &String| event.map(of).cloned().unwrap_or_default();
        // Deletions one by one are one deed of their caller. What may be about anything is one of its own.
        let cause = match (removal.technique, removal.confidence) {
            (Technique::LifecycleExpiry, _) => Cause::Event(text(|event| &event.id)),
            (_, Confidence::Possible) => Cause::MayBe(text(|event| &event.principal)),
            _ => Cause::Caller(text(|event| &event.principal)),
        };
        let ceiling = if undecided { Confidence::Likely } else { Confidence::Shown };
        let is_possible = removal.confidence == Confidence::Possible;
        let alternatives: &[Technique] = match is_possible {
            true => &[Technique::VersionsDeleted, Technique::LifecycleExpiry],
            false if removal.confidence < Confidence::Shown && removal.rule.is_some() => {
                &[Technique::ObjectsDeleted]
            }
            false => &[],
        };
        let number = self.add(Effect {
            technique: removal.technique,
            confidence: removal.confidence.min(ceiling),
            witness: Witness::Proven,
            cause,
            event: Some(removal.at),
            chain: Some(&affected.chain),
            time: affected.time.map(|time| (time, time)),
            object: Some(&affected.at),
            alternatives,
            raise: if is_possible || undecided { self.raise() } else { Vec::new() },
        });
        if let Some(rule) = &removal.rule {
            self.by_rule(number, rule.clone());
        }
        number
    }

    fn gone(&mut self, affected: &Affected) -> usize {
        use Technique as T;
        let (equal, wide) = self.removals_of(affected);
        let undecided = equal.len() > 1;
        let of_equal: Vec<usize> =
            equal.iter().map(|removal| self.by_removal(affected, removal, undecided)).collect();
        let of_wide: Vec<usize> =
            wide.iter().map(|removal| self.by_removal(affected, removal, false)).collect();
        self.undecided(&of_equal);
        if let Some(first) = of_equal.first() {
            return *first;
        }
        let chain = Some(&affected.chain);
        let time = affected.time.map(|time| (time, time));
        let object = Some(&affected.at);
        if let Some(line) = self.removal_in_logs(affected).cloned() {
            let technique = match (line.expires(), &line.version) {
                (true, _) => T::LifecycleExpiry,
                (_, Some(_)) if line.operation != "BATCH.DELETE.OBJECT" => T::VersionsDeleted,
                _ => T::ObjectsDeleted,
            };
            return self.by_access(&line, technique, affected);
        }
        let may_be_rule = self.rule_for(affected, Act::Expires).is_some();
        let (technique, confidence, alternatives): (_, _, &[Technique]) = match self
            .trace(&affected.at)
        {
            Some(VersionTrace { marker: Some(marker), .. }) if is_midnight(*marker) => {
                (T::LifecycleExpiry, Confidence::Possible, &[T::ObjectsDeleted])
            }
            Some(VersionTrace { marker: Some(_), .. }) => {
                (T::ObjectsDeleted, Confidence::Likely, &[])
            }
            Some(VersionTrace { none_left: true, .. }) => {
                (T::VersionsDeleted, Confidence::Likely, &[T::LifecycleExpiry])
            }
            _ if affected.lifecycle || may_be_rule => {
                (T::LifecycleExpiry, Confidence::Possible, &[T::ObjectsDeleted])
            }
            _ => {
                // A call that may be about it says as much.
                if let Some(first) = of_wide.first() {
                    self.undecided(&of_wide);
                    return *first;
                }
                (T::ObjectsDeleted, Confidence::Possible, &[T::VersionsDeleted, T::LifecycleExpiry])
            }
        };
        let raise = self.raise();
        self.add(Effect {
            technique,
            confidence,
            witness: if confidence == Confidence::Likely {
                Witness::Store
            } else {
                Witness::Proven
            },
            cause: Cause::Unknown(0),
            event: None,
            chain,
            time,
            object,
            alternatives,
            raise,
        })
    }

    /// Returns what would name the caller of a deletion or an overwrite.
    fn raise(&self) -> Vec<Raise> {
        let mut raise = Vec::new();
        if !self.facts.data_events {
            raise.push(Raise::DataEvents);
        }
        if self.facts.access.is_empty() {
            raise.push(Raise::AccessLogs);
        }
        if self.facts.versions.is_none() {
            raise.push(Raise::Versions);
        }
        raise
    }

    fn by_access(&mut self, line: &AccessLine, technique: Technique, affected: &Affected) -> usize {
        let number = self.add(Effect {
            technique,
            confidence: Confidence::Likely,
            witness: Witness::Unsigned,
            cause: Cause::Caller(line.requester.clone()),
            event: None,
            chain: Some(&affected.chain),
            time: affected.time.map(|time| (time, time)),
            object: Some(&affected.at),
            alternatives: &[],
            raise: if self.facts.data_events { Vec::new() } else { vec![Raise::DataEvents] },
        });
        if let Some(deed) = self.judged.deeds.get_mut(number)
            && deed.when.is_none_or(|when| line.time < when)
        {
            deed.when = Some(line.time);
            deed.who.clone_from(&line.requester);
            deed.from_where.clone_from(&line.address);
        }
        number
    }

    fn replaced(&mut self, affected: &Affected, technique: Technique) -> usize {
        use Technique as T;
        let effect = |confidence, witness, cause, event, raise| Effect {
            technique,
            confidence,
            witness,
            cause,
            event,
            chain: Some(&affected.chain),
            time: affected.time.map(|time| (time, time)),
            object: Some(&affected.at),
            alternatives: &[],
            raise,
        };
        let from = affected.time;
        let writes: &[Technique] = match technique {
            T::ObjectsRansomed => &[T::ObjectsRansomed],
            _ => &[T::ObjectsReplaced, T::ObjectsRansomed],
        };
        let writes = self.writes_of(&affected.at, writes, from, affected.last_modified);
        let numbers: Vec<usize> = writes
            .iter()
            .map(|at| {
                let who = self.facts.events.get(*at).map(|event| event.event.principal.clone());
                let cause = Cause::Caller(who.unwrap_or_default());
                // Encryption with a key of the caller's own is the effect of such a call and no other.
                let is_it = affected.last_modified.is_some() || technique == T::ObjectsRansomed;
                let is_only = writes.len() == 1;
                let sure = if is_it && is_only { Confidence::Shown } else { Confidence::Likely };
                self.add(effect(sure, Witness::Proven, cause, Some(*at), Vec::new()))
            })
            .collect();
        self.undecided(&numbers);
        if let Some(first) = numbers.first() {
            return *first;
        }
        if let Some(line) = self.access_to(&affected.at, AccessLine::writes, from).cloned() {
            return self.by_access(&line, technique, affected);
        }
        let proves = self.trace(&affected.at).is_some_and(|trace| trace.oldest_proves);
        let (confidence, witness) = match proves {
            true => (Confidence::Likely, Witness::Store),
            false => (Confidence::Possible, Witness::Proven),
        };
        let raise = self.raise();
        self.add(effect(confidence, witness, Cause::Unknown(0), None, raise))
    }

    // Objects that CloudTrail did not write.

    pub(super) fn planted(&mut self) {
        let record = self.facts.record;
        for unlisted in &record.unlisted {
            if unlisted.reason == UnlistedReason::TrailWithoutValidation {
                continue;
            }
            // In time without digests, CloudTrail may well have written it.
            let unattested = unlisted.time.is_some_and(|time| self.index.is_uncovered(time));
            if !unattested {
                let time = unlisted.time.or(unlisted.last_modified);
                self.foreign(&unlisted.at, time, unlisted.last_modified, None);
            }
        }
    }

    /// Adds an object that CloudTrail did not write to the deeds of all callers who may have.
    fn by_one_of(
        &mut self,
        events: &[usize],
        at: &ObjectLocation,
        time: Option<Timestamp>,
        chain: Option<&ChainId>,
    ) -> usize {
        let numbers: Vec<usize> = events
            .iter()
            .map(|event| {
                let of = self.facts.events.get(*event);
                let who = of.map(|event| event.event.principal.clone()).unwrap_or_default();
                let raise = self.raise();
                self.add(Effect {
                    technique: Technique::ObjectsPlanted,
                    confidence: Confidence::Likely,
                    witness: Witness::Proven,
                    cause: Cause::Caller(who),
                    event: Some(*event),
                    chain,
                    time: time.map(|time| (time, time)),
                    object: Some(at),
                    alternatives: &[],
                    raise,
                })
            })
            .collect();
        self.undecided(&numbers);
        numbers.first().copied().unwrap_or_default()
    }

    fn foreign(
        &mut self,
        at: &ObjectLocation,
        time: Option<Timestamp>,
        written: Option<Timestamp>,
        chain: Option<&ChainId>,
    ) -> usize {
        use Technique as T;
        let writes = [T::ObjectsReplaced, T::ObjectsRansomed];
        let events = self.writes_of(at, &writes, None, written);
        if events.len() > 1 {
            return self.by_one_of(&events, at, time, chain);
        }
        let event = events.first().copied();
        let line = self.access_to(at, AccessLine::writes, None).cloned();
        let of = event.and_then(|event| self.facts.events.get(event));
        let who = of.map(|event| event.event.principal.clone());
        let who = who.or(line.as_ref().map(|line| line.requester.clone()));
        let (confidence, witness) = match (event, &line) {
            (Some(_), _) if written.is_some() => (Confidence::Shown, Witness::Proven),
            (Some(_), _) => (Confidence::Likely, Witness::Proven),
            (None, Some(_)) => (Confidence::Likely, Witness::Unsigned),
            (None, None) => (Confidence::Possible, Witness::Store),
        };
        let raise = if confidence == Confidence::Shown { Vec::new() } else { self.raise() };
        let number = self.add(Effect {
            technique: T::ObjectsPlanted,
            confidence,
            witness,
            cause: who.map_or(Cause::Unknown(0), Cause::Caller),
            event,
            chain,
            time: time.map(|time| (time, time)),
            object: Some(at),
            alternatives: &[],
            raise,
        });
        if let (None, Some(line), Some(deed)) = (event, line, self.judged.deeds.get_mut(number)) {
            deed.when = deed.when.or(Some(line.time));
            deed.who = line.requester;
            deed.from_where = line.address;
        }
        number
    }
}

/// What removed an object, or may have.
struct Removal {
    /// The event.
    at: usize,
    technique: Technique,
    confidence: Confidence,
    rule: Option<DeedRule>,
}

/// What S3 says of an object that was encrypted with a key that the caller provided.
const CUSTOMER_KEY: &str = "using a form of Server Side Encryption";

/// Seconds by which the time of a call may differ from that of the object that it wrote.
const SLACK: i64 = 120;

/// Returns whether a call may have written the delete marker of this time.
fn is_at(time: Timestamp, marker: Timestamp) -> bool {
    (time.unix() - marker.unix()).abs() <= SLACK
}

/// Seconds after its beginning within which an upload in parts is completed.
const UPLOAD: i64 = 7 * DAY;

/// Returns whether S3's lifecycle worker may have acted: its actions carry midnight UTC.
fn is_midnight(time: Timestamp) -> bool {
    time.unix().rem_euclid(DAY) < HOUR
}
