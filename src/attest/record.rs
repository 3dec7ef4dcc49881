//! Reads a finished run record once, and returns its hash, its commitment and its facts.
use super::commitment::{Commitment, Committer, Place};
use super::comparable::comparable_line;
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
    /// Commitment over the comparable parts of these lines, if requested.
    pub comparable_line: Option<Commitment>,
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
    comparable_line: Option<Committer>,
}

impl Summarizer {
    /// Also computes the commitment over the comparable parts of the lines.
    pub fn with_comparable() -> Self {
        Self { comparable_line: Some(Committer::default()), ..Self::default() }
    }

    /// Returns the commitments over the lines and their comparable parts, and the facts.
    pub fn finish(self) -> (Commitment, Option<Commitment>, Facts) {
        let comparable_line = self.comparable_line.map(|committer| committer.finish().0);
        (self.committer.finish().0, comparable_line, self.facts)
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
            if let Some(committer) = &mut self.comparable_line {
                committer.push(&evidence, &comparable_line(line)?, false)?;
            }
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

/// What to read from a record in addition to its facts and its commitment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordRequest {
    /// Object whose lines are returned with their positions.
    pub object: Option<ObjectLocation>,
    /// Whether to compute the commitment over the comparable parts of the lines.
    pub comparable_line: bool,
}

/// Summarizes a record. As in `replay`, it is checked for consistency: order, counts, coverage and
/// verdict are recomputed.
///
/// # Errors
///
/// The file cannot be read, or is not a complete and consistent record.
pub fn read_record(path: &Path, requested: RecordRequest) -> Result<Record, RecordError> {
    let file = File::open(path).map_err(|error| RecordError(error.to_string()))?;
    read_open_record(file, requested)
}

/// Summarizes a record whose file is open, as [`read_record`] does.
///
/// # Errors
///
/// The file cannot be read, or is not a complete and consistent record.
pub fn read_open_record(file: File, requested: RecordRequest) -> Result<Record, RecordError> {
    let bad = |why: BadRecord| RecordError(why.to_string());
    let unread = |error: io::Error| RecordError(error.to_string());
    let file = HashingReader::of(file);
    let comparable_line = requested.comparable_line.then(Committer::default);
    let mut summing =
        Summarizer { sought: requested.object, comparable_line, ..Summarizer::default() };
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
    let comparable_line = summing.comparable_line.map(|committer| committer.finish().0);
    Ok(Record { hash, commitment, places, comparable_line, facts: summing.facts })
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
