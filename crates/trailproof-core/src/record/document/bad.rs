//! Reasons why a record cannot be used.
use crate::record::wire::Unreadable;
use std::io;
use thiserror::Error;

/// Why a record cannot be used, or only in part.
#[derive(Debug, Error)]
pub enum BadRecord {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ends after this many whole lines, before its last one.
    #[error("{}", cut(.lines))]
    Cut {
        /// Number of whole lines.
        lines: u64,
    },
    /// A line is invalid.
    #[error("line {number}: {what}")]
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

fn cut(lines: &u64) -> String {
    match lines {
        0 => "it holds no whole line".to_owned(),
        _ => format!("it was cut short: it ends after line {lines}, without `record-finished`"),
    }
}
