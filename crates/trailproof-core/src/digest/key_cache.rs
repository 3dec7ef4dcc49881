//! The public keys that a walk has received, and the times for which they are complete.
use super::judge::KeyLookup;
use super::signing::KeyRing;
use crate::codes::failure::{ReadFailure, ReadFailureKind};
use crate::vocab::time::{DAY, HOUR, Period, Timestamp};
use crate::walk::facts::{Need, PartialKeys};

/// The keys at hand. A key is unknown only after all keys from a day before the digest's end until
/// now were requested: a digest may be signed late, by a key that became valid after its end.
#[derive(Debug)]
pub(crate) struct KeyCache {
    ring: KeyRing,
    /// Spans for which keys were requested.
    asked: Vec<(Timestamp, Timestamp)>,
    /// Time since which all keys until now are in the ring.
    since: Option<Timestamp>,
    /// Ranges of digest ends for which all keys are in the ring, according to a bundle.
    all_of: Vec<(Timestamp, Timestamp)>,
    /// Why the keys for other times are incomplete, once something could not be obtained.
    failed: Option<ReadFailure>,
    /// The failure for a time at which no listed key was valid.
    none: ReadFailure,
}

impl Default for KeyCache {
    fn default() -> Self {
        let words = "no public key that was valid then is listed, so that none is missing either";
        Self {
            ring: KeyRing::default(),
            asked: Vec::new(),
            since: None,
            all_of: Vec::new(),
            failed: None,
            none: ReadFailure::new(ReadFailureKind::KeysUnavailable, words),
        }
    }
}

impl KeyCache {
    /// Adds the keys of a span.
    pub(crate) fn take(&mut self, ring: &KeyRing, span: (Timestamp, Timestamp)) {
        self.ring.extend(ring);
        self.asked.push(span);
    }

    /// Adds all keys since `from`.
    pub(crate) fn take_since(&mut self, ring: &KeyRing, from: Timestamp) {
        self.ring.extend(ring);
        self.since = Some(self.since.map_or(from, |since| since.min(from)));
    }

    /// Adds the keys of a bundle. No more keys are requested after that. `late` is how long after
    /// its end a digest may be signed.
    pub(crate) fn take_part(&mut self, part: PartialKeys, late: i64) {
        self.ring.extend(&part.ring);
        self.all_of.extend(part.all_of.iter().map(|(from, to)| (*from, to.plus(-late))));
        self.all_of.extend(part.all_since);
        self.failed = Some(part.why);
    }

    /// Records that some keys could not be obtained; they are not requested again.
    pub(crate) fn mark_incomplete(&mut self, why: ReadFailure) {
        self.failed = Some(why);
    }

    /// Returns whether the key is at hand.
    pub(crate) fn has(&self, fingerprint: &str) -> bool {
        self.ring.get(fingerprint).is_some()
    }

    /// Returns whether requesting the keys around the digest's end could supply the key that it
    /// names.
    pub(crate) fn needs_fetch(&self, fingerprint: &str, end: Timestamp) -> bool {
        let asked = self.asked.iter().any(|(from, to)| *from <= end && end <= *to);
        !self.has(fingerprint) && !asked && self.failed.is_none()
    }

    /// Returns what to request before the key is called unknown. One answer is enough for the whole
    /// period.
    pub(crate) fn before_unknown(
        &self,
        fingerprint: &str,
        period: Period,
        end: Timestamp,
    ) -> Option<Need> {
        let had = self.since.is_some_and(|since| since <= end.plus(-DAY));
        let asks = !self.has(fingerprint) && !had && self.failed.is_none();
        asks.then(|| Need::KeysSince(period.start.min(end).plus(-DAY)))
    }

    /// Returns what is known about the key named by a digest with this end.
    pub(crate) fn look_up(&self, fingerprint: Option<&str>, end: Timestamp) -> KeyLookup<'_> {
        if let Some(key) = fingerprint.and_then(|name| self.ring.get(name)) {
            return KeyLookup::Known(key);
        }
        match &self.failed {
            Some(why) if !self.covers(end) => KeyLookup::Unavailable(why),
            None if !self.covers(end) => KeyLookup::Unavailable(&self.none),
            _ if !self.ring.has_valid_at(end) => KeyLookup::Unavailable(&self.none),
            _ => KeyLookup::NoneSuch,
        }
    }

    fn covers(&self, end: Timestamp) -> bool {
        self.since.is_some_and(|since| since <= end)
            || self.all_of.iter().any(|(from, to)| *from <= end && end <= *to)
    }
}

/// Returns the span for which to request keys: the whole period and its anchors if the digest is in
/// it, otherwise the day around the digest. A digest near the end of a span may use a key that
/// became valid after it, so two hours are added, as the AWS CLI does.
pub(crate) fn key_span(period: Period, end: Timestamp) -> Need {
    let (from, to) = (period.start.plus(-HOUR), period.end.plus(2 * HOUR));
    if from <= end && end <= to {
        return Need::Keys { from, to };
    }
    Need::Keys { from: end.plus(-DAY), to: end.plus(2 * HOUR) }
}
