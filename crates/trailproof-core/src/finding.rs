//! What the evidence itself contradicts, and how each object was judged.
use super::content::Hash;
use super::failure::ReadFailure;
use super::inflate::InflateFault;
use super::location::ObjectLocation;
use super::time::Timestamp;

/// Something that the evidence contradicts. Never built from a failure to read.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The gzip member is broken, or it is no gzip where only gzip will do.
    Gzip(InflateFault),
    /// The gzip member is cut short.
    CutShort,
    /// Bytes follow the gzip member.
    TrailingData {
        /// How many.
        bytes: u64,
    },
    /// Not UTF-8, or not the JSON of a digest.
    Json,
    /// A field that every digest has is absent.
    FieldAbsent(&'static str),
    /// A field does not hold what it must.
    FieldInvalid {
        /// Its name.
        field: &'static str,
        /// What it holds, as it came.
        value: String,
    },
    /// A backfill digest without the time at which it was made.
    BackfillTimeAbsent,
}

impl Malformed {
    /// Every field that [`Self::FieldAbsent`] or [`Self::FieldInvalid`] may name.
    pub const FIELDS: [&'static str; 13] = [
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
        "previousDigestSignature",
        "s3Bucket",
        "s3Object",
    ];
}

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl Finding {
    /// Stable code for machines; never renamed once released.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DigestMissing => "digest-missing",
            Self::DigestMalformed(_) => "digest-malformed",
            Self::DigestMoved { .. } => "digest-moved",
            Self::DigestSignatureInvalid(_) => "digest-signature-invalid",
            Self::DigestKeyUnknown { .. } => "digest-key-unknown",
            Self::DigestLinkMismatch { .. } => "digest-link-mismatch",
            Self::DigestOutOfOrder { .. } => "digest-out-of-order",
            Self::DigestDeliveredThenGone { .. } => "digest-delivered-then-gone",
            Self::LogMissing => "log-missing",
            Self::LogHashMismatch { .. } => "log-hash-mismatch",
            Self::LogMalformed(_) => "log-malformed",
            Self::LogTrailingData { .. } => "log-trailing-data",
        }
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
