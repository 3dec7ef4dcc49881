//! Copies what a run reads, and remembers what it has seen.
use super::commit::{Job, Shared, Whole};
use crate::source::ListRequest;
use crate::source::mirror::custody::Volume;
use crate::source::mirror::ledger::{FailedAs, ListedAs, Record};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::location::ObjectLocation;

/// What this run has seen, as hashes under a random key: eight bytes for each object.
#[derive(Debug, Default)]
pub(super) struct ObjectFacts {
    hasher: RandomState,
    /// Objects with size and ETag, as they were listed.
    pub(super) listed: HashSet<u64>,
    /// Folders that were listed because of a copy.
    pub(super) folders: HashSet<u64>,
    /// The last entry of each page that has a next one, by the request for the next page.
    pub(super) pages: HashMap<ListRequest, String>,
    /// Objects that were not read to their end.
    pub(super) unfinished: BTreeSet<ObjectLocation>,
    /// Objects that could not be read.
    pub(super) failed: HashSet<u64>,
    /// Objects for which the copy of an earlier run was read.
    pub(super) resumed: HashSet<u64>,
    /// The listed objects that the mirror did not have before this run.
    pub(super) to_copy: Volume,
}

impl ObjectFacts {
    pub(super) fn hash(&self, at: &ObjectLocation) -> u64 {
        self.hasher.hash_one(at)
    }

    pub(super) fn hash_listed(&self, path: &str, listed: &ListedAs) -> u64 {
        self.hasher.hash_one((path, listed.size, &listed.etag))
    }
}

/// Passes what is read to the task that writes it. Clones belong to the same run.
#[derive(Clone, Debug)]
pub(super) struct Copier {
    pub(super) shared: Arc<Shared>,
    seen: Arc<Mutex<ObjectFacts>>,
    to: mpsc::Sender<Job>,
}

impl Copier {
    pub(super) fn new(shared: Arc<Shared>, to: mpsc::Sender<Job>) -> Self {
        Self { shared, seen: Arc::default(), to }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, ObjectFacts> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn hand_over(&self, whole: Whole) {
        self.seen().unfinished.remove(&whole.at);
        // The task ends only with the run.
        let _ = self.to.send(Job::Whole(Box::new(whole))).await;
    }

    pub(super) fn failed(&self, at: &ObjectLocation, why: &ReadFailure) {
        let mut seen = self.seen();
        let hash = seen.hash(at);
        seen.failed.insert(hash);
        drop(seen);
        let failed = Some(FailedAs::of(why));
        self.shared.note(vec![Record { failed, ..Record::new(&at.bucket, &at.key) }]);
    }

    pub(super) fn unfinished(&self, at: &ObjectLocation) {
        self.seen().unfinished.insert(at.clone());
    }

    /// Waits until everything passed on so far is on disk.
    pub(super) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.to.send(Job::Flush(done)).await.is_ok() {
            // The task answers while it is alive, and it is alive as long as this copier.
            let _ = wait.await;
        }
    }
}
