//! Digests fetched before the walk asks for them.
use crate::source::ObjectSource;
use crate::source::fetch::{DigestFetch, fetch_digest, fetch_digest_ahead};
use std::borrow::Borrow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinHandle;
use trailproof_core::vocab::location::ObjectLocation;

/// A fetch that is under way; none comes of one for which there was no room ahead of the walk.
type Fetch = JoinHandle<Option<DigestFetch>>;

/// What a digest holds of which nothing is known: 40 log files.
const USUAL: u64 = 16 << 10;

/// Fetches of digests that are under way or done and that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    source: Arc<dyn ObjectSource>,
    window: usize,
    /// In the order in which they were last said to be ahead, in which they are mostly asked for.
    fetches: VecDeque<(ObjectLocation, Fetch)>,
    /// What the next digest is likely to hold inflated: as much as the last.
    guess: u64,
    /// Fetches that were begun and of which nobody wanted the result.
    unneeded: Arc<AtomicU64>,
}

impl ReadAhead {
    /// At most `window` digests ahead; those that are not needed are counted into `unneeded`.
    pub(crate) fn new(
        source: Arc<dyn ObjectSource>,
        window: usize,
        unneeded: Arc<AtomicU64>,
    ) -> Self {
        Self { source, window, fetches: VecDeque::new(), guess: USUAL, unneeded }
    }

    /// Whether enough places are free to make a look at what is ahead worth while.
    pub(crate) fn wants_more(&self) -> bool {
        self.fetches.len() * 2 <= self.window
    }

    /// Begins to fetch what is `ahead`, nearest first, as far as the window allows, and lets go of
    /// fetches that are not ahead any more.
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

    /// The digest at `at`, from a fetch under way where there is one. Asked again, it is fetched
    /// again. Whoever asks must have let go of the digest before.
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

/// What comes of a task that nobody aborts while it is waited for.
async fn done<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a run that is being dropped aborts a fetch that is waited for.
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

/// Takes out the fetch of the digest at `at`, mostly the first.
fn remove<T>(
    fetches: &mut VecDeque<(ObjectLocation, T)>,
    at: &ObjectLocation,
) -> Option<(ObjectLocation, T)> {
    let place = fetches.iter().position(|(other, _)| other == at)?;
    fetches.remove(place)
}
