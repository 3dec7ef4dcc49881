//! What the evidence itself contradicts, and how each object was judged.
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
    /// A digest that is not what a digest must be.
    DigestMalformed(Malformed),
    /// A digest that names another place than the one where it lies.
    DigestMoved {
        /// The place that it names.
        recorded: ObjectLocation,
    },
    /// No signature over the digest holds.
    DigestSignatureInvalid(SignatureFault),
    /// The keys for that region and time were obtained, and the digest's is none of them.
    DigestKeyUnknown {
        /// Fingerprint that the digest names.
        fingerprint: String,
        /// The span for which there was no key at all, where that is so.
        none_between: Option<(Timestamp, Timestamp)>,
    },
    /// A proven digest records another hash or signature than its predecessor has.
    DigestLinkMismatch {
        /// Hash that the proven successor records.
        expected: Hash,
        /// Hash that was found.
        found: Hash,
    },
    /// A digest that is not older than the proven one which links to it.
    DigestOutOfOrder {
        /// End of the digest.
        end: Timestamp,
        /// End of the one that links to it.
        successor_end: Timestamp,
    },
    /// CloudTrail reports that it delivered a digest later than any that is there.
    DigestDeliveredThenGone {
        /// When it was delivered, by GetTrailStatus.
        delivered: Timestamp,
        /// When the newest digest object that is there was written, by the store's own word;
        /// `None` where there is none at all.
        newest: Option<Timestamp>,
    },
    /// A log file that a proven digest names is not there.
    LogMissing,
    /// A log file's content is not what its proven digest says.
    LogHashMismatch {
        /// Hash that the digest records.
        expected: Hash,
        /// Hash of what was found.
        found: Hash,
        /// Whether the member was cut short, so that the hash is of what came out until then.
        cut_short: bool,
    },
    /// A log file whose gzip member is broken or does not end.
    LogMalformed(Malformed),
    /// Bytes follow the gzip member: readers that join members see events that CloudTrail never
    /// delivered.
    LogTrailingData {
        /// How many.
        bytes: u64,
    },
}

/// Why an object is not of its form.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Malformed {
    /// The gzip member is broken, or it is no gzip where only gzip will do.
    #[strum(transparent)]
    Gzip(InflateFault),
    /// The gzip member is cut short.
    CutShort,
    /// Bytes follow the gzip member.
    TrailingData {
        /// How many.
        bytes: u64,
    },
    /// Not UTF-8, or not the JSON of a digest.
    #[strum(serialize = "not-json")]
    Json,
    /// A field that every digest has is absent.
    FieldAbsent(&'static str),
    /// A field does not hold what it must.
    FieldInvalid {
        /// Its name.
        field: &'static str,
        /// What it holds, as it came, but no more than is shown of it.
        value: String,
    },
    /// A backfill digest without the time at which it was made.
    BackfillTimeAbsent,
}

impl Malformed {
    /// Stable code for machines; never renamed once released.
    pub fn code(&self) -> &'static str {
        self.into()
    }

    /// That `field` holds this `value`, of which one character more is kept than is shown, so that a
    /// message tells that it goes on.
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
    /// It is not this key's over these bytes.
    Mismatch,
    /// It is hex of an odd number of digits.
    OddHex,
    /// It is not hex.
    NotHex,
    /// The object carries none.
    Absent,
    /// The public key was obtained and cannot be read.
    KeyUnreadable {
        /// Its fingerprint.
        fingerprint: String,
    },
}

impl SignatureFault {
    /// Stable code for machines; never renamed once released.
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

impl Finding {
    /// Stable code for machines; never renamed once released.
    pub fn code(&self) -> &'static str {
        FindingCode::from(self).into()
    }
}

/// How one object was judged. Three-valued on purpose: what could not be read is neither valid nor
/// invalid, and must stay visible as such in every report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<P> {
    /// Checked and proven, by `P`.
    Valid(P),
    /// Checked, and the evidence contradicts it.
    Invalid(Finding),
    /// Not checked.
    Unverified(ReadFailure),
}
