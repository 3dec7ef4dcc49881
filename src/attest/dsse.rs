//! DSSE, the envelope in which a statement is signed.
use super::key::VerifyingKey;
use super::strict_json;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use trailproof_core::bytes::content::Hash;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::excerpt;

/// Type of the payload of an in-toto statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";
/// Media type of the Sigstore bundles that are written.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A payload with its type and its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Bytes that are signed together with their type.
    pub payload: Vec<u8>,
    /// Type of the payload.
    pub payload_type: String,
    /// Signatures. Each is checked with its own key.
    pub signatures: Vec<Signature>,
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Hint at the key that made it. It is not trusted.
    pub keyid: String,
    /// Signature, in DER.
    pub sig: Vec<u8>,
}

/// Returns DSSE's pre-authentication encoding of a type and a payload.
pub fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let length = payload_type.len();
    let mut encoded = format!("DSSEv1 {length} {payload_type} {} ", payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

/// Returns the SHA-256 that is signed.
pub fn signed_hash(payload_type: &str, payload: &[u8]) -> Hash {
    Sha256::digest(pre_authentication(payload_type, payload)).into()
}

impl Envelope {
    /// Returns an envelope with one signature.
    pub fn new(payload_type: &str, payload: Vec<u8>, keyid: String, sig: Vec<u8>) -> Self {
        let signatures = vec![Signature { keyid, sig }];
        Self { payload, payload_type: payload_type.to_owned(), signatures }
    }

    /// Reads an envelope, either a bare one or the one in a Sigstore bundle. Unknown fields are
    /// ignored, as DSSE requires.
    ///
    /// # Errors
    ///
    /// Returns why it is not an envelope, in words that are safe to show.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Container), String> {
        let value = strict_json::parse(bytes)?;
        let (envelope, container) = match value.get("mediaType") {
            Some(media) => {
                let envelope = bundled(media, &value)?;
                (envelope, Container::Bundle(timestamps(&value)?))
            }
            None => (&value, Container::Bare),
        };
        Self::read(envelope).map(|envelope| (envelope, container))
    }

    fn read(value: &Value) -> Result<Self, String> {
        let text = |name: &str| match value.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            _ => Err(format!("it is not a DSSE envelope: `{name}` is missing")),
        };
        let payload = decode(text("payload")?).ok_or("its `payload` is not base64")?;
        let payload_type = text("payloadType")?.to_owned();
        let Some(Value::Array(list)) = value.get("signatures") else {
            return Err("it is not a DSSE envelope: `signatures` is missing".to_owned());
        };
        if list.len() > budget::SIGNATURES {
            return Err(format!("it has {} signatures, which is more than the limit", list.len()));
        }
        let mut signatures = Vec::new();
        for one in list {
            let sig = one.get("sig").and_then(Value::as_str).and_then(decode);
            let sig = sig.ok_or("one of its signatures is not base64")?;
            let keyid = one.get("keyid").and_then(Value::as_str).unwrap_or_default().to_owned();
            signatures.push(Signature { keyid, sig });
        }
        Ok(Self { payload, payload_type, signatures })
    }

    /// Returns the signature that `key` made.
    ///
    /// # Examples
    ///
    /// ```
    /// use trailproof::attest::dsse::{Envelope, IN_TOTO, signed_hash};
    /// use trailproof::attest::key::SigningKey;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = SigningKey::generate()?;
    /// let signature = key.sign(&signed_hash(IN_TOTO, b"{}"))?;
    /// let public = key.public()?;
    /// let mut envelope = Envelope::new(IN_TOTO, b"{}".to_vec(), public.id(), signature);
    /// assert!(envelope.signed_by(&public).is_some());
    /// envelope.payload = b"[]".to_vec();
    /// assert!(envelope.signed_by(&public).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn signed_by(&self, key: &VerifyingKey) -> Option<&Signature> {
        let hash = signed_hash(&self.payload_type, &self.payload);
        self.signatures.iter().find(|signature| key.verifies(&hash, &signature.sig))
    }

    /// Returns the envelope as JSON.
    pub fn to_json(&self) -> Value {
        let signature =
            |one: &Signature| json!({ "keyid": one.keyid, "sig": STANDARD.encode(&one.sig) });
        json!({
            "payload": STANDARD.encode(&self.payload),
            "payloadType": self.payload_type,
            "signatures": self.signatures.iter().map(signature).collect::<Vec<_>>(),
        })
    }

    /// Returns the envelope in a Sigstore bundle, with time-stamp responses in DER.
    pub fn to_bundle(&self, timestamps: &[Vec<u8>]) -> Value {
        let hint = self.signatures.first().map(|one| one.keyid.as_str()).unwrap_or_default();
        let stamp = |token: &Vec<u8>| json!({ "signedTimestamp": STANDARD.encode(token) });
        let stamps: Vec<Value> = timestamps.iter().map(stamp).collect();
        json!({
            "mediaType": BUNDLE,
            "verificationMaterial": {
                "publicKey": { "hint": hint },
                "tlogEntries": [],
                "timestampVerificationData": { "rfc3161Timestamps": stamps },
            },
            "dsseEnvelope": self.to_json(),
        })
    }
}

/// The container of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Container {
    /// A bare envelope.
    Bare,
    /// A Sigstore bundle with these time-stamp responses in DER.
    Bundle(Vec<Vec<u8>>),
}

fn bundled<'a>(media: &Value, value: &'a Value) -> Result<&'a Value, String> {
    if media.as_str() != Some(BUNDLE) {
        let shown = excerpt(media.as_str().unwrap_or("no text"), budget::SHOWN);
        return Err(format!("its media type is `{shown}`, but this version reads `{BUNDLE}`"));
    }
    value.get("dsseEnvelope").ok_or_else(|| "the bundle has no `dsseEnvelope`".to_owned())
}

fn timestamps(bundle: &Value) -> Result<Vec<Vec<u8>>, String> {
    let list = bundle.pointer("/verificationMaterial/timestampVerificationData/rfc3161Timestamps");
    let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if list.len() > budget::SIGNATURES {
        return Err(format!("it has {} time stamps, which is more than the limit", list.len()));
    }
    let token = |one: &Value| {
        let text = one.get("signedTimestamp").and_then(Value::as_str);
        text.and_then(decode).ok_or_else(|| "a time stamp of the bundle is not base64".to_owned())
    };
    list.iter().map(token).collect()
}

/// Decodes base64 in either alphabet, as DSSE requires.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_before_authentication_is_the_specifications_example() {
        let encoded = pre_authentication("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn an_envelope_is_read_back_from_its_json_and_from_a_bundle() {
        let envelope = Envelope::new(IN_TOTO, b"{}".to_vec(), "k".to_owned(), vec![1, 2]);
        let bare = envelope.to_json().to_string();
        assert_eq!(Envelope::parse(bare.as_bytes()), Ok((envelope.clone(), Container::Bare)));
        let bundle = envelope.to_bundle(&[vec![3]]).to_string();
        let container = Container::Bundle(vec![vec![3]]);
        assert_eq!(Envelope::parse(bundle.as_bytes()), Ok((envelope, container)));
    }
}
