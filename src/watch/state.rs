//! The state of `watch`: a folder with a chain of records, the attempts beside it, and `latest.json`.
//!
//! ```text
//! records/20260301T050000Z.jsonl.zst    the chain: each record follows the one before
//! attempts/20260301T060000Z.jsonl.zst   steps whose time the next step covers again
//! latest.json                           the newest step, and what was reported
//! lock                                  held while a step runs
//! ```
//!
//! Nothing in a state is trusted because of its name: each record must say itself which record it
//! follows, and have the hash by which the next one names it.
use super::latest::{LATEST, Latest};
use super::step::StepTally;
use crate::console::refusal::Refusal;
use crate::files::atomic::sync_folder;
use crate::files::record_file::open_record;
use crate::session::of_record::check_whole;
use crate::verify::resume::seam::PreviousRecord;
use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use trailproof_core::record::document::{BadRecord, RecordLine};
use trailproof_core::record::wire::Time;
use trailproof_core::record::{RunEvent, RunStart};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::STATE_HASHED;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::{Period, Timestamp};

/// Folder of the records of the chain.
const RECORDS: &str = "records";
/// Folder of the records of other steps.
const ATTEMPTS: &str = "attempts";
/// File that is locked while a step runs.
const LOCK: &str = "lock";
/// What the name of a record ends with, after the end of its period.
const SUFFIX: &str = ".jsonl.zst";

/// How much of a chain of records is hashed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The newest record, and older ones as far as the budget goes. All are opened.
    Budget,
    /// Every record.
    All,
}

/// An opened state. Nobody else runs a step on it until it is dropped.
#[derive(Debug)]
pub(crate) struct State {
    folder: PathBuf,
    /// Holds the lock. The system releases it when the process ends, however it ends.
    _lock: File,
    /// The newest record of the chain.
    pub(crate) newest: Option<Link>,
    /// Start of the period of the first record.
    pub(crate) begins: Option<Timestamp>,
    /// Number of records in the chain.
    pub(crate) records: usize,
    /// The document of the newest step.
    pub(crate) latest: Option<Latest>,
}

/// The newest record of a chain, from which the next step continues.
#[derive(Debug)]
pub(crate) struct Link {
    /// Path relative to the state.
    pub(crate) name: String,
    /// Its first event.
    pub(crate) start: RunStart,
    /// SHA-256 of its lines, in hex.
    pub(crate) sha256: String,
    /// What the next run continues from.
    pub(crate) previous: PreviousRecord,
    /// Its verdict.
    pub(crate) verdict: Verdict,
    /// The end of the newest digest of each chain that it proves.
    pub(crate) proven: BTreeMap<ChainId, Timestamp>,
}

/// A record of the chain, as far as its first line says.
struct Listed {
    end: Timestamp,
    name: String,
    bytes: u64,
    start: RunStart,
}

impl State {
    /// Opens a state, which is made if there is none, and checks its chain of records.
    ///
    /// # Errors
    ///
    /// Another step is running, the chain is broken, or something in the state cannot be read.
    pub(crate) fn open(folder: &Path, depth: Depth) -> Result<Self, Refusal> {
        make_folder(folder, std::fs::metadata).map_err(|error| refused(folder, &error))?;
        for path in [folder.join(RECORDS), folder.join(ATTEMPTS)] {
            // A link could lead to the records of a different state.
            make_folder(&path, std::fs::symlink_metadata)
                .map_err(|error| refused(&path, &error))?;
        }
        let lock = lock(&folder.join(LOCK))?;
        let listed = list(folder)?;
        check_order(folder, &listed)?;
        let newest = check_hashes(folder, &listed, depth)?;
        let latest = Latest::read(folder)?;
        let mut state = Self {
            folder: folder.to_owned(),
            _lock: lock,
            begins: listed.first().map(|first| first.start.period.start),
            records: listed.len(),
            newest,
            latest,
        };
        state.check_latest()?;
        state.catch_up()?;
        Ok(state)
    }

    /// Returns a path relative to the state as a path.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the path of the folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the name of an attempt whose period ends at `end`, which does not exist yet.
    pub(crate) fn free_name(&self, end: Timestamp) -> String {
        let named = |number: u64| match number {
            1 => format!("{ATTEMPTS}/{}{SUFFIX}", end.key()),
            _ => format!("{ATTEMPTS}/{}-{number}{SUFFIX}", end.key()),
        };
        let free = |name: &String| std::fs::symlink_metadata(self.path(name)).is_err();
        (1..u64::MAX).map(named).find(free).unwrap_or_else(|| named(u64::MAX))
    }

    /// Makes the attempt of this name, whose period ends at `end`, the newest record of the chain, and
    /// returns its new name.
    ///
    /// # Errors
    ///
    /// It cannot be moved.
    pub(crate) fn add(&self, attempt: &str, end: Timestamp) -> Result<String, Refusal> {
        let name = format!("{RECORDS}/{}{SUFFIX}", end.key());
        let (from, to) = (self.path(attempt), self.path(&name));
        let moved = match std::fs::symlink_metadata(&to) {
            Ok(_) => Err(io::Error::from(ErrorKind::AlreadyExists)),
            Err(_) => std::fs::rename(&from, &to)
                .and_then(|()| sync_folder(&to))
                .and_then(|()| sync_folder(&from)),
        };
        moved.map_err(|error| {
            let to = to.to_string_lossy();
            Refusal::output_lost(format!("cannot write `{}`: {error}", escape(&to)))
        })?;
        Ok(name)
    }

    /// Brings `latest.json` up to date after a step that was killed when it had added its record. What
    /// that step found is then still to be reported.
    fn catch_up(&mut self) -> Result<(), Refusal> {
        let (Some(latest), Some(newest)) = (&mut self.latest, &self.newest) else { return Ok(()) };
        let follows = newest.start.follows.as_ref().map(|follows| follows.sha256.clone());
        let before = match Named::parse(&latest.record) {
            Some(Named::Record) => Some(&latest.sha256),
            _ => latest.follows.as_ref(),
        };
        if newest.name == latest.record || follows.as_ref() != before {
            return Ok(());
        }
        let Period { start, end } = newest.start.period;
        *latest = Latest::new(
            (newest.name.clone(), newest.sha256.clone()),
            newest.verdict,
            (Time(start), Time(end)),
            follows,
            std::mem::take(&mut latest.reported),
        );
        latest.write(&self.folder)
    }

    /// Checks that `latest.json` is about the newest step. A step that was killed may have added its
    /// record without having written the document.
    fn check_latest(&self) -> Result<(), Refusal> {
        let Some(latest) = &self.latest else { return Ok(()) };
        let disagrees = |why: &str| {
            let path = self.path(LATEST);
            Refusal::not_started(format!(
                "the state is broken: `{}` does not agree with the records: {why}\n\nhint: if nobody \
                 tampered with the state, remove that file; what was already reported is then reported \
                 again",
                escape(&path.to_string_lossy())
            ))
        };
        let named = Named::parse(&latest.record)
            .ok_or_else(|| disagrees("what it names is not the record of a step"))?;
        let newest = self.newest.as_ref();
        if newest.is_some_and(|newest| newest.name == latest.record) {
            let same = newest.is_some_and(|newest| newest.sha256 == latest.sha256);
            return if same { Ok(()) } else { Err(disagrees("the record has a different hash")) };
        }
        let path = self.path(&latest.record);
        if !std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_file()) {
            let name = escape(&latest.record).into_owned();
            return Err(disagrees(&format!("`{name}` is missing")));
        }
        let sha256 = newest.map(|newest| newest.sha256.as_str());
        let followed = newest.and_then(|newest| newest.start.follows.as_ref());
        let followed = followed.map(|follows| follows.sha256.as_str());
        let joins = match named {
            // The next record was added, and the step was killed.
            Named::Record => followed == Some(latest.sha256.as_str()),
            // The attempt began where the chain ends, or where its newest record begins.
            Named::Attempt => {
                sha256 == latest.follows.as_deref()
                    || (newest.is_some() && followed == latest.follows.as_deref())
            }
        };
        if !joins {
            return Err(disagrees("it is about a different chain of records"));
        }
        let about = check_whole(&path, |_| {})?;
        match about.sha256 == latest.sha256 {
            true => Ok(()),
            false => Err(disagrees("the record has a different hash")),
        }
    }
}

/// The folder of a record that `latest.json` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Record,
    Attempt,
}

impl Named {
    /// Parses a path relative to the state. Nothing but a name that `watch` gives is accepted, so that
    /// the document cannot lead out of the state.
    fn parse(path: &str) -> Option<Self> {
        let (folder, name) = path.split_once('/')?;
        let (time, number) = match name.strip_suffix(SUFFIX)?.split_once('-') {
            Some((time, number)) => (time, Some(number)),
            None => (name.strip_suffix(SUFFIX)?, None),
        };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        end_of(&format!("{time}{SUFFIX}"))?;
        match (folder, number) {
            (RECORDS, None) => Some(Self::Record),
            (ATTEMPTS, None) => Some(Self::Attempt),
            (ATTEMPTS, Some(number)) if is_number(number) => Some(Self::Attempt),
            _ => None,
        }
    }
}

/// Returns the end of the period from the name of a record of the chain; `None` if it is not one.
fn end_of(name: &str) -> Option<Timestamp> {
    let time = name.strip_suffix(SUFFIX)?;
    Timestamp::parse_key(time).filter(|end| end.key() == time)
}

fn refused(path: &Path, error: &dyn std::fmt::Display) -> Refusal {
    let path = path.to_string_lossy();
    Refusal::not_started(format!("cannot use the state: `{}`: {error}", escape(&path)))
}

fn broken(folder: &Path, name: &str, why: &str) -> Refusal {
    let path = folder.join(name);
    Refusal::not_started(format!(
        "the state is broken: `{}` {why}\n\nhint: find out who changed the state; then restore the \
         file, or begin a new state with `--start-time`",
        escape(&path.to_string_lossy())
    ))
}

/// Makes a folder if nothing has its name. `about` says what has it.
fn make_folder(path: &Path, about: fn(PathBuf) -> io::Result<Metadata>) -> io::Result<()> {
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        other => return other,
    }
    match about(path.to_owned())?.is_dir() {
        true => Ok(()),
        false => Err(io::Error::from(ErrorKind::NotADirectory)),
    }
}

/// Locks the file at `path`, which is made if there is none.
fn lock(path: &Path) -> Result<File, Refusal> {
    if let Ok(about) = std::fs::symlink_metadata(path)
        && !about.is_file()
    {
        return Err(refused(path, &"it is not a regular file"));
    }
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = opened.map_err(|error| refused(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Refusal::not_started(format!(
            "another step is running: `{}` is locked",
            escape(&path.to_string_lossy())
        ))),
        Err(TryLockError::Error(error)) => Err(refused(path, &error)),
    }
}

/// Lists the records of the chain, oldest first, each with its first event. Files with other names are
/// passed over: a record among them is missed by the record that follows it, or by `latest.json`.
fn list(folder: &Path) -> Result<Vec<Listed>, Refusal> {
    let records = folder.join(RECORDS);
    let entries = std::fs::read_dir(&records).map_err(|error| refused(&records, &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| refused(&records, &error))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let Some(end) = end_of(name) else { continue };
        let name = format!("{RECORDS}/{name}");
        let about = entry.metadata().map_err(|error| refused(&entry.path(), &error))?;
        if !about.is_file() {
            return Err(broken(folder, &name, "is not a regular file"));
        }
        found.push((end, name, about.len()));
    }
    found.sort();
    found
        .into_iter()
        .map(|(end, name, bytes)| {
            let start = first_event(&folder.join(&name))
                .map_err(|why| broken(folder, &name, &format!("is not a whole record: {why}")))?;
            Ok(Listed { end, name, bytes, start })
        })
        .collect()
}

/// Reads the first event of a record.
fn first_event(path: &Path) -> Result<RunStart, BadRecord> {
    match open_record(path)?.next_line()? {
        Some(RecordLine::Event(RunEvent::RunStarted(start))) => Ok(*start),
        _ => Err(BadRecord::line(1, "it is not `run-started`")),
    }
}

/// Checks that each record is named by its end, and follows the one before.
fn check_order(folder: &Path, listed: &[Listed]) -> Result<(), Refusal> {
    let mut before: Option<&Listed> = None;
    for record in listed {
        if record.start.period.end != record.end {
            let why =
                format!("has the record of a period that ends at {}", record.start.period.end);
            return Err(broken(folder, &record.name, &why));
        }
        let follows = record.start.follows.as_ref().map(|follows| follows.period.end);
        match (before, follows) {
            (None, None) => {}
            (Some(before), Some(end)) if before.end == end => {}
            (Some(before), None) => {
                let why = format!("does not follow `{}`", before.name);
                return Err(broken(folder, &record.name, &why));
            }
            (_, Some(end)) => {
                let name = format!("{RECORDS}/{}{SUFFIX}", end.key());
                let there = listed.iter().any(|other| other.end == end);
                return Err(match there {
                    // The one between them follows the same record, or none.
                    true => broken(
                        folder,
                        &record.name,
                        &format!(
                            "does not follow the record \
                         before it, but `{name}`"
                        ),
                    ),
                    false => {
                        broken(folder, &name, &format!("is missing: `{}` follows it", record.name))
                    }
                });
            }
        }
        before = Some(record);
    }
    Ok(())
}

/// Hashes the records of the chain again, from the newest back, and returns the newest. Each must have
/// the hash by which the next names it.
fn check_hashes(folder: &Path, listed: &[Listed], depth: Depth) -> Result<Option<Link>, Refusal> {
    let Some((newest, older)) = listed.split_last() else { return Ok(None) };
    let mut previous = PreviousRecord::default();
    let path = folder.join(&newest.name);
    let mut tally = StepTally::default();
    let about = check_whole(&path, |event| {
        previous.take(event);
        tally.take(event);
    });
    let about = about
        .map_err(|why| broken(folder, &newest.name, &format!("is not a whole record: {why}")))?;
    previous.finish(&about.sha256);
    let mut after = &about.start;
    let mut hashed = newest.bytes;
    for record in older.iter().rev() {
        hashed = hashed.saturating_add(record.bytes);
        if depth == Depth::Budget && hashed > STATE_HASHED {
            break;
        }
        let found = hash_of(&folder.join(&record.name)).map_err(|why| {
            broken(folder, &record.name, &format!("is not a whole record: {why}"))
        })?;
        if after.follows.as_ref().is_none_or(|follows| follows.sha256 != found) {
            return Err(broken(
                folder,
                &record.name,
                "is not the record that the next one follows",
            ));
        }
        after = &record.start;
    }
    if previous.start().is_none() {
        return Err(broken(folder, &newest.name, "does not verify any time"));
    }
    Ok(Some(Link {
        name: newest.name.clone(),
        verdict: previous.follows.as_ref().map_or(Verdict::NotProven, |follows| follows.verdict),
        proven: tally.finish().newest,
        start: about.start,
        sha256: about.sha256,
        previous,
    }))
}

/// Returns the SHA-256 of the lines of a record, in hex, if its last line confirms it.
fn hash_of(path: &Path) -> Result<String, BadRecord> {
    let mut record = open_record(path)?;
    while record.next_name()?.is_some() {}
    Ok(record.sha256().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_cannot_name_anything_outside_of_the_state() {
        for (name, expected) in [
            ("records/20260301T050000Z.jsonl.zst", Some(Named::Record)),
            ("attempts/20260301T050000Z.jsonl.zst", Some(Named::Attempt)),
            ("attempts/20260301T050000Z-12.jsonl.zst", Some(Named::Attempt)),
            ("records/20260301T050000Z-2.jsonl.zst", None),
            ("records/20260301T050000Z.jsonl", None),
            ("records/../20260301T050000Z.jsonl.zst", None),
            ("/etc/20260301T050000Z.jsonl.zst", None),
            ("../records/20260301T050000Z.jsonl.zst", None),
            ("attempts/20260301T050000Z-.jsonl.zst", None),
            ("attempts/20260301T050000Z-1/../x.jsonl.zst", None),
            ("records/20261301T050000Z.jsonl.zst", None),
            ("", None),
        ] {
            assert_eq!(Named::parse(name), expected, "{name}");
        }
    }
}
