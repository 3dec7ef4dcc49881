//! Makes a mirror: whatever is read from the bucket is kept.
//!
//! An object is read once, for whoever verifies it and for the copy. A file has its name only when
//! it is whole and synced, and the journal knows of it before.
mod begin;
mod commit;
mod copier;
mod copying;
mod handles;
mod names;
mod rest;
mod saved;
mod store;
mod tee;

pub use self::begin::{MirrorError, MirrorWriter};
pub use self::copying::MirroringSource;
pub use self::rest::Finished;
