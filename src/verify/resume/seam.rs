//! The seam between a run and the record of the previous run.
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

/// The newest digest of a chain that a record proves, within the time that it verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seam {
    /// Location of delivery.
    pub at: ObjectLocation,
    /// End of its interval.
    pub end: Timestamp,
    /// SHA-256 of its inflated bytes.
    pub hash: Hash,
}

/// What a run uses from the record that it continues from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreviousRecord {
    /// Description of the record, set when it has been read to its end.
    pub follows: Option<Follows>,
    /// First event of the record's run.
    started: Option<RunStart>,
    /// Its verdict.
    verdict: Option<Verdict>,
    /// Chains that had digests; those with verified time have a seam.
    pub chains: BTreeMap<ChainId, Option<Seam>>,
    /// Earliest end of verified time among the chains.
    verified_to: Option<Timestamp>,
    /// Proven digests of the current chain: the start of each, and its seam.
    open: Vec<(Timestamp, Seam)>,
}

impl PreviousRecord {
    /// Returns what was read of a record before.
    pub(crate) fn of(follows: Follows, chains: BTreeMap<ChainId, Option<Seam>>) -> Self {
        Self { follows: Some(follows), chains, ..Self::default() }
    }

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

    /// Takes the SHA-256 of the record's lines, in hex, from the record's last line.
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
        // The digest in whose interval, or at whose end, the verified time ends.
        let seam = to.and_then(|to| open.into_iter().find(|(start, _)| *start < to));
        if let (Some(to), Some((_, seam))) = (to, &seam) {
            let to = to.min(seam.end);
            self.verified_to = Some(self.verified_to.map_or(to, |earliest| earliest.min(to)));
        }
        self.chains.insert(summary.chain.clone(), seam.map(|(_, seam)| seam));
    }

    /// Returns the start of the period that continues from the record: the last verified second of
    /// the chain whose verified time ends first, so that the digest at every seam is read again.
    /// Returns `None` if the record verifies no time at all.
    pub fn start(&self) -> Option<Timestamp> {
        self.verified_to.map(|to| to.plus(-1))
    }
}

/// What the walk found about the digest at the seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeamDigest {
    /// It is present, with this hash.
    There(Hash),
    /// It is missing.
    Gone,
    /// It could not be read, or it has a finding in its own line.
    Told,
}

impl Seam {
    /// Returns what a judged digest means for the seam; `None` if it is a different digest.
    pub(crate) fn seen(&self, judged: &DigestJudged) -> Option<SeamDigest> {
        if judged.at != self.at {
            return None;
        }
        Some(match &judged.outcome {
            Outcome::Valid(proof) => SeamDigest::There(proof.hash),
            Outcome::Invalid(_) | Outcome::Unverified(_) => SeamDigest::Told,
        })
    }

    /// Returns the event that reports whether the chain continues from the record.
    pub(crate) fn judge(&self, seen: SeamDigest) -> SeamJudged {
        let finding = match seen {
            SeamDigest::There(found) if found != self.hash => {
                Some(Finding::DigestLinkMismatch { expected: self.hash, found })
            }
            SeamDigest::Gone => Some(Finding::DigestMissing),
            SeamDigest::There(_) | SeamDigest::Told => None,
        };
        SeamJudged {
            at: self.at.clone(),
            end: self.end,
            expected: self.hash,
            joined: seen == SeamDigest::There(self.hash),
            finding,
        }
    }
}
