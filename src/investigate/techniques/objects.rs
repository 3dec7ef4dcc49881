//! Digests and log files that are missing, changed or unreadable, and objects that CloudTrail did not
//! write.
use super::index::RuleInForce;
use super::ledger::{Cause, Effect, Judge};
use crate::investigate::access_logs::AccessLine;
use crate::investigate::facts::{Affected, Trouble, VersionTrace};
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::Finding;
use trailproof_core::codes::technique::{Confidence, Raise, Technique, Witness};
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::trail_event::Act;
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
                ReadFailureKind::KmsDenied if of_caller(&why.detail) => None,
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
        named.into_iter().flatten().copied().find(|number| {
            let Some(event) = self.facts.events.get(*number) else { return false };
            let Some(time) = event.event.time else { return false };
            event.technique() == Some(technique)
                && affected.time.is_none_or(|from| time >= from)
                && written.is_none_or(|written| time >= written)
                && marker.is_none_or(|marker| is_at(time, marker))
        })
    }

    /// Returns the event that wrote what is there: the last that names the object, and that fits the time
    /// at which the store wrote it, if that is known.
    fn write_of(
        &self,
        at: &ObjectLocation,
        techniques: &[Technique],
        from: Option<Timestamp>,
        written: Option<Timestamp>,
    ) -> Option<usize> {
        let last = self.event_on(at, techniques, from)?;
        let Some(written) = written else { return Some(last) };
        let named = self.index.by_key.get(at.key.as_str()).into_iter().flatten().copied();
        named.rev().find(|number| {
            let Some(event) = self.facts.events.get(*number) else { return false };
            // An upload in parts counts as written when it began.
            let slack = if event.event.name == "CompleteMultipartUpload" { UPLOAD } else { SLACK };
            event.technique().is_some_and(|technique| techniques.contains(&technique))
                && event
                    .event
                    .time
                    .is_some_and(|time| time >= written.plus(-SLACK) && time <= written.plus(slack))
        })
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

    /// Returns the rule that acted first on this object, if one did.
    fn rule_for(&self, affected: &Affected, act: Act) -> Option<&RuleInForce<'_>> {
        let time = affected.time?;
        let removed = self.trace(&affected.at).and_then(|trace| trace.marker);
        let by = removed.unwrap_or(self.facts.now);
        let rules = self.index.rules.iter().filter(|rule| rule.rule.act == act);
        let acted = rules
            .filter_map(|rule| rule.acted(&affected.at.key, time, by).map(|acted| (acted, rule)));
        acted.min_by_key(|(acted, rule)| (*acted, rule.event)).map(|(_, rule)| rule)
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
        let from = affected.time;
        if let Some(at) = self.removal_of(affected, T::ObjectsDeleted) {
            return shown(self, T::ObjectsDeleted, at, Confidence::Shown);
        }
        // A call that names a version removed that version; whether it was the only one is not known.
        if let Some(at) = self.removal_of(affected, T::VersionsDeleted) {
            return shown(self, T::VersionsDeleted, at, Confidence::Likely);
        }
        let rule = self.rule_for(affected, Act::Expires);
        // A rule that left what is at least as old cannot be what removed this.
        let thorough = rule
            .filter(|rule| from.is_some_and(|time| rule.is_thorough(time)))
            .map(|rule| rule.event);
        let may_be_rule = rule.is_some() && thorough.is_none();
        if let Some(at) = thorough {
            return shown(self, T::LifecycleExpiry, at, Confidence::Shown);
        }
        // `DeleteObjects` does not name the keys, so it is the witness of a deletion and not of this
        // one.
        let marker = self.trace(&affected.at).and_then(|trace| trace.marker);
        let bulk = self.index.bulks.iter().copied().find(|number| {
            let Some(event) = self.facts.events.get(*number) else { return false };
            let Some(deed) = event.done() else { return false };
            let prefix = deed.prefix.as_deref().unwrap_or_default();
            affected.at.key.starts_with(prefix)
                && marker.is_none_or(|marker| event.event.time.is_some_and(|at| is_at(at, marker)))
                && affected.time.is_none_or(|time| event.event.time.is_some_and(|at| at > time))
        });
        if let Some(at) = bulk {
            return shown(self, T::ObjectsDeleted, at, Confidence::Likely);
        }
        if let Some(line) = self.removal_in_logs(affected).cloned() {
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
            _ if affected.lifecycle || may_be_rule => {
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
        let from = affected.time;
        let writes: &[Technique] = match technique {
            T::ObjectsRansomed => &[T::ObjectsRansomed],
            _ => &[T::ObjectsReplaced, T::ObjectsRansomed],
        };
        if let Some(at) = self.write_of(&affected.at, writes, from, affected.last_modified) {
            let who = self.facts.events.get(at).map(|event| event.event.principal.clone());
            let cause = Cause::Caller(who.unwrap_or_default());
            // Encryption with a key of the caller's own is the effect of such a call and no other.
            let is_it = affected.last_modified.is_some() || technique == T::ObjectsRansomed;
            let confidence = if is_it { Confidence::Shown } else { Confidence::Likely };
            return self.add(effect(confidence, Witness::Proven, cause, Some(at), Vec::new()));
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

    /// Judges an object whose key cannot be used. Only a call about that very key names anybody.
    fn withheld(&mut self, affected: &Affected) -> usize {
        let at = affected.kms_key.as_ref().and_then(|key| self.index.withheld(key));
        self.stored_away(affected, Technique::KeyWithheld, at.map(|at| (at, Confidence::Shown)))
    }

    fn archived(&mut self, affected: &Affected) -> usize {
        let rule = self.rule_for(affected, Act::Archives).map(|rule| {
            let thorough = affected.time.is_some_and(|time| rule.is_thorough(time));
            (rule.event, if thorough { Confidence::Shown } else { Confidence::Likely })
        });
        self.stored_away(affected, Technique::ArchiveHidden, rule)
    }

    /// Explains an object that is there and cannot be read by an event, or else by the store.
    fn stored_away(
        &mut self,
        affected: &Affected,
        technique: Technique,
        by: Option<(usize, Confidence)>,
    ) -> usize {
        let at = by.map(|(at, _)| at);
        let id = at.and_then(|at| self.facts.events.get(at)).map(|event| event.event.id.clone());
        let otherwise = match technique {
            Technique::ArchiveHidden => Confidence::Likely,
            _ => Confidence::Possible,
        };
        self.add(Effect {
            technique,
            confidence: by.map_or(otherwise, |(_, confidence)| confidence),
            witness: if at.is_some() { Witness::Proven } else { Witness::Store },
            cause: id.map_or(Cause::Unknown(0), Cause::Event),
            event: at,
            chain: Some(&affected.chain),
            time: affected.time.map(|time| (time, time)),
            object: Some(&affected.at),
            alternatives: &[],
            raise: match at {
                Some(_) => Vec::new(),
                None => vec![Raise::OtherPlaces, Raise::EventHistory],
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
                let time = unlisted.time.or(unlisted.last_modified);
                self.foreign(&unlisted.at, time, unlisted.last_modified, None);
            }
        }
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
        let event = self.write_of(at, &writes, None, written);
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

/// Kinds of policies of a caller, as refusals of KMS name them. The key's own policy is not one.
const OF_CALLER: [&str; 5] = [
    "identity-based policy",
    "session policy",
    "permissions boundary",
    "service control policy",
    "VPC endpoint policy",
];

/// Returns whether a refusal of KMS is about the permissions of the caller.
fn of_caller(detail: &str) -> bool {
    OF_CALLER.iter().any(|policy| detail.contains(policy))
}

/// Returns whether S3's lifecycle worker may have acted: its actions carry midnight UTC.
fn is_midnight(time: Timestamp) -> bool {
    time.unix().rem_euclid(DAY) < HOUR
}
