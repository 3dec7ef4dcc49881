//! What a run did not prove: the objects, and the time and the places to look at again.
use std::collections::BTreeSet;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::{FindingCode, Outcome};
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::{RunEvent, RunStart, RunSummary};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{DAY, Period, Timestamp};

/// What an affected object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ObjectKind {
    /// A digest of either kind.
    Digest,
    /// A log file that a proven digest names.
    Log,
}

/// Why an object is not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The evidence contradicts it.
    Finding(FindingCode),
    /// It could not be read or checked.
    Unread(ReadFailureKind),
}

/// An object that a run did not prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AffectedObject {
    /// Location to which it was delivered.
    pub(crate) at: ObjectLocation,
    /// What it is.
    pub(crate) kind: ObjectKind,
    /// The chain that it belongs to.
    pub(crate) chain: ChainId,
    /// End of the digest, or of the one that names the log file.
    pub(crate) end: Timestamp,
    /// SHA-256 of the content of a log file, as its proven digest records it.
    pub(crate) expected: Option<Hash>,
    /// Why it is not proven.
    pub(crate) fault: Fault,
}

/// The time and the places of everything that a run did not prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hull {
    /// Whole days of UTC, within the period of the run.
    pub(crate) period: Period,
    /// Accounts; empty for all that the run looked at.
    pub(crate) accounts: Vec<AccountId>,
    /// Source regions; empty for all that the run looked at.
    pub(crate) regions: Vec<Region>,
}

/// What a run did not prove, collected from its events in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Affected {
    /// The first event of the run.
    pub(crate) start: Option<RunStart>,
    /// Its result.
    pub(crate) summary: Option<RunSummary>,
    /// The objects, in the order of the run, up to [`budget::UNLISTED`].
    pub(crate) objects: Vec<AffectedObject>,
    /// The number of objects beyond that.
    pub(crate) left_out: u64,
    /// Stretches of chains that no digest covers.
    pub(crate) spans: Vec<(ChainId, Segment)>,
    /// Log files that no digest names.
    pub(crate) unlisted: Vec<ObjectLocation>,
    /// Whether whole places are in doubt, so that the whole period is affected.
    pub(crate) places: bool,
    /// Whether the run left something open that versions cannot settle.
    pub(crate) open: bool,
    chain: Option<ChainId>,
    last_end: Option<Timestamp>,
}

impl Affected {
    /// Takes the next event of the run.
    pub(crate) fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted(start) => self.start = Some(start.as_ref().clone()),
            RunEvent::ChainStarted { chain } => self.chain = Some(chain.clone()),
            RunEvent::DigestJudged(judged) => {
                self.last_end = Some(judged.end);
                if judged.counts {
                    let at = &judged.at;
                    self.object(at, ObjectKind::Digest, judged.end, None, &judged.outcome);
                }
            }
            RunEvent::LogJudged(judged) => {
                let (end, expected) = (self.last_end, Some(judged.expected));
                if let Some(end) = end {
                    self.object(&judged.at, ObjectKind::Log, end, expected, &judged.outcome);
                }
            }
            RunEvent::ChainFinished(summary) => {
                let is_open =
                    |segment: &&Segment| matches!(segment.coverage, Coverage::Uncovered(_));
                let open = summary.segments.iter().filter(is_open);
                self.spans.extend(open.map(|segment| (summary.chain.clone(), *segment)));
            }
            RunEvent::LogUnlisted { at, .. } if self.unlisted.len() < budget::UNLISTED => {
                self.unlisted.push(at.clone());
            }
            RunEvent::PlaceInDoubt(_) | RunEvent::LogsWithoutDigests { .. } => self.places = true,
            RunEvent::ListingUnread { .. } => self.open = true,
            RunEvent::SeamJudged(seam) => self.open |= !seam.joined,
            RunEvent::RunFinished(summary) => self.summary = Some(summary.clone()),
            _ => {}
        }
    }

    fn object<P>(
        &mut self,
        at: &ObjectLocation,
        kind: ObjectKind,
        end: Timestamp,
        expected: Option<Hash>,
        outcome: &Outcome<P>,
    ) {
        let fault = match outcome {
            Outcome::Valid(_) => return,
            Outcome::Invalid(finding) => Fault::Finding(finding.into()),
            Outcome::Unverified(why) => Fault::Unread(why.kind),
        };
        let Some(chain) = self.chain.clone() else { return };
        if self.objects.len() >= budget::UNLISTED {
            self.left_out += 1;
            return;
        }
        let at = at.clone();
        self.objects.push(AffectedObject { at, kind, chain, end, expected, fault });
    }

    /// Returns whether the run proved everything, so that there is nothing to look at again.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.spans.is_empty() && self.unlisted.is_empty() && !self.places
    }

    /// Returns the time and the places to look at again: the days of the objects and stretches, in
    /// their accounts and regions. If whole places or unlisted log files are affected, that is
    /// everything that the run looked at. `None` if nothing is affected.
    pub(crate) fn hull(&self) -> Option<Hull> {
        let start = self.start.as_ref().filter(|_| !self.is_empty())?;
        let whole = start.period;
        if self.places || !self.unlisted.is_empty() || self.left_out > 0 {
            let hull = Hull { period: whole, accounts: Vec::new(), regions: Vec::new() };
            return Some(hull);
        }
        // A digest is about the hour before its end.
        let of_objects = self.objects.iter().map(|object| (object.end.plus(-DAY / 24), object.end));
        let of_spans = self.spans.iter().map(|(_, span)| (span.from, span.to));
        let (from, to) = of_objects
            .chain(of_spans)
            .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
        let day = |at: Timestamp| at.unix().div_euclid(DAY) * DAY;
        let (from, to) = (day(from), day(to.plus(DAY - 1)));
        let period = Period {
            start: Timestamp::from_unix(from).max(whole.start),
            end: Timestamp::from_unix(to).min(whole.end),
        };
        let chains = self.objects.iter().map(|object| &object.chain);
        let chains = chains.chain(self.spans.iter().map(|(chain, _)| chain));
        let (accounts, regions): (BTreeSet<_>, BTreeSet<_>) =
            chains.map(|chain| (chain.account.clone(), chain.source_region.clone())).unzip();
        // A digest at the very end of the period belongs to the hour before it.
        let period = if period.start < period.end { period } else { whole };
        let (accounts, regions) = (accounts.into_iter().collect(), regions.into_iter().collect());
        Some(Hull { period, accounts, regions })
    }
}
