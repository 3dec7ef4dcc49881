//! Judges one digest as the AWS CLI does: by its own metadata signature alone, in its order of
//! checks, so that a digest that is wrong in several ways is told off for the same one.
use crate::Verified;
use crate::bytes::content::{Content, Form};
use crate::codes::finding::{Finding, Malformed, SignatureFault};
use crate::digest::document::{Digest, DigestClaim};
use crate::digest::signing::KeyRing;
use crate::vocab::key_layout::DigestKind;
use crate::vocab::location::ObjectLocation;

/// A digest as it was read.
#[derive(Clone, Debug)]
pub struct DigestRead {
    /// How it was stored, and its hash.
    pub content: Content,
    /// What it claims, or why it cannot be parsed.
    pub claim: Result<DigestClaim, Malformed>,
    /// User metadata `signature`: hex, as it came.
    pub signature: Option<String>,
    /// User metadata `signature-algorithm`.
    pub signature_algorithm: Option<String>,
    /// User metadata `backfill-generation-timestamp`.
    pub backfill_generated: Option<String>,
}

/// What comes of a digest before its key is looked up.
#[derive(Clone, Debug)]
pub(crate) struct Provable {
    claim: DigestClaim,
    signature: String,
}

impl Provable {
    /// The checks that come before the public key: form, metadata, place.
    pub(crate) fn new(
        read: DigestRead,
        at: &ObjectLocation,
        kind: DigestKind,
    ) -> Result<Self, Finding> {
        let DigestRead { content, claim, signature, signature_algorithm, backfill_generated } =
            read;
        // The AWS CLI reads one member, as CloudTrail writes.
        if let Form::GzipAndMore { trailing } = content.form {
            return Err(Finding::DigestMalformed(Malformed::TrailingData { bytes: trailing }));
        }
        // A document that is no digest at all is malformed before its metadata is looked at; one
        // that only lacks a field is so after.
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

    /// Fingerprint of the key that is needed.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.claim.fingerprint
    }

    /// Proves the digest by the keys at hand.
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
