//! Digests fetched before the walk asks for them.
use super::fetch::{DigestFetch, fetch_digest};
use crate::core::location::ObjectLocation;
use crate::source::ObjectSource;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinHandle;

/// Fetches of digests that are under way or done and that nobody has taken yet.
#[derive(Debug)]
pub(super) struct ReadAhead {
    source: Arc<dyn ObjectSource>,
    window: usize,
    fetches: BTreeMap<ObjectLocation, JoinHandle<DigestFetch>>,
    /// Fetches that were begun and of which nobody wanted the result.
    unneeded: Arc<AtomicU64>,
}

impl ReadAhead {
    /// At most `window` digests ahead; those that are not needed are counted into `unneeded`.
    pub(super) fn new(
        source: Arc<dyn ObjectSource>,
        window: usize,
        unneeded: Arc<AtomicU64>,
    ) -> Self {
        Self { source, window, fetches: BTreeMap::new(), unneeded }
    }

    /// Whether enough places are free to make a look at what is ahead worth while.
    pub(super) fn wants_more(&self) -> bool {
        self.fetches.len() * 2 <= self.window
    }

    /// Begins to fetch what is `ahead`, nearest first, as far as the window allows, and lets go of
    /// fetches that are not ahead any more.
    pub(super) fn look_ahead(&mut self, ahead: impl Iterator<Item = ObjectLocation>) {
        let mut fetches = BTreeMap::new();
        for at in ahead.take(self.window) {
            let fetch = self.fetches.remove(&at).unwrap_or_else(|| start(&self.source, at.clone()));
            fetches.insert(at, fetch);
        }
        for (_, passed) in std::mem::replace(&mut self.fetches, fetches) {
            passed.abort();
            self.unneeded.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The digest at `at`, from a fetch under way where there is one. Asked again, it is fetched
    /// again.
    pub(super) async fn take(&mut self, at: &ObjectLocation) -> DigestFetch {
        let fetch = self.fetches.remove(at).unwrap_or_else(|| start(&self.source, at.clone()));
        match fetch.await {
            Ok(fetched) => fetched,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only a run that is being dropped aborts a fetch that is waited for.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        for fetch in self.fetches.values() {
            fetch.abort();
            self.unneeded.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn start(source: &Arc<dyn ObjectSource>, at: ObjectLocation) -> JoinHandle<DigestFetch> {
    let source = Arc::clone(source);
    tokio::spawn(async move { fetch_digest(source.as_ref(), &at).await })
}
