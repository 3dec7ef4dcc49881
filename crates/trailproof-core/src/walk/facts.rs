//! What a walk over digests needs, what it is fed with, and what that settles.
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
    /// The digest at this place.
    Digest(ObjectLocation),
    /// The keys of the chain's region that were valid at some time in the span.
    Keys {
        /// Start of the span.
        from: Timestamp,
        /// End of the span.
        to: Timestamp,
    },
    /// All keys of the chain's region that were valid at some time from this one until now.
    KeysSince(Timestamp),
    /// Whether the listing holds a digest of the chain that ends at or before this time.
    Older(Timestamp),
    /// Nothing: the walk is over.
    Nothing,
}

/// What the caller found out.
#[derive(Clone, Debug)]
pub enum Fact {
    /// The digest was read.
    Read(Box<DigestRead>),
    /// The store said that there is no such key.
    Missing,
    /// The digest could not be read.
    Unreadable(ReadFailure),
    /// The keys that were asked for.
    Keys(KeyRing),
    /// Keys of the region, which are all of them only for some stretches of time.
    KeysInPart(KeysInPart),
    /// The keys of the span could not be obtained.
    KeysFailed(ReadFailure),
    /// Whether there is an older digest.
    Older(bool),
}

/// What a bundle has of keys.
#[derive(Clone, Debug)]
pub struct KeysInPart {
    /// The keys.
    pub ring: KeyRing,
    /// The stretches of which they are all, both ends included.
    pub all_of: Vec<(Timestamp, Timestamp)>,
    /// The time from which all keys were asked for, and when that was.
    pub all_since: Option<(Timestamp, Timestamp)>,
    /// Why they are not all of the rest.
    pub why: ReadFailure,
}

/// What a fact settled about one digest.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where the digest was delivered.
    pub at: ObjectLocation,
    /// Its end: its own where it is proven, else its key's.
    pub end: Timestamp,
    /// How it was judged.
    pub outcome: Outcome<ProvenDigest>,
    /// What is worth knowing beside that.
    pub notices: Vec<Notice>,
    /// Whether it lies outside the period and only anchors the walk: then its log files are not
    /// looked at, and it does not count.
    pub anchor: bool,
}

/// A digest that the listing tells of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedDigest {
    /// Its end, as its key has it.
    pub end: Timestamp,
    /// Where it was delivered.
    pub at: ObjectLocation,
}
