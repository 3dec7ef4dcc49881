//! Copies what no reader has read, and ends the run.
use super::begin::MirrorWriter;
use super::copying::MirroringSource;
use crate::source::mirror::header::{HEADER, Tally};
use crate::source::mirror::ledger::{Layers, MANIFEST, Order, Record};
use std::io;
use std::sync::PoisonError;
use tokio::task::JoinSet;
use trailproof_core::vocab::location::ObjectLocation;

/// Objects that are copied at once. The source limits the number of requests.
const AT_ONCE: usize = 512;

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// The objects in the manifest, from all runs.
    pub objects: Tally,
    /// Objects that this run could not read.
    pub unread: u64,
    /// How many writes failed, and why the first one failed.
    pub lost: Option<(u64, String)>,
}

impl MirrorWriter {
    /// Copies the objects that were listed, are `wanted`, and were not read for verification.
    pub async fn rest(&self, copying: &MirroringSource, wanted: impl Fn(&str) -> bool) {
        self.copier.flush().await;
        let mut at_once = JoinSet::new();
        let unfinished = std::mem::take(&mut copying.copier.seen().unfinished);
        for at in unfinished {
            copy(&mut at_once, copying, at).await;
        }
        if let Err(error) = self.listed(&mut at_once, copying, wanted).await {
            self.copier.shared.lose(&error, 1);
        }
        while let Some(done) = at_once.join_next().await {
            ended(done);
        }
        self.copier.flush().await;
    }

    async fn listed(
        &self,
        at_once: &mut JoinSet<()>,
        copying: &MirroringSource,
        wanted: impl Fn(&str) -> bool,
    ) -> io::Result<()> {
        let all =
            self.copier.shared.journal.lock().unwrap_or_else(PoisonError::into_inner).all()?;
        let mut from = Order::default();
        loop {
            let mut targets = Vec::new();
            let mut records = all.scan(&from)?;
            let mut next = None;
            while let Some((order, record)) = records.next()? {
                if self.is_open(&record) && wanted(&record.key) {
                    targets.push(ObjectLocation::new(record.bucket, record.key));
                }
                if targets.len() > AT_ONCE {
                    next = Some(order);
                    break;
                }
            }
            drop(records);
            for at in targets {
                copy(at_once, copying, at).await;
            }
            match next {
                // Continue after the last one.
                Some(order) => from = Order { folder: true, ..order },
                None => return Ok(()),
            }
        }
    }

    /// Returns whether the object was listed and has no copy.
    fn is_open(&self, record: &Record) -> bool {
        record.folder.is_none()
            && record.listed.is_some()
            && !record.is_whole()
            && !record.absent
            && !self.failed_now(record)
    }

    fn failed_now(&self, record: &Record) -> bool {
        let at = ObjectLocation::new(record.bucket.clone(), record.key.clone());
        let seen = self.copier.seen();
        seen.failed.contains(&seen.hash(&at))
    }

    /// Writes a document beside the evidence. It is complete before it gets its name.
    pub fn write(&self, name: &str, text: &str) {
        if let Err(error) = self.copier.shared.store.document(name, text) {
            self.copier.shared.lose(&error, 1);
        }
    }

    /// Ends the run: writes one manifest, and a header that marks it complete.
    pub async fn finish(mut self) -> Finished {
        self.copier.flush().await;
        let mut finished = Finished::default();
        if self.lost().is_none()
            && let Err(error) = self.manifest(&mut finished)
        {
            self.copier.shared.lose(&error, 1);
        }
        finished.lost = self.lost();
        finished
    }

    fn manifest(&mut self, finished: &mut Finished) -> io::Result<()> {
        let (root, work) =
            (self.copier.shared.store.root.clone(), self.copier.shared.store.work.clone());
        self.copier.shared.journal.lock().unwrap_or_else(PoisonError::into_inner).finish()?;
        let all = Layers::open(&root, &work)?;
        let mut records = all.scan(&Order::default())?;
        while let Some(entry) = records.next()? {
            finished.objects.add(&entry);
            let copied = entry.1.is_whole();
            finished.unread += u64::from(!copied && self.failed_now(&entry.1));
        }
        self.header.complete = true;
        self.header.manifest_bytes = match std::fs::metadata(root.join(MANIFEST)) {
            Ok(about) => Some(about.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        self.header.objects = Some(finished.objects);
        self.copier.shared.store.document(HEADER, &self.header.text()?)
    }

    fn lost(&self) -> Option<(u64, String)> {
        let lost = self.copier.shared.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.first.clone().map(|first| (lost.count, first))
    }
}

async fn copy(at_once: &mut JoinSet<()>, copying: &MirroringSource, at: ObjectLocation) {
    while at_once.len() >= AT_ONCE {
        if let Some(done) = at_once.join_next().await {
            ended(done);
        }
    }
    let copying = copying.clone();
    at_once.spawn(async move {
        // The reason for a failure is recorded where the object is read.
        let _ = copying.copy(&at).await;
    });
}

fn ended(done: Result<(), tokio::task::JoinError>) {
    if let Err(error) = done {
        std::panic::resume_unwind(error.into_panic());
    }
}
