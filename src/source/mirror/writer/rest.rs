//! Copies what no reader has read, and ends the run.
use super::begin::MirrorWriter;
use super::copying::MirroringSource;
use crate::source::mirror::header::{CHECKSUMS, HEADER, Tally, new_file};
use crate::source::mirror::ledger::{Layers, MANIFEST, Order, Record};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
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
    pub async fn finish(&mut self) -> Finished {
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
        let mut sums = Checksums::create(&work)?;
        while let Some(entry) = records.next()? {
            finished.objects.add(&entry);
            sums.add(&entry)?;
            let copied = entry.1.is_whole();
            finished.unread += u64::from(!copied && self.failed_now(&entry.1));
        }
        sums.keep(&root)?;
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

/// The checksums of the copied files, in the format of `sha256sum`, so that a mirror can be checked
/// against bit rot with programs that every system has.
struct Checksums {
    part: PathBuf,
    to: BufWriter<File>,
}

impl Checksums {
    fn create(work: &Path) -> io::Result<Self> {
        let part = work.join("sums.part");
        let to = BufWriter::with_capacity(256 << 10, new_file(&part)?);
        Ok(Self { part, to })
    }

    /// Adds a copied file by its path in the mirror, and the copies of what the object was before.
    fn add(&mut self, (order, record): &(Order, Record)) -> io::Result<()> {
        let Some(copied) = &record.copied else { return Ok(()) };
        let own = [(copied.file.as_deref().unwrap_or(&order.path), &copied.sha256)];
        let earlier = record.earlier.iter().map(|earlier| (earlier.file.as_str(), &earlier.sha256));
        own.into_iter().chain(earlier).try_for_each(|(path, sha256)| self.line(path, sha256))
    }

    fn line(&mut self, path: &str, sha256: &str) -> io::Result<()> {
        let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hash(sha256) {
            return Ok(());
        }
        // A line whose name has a line end or a backslash begins with a backslash and escapes both.
        if path.contains(['\\', '\n', '\r']) {
            let path = path.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
            return writeln!(self.to, "\\{sha256}  {path}");
        }
        writeln!(self.to, "{sha256}  {path}")
    }

    fn keep(self, root: &Path) -> io::Result<()> {
        self.to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&self.part, root.join(CHECKSUMS))?;
        File::open(root)?.sync_all()
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
