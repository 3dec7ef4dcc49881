//! S3 and stores that speak its protocol.
//!
//! It is read, with one exception: `create` makes an object that does not exist yet.
//!
//! Each response is reported as it came: a pure table decides what it means (`classify`), a listing
//! is accepted only if it is complete and in order (`page`), and a body only if it is as long as
//! its header states (`reader`). Keys are passed in and out byte for byte. Nothing is retried here.
pub mod classify;

mod answer;
mod clients;
mod clock;
mod create;
mod cursor;
mod etag;
mod framing;
mod page;
mod percent;
mod reader;
mod region;
mod source;
mod timeouts;
mod version_page;

pub use self::clock::StoreClock;
pub(crate) use self::create::{Created, NewObject};
pub use self::source::S3Source;
pub use self::timeouts::Timeouts;
