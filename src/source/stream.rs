//! Objects that are summed up piece by piece, and how many bytes of all objects are held at once.
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};
use trailproof_core::bytes::content::{Content, ContentReader, OverBudget};
use trailproof_core::vocab::budget;

/// Bodies up to this size are gathered whole. Nearly all log files are far below it (95th
/// percentile 23 KB).
pub(crate) const GATHERED: u64 = 256 << 10;

/// KiB that a larger body counts for, whatever its size: its reader, which inflates into a block of
/// 256 KiB, and the piece that is on its way.
const STREAMED: u32 = 320;

/// KiB of bodies that are held at once: as many small ones as any store keeps in flight, and some
/// two hundred large ones.
const HELD: usize = 64 << 10;

/// Bytes that one body that is kept counts for at most: a log file that is searched. Larger are only
/// digests, of which one is read at a time.
const MOST_KEPT: u64 = budget::LOG_SEARCHED;

/// Readers that are kept for the next large body. One takes some 300 KB; a few are in use at once.
const KEPT: usize = 8;

static PLACES: Semaphore = Semaphore::const_new(HELD);

static READERS: Mutex<Vec<ContentReader>> = Mutex::new(Vec::new());

/// KiB of digests that are held at once for walks to come, by their inflated size: a digest in
/// memory takes about as much as its JSON. 3,000 usual ones, of 40 log files.
const DIGESTS_HELD: usize = 48 << 10;

/// KiB that a digest counts for at least.
const DIGEST: u64 = 4;

static DIGESTS: Semaphore = Semaphore::const_new(DIGESTS_HELD);

/// A digest larger than nearly all is read and judged alone: it may take a hundred megabytes.
static LARGE: Semaphore = Semaphore::const_new(1);

/// A digest's part of what is held.
#[derive(Debug, Default)]
pub struct Held(Option<SemaphorePermit<'static>>);

/// A digest of so many inflated bytes, where there is room at once. Nobody waits for this room: those
/// who hold it may be waiting themselves.
pub(crate) fn hold(inflated: u64) -> Option<Held> {
    DIGESTS.try_acquire_many(digest_kib(inflated)).ok().map(|permit| Held(Some(permit)))
}

/// A large digest, once no other is held.
pub(crate) async fn hold_large() -> Held {
    // It is never closed.
    Held(LARGE.acquire().await.ok())
}

impl Held {
    /// The same for a digest that turned out to have so many inflated bytes; none where there is no
    /// room for it.
    pub(crate) fn grown_to(self, inflated: u64) -> Option<Self> {
        let Self(Some(mut permit)) = self else { return Some(self) };
        let (has, needs) = (permit.num_permits(), digest_kib(inflated));
        let needs = usize::try_from(needs).unwrap_or(usize::MAX);
        match needs.checked_sub(has) {
            None => drop(permit.split(has - needs)),
            Some(more) => permit.merge(hold_kib(more)?),
        }
        Some(Self(Some(permit)))
    }
}

fn hold_kib(kib: usize) -> Option<SemaphorePermit<'static>> {
    DIGESTS.try_acquire_many(u32::try_from(kib).ok()?).ok()
}

fn digest_kib(inflated: u64) -> u32 {
    u32::try_from(inflated.div_ceil(1 << 10).max(DIGEST)).unwrap_or(u32::MAX)
}

/// Waits until a body may be held that needs so much room. Whoever waits must hold nothing that
/// others need to come to an end.
pub(crate) async fn held(room: u32) -> Option<SemaphorePermit<'static>> {
    // It is never closed.
    PLACES.acquire_many(room).await.ok()
}

/// The same where there is room at once.
pub(crate) fn try_held(room: u32) -> Option<SemaphorePermit<'static>> {
    PLACES.try_acquire_many(room).ok()
}

/// KiB that a body of this stored size takes. One that is kept counts inflated, as it grows while
/// others do; a small one is inflated in one go, by one thread.
pub(crate) fn room_of(size: Option<u64>, kept: Option<u64>) -> u32 {
    match size {
        Some(size @ 0..=GATHERED) => u32::try_from(size.div_ceil(1 << 10)).unwrap_or(STREAMED),
        _ => {
            let kept = kept.map_or(0, |most| most.min(MOST_KEPT).div_ceil(1 << 10));
            STREAMED + u32::try_from(kept).unwrap_or(0)
        }
    }
}

/// How an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// Quickly; what is wrong with it is not to be known.
    Quick,
    /// So that what is wrong with it is told as it is.
    Exact,
}

/// One object being summed up.
#[derive(Debug)]
pub(crate) struct Stream<'k> {
    reader: Option<ContentReader>,
    care: Care,
    keep: Option<&'k mut Vec<u8>>,
    over: bool,
}

impl<'k> Stream<'k> {
    pub(crate) fn new(care: Care, limit: u64, mut keep: Option<&'k mut Vec<u8>>) -> Self {
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

    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), OverBudget> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let pushed = reader.push(piece, self.keep.as_deref_mut());
        self.over |= pushed.is_err();
        pushed
    }

    /// The sum, or none where only an exact reader can tell it.
    pub(crate) fn finish(mut self) -> Result<Option<Content>, OverBudget> {
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
