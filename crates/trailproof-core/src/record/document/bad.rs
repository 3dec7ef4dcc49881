//! Reasons why a record cannot be used.
use crate::record::wire::Unreadable;
use std::fmt;
use std::io;

/// Why a record cannot be used, or only in part.
#[derive(Debug)]
pub enum BadRecord {
    /// It could not be read.
    Io(io::Error),
    /// It ends after this many whole lines, before its last one.
    Cut {
        /// Number of whole lines.
        lines: u64,
    },
    /// A line is invalid.
    Line {
        /// Number of the line, counted from 1.
        number: u64,
        /// The fault.
        what: Unreadable,
    },
}

impl BadRecord {
    /// Creates the error that line `number` is invalid, for the reason in `words`.
    pub fn line(number: u64, words: impl Into<String>) -> Self {
        Self::Line { number, what: Unreadable::new(words) }
    }
}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Cut { lines: 0 } => f.write_str("it holds no whole line"),
            Self::Cut { lines } => {
                write!(f, "it was cut short: it ends after line {lines}, without `record-finished`")
            }
            Self::Line { number, what } => write!(f, "line {number}: {what}"),
        }
    }
}

impl From<io::Error> for BadRecord {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
