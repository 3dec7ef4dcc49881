//! A digest: its claims, and its content once it is proven.
use crate::bytes::content::{Content, Form, Hash, Joined, parse_hash};
use crate::bytes::inflate::InflateFault;
use crate::codes::finding::Malformed;
use crate::vocab::budget;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::Timestamp;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A digest that was parsed but not yet proven. It exposes what a proof needs and steers nothing:
/// its links and log files come out only through `complete`, which the judges call after a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestClaim {
    /// The location that it names as its own.
    pub location: ObjectLocation,
    /// Fingerprint of the key that it claims was used to sign it.
    pub fingerprint: String,
    /// SHA-256 of the inflated bytes as read.
    pub hash: Hash,
    /// `digestEndTime` as spelled in the document: the signature covers this text.
    pub end_text: String,
    /// `previousDigestSignature` as spelled in the document, for the same reason.
    pub previous_signature: Option<String>,
    start_text: String,
    previous: Option<ObjectLocation>,
    /// The hash that it records for the previous digest, or what is wrong with that hash.
    previous_hash: Option<Result<Hash, Malformed>>,
    /// The list of log files, or what is wrong with it.
    logs: Result<Vec<LogFile>, Malformed>,
}

/// The content of a proven digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Its own location, under which it was signed.
    pub location: ObjectLocation,
    /// SHA-256 of its inflated bytes.
    pub hash: Hash,
    /// Fingerprint of the key that signed it.
    pub fingerprint: String,
    /// Start of the delivery interval that it covers.
    pub start: Timestamp,
    /// End of that interval.
    pub end: Timestamp,
    /// The previous digest; `None` in a starting digest.
    pub previous: Option<Link>,
    /// The log files delivered in its interval, in the order of the digest's list.
    pub logs: Vec<LogFile>,
}

/// What a proven digest records about the previous one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Location to which it was delivered.
    pub location: ObjectLocation,
    /// SHA-256 of its inflated bytes.
    pub hash: Option<Hash>,
    /// Its signature, in hex.
    pub signature: Option<String>,
}

/// One log file as a proven digest names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Location to which it was delivered.
    pub location: ObjectLocation,
    /// SHA-256 of its inflated content.
    pub hash: Hash,
}

/// The fields of a digest that matter here; it may have others. Every one is optional, so that an
/// absent field can be distinguished from a broken document, and null from absent where it matters.
///
/// Texts are borrowed from the document: a digest has four for each log file, and most are only
/// inspected.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'d> {
    #[serde(borrow)]
    digest_start_time: Option<Text<'d>>,
    #[serde(borrow)]
    digest_end_time: Option<Text<'d>>,
    #[serde(borrow)]
    digest_s3_bucket: Option<Text<'d>>,
    #[serde(borrow)]
    digest_s3_object: Option<Text<'d>>,
    #[serde(borrow)]
    digest_public_key_fingerprint: Option<Text<'d>>,
    #[serde(borrow)]
    previous_digest_s3_bucket: Option<Text<'d>>,
    #[serde(borrow)]
    previous_digest_s3_object: Option<Text<'d>>,
    #[serde(borrow)]
    previous_digest_hash_value: Option<Text<'d>>,
    #[serde(borrow, default, deserialize_with = "present")]
    previous_digest_signature: Option<Option<Text<'d>>>,
    #[serde(borrow)]
    log_files: Option<DocumentLogs<'d>>,
}

/// The list of log files. No more than the budget is kept: an empty entry takes three bytes in the
/// document and forty times as much here.
struct DocumentLogs<'d> {
    kept: Vec<DocumentLog<'d>>,
    /// The number of all entries.
    listed: usize,
}

impl<'de: 'd, 'd> Deserialize<'de> for DocumentLogs<'d> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(LogsVisitor(PhantomData))
    }
}

struct LogsVisitor<'d>(PhantomData<&'d str>);

impl<'de: 'd, 'd> Visitor<'de> for LogsVisitor<'d> {
    type Value = DocumentLogs<'d>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of log files")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Self::Value, S::Error> {
        let mut kept = Vec::new();
        while kept.len() < budget::LOG_FILES {
            match list.next_element()? {
                Some(log) => kept.push(log),
                None => return Ok(DocumentLogs { listed: kept.len(), kept }),
            }
        }
        let mut listed = kept.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            listed += 1;
        }
        Ok(DocumentLogs { kept, listed })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentLog<'d> {
    #[serde(borrow)]
    s3_bucket: Option<Text<'d>>,
    #[serde(borrow)]
    s3_object: Option<Text<'d>>,
    #[serde(borrow)]
    hash_value: Option<Text<'d>>,
    #[serde(borrow)]
    hash_algorithm: Option<Text<'d>>,
}

/// A text that is owned only if it is spelled with escapes. Inside an `Option`, serde borrows a
/// `Cow` only through a dedicated type.
#[derive(Deserialize)]
struct Text<'d>(#[serde(borrow)] Cow<'d, str>);

fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Text<'de>>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Text<'_> {
    /// Returns the text if it is no longer than `field` allows.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is longer.
    fn within(self, field: &'static str, bytes: usize) -> Result<String, Malformed> {
        if self.0.len() > bytes {
            return Err(Malformed::field_invalid(field, &self.0));
        }
        Ok(self.0.into_owned())
    }
}

/// Returns a field that every digest or every log file must have.
fn need(field: Option<Text<'_>>, name: &'static str, bytes: usize) -> Result<String, Malformed> {
    field.ok_or(Malformed::FieldAbsent(name))?.within(name, bytes)
}

/// Returns the log files that the document lists.
fn log_files(logs: Option<DocumentLogs<'_>>) -> Result<Vec<LogFile>, Malformed> {
    let DocumentLogs { kept, listed } = logs.ok_or(Malformed::FieldAbsent("logFiles"))?;
    if listed > kept.len() {
        return Err(Malformed::field_invalid("logFiles", &listed.to_string()));
    }
    kept.into_iter().map(log_file).collect()
}

fn log_file(log: DocumentLog<'_>) -> Result<LogFile, Malformed> {
    let absent = Malformed::FieldAbsent;
    // A different algorithm would have a different name for its value; none is known.
    if let Some(Text(name)) = log.hash_algorithm.filter(|Text(name)| name != "SHA-256") {
        return Err(Malformed::field_invalid("hashAlgorithm", &name));
    }
    Ok(LogFile {
        location: ObjectLocation {
            bucket: need(log.s3_bucket, "s3Bucket", budget::BUCKET_LENGTH)?,
            key: need(log.s3_object, "s3Object", budget::KEY_LENGTH)?,
        },
        hash: hash("hashValue", &log.hash_value.ok_or(absent("hashValue"))?.0)?,
    })
}

fn hash(field: &'static str, value: &str) -> Result<Hash, Malformed> {
    parse_hash(value).ok_or_else(|| Malformed::field_invalid(field, value))
}

impl DigestClaim {
    /// Returns the location that it names for the previous digest; `None` if it starts a chain.
    pub fn previous(&self) -> Option<&ObjectLocation> {
        self.previous.as_ref()
    }

    /// Parses a digest that was read completely: `content` describes how it was stored, `bytes` are
    /// its inflated bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the gzip member or the JSON is malformed, or if a field is absent or
    /// longer than its form allows. The fields that only a proven digest may use are judged by
    /// `complete`; errors in them take no memory either.
    pub fn parse(content: &Content, bytes: &[u8]) -> Result<Self, Malformed> {
        match content.form {
            Form::Gzip => {}
            // A copier may have inflated it; its hash and its signature cover these bytes.
            Form::Plain if bytes.first() == Some(&b'{') => {}
            Form::Plain => return Err(Malformed::Gzip(InflateFault::NotGzip)),
            Form::GzipAndMore { .. } if matches!(content.joined, Joined::Members { .. }) => {}
            Form::GzipAndMore { trailing } => {
                return Err(Malformed::TrailingData { bytes: trailing });
            }
            Form::GzipCutShort => return Err(Malformed::CutShort),
            Form::GzipBroken(fault) => return Err(Malformed::Gzip(fault)),
        }
        // Validating UTF-8 once and then parsing text is faster than parsing bytes.
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Json)?;
        let document: Document<'_> = serde_json::from_str(text).map_err(|_| Malformed::Json)?;
        let previous_signature = document
            .previous_digest_signature
            .ok_or(Malformed::FieldAbsent("previousDigestSignature"))?
            .map(|text| text.within("previousDigestSignature", budget::SIGNATURE))
            .transpose()?;
        let previous_bucket = document
            .previous_digest_s3_bucket
            .map(|text| text.within("previousDigestS3Bucket", budget::BUCKET_LENGTH))
            .transpose()?;
        let previous_key = document
            .previous_digest_s3_object
            .map(|text| text.within("previousDigestS3Object", budget::KEY_LENGTH))
            .transpose()?;
        Ok(Self {
            fingerprint: need(
                document.digest_public_key_fingerprint,
                "digestPublicKeyFingerprint",
                budget::FINGERPRINT,
            )?,
            location: ObjectLocation {
                bucket: need(document.digest_s3_bucket, "digestS3Bucket", budget::BUCKET_LENGTH)?,
                key: need(document.digest_s3_object, "digestS3Object", budget::KEY_LENGTH)?,
            },
            end_text: need(document.digest_end_time, "digestEndTime", budget::TIME)?,
            start_text: need(document.digest_start_time, "digestStartTime", budget::TIME)?,
            hash: content.whole_hash(),
            previous_signature,
            previous: previous_bucket
                .zip(previous_key)
                .map(|(bucket, key)| ObjectLocation { bucket, key }),
            previous_hash: document
                .previous_digest_hash_value
                .map(|text| hash("previousDigestHashValue", &text.0)),
            logs: log_files(document.log_files),
        })
    }

    /// Returns the signature that it records for a different digest, and that digest's location.
    /// This steers nothing: wherever a signature was kept, it either holds over that digest's own
    /// bytes or does not.
    pub(crate) fn kept_signature(&self) -> Option<(&ObjectLocation, &str)> {
        self.previous.as_ref().zip(self.previous_signature.as_deref())
    }

    /// Returns the text that CloudTrail signs for this digest.
    ///
    /// # Examples
    ///
    /// ```
    /// use sha2::{Digest as _, Sha256};
    /// use trailproof_core::bytes::content::read_whole;
    /// use trailproof_core::digest::document::DigestClaim;
    ///
    /// let json = br#"{
    ///     "digestStartTime": "2026-03-01T00:00:00Z", "digestEndTime": "2026-03-01T01:00:00Z",
    ///     "digestS3Bucket": "bucket", "digestS3Object": "key", "logFiles": [],
    ///     "digestPublicKeyFingerprint": "fingerprint", "previousDigestSignature": null
    /// }"#;
    /// let content = read_whole(json, 1 << 20, None).expect("it is small");
    /// let digest = DigestClaim::parse(&content, json).expect("it is a digest");
    ///
    /// let hash = hex::encode(Sha256::digest(json));
    /// let text = format!("2026-03-01T01:00:00Z\nbucket/key\n{hash}\nnull");
    /// assert_eq!(digest.string_to_sign(), text);
    /// ```
    pub fn string_to_sign(&self) -> String {
        format!(
            "{}\n{}/{}\n{}\n{}",
            self.end_text,
            self.location.bucket,
            self.location.key,
            hex::encode(self.hash),
            // The signer writes `null` where there is no signature.
            self.previous_signature.as_deref().unwrap_or("null"),
        )
    }

    /// Returns the digest's content, for a judge that has just proven it.
    ///
    /// # Errors
    ///
    /// Returns an error that names the invalid field.
    pub(crate) fn complete(self) -> Result<Digest, Malformed> {
        let time = |field, value: String| {
            Timestamp::parse(&value).ok_or_else(|| Malformed::field_invalid(field, &value))
        };
        let end = time("digestEndTime", self.end_text)?;
        let start = time("digestStartTime", self.start_text)?;
        let previous = match self.previous {
            Some(location) => Some(Link {
                location,
                hash: self.previous_hash.transpose()?,
                signature: self.previous_signature,
            }),
            None => None,
        };
        Ok(Digest {
            location: self.location,
            hash: self.hash,
            fingerprint: self.fingerprint,
            start,
            end,
            previous,
            logs: self.logs?,
        })
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
