//! Collects a run's events for the formats that begin with the verdict.
use super::ends::Ends;
use super::names::{AccountNames, ChainNames};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::check::SkippedCheck;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::{Finding, FindingCode, Outcome};
use trailproof_core::codes::notice::Notice;
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::document::Circumstances;
use trailproof_core::record::{
    ChainSummary, ExceptionsJudged, PlaceDoubt, PlaceInDoubt, PlacesAnswered, Presence,
    PublicKeyUsed, RunEvent, RunStart, RunSummary, StorageTallies,
};
use trailproof_core::trail_event::ExplainingEvent;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::AccountId;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// Maximum number of entries of one kind that are kept. Nobody would read a longer report; the
/// event stream has all entries, and the counts include them.
const KEPT: usize = 10_000;

/// Maximum number of buckets whose copies are counted separately.
const COPIED_BUCKETS: usize = 20;

/// The first entries of a list, and its full length.
#[derive(Clone, Debug)]
pub(super) struct Kept<T> {
    pub(super) entries: Vec<T>,
    pub(super) total: u64,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), total: 0 }
    }
}

impl<T> Kept<T> {
    fn push(&mut self, entry: T) {
        self.total += 1;
        if self.entries.len() < KEPT {
            self.entries.push(entry);
        }
    }

    pub(super) fn left_out(&self) -> u64 {
        self.total - u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }
}

/// A finding with its chain and location.
#[derive(Clone, Debug)]
pub(super) struct LocatedFinding {
    pub(super) chain: ChainId,
    /// Location. A finding about a chain as a whole has no bucket, and the chain's name as key.
    pub(super) at: ObjectLocation,
    pub(super) finding: Finding,
    pub(super) lifecycle: bool,
}

/// An object that could not be checked.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    pub(super) chain: Option<ChainId>,
    pub(super) at: ObjectLocation,
    pub(super) why: ReadFailure,
}

/// Copies of digests that were delivered to one other bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct Copies {
    pub(super) count: u64,
    /// Accounts of those digests.
    pub(super) accounts: BTreeSet<AccountId>,
}

/// A stretch of time that no digest covers, and what explains it.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) chain: ChainId,
    pub(super) segment: Segment,
    /// End of the newest earlier digest, if the chain is absent from the period.
    pub(super) last: Option<Timestamp>,
    pub(super) explained: Vec<ExplainingEvent>,
}

/// Everything that a report shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected {
    pub(super) start: Option<RunStart>,
    /// Circumstances of the run, if they are recorded.
    pub(super) circumstances: Option<Circumstances>,
    pub(super) chains: Vec<ChainSummary>,
    pub(super) findings: Kept<LocatedFinding>,
    /// Number of findings, by code.
    pub(super) findings_by_code: BTreeMap<FindingCode, u64>,
    pub(super) unread: Kept<Unread>,
    /// Number of objects that could not be checked, by reason.
    pub(super) unread_by_kind: BTreeMap<ReadFailureKind, u64>,
    pub(super) listings_unread: Kept<(String, ReadFailure)>,
    pub(super) gaps: Kept<Gap>,
    /// Chains that ended before the period.
    pub(super) ends: Ends,
    pub(super) unlisted: Kept<ObjectLocation>,
    /// When each of them was last modified, and the likely reason why it is there.
    pub(super) unlisted_facts: Vec<(Option<Timestamp>, UnlistedReason)>,
    /// Objects with the content of log files that digests name under other keys.
    pub(super) copies: Kept<ObjectLocation>,
    /// Number of chains and digests listed, including digests that only anchor a chain.
    pub(super) listed: Option<(u64, u64)>,
    /// Trails that deliver here but are not in scope.
    pub(super) left_out: Vec<String>,
    /// Number of chains that should continue from the previous record.
    pub(super) seams: u64,
    /// Number of chains that do continue from it.
    pub(super) seams_joined: u64,
    /// Chains that do not continue from it, with the digest at the seam.
    pub(super) not_joined: Kept<(ChainId, ObjectLocation)>,
    /// Public keys that the result relies on.
    pub(super) keys: Kept<PublicKeyUsed>,
    /// Where they come from.
    pub(super) key_sources: BTreeSet<String>,
    pub(super) delivery_errors: Vec<(ChainId, String)>,
    /// Folders with log files but without digests, and the likely reason.
    pub(super) without_digests: Kept<(String, UnlistedReason)>,
    /// Whether GetTrailStatus reports that the trail of a chain is logging.
    pub(super) logging: BTreeMap<ChainId, bool>,
    /// Number of places in doubt, by reason.
    pub(super) doubts: BTreeMap<PlaceDoubt, u64>,
    /// Places that were named, expected or found, and whose state could not be determined.
    pub(super) places_in_doubt: Kept<PlaceInDoubt>,
    /// What was determined about the places that were found.
    pub(super) places: Option<PlacesAnswered>,
    pub(super) notices: BTreeMap<Notice, u64>,
    /// Copies of evidence of other places, by the bucket that they name.
    pub(super) copied: BTreeMap<String, Copies>,
    /// Number of copies of digests that were delivered to further buckets.
    pub(super) copied_elsewhere: u64,
    /// Checks that were not made.
    pub(super) not_performed: Kept<SkippedCheck>,
    /// What the accepted exceptions amount to, if the run has any.
    pub(super) exceptions: Option<ExceptionsJudged>,
    pub(super) summary: Option<RunSummary>,
    /// How the objects of the run are stored.
    pub(super) storage: StorageTallies,
    /// How the objects of each chain are stored, in the order of `chains`.
    pub(super) chain_storage: Vec<StorageTallies>,
    chain: Option<ChainId>,
    /// How the objects of the current chain are stored.
    open_storage: StorageTallies,
    /// Places of the kept gaps, by chain and start.
    gaps_at: BTreeMap<(ChainId, Timestamp), usize>,
}

impl Collected {
    /// Returns the names of accounts that the run was given.
    pub(super) fn account_names(&self) -> AccountNames {
        self.start.as_ref().map(AccountNames::of).unwrap_or_default()
    }

    /// Returns the names of the run's chains for people, with those of their accounts.
    pub(super) fn full_names(&self) -> ChainNames {
        self.names().with_accounts(self.account_names())
    }

    /// Returns the names of the run's chains.
    pub(super) fn names(&self) -> ChainNames {
        let chains = self.chains.iter().map(|chain| &chain.chain);
        let findings = self.findings.entries.iter().map(|told| &told.chain);
        let unread = self.unread.entries.iter().filter_map(|unread| unread.chain.as_ref());
        let gaps = self.gaps.entries.iter().map(|gap| &gap.chain);
        ChainNames::of(chains.chain(findings).chain(unread).chain(gaps))
    }

    /// Takes the next event.
    pub(super) fn take(&mut self, event: &RunEvent) {
        self.ends.take(event);
        self.storage.take(event);
        self.open_storage.take(event);
        match event {
            RunEvent::RunStarted(start) => {
                self.start = Some(start.as_ref().clone());
                self.storage = StorageTallies::of_run();
            }
            RunEvent::BucketListed { chains, digests, left_out } => {
                self.listed = Some((*chains, *digests));
                self.left_out.clone_from(left_out);
            }
            RunEvent::ListingUnread { folder, why } => {
                self.listings_unread.push((folder.clone(), why.clone()));
            }
            RunEvent::ChainStarted { chain } => self.chain = Some(chain.clone()),
            RunEvent::DigestJudged(judged) => {
                for notice in &judged.notices {
                    *self.notices.entry(*notice).or_default() += 1;
                }
                if judged.notices.contains(&Notice::DigestCopied) {
                    self.copy(&judged.outcome);
                }
                if judged.counts {
                    let lifecycle = judged.notices.contains(&Notice::LifecycleLooksTheSame);
                    self.outcome(&judged.at, &judged.outcome, lifecycle);
                }
            }
            RunEvent::LogJudged(judged) => {
                if let Outcome::Valid(proof) = &judged.outcome {
                    let (inflated, several) = (proof.stored_inflated, proof.several_members);
                    for (is_so, notice) in
                        [(inflated, Notice::StoredInflated), (several, Notice::SeveralMembers)]
                    {
                        if is_so {
                            *self.notices.entry(notice).or_default() += 1;
                        }
                    }
                }
                if judged.lifecycle {
                    *self.notices.entry(Notice::LifecycleLooksTheSame).or_default() += 1;
                }
                self.outcome(&judged.at, &judged.outcome, judged.lifecycle);
            }
            RunEvent::PublicKey(key) => {
                if self.key_sources.len() < KEPT && !self.key_sources.contains(&key.source) {
                    self.key_sources.insert(key.source.clone());
                }
                self.keys.push(key.clone());
            }
            RunEvent::LogNamed(_) => {}
            RunEvent::SeamJudged(seam) => {
                self.seams += 1;
                self.seams_joined += u64::from(seam.joined);
                if let Some(chain) = self.chain.clone().filter(|_| !seam.joined) {
                    self.not_joined.push((chain, seam.at.clone()));
                }
                if let (Some(chain), Some(finding)) = (self.chain.clone(), seam.finding.clone()) {
                    let at = seam.at.clone();
                    self.finding(LocatedFinding { chain, at, finding, lifecycle: false });
                }
            }
            RunEvent::ChainFinished(summary) => {
                for segment in &summary.segments {
                    if matches!(segment.coverage, Coverage::Uncovered(_)) {
                        let chain = summary.chain.clone();
                        let last = match summary.presence {
                            Presence::Absent { last } => last,
                            Presence::Present | Presence::Ended { .. } => None,
                        };
                        if self.gaps.entries.len() < KEPT {
                            let at = (chain.clone(), segment.from);
                            self.gaps_at.insert(at, self.gaps.entries.len());
                        }
                        let (segment, explained) = (*segment, Vec::new());
                        self.gaps.push(Gap { chain, segment, last, explained });
                    }
                }
                self.chains.push(summary.clone());
                self.chain_storage.push(std::mem::take(&mut self.open_storage));
            }
            RunEvent::TrailStatus { chain, latest_digest_error, finding, is_logging, .. } => {
                if self.logging.len() < KEPT {
                    self.logging.insert(chain.clone(), *is_logging);
                }
                if let Some(finding) = finding.clone() {
                    let at = ObjectLocation::new("", chain.to_string());
                    let chain = chain.clone();
                    self.finding(LocatedFinding { chain, at, finding, lifecycle: false });
                }
                if let Some(error) = latest_digest_error {
                    self.delivery_errors.push((chain.clone(), error.clone()));
                }
            }
            RunEvent::GapExplained { chain, from, to, event } => {
                self.explain(chain, *from, *to, event);
            }
            RunEvent::LogUnlisted { at, last_modified, reason } => {
                self.unlisted.push(at.clone());
                if self.unlisted_facts.len() < KEPT {
                    self.unlisted_facts.push((*last_modified, *reason));
                }
            }
            RunEvent::CopyOf { at, .. } => self.copies.push(at.clone()),
            RunEvent::LogsWithoutDigests { folder, reason } => {
                self.without_digests.push((folder.clone(), *reason));
            }
            RunEvent::PlaceInDoubt(place) => {
                *self.doubts.entry(place.why).or_default() += 1;
                self.places_in_doubt.push(place.clone());
            }
            RunEvent::PlacesAnswered(places) => self.places = Some(*places),
            RunEvent::CheckNotPerformed(not_made) => self.not_performed.push(not_made.clone()),
            RunEvent::ExceptionsJudged(judged) => self.exceptions = Some(judged.clone()),
            RunEvent::RunFinished(summary) => self.summary = Some(summary.clone()),
        }
    }

    fn finding(&mut self, found: LocatedFinding) {
        *self.findings_by_code.entry(FindingCode::from(&found.finding)).or_default() += 1;
        self.findings.push(found);
    }

    fn copy<P>(&mut self, outcome: &Outcome<P>) {
        let Outcome::Unverified(why) = outcome else { return };
        let place = why.detail.strip_prefix("s3://").and_then(|place| place.split_once('/'));
        let Some((bucket, _)) = place else { return };
        // Anyone who can write to the bucket can plant digests of any number of buckets.
        if self.copied.len() < COPIED_BUCKETS || self.copied.contains_key(bucket) {
            let copies = self.copied.entry(bucket.to_owned()).or_default();
            copies.count += 1;
            copies.accounts.extend(self.chain.iter().map(|chain| chain.account.clone()));
        } else {
            self.copied_elsewhere += 1;
        }
    }

    /// Returns whether the caller asserts that the copy is complete.
    pub(super) fn complete_copy(&self) -> bool {
        self.start.as_ref().is_some_and(|start| start.complete_copy)
    }

    fn outcome<P>(&mut self, at: &ObjectLocation, outcome: &Outcome<P>, lifecycle: bool) {
        match outcome {
            Outcome::Valid(_) => {}
            Outcome::Invalid(finding) => {
                if let Some(chain) = self.chain.clone() {
                    let (at, finding) = (at.clone(), finding.clone());
                    self.finding(LocatedFinding { chain, at, finding, lifecycle });
                }
            }
            Outcome::Unverified(why) => {
                *self.unread_by_kind.entry(why.kind).or_default() += 1;
                let (chain, at, why) = (self.chain.clone(), at.clone(), why.clone());
                self.unread.push(Unread { chain, at, why });
            }
        }
    }

    fn explain(
        &mut self,
        chain: &ChainId,
        from: Timestamp,
        to: Timestamp,
        event: &ExplainingEvent,
    ) {
        let at = self.gaps_at.get(&(chain.clone(), from)).copied();
        let gap = at.and_then(|at| self.gaps.entries.get_mut(at));
        let gap = gap.filter(|gap| gap.segment.to == to);
        if let Some(gap) = gap {
            gap.explained.push(event.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anyone who can write to the bucket may plant copies of digests of any number of buckets.
    #[test]
    fn copies_of_further_buckets_are_counted() {
        let mut run = Collected::default();
        for bucket in 0..COPIED_BUCKETS + 5 {
            let place = format!("s3://bucket-{bucket}/key");
            let why = ReadFailure::new(ReadFailureKind::NotCopied, place);
            for _ in 0..2 {
                run.copy(&Outcome::<()>::Unverified(why.clone()));
            }
        }
        assert_eq!(run.copied.len(), COPIED_BUCKETS);
        assert!(run.copied.values().all(|copies| copies.count == 2));
        assert_eq!(run.copied_elsewhere, 10);
    }
}
