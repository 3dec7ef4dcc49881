//! A directory as a source: a copy of a bucket, or of a part of one. AWS is not asked.
//!
//! The key of a file is its path below the directory. The bucket that the files came from is
//! decided elsewhere: [`crate::source::layer::relocate`] maps the places of delivery to these
//! files.
pub(crate) mod flat;
#[cfg(unix)]
mod folders;
mod index;
pub(crate) mod key_path;
mod opening;
pub(crate) mod reader;
mod source;
mod tree;

pub use self::flat::FlatFolder;
pub use self::index::INDEX;
pub use self::source::DirectorySource;
