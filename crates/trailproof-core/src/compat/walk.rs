//! The walk along a chain in the AWS CLI's order, as a state machine.
//!
//! The walk goes from newest to oldest by links; if a digest is missing or wrong, it continues with
//! the next older key of the listing. The walk never fetches: it states what it needs ([`Need`]),
//! the caller supplies the fact ([`Fact`]) and receives what that settles ([`Step`]).
use super::facts::{Fact, Need, Step};
use super::judge::{DigestRead, Provable};
use crate::Verified;
use crate::codes::failure::{ReadFailure, ReadFailureKind};
use crate::codes::finding::{Finding, Malformed, Outcome};
use crate::digest::document::Digest;
use crate::digest::signing::KeyRing;
use crate::vocab::budget;
use crate::vocab::key_layout::{DigestKey, DigestKind};
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{HOUR, InclusivePeriod, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A walk over the digests of one kind in one chain.
#[derive(Debug)]
pub struct AwsWalk {
    kind: DigestKind,
    period: InclusivePeriod,
    bucket: String,
    keys: KeyRing,
    /// Listed digests that have not been passed yet, oldest first.
    listed: Vec<DigestKey>,
    need: Need,
    /// The digest to continue with once the listing of a new bucket has arrived.
    after_listing: Option<ObjectLocation>,
    /// The digest that waits for its key, and the span for which keys were requested.
    waiting: Option<(ObjectLocation, Provable)>,
    /// The digest that did not prove and is being read a second time: a byte lost in transit is not
    /// tampering.
    again: Option<ObjectLocation>,
    /// Start of the last proven digest.
    last_start: Timestamp,
    /// End of the last proven digest.
    last_end: Option<Timestamp>,
    /// Backfill digests that were judged. Whether their links always lead back in time is not
    /// documented, so loops are detected by this set and not by their order.
    seen: BTreeSet<ObjectLocation>,
    steps: u64,
}

impl AwsWalk {
    /// Creates a walk over the chain's digests of one kind, starting in `bucket`, over `period`.
    /// `keys` are the keys at hand; a walk over backfill digests requests more as it goes.
    pub fn new(kind: DigestKind, bucket: &str, period: InclusivePeriod, keys: KeyRing) -> Self {
        let need =
            Need::Listing { bucket: bucket.to_owned(), from: period.start, to: latest(period.end) };
        Self {
            kind,
            period,
            bucket: bucket.to_owned(),
            keys,
            listed: Vec::new(),
            need,
            after_listing: None,
            waiting: None,
            again: None,
            last_start: period.end,
            last_end: None,
            seen: BTreeSet::new(),
            steps: 0,
        }
    }

    /// Returns what to find next.
    pub fn need(&self) -> &Need {
        &self.need
    }

    /// Lists the digests that the walk will reach if every link agrees with the listing, newest
    /// first and without the one that it needs now. For reading ahead only; the walk may take a
    /// different path.
    pub fn ahead(&self) -> impl Iterator<Item = ObjectLocation> + '_ {
        let now = match &self.need {
            Need::Digest(at) => DigestKey::parse(&at.key).map(|key| key.end),
            _ => None,
        };
        let passed = self.listed.partition_point(|key| now.is_none_or(|now| key.end < now));
        let older = self.listed.get(..passed).unwrap_or_default();
        older.iter().rev().map(|key| ObjectLocation::new(self.bucket.clone(), key.build()))
    }

    /// Takes the fact for the current need and advances. A fact that does not match the need ends
    /// the walk: the caller has a bug, and the tally shows that the run stopped early.
    pub fn feed(&mut self, fact: Fact) -> Vec<Step> {
        self.steps += 1;
        let need = std::mem::replace(&mut self.need, Need::Nothing);
        match (need, fact) {
            (Need::Listing { from, to, .. }, Fact::Listed(keys)) => {
                self.take_listing(keys, from, to);
                Vec::new()
            }
            (Need::Listing { bucket, .. }, Fact::ListingFailed(why)) => {
                self.take_listing(Vec::new(), self.period.start, self.period.start);
                vec![Step::Unlisted(bucket, why)]
            }
            (Need::Digest(at), Fact::Read(read)) => self.take_digest(at, *read),
            (Need::Digest(at), Fact::Missing) => {
                self.judged(at, Outcome::Invalid(Finding::DigestMissing))
            }
            (Need::Digest(at), Fact::Unreadable(why)) => self.judged(at, Outcome::Unverified(why)),
            (Need::Keys { from, to }, Fact::Keys(keys)) => self.take_keys(from, to, &keys),
            (Need::Keys { .. }, Fact::KeysFailed(why)) => match self.waiting.take() {
                Some((at, _)) => self.judged(at, Outcome::Unverified(why)),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn take_listing(&mut self, mut keys: Vec<DigestKey>, from: Timestamp, to: Timestamp) {
        keys.retain(|key| key.kind == self.kind && from <= key.end && key.end <= to);
        keys.sort_by_key(|key| key.end);
        self.listed = keys;
        match self.after_listing.take() {
            Some(at) => self.need = Need::Digest(at),
            None => {
                self.next_listed(None);
            }
        }
    }

    fn take_digest(&mut self, at: ObjectLocation, read: DigestRead) -> Vec<Step> {
        let generated = read.backfill_generated.clone();
        let provable = match Provable::new(read, &at, self.kind) {
            Ok(provable) => provable,
            Err(finding) => return self.doubted(at, finding),
        };
        let known = self.keys.get(provable.fingerprint()).is_some();
        if known || self.kind == DigestKind::Standard {
            return self.prove(at, provable);
        }
        // A backfill digest is signed when it is generated, long after the time that it covers.
        let value = generated.unwrap_or_default();
        let Some(made) = Timestamp::parse_loosely(&value) else {
            let why = Malformed::field_invalid("backfill-generation-timestamp", &value);
            return self.judged(at, Outcome::Invalid(Finding::DigestMalformed(why)));
        };
        self.need = Need::Keys { from: made.plus(-HOUR), to: made.plus(HOUR) };
        self.waiting = Some((at, provable));
        Vec::new()
    }

    fn take_keys(&mut self, from: Timestamp, to: Timestamp, keys: &KeyRing) -> Vec<Step> {
        self.keys.extend(keys);
        let Some((at, provable)) = self.waiting.take() else { return Vec::new() };
        if keys.is_empty() {
            let fingerprint = provable.fingerprint().to_owned();
            let finding = Finding::DigestKeyUnknown { fingerprint, none_between: Some((from, to)) };
            return self.judged(at, Outcome::Invalid(finding));
        }
        self.prove(at, provable)
    }

    fn prove(&mut self, at: ObjectLocation, provable: Provable) -> Vec<Step> {
        let digest = match provable.prove(&self.keys) {
            Ok(digest) => digest,
            Err(finding) => return self.doubted(at, finding),
        };
        // Time must decrease at every step, or a loop of signed digests would never end.
        if let Some(successor_end) = self.last_end
            && self.kind == DigestKind::Standard
            && digest.end >= successor_end
        {
            let finding = Finding::DigestOutOfOrder { end: digest.end, successor_end };
            return self.judged(at, Outcome::Invalid(finding));
        }
        self.last_end = Some(digest.end);
        self.last_start = digest.start;
        let digest = Arc::new(digest);
        let mut steps = vec![Step::Judged(at.clone(), Outcome::Valid(Arc::clone(&digest)))];
        let link = digest.previous.as_ref().map(|link| link.location.clone());
        if self.kind == DigestKind::Backfill {
            self.seen.insert(at.clone());
        }
        match link {
            Some(next) if self.seen.contains(&next) => {
                self.next_listed(Some(&at));
            }
            Some(_) if self.last_start < self.period.start => {}
            Some(next) => self.follow(next, digest.end, &mut steps),
            None => {
                if let Some(from) = self.next_listed(Some(&at)) {
                    steps.push(Step::Gap { from, to: self.last_start });
                }
            }
        }
        steps
    }

    fn follow(&mut self, next: ObjectLocation, end: Timestamp, steps: &mut Vec<Step>) {
        if self.steps > budget::WALK_STEPS {
            let why = ReadFailure::new(ReadFailureKind::OverBudget, "too many digests in one walk");
            steps.push(Step::Judged(next, Outcome::Unverified(why)));
        } else if next.bucket == self.bucket {
            self.need = Need::Digest(next);
        } else {
            self.bucket.clone_from(&next.bucket);
            self.need = Need::Listing {
                bucket: next.bucket.clone(),
                from: self.period.start,
                to: latest(end),
            };
            self.after_listing = Some(next);
        }
    }

    /// Requests a digest that was read but did not prove a second time, before it becomes a
    /// finding.
    fn doubted(&mut self, at: ObjectLocation, finding: Finding) -> Vec<Step> {
        if self.again.take().is_some_and(|again| again == at) {
            return self.judged(at, Outcome::Invalid(finding));
        }
        self.again = Some(at.clone());
        self.need = Need::Digest(at);
        Vec::new()
    }

    /// Settles a digest that is not proven. Its link is not followed, because a forged digest must
    /// not steer the walk; the walk continues by the listing.
    fn judged(&mut self, at: ObjectLocation, outcome: Outcome<Arc<Verified<Digest>>>) -> Vec<Step> {
        self.next_listed(Some(&at));
        vec![Step::Judged(at, outcome)]
    }

    /// Continues with the newest listed digest that is older than `before`; returns its end.
    fn next_listed(&mut self, before: Option<&ObjectLocation>) -> Option<Timestamp> {
        // A link may name a key outside of the chain, or a newer digest. The walk then continues
        // from the last proven digest, because nothing is judged twice.
        let reached = match self.kind {
            DigestKind::Standard => self.last_end,
            DigestKind::Backfill => None,
        };
        let limit = before.map(|at| match (DigestKey::parse(&at.key), reached) {
            (Some(key), Some(reached)) => key.end.min(reached),
            (Some(key), None) => key.end,
            (None, _) => self.last_end.unwrap_or(self.last_start),
        });
        while let Some(key) = self.listed.pop() {
            if limit.is_none_or(|limit| key.end < limit) {
                self.need = Need::Digest(ObjectLocation::new(self.bucket.clone(), key.build()));
                return Some(key.end);
            }
        }
        None
    }
}

/// Returns the time up to which digests are listed: log files of the period's last hour are named
/// by the next digest.
fn latest(end: Timestamp) -> Timestamp {
    end.plus(HOUR)
}
