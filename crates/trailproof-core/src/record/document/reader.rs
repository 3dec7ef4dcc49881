//! Reads a record line by line, in memory that does not grow with the record.
use super::bad::BadRecord;
use super::frame::{Circumstances, Finished, RunEnded};
use crate::bytes::json_size::exceeds_values;
use crate::record::RunEvent;
use crate::record::wire::{Unreadable, event_name, read_event};
use crate::vocab::budget::{RECORD_FACT, RECORD_FACT_VALUES, RECORD_LINE, RECORD_LINE_VALUES};
use sha2::{Digest as _, Sha256};
use std::io::{BufRead, ErrorKind, Read as _};
use strum::{EnumString, IntoStaticStr};

/// Events whose size grows with the chain, the place or the bucket.
const LONG: [&str; 9] = [
    "run-started",
    "run-circumstances",
    "bucket-listed",
    "chain-finished",
    "shard-started",
    "chain-gaps",
    "place-answered",
    "place-planned",
    "place-listed",
];

/// The kind of a document, by the event on its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum DocumentKind {
    /// A run record.
    #[strum(serialize = "run-started")]
    RunRecord,
    /// The record of one shard of a run.
    #[strum(serialize = "shard-started")]
    ShardRecord,
    /// The plan of a run that is cut into shards.
    #[strum(serialize = "plan-started")]
    ShardPlan,
    /// Hashes of the log files of a shard.
    #[strum(serialize = "ledger-started")]
    HashLedger,
    /// The digests of a shard, listed for the plan.
    #[strum(serialize = "survey-started")]
    Survey,
}

impl DocumentKind {
    /// Returns why a document that begins with `name` is not of this kind.
    fn refuses(self, name: &str) -> String {
        let expected: &str = self.into();
        let own = match self {
            Self::RunRecord => "a run record",
            Self::ShardRecord => "a shard record",
            Self::ShardPlan => "the plan of shards",
            Self::HashLedger => "a hash ledger",
            Self::Survey => "the survey of a shard",
        };
        let other = match name.parse() {
            Ok(Self::RunRecord) => ": it is a run record",
            Ok(Self::ShardRecord) => {
                ": it is the record of one shard, and `trailproof merge` makes a run record of all"
            }
            Ok(Self::ShardPlan) => ": it is the plan of shards",
            Ok(Self::HashLedger) => {
                ": it is a hash ledger, which `trailproof work --hashed` uses and which proves nothing"
            }
            Ok(Self::Survey) => {
                ": it is the survey of a shard, and `trailproof merge --plan` makes a plan of all"
            }
            Err(_) => return format!("not {own}: that begins with `{expected}`"),
        };
        format!("not {own}{other}")
    }
}

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

/// Returns whether a line of this event, without its newline, has more bytes or JSON values than a
/// reader accepts.
fn is_too_long(event: &str, line: &[u8]) -> bool {
    let (bytes, values) = match LONG.contains(&event) {
        true => (RECORD_LINE - 1, RECORD_LINE_VALUES),
        false => (RECORD_FACT, RECORD_FACT_VALUES),
    };
    line.len() > bytes || exceeds_values(line, values)
}

/// Checks that a reader would accept a line that was written, including its newline. No writer may
/// emit a longer one: its record could never be read again.
///
/// # Errors
///
/// Returns an error if the line is longer than a reader accepts.
pub fn check_line(line: &[u8]) -> Result<(), LineTooLong> {
    let (line, _) = line.split_at(line.len().saturating_sub(1));
    if line.len() < RECORD_FACT_VALUES {
        return Ok(());
    }
    let event = std::str::from_utf8(line).ok().and_then(|text| event_name(text).ok());
    match event {
        Some(event) if !is_too_long(&event, line) => Ok(()),
        _ => Err(LineTooLong { bytes: line.len() }),
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
    kind: DocumentKind,
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
        Self::of(DocumentKind::RunRecord, from)
    }

    /// Creates a reader over the decompressed bytes of a document of this kind.
    pub fn of(kind: DocumentKind, from: R) -> Self {
        Self { kind, from, line: Vec::new(), number: 0, hash: Sha256::new(), sha256: None }
    }

    /// Returns the next line, or `None` once the record has ended properly.
    ///
    /// # Errors
    ///
    /// Returns an error if the record cannot be read or is cut short, or if the line is invalid.
    pub fn next_line(&mut self) -> Result<Option<RecordLine>, BadRecord> {
        let Some(name) = self.next_name()? else { return Ok(None) };
        let text = std::str::from_utf8(&self.line).unwrap_or_default();
        let line = match &*name {
            "run-circumstances" => {
                serde_json::from_str(text).map(RecordLine::Circumstances).map_err(Unreadable::from)
            }
            "run-ended" => {
                serde_json::from_str(text).map(RecordLine::Ended).map_err(Unreadable::from)
            }
            _ => read_event(text).map(|event| event.map_or(RecordLine::Unknown, RecordLine::Event)),
        };
        line.map(Some).map_err(|what| BadRecord::Line { number: self.number, what })
    }

    /// Reads the next line without parsing more than the name of its event, which is returned;
    /// `None` once the record has ended properly. [`Self::bytes`] has the line.
    ///
    /// # Errors
    ///
    /// Returns an error if the record cannot be read or is cut short, or if the line is not of an
    /// event or too long.
    pub fn next_name(&mut self) -> Result<Option<String>, BadRecord> {
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
        let name = event_name(text).map_err(wrong)?.into_owned();
        if is_too_long(&name, &self.line) {
            return Err(BadRecord::line(
                number,
                "longer than a line of this event may be, or with more values",
            ));
        }
        let first: &str = self.kind.into();
        if number == 1 && name != first {
            return Err(BadRecord::line(1, self.kind.refuses(&name)));
        }
        if name == "record-finished" {
            let finished: Finished =
                serde_json::from_str(text).map_err(Unreadable::from).map_err(wrong)?;
            self.end(&finished)?;
            return Ok(None);
        }
        self.hash.update(&self.line);
        self.hash.update(b"\n");
        Ok(Some(name))
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
