//! A mirror: a copy that trailproof makes, with a manifest of what the bucket had.
//!
//! The manifest distinguishes an object that was not copied from one that the bucket did not have.
mod header;
mod ledger;
mod source;
pub mod writer;

pub use self::header::{HEADER, Header, KEYS_BESIDE, MirrorRun, Tally};
pub use self::source::MirrorSource;
