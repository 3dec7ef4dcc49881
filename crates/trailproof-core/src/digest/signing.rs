//! CloudTrail's public keys and the signatures that they prove.
//!
//! Verification uses aws-lc-rs; the tests compare it with the `rsa` crate, a second implementation
//! that shares no code with it, and with signatures made by AWS.
use crate::bytes::content::Hash;
use crate::vocab::budget;
use crate::vocab::time::{DAY, Timestamp};
use aws_lc_rs::digest::SHA256;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use md5::{Digest as _, Md5};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The bytes of SubjectPublicKeyInfo before the 270-byte PKCS#1 `RSAPublicKey` of a 2048-bit key
/// with the exponent 65537: two sequences, the OID of RSA (RFC 8017), a bit string.
const SPKI_2048: [u8; 24] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00,
];

/// One public key, parsed once.
#[derive(Clone)]
pub struct PublicKey {
    fingerprint: String,
    der: Arc<[u8]>,
    parsed: Option<Arc<ParsedPublicKey>>,
    valid_from: Option<Timestamp>,
    valid_to: Option<Timestamp>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("fingerprint", &self.fingerprint)
            .field("readable", &self.parsed.is_some())
            .finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Creates a key with the fingerprint from its record. `der` is PKCS#1 `RSAPublicKey` or
    /// SubjectPublicKeyInfo; AWS issues both. An unreadable key is kept as such, so that a digest
    /// that names it can be distinguished from one that names an unknown key.
    pub fn new(fingerprint: impl Into<String>, der: &[u8]) -> Self {
        let parsed = (der.len() <= budget::PUBLIC_KEY)
            .then(|| ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).ok())
            .flatten()
            .map(Arc::new);
        Self {
            fingerprint: fingerprint.into(),
            der: der.into(),
            parsed,
            valid_from: None,
            valid_to: None,
        }
    }

    /// Returns the key with the bounds of its validity.
    #[must_use]
    pub fn valid_between(mut self, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        self.valid_from = from;
        self.valid_to = to;
        self
    }

    /// Returns the fingerprint from the key's record.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the key's bytes as they were issued.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the start and end of its validity, as far as its record states them.
    pub fn validity(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.valid_from, self.valid_to)
    }

    /// Returns whether the bytes are an RSA key of 2048 to 8192 bits.
    pub fn is_readable(&self) -> bool {
        self.parsed.is_some()
    }

    /// Returns whether the fingerprint is the MD5 of the bytes, as AWS computes it. MD5 serves as a
    /// name here and not as a proof: a key is trusted because of its source.
    pub fn fingerprint_is_exact(&self) -> bool {
        hex::encode(Md5::digest(&self.der)) == self.fingerprint
    }

    /// Returns whether the fingerprint matches these bytes, or the same key in the other encoding,
    /// to which tools may have converted it. A mismatch with both proves nothing about the key that
    /// really has this fingerprint.
    pub fn fingerprint_matches_any_encoding(&self) -> bool {
        let named = |der: &[&[u8]]| {
            let mut md5 = Md5::new();
            der.iter().for_each(|part| md5.update(part));
            hex::encode(md5.finalize()) == self.fingerprint
        };
        let inner = self.der.strip_prefix(SPKI_2048.as_slice());
        named(&[&self.der])
            || named(&[&SPKI_2048, &self.der])
            || inner.is_some_and(|der| named(&[der]))
    }

    /// Returns whether `signature` is this key's RSASSA-PKCS1-v1_5 signature with SHA-256 over
    /// `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifies_hash(&Sha256::digest(message).into(), signature)
    }

    /// Returns whether `signature` is this key's signature over the message with this SHA-256.
    pub fn verifies_hash(&self, hash: &Hash, signature: &[u8]) -> bool {
        let Ok(hash) = aws_lc_rs::digest::Digest::import_less_safe(hash, &SHA256) else {
            return false;
        };
        self.parsed.as_ref().is_some_and(|key| key.verify_digest_sig(&hash, signature).is_ok())
    }
}

/// Keys by fingerprint. A key is chosen by fingerprint and never by time alone, because several are
/// valid at once.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: BTreeMap<String, PublicKey>,
}

impl KeyRing {
    /// Adds a key. Of two keys with the same fingerprint the one stays that the fingerprint names,
    /// as far as MD5 tells; of equal ones the one that can be read, and then the last one, as in the
    /// AWS CLI. So a key that somebody added to a list under the name of a genuine one replaces it at
    /// no position.
    pub fn add(&mut self, key: PublicKey) {
        let rank = |key: &PublicKey| (key.fingerprint_matches_any_encoding(), key.is_readable());
        let is_better = match self.keys.get(key.fingerprint()) {
            Some(other) => other.der == key.der || rank(&key) >= rank(other),
            None => true,
        };
        if is_better {
            self.keys.insert(key.fingerprint.clone(), key);
        }
    }

    /// Adds all keys of `other`.
    pub fn extend(&mut self, other: &Self) {
        for key in other.keys.values() {
            self.add(key.clone());
        }
    }

    /// Returns the key with this fingerprint.
    pub fn get(&self, fingerprint: &str) -> Option<&PublicKey> {
        self.keys.get(fingerprint)
    }

    /// Lists all keys, ordered by fingerprint.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.values()
    }

    /// Returns whether any key was valid at `time`. A key without bounds may have been.
    pub fn has_valid_at(&self, time: Timestamp) -> bool {
        self.keys.values().any(|key| {
            key.valid_from.is_none_or(|from| from <= time)
                && key.valid_to.is_none_or(|to| time <= to)
        })
    }

    /// Returns whether the ring has no keys.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// How long after its end a digest may be signed, when judging whether a list of keys is complete.
/// Real digests are usually half an hour late, and some hours during disruptions.
pub const SIGNED_LATE: i64 = DAY;

/// Returns the ranges of digest ends for which these stretches, both ends included, contain every
/// possible key. A digest may be signed by a key that became valid after its end, so the end of a
/// stretch gives no certainty about the day before it.
pub fn signed_in(stretches: &[(Timestamp, Timestamp)]) -> Vec<(Timestamp, Timestamp)> {
    let ends = stretches.iter().map(|(first, last)| (*first, last.plus(-SIGNED_LATE)));
    ends.filter(|(first, last)| first <= last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::time::HOUR;

    #[test]
    fn the_last_day_of_a_stretch_gives_no_certainty() {
        let at = |hours: i64| Timestamp::from_unix(hours * HOUR);
        let stretches = [(at(0), at(23)), (at(40), at(64)), (at(80), at(120))];
        assert_eq!(signed_in(&stretches), [(at(40), at(40)), (at(80), at(96))]);
    }

    #[test]
    fn an_unreadable_key_stays_known_and_verifies_nothing() {
        let key = PublicKey::new("f", b"no key");
        assert!(!key.is_readable() && !key.fingerprint_is_exact());
        assert!(!key.verifies(b"message", &[0; 256]));
        let mut ring = KeyRing::default();
        ring.add(key);
        assert!(ring.get("f").is_some() && ring.get("g").is_none());
    }

    #[test]
    fn a_key_under_the_name_of_another_replaces_it_at_no_position() {
        let der = b"the bytes that the fingerprint names";
        let fingerprint = hex::encode(Md5::digest(der));
        let genuine = PublicKey::new(fingerprint.as_str(), der);
        let forged = PublicKey::new(fingerprint.as_str(), b"other bytes");
        for order in [[&genuine, &forged], [&forged, &genuine]] {
            let mut ring = KeyRing::default();
            order.into_iter().for_each(|key| ring.add(key.clone()));
            assert_eq!(ring.get(&fingerprint).unwrap().der(), der);
        }
    }
}
