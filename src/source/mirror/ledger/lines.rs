//! Lines of JSON in a file that is shared between readers.
use super::record::{Order, Record};
use serde::Deserialize;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// The most bytes of a line. A line has a key, an ETag and a digest's metadata. A folder's line has
/// the stretches that were listed, as many as there were runs of separate periods
/// ([`super::ranges`] keeps a thousand).
pub(super) const LINE: u64 = 3 << 20;

/// The most bytes of a bucket and a key together. S3 allows some 1,100.
const PLACE: usize = 4 << 10;

/// The fields that determine the order of a line.
#[derive(Deserialize)]
struct Head<'l> {
    #[serde(borrow)]
    bucket: Cow<'l, str>,
    #[serde(borrow)]
    key: Cow<'l, str>,
    #[serde(default)]
    folder: Option<serde::de::IgnoredAny>,
}

/// A position in a shared file, which may have been renamed since.
#[derive(Debug)]
pub(super) struct At {
    pub(super) file: Arc<File>,
    pub(super) at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let length = std::os::unix::fs::FileExt::read_at(&*self.file, buffer, self.at)?;
        #[cfg(windows)]
        let length = std::os::windows::fs::FileExt::seek_read(&*self.file, buffer, self.at)?;
        self.at = self.at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(length)
    }
}

/// Reads lines that end in a newline; a line without one was cut and is not returned.
#[derive(Debug)]
pub(super) struct Lines {
    file: BufReader<At>,
    line: Vec<u8>,
    /// The number of buffered bytes that were returned as the last line.
    told: usize,
    /// Whether the end may be missing: yes for a journal, no for a file that got its name when it
    /// was complete.
    may_be_cut: bool,
}

impl Lines {
    pub(super) fn new(file: File) -> Self {
        Self { may_be_cut: true, ..Self::at(Arc::new(file), 0) }
    }

    pub(super) fn at(file: Arc<File>, at: u64) -> Self {
        Self::with_room(16 << 10, At { file, at })
    }

    /// Reads a line or two, with a small buffer.
    pub(super) fn few(file: Arc<File>, at: u64) -> Self {
        Self::with_room(2 << 10, At { file, at })
    }

    fn with_room(bytes: usize, at: At) -> Self {
        let file = BufReader::with_capacity(bytes, at);
        Self { file, line: Vec::new(), told: 0, may_be_cut: false }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.file.consume(std::mem::take(&mut self.told));
        // Most lines are already in the buffer, and are returned from there.
        if let Some(length) = memchr::memchr(b'\n', self.file.fill_buf()?) {
            self.told = length + 1;
            return Ok(self.file.buffer().get(..length));
        }
        self.line.clear();
        (&mut self.file).take(LINE).read_until(b'\n', &mut self.line)?;
        match self.line.pop() {
            Some(b'\n') => {}
            Some(_) if !self.may_be_cut => {
                let words = "the mirror's manifest is damaged: a line is cut or too long";
                return Err(io::Error::new(io::ErrorKind::InvalidData, words));
            }
            _ => return Ok(None),
        }
        Ok(Some(&self.line))
    }
}

/// Parses a line into a record.
pub(super) fn parse(line: &[u8]) -> io::Result<Record> {
    let record: Record = object(line)?;
    is_place(&record.bucket, &record.key)?;
    Ok(record)
}

/// Parses a line, which must be a JSON object: serde would also accept a list as the fields in
/// order.
pub(super) fn object<'l, T: Deserialize<'l>>(line: &'l [u8]) -> io::Result<T> {
    if line.first() != Some(&b'{') {
        let words = "the mirror's manifest is damaged: a line is not a JSON object";
        return Err(io::Error::new(io::ErrorKind::InvalidData, words));
    }
    serde_json::from_slice(line).map_err(|error| damaged(&error))
}

/// Rejects a place that is longer than any place in S3, since places are kept in memory.
pub(super) fn is_place(bucket: &str, key: &str) -> io::Result<()> {
    if bucket.len() + key.len() > PLACE {
        let words = "the mirror's manifest is damaged: a key is longer than S3 allows";
        return Err(io::Error::new(io::ErrorKind::InvalidData, words));
    }
    Ok(())
}

fn damaged(error: &serde_json::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the mirror's manifest is damaged: {error}"))
}

pub(super) fn disorder() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the mirror's manifest is not in order")
}

/// Returns the position of a line in the order of records.
pub(super) fn order(line: &[u8]) -> io::Result<Order> {
    let head: Head<'_> = object(line)?;
    is_place(&head.bucket, &head.key)?;
    Ok(Order { path: format!("{}/{}", head.bucket, head.key), folder: head.folder.is_some() })
}

/// Opens a regular file; a symbolic link is refused.
pub(super) fn regular(path: &Path) -> io::Result<File> {
    if !std::fs::symlink_metadata(path)?.is_file() {
        let words = format!("`{}` is not a regular file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
    }
    File::open(path)
}
