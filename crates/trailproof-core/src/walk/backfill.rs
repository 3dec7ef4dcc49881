//! The walk over a chain's backfill digests.
//!
//! Whether they link to each other is not documented, so every digest that is listed or named is
//! judged once, newest first, and their links need not be in any order of time.
//!
//! In a copy without metadata no digest has its own signature. A digest is then proven by what a
//! proven one records about it, or by a signature of it that an unproven one kept. As either may
//! come later in the walk, a digest that only lacks a proof waits until the end.
use super::facts::{Fact, ListedDigest, Need};
use crate::codes::failure::{ReadFailure, ReadFailureKind};
use crate::codes::finding::{Finding, Outcome};
use crate::codes::notice::Notice;
use crate::compat::judge::DigestRead;
use crate::digest::document::Link;
use crate::digest::judge::{ProvenDigest, judge_with_kept};
use crate::digest::key_cache::KeyCache;
use crate::vocab::key_layout::{DigestKey, DigestKind};
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{DAY, Period, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long after its end a backfill digest may have been generated, when judging whether a bundle
/// is complete: as long as a key is valid. The time in its metadata is not signed.
const LATE: i64 = 30 * DAY;

/// Maximum number of signatures that are kept for one digest. One is right; any others come from
/// planted digests.
const KEPT: usize = 4;

/// Returns whether only a proof is missing, which a digest that is judged later may supply.
fn wants_proof(outcome: &Outcome<ProvenDigest>) -> bool {
    match outcome {
        Outcome::Valid(_) => false,
        Outcome::Invalid(finding) => {
            matches!(finding, Finding::DigestSignatureInvalid(_) | Finding::DigestKeyUnknown { .. })
        }
        Outcome::Unverified(why) => {
            matches!(why.kind, ReadFailureKind::NoSignature | ReadFailureKind::KeysUnavailable)
        }
    }
}

/// The result of a fact about one backfill digest.
#[derive(Clone, Debug)]
pub struct BackfillStep {
    /// Location to which it was delivered.
    pub at: ObjectLocation,
    /// Its end, according to its key.
    pub end: Timestamp,
    /// The outcome.
    pub outcome: Outcome<ProvenDigest>,
    /// Notices about it.
    pub notices: Vec<Notice>,
}

/// A walk over the backfill digests of one chain.
#[derive(Debug)]
pub struct BackfillWalk {
    period: Period,
    open: BTreeSet<ListedDigest>,
    seen: BTreeSet<ObjectLocation>,
    links: BTreeMap<ObjectLocation, Link>,
    keys: KeyCache,
    /// Signatures that unproven digests record for other digests.
    kept: BTreeMap<ObjectLocation, BTreeSet<String>>,
    /// Digests without a proof, with their judgements so far.
    waiting: BTreeMap<ListedDigest, (Outcome<ProvenDigest>, Vec<Notice>)>,
    current: Option<(ListedDigest, Option<Box<DigestRead>>, bool)>,
    need: Need,
}

impl BackfillWalk {
    /// Creates a walk over the listed backfill digests of `period`.
    pub fn new(period: Period, listed: Vec<ListedDigest>) -> Self {
        let mut walk = Self {
            period,
            open: listed.into_iter().collect(),
            seen: BTreeSet::new(),
            links: BTreeMap::new(),
            keys: KeyCache::default(),
            kept: BTreeMap::new(),
            waiting: BTreeMap::new(),
            current: None,
            need: Need::Nothing,
        };
        walk.advance();
        walk
    }

    /// Returns what to find next. Never [`Need::Older`].
    pub fn need(&self) -> &Need {
        &self.need
    }

    /// Lists the digests that the walk will reach, newest first, for reading ahead.
    pub fn ahead(&self) -> impl Iterator<Item = &ObjectLocation> {
        self.open.iter().rev().map(|digest| &digest.at)
    }

    /// Takes the fact for the current need and advances. Digests that waited for a proof in vain
    /// are returned with the last fact.
    pub fn feed(&mut self, fact: Fact) -> Vec<BackfillStep> {
        let mut steps: Vec<BackfillStep> = self.take(fact).into_iter().collect();
        if self.need == Need::Nothing {
            let waiting = std::mem::take(&mut self.waiting).into_iter().rev();
            steps.extend(waiting.map(|(ListedDigest { end, at }, (outcome, notices))| {
                BackfillStep { at, end, outcome, notices }
            }));
        }
        steps
    }

    fn take(&mut self, fact: Fact) -> Option<BackfillStep> {
        match (std::mem::replace(&mut self.need, Need::Nothing), fact) {
            (Need::Digest(_), Fact::Read(read)) => self.take_read(read),
            (Need::Digest(at), Fact::Missing) if self.links.contains_key(&at) => {
                self.settle(Outcome::Invalid(Finding::DigestMissing), Vec::new())
            }
            (Need::Digest(_), Fact::Missing) => {
                let why = ReadFailureKind::ChangedWhileReading;
                let why = ReadFailure::new(why, "the digest was listed and then not there");
                self.settle(Outcome::Unverified(why), Vec::new())
            }
            (Need::Digest(_), Fact::Unreadable(why)) => {
                self.settle(Outcome::Unverified(why), Vec::new())
            }
            (Need::KeysSince(from), Fact::Keys(ring)) => {
                self.keys.take_since(&ring, from);
                self.judge()
            }
            (Need::KeysSince(_), Fact::PartialKeys(part)) => {
                self.keys.take_part(part, LATE);
                self.judge()
            }
            (Need::KeysSince(_), Fact::KeysFailed(why)) => {
                self.keys.mark_incomplete(why);
                self.judge()
            }
            _ => None,
        }
    }

    fn take_read(&mut self, read: Box<DigestRead>) -> Option<BackfillStep> {
        let (digest, slot, _) = self.current.as_mut()?;
        let signed = read.signature.is_some()
            || self.kept.contains_key(&digest.at)
            || self.links.get(&digest.at).is_some_and(|link| link.signature.is_some());
        // A backfill digest is signed when it is generated, long after the time that it covers, and
        // nothing that is signed states when. So all keys since its end are requested.
        let need = read.claim.as_ref().ok().filter(|_| signed).and_then(|claim| {
            self.keys.before_unknown(&claim.fingerprint, self.period, digest.end)
        });
        *slot = Some(read);
        match need {
            Some(need) => {
                self.need = need;
                None
            }
            None => self.judge(),
        }
    }

    fn judge(&mut self) -> Option<BackfillStep> {
        let (digest, read, again) = self.current.as_mut()?;
        let read = read.take()?;
        let fingerprint = read.claim.as_ref().ok().map(|claim| claim.fingerprint.as_str());
        let lookup = self.keys.look_up(fingerprint, digest.end);
        let link = self.links.get(&digest.at);
        let recorded = read.claim.as_ref().ok().and_then(|claim| {
            claim.kept_signature().map(|(at, signature)| (at.clone(), signature.to_owned()))
        });
        let kept = self.kept.get(&digest.at).into_iter().flatten();
        let (outcome, notices) = judge_with_kept(*read, kept, &digest.at, link, &lookup);
        if matches!(outcome, Outcome::Invalid(_)) && !*again {
            *again = true;
            self.need = Need::Digest(digest.at.clone());
            return None;
        }
        if let Some((at, signature)) = recorded.filter(|_| !matches!(outcome, Outcome::Valid(_))) {
            self.keep(&at, signature);
        }
        self.settle(outcome, notices)
    }

    /// Keeps the signature that an unproven digest records for the digest at `at`. Each one causes
    /// that digest to be judged again, so only a few are kept.
    fn keep(&mut self, at: &ObjectLocation, signature: String) {
        let kept = self.kept.entry(at.clone()).or_default();
        let is_new = kept.len() < KEPT && kept.insert(signature);
        if is_new {
            self.wake(at);
        }
    }

    /// Schedules a digest that waits for a proof to be judged again.
    fn wake(&mut self, at: &ObjectLocation) {
        let Some(key) = DigestKey::parse(&at.key) else { return };
        let digest = ListedDigest { end: key.end, at: at.clone() };
        if self.waiting.remove(&digest).is_some() {
            self.open.insert(digest);
        }
    }

    fn settle(
        &mut self,
        outcome: Outcome<ProvenDigest>,
        notices: Vec<Notice>,
    ) -> Option<BackfillStep> {
        let (digest, ..) = self.current.take()?;
        self.seen.insert(digest.at.clone());
        if let Outcome::Valid(proven) = &outcome
            && let Some(link) = &proven.digest.previous
            && let Some(key) = DigestKey::parse(&link.location.key)
        {
            let within = self.period.start < key.end && key.end <= self.period.end;
            if within && key.kind == DigestKind::Backfill {
                self.links.insert(link.location.clone(), link.clone());
                if !self.seen.contains(&link.location) {
                    let at = link.location.clone();
                    self.open.insert(ListedDigest { end: key.end, at });
                }
                self.wake(&link.location);
            }
        }
        if wants_proof(&outcome) {
            self.waiting.insert(digest, (outcome, notices));
            self.advance();
            return None;
        }
        self.advance();
        Some(BackfillStep { at: digest.at, end: digest.end, outcome, notices })
    }

    fn advance(&mut self) {
        if let Some(next) = self.open.pop_last() {
            self.need = Need::Digest(next.at.clone());
            self.current = Some((next, None, false));
        }
    }
}

#[cfg(test)]
#[path = "backfill_tests.rs"]
mod tests;
