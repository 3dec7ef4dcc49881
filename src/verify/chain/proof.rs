//! Conversions of outcomes and log entries into the form of events.
use trailproof_core::codes::finding::Outcome;
use trailproof_core::digest::document::{Digest, LogFile};
use trailproof_core::digest::judge::ProvenDigest;
use trailproof_core::record::{DigestLink, DigestProof, LogNamed};
use trailproof_core::vocab::key_layout::DigestKey;

/// Returns the outcome of a digest in the form of the event.
pub(crate) fn told(outcome: &Outcome<ProvenDigest>) -> Outcome<DigestProof> {
    match outcome {
        Outcome::Valid(ProvenDigest { digest, proofs }) => Outcome::Valid(DigestProof {
            start: digest.start,
            hash: digest.hash,
            proofs: *proofs,
            logs: u64::try_from(digest.logs.len()).unwrap_or(u64::MAX),
            fingerprint: digest.fingerprint.clone(),
            previous: digest.previous.as_ref().map(|link| DigestLink {
                at: link.location.clone(),
                hash: link.hash,
                end: DigestKey::parse(&link.location.key).map(|key| key.end),
            }),
        }),
        Outcome::Invalid(finding) => Outcome::Invalid(finding.clone()),
        Outcome::Unverified(why) => Outcome::Unverified(why.clone()),
    }
}

/// Returns the event for a log file that was looked up and that a proven digest names.
pub(crate) fn named(log: &LogFile, digest: &Digest) -> LogNamed {
    LogNamed {
        at: log.location.clone(),
        hash: log.hash,
        digest: digest.location.clone(),
        start: digest.start,
        end: digest.end,
        fingerprint: digest.fingerprint.clone(),
    }
}
