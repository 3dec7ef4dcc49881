//! What a step found, as far as alerts depend on it.
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::finding::Outcome;
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::{
    ChainSummary, DigestJudged, ExceptionIndex, Objection, ObjectionCode, Objections, PlaceDoubt,
    Presence, RunEvent,
};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::ALERTS_REPORTED;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::time::Timestamp;

/// Follows the events of a step.
#[derive(Debug, Default)]
pub(crate) struct StepTally {
    objections: Objections,
    accepted: Option<ExceptionIndex>,
    /// What is news at once, by identity.
    certain: BTreeMap<String, &'static str>,
    /// What may be only the consequence of something that could not be read, by identity.
    doubtful: BTreeMap<String, &'static str>,
    /// Objections beyond those that are kept one by one.
    more: u64,
    /// Whether anything could not be read.
    unread: bool,
    chain: Option<ChainId>,
    /// The newest proven digest of each chain that has one.
    newest: BTreeMap<ChainId, Timestamp>,
    /// Chains that ended before the period.
    ended: BTreeSet<ChainId>,
    /// Chains that ended before the period without an explanation: account, region and trail.
    unexplained: BTreeSet<ChainId>,
    /// Chains that should have digests.
    living: BTreeSet<ChainId>,
    /// Whether a chain has pending time and none that is verified. The next step would begin where the
    /// other chains end, and leave out that time.
    waiting: bool,
    verdict: Option<Verdict>,
    verified: bool,
    all_accepted: bool,
}

/// What a step found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StepFacts {
    /// The verdict; `None` if the run did not start.
    pub(crate) verdict: Option<Verdict>,
    /// Whether the next step may continue after this one.
    pub(crate) settled: bool,
    /// Whether anything could not be read.
    pub(crate) unread: bool,
    /// What forbids `proven` and is to be reported: identity and code.
    pub(crate) objections: BTreeMap<String, &'static str>,
    /// Objections beyond those.
    pub(crate) more: u64,
    /// The newest proven digest of each chain that has one.
    pub(crate) newest: BTreeMap<ChainId, Timestamp>,
    /// Chains whose end is explained.
    pub(crate) ended: BTreeSet<ChainId>,
    /// Chains that should have digests.
    pub(crate) living: BTreeSet<ChainId>,
}

impl StepTally {
    /// Takes the next event.
    pub(crate) fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted(start) => {
                self.accepted = start.exception_index();
            }
            RunEvent::ChainStarted { chain } => self.chain = Some(chain.clone()),
            RunEvent::DigestJudged(DigestJudged {
                kind: DigestKind::Standard,
                end,
                outcome: Outcome::Valid(_),
                ..
            }) => {
                if let Some(chain) = &self.chain {
                    let newest = self.newest.entry(chain.clone()).or_insert(*end);
                    *newest = (*newest).max(*end);
                }
            }
            RunEvent::ChainFinished(ChainSummary { chain, presence, segments, .. }) => {
                let has = |coverage| segments.iter().any(|one| one.coverage == coverage);
                self.waiting |= has(Coverage::Pending) && !has(Coverage::Verified);
                match presence {
                    Presence::Ended { .. } => self.ended.insert(chain.clone()),
                    Presence::Present | Presence::Absent { .. } => {
                        self.living.insert(chain.clone())
                    }
                };
            }
            RunEvent::PlaceInDoubt(place) if place.why == PlaceDoubt::EndedUnexplained => {
                self.unexplained.extend(place.as_chain());
            }
            RunEvent::ExceptionsJudged(judged) => self.all_accepted = judged.all_accepted,
            RunEvent::RunFinished(summary) => {
                self.verdict = Some(summary.verdict);
                self.verified = summary.coverage.verified > 0;
            }
            _ => {}
        }
        let Self { objections, accepted, certain, doubtful, more, unread, .. } = self;
        objections.take(event, &mut |objection, number| {
            let Some(objection) = objection else {
                *more += number;
                return;
            };
            let (code, at) = identity(objection);
            *unread |= matches!(code, ObjectionCode::Unread(_));
            let accepts = accepted.as_ref().and_then(|accepted| accepted.find(objection));
            if accepts.is_some_and(|(_, accepts)| accepts) {
                return;
            }
            let kept = match certainty(code) {
                Certainty::Certain => &mut *certain,
                Certainty::Doubtful => &mut *doubtful,
                Certainty::None => return,
            };
            if kept.len() < ALERTS_REPORTED || kept.contains_key(&at) {
                kept.insert(at, code.code());
            } else {
                *more += number;
            }
        });
    }

    /// Returns what the step found.
    pub(crate) fn finish(self) -> StepFacts {
        let mut objections = self.certain;
        if !self.unread {
            objections.extend(self.doubtful);
        }
        let explained = |chain: &ChainId| !self.unexplained.contains(chain);
        let (ended, unexplained): (BTreeSet<_>, BTreeSet<_>) =
            self.ended.into_iter().partition(explained);
        StepFacts {
            verdict: self.verdict,
            settled: self.verified
                && !self.waiting
                && (self.verdict == Some(Verdict::Proven) || self.all_accepted),
            unread: self.unread,
            objections,
            more: self.more,
            newest: self.newest,
            ended,
            living: self.living.into_iter().chain(unexplained).collect(),
        }
    }
}

/// Whether an objection is news at once.
enum Certainty {
    /// It holds whatever else could be read.
    Certain,
    /// It may be only the consequence of something that could not be read.
    Doubtful,
    /// It says that something could not be read, or has not arrived. Its age is what matters.
    None,
}

fn certainty(code: ObjectionCode) -> Certainty {
    match code {
        ObjectionCode::Finding(_)
        | ObjectionCode::Unlisted
        | ObjectionCode::Time(Coverage::Contradicted) => Certainty::Certain,
        ObjectionCode::Place(_)
        | ObjectionCode::WithoutDigests
        | ObjectionCode::NotJoined
        | ObjectionCode::Time(Coverage::Uncovered(
            Uncovered::BeforeFirstDigest
            | Uncovered::Gap
            | Uncovered::DigestsMissing
            | Uncovered::Hole
            | Uncovered::Absent,
        )) => Certainty::Doubtful,
        ObjectionCode::Unread(_)
        | ObjectionCode::Time(
            Coverage::Verified
            | Coverage::Unverified
            | Coverage::Pending
            | Coverage::Uncovered(Uncovered::Tail),
        ) => Certainty::None,
    }
}

/// Returns the code of an objection, and its identity: the same in every step that covers its time. The
/// end of a stretch is not part of it, because it moves while the stretch grows.
fn identity(objection: &Objection<'_>) -> (ObjectionCode, String) {
    let (code, about) = match objection {
        Objection::Object(code, at) => (*code, format!("{}\n{}", at.bucket, at.key)),
        Objection::Chain(code, chain) => (ObjectionCode::Finding(*code), name(chain)),
        Objection::Folder(code, folder) => (*code, (*folder).to_owned()),
        Objection::Place(place) => (
            ObjectionCode::Place(place.why),
            format!(
                "{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
                place.folder.as_deref(),
                place.account.as_ref().map(ToString::to_string),
                place.region.as_ref().map(ToString::to_string),
                place.trail.as_deref(),
                place.as_chain().as_ref().map(name),
            ),
        ),
        Objection::Time(chain, segment) => {
            (ObjectionCode::Time(segment.coverage), format!("{}\n{}", name(chain), segment.from))
        }
    };
    let hash = Sha256::digest(format!("{}\n{about}", code.code()));
    // 128 bits: nobody finds two objections with the same identity.
    (code, hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// Returns the name of a chain that no other chain has.
pub(crate) fn name(chain: &ChainId) -> String {
    let organization = chain.organization.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{chain} {} {organization}", chain.home_region).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::coverage::Segment;
    use trailproof_core::record::{Counts, CoverageTotals, RunSummary};

    fn finished(coverages: &[&[Coverage]]) -> StepFacts {
        let mut tally = StepTally::default();
        for (number, coverages) in coverages.iter().enumerate() {
            let from = Timestamp::from_unix(0);
            let segments = coverages.iter().map(|coverage| Segment {
                from,
                to: from.plus(60),
                coverage: *coverage,
            });
            tally.take(&RunEvent::ChainFinished(ChainSummary {
                chain: ChainId {
                    account: format!("{number:012}").parse().unwrap(),
                    source_region: "eu-west-1".parse().unwrap(),
                    trail: "audit".parse().unwrap(),
                    home_region: "eu-west-1".parse().unwrap(),
                    organization: None,
                },
                presence: Presence::Present,
                segments: segments.collect(),
                counts: Counts::default(),
            }));
        }
        tally.take(&RunEvent::RunFinished(RunSummary {
            verdict: Verdict::Proven,
            counts: Counts::default(),
            chains: 1,
            ended: 0,
            coverage: CoverageTotals { verified: 60, ..CoverageTotals::default() },
            unlisted: 0,
            listings_unread: 0,
            not_joined: 0,
            places_in_doubt: 0,
            passed_over: 0,
            set_aside: BTreeMap::new(),
        }));
        tally.finish()
    }

    #[test]
    fn the_records_do_not_go_on_from_a_step_in_which_a_chain_only_waits() {
        let (verified, pending) = (Coverage::Verified, Coverage::Pending);
        assert!(finished(&[&[verified]]).settled);
        assert!(finished(&[&[verified], &[verified, pending]]).settled);
        assert!(!finished(&[&[verified], &[pending]]).settled);
    }
}
