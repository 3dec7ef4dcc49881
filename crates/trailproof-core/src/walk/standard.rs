//! The walk along a chain from the newest digest to the oldest, as a state machine.
//!
//! Every digest in the listing and every digest that a proven one names is judged once, in
//! descending order of its end. The walk never fetches: it states what it needs ([`Need`]), the
//! caller supplies the fact ([`Fact`]) and receives what that settles ([`Step`]).
//!
//! Only proven digests steer. A digest that was planted in the listing is judged and reported, but
//! changes neither where a link leads nor how the period is divided below a proven digest.
use super::facts::{Fact, ListedDigest, Need, Step};
use crate::Verified;
use crate::codes::failure::{ReadFailure, ReadFailureKind};
use crate::codes::finding::{Finding, Outcome};
use crate::codes::notice::Notice;
use crate::compat::judge::DigestRead;
use crate::digest::document::{Digest, Link};
use crate::digest::judge::{ProvenDigest, judge_with_kept_or_by_key};
use crate::digest::key_cache::{KeyCache, key_span};
use crate::digest::signing::SIGNED_LATE;
use crate::vocab::budget;
use crate::vocab::key_layout::DigestKey;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{HOUR, Period, Timestamp};
use std::sync::Arc;

/// What a proven digest records about the previous one, until that one is judged.
#[derive(Clone, Debug)]
struct Expected {
    link: Link,
    end: Timestamp,
    successor_end: Timestamp,
}

/// A walk over the standard digests of one chain.
#[derive(Debug)]
pub struct ChainWalk {
    period: Period,
    /// Standard digests that have not been judged yet, oldest first.
    listed: Vec<ListedDigest>,
    expected: Option<Expected>,
    /// The digest being judged, whether the open link names it, and what was read of it.
    current: Option<Current>,
    need: Need,
    keys: KeyCache,
    /// The signature that the last digest, which was not proven, records for the previous one. In a
    /// copy without metadata, the first proof of a chain starts with it.
    kept_signature: Option<String>,
    /// The start of the oldest proven digest.
    oldest_start: Option<Timestamp>,
    /// Whether the listing holds digests before the period, once that is known.
    older: bool,
    /// A missing digest at the old edge, reported once it is known whether anything is older.
    held: Option<Step>,
    steps: u64,
}

#[derive(Debug)]
struct Current {
    at: ObjectLocation,
    end: Timestamp,
    linked: bool,
    /// What was read, while its keys are being requested.
    read: Option<Box<DigestRead>>,
    /// Whether it did not prove the first time and is being read again.
    again: bool,
}

impl ChainWalk {
    /// Creates a walk over `period` of a chain with these standard digests in its listing: those
    /// that end after the period's start, and up to a few that end after the period, to anchor the
    /// walk. If none ends after the start, the newest one before it may be included: the time after
    /// it may be pending.
    pub fn new(period: Period, mut listed: Vec<ListedDigest>) -> Self {
        listed.sort();
        listed.dedup();
        let mut walk = Self {
            period,
            listed,
            expected: None,
            current: None,
            need: Need::Nothing,
            keys: KeyCache::default(),
            kept_signature: None,
            oldest_start: None,
            older: false,
            held: None,
            steps: 0,
        };
        walk.advance();
        walk
    }

    /// Returns what to find next.
    pub fn need(&self) -> &Need {
        &self.need
    }

    /// Lists the digests that the walk will reach, newest first, for reading ahead.
    pub fn ahead(&self) -> impl Iterator<Item = &ObjectLocation> {
        self.listed.iter().rev().map(|digest| &digest.at)
    }

    /// Returns whether the chain has digests before the period, as far as that had to be
    /// determined.
    pub fn has_older(&self) -> bool {
        self.older
    }

    /// Takes the fact for the current need and advances. A fact that does not match the need ends
    /// the walk; the division of the period then shows that.
    pub fn feed(&mut self, fact: Fact) -> Vec<Step> {
        self.steps += 1;
        match (std::mem::replace(&mut self.need, Need::Nothing), fact) {
            (Need::Digest(_), Fact::Read(read)) => self.take_read(read),
            (Need::Digest(_), Fact::Missing) => self.take_missing(),
            (Need::Digest(_), Fact::Unreadable(why)) => {
                self.settle(Outcome::Unverified(why), Vec::new())
            }
            (Need::Keys { from, to }, Fact::Keys(ring)) => {
                self.keys.take(&ring, (from, to));
                self.ask_or_judge()
            }
            (Need::KeysSince(from), Fact::Keys(ring)) => {
                self.keys.take_since(&ring, from);
                self.judge_current()
            }
            (Need::Keys { .. } | Need::KeysSince(_), Fact::PartialKeys(part)) => {
                self.keys.take_part(part, SIGNED_LATE);
                self.judge_current()
            }
            (Need::Keys { .. } | Need::KeysSince(_), Fact::KeysFailed(why)) => {
                self.keys.mark_incomplete(why);
                self.judge_current()
            }
            (Need::Older(_), Fact::Older(older)) => {
                self.older = older;
                let mut held = self.held.take();
                if let Some(step) = held.as_mut()
                    && !older
                {
                    step.notices.push(Notice::LifecycleLooksTheSame);
                }
                held.into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn take_read(&mut self, read: Box<DigestRead>) -> Vec<Step> {
        let Some(current) = self.current.as_mut() else { return Vec::new() };
        let fingerprint = read.claim.as_ref().ok().map(|claim| claim.fingerprint.as_str());
        let asks = fingerprint.is_some_and(|name| self.keys.needs_fetch(name, current.end));
        current.read = Some(read);
        if asks {
            self.need = key_span(self.period, current.end);
            return Vec::new();
        }
        self.ask_or_judge()
    }

    /// Requests all keys that could acquit a digest whose key is not known; otherwise judges it.
    fn ask_or_judge(&mut self) -> Vec<Step> {
        let Some(current) = &self.current else { return Vec::new() };
        let linked = self.expected.as_ref().filter(|_| current.linked);
        let need = current.read.as_ref().and_then(|read| {
            let signed = read.signature.is_some()
                || self.kept_signature.is_some()
                || linked.is_some_and(|expected| expected.link.signature.is_some());
            let claim = read.claim.as_ref().ok().filter(|_| signed)?;
            self.keys.before_unknown(&claim.fingerprint, self.period, current.end)
        });
        match need {
            Some(need) => {
                self.need = need;
                Vec::new()
            }
            None => self.judge_current(),
        }
    }

    fn judge_current(&mut self) -> Vec<Step> {
        let Some(current) = self.current.as_mut() else { return Vec::new() };
        let Some(read) = current.read.take() else { return Vec::new() };
        let link = self.expected.as_ref().filter(|_| current.linked).map(|expected| &expected.link);
        let fingerprint = read.claim.as_ref().ok().map(|claim| claim.fingerprint.as_str());
        let lookup = self.keys.look_up(fingerprint, current.end);
        let recorded = read.claim.as_ref().ok().and_then(|claim| claim.previous_signature.clone());
        let kept = self.kept_signature.as_ref();
        let (outcome, notices) = judge_with_kept_or_by_key(*read, kept, &current.at, link, &lookup);
        // A byte lost in transit is not tampering: a digest that was read but does not prove is
        // read again.
        if matches!(outcome, Outcome::Invalid(_)) && !current.again {
            current.again = true;
            self.need = Need::Digest(current.at.clone());
            return Vec::new();
        }
        self.kept_signature = recorded.filter(|_| !matches!(outcome, Outcome::Valid(_)));
        self.settle(outcome, notices)
    }

    fn take_missing(&mut self) -> Vec<Step> {
        let linked = self.current.as_ref().is_some_and(|current| current.linked);
        if linked {
            return self.settle(Outcome::Invalid(Finding::DigestMissing), Vec::new());
        }
        // It was listed and is gone now: objects are being deleted during the run. No proven digest
        // records what it was, so its time stays uncovered, and the listing is the only evidence of
        // it.
        let why = ReadFailureKind::ChangedWhileReading;
        let why = ReadFailure::new(why, "the digest was listed and then not there");
        self.settle(Outcome::Unverified(why), Vec::new())
    }

    /// Returns the step for the current digest and advances to the next.
    fn settle(&mut self, outcome: Outcome<ProvenDigest>, mut notices: Vec<Notice>) -> Vec<Step> {
        let Some(current) = self.current.take() else { return Vec::new() };
        let outcome = self.in_order(outcome);
        // No chain reaches a digest that the open link skips.
        let reached = current.linked || self.expected.is_none();
        let mut end = current.end;
        if let Outcome::Valid(proven) = &outcome {
            end = proven.digest.end;
            if proven.digest.previous.is_none() {
                notices.push(Notice::ChainStart);
            }
        }
        let after = match &outcome {
            Outcome::Valid(proven) => proven.digest.start >= self.period.end,
            // A digest covers an hour; nothing else is known about this one.
            _ => end.plus(-HOUR) >= self.period.end,
        };
        let anchor = after || end <= self.period.start;
        if anchor {
            notices.push(Notice::Anchor);
        }
        if !reached {
            notices.push(Notice::DigestUnlinked);
        }
        let backward = if reached { self.follow(&outcome) } else { None };
        let missing = matches!(outcome, Outcome::Invalid(Finding::DigestMissing));
        let step = Step { at: current.at, end, outcome, notices, anchor };
        self.advance();
        if missing && matches!(self.need, Need::Older(_)) {
            self.held = Some(step);
            return Vec::new();
        }
        std::iter::once(step).chain(backward).collect()
    }

    /// Checks that time decreases at every step; otherwise a loop of signed digests would never
    /// end.
    fn in_order(&self, outcome: Outcome<ProvenDigest>) -> Outcome<ProvenDigest> {
        match (&outcome, &self.expected) {
            (Outcome::Valid(proven), Some(expected))
                if proven.digest.end >= expected.successor_end =>
            {
                Outcome::Invalid(Finding::DigestOutOfOrder {
                    end: proven.digest.end,
                    successor_end: expected.successor_end,
                })
            }
            _ => outcome,
        }
    }

    /// Takes the link of a proven digest as the one to follow. A digest that is not proven steers
    /// nothing: the walk continues by the listing. A link that does not lead back in time is
    /// reported and not followed.
    fn follow(&mut self, outcome: &Outcome<ProvenDigest>) -> Option<Step> {
        self.expected = None;
        let Outcome::Valid(proven) = outcome else { return None };
        let digest: &Arc<Verified<Digest>> = &proven.digest;
        self.oldest_start =
            Some(self.oldest_start.map_or(digest.start, |oldest| oldest.min(digest.start)));
        let link = digest.previous.as_ref()?;
        let successor_end = digest.end;
        let end = DigestKey::parse(&link.location.key).map_or(digest.start, |key| key.end);
        if end < successor_end {
            self.expected = Some(Expected { link: link.clone(), end, successor_end });
            return None;
        }
        Some(Step {
            at: link.location.clone(),
            end,
            outcome: Outcome::Invalid(Finding::DigestOutOfOrder { end, successor_end }),
            notices: Vec::new(),
            anchor: false,
        })
    }

    /// Chooses the next digest: the one that the open link names, unless the listing has a newer
    /// one.
    fn advance(&mut self) {
        if self.steps > budget::WALK_STEPS {
            return;
        }
        let linked = self.expected.as_ref().map(|expected| (&expected.link.location, expected.end));
        let (at, end, linked) = match (linked, self.listed.last()) {
            (Some((at, end)), Some(listed)) if listed.at == *at => {
                let next = (at.clone(), end, true);
                self.listed.pop();
                next
            }
            // The link names a digest that is not in the listing, or not in this bucket.
            (Some((at, end)), listed)
                if !self.is_done() && listed.is_none_or(|listed| end >= listed.end) =>
            {
                let next = ListedDigest { end, at: at.clone() };
                // Others with exactly this end may sort after it; it is judged only once
                // nevertheless.
                if let Ok(listed) = self.listed.binary_search(&next) {
                    self.listed.remove(listed);
                }
                (next.at, end, true)
            }
            (_, Some(_)) => match self.listed.pop() {
                Some(ListedDigest { end, at }) => (at, end, false),
                None => return,
            },
            (_, None) => {
                if !self.is_done() {
                    self.need = Need::Older(self.period.start);
                }
                return;
            }
        };
        self.need = Need::Digest(at.clone());
        self.current = Some(Current { at, end, linked, read: None, again: false });
    }

    /// Returns whether proven digests reach the period's start, or the next one ends before it.
    fn is_done(&self) -> bool {
        let start = self.period.start;
        self.oldest_start.is_some_and(|oldest| oldest <= start)
            || self.expected.as_ref().is_some_and(|expected| expected.end <= start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::content::read_whole;
    use crate::digest::document::DigestClaim;
    use crate::digest::signing::KeyRing;
    use crate::walk::facts::PartialKeys;
    use proptest::prelude::*;

    /// Returns a digest that ends at this hour. Several may.
    fn listed(hour: u8, trail: u8) -> ListedDigest {
        let folder = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/1970/01/01/";
        let name = format!("111122223333_CloudTrail-Digest_us-east-1_t{trail}_us-east-1_19700101T");
        ListedDigest {
            end: Timestamp::from_unix(i64::from(hour) * HOUR),
            at: ObjectLocation::new("bucket", format!("{folder}{name}{hour:02}0000Z.json.gz")),
        }
    }

    /// What an attacker can write at `own`: a digest that names any other as its previous one, with
    /// or without a signature, which no key made.
    fn planted(own: &ObjectLocation, previous: &ObjectLocation, signed: bool) -> Fact {
        let text = serde_json::json!({
            "digestStartTime": "1970-01-01T00:00:00Z", "digestEndTime": "1970-01-01T01:00:00Z",
            "digestS3Bucket": own.bucket, "digestS3Object": own.key, "logFiles": [],
            "digestPublicKeyFingerprint": "f", "previousDigestS3Bucket": previous.bucket,
            "previousDigestS3Object": previous.key, "previousDigestHashValue": "00".repeat(32),
            "previousDigestSignature": "00",
        });
        let text = text.to_string();
        let content = read_whole(text.as_bytes(), 1 << 20, None).unwrap();
        Fact::Read(Box::new(DigestRead {
            claim: DigestClaim::parse(&content, text.as_bytes()),
            content,
            signature: signed.then(|| "00".repeat(256)),
            signature_algorithm: Some("SHA256withRSA".to_owned()),
            backfill_generated: None,
        }))
    }

    /// Answers each need by the next number of a script, and returns what the walk settled.
    fn walked(period: Period, listed_digests: Vec<ListedDigest>, script: &[u8]) -> Vec<Step> {
        let most = 8 * listed_digests.len() + 8;
        let why = || ReadFailure::new(ReadFailureKind::Network, "");
        let mut walk = ChainWalk::new(period, listed_digests);
        let mut steps = Vec::new();
        for (fed, choice) in script.iter().cycle().enumerate() {
            assert!(fed < most, "the walk does not end");
            let fact = match walk.need() {
                Need::Nothing => break,
                Need::Older(_) => Fact::Older(choice % 2 == 0),
                Need::Digest(at) => match choice % 4 {
                    0 => Fact::Missing,
                    1 => Fact::Unreadable(why()),
                    signed => planted(at, &listed(choice / 4 % 24, 0).at, signed == 2),
                },
                Need::Keys { .. } | Need::KeysSince(_) => match choice % 3 {
                    0 => Fact::KeysFailed(why()),
                    1 => Fact::PartialKeys(PartialKeys {
                        ring: KeyRing::default(),
                        all_of: vec![(period.start, period.end)],
                        all_since: None,
                        why: why(),
                    }),
                    _ => Fact::Keys(KeyRing::default()),
                },
            };
            steps.extend(walk.feed(fact));
        }
        steps
    }

    proptest! {
        /// Whatever a store without a single genuine digest returns: the walk ends, each listed
        /// digest is settled once and in descending order, none is proven, and the order of the
        /// listing does not matter.
        #[test]
        fn planted_digests_steer_nothing(
            digests in prop::collection::vec((0..24_u8, 0..3_u8), 0..12),
            script in prop::collection::vec(any::<u8>(), 1..40),
            hours in (0..12_i64, 0..12_i64),
        ) {
            let at = |hour: i64| Timestamp::from_unix(hour * HOUR);
            let period = Period { start: at(hours.0), end: at(hours.0 + hours.1) };
            let all: Vec<ListedDigest> =
                digests.iter().map(|(hour, trail)| listed(*hour, *trail)).collect();
            let steps = walked(period, all.clone(), &script);
            let settled: Vec<(Timestamp, &ObjectLocation)> =
                steps.iter().map(|step| (step.end, &step.at)).collect();
            let mut expected: Vec<(Timestamp, &ObjectLocation)> =
                all.iter().map(|digest| (digest.end, &digest.at)).collect();
            expected.sort();
            expected.dedup();
            expected.reverse();
            prop_assert_eq!(settled, expected);
            prop_assert!(!steps.iter().any(|step| matches!(step.outcome, Outcome::Valid(_))));
            let missing = |step: &Step| matches!(step.outcome, Outcome::Invalid(Finding::DigestMissing));
            prop_assert!(!steps.iter().any(missing), "no proven digest names it");
            let reversed = all.iter().rev().chain(&all).cloned().collect();
            let again = walked(period, reversed, &script);
            prop_assert_eq!(format!("{again:?}"), format!("{steps:?}"));
        }
    }
}
