//! A mirror: a copy that trailproof makes, with a manifest of what the bucket had.
//!
//! The manifest distinguishes an object that was not copied from one that the bucket did not have.
pub mod custody;
pub mod fixity;
mod header;
mod ledger;
pub mod sample;
mod source;
pub mod writer;

pub use self::header::{
    CUSTODY, CustodyHead, HEADER, Header, KEYS_BESIDE, MirrorRun, MirrorScope, Tally,
};
pub use self::source::MirrorSource;
