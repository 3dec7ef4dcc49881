//! Opens files: only regular files, and none through a symbolic link.
use super::reader::{FileReader, failed};
use crate::source::{ObjectMetadata, ReadError, ReadFrom};
use std::fs::{File, Metadata};
use std::io::{Seek as _, SeekFrom};
use std::path::Path;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};

/// Returns a read failure with this message: the file exists and is not read.
pub(crate) fn denied(words: &str) -> ReadError {
    ReadError::Failure(ReadFailure::new(ReadFailureKind::Denied, words.to_owned()))
}

/// Opens a file that was found, from the requested offset.
pub(crate) fn begin(
    path: &Path,
    about: &Metadata,
    from: &ReadFrom,
    metadata: ObjectMetadata,
) -> Result<FileReader, ReadError> {
    if about.is_symlink() {
        return Err(denied("it is a symbolic link, which is not followed"));
    }
    if !about.is_file() {
        return Err(denied("it is not a regular file"));
    }
    let failure = |error: std::io::Error| ReadError::Failure(failed(&error));
    let mut file = File::open(path).map_err(failure)?;
    let size = file.metadata().map_err(failure)?.len();
    if from.if_etag.is_some() || from.offset > size {
        return Err(ReadError::Failure(ReadFailure::new(
            ReadFailureKind::ChangedWhileReading,
            "the file has changed",
        )));
    }
    file.seek(SeekFrom::Start(from.offset)).map_err(failure)?;
    let metadata = ObjectMetadata { size: Some(size), ..metadata };
    Ok(FileReader::new(file, metadata, size - from.offset))
}
