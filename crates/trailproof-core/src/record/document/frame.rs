//! The lines that only a record has.
use crate::record::wire::{Time, write_json};
use crate::vocab::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// What a run is surrounded by and its evidence does not depend on, told when it begins. Its line
/// is the record's second, and a reproducible record has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// When the run began, by the clock of the host.
    pub started: Time,
    /// Name of the host, where it has one.
    pub host: Option<String>,
    /// Who ran it, by the host's name for them.
    pub user: Option<String>,
    /// The program's arguments, without secrets.
    pub arguments: Vec<String>,
    /// SHA-256 of the program's own file in hex, where it could be read.
    pub program_sha256: Option<String>,
    /// ARN of the caller of AWS, where it is known.
    pub aws_caller: Option<String>,
}

/// What a run took, told when it has ended. A reproducible record does not have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnded {
    /// When the run ended, by the clock of the host.
    pub ended: Time,
    /// Milliseconds that it took.
    pub duration_ms: u64,
    /// Requests to the store.
    pub requests: u64,
    /// Bytes of objects that were received.
    pub bytes: u64,
    /// Log files that were not read, as a record that was resumed proves them.
    pub log_files_skipped: u64,
    /// Seconds that the store's clock was ahead of the host's, where the store told; less than
    /// nothing where it was behind. Records of before do not have it.
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
        /// Lines before this one.
        lines: u64,
        /// SHA-256 of all bytes before this line, in hex.
        sha256: String,
    },
}

impl Frame {
    /// Writes the line and the newline behind it.
    ///
    /// # Errors
    ///
    /// That what it writes to failed.
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
