//! Contradictions in the evidence itself, and the outcome of judging an object.
use super::failure::ReadFailure;
use crate::bytes::content::Hash;
use crate::bytes::inflate::InflateFault;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::Timestamp;
use strum::{EnumDiscriminants, EnumIter, EnumString, IntoStaticStr, VariantNames};

/// Something that the evidence contradicts. Never built from a failure to read.
#[derive(Clone, Debug, PartialEq, Eq, EnumDiscriminants)]
#[strum_discriminants(
    name(FindingCode),
    derive(PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr),
    strum(serialize_all = "kebab-case"),
    doc = "A finding's code, made from the finding's name; never renamed once released."
)]
pub enum Finding {
    /// A digest that a proven digest names, or that the chain needs, is not there.
    DigestMissing,
    /// A digest that does not have the form of a digest.
    DigestMalformed(Malformed),
    /// A digest that names a location other than the one where it is stored.
    DigestMoved {
        /// The location that it names.
        recorded: ObjectLocation,
    },
    /// No signature over the digest holds.
    DigestSignatureInvalid(SignatureFault),
    /// The keys for that region and time were obtained, and the digest's key is not among them.
    DigestKeyUnknown {
        /// Fingerprint that the digest names.
        fingerprint: String,
        /// The span in which no key at all was valid, if there is one.
        none_between: Option<(Timestamp, Timestamp)>,
    },
    /// A proven digest records a hash or signature that its predecessor does not have.
    DigestLinkMismatch {
        /// Hash that the proven successor records.
        expected: Hash,
        /// Hash that was found.
        found: Hash,
    },
    /// A digest that is not older than the proven one that links to it.
    DigestOutOfOrder {
        /// End of the digest.
        end: Timestamp,
        /// End of the digest that links to it.
        successor_end: Timestamp,
    },
    /// CloudTrail reports that it delivered a digest later than any that is stored.
    DigestDeliveredThenGone {
        /// When it was delivered, according to GetTrailStatus.
        delivered: Timestamp,
        /// When the newest stored digest was written, according to the store; `None` if there is
        /// none at all.
        newest: Option<Timestamp>,
    },
    /// A log file that a proven digest names is not there.
    LogMissing,
    /// A log file's content does not match the hash in its proven digest.
    LogHashMismatch {
        /// Hash that the digest records.
        expected: Hash,
        /// Hash of what was found.
        found: Hash,
        /// Whether the member was cut short, so that the hash covers only the output up to there.
        cut_short: bool,
    },
    /// A log file whose gzip member is broken or has no end.
    LogMalformed(Malformed),
    /// Bytes follow the gzip member: readers that join members see events that CloudTrail never
    /// delivered.
    LogTrailingData {
        /// Number of those bytes.
        bytes: u64,
    },
}

/// Why an object does not have the required form.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Malformed {
    /// The gzip member is broken, or the object is not gzip where only gzip is accepted.
    #[strum(transparent)]
    Gzip(InflateFault),
    /// The gzip member is cut short.
    CutShort,
    /// Bytes follow the gzip member.
    TrailingData {
        /// Number of those bytes.
        bytes: u64,
    },
    /// Not UTF-8, or not the JSON of a digest.
    #[strum(serialize = "not-json")]
    Json,
    /// A field that every digest has is absent.
    FieldAbsent(&'static str),
    /// A field has an invalid value.
    FieldInvalid {
        /// Name of the field.
        field: &'static str,
        /// Its value, unchanged but cut to what a message shows.
        value: String,
    },
    /// A backfill digest without the time at which it was generated.
    BackfillTimeAbsent,
}

impl Malformed {
    /// Returns the stable code for machines; never renamed once released.
    pub fn code(&self) -> &'static str {
        self.into()
    }

    /// Creates the fault that `field` has this `value`. Keeps one character more than a message
    /// shows, so that the message can indicate that the value continues.
    pub fn field_invalid(field: &'static str, value: &str) -> Self {
        let value = value.chars().take(crate::vocab::budget::SHOWN + 1).collect();
        Self::FieldInvalid { field, value }
    }

    /// Every field that [`Self::FieldAbsent`] or [`Self::FieldInvalid`] may name.
    pub const FIELDS: [&'static str; 15] = [
        "backfill-generation-timestamp",
        "digestEndTime",
        "digestPublicKeyFingerprint",
        "digestS3Bucket",
        "digestS3Object",
        "digestStartTime",
        "hashAlgorithm",
        "hashValue",
        "logFiles",
        "previousDigestHashValue",
        "previousDigestS3Bucket",
        "previousDigestS3Object",
        "previousDigestSignature",
        "s3Bucket",
        "s3Object",
    ];
}

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum SignatureFault {
    /// The signature is not this key's signature over these bytes.
    Mismatch,
    /// The signature is hex with an odd number of digits.
    OddHex,
    /// The signature is not hex.
    NotHex,
    /// The object has no signature.
    Absent,
    /// The public key was obtained and cannot be read.
    KeyUnreadable {
        /// Fingerprint of the key.
        fingerprint: String,
    },
}

impl SignatureFault {
    /// Returns the stable code for machines; never renamed once released.
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

impl Finding {
    /// Returns the stable code for machines; never renamed once released.
    pub fn code(&self) -> &'static str {
        FindingCode::from(self).into()
    }
}

/// The outcome of judging one object. It has three values on purpose: what could not be read is
/// neither valid nor invalid, and every report must show it as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<P> {
    /// Checked and proven, by `P`.
    Valid(P),
    /// Checked, and the evidence contradicts it.
    Invalid(Finding),
    /// Not checked.
    Unverified(ReadFailure),
}
