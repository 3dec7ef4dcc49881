//! Digests and log files that are missing, changed or unreadable, and objects that CloudTrail did not
//! write.
use super::ledger::{Cause, Effect, Judge};
use crate::investigate::access_logs::AccessLine;
use crate::investigate::facts::{Affected, Trouble, VersionTrace};
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::Finding;
use trailproof_core::codes::technique::{Confidence, Raise, Technique, Witness};
use trailproof_core::codes::unlisted::UnlistedReason;
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
                Some(self.foreign(&affected.at, affected.time, Some(&affected.chain)))
            }
            Trouble::Finding(_) => Some(self.replaced(affected, Technique::ObjectsReplaced)),
            Trouble::Unread(why) => match why.kind {
                ReadFailureKind::KmsDenied if why.detail.contains(CUSTOMER_KEY) => {
                    Some(self.replaced(affected, Technique::ObjectsRansomed))
                }
                ReadFailureKind::KmsDenied => Some(self.withheld(affected)),
                ReadFailureKind::Archived => Some(self.archived(affected)),
                // A refusal of the store or of the network is nobody's deed.
                _ => None,
            },
        }
    }

    /// Returns the event of a kind that names this object.
    fn event_on(&self, at: &ObjectLocation, techniques: &[Technique]) -> Option<usize> {
        let named =
            self.index.by_key.get(at.key.as_str()).filter(|_| at.bucket == self.facts.bucket);
        named.into_iter().flatten().copied().find(|number| {
            let deed = self.facts.events.get(*number).and_then(|event| event.deed.as_ref());
            deed.and_then(|deed| deed.technique)
                .is_some_and(|technique| techniques.contains(&technique))
        })
    }

    fn access_to(&self, at: &ObjectLocation, fits: fn(&AccessLine) -> bool) -> Option<&AccessLine> {
        self.index.access.get(at)?.iter().copied().find(|line| fits(line))
    }

    fn trace(&self, at: &ObjectLocation) -> Option<&VersionTrace> {
        self.facts.versions.and_then(|versions| versions.get(at))
    }

    /// Returns the rule that removes this object, if an event put one that reaches it.
    fn rule_for(&self, affected: &Affected) -> Option<usize> {
        let time = affected.time?;
        let removed = self.trace(&affected.at).and_then(|trace| trace.marker);
        self.index.rules.iter().copied().find(|number| {
            let Some(event) = self.facts.events.get(*number) else { return false };
            let Some(deed) = &event.deed else { return false };
            let prefix = deed.prefix.as_deref().unwrap_or_default();
            let days = i64::from(deed.days.unwrap_or(0));
            // A rule acts at the next midnight after the age is reached.
            let due = time.plus(days * DAY);
            let put = event.event.time.unwrap_or(due);
            let by = removed.unwrap_or(self.facts.now);
            affected.at.key.starts_with(prefix) && due.max(put) <= by
        })
    }

    fn gone(&mut self, affected: &Affected) -> usize {
        use Technique as T;
        let chain = Some(&affected.chain);
        let time = affected.time.map(|time| (time, time));
        let object = Some(&affected.at);
        let shown = |this: &mut Self, technique, at: usize, confidence| {
            let id = this.facts.events.get(at).map(|event| event.event.id.clone());
            let who = this.facts.events.get(at).map(|event| event.event.principal.clone());
            // Deletions one by one are one deed of their caller.
            let cause = match technique {
                T::LifecycleExpiry => Cause::Event(id.unwrap_or_default()),
                _ => Cause::Caller(who.unwrap_or_default()),
            };
            this.add(Effect {
                technique,
                confidence,
                witness: Witness::Proven,
                cause,
                event: Some(at),
                chain,
                time,
                object,
                alternatives: &[],
                raise: Vec::new(),
            })
        };
        if let Some(at) = self.event_on(&affected.at, &[T::ObjectsDeleted, T::VersionsDeleted]) {
            let technique =
                self.facts.events.get(at).and_then(|event| event.deed.as_ref()?.technique);
            return shown(self, technique.unwrap_or(T::ObjectsDeleted), at, Confidence::Shown);
        }
        if let Some(at) = self.rule_for(affected) {
            return shown(self, T::LifecycleExpiry, at, Confidence::Shown);
        }
        // `DeleteObjects` does not name the keys, so it is the witness of a deletion and not of this
        // one.
        let bulk = self.index.bulks.iter().copied().find(|number| {
            let Some(event) = self.facts.events.get(*number) else { return false };
            let Some(deed) = &event.deed else { return false };
            let prefix = deed.prefix.as_deref().unwrap_or_default();
            affected.at.key.starts_with(prefix)
                && affected.time.is_none_or(|time| event.event.time.is_some_and(|at| at > time))
        });
        if let Some(at) = bulk {
            return shown(self, T::ObjectsDeleted, at, Confidence::Likely);
        }
        if let Some(line) = self.access_to(&affected.at, AccessLine::deletes).cloned() {
            let technique = match (line.expires(), &line.version) {
                (true, _) => T::LifecycleExpiry,
                (_, Some(_)) if line.operation != "BATCH.DELETE.OBJECT" => T::VersionsDeleted,
                _ => T::ObjectsDeleted,
            };
            return self.by_access(&line, technique, affected);
        }
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
            _ if affected.lifecycle => {
                (T::LifecycleExpiry, Confidence::Possible, &[T::ObjectsDeleted])
            }
            _ => {
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
        if let Some(at) = self.event_on(&affected.at, &[T::ObjectsReplaced, T::ObjectsRansomed]) {
            let who = self.facts.events.get(at).map(|event| event.event.principal.clone());
            let cause = Cause::Caller(who.unwrap_or_default());
            return self.add(effect(
                Confidence::Shown,
                Witness::Proven,
                cause,
                Some(at),
                Vec::new(),
            ));
        }
        if let Some(line) = self.access_to(&affected.at, AccessLine::writes).cloned() {
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

    fn withheld(&mut self, affected: &Affected) -> usize {
        self.by_event_of(affected, Technique::KeyWithheld, Confidence::Possible)
    }

    fn archived(&mut self, affected: &Affected) -> usize {
        self.by_event_of(affected, Technique::ArchiveHidden, Confidence::Likely)
    }

    /// Explains an object by the first event of a technique, or else by the store.
    fn by_event_of(&mut self, affected: &Affected, technique: Technique, or: Confidence) -> usize {
        let at = self.facts.events.iter().position(|event| {
            !event.is_attempt()
                && event.deed.as_ref().is_some_and(|deed| deed.technique == Some(technique))
        });
        let id = at.and_then(|at| self.facts.events.get(at)).map(|event| event.event.id.clone());
        self.add(Effect {
            technique,
            confidence: if at.is_some() { Confidence::Shown } else { or },
            witness: if at.is_some() { Witness::Proven } else { Witness::Store },
            cause: id.map_or(Cause::Unknown(0), Cause::Event),
            event: at,
            chain: Some(&affected.chain),
            time: affected.time.map(|time| (time, time)),
            object: Some(&affected.at),
            alternatives: &[],
            raise: if at.is_some() {
                Vec::new()
            } else {
                vec![Raise::OtherPlaces, Raise::EventHistory]
            },
        })
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
                self.foreign(&unlisted.at, unlisted.time.or(unlisted.last_modified), None);
            }
        }
    }

    fn foreign(
        &mut self,
        at: &ObjectLocation,
        time: Option<Timestamp>,
        chain: Option<&ChainId>,
    ) -> usize {
        use Technique as T;
        let event = self.event_on(at, &[T::ObjectsReplaced, T::ObjectsRansomed]);
        let line = self.access_to(at, AccessLine::writes).cloned();
        let of = event.and_then(|event| self.facts.events.get(event));
        let who = of.map(|event| event.event.principal.clone());
        let who = who.or(line.as_ref().map(|line| line.requester.clone()));
        let (confidence, witness) = match (event, &line) {
            (Some(_), _) => (Confidence::Shown, Witness::Proven),
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

/// What S3 says of an object that was encrypted with a key that the caller provided.
const CUSTOMER_KEY: &str = "using a form of Server Side Encryption";

/// Returns whether S3's lifecycle worker may have acted: its actions carry midnight UTC.
fn is_midnight(time: Timestamp) -> bool {
    time.unix().rem_euclid(DAY) < HOUR
}
