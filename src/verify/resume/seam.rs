//! Where a run joins on to the record of the one before it.
use std::collections::BTreeMap;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::coverage::Coverage;
use trailproof_core::record::{
    ChainSummary, DigestJudged, Follows, Presence, RunEvent, RunStart, SeamJudged,
};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// The newest digest that a record proves of a chain, within the time that it verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seam {
    /// Where it was delivered.
    pub at: ObjectLocation,
    /// Its end.
    pub end: Timestamp,
    /// SHA-256 of its inflated bytes.
    pub hash: Hash,
}

/// What a run that joins on to a record takes from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// The record, once it was read to its end.
    pub follows: Option<Follows>,
    /// What the record's run was about.
    started: Option<RunStart>,
    /// Its verdict.
    verdict: Option<Verdict>,
    /// The chains that had digests, with the seam of each that had verified time.
    pub chains: BTreeMap<ChainId, Option<Seam>>,
    /// Where the earliest of the chains' verified time ends.
    verified_to: Option<Timestamp>,
    /// Proven digests of the chain that is open: start and what they are as a seam.
    open: Vec<(Timestamp, Seam)>,
}

impl Since {
    /// Takes the next event of the record.
    pub fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::ChainStarted { .. } => self.open.clear(),
            RunEvent::DigestJudged(DigestJudged {
                at,
                kind: DigestKind::Standard,
                end,
                outcome: Outcome::Valid(proof),
                ..
            }) => {
                let seam = Seam { at: at.clone(), end: *end, hash: proof.hash };
                self.open.push((proof.start, seam));
            }
            RunEvent::ChainFinished(summary) => self.end(summary),
            RunEvent::RunStarted(start) => self.started = Some(start.as_ref().clone()),
            RunEvent::RunFinished(summary) => self.verdict = Some(summary.verdict),
            _ => {}
        }
    }

    /// Takes the SHA-256 of the record's lines, in hex, as its own last line has it.
    pub fn finish(&mut self, sha256: &str) {
        let read = self.started.take().zip(self.verdict);
        self.follows = read.map(|(start, verdict)| Follows {
            sha256: sha256.to_owned(),
            verdict,
            bucket: start.place.delivered_to.bucket,
            period: start.period,
            trails: start.trails,
            accounts: start.accounts,
            regions: start.regions,
        });
    }

    fn end(&mut self, summary: &ChainSummary) {
        let open = std::mem::take(&mut self.open);
        if summary.presence != Presence::Present {
            return;
        }
        let verified =
            |segment: &&trailproof_core::coverage::Segment| segment.coverage == Coverage::Verified;
        let to = summary.segments.iter().rfind(verified).map(|segment| segment.to);
        // The digest whose interval the verified time ends in, or with.
        let seam = to.and_then(|to| open.into_iter().find(|(start, _)| *start < to));
        if let (Some(to), Some((_, seam))) = (to, &seam) {
            let to = to.min(seam.end);
            self.verified_to = Some(self.verified_to.map_or(to, |earliest| earliest.min(to)));
        }
        self.chains.insert(summary.chain.clone(), seam.map(|(_, seam)| seam));
    }

    /// The start of the period that joins on: the last second that is verified of the chain of
    /// which least is, so that the digest at every seam is read again. `None` where the record
    /// verifies no time at all.
    pub fn start(&self) -> Option<Timestamp> {
        self.verified_to.map(|to| to.plus(-1))
    }
}

/// What the walk told of the digest at the seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtSeam {
    /// It is there, with this hash.
    There(Hash),
    /// It is not there.
    Gone,
    /// The line of a digest tells what is wrong with it, or it could not be read.
    Told,
}

impl Seam {
    /// What a judged digest says of the seam; `None` where it is another digest.
    pub(crate) fn seen(&self, judged: &DigestJudged) -> Option<AtSeam> {
        if judged.at != self.at {
            return None;
        }
        Some(match &judged.outcome {
            Outcome::Valid(proof) => AtSeam::There(proof.hash),
            Outcome::Invalid(_) | Outcome::Unverified(_) => AtSeam::Told,
        })
    }

    /// The event that tells whether the run joins on.
    pub(crate) fn judge(&self, seen: AtSeam) -> SeamJudged {
        let finding = match seen {
            AtSeam::There(found) if found != self.hash => {
                Some(Finding::DigestLinkMismatch { expected: self.hash, found })
            }
            AtSeam::Gone => Some(Finding::DigestMissing),
            AtSeam::There(_) | AtSeam::Told => None,
        };
        SeamJudged {
            at: self.at.clone(),
            end: self.end,
            expected: self.hash,
            joined: seen == AtSeam::There(self.hash),
            finding,
        }
    }
}
