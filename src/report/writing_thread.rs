//! Compresses and writes on a thread of its own, so that whoever writes can read meanwhile.
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use zstd::stream::write::Encoder;

/// Bytes that are handed over at once.
const PIECE: usize = 256 << 10;

/// Pieces that wait to be written.
const WAITING: usize = 8;

/// What the thread is to do.
enum Step {
    Write(Vec<u8>),
    /// The place of a flush decides where a block of zstd ends, and so the bytes.
    Flush,
}

/// A writer whose bytes another thread compresses.
#[derive(Debug)]
pub struct WritingThread {
    steps: Option<SyncSender<Step>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    piece: Vec<u8>,
}

impl WritingThread {
    /// Starts the thread, which writes through `encoder`.
    ///
    /// # Errors
    ///
    /// The system starts no thread.
    pub(crate) fn start<W>(encoder: Encoder<'static, W>) -> io::Result<Self>
    where
        W: Write + Send + 'static,
    {
        let (steps, taken) = sync_channel(WAITING);
        let thread = std::thread::Builder::new();
        let thread = thread.name("write".to_owned()).spawn(move || write_all(encoder, &taken))?;
        Ok(Self { steps: Some(steps), thread: Some(thread), piece: Vec::with_capacity(PIECE) })
    }

    /// Ends the compressed frame, and waits until everything is written.
    ///
    /// # Errors
    ///
    /// Something could not be written.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.hand_over()?;
        self.steps = None;
        self.join()
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.send(Step::Write(piece))
    }

    fn send(&mut self, step: Step) -> io::Result<()> {
        match self.steps.as_ref().map(|steps| steps.send(step)) {
            Some(Ok(())) => Ok(()),
            // The thread ended early, so it failed.
            _ => self.join().and_then(|()| Err(io::Error::other("nothing more can be written"))),
        }
    }

    fn join(&mut self) -> io::Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(written)) => written,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(io::Error::other("an earlier write failed")),
        }
    }
}

fn write_all<W: Write>(mut to: Encoder<'_, W>, steps: &Receiver<Step>) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Write(piece) => to.write_all(&piece)?,
            Step::Flush => to.flush()?,
        }
    }
    to.do_finish()?;
    to.get_mut().flush()
}

impl Write for WritingThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_over()?;
        self.send(Step::Flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut all = self.0.lock().unwrap();
            if all.len() > 1 << 20 {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            all.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns numbers that do not compress.
    fn noise() -> impl Iterator<Item = u32> {
        std::iter::successors(Some(1_u32), |last| {
            Some(last.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
        })
    }

    #[test]
    fn the_bytes_are_those_of_one_thread() {
        let (one, other) = (Shared::default(), Shared::default());
        let mut alone = Encoder::new(one.clone(), 3).unwrap();
        let encoder = Encoder::new(other.clone(), 3).unwrap();
        let mut beside = WritingThread::start(encoder).unwrap();
        for (number, noise) in noise().enumerate().take(40_000) {
            let line = format!("{number} {noise}\n");
            alone.write_all(line.as_bytes()).unwrap();
            beside.write_all(line.as_bytes()).unwrap();
            if number % 9_000 == 0 {
                alone.flush().unwrap();
                beside.flush().unwrap();
            }
        }
        alone.do_finish().unwrap();
        beside.finish().unwrap();
        assert!(one.0.lock().unwrap().len() > 100_000);
        assert!(*one.0.lock().unwrap() == *other.0.lock().unwrap());
    }

    #[test]
    fn a_failure_to_write_is_returned() {
        let encoder = Encoder::new(Shared::default(), 1).unwrap();
        let mut beside = WritingThread::start(encoder).unwrap();
        let piece: Vec<u8> = noise().take(1 << 18).flat_map(u32::to_le_bytes).collect();
        let failed = (0..100).find_map(|_| beside.write_all(&piece).err());
        assert_eq!(failed.unwrap().kind(), io::ErrorKind::StorageFull);
        // It is not forgotten either.
        assert!(beside.write_all(&piece).is_err());
        assert!(beside.finish().is_err());
    }

    #[test]
    fn a_failure_that_only_the_end_meets_is_returned() {
        let encoder = Encoder::new(Shared::default(), 1).unwrap();
        let mut beside = WritingThread::start(encoder).unwrap();
        let piece: Vec<u8> = noise().take(400 << 10).flat_map(u32::to_le_bytes).collect();
        assert!(piece.len() < WAITING * PIECE);
        beside.write_all(&piece).unwrap();
        assert_eq!(beside.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
