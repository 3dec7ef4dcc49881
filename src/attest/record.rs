//! Reads a finished run record once, and sums it up: its hash, its commitment, its facts.
use super::commitment::{Commitment, Committer, Place};
use super::comparable::essence;
use super::facts::Facts;
use super::line::{ChainFields, Head, LineError};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use trailproof_core::bytes::content::Hash;
use trailproof_core::record::document::{BadRecord, check_record, record_from};
use trailproof_core::vocab::location::ObjectLocation;

/// Why a file is no record that can be attested, in words that are safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError(pub(super) String);

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record, summed up.
#[derive(Clone, Debug)]
pub struct Record {
    /// SHA-256 of the file's bytes as they lie there.
    pub hash: Hash,
    /// The commitment over its evidence lines.
    pub commitment: Commitment,
    /// Where the lines of the object stand that was sought.
    pub places: Vec<Place>,
    /// The commitment over the essence of these lines, where it was asked for.
    pub essence: Option<Commitment>,
    /// What it says.
    pub facts: Facts,
}

/// Sums up lines as they go by.
#[derive(Clone, Debug, Default)]
pub struct Summing {
    committer: Committer,
    facts: Facts,
    chain: Option<ChainFields>,
    sought: Option<ObjectLocation>,
    essence: Option<Committer>,
}

impl Summing {
    /// Sums up the essence of the lines as well.
    pub fn with_essence() -> Self {
        Self { essence: Some(Committer::default()), ..Self::default() }
    }

    /// The commitments over the lines and over their essence, and what was gathered.
    pub fn finish(self) -> (Commitment, Option<Commitment>, Facts) {
        let essence = self.essence.map(|committer| committer.finish().0);
        (self.committer.finish().0, essence, self.facts)
    }

    /// Takes the next line, without its line feed.
    ///
    /// # Errors
    ///
    /// That it cannot be read or cannot stand there.
    pub fn take(&mut self, line: &[u8]) -> Result<(), LineError> {
        let mut head = Head::read(line)?;
        if let Some(evidence) = head.evidence(self.chain.as_ref())? {
            let sought = self.sought.as_ref().is_some_and(|at| {
                head.bucket.as_deref() == Some(&at.bucket) && head.key.as_deref() == Some(&at.key)
            });
            self.committer.push(&evidence, line, sought)?;
            if let Some(committer) = &mut self.essence {
                committer.push(&evidence, &essence(line)?, false)?;
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

/// What is wanted of a record beside its facts and its commitment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// An object of which the lines are told with their places.
    pub object: Option<ObjectLocation>,
    /// Whether the commitment over the lines' essence is wanted.
    pub essence: bool,
}

/// Sums up a record. It is checked against itself as `replay` does: its order, its counts, its
/// coverage and its verdict are recounted.
///
/// # Errors
///
/// That the file cannot be read, or what about it is no whole record.
pub fn read_record(path: &Path, wanted: Wanted) -> Result<Record, RecordError> {
    let bad = |why: BadRecord| RecordError(why.to_string());
    let unread = |error: io::Error| RecordError(error.to_string());
    let file = HashingReader::open(path).map_err(unread)?;
    let essence = wanted.essence.then(Committer::default);
    let mut summing = Summing { sought: wanted.object, essence, ..Summing::default() };
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
    let essence = summing.essence.map(|committer| committer.finish().0);
    Ok(Record { hash, commitment, places, essence, facts: summing.facts })
}

/// SHA-256 of a file of any length.
///
/// # Errors
///
/// That it cannot be read.
pub fn file_hash(path: &Path) -> io::Result<Hash> {
    HashingReader::open(path)?.finish()
}

/// Hashes what is read through it, by whichever of its clones.
#[derive(Clone)]
struct HashingReader(Arc<(File, Mutex<Sha256>)>);

impl HashingReader {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new((File::open(path)?, Mutex::default()))))
    }

    /// Reads to the end of the file, and gives the hash of all of it.
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
