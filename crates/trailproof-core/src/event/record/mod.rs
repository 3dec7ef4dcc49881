//! The run record: the event stream in a file, with a few lines of its own around it.
//!
//! A record cut short or edited is recognised as such: its last line has the number of lines before
//! it and the hash of all their bytes. It is not signed; an attestation is.
mod bad;
mod check;
mod file;
mod frame;
mod reader;

pub use bad::BadRecord;
pub use check::RunCheck;
pub use file::{RecordFile, check_record, record_from};
pub use frame::{Circumstances, Frame, RunEnded};
pub use reader::{LineTooLong, RecordLine, RecordReader, check_line};
