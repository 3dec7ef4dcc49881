//! S3 and stores that speak its protocol.
//!
//! One answer is told as it came: what it means is a pure table (`classify`), a listing is taken
//! only whole and in order (`page`), and a body only as long as its head said (`reader`). Keys go
//! in and come out byte for byte. Nothing is retried here.
pub mod classify;

mod answer;
mod clients;
mod clock;
mod cursor;
mod etag;
mod framing;
mod page;
mod percent;
mod reader;
mod region;
mod source;
mod timeouts;

pub use self::clock::StoreClock;
pub use self::source::S3Source;
pub use self::timeouts::Timeouts;
