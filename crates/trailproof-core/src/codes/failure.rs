//! Why something could not be read. It says nothing about the integrity of what lies there.
//!
//! Kept apart from findings on purpose: there is no conversion between the two in either direction.
use std::fmt;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// One thing that could not be read, with what is needed to do something about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFailure {
    /// The class of failure.
    pub kind: ReadFailureKind,
    /// Attempts made, the first included; 0 where that is not told.
    pub attempts: u32,
    /// The service's own code and words, or the client's, as they came: from outside, so to be
    /// escaped where shown.
    pub detail: String,
    /// The service's request id, where it gave one.
    pub request_id: Option<String>,
}

impl ReadFailure {
    /// A failure of the first attempt. Of a detail that is longer than any service's words the
    /// beginning is kept.
    pub fn new(kind: ReadFailureKind, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        detail.truncate(detail.floor_char_boundary(crate::vocab::budget::DETAIL));
        Self { kind, attempts: 1, detail, request_id: None }
    }
}

impl fmt::Display for ReadFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::vocab::budget::SHOWN_FAILURE;
        use crate::vocab::location::excerpt;
        write!(f, "{}", self.kind.code())?;
        if !self.detail.is_empty() {
            write!(f, ": {}", excerpt(&self.detail, SHOWN_FAILURE))?;
        }
        if self.attempts > 1 {
            write!(f, " ({} attempts)", self.attempts)?;
        }
        Ok(())
    }
}

/// Classes of [`ReadFailure`]. Their codes are made from their names.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum ReadFailureKind {
    /// The store refused (403). Where ListBucket is not granted, S3 answers so for absent keys too:
    /// `denied` may hide a deletion.
    Denied,
    /// In an archive storage class and not restored.
    Archived,
    /// The key that encrypts the object may not be used, or is gone.
    KmsDenied,
    /// SlowDown, 503 or the like, retries used up.
    Throttled,
    /// Connect, reset, 5xx, or an answer that makes no sense, retries used up.
    Network,
    /// Nothing came for too long, retries used up.
    Timeout,
    /// The body ended before its Content-Length, retries used up.
    Truncated,
    /// The object was replaced between two parts of one read, retries used up.
    ChangedWhileReading,
    /// The bucket itself is not there.
    NoSuchBucket,
    /// An allowance of `core::budget` was used up.
    OverBudget,
    /// The public keys for a region and time could not be obtained.
    KeysUnavailable,
    /// There is no signature that could be checked, neither the object's own nor a successor's.
    NoSignature,
    /// A mirror does not have it: it was not copied, or is gone from the mirror since. What the
    /// bucket has there is not known.
    NotCopied,
    /// A copy does not have it, and nobody asserts that the copy is complete. What the bucket of
    /// delivery has there is not known.
    AbsentFromCopy,
    /// A file of a mirror does not have the bytes that were verified when the mirror was made, as
    /// its manifest records them.
    CopyDamaged,
    /// A symbolic link, a special file, or a name that cannot be a key, in a directory: what it
    /// stands for was not looked at.
    NotFollowed,
    /// The object is genuine evidence of another place, which its detail names: `s3://BUCKET/KEY`.
    /// What belongs to this place is not known.
    DeliveredElsewhere,
}

impl ReadFailureKind {
    /// Stable code for machines; never renamed once released. It parses as the class.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Whether asking again may help.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Throttled
                | Self::Network
                | Self::Timeout
                | Self::Truncated
                | Self::ChangedWhileReading
        )
    }
}
