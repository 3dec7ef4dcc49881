//! A directory as a source: a copy of a bucket, or of a part of one, with nothing asked of AWS.
//!
//! A file's key is its path below the directory. What bucket the files came from is not this room's
//! affair: [`super::relocate`] maps the recorded places to these.
#[cfg(unix)]
mod folders;
mod index;
mod key_path;
mod reader;
mod source;
mod tree;

pub use index::INDEX;
pub use source::MirrorSource;
