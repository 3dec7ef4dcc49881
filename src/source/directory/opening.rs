//! What may be opened: regular files, by no symbolic link.
use super::reader::{FileReader, failed};
use crate::source::{ObjectMetadata, ReadError, ReadFrom};
use std::fs::{File, Metadata};
use std::io::{Seek as _, SeekFrom};
use std::path::Path;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};

/// A read failure in these words: the file is there, and is not read.
pub(crate) fn denied(words: &str) -> ReadError {
    ReadError::Failure(ReadFailure::new(ReadFailureKind::Denied, words.to_owned()))
}

/// Begins to read what was found.
pub(crate) fn begin(
    path: &Path,
    about: &Metadata,
    from: &ReadFrom,
    metadata: ObjectMetadata,
) -> Result<FileReader, ReadError> {
    if about.is_symlink() {
        return Err(denied("it is a symbolic link, and these are not followed"));
    }
    if !about.is_file() {
        return Err(denied("it is no regular file"));
    }
    let failure = |error: std::io::Error| ReadError::Failure(failed(&error));
    let mut file = File::open(path).map_err(failure)?;
    let size = file.metadata().map_err(failure)?.len();
    if from.if_etag.is_some() || from.offset > size {
        return Err(ReadError::Failure(ReadFailure::new(
            ReadFailureKind::ChangedWhileReading,
            "the file is not what it was",
        )));
    }
    file.seek(SeekFrom::Start(from.offset)).map_err(failure)?;
    let metadata = ObjectMetadata { size: Some(size), ..metadata };
    Ok(FileReader::new(file, metadata, size - from.offset))
}
