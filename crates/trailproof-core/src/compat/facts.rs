//! What the walk in the AWS CLI's order needs, what it is fed with, and what that settles.
use super::judge::DigestRead;
use crate::Verified;
use crate::codes::failure::ReadFailure;
use crate::codes::finding::Outcome;
use crate::digest::document::Digest;
use crate::digest::signing::KeyRing;
use crate::vocab::key_layout::DigestKey;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::Timestamp;
use std::sync::Arc;

/// What the walk needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The keys of the chain's digests in this bucket whose end lies in the span, both ends
    /// included, of both kinds.
    Listing {
        /// The bucket.
        bucket: String,
        /// Start of the span.
        from: Timestamp,
        /// End of the span.
        to: Timestamp,
    },
    /// The digest at this place.
    Digest(ObjectLocation),
    /// The public keys that were valid at some time in the span.
    Keys {
        /// Start of the span.
        from: Timestamp,
        /// End of the span.
        to: Timestamp,
    },
    /// Nothing: the walk is over.
    Nothing,
}

/// What the caller found out.
#[derive(Clone, Debug)]
pub enum Fact {
    /// Answer to [`Need::Listing`], in any order.
    Listed(Vec<DigestKey>),
    /// The listing could not be read.
    ListingFailed(ReadFailure),
    /// The digest was read.
    Read(Box<DigestRead>),
    /// The store said that there is no such key.
    Missing,
    /// The digest could not be read.
    Unreadable(ReadFailure),
    /// Answer to [`Need::Keys`].
    Keys(KeyRing),
    /// The keys could not be obtained.
    KeysFailed(ReadFailure),
}

/// What a fact settled.
#[derive(Clone, Debug)]
pub enum Step {
    /// A digest was judged. One that is proven comes with what it says.
    Judged(ObjectLocation, Outcome<Arc<Verified<Digest>>>),
    /// The chain starts here, yet there is an older digest.
    Gap {
        /// End of the older digest, as its key has it.
        from: Timestamp,
        /// Start of the chain start.
        to: Timestamp,
    },
    /// A bucket that the chain leads to could not be listed; the walk goes on by link alone.
    Unlisted(String, ReadFailure),
}
