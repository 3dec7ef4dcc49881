//! The case folder. It gets its name when it is complete, so that a case is never half a case.
use crate::console::refusal::Refusal;
use crate::files::atomic;
use crate::report::case::model::CaseReport;
use crate::report::case::{
    case_json, html, ocsf, text, timeline_csv, timeline_lines, timesketch, verified_events,
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
    let mut files = files(case).map_err(|error| failed(&error))?;
    files.sort_by_key(|(name, _)| *name);
    let mut sums = Vec::new();
    for (name, bytes) in &files {
        sums.extend_from_slice(
            format!("{}  {name}\n", hex::encode(Sha256::digest(bytes))).as_bytes(),
        );
    }
    if let Some(record) = record {
        let sum = hash(record).map_err(|error| failed(&error))?;
        sums.extend_from_slice(format!("{sum}  {RECORD}\n").as_bytes());
    }
    files.push((SUMS, sums));
    let above = atomic::folder(folder);
    std::fs::create_dir_all(above).map_err(|error| failed(&error))?;
    let made = tempfile::Builder::new().prefix(".trailproof-case-").tempdir_in(above);
    let made = made.map_err(|error| failed(&error))?;
    for (name, bytes) in &files {
        let at: PathBuf = made.path().join(name);
        let written = at.parent().map_or(Ok(()), std::fs::create_dir_all);
        written.map_err(|error| failed(&error))?;
        atomic::write(&at, bytes, false)?;
    }
    if let Some(record) = record {
        std::fs::copy(record, made.path().join(RECORD)).map_err(|error| failed(&error))?;
    }
    check_new(folder)?;
    std::fs::rename(made.path(), folder).map_err(|error| failed(&error))?;
    // The folder has its name now, and nothing is left to be removed.
    let _ = made.keep();
    open_to_others(folder).map_err(|error| failed(&error))?;
    atomic::sync_folder(folder).map_err(|error| failed(&error))
}

/// A temporary folder is for its owner alone; a case has the mode of any folder that a program makes.
fn open_to_others(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let like = std::fs::metadata(folder.join("events"))?.permissions().mode();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(like))
}

fn files(case: &CaseReport) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let (events, found) = verified_events(case)?;
    Ok(vec![
        ("case.json", case_json(case)?),
        ("timeline.jsonl", timeline_lines(case)?),
        ("timeline.csv", timeline_csv(case)?),
        ("timesketch.jsonl", timesketch(case)?),
        ("events/events.jsonl", events),
        ("events/proofs.jsonl", found),
        ("ocsf.jsonl", ocsf(case)?),
        ("report.txt", text(case).into_bytes()),
        ("report.html", html(case)?),
    ])
}
