//! The file of a run record. It is written as `FILE.partial`, which a killed run leaves behind.
use super::atomic::{Target, folder, is_same, sync_folder, target};
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use trailproof_core::record::document::{
    BadRecord, DocumentKind, RecordFile, document_from, record_from,
};

/// Opens the record at `path`, compressed or not, regardless of its extension.
///
/// # Errors
///
/// The file cannot be opened or read.
pub(crate) fn open_record(path: &Path) -> Result<RecordFile, BadRecord> {
    record_from(Box::new(File::open(path)?))
}

/// Opens the document of this kind at `path`, compressed or not, regardless of its extension.
///
/// # Errors
///
/// The file cannot be opened or read.
pub(crate) fn open_document(kind: DocumentKind, path: &Path) -> Result<RecordFile, BadRecord> {
    document_from(kind, Box::new(File::open(path)?))
}

/// A run record that is being written.
#[derive(Debug)]
pub(crate) struct PartialFile {
    file: File,
    /// The path until the record is complete, and the final path. `None` if the target is not a
    /// regular file.
    rename: Option<(PathBuf, PathBuf)>,
    /// Whether a record that exists by then may be replaced.
    force: bool,
}

impl PartialFile {
    /// Starts to write the record that will become `path`. A `.partial` file that an earlier run
    /// left behind is renamed to `.partial.old`.
    pub(crate) fn create(path: &Path, force: bool) -> io::Result<Self> {
        let Target::Regular(path) = target(path)? else {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(Self { file, rename: None, force });
        };
        let partial = beside(&path, ".partial");
        if let Ok(there) = std::fs::symlink_metadata(&partial) {
            let busy = |file: File| matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            // Anything but a regular file cannot be a record, and opening a pipe would block until
            // something else opens it.
            if there.is_file() && File::open(&partial).is_ok_and(busy) {
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "another run is writing its record there",
                ));
            }
            std::fs::rename(&partial, beside(&path, ".partial.old"))?;
        }
        // `create_new`, so that a link placed there in the meantime is not followed.
        let file = OpenOptions::new().write(true).create_new(true).open(&partial)?;
        // The lock shows other runs that the file is being written. The system releases it when a
        // run dies.
        file.try_lock()?;
        Ok(Self { file, rename: Some((partial, path)), force })
    }

    /// Returns a handle to write to.
    pub(crate) fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Syncs the record to disk and then gives it its name.
    pub(crate) fn keep(self) -> io::Result<()> {
        let Some((partial, path)) = self.rename else { return Ok(()) };
        self.file.sync_all()?;
        if !is_same(&self.file.metadata()?, &std::fs::symlink_metadata(&partial)?) {
            return Err(io::Error::other("another file has taken its place"));
        }
        if !self.force && std::fs::symlink_metadata(&path).is_ok() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        std::fs::rename(partial, &path)?;
        sync_folder(&path)
    }

    /// Returns the path of the incomplete record.
    pub(crate) fn partial(&self) -> Option<&Path> {
        self.rename.as_ref().map(|(partial, _)| partial.as_path())
    }
}

/// Returns the path with a suffix added to the file name.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(more);
    folder(path).join(name)
}
