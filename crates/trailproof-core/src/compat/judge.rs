//! Judges one digest as the AWS CLI does: by its own metadata signature alone and in the CLI's
//! order of checks, so that a digest with several faults is reported for the same one.
use crate::Verified;
use crate::bytes::content::{Content, Form};
use crate::codes::finding::{Finding, Malformed, SignatureFault};
use crate::digest::document::{Digest, DigestClaim};
use crate::digest::signing::KeyRing;
use crate::vocab::key_layout::DigestKind;
use crate::vocab::location::ObjectLocation;

/// A digest as read from the store.
#[derive(Clone, Debug)]
pub struct DigestRead {
    /// How it was stored, and its hash.
    pub content: Content,
    /// What it claims, or why it cannot be parsed.
    pub claim: Result<DigestClaim, Malformed>,
    /// User metadata `signature`: hex, unchanged.
    pub signature: Option<String>,
    /// User metadata `signature-algorithm`.
    pub signature_algorithm: Option<String>,
    /// User metadata `backfill-generation-timestamp`.
    pub backfill_generated: Option<String>,
}

/// A digest that has passed every check that comes before its key is looked up.
#[derive(Clone, Debug)]
pub(crate) struct Provable {
    claim: DigestClaim,
    signature: String,
}

impl Provable {
    /// Checks what comes before the public key: form, metadata and location.
    pub(crate) fn new(
        read: DigestRead,
        at: &ObjectLocation,
        kind: DigestKind,
    ) -> Result<Self, Finding> {
        let DigestRead { content, claim, signature, signature_algorithm, backfill_generated } =
            read;
        // The AWS CLI reads one member, which is what CloudTrail writes.
        if let Form::GzipAndMore { trailing } = content.form {
            return Err(Finding::DigestMalformed(Malformed::TrailingData { bytes: trailing }));
        }
        // A document that is not a digest at all is malformed before its metadata is checked; one
        // that only lacks a field, after.
        let absent = |why: &Malformed| matches!(why, Malformed::FieldAbsent(_));
        if let Err(why) = &claim
            && !absent(why)
        {
            return Err(Finding::DigestMalformed(why.clone()));
        }
        let (Some(signature), Some(_)) = (signature, signature_algorithm) else {
            return Err(Finding::DigestSignatureInvalid(SignatureFault::Absent));
        };
        if kind == DigestKind::Backfill && backfill_generated.is_none() {
            return Err(Finding::DigestMalformed(Malformed::BackfillTimeAbsent));
        }
        let claim = claim.map_err(Finding::DigestMalformed)?;
        if claim.location != *at {
            return Err(Finding::DigestMoved { recorded: claim.location });
        }
        Ok(Self { claim, signature })
    }

    /// Returns the fingerprint of the key that is needed.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.claim.fingerprint
    }

    /// Proves the digest with the keys at hand.
    pub(crate) fn prove(self, keys: &KeyRing) -> Result<Verified<Digest>, Finding> {
        let Some(key) = keys.get(&self.claim.fingerprint) else {
            let fingerprint = self.claim.fingerprint;
            return Err(Finding::DigestKeyUnknown { fingerprint, none_between: None });
        };
        let invalid = |fault| Err(Finding::DigestSignatureInvalid(fault));
        if !key.is_readable() {
            let fingerprint = self.claim.fingerprint;
            return invalid(SignatureFault::KeyUnreadable { fingerprint });
        }
        let signature = match hex::decode(&self.signature) {
            Ok(signature) => signature,
            Err(hex::FromHexError::OddLength) => return invalid(SignatureFault::OddHex),
            Err(_) => return invalid(SignatureFault::NotHex),
        };
        if !key.verifies(self.claim.string_to_sign().as_bytes(), &signature) {
            return invalid(SignatureFault::Mismatch);
        }
        self.claim.complete().map(Verified::new).map_err(Finding::DigestMalformed)
    }
}
