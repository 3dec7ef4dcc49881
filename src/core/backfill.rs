//! The walk over a chain's backfill digests.
//!
//! Whether they link to each other is not documented, so every one that is listed or named is
//! judged once, newest first, and no order in time is asked of their links.
use super::aws_judge::DigestRead;
use super::digest::Link;
use super::failure::{ReadFailure, ReadFailureKind};
use super::finding::{Finding, Malformed, Outcome};
use super::judge::{KeyLookup, ProvenDigest, judge_digest};
use super::key_layout::{DigestKey, DigestKind};
use super::location::ObjectLocation;
use super::notice::Notice;
use super::signing::KeyRing;
use super::time::{HOUR, Period, Timestamp};
use super::walk_facts::{Fact, ListedDigest, Need};
use std::collections::{BTreeMap, BTreeSet};

/// What a fact settled about one backfill digest.
#[derive(Clone, Debug)]
pub struct BackfillStep {
    /// Where it was delivered.
    pub at: ObjectLocation,
    /// Its end, as its key has it.
    pub end: Timestamp,
    /// How it was judged.
    pub outcome: Outcome<ProvenDigest>,
    /// What is worth knowing beside that.
    pub notices: Vec<Notice>,
}

/// See the module's words.
#[derive(Debug)]
pub struct BackfillWalk {
    period: Period,
    open: BTreeSet<ListedDigest>,
    seen: BTreeSet<ObjectLocation>,
    links: BTreeMap<ObjectLocation, Link>,
    keys: KeyRing,
    failed: Option<ReadFailure>,
    current: Option<(ListedDigest, Option<Box<DigestRead>>, bool)>,
    need: Need,
}

impl BackfillWalk {
    /// A walk over the listed backfill digests of `period`.
    pub fn new(period: Period, listed: Vec<ListedDigest>) -> Self {
        let mut walk = Self {
            period,
            open: listed.into_iter().collect(),
            seen: BTreeSet::new(),
            links: BTreeMap::new(),
            keys: KeyRing::default(),
            failed: None,
            current: None,
            need: Need::Nothing,
        };
        walk.advance();
        walk
    }

    /// What to find out next. Never [`Need::Older`].
    pub fn need(&self) -> &Need {
        &self.need
    }

    /// Digests that the walk will come to, newest first, for reading ahead.
    pub fn ahead(&self) -> impl Iterator<Item = &ObjectLocation> {
        self.open.iter().rev().map(|digest| &digest.at)
    }

    /// Takes the fact for the present need and moves on.
    pub fn feed(&mut self, fact: Fact) -> Option<BackfillStep> {
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
            (Need::Keys { .. }, Fact::Keys(ring)) => {
                self.keys.extend(&ring);
                self.failed = None;
                self.judge()
            }
            (Need::Keys { .. }, Fact::KeysInPart { ring, why, .. }) => {
                self.keys.extend(&ring);
                self.failed = Some(why);
                self.judge()
            }
            (Need::Keys { .. }, Fact::KeysFailed(why)) => {
                self.failed = Some(why);
                self.judge()
            }
            _ => None,
        }
    }

    fn take_read(&mut self, read: Box<DigestRead>) -> Option<BackfillStep> {
        let fingerprint = read.claim.as_ref().ok().map(|claim| claim.fingerprint.clone());
        let known = fingerprint.is_none_or(|name| self.keys.get(&name).is_some());
        let generated = read.backfill_generated.clone();
        let (_, slot, _) = self.current.as_mut()?;
        *slot = Some(read);
        if known {
            return self.judge();
        }
        // A backfill digest is signed when it is made, long after the time that it is about.
        let made = generated
            .as_deref()
            .and_then(|text| Timestamp::parse(text).or_else(|| Timestamp::parse_key(text)));
        match made {
            Some(made) => {
                self.need = Need::Keys { from: made.plus(-HOUR), to: made.plus(HOUR) };
                None
            }
            None if generated.is_some() => {
                let field = "backfill-generation-timestamp";
                let value = generated.unwrap_or_default();
                let why = Malformed::FieldInvalid { field, value };
                self.settle(Outcome::Invalid(Finding::DigestMalformed(why)), Vec::new())
            }
            // Metadata is lost in copies. Without the time there is no telling which keys to ask.
            None => {
                self.failed = Some(ReadFailure::new(
                    ReadFailureKind::KeysUnavailable,
                    "the object does not carry the time at which the digest was made",
                ));
                self.judge()
            }
        }
    }

    fn judge(&mut self) -> Option<BackfillStep> {
        let (digest, read, again) = self.current.as_mut()?;
        let read = read.take()?;
        let key = read.claim.as_ref().ok().and_then(|claim| self.keys.get(&claim.fingerprint));
        let lookup = match (key, &self.failed) {
            (Some(key), _) => KeyLookup::Known(key),
            (None, Some(why)) => KeyLookup::Unavailable(why),
            (None, None) => KeyLookup::NoneSuch,
        };
        let link = self.links.get(&digest.at);
        let (outcome, notices) = judge_digest(*read, &digest.at, link, &lookup);
        if matches!(outcome, Outcome::Invalid(_)) && !*again {
            *again = true;
            self.need = Need::Digest(digest.at.clone());
            return None;
        }
        self.settle(outcome, notices)
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
            && !self.seen.contains(&link.location)
            && let Some(key) = DigestKey::parse(&link.location.key)
        {
            let within = self.period.start < key.end && key.end <= self.period.end;
            if within && key.kind == DigestKind::Backfill {
                self.open.insert(ListedDigest { end: key.end, at: link.location.clone() });
                self.links.insert(link.location.clone(), link.clone());
            }
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
