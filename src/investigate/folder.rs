//! The case folder. It gets its name when it is complete, so that a case is never half a case.
use crate::console::refusal::Refusal;
use crate::files::atomic;
use crate::files::folder::StagedFolder;
use crate::report::case::model::CaseReport;
use crate::report::case::{
    case_json, changes_of_logs, history_events, html, ocsf, proofs_of_events, text, timeline_csv,
    timeline_lines, timesketch, unproven_events, verified_events,
};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use trailproof_core::vocab::location::escape;

/// The list of the hashes of all other files, as `sha256sum --check` reads it.
const SUMS: &str = "SHA256SUMS";

/// The record of the run that was made for the case.
const RECORD: &str = "run.record.zst";

fn hash(file: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut std::fs::File::open(file)?, &mut HashWriter(&mut hash))?;
    Ok(hex::encode(hash.finalize()))
}

struct HashWriter<'h>(&'h mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Refuses a folder that exists.
///
/// # Errors
///
/// Something has that name.
pub(crate) fn check_new(folder: &Path) -> Result<(), Refusal> {
    if std::fs::symlink_metadata(folder).is_err() {
        return Ok(());
    }
    Err(Refusal::usage(format!(
        "`{}` already exists: a case is written into a new folder",
        escape(&folder.to_string_lossy())
    )))
}

/// Refuses a folder within a directory of the evidence: a case must not change what it is about.
///
/// # Errors
///
/// The folder is in one of these directories, or a directory cannot be read.
pub(crate) fn check_outside(folder: &Path, evidence: &[PathBuf]) -> Result<(), Refusal> {
    let failed = |path: &Path, error: &io::Error| {
        let shown = escape(&path.to_string_lossy()).into_owned();
        Refusal::usage(format!("cannot read `{shown}`: {error}"))
    };
    // What does not exist yet can be in no directory but that of the first folder above that does.
    let absolute = std::path::absolute(folder).map_err(|error| failed(folder, &error))?;
    let above = absolute.ancestors().skip(1).find_map(|above| std::fs::canonicalize(above).ok());
    for directory in evidence {
        let real = std::fs::canonicalize(directory).map_err(|error| failed(directory, &error))?;
        if above.as_ref().is_some_and(|above| above.starts_with(&real)) {
            return Err(Refusal::usage(format!(
                "the case `{}` would be written into the evidence `{}`\n\nhint: name a folder \
                 outside of it",
                escape(&folder.to_string_lossy()),
                escape(&directory.to_string_lossy())
            )));
        }
    }
    Ok(())
}

/// Writes the case, with the record that it is about if that was made for it.
///
/// # Errors
///
/// A file cannot be written.
pub(crate) fn write(
    case: &CaseReport,
    record: Option<&Path>,
    folder: &Path,
) -> Result<(), Refusal> {
    let failed = |error: &io::Error| {
        let shown = escape(&folder.to_string_lossy()).into_owned();
        Refusal::output_lost(format!("cannot write the case `{shown}`: {error}"))
    };
    let made = StagedFolder::create(folder).map_err(|error| failed(&error))?;
    let mut sums = String::new();
    // One file after the other: together they take several times the memory of the events.
    for (name, contents) in FILES {
        let at: PathBuf = made.path().join(name);
        let written = at.parent().map_or(Ok(()), std::fs::create_dir_all);
        let bytes = written.and_then(|()| contents(case)).map_err(|error| failed(&error))?;
        sums += &format!("{}  {name}\n", hex::encode(Sha256::digest(&bytes)));
        atomic::write(&at, &bytes, false)?;
    }
    if let Some(record) = record {
        sums += &format!("{}  {RECORD}\n", hash(record).map_err(|error| failed(&error))?);
        copy(record, &made.path().join(RECORD)).map_err(|error| failed(&error))?;
    }
    atomic::write(&made.path().join(SUMS), sums.as_bytes(), false)?;
    check_new(folder)?;
    made.keep(false).map_err(|error| failed(&error))
}

/// Copies the bytes of a file, and not the mode of a temporary file, which is for its owner alone.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut to = std::fs::File::create_new(to)?;
    io::copy(&mut std::fs::File::open(from)?, &mut to)?;
    to.sync_all()
}

/// Makes the content of a file.
type Contents = fn(&CaseReport) -> io::Result<Vec<u8>>;

/// The files of a case by name, ascending.
const FILES: [(&str, Contents); 12] = [
    ("case.json", case_json),
    ("diffs/changes.jsonl", changes_of_logs),
    ("diffs/unproven.jsonl", unproven_events),
    ("events/events.jsonl", verified_events),
    ("events/history.jsonl", history_events),
    ("events/proofs.jsonl", proofs_of_events),
    ("ocsf.jsonl", ocsf),
    ("report.html", html),
    ("report.txt", |case| Ok(text(case).into_bytes())),
    ("timeline.csv", timeline_csv),
    ("timeline.jsonl", timeline_lines),
    ("timesketch.jsonl", timesketch),
];
