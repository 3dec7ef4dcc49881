//! The public keys that a walk was brought, and the time of which they are all.
use super::failure::ReadFailure;
use super::judge::KeyLookup;
use super::signing::KeyRing;
use super::time::{DAY, HOUR, Period, Timestamp};
use super::walk_facts::Need;

/// See the module's words.
#[derive(Debug, Default)]
pub(super) struct KeysAtHand {
    ring: KeyRing,
    /// Spans of which all keys are in the ring, both ends included.
    all_of: Vec<(Timestamp, Timestamp)>,
    /// Why they are not all of the rest, once something could not be obtained.
    failed: Option<ReadFailure>,
}

impl KeysAtHand {
    /// Takes keys that are all of these spans.
    pub(super) fn take(
        &mut self,
        ring: &KeyRing,
        all_of: impl IntoIterator<Item = (Timestamp, Timestamp)>,
    ) {
        self.ring.extend(ring);
        self.all_of.extend(all_of);
    }

    /// Some could not be obtained, and are not asked for again.
    pub(super) fn are_not_all(&mut self, why: ReadFailure) {
        self.failed = Some(why);
    }

    /// Whether asking may bring the key that a digest with this end names.
    pub(super) fn are_to_be_asked(&self, fingerprint: &str, end: Timestamp) -> bool {
        self.ring.get(fingerprint).is_none() && !self.are_all_of(end) && self.failed.is_none()
    }

    /// What is known of the key that a digest with this end names.
    pub(super) fn look_up(&self, fingerprint: Option<&str>, end: Timestamp) -> KeyLookup<'_> {
        match (fingerprint.and_then(|name| self.ring.get(name)), &self.failed) {
            (Some(key), _) => KeyLookup::Known(key),
            (None, Some(why)) if !self.are_all_of(end) => KeyLookup::Unavailable(why),
            (None, _) => KeyLookup::NoneSuch,
        }
    }

    fn are_all_of(&self, end: Timestamp) -> bool {
        self.all_of.iter().any(|(from, to)| *from <= end && end <= *to)
    }
}

/// The span to ask keys for: the whole period with what anchors it where the digest lies in it, else
/// the day around the digest. A digest near the end of a span may use a key that became valid after
/// it: two hours more, as the AWS CLI asks.
pub(super) fn key_span(period: Period, end: Timestamp) -> Need {
    let (from, to) = (period.start.plus(-HOUR), period.end.plus(2 * HOUR));
    if from <= end && end <= to {
        return Need::Keys { from, to };
    }
    Need::Keys { from: end.plus(-DAY), to: end.plus(2 * HOUR) }
}
