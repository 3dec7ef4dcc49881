//! A directory as a source: a copy of a bucket, or of a part of one, with nothing asked of AWS.
//!
//! A file's key is its path below the directory. What bucket the files came from is not this room's
//! affair: [`super::relocate`] maps the recorded places to these.
//!
//! Copies that other programs made are read by their files alone. A mirror that trailproof made has a
//! manifest, so that what it does not have is told apart from what the bucket did not have.
pub mod copy;
mod flat;
#[cfg(unix)]
mod folders;
mod header;
mod index;
mod key_path;
mod ledger;
mod ledger_page;
mod mirrored;
mod opening;
mod reader;
mod source;
mod tree;

pub use flat::FlatFolder;
pub use header::{HEADER, Header, KEYS_BESIDE, MirrorRun, Tally};
pub use index::INDEX;
pub use mirrored::Mirrored;
pub use source::MirrorSource;
