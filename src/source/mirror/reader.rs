//! One file being read.
use crate::core::failure::{ReadFailure, ReadFailureKind};
use crate::source::{BoxFuture, ObjectMetadata, ObjectReader};
use bytes::Bytes;
use std::fs::File;
use std::io::Read as _;

/// Bytes of a chunk: a size that stays in the second-level cache while it is hashed.
const CHUNK: usize = 256 << 10;

/// A file, held to the size that it had when it was opened.
#[derive(Debug)]
pub(super) struct FileReader {
    file: File,
    metadata: ObjectMetadata,
    /// Bytes still to come.
    left: u64,
}

impl FileReader {
    pub(super) fn new(file: File, metadata: ObjectMetadata, left: u64) -> Self {
        Self { file, metadata, left }
    }

    fn read(&mut self) -> Result<Option<Bytes>, ReadFailure> {
        // One byte more than is expected, so that a file which grew is seen.
        let wanted = usize::try_from(self.left.saturating_add(1)).map_or(CHUNK, |n| n.min(CHUNK));
        let mut chunk = Vec::with_capacity(wanted);
        let limit = u64::try_from(wanted).unwrap_or(u64::MAX);
        (&self.file).take(limit).read_to_end(&mut chunk).map_err(|error| failed(&error))?;
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        match self.left.checked_sub(length) {
            None => Err(ReadFailure::new(
                ReadFailureKind::ChangedWhileReading,
                "the file grew while it was being read",
            )),
            Some(left) if length == 0 && left > 0 => Err(ReadFailure::new(
                ReadFailureKind::Truncated,
                format!("the file ended {left} bytes early"),
            )),
            Some(_) if length == 0 => Ok(None),
            Some(left) => {
                self.left = left;
                Ok(Some(chunk.into()))
            }
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl ObjectReader for FileReader {
    fn metadata(&self) -> &ObjectMetadata {
        &self.metadata
    }

    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>> {
        Box::pin(async move { self.read() })
    }
}

/// What an error of the file system is told as. There is no class for a broken disk; `network` is
/// that of stores which answer senselessly, and the detail has the system's words.
pub(super) fn failed(error: &std::io::Error) -> ReadFailure {
    use std::io::ErrorKind;
    let kind = match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::InvalidFilename => ReadFailureKind::Denied,
        // It was there a moment ago.
        ErrorKind::NotFound => ReadFailureKind::ChangedWhileReading,
        ErrorKind::TimedOut => ReadFailureKind::Timeout,
        _ => ReadFailureKind::Network,
    };
    ReadFailure::new(kind, format!("reading the directory: {error}"))
}
