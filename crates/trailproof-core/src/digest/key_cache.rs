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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::signing::PublicKey;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_unix(hour * HOUR)
    }

    fn ring(name: &str) -> KeyRing {
        let mut ring = KeyRing::default();
        ring.add(PublicKey::new(name, b"x").valid_between(Some(at(0)), Some(at(1_000))));
        ring
    }

    fn why() -> ReadFailure {
        ReadFailure::new(ReadFailureKind::Denied, "no")
    }

    /// What the lookup of a key returns, in one word.
    fn word(keys: &KeyCache, fingerprint: &str, end: i64) -> &'static str {
        match keys.look_up(Some(fingerprint), at(end)) {
            KeyLookup::Known(_) => "known",
            KeyLookup::NoneSuch => "unknown",
            KeyLookup::Unavailable(why) => why.kind.code(),
        }
    }

    #[test]
    fn a_span_is_requested_once_and_a_known_key_never() {
        let mut keys = KeyCache::default();
        assert!(keys.needs_fetch("a", at(100)));
        keys.take(&ring("a"), (at(90), at(110)));
        assert!(keys.has("a") && !keys.has("b"));
        assert!(!keys.needs_fetch("a", at(500)));
        for (end, needed) in [(89, true), (90, false), (100, false), (110, false), (111, true)] {
            assert_eq!(keys.needs_fetch("b", at(end)), needed, "{end}");
        }
        keys.mark_incomplete(why());
        assert!(!keys.needs_fetch("b", at(111)));
        assert_eq!(word(&keys, "a", 100), "known");
        assert_eq!(word(&keys, "b", 100), "denied");
    }

    #[test]
    fn a_key_is_unknown_only_if_all_keys_since_a_day_before_the_end_were_requested() {
        let period = Period { start: at(100), end: at(200) };
        let mut keys = KeyCache::default();
        assert!(matches!(
            keys.before_unknown("b", period, at(150)),
            Some(Need::KeysSince(from)) if from == at(76)
        ));
        assert!(matches!(
            keys.before_unknown("b", period, at(50)),
            Some(Need::KeysSince(from)) if from == at(26)
        ));
        assert_eq!(word(&keys, "b", 150), "keys-unavailable");
        keys.take_since(&ring("a"), at(126));
        assert!(keys.before_unknown("a", period, at(150)).is_none());
        assert!(keys.before_unknown("b", period, at(150)).is_none());
        assert!(keys.before_unknown("b", period, at(149)).is_some());
        assert_eq!(word(&keys, "b", 150), "unknown");
        assert_eq!(word(&keys, "b", 126), "unknown");
        assert_eq!(word(&keys, "b", 125), "keys-unavailable");
        // A later request for less does not make the earlier one smaller.
        keys.take_since(&KeyRing::default(), at(140));
        assert_eq!(word(&keys, "b", 126), "unknown");
        // A time at which no listed key was valid accuses nobody.
        assert_eq!(word(&keys, "b", 1_001), "keys-unavailable");
        keys.mark_incomplete(why());
        assert!(keys.before_unknown("b", period, at(149)).is_none());
    }

    #[test]
    fn a_bundle_covers_its_spans_except_the_time_in_which_a_digest_may_still_be_signed() {
        let mut keys = KeyCache::default();
        let part = PartialKeys {
            ring: ring("a"),
            all_of: vec![(at(100), at(200))],
            all_since: Some((at(300), at(400))),
            why: why(),
        };
        keys.take_part(part, 10 * HOUR);
        assert!(!keys.needs_fetch("b", at(150)));
        for (end, expected) in [
            (99, "denied"),
            (100, "unknown"),
            (190, "unknown"),
            (191, "denied"),
            (300, "unknown"),
            (400, "unknown"),
            (401, "denied"),
        ] {
            assert_eq!(word(&keys, "b", end), expected, "{end}");
        }
        assert_eq!(word(&keys, "a", 99), "known");
        assert!(matches!(keys.look_up(None, at(150)), KeyLookup::NoneSuch));
    }

    #[test]
    fn keys_are_requested_for_the_period_or_around_a_digest_outside_of_it() {
        let period = Period { start: at(100), end: at(200) };
        for (end, from, to) in
            [(99, 99, 202), (150, 99, 202), (202, 99, 202), (98, 74, 100), (203, 179, 205)]
        {
            let Need::Keys { from: first, to: last } = key_span(period, at(end)) else {
                panic!("not a span");
            };
            assert_eq!((first, last), (at(from), at(to)), "{end}");
        }
    }
}
