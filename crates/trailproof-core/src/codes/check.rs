//! The checks of a run, by code, and the reasons for not performing one.
use strum::{EnumIter, EnumString, IntoStaticStr};

/// A check that a run makes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Check {
    /// Every digest, by a CloudTrail signature or by what its proven successor records.
    DigestSignature,
    /// Every link from a proven digest to the one before it.
    DigestLink,
    /// Every log file that a proven digest names: that its SHA-256 matches and that nothing follows
    /// it.
    LogSha256,
    /// Log files that were not read again because the record of an earlier run proves
    /// them, or because a hash ledger states what they contain.
    LogEarlierRecord,
    /// The whole period of every chain, divided into what is verified and what is not.
    Coverage,
    /// Whether the chains continue those of the preceding record.
    Joined,
    /// Log files that no verified digest names.
    UnlistedLogs,
    /// What CloudTrail reports as its last delivery, compared with what is there.
    TrailStatus,
    /// Trails that continue outside of a narrower scope and are therefore expected inside it.
    ExpectedPlaces,
    /// Other evidence outside of the location: in a different bucket, prefix or organization's path
    /// to which the links of a chain lead.
    OtherPlaces,
    /// Whether chains that ended before the period were started again, in the log files of the
    /// trail's home region.
    Restarts,
    /// That the bucket still has the content of objects that were read from a mirror of it, because the
    /// bucket lists their size and ETag as before.
    StoredContent,
}

impl Check {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Why a check was not performed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum SkipReason {
    /// It was switched off on the command line.
    SwitchedOff,
    /// AWS refused the request or could not be reached.
    ServiceFailed,
    /// The trail is not among those that DescribeTrails lists.
    TrailUnknown,
    /// The trail now delivers to a different bucket or prefix.
    DeliversElsewhere,
    /// A copy was read, not the bucket itself.
    CopyRead,
    /// Other versions than the current ones were read.
    PastVersions,
    /// A listing that it needs could not be read.
    ListingUnread,
    /// The store does not report when objects were written.
    NoLastModified,
    /// It is outside of the location or the scope that was named.
    OutsideLocation,
    /// The record of an earlier run proves log files that the store lists unchanged, so that they were not
    /// read again. The detail is their number.
    EarlierRecord,
}

impl SkipReason {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// A check that was not performed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedCheck {
    /// The check.
    pub check: Check,
    /// The reason.
    pub why: SkipReason,
    /// The region that the check is about, if any.
    pub region: Option<crate::vocab::ids::Region>,
    /// The message of the service or the store, unchanged; it comes from outside and must be
    /// escaped when shown. Empty if there was none.
    pub detail: String,
}
