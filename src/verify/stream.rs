//! Objects that are summed up piece by piece, and how many bytes of all objects are held at once.
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};
use trailproof_core::content::{Content, ContentReader, OverBudget};

/// Bodies up to this size are gathered whole. Nearly all log files are far below it (95th
/// percentile 23 KB).
pub(super) const GATHERED: u64 = 256 << 10;

/// KiB that a larger body counts for, whatever its size: its reader, which inflates into a block of
/// 256 KiB, and the piece that is on its way.
const STREAMED: u32 = 320;

/// KiB of bodies that are held at once: as many small ones as any store keeps in flight, and some
/// two hundred large ones.
const HELD: usize = 64 << 10;

/// Readers that are kept for the next large body. One takes some 300 KB; a few are in use at once.
const KEPT: usize = 8;

static PLACES: Semaphore = Semaphore::const_new(HELD);

static READERS: Mutex<Vec<ContentReader>> = Mutex::new(Vec::new());

/// Waits until a body of this size may be held. Whoever waits must hold nothing that others need
/// to come to an end.
pub(super) async fn held(size: u64) -> Option<SemaphorePermit<'static>> {
    // It is never closed.
    PLACES.acquire_many(kib(size)).await.ok()
}

/// The same where there is room at once.
pub(super) fn try_held(size: u64) -> Option<SemaphorePermit<'static>> {
    PLACES.try_acquire_many(kib(size)).ok()
}

fn kib(size: u64) -> u32 {
    match size <= GATHERED {
        true => u32::try_from(size.div_ceil(1 << 10)).unwrap_or(STREAMED),
        false => STREAMED,
    }
}

/// How an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// Quickly; what is wrong with it is not to be known.
    Quick,
    /// So that what is wrong with it is told as it is.
    Exact,
}

/// One object being summed up.
#[derive(Debug)]
pub(super) struct Stream<'k> {
    reader: Option<ContentReader>,
    care: Care,
    keep: Option<&'k mut Vec<u8>>,
    over: bool,
}

impl<'k> Stream<'k> {
    pub(super) fn new(care: Care, limit: u64, mut keep: Option<&'k mut Vec<u8>>) -> Self {
        if let Some(kept) = keep.as_deref_mut() {
            kept.clear();
        }
        let reader = match care {
            Care::Quick => {
                let kept = READERS.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut reader = kept.unwrap_or_else(|| ContentReader::quick(limit));
                reader.reset(limit);
                reader
            }
            Care::Exact => ContentReader::new(limit),
        };
        Self { reader: Some(reader), care, keep, over: false }
    }

    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), OverBudget> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let pushed = reader.push(piece, self.keep.as_deref_mut());
        self.over |= pushed.is_err();
        pushed
    }

    /// The sum, or none where only an exact reader can tell it.
    pub(super) fn finish(mut self) -> Result<Option<Content>, OverBudget> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let content = reader.finish();
        match self.care {
            Care::Quick => Ok(Some(content).filter(|it| !self.over && it.form.is_settled())),
            Care::Exact if self.over => Err(OverBudget),
            Care::Exact => Ok(Some(content)),
        }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        let Some(reader) = self.reader.take().filter(|_| self.care == Care::Quick) else { return };
        let mut readers = READERS.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < KEPT {
            readers.push(reader);
        }
    }
}
