//! The log files that a run proves, each with the digest that carries its proof.
use super::event::{DigestJudged, DigestProof, LogJudged, LogNamed, RunEvent};
use crate::bytes::content::Hash;
use crate::codes::finding::Outcome;
use crate::digest::judge::Proofs;
use crate::vocab::chain_id::ChainId;
use crate::vocab::key_layout::DigestKind;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::Timestamp;
use std::sync::Arc;

/// A proven digest, as the carrier of the proofs of its log files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarryingDigest {
    /// The chain.
    pub chain: ChainId,
    /// Location to which it was delivered.
    pub at: ObjectLocation,
    /// Standard or backfill.
    pub kind: DigestKind,
    /// Start of the interval in which its log files were delivered.
    pub start: Timestamp,
    /// End of that interval.
    pub end: Timestamp,
    /// SHA-256 of its inflated bytes.
    pub hash: Hash,
    /// The proofs that held.
    pub proofs: Proofs,
    /// Fingerprint of the key that it names as its own.
    pub fingerprint: String,
}

/// A log file whose content a proven digest records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenLog {
    /// Location to which it was delivered.
    pub at: ObjectLocation,
    /// SHA-256 of its inflated content.
    pub hash: Hash,
    /// The digest.
    pub digest: Arc<CarryingDigest>,
}

/// Finds proven log files in the events of a run, or of its record.
#[derive(Clone, Debug, Default)]
pub struct ProvenLogFinder {
    chain: Option<ChainId>,
    digest: Option<Arc<CarryingDigest>>,
}

impl ProvenLogFinder {
    /// Takes the next event; returns the log file that it proves or names, if any.
    pub fn take(&mut self, event: &RunEvent) -> Option<ProvenLog> {
        match event {
            RunEvent::ChainStarted { chain } => {
                self.chain = Some(chain.clone());
                self.digest = None;
                None
            }
            RunEvent::DigestJudged(judged) => {
                self.digest = self.carrying(judged).map(Arc::new);
                None
            }
            RunEvent::LogJudged(LogJudged { at, expected, outcome: Outcome::Valid(_), .. }) => {
                self.log(at, expected)
            }
            RunEvent::LogNamed(LogNamed { at, hash, .. }) => self.log(at, hash),
            _ => None,
        }
    }

    /// Returns the proven digest that came last, if no other digest or chain came after it.
    pub fn digest(&self) -> Option<&Arc<CarryingDigest>> {
        self.digest.as_ref()
    }

    fn log(&self, at: &ObjectLocation, hash: &Hash) -> Option<ProvenLog> {
        let digest = Arc::clone(self.digest.as_ref()?);
        Some(ProvenLog { at: at.clone(), hash: *hash, digest })
    }

    fn carrying(&self, judged: &DigestJudged) -> Option<CarryingDigest> {
        let Outcome::Valid(DigestProof { start, hash, proofs, fingerprint, .. }) = &judged.outcome
        else {
            return None;
        };
        Some(CarryingDigest {
            chain: self.chain.clone()?,
            at: judged.at.clone(),
            kind: judged.kind,
            start: *start,
            end: judged.end,
            hash: *hash,
            proofs: *proofs,
            fingerprint: fingerprint.clone(),
        })
    }
}
