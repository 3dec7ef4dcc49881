//! A digest: what it claims, and what may be believed of it once it is proven.
use crate::bytes::content::{Content, Form, Hash, Joined, parse_hash};
use crate::bytes::inflate::InflateFault;
use crate::codes::finding::Malformed;
use crate::vocab::budget;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::Timestamp;
use serde::Deserialize;
use std::borrow::Cow;

/// A digest that was parsed and not yet proven. It tells what a proof needs and steers nothing: its
/// links and its log files come out only through `complete`, which the judges
/// call after a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestClaim {
    /// The place that it names as its own.
    pub location: ObjectLocation,
    /// Fingerprint of the key that signed it, as it says.
    pub fingerprint: String,
    /// SHA-256 of the inflated bytes as read.
    pub hash: Hash,
    /// `digestEndTime` as spelt: the signature is over this text.
    pub end_text: String,
    /// `previousDigestSignature` as spelt, for the same reason.
    pub previous_signature: Option<String>,
    start_text: String,
    previous: Option<ObjectLocation>,
    /// The hash that it records of the one before it, or what is wrong with that.
    previous_hash: Option<Result<Hash, Malformed>>,
    /// The list of log files, or what is wrong with it.
    logs: Result<Vec<LogFile>, Malformed>,
}

/// What a proven digest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Its own place, under which it was signed.
    pub location: ObjectLocation,
    /// SHA-256 of its inflated bytes.
    pub hash: Hash,
    /// Fingerprint of the key that signed it.
    pub fingerprint: String,
    /// Start of the interval of delivery that it covers.
    pub start: Timestamp,
    /// End of that interval.
    pub end: Timestamp,
    /// The digest before it; `None` in a starting digest.
    pub previous: Option<Link>,
    /// The log files delivered in its interval, in the digest's own order.
    pub logs: Vec<LogFile>,
}

/// What a proven digest records of the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it was delivered.
    pub location: ObjectLocation,
    /// SHA-256 of its inflated bytes.
    pub hash: Option<Hash>,
    /// Its signature, in hex.
    pub signature: Option<String>,
}

/// One log file as a proven digest names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Where it was delivered.
    pub location: ObjectLocation,
    /// SHA-256 of its inflated content.
    pub hash: Hash,
}

/// The fields of a digest that mean something here; it may hold others. Every one is optional, so
/// that an absent field is told apart from a broken document, and null from absent where it counts.
///
/// Texts are borrowed from the document: a digest has four for each log file, and most are only
/// looked at.
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
    log_files: Option<Vec<DocumentLog<'d>>>,
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

/// A text, owned only where it is spelt with escapes. Within an `Option`, serde borrows a `Cow` only
/// through a type of its own.
#[derive(Deserialize)]
struct Text<'d>(#[serde(borrow)] Cow<'d, str>);

fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Text<'de>>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Text<'_> {
    /// The text, where it is no longer than what `field` may hold.
    ///
    /// # Errors
    ///
    /// That it is longer.
    fn within(self, field: &'static str, bytes: usize) -> Result<String, Malformed> {
        if self.0.len() > bytes {
            return Err(Malformed::field_invalid(field, &self.0));
        }
        Ok(self.0.into_owned())
    }
}

/// A field that every digest and every log file has.
fn need(field: Option<Text<'_>>, name: &'static str, bytes: usize) -> Result<String, Malformed> {
    field.ok_or(Malformed::FieldAbsent(name))?.within(name, bytes)
}

/// The log files of a document, as a proven digest tells them.
fn log_files(listed: Option<Vec<DocumentLog<'_>>>) -> Result<Vec<LogFile>, Malformed> {
    let listed = listed.ok_or(Malformed::FieldAbsent("logFiles"))?;
    if listed.len() > budget::LOG_FILES {
        return Err(Malformed::field_invalid("logFiles", &listed.len().to_string()));
    }
    listed.into_iter().map(log_file).collect()
}

fn log_file(log: DocumentLog<'_>) -> Result<LogFile, Malformed> {
    let absent = Malformed::FieldAbsent;
    // Another algorithm would have another name for its value; none is known.
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
    /// The digest that it names as the one before it; `None` in one that begins a chain.
    pub fn previous(&self) -> Option<&ObjectLocation> {
        self.previous.as_ref()
    }

    /// Parses a digest that was read whole: `content` tells how it was stored, `bytes` are its
    /// inflated bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with its gzip member or its JSON, which field it lacks, or which is longer than
    /// anything that may stand there. The fields that only a proven digest may use are judged by
    /// `complete`; what is wrong with them takes no room either.
    pub fn parse(content: &Content, bytes: &[u8]) -> Result<Self, Malformed> {
        match content.form {
            Form::Gzip => {}
            // A copier may have inflated it; its hash and its signature are over these bytes.
            Form::Plain if bytes.first() == Some(&b'{') => {}
            Form::Plain => return Err(Malformed::Gzip(InflateFault::NotGzip)),
            Form::GzipAndMore { .. } if matches!(content.joined, Joined::Members { .. }) => {}
            Form::GzipAndMore { trailing } => {
                return Err(Malformed::TrailingData { bytes: trailing });
            }
            Form::GzipCutShort => return Err(Malformed::CutShort),
            Form::GzipBroken(fault) => return Err(Malformed::Gzip(fault)),
        }
        // Checking UTF-8 once and then parsing text is faster than parsing bytes.
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

    /// The signature that it records of another digest, and of which. This steers nothing: whoever
    /// kept a signature, it holds over that digest's own bytes or it does not.
    pub(crate) fn kept_signature(&self) -> Option<(&ObjectLocation, &str)> {
        self.previous.as_ref().zip(self.previous_signature.as_deref())
    }

    /// The text that CloudTrail signs for this digest.
    pub fn string_to_sign(&self) -> String {
        format!(
            "{}\n{}/{}\n{}\n{}",
            self.end_text,
            self.location.bucket,
            self.location.key,
            hex::encode(self.hash),
            // The signer writes null where there is nothing.
            self.previous_signature.as_deref().unwrap_or("null"),
        )
    }

    /// What the digest says, for a judge that has just proven it.
    ///
    /// # Errors
    ///
    /// Which field does not hold what it must.
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
