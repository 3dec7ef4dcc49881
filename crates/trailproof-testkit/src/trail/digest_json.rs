//! A digest's JSON, with the same keys in the same order as AWS writes it, and the string to sign.
use sha2::{Digest as _, Sha256};

/// The fields of one log file in a digest.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// `s3Bucket`.
    pub bucket: String,
    /// `s3Object`.
    pub key: String,
    /// `hashValue`.
    pub hash: String,
    /// `newestEventTime`.
    pub newest: String,
    /// `oldestEventTime`.
    pub oldest: String,
}

/// The link to the previous digest: bucket, key, hash and signature.
#[derive(Clone, Debug)]
pub struct Link {
    /// `previousDigestS3Bucket`.
    pub bucket: String,
    /// `previousDigestS3Object`.
    pub key: String,
    /// `previousDigestHashValue`.
    pub hash: String,
    /// `previousDigestSignature`.
    pub signature: String,
}

/// All fields of a digest.
#[derive(Clone, Debug)]
pub struct DigestFields {
    /// `awsAccountId`.
    pub account: String,
    /// `digestStartTime`.
    pub start: String,
    /// `digestEndTime`.
    pub end: String,
    /// `digestS3Bucket`.
    pub bucket: String,
    /// `digestS3Object`.
    pub key: String,
    /// `digestPublicKeyFingerprint`.
    pub fingerprint: String,
    /// The five `previousDigest…` fields, null in a starting digest.
    pub previous: Option<Link>,
    /// `logFiles`; `None` leaves the field out, which AWS never does.
    pub logs: Option<Vec<LogEntry>>,
    /// Whether slashes are written as `\/` (2023) or `/` (2019 and 2020).
    pub escaped_slashes: bool,
}

impl DigestFields {
    /// Returns the minified JSON without a trailing newline.
    pub fn to_json(&self) -> Vec<u8> {
        let logs = self.logs.as_deref().unwrap_or_default();
        let mut writer = Writer { text: String::with_capacity(2048), escape: self.escaped_slashes };
        writer.text.push('{');
        writer.field("awsAccountId", Some(&self.account));
        writer.field("digestStartTime", Some(&self.start));
        writer.field("digestEndTime", Some(&self.end));
        writer.field("digestS3Bucket", Some(&self.bucket));
        writer.field("digestS3Object", Some(&self.key));
        writer.field("digestPublicKeyFingerprint", Some(&self.fingerprint));
        writer.field("digestSignatureAlgorithm", Some("SHA256withRSA"));
        // RFC 3339 times in one zone sort in the order of their text.
        writer.field("newestEventTime", logs.iter().map(|log| log.newest.as_str()).max());
        writer.field("oldestEventTime", logs.iter().map(|log| log.oldest.as_str()).min());
        let previous = self.previous.as_ref();
        writer.field("previousDigestS3Bucket", previous.map(|link| link.bucket.as_str()));
        writer.field("previousDigestS3Object", previous.map(|link| link.key.as_str()));
        writer.field("previousDigestHashValue", previous.map(|link| link.hash.as_str()));
        writer.field("previousDigestHashAlgorithm", previous.map(|_| "SHA-256"));
        writer.field("previousDigestSignature", previous.map(|link| link.signature.as_str()));
        if self.logs.is_some() {
            writer.text.push_str("\"logFiles\":[");
            for log in logs {
                writer.text.push('{');
                writer.field("s3Bucket", Some(&log.bucket));
                writer.field("s3Object", Some(&log.key));
                writer.field("hashValue", Some(&log.hash));
                writer.field("hashAlgorithm", Some("SHA-256"));
                writer.field("newestEventTime", Some(&log.newest));
                writer.field("oldestEventTime", Some(&log.oldest));
                writer.close('}');
                writer.text.push(',');
            }
            writer.close(']');
        }
        writer.close('}');
        writer.text.into_bytes()
    }
}

/// Returns the string to sign, over the digest's bytes and the fields as spelled in them.
pub fn string_to_sign(
    end: &str,
    bucket: &str,
    key: &str,
    digest: &[u8],
    previous_signature: Option<&str>,
) -> String {
    let hash = sha256(digest);
    format!("{end}\n{bucket}/{key}\n{hash}\n{}", previous_signature.unwrap_or("null"))
}

/// Returns the lowercase hex SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

struct Writer {
    text: String,
    escape: bool,
}

impl Writer {
    fn field(&mut self, name: &str, value: Option<&str>) {
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        match value {
            None => self.text.push_str("null"),
            Some(value) => self.string(value),
        }
        self.text.push(',');
    }

    fn string(&mut self, value: &str) {
        self.text.push('"');
        for letter in value.chars() {
            match letter {
                '"' | '\\' => self.text.extend(['\\', letter]),
                '/' if self.escape => self.text.push_str("\\/"),
                control if u32::from(control) < 0x20 => {
                    self.text.push_str(&format!("\\u{:04x}", u32::from(control)));
                }
                other => self.text.push(other),
            }
        }
        self.text.push('"');
    }

    // Fields and entries end with a comma; the last one's is removed.
    fn close(&mut self, bracket: char) {
        if self.text.ends_with(',') {
            self.text.pop();
        }
        self.text.push(bracket);
    }
}
