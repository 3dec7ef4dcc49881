//! Reads a record line by line, in memory that does not grow with the record.
use super::bad::BadRecord;
use super::frame::{Circumstances, Finished, RunEnded};
use crate::record::RunEvent;
use crate::record::wire::{Unreadable, event_name, read_event};
use crate::vocab::budget::{RECORD_FACT, RECORD_LINE};
use sha2::{Digest as _, Sha256};
use std::io::{BufRead, ErrorKind, Read as _};

/// Events whose size grows with the chain or the bucket.
const LONG: [&str; 4] = ["run-started", "run-circumstances", "bucket-listed", "chain-finished"];

/// What a line of a record holds.
#[expect(clippy::large_enum_variant, reason = "nearly every line is of the large one")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordLine {
    /// An event of the run.
    Event(RunEvent),
    /// The environment of the run.
    Circumstances(Circumstances),
    /// The resources that the run used.
    Ended(RunEnded),
    /// Something that this version does not know, to be skipped.
    Unknown,
}

/// Returns the maximum size of a line for this event in bytes, without its newline.
fn longest(event: &str) -> usize {
    if LONG.contains(&event) { RECORD_LINE - 1 } else { RECORD_FACT }
}

/// Checks that a reader would accept a line that was written, including its newline. No writer may
/// emit a longer one: its record could never be read again.
///
/// # Errors
///
/// Returns an error if the line is longer than a reader accepts.
pub fn check_line(line: &[u8]) -> Result<(), LineTooLong> {
    let bytes = line.len().saturating_sub(1);
    if bytes <= RECORD_FACT {
        return Ok(());
    }
    let event = std::str::from_utf8(line).ok().and_then(|text| event_name(text).ok());
    match event {
        Some(event) if bytes <= longest(&event) => Ok(()),
        _ => Err(LineTooLong { bytes }),
    }
}

/// A line that is too long for any reader of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of the record has {bytes} bytes, more than a reader accepts")]
pub struct LineTooLong {
    /// Length of the line in bytes.
    pub bytes: usize,
}

/// Reads the lines of a record. It checks each line by itself, and at the end that none was lost or
/// changed; [`super::RunCheck`] checks that they are consistent with each other.
pub struct RecordReader<R> {
    from: R,
    line: Vec<u8>,
    /// Number of lines read.
    number: u64,
    hash: Sha256,
    sha256: Option<String>,
}

impl<R: BufRead> RecordReader<R> {
    /// Creates a reader over the decompressed bytes of a record.
    pub fn new(from: R) -> Self {
        Self { from, line: Vec::new(), number: 0, hash: Sha256::new(), sha256: None }
    }

    /// Returns the next line, or `None` once the record has ended properly.
    ///
    /// # Errors
    ///
    /// Returns an error if the record cannot be read or is cut short, or if the line is invalid.
    pub fn next_line(&mut self) -> Result<Option<RecordLine>, BadRecord> {
        if self.sha256.is_some() {
            return Ok(None);
        }
        if !self.fill()? {
            return Err(BadRecord::Cut { lines: self.number });
        }
        self.number += 1;
        let number = self.number;
        let wrong = |what| BadRecord::Line { number, what };
        let text = std::str::from_utf8(&self.line)
            .map_err(|_| BadRecord::line(number, "it is not UTF-8"))?;
        let name = event_name(text).map_err(wrong)?;
        if text.len() > longest(&name) {
            return Err(BadRecord::line(number, "longer than a line of this event may be"));
        }
        if number == 1 && name != "run-started" {
            return Err(BadRecord::line(1, "not a run record: that begins with `run-started`"));
        }
        let line = match &*name {
            "record-finished" => {
                let finished: Finished =
                    serde_json::from_str(text).map_err(Unreadable::from).map_err(wrong)?;
                self.end(&finished)?;
                return Ok(None);
            }
            "run-circumstances" => RecordLine::Circumstances(
                serde_json::from_str(text).map_err(Unreadable::from).map_err(wrong)?,
            ),
            "run-ended" => RecordLine::Ended(
                serde_json::from_str(text).map_err(Unreadable::from).map_err(wrong)?,
            ),
            _ => match read_event(text).map_err(wrong)? {
                Some(event) => RecordLine::Event(event),
                None => RecordLine::Unknown,
            },
        };
        self.hash.update(&self.line);
        self.hash.update(b"\n");
        Ok(Some(line))
    }

    /// Returns the bytes of the line that was read last, without its newline.
    pub fn bytes(&self) -> &[u8] {
        &self.line
    }

    /// Returns the SHA-256 of all lines before the last, in hex, once the last line was read and
    /// matches.
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// Returns the number of the line that was read last, counted from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Reads one line without its newline; returns `false` if no whole line is left.
    fn fill(&mut self) -> Result<bool, BadRecord> {
        self.line.clear();
        let limit = u64::try_from(RECORD_LINE).unwrap_or(u64::MAX);
        match (&mut self.from).take(limit).read_until(b'\n', &mut self.line) {
            Ok(_) => {}
            // In a compressed record that was cut short, the rest of a block is missing.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if self.line.pop_if(|last| *last == b'\n').is_some() {
            return Ok(true);
        }
        if self.line.len() >= RECORD_LINE {
            let words = format!("longer than {RECORD_LINE} bytes");
            return Err(BadRecord::line(self.number + 1, words));
        }
        Ok(false)
    }

    fn end(&mut self, finished: &Finished) -> Result<(), BadRecord> {
        let before = self.number - 1;
        if finished.lines != before {
            let words = format!("{} lines should stand before it, and {before} do", finished.lines);
            return Err(BadRecord::line(self.number, words));
        }
        let found = hex::encode(std::mem::take(&mut self.hash).finalize());
        if finished.sha256 != found {
            return Err(BadRecord::line(
                self.number,
                "the lines before it are not those that were written: their hash is another",
            ));
        }
        self.sha256 = Some(found);
        if self.fill()? || !self.line.is_empty() {
            return Err(BadRecord::line(self.number + 1, "it stands after the record's last line"));
        }
        Ok(())
    }
}

impl<R> std::fmt::Debug for RecordReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordReader").field("number", &self.number).finish_non_exhaustive()
    }
}
