//! Writes complete copies to disk, many at a time, because syncing takes long.
use super::handles::Spot;
use super::store::{Part, Places, Store};
use crate::source::mirror::custody::Volume;
use crate::source::mirror::ledger::{Copied, Journal, Layers, Order, Record};
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use trailproof_core::vocab::location::ObjectLocation;

/// Copies that wait for the disk, at most 64 KB of memory each.
const WAITING: usize = 512;

/// Copies that are synced, recorded and renamed together.
const BATCH: usize = 256;

/// Files that are synced at once. File systems write several in one go.
const SYNCS: usize = 16;

/// A complete copy whose file does not have its name yet.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) at: ObjectLocation,
    pub(super) body: Body,
    pub(super) copied: Copied,
}

/// The bytes of a copy.
#[derive(Debug)]
pub(super) enum Body {
    /// In memory, for a small copy.
    Held(Vec<u8>),
    /// In a file, written but not synced.
    Written(Part, std::fs::File),
}

/// What could not be written.
#[derive(Debug, Default)]
pub(super) struct Lost {
    pub(super) count: u64,
    pub(super) first: Option<String>,
}

/// The objects that a run has copied. One that is read twice is copied twice and counted once, for
/// which eight bytes are kept for each object.
#[derive(Debug, Default)]
pub(super) struct Copies {
    pub(super) volume: Volume,
    hasher: RandomState,
    places: HashSet<u64>,
}

impl Copies {
    fn add(&mut self, spot: &Spot, bytes: u64) {
        if self.places.insert(self.hasher.hash_one(spot)) {
            self.volume.add(bytes);
        }
    }
}

/// The state that the tasks of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    /// The records of earlier runs.
    pub(super) before: Layers,
    pub(super) journal: Mutex<Journal>,
    pub(super) places: Mutex<Places>,
    pub(super) lost: Mutex<Lost>,
    /// What this run has copied.
    pub(super) copied: Mutex<Copies>,
    /// Whether the file system takes no more.
    pub(super) full: watch::Sender<bool>,
}

impl Shared {
    /// Records these changes; those that cannot be recorded count as lost.
    pub(super) fn note(&self, records: Vec<Record>) {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = journal.note(records) {
            drop(journal);
            self.lose(&error, 1);
        }
    }

    pub(super) fn lose(&self, error: &io::Error, count: usize) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.count += u64::try_from(count).unwrap_or(u64::MAX);
        lost.first.get_or_insert_with(|| error.to_string());
        drop(lost);
        if is_full(error) {
            self.full.send_replace(true);
        }
    }
}

/// Returns whether no later write can succeed either: the file system or the user's share of it is
/// full, the system limits the size of files, or the file system has become read-only.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge | ReadOnlyFilesystem)
}

/// A job of the writing task.
#[derive(Debug)]
pub(super) enum Job {
    /// Keep a copy.
    Whole(Box<Whole>),
    /// Signal when everything before this is on disk.
    Flush(oneshot::Sender<()>),
}

/// Starts the task that writes complete copies, and returns the sender for its jobs. The task ends
/// when all senders are dropped.
pub(super) fn start(shared: &Arc<Shared>) -> mpsc::Sender<Job> {
    let (to, mut from) = mpsc::channel(WAITING);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let mut jobs = Vec::with_capacity(BATCH);
        while from.recv_many(&mut jobs, BATCH).await > 0 {
            let mut batch = Vec::with_capacity(jobs.len());
            let mut flushes = Vec::new();
            for job in jobs.drain(..) {
                match job {
                    Job::Whole(whole) => batch.push(*whole),
                    Job::Flush(done) => flushes.push(done),
                }
            }
            commit(&shared, latest(batch)).await;
            for done in flushes {
                // Nobody waits any more if the run was abandoned.
                let _ = done.send(());
            }
        }
    });
    to
}

/// Keeps the later of two copies of one object: it was read again because the first did not verify.
fn latest(batch: Vec<Whole>) -> Vec<Whole> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Whole> =
        batch.into_iter().rev().filter(|whole| seen.insert(whole.at.clone())).collect();
    kept.reverse();
    kept
}

#[expect(
    clippy::disallowed_methods,
    reason = "syncing waits for the disk; a few tasks do it for hundreds of objects"
)]
async fn commit(shared: &Arc<Shared>, batch: Vec<Whole>) {
    let size = batch.len().div_ceil(SYNCS).max(1);
    let mut batch = batch.into_iter();
    let mut syncs = Vec::new();
    loop {
        let share: Vec<Whole> = batch.by_ref().take(size).collect();
        if share.is_empty() {
            break;
        }
        let shared = Arc::clone(shared);
        syncs.push(tokio::task::spawn_blocking(move || sync(&shared, share)));
    }
    let mut synced = Vec::new();
    for share in syncs {
        synced.extend(
            share.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())),
        );
    }
    let (of, count) = (Arc::clone(shared), synced.len());
    let named = tokio::task::spawn_blocking(move || name(&of, synced)).await;
    match named {
        Ok(Ok(())) => {}
        Ok(Err(error)) => shared.lose(&error, count),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

type Synced = (ObjectLocation, Part, Copied);

fn sync(shared: &Shared, share: Vec<Whole>) -> Vec<Synced> {
    let mut synced = Vec::new();
    for Whole { at, body, copied } in share {
        let part = match body {
            Body::Held(bytes) => shared.store.whole(&bytes),
            Body::Written(part, file) => file.sync_data().map(|()| part),
        };
        match part {
            Ok(part) => synced.push((at, part, copied)),
            Err(error) => shared.lose(&error, 1),
        }
    }
    synced
}

/// Records the copies and then gives them their names, so that the journal knows every file that
/// has its name, whenever the run is killed.
fn name(shared: &Shared, synced: Vec<Synced>) -> io::Result<()> {
    let mut places = shared.places.lock().unwrap_or_else(PoisonError::into_inner);
    let mut renames: Vec<(Part, Spot, u64)> = Vec::new();
    let mut records = Vec::new();
    for (at, part, mut copied) in synced {
        let size = copied.size;
        let chosen = places.choose(&at.bucket, &at.key).and_then(|(spot, file)| {
            copied.file = file;
            let mut record = Record::new(&at.bucket, &at.key);
            let order = Order::at(format!("{}/{}", at.bucket, at.key));
            let before = shared.before.get(&order)?.and_then(|before| before.copied);
            if let Some(before) = before.filter(|before| before.sha256 != copied.sha256) {
                places.keep(&before, &mut record)?;
            }
            record.copied = Some(copied);
            Ok((spot, record))
        });
        match chosen {
            Ok((spot, record)) => {
                renames.push((part, spot, size));
                records.push(record);
            }
            Err(error) => shared.lose(&error, 1),
        }
    }
    let mut journal = shared.journal.lock().unwrap_or_else(PoisonError::into_inner);
    journal.note(records)?;
    journal.sync()?;
    drop(journal);
    let mut copies = shared.copied.lock().unwrap_or_else(PoisonError::into_inner);
    for (part, spot, size) in &renames {
        match places.name(part, spot) {
            Ok(()) => copies.add(spot, *size),
            Err(error) => shared.lose(&error, 1),
        }
    }
    drop(copies);
    places.named.clear();
    places.sync()
}
