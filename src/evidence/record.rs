//! Reads a finished run record once, and sums it up: its hash, its commitment, its facts.
use super::commitment::{Commitment, Committer, Place};
use super::essence::essence;
use super::facts::Facts;
use super::line::{ChainFields, Head, LineError};
use crate::core::budget;
use crate::core::content::Hash;
use crate::core::location::ObjectLocation;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

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

    /// The commitments over the lines and over their essence.
    pub fn finish(self) -> (Commitment, Option<Commitment>) {
        let essence = self.essence.map(|committer| committer.finish().0);
        (self.committer.finish().0, essence)
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

/// Sums up a record.
///
/// # Errors
///
/// That the file cannot be read, or what about it is no whole record.
pub fn read_record(path: &Path, wanted: Wanted) -> Result<Record, RecordError> {
    let unread = |error: io::Error| RecordError(error.to_string());
    let mut file = HashingReader { from: File::open(path).map_err(unread)?, hasher: Sha256::new() };
    let essence = wanted.essence.then(Committer::default);
    let summing = Summing { sought: wanted.object, essence, ..Summing::default() };
    let summed = {
        let mut buffered = BufReader::with_capacity(1 << 16, &mut file);
        let is_zstd = buffered.fill_buf().map_err(unread)?.starts_with(&ZSTD_MAGIC);
        if is_zstd {
            let inflating = zstd::stream::read::Decoder::with_buffer(buffered).map_err(unread)?;
            sum(BufReader::with_capacity(1 << 16, inflating), summing)?
        } else {
            sum(buffered, summing)?
        }
    };
    // The hash is of the whole file, whatever stands behind what was inflated.
    io::copy(&mut file, &mut io::sink()).map_err(unread)?;
    let (commitment, places) = summed.committer.finish();
    let essence = summed.essence.map(|committer| committer.finish().0);
    let hash = file.hasher.finalize().into();
    Ok(Record { hash, commitment, places, essence, facts: summed.facts })
}

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

fn sum(mut lines: impl BufRead, mut summing: Summing) -> Result<Summing, RecordError> {
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        number += 1;
        let wrong = |why: &dyn fmt::Display| RecordError(format!("line {number} {why}"));
        let limit = u64::try_from(budget::RECORD_LINE).unwrap_or(u64::MAX);
        let mut bounded = Read::take(&mut lines, limit);
        let read = bounded.read_until(b'\n', &mut line);
        if read.map_err(|error| RecordError(format!("after line {}: {error}", number - 1)))? == 0 {
            break;
        }
        if line.pop() != Some(b'\n') {
            return Err(wrong(&"is cut"));
        }
        summing.take(&line).map_err(|why| wrong(&why))?;
    }
    if summing.facts.started.is_empty() || summing.facts.finished.is_empty() {
        return Err(RecordError("it was cut: its run is not finished in it".to_owned()));
    }
    Ok(summing)
}

/// SHA-256 of a file of any length.
///
/// # Errors
///
/// That it cannot be read.
pub fn file_hash(path: &Path) -> io::Result<Hash> {
    let mut file = HashingReader { from: File::open(path)?, hasher: Sha256::new() };
    io::copy(&mut file, &mut io::sink())?;
    Ok(file.hasher.finalize().into())
}

/// Hashes what is read through it.
struct HashingReader {
    from: File,
    hasher: Sha256,
}

impl Read for HashingReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.hasher.update(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}
