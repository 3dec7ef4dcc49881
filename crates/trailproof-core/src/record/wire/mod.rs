//! The events of a run as JSON: names and shapes that stay, apart from the types in memory.
//!
//! The same shapes write and read, so that neither can drift from the other.
//! `docs/src/format/run-record.md` documents them. A new field or event may come with any
//! version; a changed or removed one comes with a new schema number.
mod finding;
mod lines;
mod parts;
mod read;
mod shown;
mod sums;
mod unreadable;
mod write;

pub use self::finding::FindingShape;
pub use self::parts::{
    ChainShape, DeliveredToShape, ExplainingShape, FailureShape, FollowsShape, NotMadeShape,
    ReadPlaceShape, SegmentShape, Time,
};
pub(crate) use self::read::event_name;
pub use self::read::read_event;
pub use self::shown::{write_json, write_json_pretty};
pub use self::sums::{ChainFinishedShape, RunFinishedShape};
pub use self::unreadable::Unreadable;
pub use self::write::write_event;

/// Number of the schema of events and summaries.
pub const SCHEMA: u32 = 2;

/// Number of the schema before the first release, which no version reads.
const PREVIEW: u64 = 1;
