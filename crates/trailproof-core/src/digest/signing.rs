//! Public keys of CloudTrail and the signatures that they prove.
//!
//! Verification is aws-lc-rs's; the tests hold it against the `rsa` crate, a second implementation
//! that shares no code with it, and against signatures that AWS made.
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

/// What SubjectPublicKeyInfo has before the PKCS#1 `RSAPublicKey` of a key of 2048 bits with the
/// exponent 65537, of 270 bytes: two sequences, the OID of RSA (RFC 8017), a bit string.
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
    /// A key under the fingerprint that its record bears. `der` is PKCS#1 `RSAPublicKey` or
    /// SubjectPublicKeyInfo; AWS hands out both. A key that cannot be read is kept as such, so that
    /// a digest which names it is told apart from one that names no known key.
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

    /// The same key with the bounds of its validity.
    #[must_use]
    pub fn valid_between(mut self, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        self.valid_from = from;
        self.valid_to = to;
        self
    }

    /// The fingerprint that the key's record bears.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The key's bytes as they were handed out.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Start and end of its validity, where its record tells them.
    pub fn validity(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.valid_from, self.valid_to)
    }

    /// Whether the bytes are an RSA key of 2048 to 8192 bits.
    pub fn is_readable(&self) -> bool {
        self.parsed.is_some()
    }

    /// Whether the fingerprint is the MD5 of the bytes, as AWS makes it. MD5 is a name here and no
    /// proof: a key is believed because of where it came from.
    pub fn fingerprint_agrees(&self) -> bool {
        hex::encode(Md5::digest(&self.der)) == self.fingerprint
    }

    /// Whether the fingerprint is that of these bytes, or of the same key in the other encoding, which
    /// tools may have made of it. One that is neither says nothing of the key that has the name.
    pub fn is_of_its_name(&self) -> bool {
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

    /// Whether `signature` is this key's, RSASSA-PKCS1-v1_5 with SHA-256, over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifies_hash(&Sha256::digest(message).into(), signature)
    }

    /// Whether `signature` is this key's over the message that has this SHA-256.
    pub fn verifies_hash(&self, hash: &Hash, signature: &[u8]) -> bool {
        let Ok(hash) = aws_lc_rs::digest::Digest::import_less_safe(hash, &SHA256) else {
            return false;
        };
        self.parsed.as_ref().is_some_and(|key| key.verify_digest_sig(&hash, signature).is_ok())
    }
}

/// Keys by fingerprint. Chosen by fingerprint and never by time alone: several are valid at once.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: BTreeMap<String, PublicKey>,
}

impl KeyRing {
    /// Adds a key. Of two with one fingerprint the last stays, as in the AWS CLI, unless only the
    /// earlier one can be read.
    pub fn add(&mut self, key: PublicKey) {
        let worse = !key.is_readable()
            && self.keys.get(key.fingerprint()).is_some_and(PublicKey::is_readable);
        if !worse {
            self.keys.insert(key.fingerprint.clone(), key);
        }
    }

    /// Adds all keys of another ring.
    pub fn extend(&mut self, other: &Self) {
        for key in other.keys.values() {
            self.add(key.clone());
        }
    }

    /// The key with this fingerprint.
    pub fn get(&self, fingerprint: &str) -> Option<&PublicKey> {
        self.keys.get(fingerprint)
    }

    /// All keys, by fingerprint.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.values()
    }

    /// Whether a key was valid then. One without bounds may have been.
    pub fn has_valid_at(&self, time: Timestamp) -> bool {
        self.keys.values().any(|key| {
            key.valid_from.is_none_or(|from| from <= time)
                && key.valid_to.is_none_or(|to| time <= to)
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// How long after its end a digest may be signed, by what a list of keys can tell. Real digests are
/// late by half an hour, in bad times by some hours.
pub const SIGNED_LATE: i64 = DAY;

/// The times at which a digest may end whose key is among all keys of these stretches, both ends
/// included: it may be signed by a key that became valid after its end, so that the end of a stretch
/// says nothing of the day before it.
pub fn signed_in(stretches: &[(Timestamp, Timestamp)]) -> Vec<(Timestamp, Timestamp)> {
    let ends = stretches.iter().map(|(first, last)| (*first, last.plus(-SIGNED_LATE)));
    ends.filter(|(first, last)| first <= last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::time::HOUR;

    #[test]
    fn the_last_day_of_a_stretch_says_nothing() {
        let at = |hours: i64| Timestamp::from_unix(hours * HOUR);
        let stretches = [(at(0), at(23)), (at(40), at(64)), (at(80), at(120))];
        assert_eq!(signed_in(&stretches), [(at(40), at(40)), (at(80), at(96))]);
    }

    #[test]
    fn a_key_that_cannot_be_read_stays_known_and_verifies_nothing() {
        let key = PublicKey::new("f", b"no key");
        assert!(!key.is_readable() && !key.fingerprint_agrees());
        assert!(!key.verifies(b"message", &[0; 256]));
        let mut ring = KeyRing::default();
        ring.add(key);
        assert!(ring.get("f").is_some() && ring.get("g").is_none());
    }
}
