//! The facts that a walk over digests needs and receives, and the steps that they settle.
use crate::codes::failure::ReadFailure;
use crate::codes::finding::Outcome;
use crate::codes::notice::Notice;
use crate::compat::judge::DigestRead;
use crate::digest::judge::ProvenDigest;
use crate::digest::signing::KeyRing;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::Timestamp;

/// What the walk needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The digest at this location.
    Digest(ObjectLocation),
    /// The keys of the chain's region that were valid at any time in the span.
    Keys {
        /// Start of the span.
        from: Timestamp,
        /// End of the span.
        to: Timestamp,
    },
    /// All keys of the chain's region that were valid at any time from this one until now.
    KeysSince(Timestamp),
    /// Whether the listing holds a digest of the chain that ends at or before this time.
    Older(Timestamp),
    /// Nothing: the walk has ended.
    Nothing,
}

/// What the caller found.
#[derive(Clone, Debug)]
pub enum Fact {
    /// The digest was read.
    Read(Box<DigestRead>),
    /// The store reported that the key does not exist.
    Missing,
    /// The digest could not be read.
    Unreadable(ReadFailure),
    /// The requested keys.
    Keys(KeyRing),
    /// Keys of the region that are complete only for some stretches of time.
    PartialKeys(PartialKeys),
    /// The keys of the span could not be obtained.
    KeysFailed(ReadFailure),
    /// Whether there is an older digest.
    Older(bool),
}

/// The keys from a bundle.
#[derive(Clone, Debug)]
pub struct PartialKeys {
    /// The keys.
    pub ring: KeyRing,
    /// The stretches for which they are complete, both ends included.
    pub all_of: Vec<(Timestamp, Timestamp)>,
    /// The time since which all keys were requested, and the time of that request.
    pub all_since: Option<(Timestamp, Timestamp)>,
    /// Why they are incomplete for other times.
    pub why: ReadFailure,
}

/// The result of a fact about one digest.
#[derive(Clone, Debug)]
pub struct Step {
    /// Location to which the digest was delivered.
    pub at: ObjectLocation,
    /// Its own end if it is proven, otherwise its key's.
    pub end: Timestamp,
    /// The outcome.
    pub outcome: Outcome<ProvenDigest>,
    /// Notices about it.
    pub notices: Vec<Notice>,
    /// Whether it is outside of the period and only anchors the walk: its log files are then not
    /// read, and it does not count.
    pub anchor: bool,
}

/// A digest that the listing shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedDigest {
    /// Its end, according to its key.
    pub end: Timestamp,
    /// Location to which it was delivered.
    pub at: ObjectLocation,
}
