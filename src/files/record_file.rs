//! The file of a run record: written as `FILE.partial`, which a run that is killed leaves behind.
use super::atomic::{Target, folder, is_same, sync_folder, target};
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use trailproof_core::record::document::{BadRecord, RecordFile, record_from};

/// Opens the record at `path`, compressed or not, whatever it is called.
///
/// # Errors
///
/// That it cannot be read.
pub(crate) fn open_record(path: &Path) -> Result<RecordFile, BadRecord> {
    record_from(Box::new(File::open(path)?))
}

/// A record being written.
#[derive(Debug)]
pub(crate) struct PartialFile {
    file: File,
    /// Its name until it is whole, and then; none for what is no regular file.
    rename: Option<(PathBuf, PathBuf)>,
    /// Whether a record that is there by then may be replaced.
    force: bool,
}

impl PartialFile {
    /// Begins to write what is to be `path`. What an earlier run left behind is kept under another
    /// name until that is needed again.
    pub(crate) fn create(path: &Path, force: bool) -> io::Result<Self> {
        let Target::Regular(path) = target(path)? else {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(Self { file, rename: None, force });
        };
        let partial = beside(&path, ".partial");
        if let Ok(there) = std::fs::symlink_metadata(&partial) {
            let busy = |file: File| matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            // What is no regular file is nobody's record, and a pipe would not open before somebody
            // else opens it.
            if there.is_file() && File::open(&partial).is_ok_and(busy) {
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "another run is writing its record there",
                ));
            }
            std::fs::rename(&partial, beside(&path, ".partial.old"))?;
        }
        // Made new: a link that somebody puts there in between leads nowhere.
        let file = OpenOptions::new().write(true).create_new(true).open(&partial)?;
        // Tells other runs that it is being written; the system takes it away from one that dies.
        file.try_lock()?;
        Ok(Self { file, rename: Some((partial, path)), force })
    }

    /// What to write to.
    pub(crate) fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Gives the record its name, once it is on the disk.
    pub(crate) fn keep(self) -> io::Result<()> {
        let Some((partial, path)) = self.rename else { return Ok(()) };
        self.file.sync_all()?;
        if !is_same(&self.file.metadata()?, &std::fs::symlink_metadata(&partial)?) {
            return Err(io::Error::other("something else has taken its place meanwhile"));
        }
        if !self.force && std::fs::symlink_metadata(&path).is_ok() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        std::fs::rename(partial, &path)?;
        sync_folder(&path)
    }

    /// Where it lies as long as it is not whole.
    pub(crate) fn partial(&self) -> Option<&Path> {
        self.rename.as_ref().map(|(partial, _)| partial.as_path())
    }
}

/// A file's name with more behind it.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(more);
    folder(path).join(name)
}
