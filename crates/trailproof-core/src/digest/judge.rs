//! Judges one digest by any of three proofs: its own signature, the signature that its proven
//! successor records, and the hash that its proven successor records.
//!
//! One proof is enough. If one holds, others that are absent or fail are notices: copying loses
//! metadata, and leaving a digest provable is not tampering.
use super::document::{Digest, DigestClaim, Link};
use super::signing::PublicKey;
use crate::Verified;
use crate::bytes::content::Hash;
use crate::codes::failure::{ReadFailure, ReadFailureKind};
use crate::codes::finding::{Finding, Malformed, Outcome, SignatureFault};
use crate::codes::notice::Notice;
use crate::compat::judge::DigestRead;
use crate::vocab::key_layout::DigestKey;
use crate::vocab::location::ObjectLocation;
use std::sync::Arc;

/// The name of a proof, and how to access it.
pub(crate) type ProofName = (&'static str, fn(&mut Proofs) -> &mut bool);

/// The names of all proofs.
pub(crate) const PROOFS: [ProofName; 3] = [
    ("own-signature", |proofs| &mut proofs.own_signature),
    ("successor-signature", |proofs| &mut proofs.successor_signature),
    ("successor-hash", |proofs| &mut proofs.successor_hash),
];

/// The proofs that held over a digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// The signature in its own metadata.
    pub own_signature: bool,
    /// The signature that its proven successor records.
    pub successor_signature: bool,
    /// The hash that its proven successor records.
    pub successor_hash: bool,
}

impl Proofs {
    /// Returns the stable codes of the proofs that held; never renamed once released.
    pub fn codes(self) -> Vec<&'static str> {
        let mut proofs = self;
        PROOFS.iter().filter_map(|(code, of)| of(&mut proofs).then_some(*code)).collect()
    }

    /// Returns whether any proof held.
    pub fn any(self) -> bool {
        self.own_signature || self.successor_signature || self.successor_hash
    }
}

/// A proven digest, with its proofs.
#[derive(Clone, Debug)]
pub struct ProvenDigest {
    /// Its content.
    pub digest: Arc<Verified<Digest>>,
    /// The proofs that held.
    pub proofs: Proofs,
}

/// What is known about the key that a digest names.
#[derive(Clone, Debug)]
pub enum KeyLookup<'k> {
    /// The key itself.
    Known(&'k PublicKey),
    /// The keys for that region and time were obtained, and this one is not among them.
    NoneSuch,
    /// The keys for that region and time could not be obtained.
    Unavailable(&'k ReadFailure),
}

/// Judges the digest that was read for `at`, the location under which it must have been signed.
/// `link` is what its proven successor records about it, if it has one.
///
/// # Examples
///
/// A digest of the demo is proven by the signature in its metadata. The same digest for another hour
/// is not:
///
/// ```
/// use base64::{Engine as _, engine::general_purpose::STANDARD};
/// use trailproof_core::bytes::content::read_whole;
/// use trailproof_core::codes::finding::{Finding, Outcome};
/// use trailproof_core::compat::judge::DigestRead;
/// use trailproof_core::digest::document::DigestClaim;
/// use trailproof_core::digest::judge::{KeyLookup, judge_digest};
/// use trailproof_core::digest::signing::PublicKey;
/// use trailproof_core::vocab::location::ObjectLocation;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/demo");
/// let json = |name: &str| -> std::io::Result<serde_json::Value> {
///     Ok(serde_json::from_slice(&std::fs::read(format!("{demo}/{name}"))?)?)
/// };
/// let folder = "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/";
/// let name = "111122223333_CloudTrail-Digest_eu-west-1_management-events_us-east-1_";
/// let at = ObjectLocation::new("example-trail-logs", format!("{folder}{name}20260301T010411Z.json.gz"));
///
/// let stored = std::fs::read(format!("{demo}/{}/{}", at.bucket, at.key))?;
/// let mut bytes = Vec::new();
/// let content = read_whole(&stored, 1 << 20, Some(&mut bytes)).expect("a digest is small");
/// let claim = DigestClaim::parse(&content, &bytes).expect("it is a digest");
///
/// let keys = &json("public-keys.json")?["eu-west-1"]["PublicKeyList"];
/// let mut keys = keys.as_array().into_iter().flatten();
/// let key = keys.find(|key| key["Fingerprint"] == claim.fingerprint).expect("it is listed");
/// let der = STANDARD.decode(key["Value"].as_str().expect("base64"))?;
/// let key = PublicKey::new(claim.fingerprint.clone(), &der);
///
/// let metadata = &json("trailproof-objects.json")?[&at.bucket][&at.key]["metadata"];
/// let read = DigestRead {
///     content,
///     claim: Ok(claim),
///     signature: metadata["signature"].as_str().map(str::to_owned),
///     signature_algorithm: metadata["signature-algorithm"].as_str().map(str::to_owned),
///     backfill_generated: None,
/// };
/// let (outcome, notices) = judge_digest(read.clone(), &at, None, &KeyLookup::Known(&key));
/// let Outcome::Valid(proven) = outcome else { panic!("{outcome:?}") };
/// assert!(proven.proofs.own_signature && notices.is_empty());
/// assert_eq!(proven.digest.end.to_string(), "2026-03-01T01:04:11Z");
///
/// let later = ObjectLocation::new("example-trail-logs", at.key.replace("T010411Z", "T020411Z"));
/// let (outcome, _) = judge_digest(read, &later, None, &KeyLookup::Known(&key));
/// assert!(matches!(outcome, Outcome::Invalid(Finding::DigestMoved { recorded }) if recorded == at));
/// # Ok(())
/// # }
/// ```
pub fn judge_digest(
    read: DigestRead,
    at: &ObjectLocation,
    link: Option<&Link>,
    key: &KeyLookup<'_>,
) -> (Outcome<ProvenDigest>, Vec<Notice>) {
    let DigestRead { content, claim, signature, .. } = read;
    let recorded = link.and_then(|link| link.hash);
    let claim = match claim {
        Ok(claim) => claim,
        Err(why) => return (Outcome::Invalid(Finding::DigestMalformed(why)), Vec::new()),
    };
    let own = check_signature(&claim, signature.as_deref(), key);
    if claim.location != *at {
        return elsewhere(claim, content.hash, own, at, recorded, key);
    }
    // Usually both signatures are the same, and checking one is most of a digest's cost.
    let recorded_signature = link.and_then(|link| link.signature.as_deref());
    let theirs = match recorded_signature == signature.as_deref() {
        true => own.clone(),
        false => check_signature(&claim, recorded_signature, key),
    };
    let proofs = Proofs {
        own_signature: own == Signed::Yes,
        successor_signature: theirs == Signed::Yes,
        successor_hash: recorded == Some(content.whole_hash()),
    };
    if !proofs.any() {
        let outcome = match (recorded, own) {
            // The proven successor records which bytes this digest had, and these are different.
            (Some(expected), Signed::Absent | Signed::KeyNotHad) => {
                Outcome::Invalid(Finding::DigestLinkMismatch {
                    expected,
                    found: content.whole_hash(),
                })
            }
            (_, own) => unproven(&claim, own, theirs, key),
        };
        return (outcome, Vec::new());
    }
    let mut notices = Vec::new();
    match own {
        Signed::Absent => notices.push(Notice::MetadataSignatureMissing),
        Signed::No(_) | Signed::KeyUnknown => notices.push(Notice::MetadataSignatureDiffers),
        Signed::Yes | Signed::KeyNotHad => {}
    }
    if content.form == crate::bytes::content::Form::Plain {
        notices.push(Notice::StoredInflated);
    }
    if let crate::bytes::content::Form::GzipAndMore { .. } = content.form {
        notices.push(Notice::SeveralMembers);
    }
    match claim.complete() {
        Ok(digest) => {
            let digest = Arc::new(Verified::new(digest));
            (Outcome::Valid(ProvenDigest { digest, proofs }), notices)
        }
        // These are the bytes that CloudTrail signed, so that nobody changed them.
        Err(Malformed::FieldInvalid { field, value }) => {
            let words = format!("{field} is {value}");
            let why = ReadFailure::new(ReadFailureKind::UnknownForm, words);
            (Outcome::Unverified(why), notices)
        }
        Err(why) => (Outcome::Invalid(Finding::DigestMalformed(why)), notices),
    }
}

/// Judges a digest that names a location other than the one it was read for. If its signature
/// holds, it is genuine evidence of the place that it names. If it is also the same digest of the
/// same trail, in a different bucket or below a different prefix, it is a copy, which proves
/// nothing about this place.
fn elsewhere(
    claim: DigestClaim,
    found: Hash,
    own: Signed,
    at: &ObjectLocation,
    expected: Option<Hash>,
    key: &KeyLookup<'_>,
) -> (Outcome<ProvenDigest>, Vec<Notice>) {
    if is_same_digest(&claim.location.key, &at.key) {
        match (expected, own) {
            // The proven successor records what belongs here.
            (Some(expected), _) if expected != found => {
                let finding = Finding::DigestLinkMismatch { expected, found };
                return (Outcome::Invalid(finding), Vec::new());
            }
            (_, Signed::Yes) => {
                let at = claim.location.to_string();
                let why = ReadFailure::new(ReadFailureKind::DeliveredElsewhere, at);
                return (Outcome::Unverified(why), vec![Notice::DigestCopied]);
            }
            // No proof holds, and nothing is contradicted.
            (_, own @ (Signed::Absent | Signed::KeyNotHad)) => {
                return (unproven(&claim, own.clone(), own, key), Vec::new());
            }
            (_, Signed::No(_) | Signed::KeyUnknown) => {}
        }
    }
    (Outcome::Invalid(Finding::DigestMoved { recorded: claim.location }), Vec::new())
}

/// Returns whether two keys name the same digest, whatever comes before the account.
fn is_same_digest(one: &str, other: &str) -> bool {
    let identity = |key: &str| {
        let DigestKey { chain, end, kind } = DigestKey::parse(key)?;
        Some((chain.account, chain.source_region, chain.trail, chain.home_region, end, kind))
    };
    let one = identity(one);
    one.is_some() && one == identity(other)
}

/// The result of checking one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Signed {
    /// It holds.
    Yes,
    /// It does not hold.
    No(SignatureFault),
    /// There is no signature.
    Absent,
    /// There is a signature, and its key is not among the known ones.
    KeyUnknown,
    /// There is a signature, and the keys could not be obtained.
    KeyNotHad,
}

/// Judges like [`judge_digest`], but a digest without a signature in its own metadata is judged
/// with each signature that others `kept` for it. A kept signature that holds proves the digest,
/// wherever it was kept. One that does not hold is no evidence against the digest, because no
/// proven source records it as the digest's signature.
pub(crate) fn judge_with_kept<'s>(
    read: DigestRead,
    kept: impl IntoIterator<Item = &'s String>,
    at: &ObjectLocation,
    link: Option<&Link>,
    key: &KeyLookup<'_>,
) -> (Outcome<ProvenDigest>, Vec<Notice>) {
    if read.signature.is_none() {
        for signature in kept {
            let read = DigestRead { signature: Some(signature.clone()), ..read.clone() };
            let (outcome, mut notices) = judge_digest(read, at, link, key);
            let holds =
                matches!(outcome, Outcome::Valid(_)) || notices.contains(&Notice::DigestCopied);
            if holds {
                notices.push(Notice::MetadataSignatureMissing);
                return (outcome, notices);
            }
        }
    }
    judge_digest(read, at, link, key)
}

/// Judges like [`judge_with_kept`], for use when all keys of the digest's time were requested: if a
/// signature was kept and only its key is missing, reports the missing key and not a missing
/// signature.
pub(crate) fn judge_with_kept_or_by_key(
    read: DigestRead,
    kept: Option<&String>,
    at: &ObjectLocation,
    link: Option<&Link>,
    key: &KeyLookup<'_>,
) -> (Outcome<ProvenDigest>, Vec<Notice>) {
    // What a proven successor records has more weight, and is in the link.
    let kept_alone = kept.filter(|_| link.is_none() && read.signature.is_none());
    let (Some(signature), KeyLookup::Unavailable(_) | KeyLookup::NoneSuch) = (kept_alone, key)
    else {
        return judge_with_kept(read, kept, at, link, key);
    };
    // An unknown key for a signature that no proven source records is not evidence of tampering.
    let unknown = ReadFailure::new(
        ReadFailureKind::KeysUnavailable,
        "the key is none of those at hand, and only an unproven digest keeps the signature",
    );
    let key = match key {
        KeyLookup::NoneSuch => &KeyLookup::Unavailable(&unknown),
        had => had,
    };
    judge_digest(DigestRead { signature: Some(signature.clone()), ..read }, at, link, key)
}

fn check_signature(claim: &DigestClaim, signature: Option<&str>, key: &KeyLookup<'_>) -> Signed {
    let Some(signature) = signature else { return Signed::Absent };
    let key = match key {
        KeyLookup::Known(key) => key,
        KeyLookup::NoneSuch => return Signed::KeyUnknown,
        KeyLookup::Unavailable(_) => return Signed::KeyNotHad,
    };
    let bytes = hex::decode(signature);
    // A bundle may be damaged, and damaged key bytes are not evidence of tampering.
    let is_key = || key.fingerprint_matches_any_encoding();
    match bytes {
        Ok(bytes) if key.verifies(claim.string_to_sign().as_bytes(), &bytes) => Signed::Yes,
        _ if !is_key() => Signed::KeyNotHad,
        _ if !key.is_readable() => {
            let fingerprint = claim.fingerprint.clone();
            Signed::No(SignatureFault::KeyUnreadable { fingerprint })
        }
        Ok(_) => Signed::No(SignatureFault::Mismatch),
        Err(hex::FromHexError::OddLength) => Signed::No(SignatureFault::OddHex),
        Err(_) => Signed::No(SignatureFault::NotHex),
    }
}

/// Returns the outcome of a digest for which no proof holds.
fn unproven(
    claim: &DigestClaim,
    own: Signed,
    theirs: Signed,
    key: &KeyLookup<'_>,
) -> Outcome<ProvenDigest> {
    let signed = if own == Signed::Absent { theirs } else { own };
    let fingerprint = claim.fingerprint.clone();
    match signed {
        Signed::No(fault) => Outcome::Invalid(Finding::DigestSignatureInvalid(fault)),
        Signed::KeyUnknown => {
            Outcome::Invalid(Finding::DigestKeyUnknown { fingerprint, none_between: None })
        }
        Signed::KeyNotHad => match key {
            KeyLookup::Unavailable(why) => Outcome::Unverified((*why).clone()),
            KeyLookup::Known(_) | KeyLookup::NoneSuch => Outcome::Unverified(ReadFailure::new(
                ReadFailureKind::KeysUnavailable,
                "what is at hand under the key's fingerprint is another key, or none",
            )),
        },
        Signed::Absent | Signed::Yes => Outcome::Unverified(ReadFailure::new(
            ReadFailureKind::NoSignature,
            "the object carries no signature, and no proven digest records one",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_proofs_that_held() {
        let none = Proofs::default();
        assert!(none.codes().is_empty() && !none.any());
        let own = Proofs { own_signature: true, ..none };
        assert_eq!(own.codes(), ["own-signature"]);
        let theirs = Proofs { successor_signature: true, successor_hash: true, ..none };
        assert_eq!(theirs.codes(), ["successor-signature", "successor-hash"]);
        assert!(own.any() && theirs.any());
    }
}
