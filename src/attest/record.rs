//! Reads a finished run record once, and returns its hash, its commitment and its facts.
use super::commitment::{Commitment, Committer, Place};
use super::facts::Facts;
use super::line::{ChainFields, Head, LineError};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use trailproof_core::bytes::content::Hash;
use trailproof_core::record::document::{BadRecord, check_record, record_from};
use trailproof_core::vocab::location::ObjectLocation;

/// The reason why a file cannot be attested, in words that are safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordError(pub(super) String);

/// A summary of a record.
#[derive(Clone, Debug)]
pub struct Record {
    /// SHA-256 of the file's bytes, compressed or not.
    pub hash: Hash,
    /// Commitment over its evidence lines.
    pub commitment: Commitment,
    /// Positions of the lines of the requested object.
    pub places: Vec<Place>,
    /// Facts for the predicate.
    pub facts: Facts,
}

/// Summarizes lines while they are read.
#[derive(Clone, Debug, Default)]
pub struct Summarizer {
    committer: Committer,
    facts: Facts,
    chain: Option<ChainFields>,
    sought: Option<ObjectLocation>,
}

impl Summarizer {
    /// Returns the commitment over the lines, and the facts.
    pub fn finish(self) -> (Commitment, Facts) {
        (self.committer.finish().0, self.facts)
    }

    /// Takes the next line, without its line feed.
    ///
    /// # Errors
    ///
    /// The line cannot be parsed or is out of place.
    pub fn take(&mut self, line: &[u8]) -> Result<(), LineError> {
        let mut head = Head::read(line)?;
        if let Some(evidence) = head.evidence(self.chain.as_ref())? {
            let sought = self.sought.as_ref().is_some_and(|at| {
                head.bucket.as_deref() == Some(&at.bucket) && head.key.as_deref() == Some(&at.key)
            });
            self.committer.push(&evidence, line, sought)?;
        }
        self.facts.take(&head, line)?;
        match &*head.event {
            "chain-started" => {
                self.committer.chain_border();
                self.chain = head.chain.take();
            }
            "chain-finished" => {
                self.committer.chain_border();
                self.chain = None;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Summarizes a record. As in `replay`, it is checked for consistency: order, counts, coverage and
/// verdict are recomputed. The positions of the lines of `object` are returned, if one is given.
///
/// # Errors
///
/// The file cannot be read, or is not a complete and consistent record.
pub fn read_record(path: &Path, object: Option<ObjectLocation>) -> Result<Record, RecordError> {
    let file = File::open(path).map_err(|error| RecordError(error.to_string()))?;
    read_open_record(file, object)
}

/// Summarizes a record whose file is open, as [`read_record`] does.
///
/// # Errors
///
/// The file cannot be read, or is not a complete and consistent record.
pub fn read_open_record(file: File, object: Option<ObjectLocation>) -> Result<Record, RecordError> {
    let bad = |why: BadRecord| RecordError(why.to_string());
    let unread = |error: io::Error| RecordError(error.to_string());
    let file = HashingReader::of(file);
    let mut summing = Summarizer { sought: object, ..Summarizer::default() };
    let mut record = record_from(Box::new(file.clone())).map_err(bad)?;
    let (mut number, mut wrong) = (0_u64, None);
    check_record(&mut record, |_, line| {
        number += 1;
        if wrong.is_none() {
            wrong = summing.take(line).err().map(|why| format!("line {number} {why}"));
        }
    })
    .map_err(bad)?;
    if let Some(words) = wrong {
        return Err(RecordError(words));
    }
    let hash = file.finish().map_err(unread)?;
    let (commitment, places) = summing.committer.finish();
    Ok(Record { hash, commitment, places, facts: summing.facts })
}

/// Returns the SHA-256 of a file of any length.
///
/// # Errors
///
/// The file cannot be read.
pub fn file_hash(path: &Path) -> io::Result<Hash> {
    HashingReader::of(File::open(path)?).finish()
}

/// A reader that hashes everything read through it or its clones.
#[derive(Clone)]
struct HashingReader(Arc<(File, Mutex<Sha256>)>);

impl HashingReader {
    fn of(file: File) -> Self {
        Self(Arc::new((file, Mutex::default())))
    }

    /// Reads to the end of the file, and returns the hash of all of it.
    fn finish(mut self) -> io::Result<Hash> {
        io::copy(&mut self, &mut io::sink())?;
        let mut hasher = self.0.1.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *hasher).finalize().into())
    }
}

impl Read for HashingReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (mut file, hasher) = (&self.0.0, &self.0.1);
        let read = file.read(into)?;
        let mut hasher = hasher.lock().unwrap_or_else(PoisonError::into_inner);
        hasher.update(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}
