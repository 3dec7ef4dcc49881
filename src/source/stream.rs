//! Objects that are evaluated piece by piece, and the limit on the bytes of all objects held at
//! once.
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};
use trailproof_core::bytes::content::{Content, ContentReader, OverBudget};
use trailproof_core::vocab::budget;

/// Bodies up to this size, in bytes, are gathered completely. Nearly all log files are far below it
/// (95th percentile 23 KB).
pub(crate) const GATHERED: u64 = 256 << 10;

/// KiB that a larger body counts for, regardless of its size: its reader, which inflates into a
/// block of 256 KiB, and the piece that is in transit.
const STREAMED: u32 = 320;

/// KiB of bodies that are held at once: as many small ones as any store keeps in flight, and some
/// two hundred large ones.
const HELD: usize = 64 << 10;

/// The most bytes that one kept body counts for: a log file that is searched. Only digests are
/// larger, and those are read one at a time.
const MOST_KEPT: u64 = budget::LOG_SEARCHED;

/// Readers that are kept for the next large body. One takes some 300 KB; a few are in use at once.
const KEPT: usize = 8;

static PLACES: Semaphore = Semaphore::const_new(HELD);

static READERS: Mutex<Vec<ContentReader>> = Mutex::new(Vec::new());

/// KiB of digests that are held at once for walks to come, by their inflated size: a digest in
/// memory takes about as much as its JSON. This holds 3,000 usual digests of 40 log files each.
const DIGESTS_HELD: usize = 48 << 10;

/// The least KiB that a digest counts for.
const DIGEST: u64 = 4;

static DIGESTS: Semaphore = Semaphore::const_new(DIGESTS_HELD);

/// An unusually large digest is read and judged alone: it may take a hundred megabytes.
static LARGE: Semaphore = Semaphore::const_new(1);

/// The share of a digest in the held memory.
#[derive(Debug, Default)]
pub struct Held(Option<SemaphorePermit<'static>>);

/// Reserves memory for a digest of `inflated` bytes, if it is available at once. Nobody waits for
/// this memory: its holders may be waiting themselves.
pub(crate) fn hold(inflated: u64) -> Option<Held> {
    DIGESTS.try_acquire_many(digest_kib(inflated)).ok().map(|permit| Held(Some(permit)))
}

/// Waits until no other large digest is held, and reserves memory for one.
pub(crate) async fn hold_large() -> Held {
    // The semaphore is never closed.
    Held(LARGE.acquire().await.ok())
}

impl Held {
    /// Adjusts the reservation to the actual size of the digest, in inflated bytes; `None` if there
    /// is not enough memory.
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

/// Waits until a body that needs this many KiB may be held. The waiting caller must hold nothing
/// that others need in order to finish.
pub(crate) async fn held(room: u32) -> Option<SemaphorePermit<'static>> {
    // The semaphore is never closed.
    PLACES.acquire_many(room).await.ok()
}

/// Reserves memory for a body, if it is available at once.
pub(crate) fn try_held(room: u32) -> Option<SemaphorePermit<'static>> {
    PLACES.try_acquire_many(room).ok()
}

/// Returns the KiB that a body of this stored size takes. A body that is kept counts inflated,
/// because it grows while others do; a small one is inflated in one go by one thread.
pub(crate) fn room_of(size: Option<u64>, kept: Option<u64>) -> u32 {
    match size {
        Some(size @ 0..=GATHERED) => u32::try_from(size.div_ceil(1 << 10)).unwrap_or(STREAMED),
        _ => {
            let kept = kept.map_or(0, |most| most.min(MOST_KEPT).div_ceil(1 << 10));
            STREAMED + u32::try_from(kept).unwrap_or(0)
        }
    }
}

/// How carefully an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// Quickly. If something is wrong with the object, the reader cannot tell what.
    Quick,
    /// Exactly, so that what is wrong with the object is reported correctly.
    Exact,
}

/// An object that is being evaluated.
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

    /// Returns the content, or `None` if only an exact reader can determine it.
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
