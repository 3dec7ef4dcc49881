//! `--record FILE`: the event stream and the circumstances of the run, in a form that shows whether
//! it was truncated or changed.
use super::RunReporter;
use super::writing_thread::WritingThread;
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::{Circumstances, Frame, RunEnded, check_line};
use trailproof_core::record::wire::write_event;
use zstd::stream::write::Encoder;

/// Compression level: the library's default. Higher levels cost more time than they save space,
/// because a third of the text is hashes.
const LEVEL: i32 = 3;

/// Bytes of lines after which the record is flushed, so that a killed run loses at most this much.
/// It is a count and not an interval because the end of a block shows in the compressed bytes,
/// which must not depend on time.
const FLUSHED: usize = 1 << 20;

/// The writer of a record's bytes, plain or compressed.
pub enum RecordSink<W: Write> {
    /// Writes the bytes unchanged.
    Plain(W),
    /// Compresses the bytes as one zstd frame.
    Zstd(Box<Encoder<'static, W>>),
    /// Compresses them on a thread of its own.
    Beside(WritingThread),
}

impl<W: Write> RecordSink<W> {
    /// Compresses into `out`, on one thread, so that the same lines give the same bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the library rejects its parameters.
    pub fn zstd(out: W) -> io::Result<Self> {
        let mut encoder = Encoder::new(out, LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self::Zstd(Box::new(encoder)))
    }

    /// Compresses into `out` as [`Self::zstd`] does, and to the same bytes, on a thread of its own.
    ///
    /// # Errors
    ///
    /// The library rejects its parameters, or there is no thread to be had.
    pub(crate) fn zstd_beside(out: W) -> io::Result<Self>
    where
        W: Send + 'static,
    {
        let mut encoder = Encoder::new(out, LEVEL)?;
        encoder.include_checksum(true)?;
        WritingThread::start(encoder).map(Self::Beside)
    }

    /// Ends the zstd frame, if there is one, and flushes.
    fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Zstd(encoder) => {
                encoder.do_finish()?;
                encoder.get_mut().flush()
            }
            Self::Beside(thread) => thread.finish(),
        }
    }
}

impl<W: Write> Write for RecordSink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
            Self::Beside(thread) => thread.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Zstd(encoder) => encoder.flush(),
            Self::Beside(thread) => thread.flush(),
        }
    }
}

/// A function that measures the run. It is called when the run has ended.
pub type Ended = Box<dyn FnOnce() -> RunEnded + Send>;

/// The circumstances of a run and its measurements. A reproducible record has neither.
pub struct RunEnvironment {
    /// Circumstances, written at the beginning.
    pub circumstances: Circumstances,
    /// Measurements, written at the end.
    pub ended: Ended,
}

/// The reporter for `--record`.
pub struct Record<W: Write> {
    out: RecordSink<W>,
    circumstances: Option<Circumstances>,
    measured: Option<RunEnded>,
    line: Vec<u8>,
    hash: Sha256,
    lines: u64,
    /// Bytes written since the last flush.
    waiting: usize,
    ended: bool,
}

impl<W: Write> Record<W> {
    /// Returns a reporter that writes to `out`; a reproducible record has no `circumstances`.
    pub fn new(out: RecordSink<W>, circumstances: Option<Circumstances>) -> Self {
        Self {
            out,
            circumstances,
            measured: None,
            line: Vec::new(),
            hash: Sha256::new(),
            lines: 0,
            waiting: 0,
            ended: false,
        }
    }

    /// Adds a line that is not an event of a run: `write` writes it with its newline.
    ///
    /// # Errors
    ///
    /// Returns an error if the writer fails, or if the line is longer than a reader accepts.
    pub fn line(&mut self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        write(&mut self.line)?;
        self.put()
    }

    /// Marks the document as whole, so that it gets its last line.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Writes the line in the buffer, and counts it.
    fn put(&mut self) -> io::Result<()> {
        check_line(&self.line)
            .map_err(|too_long| io::Error::new(io::ErrorKind::InvalidData, too_long))?;
        self.hash.update(&self.line);
        self.lines += 1;
        self.out.write_all(&self.line)?;
        self.waiting += self.line.len();
        self.line.clear();
        if self.waiting >= FLUSHED {
            self.waiting = 0;
            self.out.flush()?;
        }
        Ok(())
    }

    fn put_frame(&mut self, frame: &Frame) -> io::Result<()> {
        frame.write(&mut self.line)?;
        self.put()
    }
}

impl<W: Write + Send> RunReporter for Record<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        write_event(event, &mut self.line)?;
        self.put()?;
        match event {
            RunEvent::RunStarted(_) => match self.circumstances.take() {
                Some(around) => self.put_frame(&Frame::RunCircumstances(around)),
                None => Ok(()),
            },
            RunEvent::RunFinished(_) => {
                self.ended = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn ended(&mut self, ended: &RunEnded) -> io::Result<()> {
        self.measured = Some(ended.clone());
        Ok(())
    }

    /// Writes the last lines, unless the run was interrupted: such a record stays incomplete.
    fn finish(&mut self) -> io::Result<()> {
        if self.ended {
            if let Some(measured) = self.measured.take() {
                self.put_frame(&Frame::RunEnded(measured))?;
            }
            let sha256 = hex::encode(std::mem::take(&mut self.hash).finalize());
            self.put_frame(&Frame::RecordFinished { lines: self.lines, sha256 })?;
        }
        self.out.end()
    }
}

impl<W: Write> std::fmt::Debug for Record<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("lines", &self.lines).finish_non_exhaustive()
    }
}
