//! Reasons why something could not be read. They imply nothing about the integrity of what is
//! stored there.
//!
//! Kept apart from findings on purpose: there is no conversion between the two in either direction.
use std::fmt;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// One read failure, with the details needed to act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFailure {
    /// The class of failure.
    pub kind: ReadFailureKind,
    /// Number of attempts, including the first; 0 if unknown.
    pub attempts: u32,
    /// The service's code and message, unchanged, in the form `CODE: MESSAGE`; or what the client ran
    /// into. It comes from outside and must be escaped when shown.
    pub detail: String,
    /// The service's request id, if it returned one.
    pub request_id: Option<String>,
}

impl ReadFailure {
    /// Creates a failure of the first attempt. A detail that is longer than any service's message
    /// is truncated.
    pub fn new(kind: ReadFailureKind, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        detail.truncate(detail.floor_char_boundary(crate::vocab::budget::DETAIL));
        Self { kind, attempts: 1, detail, request_id: None }
    }

    /// Returns the service's code and message, which is empty if there was none; `None` if the failure
    /// is not a service's response.
    pub fn code_and_message(&self) -> Option<(&str, &str)> {
        let (code, message) = self.detail.split_once(": ").unwrap_or((&self.detail, ""));
        let is_code = !code.is_empty()
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
        is_code.then_some((code, message))
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

/// Classes of [`ReadFailure`]. Their codes are derived from their names.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum ReadFailureKind {
    /// The store denied access (403). Without permission for ListBucket, S3 responds this way for
    /// absent keys too: `denied` may hide a deletion.
    Denied,
    /// The object is in an archive storage class and has not been restored.
    Archived,
    /// The key that encrypts the object may not be used, or no longer exists.
    KmsDenied,
    /// SlowDown, 503 or similar, after all retries.
    Throttled,
    /// Failure to connect, a reset, a 5xx or a malformed response, after all retries.
    Network,
    /// No data arrived in time, after all retries.
    Timeout,
    /// The body ended before its Content-Length, after all retries.
    Truncated,
    /// The object was replaced between two parts of one read, or the store lists another object than the
    /// one with which it answers, after all retries.
    ChangedWhileReading,
    /// The bucket itself does not exist.
    NoSuchBucket,
    /// An allowance of `core::vocab::budget` was used up.
    OverBudget,
    /// The public keys for a region and time could not be obtained.
    KeysUnavailable,
    /// There is no signature to check, neither the object's own nor one from a successor.
    NoSignature,
    /// A mirror does not have the object: it was not copied, or has since been removed from the
    /// mirror. What the bucket holds there is not known.
    NotCopied,
    /// A copy does not have the object, and the user has not asserted that the copy is complete.
    /// What the delivery bucket holds there is not known.
    AbsentFromCopy,
    /// A file in a mirror does not have the bytes that were verified when the mirror was made, as
    /// its manifest records them.
    CopyDamaged,
    /// A symbolic link, a special file, or a name that cannot be a key, in a directory: its target
    /// or content was not read.
    NotFollowed,
    /// No version of the object from the requested time is left, so that it is not known whether it
    /// existed then: it may have been removed for good since.
    VersionUnknown,
    /// The object is genuine evidence of a different place, named in the detail: `s3://BUCKET/KEY`.
    /// What belongs at this place is not known.
    DeliveredElsewhere,
    /// The digest is proven, and has a field of a form that this version does not know, named in the
    /// detail. Nobody changed it. What it names is not known.
    UnknownForm,
}

impl ReadFailureKind {
    /// Returns the stable code for machines; never renamed once released. It parses back to the
    /// class.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Returns whether a retry may help.
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
