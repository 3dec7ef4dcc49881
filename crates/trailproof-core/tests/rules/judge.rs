//! The three proofs of a digest: each alone, none, and each against the others. The builder signed
//! the digests with a different implementation of RSA than the one that verifies them.
use trailproof_core::bytes::content::read_whole;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::Outcome;
use trailproof_core::codes::notice::Notice;
use trailproof_core::compat::judge::DigestRead;
use trailproof_core::digest::document::{DigestClaim, Link};
use trailproof_core::digest::judge::{KeyLookup, judge_digest};
use trailproof_core::digest::signing::PublicKey;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

struct Case {
    trail: BuiltTrail,
    at: ObjectLocation,
    link: Link,
    key: PublicKey,
}

impl Case {
    fn new() -> Self {
        let trail = TrailSpec::new()
            .seed(31)
            .time("2026-03-01T00:04:11Z", 4)
            .logs(LogPlan::Constant(1), LogSizes::Small)
            .build();
        let digests = &trail.chains[0].digests;
        let at = ObjectLocation::new(digests[2].bucket.clone(), digests[2].key.clone());
        let fingerprint = read(&trail, 2, |_| {}).claim.unwrap().fingerprint;
        let mut keys = trail.world.public_keys.values().flatten();
        let key = keys.rfind(|key| key.fingerprint == fingerprint).unwrap();
        let key = PublicKey::new(key.fingerprint.clone(), &key.der);
        // The link as the successor records it, from the builder's own account of what it signed.
        let hash = read(&trail, 2, |_| {}).content.hash;
        let version = trail.current(&at.bucket, &at.key).unwrap();
        let signature = version.metadata["signature"].clone();
        let link = Link { location: at.clone(), hash: Some(hash), signature: Some(signature) };
        Self { trail, at, link, key }
    }
}

/// Reads a digest after applying `change` to its inflated bytes.
fn read(trail: &BuiltTrail, index: usize, change: impl Fn(&mut Vec<u8>)) -> DigestRead {
    let digest = &trail.chains[0].digests[index];
    let version = trail.current(&digest.bucket, &digest.key).unwrap();
    let mut bytes = Vec::new();
    read_whole(&version.body, 1 << 20, Some(&mut bytes)).unwrap();
    change(&mut bytes);
    let content = read_whole(&bytes, 1 << 20, None).unwrap();
    let claim = DigestClaim::parse(&content, &bytes);
    DigestRead {
        content,
        claim,
        signature: version.metadata.get("signature").cloned(),
        signature_algorithm: version.metadata.get("signature-algorithm").cloned(),
        backfill_generated: None,
    }
}

/// Returns the outcome in one word: the proofs that hold, or the code.
fn outcome_word(outcome: &Outcome<trailproof_core::digest::judge::ProvenDigest>) -> String {
    match outcome {
        Outcome::Valid(proven) => {
            let proofs = proven.proofs;
            format!(
                "{}{}{}",
                u8::from(proofs.own_signature),
                u8::from(proofs.successor_signature),
                u8::from(proofs.successor_hash)
            )
        }
        Outcome::Invalid(finding) => finding.code().to_owned(),
        Outcome::Unverified(why) => why.kind.code().to_owned(),
    }
}

#[test]
fn any_single_proof_is_enough() {
    let case = Case::new();
    let no_keys = ReadFailure::new(ReadFailureKind::KeysUnavailable, "");
    let known = KeyLookup::Known(&case.key);
    let away = KeyLookup::Unavailable(&no_keys);
    let wrong = "00".repeat(256);
    let hash = Link { signature: None, ..case.link.clone() };
    let signature = Link { hash: None, ..case.link.clone() };
    let other = Link { hash: Some([7; 32]), signature: Some(wrong.clone()), ..case.link.clone() };
    let right = case.link.signature.as_deref();
    for (own, link, key, expected) in [
        (right, Some(&case.link), &known, "111"),
        (right, None, &known, "100"),
        (None, Some(&signature), &known, "010"),
        (None, Some(&hash), &known, "001"),
        (None, Some(&hash), &away, "001"),
        (Some(wrong.as_str()), Some(&hash), &known, "001"),
        (right, Some(&other), &known, "100"),
        (right, None, &away, "keys-unavailable"),
        (right, None, &KeyLookup::NoneSuch, "digest-key-unknown"),
        (None, None, &known, "no-signature"),
        (Some(wrong.as_str()), None, &known, "digest-signature-invalid"),
        (Some("xyz"), None, &known, "digest-signature-invalid"),
        (None, Some(&other), &known, "digest-link-mismatch"),
        (right, Some(&other), &away, "digest-link-mismatch"),
        (Some(wrong.as_str()), Some(&other), &known, "digest-signature-invalid"),
    ] {
        let mut read = read(&case.trail, 2, |_| {});
        // This test reads the digest inflated, which adds a notice.
        read.signature = own.map(str::to_owned);
        let (outcome, _) = judge_digest(read, &case.at, link, key);
        assert_eq!(
            outcome_word(&outcome),
            expected,
            "own {own:.8?}, link {:?}",
            link.map(|l| l.hash)
        );
    }
}

/// What CloudTrail signed was changed by nobody, whatever this version can read of it. The same bytes
/// without a proof are none of CloudTrail's.
#[test]
fn a_proven_digest_of_an_unknown_form_accuses_nobody() {
    let case = Case::new();
    let known = KeyLookup::Known(&case.key);
    let replace = |from: &'static str, to: &'static str| {
        read(&case.trail, 2, move |bytes| {
            let text = String::from_utf8(std::mem::take(bytes)).unwrap();
            assert!(text.contains(from), "{from}");
            *bytes = text.replace(from, to).into_bytes();
        })
    };
    for read in [
        replace("\"hashAlgorithm\":\"SHA-256\"", "\"hashAlgorithm\":\"SHA-512\""),
        replace("\"hashValue\":\"", "\"hashValue\":\"sha3-"),
    ] {
        let hash = Some(read.content.hash);
        let link = Link { hash, signature: None, ..case.link.clone() };
        let (outcome, _) = judge_digest(read.clone(), &case.at, Some(&link), &known);
        assert_eq!(outcome_word(&outcome), "unknown-form");
        let (outcome, _) = judge_digest(read, &case.at, None, &known);
        assert_eq!(outcome_word(&outcome), "digest-signature-invalid");
    }
}

#[test]
fn a_failed_proof_beside_a_valid_one_is_a_notice() {
    let case = Case::new();
    let key = KeyLookup::Known(&case.key);
    for (signature, notice) in [
        (None, Notice::MetadataSignatureMissing),
        (Some("00".repeat(256)), Notice::MetadataSignatureDiffers),
    ] {
        let mut read = read(&case.trail, 2, |_| {});
        read.signature = signature;
        let (outcome, notices) = judge_digest(read, &case.at, Some(&case.link), &key);
        assert!(matches!(outcome, Outcome::Valid(_)));
        assert!(notices.contains(&notice), "{notices:?}");
    }
}

#[test]
fn a_changed_byte_or_a_different_location_invalidates_a_digest() {
    let case = Case::new();
    let key = KeyLookup::Known(&case.key);
    let length = {
        let mut length = 0;
        let digest = &case.trail.chains[0].digests[2];
        let body = &case.trail.current(&digest.bucket, &digest.key).unwrap().body;
        let mut bytes = Vec::new();
        read_whole(body, 1 << 20, Some(&mut bytes)).unwrap();
        length += bytes.len();
        length
    };
    for at in 0..length {
        let changed = read(&case.trail, 2, |bytes| bytes[at] ^= 1);
        let (outcome, _) = judge_digest(changed, &case.at, Some(&case.link), &key);
        assert!(matches!(outcome, Outcome::Invalid(_)), "byte {at}");
    }
    let elsewhere = ObjectLocation::new(case.at.bucket.clone(), format!("{}x", case.at.key));
    let (outcome, _) =
        judge_digest(read(&case.trail, 2, |_| {}), &elsewhere, Some(&case.link), &key);
    assert_eq!(outcome_word(&outcome), "digest-moved");
}

/// Evidence of a different place is a copy if the very digest is in a different bucket or below a
/// different prefix and its signature holds there. It is a finding if nothing holds, or if it is at
/// the place of a different digest. It is neither if nothing contradicts it.
#[test]
fn a_digest_is_a_copy_only_if_its_signature_holds_at_the_original_place() {
    let case = Case::new();
    let no_keys = ReadFailure::new(ReadFailureKind::KeysUnavailable, "");
    let known = KeyLookup::Known(&case.key);
    let away = KeyLookup::Unavailable(&no_keys);
    let own = case.link.signature.as_deref();
    let wrong = "00".repeat(256);
    let bucket = |bucket: &str| ObjectLocation::new(bucket, case.at.key.clone());
    let key = |key: String| ObjectLocation::new(case.at.bucket.clone(), key);
    let (account, other) = (&case.trail.chains[0].id.account, "999988887777");
    let other_bucket = bucket("another-bucket");
    let deeper = key(format!("x/y/{}", case.at.key));
    let organization = key(case.at.key.replace("AWSLogs/", "AWSLogs/o-a1b2c3d4e5/"));
    let hash_of = |at: &ObjectLocation, hash: [u8; 32]| Link {
        location: at.clone(),
        hash: Some(hash),
        signature: None,
    };
    let replaced = hash_of(&other_bucket, [7; 32]);
    for (at, own, link, lookup, expected) in [
        (&other_bucket, own, None, &known, "delivered-elsewhere"),
        (&deeper, own, None, &known, "delivered-elsewhere"),
        (&organization, own, None, &known, "delivered-elsewhere"),
        (&other_bucket, Some(wrong.as_str()), None, &known, "digest-moved"),
        (&other_bucket, own, None, &KeyLookup::NoneSuch, "digest-moved"),
        (&other_bucket, None, None, &known, "no-signature"),
        (&other_bucket, own, None, &away, "keys-unavailable"),
        (&other_bucket, own, Some(&replaced), &known, "digest-link-mismatch"),
        (&key(case.at.key.replace(account.as_str(), other)), own, None, &known, "digest-moved"),
        (&key(case.at.key.replace("us-east-1", "eu-west-1")), own, None, &known, "digest-moved"),
        (&key(case.at.key.replace("T0", "T1")), own, None, &known, "digest-moved"),
        (&key(case.at.key.replace("management", "other")), own, None, &known, "digest-moved"),
        (&key(format!("{}x", case.at.key)), own, None, &known, "digest-moved"),
    ] {
        let mut read = read(&case.trail, 2, |_| {});
        read.signature = own.map(str::to_owned);
        let (outcome, notices) = judge_digest(read, at, link, lookup);
        assert_eq!(outcome_word(&outcome), expected, "{at}");
        let copied = expected == "delivered-elsewhere";
        assert_eq!(notices.contains(&Notice::DigestCopied), copied, "{at}");
    }
}

/// Both encodings of a key are the same key, whichever of them its fingerprint is computed from.
/// One byte more or less makes a different key.
#[test]
fn a_fingerprint_matches_a_key_in_either_encoding() {
    use trailproof_core::digest::signing::PublicKey;
    use trailproof_testkit::trail::signer::{Signer, fingerprint};
    let (one, other) = (Signer::pool(0), Signer::pool(1));
    for name in [fingerprint(&one.pkcs1), fingerprint(&one.spki)] {
        for (der, is_one) in [
            (one.pkcs1.clone(), true),
            (one.spki.clone(), true),
            (other.pkcs1.clone(), false),
            (other.spki.clone(), false),
            ([&one.pkcs1[..], &[0]].concat(), false),
            (Vec::new(), false),
        ] {
            assert_eq!(
                PublicKey::new(name.as_str(), &der).fingerprint_matches_any_encoding(),
                is_one
            );
        }
    }
}
