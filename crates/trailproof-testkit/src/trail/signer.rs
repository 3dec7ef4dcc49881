//! The checked-in test keys and the two implementations that sign with them.
//!
//! `rsa` is the reference, because it shares no code with the verifier. `aws-lc-rs` is several
//! times faster and gives the same bytes (PKCS#1 v1.5 uses no randomness), which a test checks.
#![expect(clippy::expect_used, reason = "the keys are checked in; a bad one must stop the test")]
use super::spec::SignWith;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use md5::{Digest as _, Md5};
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer as _};
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

macro_rules! pem {
    ($($name:literal),*) => {
        [$(include_str!(concat!("../../../../testdata/keys/", $name, ".pem"))),*]
    };
}

/// Number of keys that stand for CloudTrail's own.
pub const POOL: usize = 16;

const PEMS: [&str; POOL] = pem!(
    "key-00", "key-01", "key-02", "key-03", "key-04", "key-05", "key-06", "key-07", "key-08",
    "key-09", "key-10", "key-11", "key-12", "key-13", "key-14", "key-15"
);
const FORGER: [&str; 1] = pem!("forger");

// Property tests build the same trail over and over. 20,000 signatures take about 8 MB.
const REMEMBERED: usize = 20_000;

/// One signing key with both encodings of its public half.
pub struct Signer {
    reference: SigningKey<Sha256>,
    fast: RsaKeyPair,
    /// PKCS#1 `RSAPublicKey`, as ListPublicKeys nearly always returns it.
    pub pkcs1: Vec<u8>,
    /// SubjectPublicKeyInfo, as ListPublicKeys has returned it at least once.
    pub spki: Vec<u8>,
    remembered: Mutex<HashMap<[u8; 32], Vec<u8>>>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Signer").field(&fingerprint(&self.pkcs1)).finish()
    }
}

impl Signer {
    fn read(pem: &str) -> Self {
        let private = rsa::RsaPrivateKey::from_pkcs8_pem(pem).expect("a PKCS#8 test key");
        let public = private.to_public_key();
        let pkcs1 = public.to_pkcs1_der().expect("a public key").into_vec();
        let spki = public.to_public_key_der().expect("a public key").into_vec();
        let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(text).expect("base64 in a PEM");
        let fast = RsaKeyPair::from_pkcs8(&der).expect("a PKCS#8 test key");
        let reference = SigningKey::new(private);
        Self { reference, fast, pkcs1, spki, remembered: Mutex::default() }
    }

    /// Returns key `slot` of the pool. There are [`POOL`] of them.
    pub fn pool(slot: usize) -> &'static Self {
        static KEYS: [OnceLock<Signer>; POOL] = [const { OnceLock::new() }; POOL];
        let lock = KEYS.get(slot).expect("the pool has a key for this slot");
        let pem = PEMS.get(slot).expect("the pool has a key for this slot");
        lock.get_or_init(|| Self::read(pem))
    }

    /// Returns the attacker's key.
    pub fn forger() -> &'static Self {
        static KEY: OnceLock<Signer> = OnceLock::new();
        KEY.get_or_init(|| Self::read(FORGER.first().expect("the forger's key")))
    }

    /// Signs `text`: RSASSA-PKCS1-v1_5 with SHA-256.
    pub fn sign(&self, text: &[u8], with: SignWith) -> Vec<u8> {
        match with {
            SignWith::Reference => self.remembered(text),
            SignWith::Fast => {
                let mut signature = vec![0; self.fast.public_modulus_len()];
                self.fast
                    .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
                    .expect("an RSA key signs");
                signature
            }
        }
    }

    fn remembered(&self, text: &[u8]) -> Vec<u8> {
        let hash: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(text).into();
        let known =
            self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        known.unwrap_or_else(|| {
            let signature = self.reference.sign(text).to_vec();
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            if remembered.len() < REMEMBERED {
                remembered.insert(hash, signature.clone());
            }
            signature
        })
    }
}

/// Returns the fingerprint that CloudTrail gives a key: lowercase hex MD5 of the DER bytes as
/// returned.
pub fn fingerprint(der: &[u8]) -> String {
    hex::encode(Md5::digest(der))
}
