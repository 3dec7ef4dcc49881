//! Makes a mirror: everything that is read from the bucket is kept.
//!
//! An object is read once, both to verify it and to copy it. A file gets its name only when it is
//! complete and synced, after the journal has recorded it.
mod begin;
mod commit;
mod copier;
mod copying;
mod custody;
mod handles;
mod names;
mod rest;
mod saved;
mod store;
mod tee;

pub use self::begin::{MirrorError, MirrorWriter};
pub use self::copying::MirroringSource;
pub(super) use self::custody::document_sum;
pub use self::rest::Finished;
