//! A state in a directory: the chain of records, the attempts beside it, and `latest.json`.
//!
//! ```text
//! records/20260301T050000Z.jsonl.zst    the chain: each record follows the one before
//! attempts/20260301T060000Z.jsonl.zst   steps whose time the next step covers again
//! latest.json                           the newest step, and what was reported
//! lock                                  held while a step runs
//! ```
use super::chain::{
    ATTEMPTS, Depth, Found, Link, Named, RECORDS, SUFFIX, broken, end_of, first_event, hash_of,
    not_followed, not_whole, refused,
};
use super::latest::Latest;
use crate::console::refusal::Refusal;
use crate::files::atomic::{self, sync_folder};
use crate::session::of_record::check_whole;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use trailproof_core::record::RunStart;
use trailproof_core::vocab::budget::{LATEST_BYTES, STATE_HASHED};
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::Timestamp;

/// File that is locked while a step runs.
const LOCK: &str = "lock";
/// Name of the document of the newest step.
const LATEST: &str = "latest.json";

/// An opened directory. Nobody else runs a step on it until it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Holds the lock. The system releases it when the process ends, however it ends.
    _lock: File,
}

/// A record of the chain, as far as its first line says.
struct Listed {
    end: Timestamp,
    name: String,
    bytes: u64,
    start: RunStart,
}

impl Folder {
    /// Opens a directory, which is made if there is none, and checks its chain of records.
    pub(super) fn open(path: &Path, depth: Depth) -> Result<(Self, Found), Refusal> {
        make_folder(path, std::fs::metadata).map_err(|error| refused(&shown(path), &error))?;
        for path in [path.join(RECORDS), path.join(ATTEMPTS)] {
            // A link could lead to the records of a different state.
            make_folder(&path, std::fs::symlink_metadata)
                .map_err(|error| refused(&shown(&path), &error))?;
        }
        let folder = Self { path: path.to_owned(), _lock: lock(&path.join(LOCK))? };
        let listed = folder.list()?;
        folder.check_order(&listed)?;
        let found = Found {
            newest: folder.check_hashes(&listed, depth)?,
            begins: listed.first().map(|first| first.start.period.start),
            records: listed.len(),
            latest: folder.read_latest()?,
        };
        Ok((folder, found))
    }

    /// Returns the path of a name.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the document of the newest step as messages show it.
    pub(super) fn shown_latest(&self) -> String {
        self.shown(LATEST)
    }

    fn shown(&self, name: &str) -> String {
        shown(&self.path(name))
    }

    /// Returns the name of an attempt whose period ends at `end`, which does not exist yet.
    pub(super) fn free_name(&self, end: Timestamp) -> String {
        let named = |number: u64| match number {
            1 => format!("{ATTEMPTS}/{}{SUFFIX}", end.key()),
            _ => format!("{ATTEMPTS}/{}-{number}{SUFFIX}", end.key()),
        };
        let free = |name: &String| std::fs::symlink_metadata(self.path(name)).is_err();
        (1..u64::MAX).map(named).find(free).unwrap_or_else(|| named(u64::MAX))
    }

    /// Makes the attempt of this name, whose period ends at `end`, the newest record of the chain, and
    /// returns its new name.
    pub(super) fn add(&self, attempt: &str, end: Timestamp) -> Result<String, Refusal> {
        let name = format!("{RECORDS}/{}{SUFFIX}", end.key());
        let (from, to) = (self.path(attempt), self.path(&name));
        let moved = match std::fs::symlink_metadata(&to) {
            Ok(_) => Err(io::Error::from(ErrorKind::AlreadyExists)),
            Err(_) => std::fs::rename(&from, &to)
                .and_then(|()| sync_folder(&to))
                .and_then(|()| sync_folder(&from)),
        };
        moved.map_err(|error| {
            Refusal::output_lost(format!("cannot write `{}`: {error}", shown(&to)))
        })?;
        Ok(name)
    }

    /// Replaces the document of the newest step.
    pub(super) fn write_latest(&self, latest: &Latest) -> Result<(), Refusal> {
        atomic::write(&self.path(LATEST), &latest.bytes()?, true)
    }

    fn read_latest(&self) -> Result<Option<Latest>, Refusal> {
        let path = self.path(LATEST);
        let refused = |why: &dyn std::fmt::Display| Latest::refused(&shown(&path), why);
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused(&error)),
            Ok(about) if !about.is_file() => return Err(refused(&"it is not a regular file")),
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| {
            // One byte more than allowed shows that there is more.
            file.take(LATEST_BYTES + 1).read_to_end(&mut bytes)
        });
        read.map_err(|error| refused(&error))?;
        Latest::parse(&bytes, &shown(&path)).map(Some)
    }

    /// Parses a path relative to the state. Nothing but a name that `watch` gives is accepted, so that
    /// the document cannot lead out of the state.
    pub(super) fn parse(path: &str) -> Option<Named> {
        let (folder, name) = path.split_once('/')?;
        let (time, number) = match name.strip_suffix(SUFFIX)?.split_once('-') {
            Some((time, number)) => (time, Some(number)),
            None => (name.strip_suffix(SUFFIX)?, None),
        };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        end_of(&format!("{time}{SUFFIX}"))?;
        match (folder, number) {
            (RECORDS, None) => Some(Named::Record),
            (ATTEMPTS, None) => Some(Named::Attempt),
            (ATTEMPTS, Some(number)) if is_number(number) => Some(Named::Attempt),
            _ => None,
        }
    }

    /// Returns the SHA-256 of the record of this name; `None` if there is none.
    pub(super) fn hash_of(&self, name: &str) -> Result<Option<String>, Refusal> {
        let path = self.path(name);
        if !std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_file()) {
            return Ok(None);
        }
        Ok(Some(check_whole(&path, |_| {})?.sha256))
    }

    /// Lists the records of the chain, oldest first, each with its first event. Files with other names
    /// are passed over: a record among them is missed by the record that follows it, or by
    /// `latest.json`.
    fn list(&self) -> Result<Vec<Listed>, Refusal> {
        let records = self.path(RECORDS);
        let refused = |error: &io::Error| refused(&shown(&records), error);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&records).map_err(|error| refused(&error))? {
            let entry = entry.map_err(|error| refused(&error))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let Some(end) = end_of(name) else { continue };
            let name = format!("{RECORDS}/{name}");
            let about = entry.metadata().map_err(|error| refused(&error))?;
            if !about.is_file() {
                return Err(broken(&self.shown(&name), "is not a regular file"));
            }
            found.push((end, name, about.len()));
        }
        found.sort();
        found
            .into_iter()
            .map(|(end, name, bytes)| {
                let start = first_event(&self.path(&name))
                    .map_err(|why| not_whole(&self.shown(&name), &why))?;
                Ok(Listed { end, name, bytes, start })
            })
            .collect()
    }

    /// Checks that each record is named by its end, and follows the one before.
    fn check_order(&self, listed: &[Listed]) -> Result<(), Refusal> {
        let broken = |name: &str, why: &str| Err(broken(&self.shown(name), why));
        let mut before: Option<&Listed> = None;
        for record in listed {
            if record.start.period.end != record.end {
                let end = record.start.period.end;
                let why = format!("has the record of a period that ends at {end}");
                return broken(&record.name, &why);
            }
            let follows = record.start.follows.as_ref().map(|follows| follows.period.end);
            match (before, follows) {
                (None, None) => {}
                (Some(before), Some(end)) if before.end == end => {}
                (Some(before), None) => {
                    return broken(&record.name, &format!("does not follow `{}`", before.name));
                }
                (_, Some(end)) => {
                    let name = format!("{RECORDS}/{}{SUFFIX}", end.key());
                    let there = listed.iter().any(|other| other.end == end);
                    let why = format!("does not follow the record before it, but `{name}`");
                    return match there {
                        // The one between them follows the same record, or none.
                        true => broken(&record.name, &why),
                        false => {
                            broken(&name, &format!("is missing: `{}` follows it", record.name))
                        }
                    };
                }
            }
            before = Some(record);
        }
        Ok(())
    }

    /// Hashes the records of the chain again, from the newest back, and returns the newest. Each must
    /// have the hash by which the next names it.
    fn check_hashes(&self, listed: &[Listed], depth: Depth) -> Result<Option<Link>, Refusal> {
        let Some((newest, older)) = listed.split_last() else { return Ok(None) };
        let (path, name) = (self.path(&newest.name), newest.name.clone());
        let link = Link::read(&path, name, &shown(&path))?;
        let mut after = &link.start;
        let mut hashed = newest.bytes;
        for record in older.iter().rev() {
            hashed = hashed.saturating_add(record.bytes);
            if depth == Depth::Budget && hashed > STATE_HASHED {
                break;
            }
            let shown = self.shown(&record.name);
            let found = hash_of(&self.path(&record.name)).map_err(|why| not_whole(&shown, &why))?;
            if after.follows.as_ref().is_none_or(|follows| follows.sha256 != found) {
                return Err(not_followed(&shown));
            }
            after = &record.start;
        }
        Ok(Some(link))
    }
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
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
    let refused = |error: &dyn std::fmt::Display| refused(&shown(path), error);
    if let Ok(about) = std::fs::symlink_metadata(path)
        && !about.is_file()
    {
        return Err(refused(&"it is not a regular file"));
    }
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = opened.map_err(|error| refused(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Refusal::not_started(format!(
            "another step is running: `{}` is locked",
            shown(path)
        ))),
        Err(TryLockError::Error(error)) => Err(refused(&error)),
    }
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
            assert_eq!(Folder::parse(name), expected, "{name}");
        }
    }
}
