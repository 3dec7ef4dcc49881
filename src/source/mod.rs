//! Where bytes lie: listing and reading of objects, and nothing about what they mean.
//!
//! One trait of two methods. [`s3`], [`directory`] and [`mirror`] implement it and report what one
//! request returned. Counting, limiting, retrying and relocating are [`layer`]s that wrap a source.
pub mod directory;
pub mod fetch;
pub mod layer;
pub mod many;
pub mod mirror;
mod object;
mod pages;
pub mod s3;
#[cfg(test)]
mod scripted;
pub(crate) mod stream;

pub use self::object::{
    BoxFuture, ListPage, ListRequest, Listed, ObjectMetadata, ObjectReader, ObjectSource, Piece,
    ReadError, ReadFrom, RecordedBytes, TakePiece,
};
pub use self::pages::Pages;
