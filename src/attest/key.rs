//! Keys that sign and verify attestations: ECDSA over P-256, in PEM.
use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    ParsedPublicKey,
};
use der::pem::{self, LineEnding};
use der::{Decode as _, asn1::ObjectIdentifier};
use pkcs8::PrivateKeyInfo;
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use sha2::{Digest as _, Sha256};
use trailproof_core::bytes::content::Hash;
use trailproof_core::vocab::budget;

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The reason why a key cannot be used, in words that are safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(String);

fn wrong<T>(words: impl Into<String>) -> Result<T, KeyError> {
    Err(KeyError(words.into()))
}

/// A private key from a file.
#[derive(Debug)]
pub struct SigningKey(EcdsaKeyPair);

/// A public key that verifies attestations.
#[derive(Debug)]
pub struct VerifyingKey {
    key: ParsedPublicKey,
    der: Vec<u8>,
}

impl SigningKey {
    /// Creates a key from the system's random numbers.
    ///
    /// # Errors
    ///
    /// The system has no random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let made = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
        made.map(Self).or_else(|_| wrong("the key could not be created"))
    }

    /// Reads a key in PKCS#8 and PEM.
    ///
    /// # Errors
    ///
    /// Returns what the file is instead.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let der = decode(text, PRIVATE)?;
        let Ok(info) = PrivateKeyInfo::from_der(&der) else {
            return wrong("it is not a PKCS#8 private key");
        };
        check_algorithm(&info.algorithm)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der);
        pair.map(Self).or_else(|_| wrong("it is not a usable P-256 private key"))
    }

    /// Returns the key as PKCS#8 in PEM.
    ///
    /// # Errors
    ///
    /// It cannot be encoded, which would be a bug.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let Ok(der) = self.0.to_pkcs8v1() else { return wrong("the key cannot be encoded") };
        encode(PRIVATE, der.as_ref())
    }

    /// Returns the public key.
    ///
    /// # Errors
    ///
    /// It cannot be encoded, which would be a bug.
    pub fn public(&self) -> Result<VerifyingKey, KeyError> {
        match self.0.public_key().as_der() {
            Ok(der) => VerifyingKey::from_der(der.as_ref()),
            Err(_) => wrong("the public key cannot be encoded"),
        }
    }

    /// Signs a message with this SHA-256, and returns the signature in DER.
    ///
    /// # Errors
    ///
    /// The system has no random numbers.
    pub fn sign(&self, hash: &Hash) -> Result<Vec<u8>, KeyError> {
        let signed =
            Digest::import_less_safe(hash, &SHA256).and_then(|digest| self.0.sign_digest(&digest));
        signed.map(|made| made.as_ref().to_vec()).or_else(|_| wrong("the key could not sign"))
    }
}

impl VerifyingKey {
    /// Reads a SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    ///
    /// Returns what the file is instead.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        Self::from_der(&decode(text, PUBLIC)?)
    }

    /// Reads a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    ///
    /// Returns what it is instead.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let Ok(info) = SubjectPublicKeyInfoRef::from_der(der) else {
            return wrong("it is not a SubjectPublicKeyInfo");
        };
        check_algorithm(&info.algorithm)?;
        let Ok(key) = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der) else {
            return wrong("it is not a usable P-256 public key");
        };
        // Encoded again, so that each key has exactly one id.
        let Ok(der) = key.as_der() else { return wrong("the public key cannot be encoded") };
        Ok(Self { key, der: der.as_ref().to_vec() })
    }

    /// Returns the key in PEM.
    ///
    /// # Errors
    ///
    /// It cannot be encoded, which would be a bug.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        encode(PUBLIC, &self.der)
    }

    /// Returns the key id: the SHA-256 of its SubjectPublicKeyInfo in DER, in hex.
    pub fn id(&self) -> String {
        hex::encode(Sha256::digest(&self.der))
    }

    /// Returns whether `signature`, in DER, was made by this key over a message with this SHA-256.
    pub fn verifies(&self, hash: &Hash, signature: &[u8]) -> bool {
        Digest::import_less_safe(hash, &SHA256)
            .is_ok_and(|digest| self.key.verify_digest_sig(&digest, signature).is_ok())
    }
}

/// Returns an error that names the algorithm unless it is ECDSA over P-256.
fn check_algorithm(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<(), KeyError> {
    if algorithm.oid == RSA {
        return wrong("it is an RSA key; attestations are signed with ECDSA over P-256");
    }
    if algorithm.oid != EC_PUBLIC_KEY {
        return wrong("it is not an ECDSA key; attestations are signed with ECDSA over P-256");
    }
    match algorithm.parameters_oid() {
        Ok(P_256) => Ok(()),
        _ => wrong("it is a key on a curve other than P-256"),
    }
}

/// Returns the DER of a PEM with the expected label, or an error that names the actual label.
fn decode(text: &[u8], expected: &str) -> Result<Vec<u8>, KeyError> {
    let too_long = u64::try_from(text.len()).map_or(true, |length| length > budget::KEY_FILE);
    let Ok(label) = pem::decode_label(text) else { return wrong("it is not PEM") };
    match label {
        _ if too_long => wrong("it is too long for a key"),
        label if label == expected => match pem::decode_vec(text) {
            Ok((_, der)) => Ok(der),
            Err(_) => wrong("its PEM is broken"),
        },
        PRIVATE => wrong("it is a private key, but a public key is required"),
        PUBLIC => wrong("it is a public key, but a private key is required"),
        "ENCRYPTED PRIVATE KEY" => wrong(
            "it is an encrypted private key, which is not supported\n\nhint: decrypt it with \
             `openssl pkcs8`, or keep it in KMS and use `--kms`",
        ),
        "EC PRIVATE KEY" | "EC PARAMETERS" => wrong(
            "it is a private key in SEC 1 form\n\nhint: `openssl pkcs8 -topk8 -nocrypt` converts \
             it to PKCS#8",
        ),
        "RSA PRIVATE KEY" | "RSA PUBLIC KEY" => {
            wrong("it is an RSA key; attestations are signed with ECDSA over P-256")
        }
        "CERTIFICATE" => wrong(
            "it is a certificate\n\nhint: `openssl x509 -pubkey -noout` prints its public key",
        ),
        other => wrong(format!(
            "it is `{}` in PEM, but `{expected}` is required",
            trailproof_core::vocab::location::excerpt(other, 60)
        )),
    }
}

fn encode(label: &str, der: &[u8]) -> Result<String, KeyError> {
    match pem::encode_string(label, LineEnding::LF, der) {
        Ok(text) => Ok(text),
        Err(_) => wrong("the key cannot be encoded"),
    }
}
