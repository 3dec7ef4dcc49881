//! Where bytes lie: listing and reading of objects, and nothing about what they mean.
//!
//! One trait of two methods; S3 and directories implement it. Retrying, limiting and counting are
//! wrappers that stack, so that an implementation says truthfully what one request brought.
pub mod count;
pub mod limit;
pub mod many;
pub mod mirror;
pub mod relocate;
pub mod retry;
pub mod retry_policy;
pub mod s3;
pub mod waiting;

mod object;
mod pace;
mod pages;
#[cfg(test)]
mod scripted;
mod tempo;

pub use object::{
    BoxFuture, ListPage, ListRequest, Listed, ObjectMetadata, ObjectReader, ObjectSource, Piece,
    ReadError, ReadFrom, RecordedBytes, TakePiece,
};
pub use pages::Pages;
