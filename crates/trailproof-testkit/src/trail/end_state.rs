//! The end state of one object, determined by comparing it with what was written there.
//!
//! Nothing is verified: content is intact if it equals the truth, and a signature is the right one
//! if it equals the one that was made.
use super::built::{BuiltChain, BuiltDigest, BuiltLog, BuiltTrail, DigestKind};
use super::digest_json::sha256;
use super::expectation::{Period, State};
use super::gzip::{self, Body};
use super::signer::fingerprint;
use crate::world::Version;
use std::collections::BTreeSet;

// The budget of a reader for an inflated digest is its own choice; above this size, the model
// accepts that it may have been exceeded.
const LARGE: usize = 1 << 20;

/// What is stored at a digest's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestContent {
    /// Nothing.
    Absent,
    /// An archived object.
    Archived,
    /// Something that certainly or possibly exceeds a reader's budget.
    Beyond,
    /// The digest's own bytes.
    Intact,
    /// The digest's own bytes in a member without a valid end, or followed by more.
    Damaged,
    /// Not a digest.
    Malformed,
    /// A digest that names a different location.
    Elsewhere,
    /// A digest that names a different location, in a member without a valid end, or followed by
    /// more.
    DamagedElsewhere,
    /// A digest with this location and different bytes.
    Changed,
}

/// What the digest's own signature proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnSignature {
    /// It proves the digest's true bytes.
    Proves,
    /// It may or may not, depending on how a verifier looks for the key.
    MayProve,
    /// There is no signature.
    Absent,
    /// It is not the digest's signature. The value is whether the digest's key is listed correctly.
    Wrong(bool),
    /// It is right, but its key is not listed. The value is whether a different key of the region
    /// was valid then: a list without one does not show which keys could have signed.
    KeyUnknown(bool),
}

impl BuiltTrail {
    /// Returns what is stored at the key of `digest`.
    pub fn digest_content(&self, digest: &BuiltDigest) -> DigestContent {
        let Some(version) = self.current(&digest.bucket, &digest.key) else {
            return DigestContent::Absent;
        };
        if archived(version) {
            return DigestContent::Archived;
        }
        if gzip::joined(&version.body).is_some_and(|bytes| bytes == digest.json) {
            return DigestContent::Intact;
        }
        let (bytes, whole) = match gzip::read(&version.body) {
            Body::Bomb => return DigestContent::Beyond,
            Body::Broken => return DigestContent::Malformed,
            Body::NotGzip => (version.body.to_vec(), true),
            Body::Inflated { bytes, trailer, more } => (bytes, trailer && !more),
        };
        if bytes == digest.json {
            return if whole { DigestContent::Intact } else { DigestContent::Damaged };
        }
        if bytes.len() > LARGE {
            return DigestContent::Beyond;
        }
        let value: serde_json::Value = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(error) if error.to_string().contains("recursion") => return DigestContent::Beyond,
            Err(_) => return DigestContent::Malformed,
        };
        let text = |name: &str| value.get(name).and_then(serde_json::Value::as_str);
        match (text("digestS3Bucket"), text("digestS3Object"), text("digestEndTime")) {
            (Some(bucket), Some(key), Some(_)) => {
                match (bucket, key) == (digest.bucket.as_str(), digest.key.as_str()) {
                    true => DigestContent::Changed,
                    false if whole => DigestContent::Elsewhere,
                    false => DigestContent::DamagedElsewhere,
                }
            }
            _ => DigestContent::Malformed,
        }
    }

    /// Returns whether a listed key of the region was valid at the digest's end.
    pub(super) fn keys_cover(&self, chain: &BuiltChain, digest: &BuiltDigest) -> bool {
        let keys = self.world.public_keys.get(&chain.id.region);
        let valid = |key: &crate::world::PublicKey| {
            key.valid_from <= digest.end && digest.end <= key.valid_to
        };
        keys.is_some_and(|keys| keys.iter().any(valid))
    }

    /// Returns what the signature of `digest` proves about its true bytes.
    pub fn own_signature(&self, chain: &BuiltChain, digest: &BuiltDigest) -> OwnSignature {
        let Some(version) = self.current(&digest.bucket, &digest.key) else {
            return OwnSignature::Absent;
        };
        let Some(signature) = version.metadata.get("signature") else {
            return OwnSignature::Absent;
        };
        let keys = self.world.public_keys.get(&chain.id.region).map_or(&[][..], Vec::as_slice);
        let signed = || keys.iter().filter(|key| Self::is_key(key, digest.slot));
        let named = signed().any(|key| {
            key.fingerprint == digest.fingerprint && fingerprint(&key.der) == digest.fingerprint
        });
        if *signature != digest.signature {
            return OwnSignature::Wrong(named);
        }
        if signed().next().is_none() {
            return OwnSignature::KeyUnknown(self.keys_cover(chain, digest));
        }
        let timestamp = version.metadata.contains_key("backfill-generation-timestamp");
        let dated = digest.kind != DigestKind::Backfill || timestamp;
        let algorithm = version.metadata.contains_key("signature-algorithm");
        if named && dated && algorithm { OwnSignature::Proves } else { OwnSignature::MayProve }
    }

    /// Collects the signatures that objects in folders of digests record for their predecessors.
    pub(super) fn kept_signatures(&self) -> BTreeSet<String> {
        let objects = self.world.buckets.values().flat_map(|bucket| {
            let digests = bucket.objects.keys().filter(|key| key.contains("/CloudTrail-Digest/"));
            digests.filter_map(|key| bucket.current(key))
        });
        let kept = objects.filter(|version| !archived(version)).filter_map(|version| {
            let text = match gzip::read(&version.body) {
                Body::Inflated { bytes, .. } => bytes,
                Body::NotGzip => version.body.to_vec(),
                Body::Broken | Body::Bomb => return None,
            };
            let text = String::from_utf8(text).ok()?;
            let (_, signature) = text.split_once("\"previousDigestSignature\":\"")?;
            Some(signature.split('"').next()?.to_owned())
        });
        kept.collect()
    }

    /// Returns the possible states in a run over `period`: what a copy lacks may be in the bucket.
    pub fn log_states_in(&self, log: &BuiltLog, period: &Period) -> BTreeSet<State> {
        if period.copy && self.current(&log.bucket, &log.key).is_none() {
            return states(&[State::Unverified]);
        }
        self.log_states(log)
    }

    /// Returns the states that a verifier may report for a log file that a verified digest names.
    pub fn log_states(&self, log: &BuiltLog) -> BTreeSet<State> {
        let Some(version) = self.current(&log.bucket, &log.key) else {
            return states(&[State::Invalid("log-missing")]);
        };
        let (mismatch, malformed) =
            (State::Invalid("log-hash-mismatch"), State::Invalid("log-malformed"));
        let trailing = State::Invalid("log-trailing-data");
        if archived(version) {
            return states(&[State::Unverified]);
        }
        let right = |bytes: &[u8]| sha256(bytes) == log.hash;
        // Content is what all members hold.
        let joined = gzip::joined(&version.body);
        if joined.as_deref().is_some_and(right) {
            return states(&[State::Valid]);
        }
        match gzip::read(&version.body) {
            Body::Bomb => states(&[State::Unverified, mismatch, malformed]),
            Body::NotGzip if right(&version.body) => states(&[State::Valid]),
            Body::NotGzip | Body::Broken => states(&[malformed, mismatch]),
            Body::Inflated { bytes, trailer, more } => match (right(&bytes), trailer, more) {
                (true, true, false) => states(&[State::Valid]),
                (true, true, true) => states(&[trailing]),
                (true, false, false) => states(&[malformed]),
                (true, false, true) => states(&[malformed, trailing]),
                (false, true, false) => states(&[mismatch]),
                (false, true, true) if joined.is_some() => states(&[mismatch]),
                (false, true, true) => states(&[mismatch, trailing]),
                (false, false, _) => states(&[mismatch, malformed, trailing]),
            },
        }
    }
}

fn archived(version: &Version) -> bool {
    matches!(version.storage_class.as_str(), "GLACIER" | "DEEP_ARCHIVE")
}

pub(super) fn states(states: &[State]) -> BTreeSet<State> {
    states.iter().copied().collect()
}
