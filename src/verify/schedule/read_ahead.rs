//! Fetches digests before the walk asks for them.
use crate::source::ObjectSource;
use crate::source::fetch::{DigestFetch, fetch_digest, fetch_digest_ahead};
use std::borrow::Borrow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinHandle;
use trailproof_core::vocab::location::ObjectLocation;

/// A fetch that is under way. Its result is `None` if there was no memory for it ahead of the walk.
type Fetch = JoinHandle<Option<DigestFetch>>;

/// Assumed inflated size of a digest of which nothing is known, in bytes: 40 log files.
const USUAL: u64 = 16 << 10;

/// Fetches of digests, under way or finished, whose results have not been taken yet.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    source: Arc<dyn ObjectSource>,
    window: usize,
    /// Fetches in the order of the last look ahead, in which they are mostly requested.
    fetches: VecDeque<(ObjectLocation, Fetch)>,
    /// Expected inflated size of the next digest, in bytes: that of the last one.
    guess: u64,
    /// Number of fetches whose result was not needed.
    unneeded: Arc<AtomicU64>,
}

impl ReadAhead {
    /// Fetches at most `window` digests ahead, and adds to `unneeded` those that were not needed.
    pub(crate) fn new(
        source: Arc<dyn ObjectSource>,
        window: usize,
        unneeded: Arc<AtomicU64>,
    ) -> Self {
        Self { source, window, fetches: VecDeque::new(), guess: USUAL, unneeded }
    }

    /// Returns whether enough of the window is free to make looking ahead worthwhile.
    pub(crate) fn wants_more(&self) -> bool {
        self.fetches.len() * 2 <= self.window
    }

    /// Starts to fetch the digests `ahead`, nearest first, as far as the window allows, and drops
    /// fetches that are no longer ahead.
    pub(crate) fn look_ahead(&mut self, ahead: impl Iterator<Item: Borrow<ObjectLocation>>) {
        let mut fetches = VecDeque::with_capacity(self.window);
        for at in ahead.take(self.window) {
            let at = at.borrow();
            let fetch = match remove(&mut self.fetches, at) {
                Some(fetch) => fetch,
                None => (at.clone(), self.start(at.clone())),
            };
            fetches.push_back(fetch);
        }
        for (_, passed) in std::mem::replace(&mut self.fetches, fetches) {
            passed.abort();
            self.unneeded.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the digest at `at`, from a fetch under way if there is one. A second call fetches it
    /// again. The caller must have released the previous digest.
    pub(crate) async fn take(&mut self, at: &ObjectLocation) -> DigestFetch {
        let ahead = match remove(&mut self.fetches, at) {
            Some((_, fetch)) => done(fetch).await,
            None => None,
        };
        let fetched = match ahead {
            Some(fetched) => fetched,
            None => {
                let (source, at) = (Arc::clone(&self.source), at.clone());
                done(tokio::spawn(async move { fetch_digest(source.as_ref(), &at).await })).await
            }
        };
        if let DigestFetch::Read(read, ..) = &fetched {
            self.guess = read.content.inflated;
        }
        fetched
    }

    fn start(&self, at: ObjectLocation) -> Fetch {
        let (source, guess) = (Arc::clone(&self.source), self.guess);
        tokio::spawn(async move { fetch_digest_ahead(source.as_ref(), &at, guess).await })
    }
}

/// Returns the result of a task that is not aborted while it is awaited.
async fn done<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // An awaited fetch is aborted only if the run itself is dropped.
            Err(_) => std::future::pending().await,
        },
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        for (_, fetch) in &self.fetches {
            fetch.abort();
            self.unneeded.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Removes the fetch of the digest at `at`, which is mostly the first.
fn remove<T>(
    fetches: &mut VecDeque<(ObjectLocation, T)>,
    at: &ObjectLocation,
) -> Option<(ObjectLocation, T)> {
    let place = fetches.iter().position(|(other, _)| other == at)?;
    fetches.remove(place)
}
