//! The facts that the walk in the AWS CLI's order needs and receives, and the steps that they
//! settle.
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
    /// The keys of the chain's digests in this bucket, of both kinds, whose end is in the span,
    /// both ends included.
    Listing {
        /// The bucket.
        bucket: String,
        /// Start of the span.
        from: Timestamp,
        /// End of the span.
        to: Timestamp,
    },
    /// The digest at this location.
    Digest(ObjectLocation),
    /// The public keys that were valid at some time in the span.
    Keys {
        /// Start of the span.
        from: Timestamp,
        /// Nothing: the walk has ended.
        to: Timestamp,
    },
    /// Nothing: the walk is over.
    Nothing,
}

/// What the caller found.
#[derive(Clone, Debug)]
pub enum Fact {
    /// Answers [`Need::Listing`], in any order.
    Listed(Vec<DigestKey>),
    /// The listing could not be read.
    ListingFailed(ReadFailure),
    /// The digest was read.
    Read(Box<DigestRead>),
    /// The store reported that the key does not exist.
    Missing,
    /// The digest could not be read.
    Unreadable(ReadFailure),
    /// Answers [`Need::Keys`].
    Keys(KeyRing),
    /// The keys could not be obtained.
    KeysFailed(ReadFailure),
}

/// What a fact settled.
#[derive(Clone, Debug)]
pub enum Step {
    /// A digest was judged. A proven one comes with its content.
    Judged(ObjectLocation, Outcome<Arc<Verified<Digest>>>),
    /// The chain starts here, yet there is an older digest.
    Gap {
        /// End of the older digest, according to its key.
        from: Timestamp,
        /// Start of the digest that starts the chain.
        to: Timestamp,
    },
    /// A bucket that the chain leads to could not be listed; the walk continues by links alone.
    Unlisted(String, ReadFailure),
}
