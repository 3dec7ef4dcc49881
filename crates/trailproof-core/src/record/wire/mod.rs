//! The events of a run as JSON: stable names and shapes, separate from the types in memory.
//!
//! The same shapes are used for writing and reading, so that the two cannot diverge.
//! `docs/src/format/run-record.md` documents them. Any version may add a field or event; changing
//! or removing one requires a new schema number.
mod cause;
mod exceptions;
mod finding;
mod lines;
mod parts;
mod read;
mod shown;
mod stored_as;
mod sums;
mod unreadable;
mod write;

pub use self::cause::{CauseShape, KeyNameShape};
pub use self::exceptions::{
    AcceptedExceptionShape, ExceptionsJudgedShape, read_accepted_exceptions,
};
pub use self::finding::FindingShape;
pub use self::parts::{
    ChainShape, DeliveredToShape, ExplainingShape, FailureShape, FollowsShape, ReadPlaceShape,
    SegmentShape, SkippedCheckShape, Time,
};
pub use self::read::{event_name, read_event};
pub use self::shown::{shown_json, write_json, write_json_pretty};
pub use self::stored_as::StoredAsShape;
pub use self::sums::{ChainFinishedShape, RunFinishedShape};
pub use self::unreadable::Unreadable;
pub use self::write::write_event;

/// Number of the schema of events and summaries.
pub const SCHEMA: u32 = 2;

/// Number of the schema before the first release, which no released version reads.
const PREVIEW: u64 = 1;
