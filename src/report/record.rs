//! `--record FILE`: the event stream with what surrounds it, in a form that shows when it was cut
//! or changed.
use super::RunReporter;
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::{Circumstances, Frame, RunEnded, check_line};
use trailproof_core::record::wire::write_event;
use zstd::stream::write::Encoder;

/// Level of compression: the library's default. Higher ones cost more than they save on text of
/// which a third is hashes.
const LEVEL: i32 = 3;

/// Bytes of lines after which everything is handed to the system, so that a run which is killed
/// loses no more. Counted and not timed: where a block ends shows in compressed bytes.
const FLUSHED: usize = 1 << 20;

/// Where the bytes of a record go: as they are, or compressed.
pub enum RecordSink<W: Write> {
    /// As they are.
    Plain(W),
    /// Compressed as one zstd frame.
    Zstd(Box<Encoder<'static, W>>),
}

impl<W: Write> RecordSink<W> {
    /// Compresses into `out`: on one thread, so that the same lines give the same bytes.
    ///
    /// # Errors
    ///
    /// That the library refuses its parameters.
    pub fn zstd(out: W) -> io::Result<Self> {
        let mut encoder = Encoder::new(out, LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self::Zstd(Box::new(encoder)))
    }

    /// Ends the frame, where there is one, and hands on what is left.
    fn end(&mut self) -> io::Result<()> {
        if let Self::Zstd(encoder) = self {
            encoder.do_finish()?;
            return encoder.get_mut().flush();
        }
        self.flush()
    }
}

impl<W: Write> Write for RecordSink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

/// What a run took, found out when it has ended.
pub type Ended = Box<dyn FnOnce() -> RunEnded + Send>;

/// What surrounds a run; a reproducible record has none of it.
pub struct Surroundings {
    /// What is told at the beginning.
    pub circumstances: Circumstances,
    /// What is told at the end.
    pub ended: Ended,
}

/// See the module's words.
pub struct Record<W: Write> {
    out: RecordSink<W>,
    surroundings: Option<Surroundings>,
    line: Vec<u8>,
    hash: Sha256,
    lines: u64,
    /// Bytes since everything was handed to the system.
    waiting: usize,
    ended: bool,
}

impl<W: Write> Record<W> {
    /// A record into `out`, with what surrounds the run unless it is to be reproducible.
    pub fn new(out: RecordSink<W>, surroundings: Option<Surroundings>) -> Self {
        Self {
            out,
            surroundings,
            line: Vec::new(),
            hash: Sha256::new(),
            lines: 0,
            waiting: 0,
            ended: false,
        }
    }

    /// Writes the line that was made, and counts it.
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
        match (event, &self.surroundings) {
            (RunEvent::RunStarted(_), Some(around)) => {
                let circumstances = around.circumstances.clone();
                self.put_frame(&Frame::RunCircumstances(circumstances))
            }
            (RunEvent::RunFinished(_), _) => {
                self.ended = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Without the last line where the run did not come to its end: such a record was cut.
    fn finish(&mut self) -> io::Result<()> {
        if self.ended {
            if let Some(around) = self.surroundings.take() {
                self.put_frame(&Frame::RunEnded((around.ended)()))?;
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
