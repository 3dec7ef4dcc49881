//! A file that is being read.
use crate::source::{BoxFuture, ObjectMetadata, ObjectReader, Piece, TakePiece};
use bytes::Bytes;
use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};

/// Bytes of a chunk: a size that stays in the second-level cache while it is hashed.
const CHUNK: usize = 256 << 10;

/// A file, which must keep the size that it had when it was opened.
#[derive(Debug)]
pub(crate) struct FileReader {
    file: File,
    metadata: ObjectMetadata,
    /// The number of bytes still to be read.
    left: u64,
}

impl FileReader {
    pub(crate) fn new(file: File, metadata: ObjectMetadata, left: u64) -> Self {
        Self { file, metadata, left }
    }

    /// Passes the whole file to `take` on this thread.
    pub(crate) fn hand_over(self, take: &mut TakePiece<'_>) -> Result<ObjectMetadata, ReadFailure> {
        hand_over(&self.file, self.left, take)?;
        Ok(self.metadata)
    }

    fn read(&mut self) -> Result<Option<Bytes>, ReadFailure> {
        // Requests one byte more than expected, to detect a file that grew.
        let wanted = usize::try_from(self.left.saturating_add(1)).map_or(CHUNK, |n| n.min(CHUNK));
        let mut chunk = Vec::with_capacity(wanted);
        let limit = u64::try_from(wanted).unwrap_or(u64::MAX);
        (&self.file).take(limit).read_to_end(&mut chunk).map_err(|error| failed(&error))?;
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        match self.left.checked_sub(length) {
            None => Err(grew()),
            Some(left) if length == 0 && left > 0 => Err(ended_early(left)),
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

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Reads a file of this size on this thread into the thread's own buffer, for most files with a
/// single system call.
pub(crate) fn hand_over(
    file: &File,
    size: u64,
    take: &mut TakePiece<'_>,
) -> Result<(), ReadFailure> {
    // The buffer is taken and not borrowed: `take` may itself read a file.
    let mut buffer = BUFFER.take();
    buffer.resize(CHUNK, 0);
    let handed = pieces(file, size, &mut buffer, take);
    BUFFER.set(buffer);
    handed
}

fn pieces(
    file: &File,
    size: u64,
    buffer: &mut [u8],
    take: &mut TakePiece<'_>,
) -> Result<(), ReadFailure> {
    let mut left = size;
    loop {
        let filled = fill(file, buffer, left)?;
        let bytes = buffer.get(..filled).unwrap_or_default();
        let length = u64::try_from(filled).unwrap_or(u64::MAX);
        left = left.checked_sub(length).ok_or_else(grew)?;
        if left > 0 && filled < buffer.len() {
            return Err(ended_early(left));
        }
        // If the last byte fills the buffer, there is no room to detect further bytes.
        if left == 0 && filled == buffer.len() && fill(file, &mut [0], 1)? > 0 {
            return Err(grew());
        }
        let last = left == 0;
        if take(Piece { bytes, size, last }).is_break() || last {
            return Ok(());
        }
    }
}

/// Reads until the buffer is full, the file ends, or there are at least `expected` bytes. A file
/// that has more fills more, since the system returns what there is.
fn fill(mut file: &File, buffer: &mut [u8], expected: u64) -> Result<usize, ReadFailure> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(&error)),
        }
        if u64::try_from(filled).is_ok_and(|filled| filled >= expected) {
            break;
        }
    }
    Ok(filled)
}

fn grew() -> ReadFailure {
    let words = "the file grew while it was being read";
    ReadFailure::new(ReadFailureKind::ChangedWhileReading, words)
}

fn ended_early(left: u64) -> ReadFailure {
    let words = format!("the file ended {left} bytes early");
    ReadFailure::new(ReadFailureKind::Truncated, words)
}

/// Converts an error of the file system. There is no kind for a broken disk; `network` is also the
/// kind of a store whose responses make no sense, and the detail has the system's message.
pub(crate) fn failed(error: &std::io::Error) -> ReadFailure {
    let kind = match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::InvalidFilename => ReadFailureKind::Denied,
        // The file existed a moment ago.
        ErrorKind::NotFound => ReadFailureKind::ChangedWhileReading,
        ErrorKind::TimedOut => ReadFailureKind::Timeout,
        _ => ReadFailureKind::Network,
    };
    ReadFailure::new(kind, format!("reading the directory: {error}"))
}
