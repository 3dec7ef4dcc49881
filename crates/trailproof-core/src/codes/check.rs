//! The checks of a run by their codes, and why one was not made.

/// A check that a run makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    /// Every digest by a signature of CloudTrail's, or by what its proven successor records.
    DigestSignature,
    /// Every link from a proven digest to the one before it.
    DigestLink,
    /// Every log file that a proven digest names, by its SHA-256, and that nothing follows it.
    LogSha256,
    /// Log files that the record of an earlier run proves, and that were not read again.
    LogEarlierRecord,
    /// The whole period of every chain, divided into what is verified and what is not.
    Coverage,
    /// Whether the chains join on to the record before.
    Joined,
    /// Log files that no verified digest names.
    UnlistedLogs,
    /// What CloudTrail says that it delivered last, against what is there.
    TrailStatus,
    /// What goes on outside of a narrower scope, and so is to be expected in it.
    ExpectedPlaces,
    /// What else lies outside of the location: in a place to which a chain leads by its links, or in
    /// what a copy has of a bucket that was left out.
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

    /// Stable code for machines; never renamed once released.
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

    /// The one with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }
}

/// Why a check was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WhyNot {
    /// It was switched off on the command line.
    SwitchedOff,
    /// AWS refused or could not be asked.
    ServiceFailed,
    /// The trail is not among those that DescribeTrails lists.
    TrailUnknown,
    /// The trail delivers to another bucket or prefix now.
    DeliversElsewhere,
    /// A copy was read.
    CopyRead,
    /// A listing that it needs could not be read.
    ListingUnread,
    /// The store does not say when objects were written.
    NoLastModified,
    /// It lies outside of the location that was named.
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

    /// Stable code for machines; never renamed once released.
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

    /// The one with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }
}

/// A check that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotMade {
    /// Which.
    pub check: Check,
    /// Why.
    pub why: WhyNot,
    /// The region that it is about, where it is about one.
    pub region: Option<crate::vocab::ids::Region>,
    /// The service's or the store's own words, as they came; from outside, so to be escaped where
    /// shown. Empty where nobody said anything.
    pub detail: String,
}
