//! The entries of a run in the custody log, and what the run has done so far.
use super::begin::MirrorWriter;
use super::rest::Finished;
use crate::source::mirror::custody::{
    CustodyEvent, CustodyLog, FileSum, MirrorEnded, MirrorStarted, RunResult, Volume,
};
use crate::source::mirror::header::{CHECKSUMS, HEADER, KEYS_BESIDE, open_regular};
use crate::source::mirror::ledger::MANIFEST;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

/// The documents of a mirror that a run writes, and whose content its entry names.
const DOCUMENTS: [&str; 3] = [MANIFEST, KEYS_BESIDE, CHECKSUMS];

impl MirrorWriter {
    /// Records that the run begins to copy.
    ///
    /// # Errors
    ///
    /// The custody log cannot be written.
    pub fn record_start(&mut self, started: MirrorStarted) -> io::Result<()> {
        self.log = Some(CustodyLog::open(self.directory())?);
        self.record(&CustodyEvent::MirrorStarted(Box::new(started)))
    }

    /// Records that the run ended: what it copied, and the documents that it wrote if it finished.
    /// Does nothing if its start was not recorded.
    ///
    /// # Errors
    ///
    /// The custody log cannot be written, or a document cannot be read.
    pub fn record_end(&mut self, ended: MirrorEnded) -> io::Result<()> {
        let complete = ended.result == RunResult::Complete;
        let documents = if complete { documents(self.directory())? } else { BTreeMap::new() };
        let ended = MirrorEnded { copied: self.copied(), documents, ..ended };
        self.record(&CustodyEvent::MirrorEnded(Box::new(ended)))
    }

    fn record(&mut self, event: &CustodyEvent) -> io::Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        self.header.custody = Some(log.append(self.header.custody.as_ref(), event)?);
        self.copier.shared.store.document(HEADER, &self.header.text()?)
    }

    /// Returns what this run has copied so far.
    pub fn copied(&self) -> Volume {
        self.copier.shared.copied.lock().unwrap_or_else(PoisonError::into_inner).volume
    }

    /// Returns the objects that this run has listed and that the mirror did not have before.
    pub fn to_copy(&self) -> Volume {
        self.copier.seen().to_copy
    }

    /// Waits until the file system takes no more.
    pub fn full(&self) -> impl Future<Output = ()> + use<> {
        let mut full = self.copier.shared.full.subscribe();
        async move {
            // The sender lives as long as the run.
            if full.wait_for(|full| *full).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Finished {
    /// Returns how the run ended.
    pub fn result(&self, full: bool) -> RunResult {
        match &self.lost {
            _ if full => RunResult::DiskFull,
            Some(_) => RunResult::WritesFailed,
            None => RunResult::Complete,
        }
    }
}

/// Returns the content of the documents that are there.
fn documents(root: &Path) -> io::Result<BTreeMap<String, FileSum>> {
    let mut documents = BTreeMap::new();
    for name in DOCUMENTS {
        if let Some(sum) = document_sum(root, name)? {
            documents.insert(name.to_owned(), sum);
        }
    }
    Ok(documents)
}

/// Returns the content of a document of the mirror; `None` if it is not there.
pub(in crate::source::mirror) fn document_sum(
    root: &Path,
    name: &str,
) -> io::Result<Option<FileSum>> {
    match open_regular(&root.join(name)) {
        Ok(mut file) => FileSum::of(&mut file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
