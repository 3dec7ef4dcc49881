//! The checks of a run, by code, and the reasons for not performing one.

/// A check that a run makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    /// Every digest, by a CloudTrail signature or by what its proven successor records.
    DigestSignature,
    /// Every link from a proven digest to the one before it.
    DigestLink,
    /// Every log file that a proven digest names: that its SHA-256 matches and that nothing follows
    /// it.
    LogSha256,
    /// Log files that were not read again because the record of an earlier run proves them.
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
    /// Other evidence outside of the location: where a chain leads by its links, or in parts of a
    /// copy that were left out.
    OtherPlaces,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 10] = [
        Self::DigestSignature,
        Self::DigestLink,
        Self::LogSha256,
        Self::LogEarlierRecord,
        Self::Coverage,
        Self::Joined,
        Self::UnlistedLogs,
        Self::TrailStatus,
        Self::ExpectedPlaces,
        Self::OtherPlaces,
    ];

    /// Returns the stable code for machines; never renamed once released.
    pub fn code(self) -> &'static str {
        match self {
            Self::DigestSignature => "digest-signature",
            Self::DigestLink => "digest-link",
            Self::LogSha256 => "log-sha256",
            Self::LogEarlierRecord => "log-earlier-record",
            Self::Coverage => "coverage",
            Self::Joined => "joined",
            Self::UnlistedLogs => "unlisted-logs",
            Self::TrailStatus => "trail-status",
            Self::ExpectedPlaces => "expected-places",
            Self::OtherPlaces => "other-places",
        }
    }

    /// Returns the check with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }
}

/// Why a check was not performed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WhyNot {
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
    /// A listing that it needs could not be read.
    ListingUnread,
    /// The store does not report when objects were written.
    NoLastModified,
    /// It is outside of the location that was named.
    OutsideLocation,
}

impl WhyNot {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::SwitchedOff,
        Self::ServiceFailed,
        Self::TrailUnknown,
        Self::DeliversElsewhere,
        Self::CopyRead,
        Self::ListingUnread,
        Self::NoLastModified,
        Self::OutsideLocation,
    ];

    /// Returns the stable code for machines; never renamed once released.
    pub fn code(self) -> &'static str {
        match self {
            Self::SwitchedOff => "switched-off",
            Self::ServiceFailed => "service-failed",
            Self::TrailUnknown => "trail-unknown",
            Self::DeliversElsewhere => "delivers-elsewhere",
            Self::CopyRead => "copy-read",
            Self::ListingUnread => "listing-unread",
            Self::NoLastModified => "no-last-modified",
            Self::OutsideLocation => "outside-location",
        }
    }

    /// Returns the reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }
}

/// A check that was not performed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotMade {
    /// The check.
    pub check: Check,
    /// The reason.
    pub why: WhyNot,
    /// The region that the check is about, if any.
    pub region: Option<crate::vocab::ids::Region>,
    /// The message of the service or the store, unchanged; it comes from outside and must be
    /// escaped when shown. Empty if there was none.
    pub detail: String,
}
