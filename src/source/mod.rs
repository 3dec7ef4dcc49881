//! Where bytes are: listing and reading objects, without interpreting them.
//!
//! The module has one trait with two required methods. [`s3`], [`directory`] and [`mirror`]
//! implement it and report the result of each request. Counting, limiting, retrying and relocating
//! are [`layer`]s that wrap a source.
pub mod directory;
pub mod fetch;
pub mod layer;
pub mod many;
pub mod mirror;
mod object;
pub(crate) mod pages;
pub mod s3;
#[cfg(test)]
mod scripted;
pub(crate) mod stream;
pub mod version;

pub use self::object::{
    BoxFuture, ListPage, ListRequest, Listed, ObjectMetadata, ObjectReader, ObjectSource, Piece,
    ReadError, ReadFrom, RecordedBytes, TakePiece,
};
pub use self::pages::Pages;
