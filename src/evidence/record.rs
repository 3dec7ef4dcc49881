//! Reads a finished run record once, and sums it up: its hash, its commitment, its facts.
use super::commitment::{Commitment, Committer, Place};
use super::facts::Facts;
use super::line::{ChainFields, Evidence, Head};
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
}

impl Summing {
    /// Takes the next line, without its line feed.
    ///
    /// # Errors
    ///
    /// That it cannot be read or cannot stand there.
    pub fn take(&mut self, line: &[u8]) -> Result<(), super::line::LineError> {
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
