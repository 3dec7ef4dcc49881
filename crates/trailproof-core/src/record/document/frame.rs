//! The lines that only a record has, and not the event stream.
use crate::record::wire::{Time, write_json};
use crate::vocab::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// The environment of a run, on which its evidence does not depend, recorded when it begins. It is
/// the record's second line; a reproducible record does not have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// Start of the run, by the host's clock.
    pub started: Time,
    /// Name of the host, if it has one.
    pub host: Option<String>,
    /// User that ran it, by the host's name for them.
    pub user: Option<String>,
    /// The program's arguments, without secrets.
    pub arguments: Vec<String>,
    /// SHA-256 of the program's own file in hex, if the file could be read.
    pub program_sha256: Option<String>,
    /// ARN of the AWS caller, if known.
    pub aws_caller: Option<String>,
}

/// The resources that a run used, recorded when it has ended. A reproducible record does not have
/// this line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnded {
    /// End of the run, by the host's clock.
    pub ended: Time,
    /// Duration of the run in milliseconds.
    pub duration_ms: u64,
    /// Number of requests to the store.
    pub requests: u64,
    /// Number of bytes of objects that were received.
    pub bytes: u64,
    /// Number of log files that were not read because a resumed record proves them.
    pub log_files_skipped: u64,
    /// Number of seconds that the store's clock was ahead of the host's, if the store reported its
    /// time; negative if it was behind. Older records do not have it.
    #[serde(default)]
    pub store_skew_seconds: Option<i64>,
}

/// A line that only a record has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Frame {
    /// The second line.
    RunCircumstances(Circumstances),
    /// The line after `run-finished`.
    RunEnded(RunEnded),
    /// The last line.
    RecordFinished {
        /// Number of lines before this one.
        lines: u64,
        /// SHA-256 of all bytes before this line, in hex.
        sha256: String,
    },
}

impl Frame {
    /// Writes the line, followed by a newline.
    ///
    /// # Errors
    ///
    /// Returns an error if the writer fails.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        write_json(&mut to, self)?;
        to.write_all(b"\n")
    }
}

/// The fields of the last line.
#[derive(Deserialize)]
pub(crate) struct Finished {
    pub(crate) lines: u64,
    pub(crate) sha256: String,
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}
