//! The run record: the event stream in a file, with a few extra lines around it.
//!
//! A record that was cut short or edited is recognised: its last line has the number of lines
//! before it and the hash of all their bytes. It is not signed; an attestation is.
mod bad;
mod check;
mod frame;
mod reader;
mod source;

pub use self::bad::BadRecord;
pub use self::check::RunCheck;
pub use self::frame::{Circumstances, Frame, RunEnded};
pub use self::reader::{DocumentKind, LineTooLong, RecordLine, RecordReader, check_line};
pub use self::source::{RecordFile, check_record, document_from, record_from};
