//! Time stamps of RFC 3161: queries about a signature, and the claims of a response.
//!
//! A response is checked for having been granted and for being about this very signature. The
//! authority's own signature is not checked here: that needs its certificate and is done by
//! `openssl ts`.
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use cmpv2::status::{PkiStatus, PkiStatusInfo};
use cms::cert::x509::spki::AlgorithmIdentifier;
use cms::content_info::ContentInfo;
use cms::signed_data::EncapsulatedContentInfo;
use der::asn1::{Any, AnyRef, Int, ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _, SliceReader, Tag, Tagged as _};
use sha2::{Digest as _, Sha256};
use trailproof_core::bytes::content::Hash;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::time::Timestamp;
use x509_tsp::{MessageImprint, TimeStampReq, TimeStampResp, TspVersion, TstInfo};

const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// Returns a query about these bytes, in DER, with a nonce and a request for the authority's
/// certificate.
///
/// # Errors
///
/// The system has no random numbers, or the query cannot be encoded, which would be a bug.
pub fn query(signature: &[u8]) -> Result<Vec<u8>, String> {
    let mut nonce = [0_u8; 16];
    SystemRandom::new().fill(&mut nonce).map_err(|_| "there are no random numbers".to_owned())?;
    // A positive integer of full length, in its only DER encoding.
    if let Some(first) = nonce.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    let defect = |error: der::Error| format!("the query cannot be encoded: {error}");
    let algorithm = AlgorithmIdentifier { oid: SHA_256, parameters: Some(Any::null()) };
    let hashed = OctetString::new(Sha256::digest(signature).as_slice()).map_err(defect)?;
    let query = TimeStampReq {
        version: TspVersion::V1,
        message_imprint: MessageImprint { hash_algorithm: algorithm, hashed_message: hashed },
        req_policy: None,
        nonce: Some(Int::new(&nonce).map_err(defect)?),
        cert_req: true,
        extensions: None,
    };
    query.to_der().map_err(defect)
}

/// Returns the content of signed data. The certificates and signatures that follow are not parsed,
/// because authorities do not always order them as DER requires.
fn signed_content(signed: &Any) -> der::Result<EncapsulatedContentInfo> {
    signed.tag().assert_eq(Tag::Sequence)?;
    let mut fields = SliceReader::new(signed.value())?;
    let _version = AnyRef::decode(&mut fields)?;
    let _algorithms = AnyRef::decode(&mut fields)?;
    EncapsulatedContentInfo::decode(&mut fields)
}

/// A granted response and its claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Response, in DER.
    pub response: Vec<u8>,
    /// Time at which the authority claims to have seen the signature.
    pub at: Timestamp,
    hash: Hash,
}

impl Stamp {
    /// Reads a response, or a bare token, which is then wrapped in a response.
    ///
    /// # Errors
    ///
    /// Returns why it is not a usable response, in words that are safe to show.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        if u64::try_from(bytes.len()).map_or(true, |length| length > budget::TIMESTAMP) {
            return Err("it is too long for a time stamp".to_owned());
        }
        let none = || "it is not a time-stamp response in DER".to_owned();
        let response = match TimeStampResp::from_der(bytes) {
            Ok(response) => response,
            Err(_) => TimeStampResp {
                status: PkiStatusInfo {
                    status: PkiStatus::Accepted,
                    status_string: None,
                    fail_info: None,
                },
                time_stamp_token: Some(ContentInfo::from_der(bytes).map_err(|_| none())?),
            },
        };
        if !matches!(response.status.status, PkiStatus::Accepted | PkiStatus::GrantedWithMods) {
            return Err("the authority did not grant it".to_owned());
        }
        let token = response.time_stamp_token.as_ref().ok_or("it has no token")?;
        if token.content_type != SIGNED_DATA {
            return Err("its token is not signed data".to_owned());
        }
        let read = |_: der::Error| "its token cannot be read".to_owned();
        let content = signed_content(&token.content).map_err(read)?;
        if content.econtent_type != TST_INFO {
            return Err("its token is not a time stamp".to_owned());
        }
        let info = content.econtent.ok_or("its token is empty")?;
        let info: OctetString = info.decode_as().map_err(read)?;
        let info = TstInfo::from_der(info.as_bytes()).map_err(read)?;
        let imprint = &info.message_imprint;
        if imprint.hash_algorithm.oid != SHA_256 {
            return Err("it is not about a SHA-256".to_owned());
        }
        let hash: Hash = imprint
            .hashed_message
            .as_bytes()
            .try_into()
            .map_err(|_| "it is not about a SHA-256".to_owned())?;
        let seconds = info.gen_time.to_unix_duration().as_secs();
        let at = Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX));
        let response = response.to_der().map_err(|_| none())?;
        Ok(Self { response, at, hash })
    }

    /// Returns whether the time stamp is about these bytes.
    pub fn is_about(&self, signature: &[u8]) -> bool {
        self.hash.as_slice() == Sha256::digest(signature).as_slice()
    }
}
