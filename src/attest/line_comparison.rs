//! Compares the evidence lines of a record with those of a second run over the same period.
//!
//! The second run may have more lines, because digests were delivered later, and fewer, because
//! objects were deleted. Both are in canonical order, so they are read side by side, one batch at a
//! time: the standard digests of a chain that end together, or its backfill digests, with their log
//! files.
use super::comparable::comparable_line;
use sha2::{Digest as _, Sha256};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::finding::{FindingCode, Outcome};
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::{RecordFile, RecordLine};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::{DigestKey, DigestKind};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// Numbers of lines, by how those of the second run differ from those of the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineDifferences {
    /// Lines with the same outcome, hash and interval.
    pub same: u64,
    /// Lines of the record whose object is missing now, or that nothing names any more.
    pub gone: u64,
    /// Lines whose object cannot be read now.
    pub unread: u64,
    /// Lines whose object was missing or could not be read, and is proven now.
    pub settled: u64,
    /// Lines of proven objects that the record does not have.
    pub added: u64,
    /// Lines that contradict the record: another content, or a finding about what is there.
    pub contradicting: u64,
}

impl LineDifferences {
    /// Returns whether there are none.
    pub fn is_none(&self) -> bool {
        let Self { same: _, gone, unread, settled, added, contradicting } = *self;
        (gone, unread, settled, added, contradicting) == (0, 0, 0, 0, 0)
    }
}

/// What a line states of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Proven,
    /// It should be there and is not.
    Missing,
    Unread,
    /// It is there, and a signature contradicts it.
    Contradicted,
}

/// Position of a batch in canonical order.
type Position = (ChainId, DigestKind, Reverse<Option<Timestamp>>);

/// The lines of a batch: hash of the digest's and the object's location, what the line states, and
/// hash of its comparable part.
#[derive(Debug)]
struct Batch {
    at: Position,
    lines: BTreeMap<Hash, (Standing, Hash)>,
}

/// Collects the lines of one run into batches.
#[derive(Debug, Default)]
struct Batches {
    chain: Option<ChainId>,
    /// Location of the digest to which the lines belong.
    digest: Option<ObjectLocation>,
    open: Option<Batch>,
}

/// Compares lines while the second run emits them.
#[derive(Debug)]
pub struct LineComparison {
    record: RecordFile,
    of_record: Batches,
    /// The batch of the record that is compared next.
    next: Option<Batch>,
    of_run: Batches,
    found: LineDifferences,
}

impl LineComparison {
    /// Compares with this record, of which nothing has been read yet.
    ///
    /// # Errors
    ///
    /// A line of the record is invalid.
    pub fn new(record: RecordFile) -> Result<Self, String> {
        let mut comparison = Self {
            record,
            of_record: Batches::default(),
            next: None,
            of_run: Batches::default(),
            found: LineDifferences::default(),
        };
        comparison.advance()?;
        Ok(comparison)
    }

    /// Takes the next event of the second run, with its line.
    ///
    /// # Errors
    ///
    /// The line, or one of the record, is invalid.
    pub fn take(&mut self, event: &RunEvent, line: &[u8]) -> Result<(), String> {
        match self.of_run.take(event, line)? {
            Some(batch) => self.compare(&batch),
            None => Ok(()),
        }
    }

    /// Returns the differences, after the last event of the second run.
    ///
    /// # Errors
    ///
    /// A line of the record is invalid.
    pub fn finish(mut self) -> Result<LineDifferences, String> {
        if let Some(batch) = self.of_run.open.take() {
            self.compare(&batch)?;
        }
        while let Some(before) = self.next.take() {
            self.found.gone += length(&before);
            self.advance()?;
        }
        Ok(self.found)
    }

    /// Reads the next batch of the record.
    fn advance(&mut self) -> Result<(), String> {
        while let Some(line) = self.record.next_line().map_err(|why| why.to_string())? {
            let RecordLine::Event(event) = line else { continue };
            self.next = self.of_record.take(&event, self.record.bytes())?;
            if self.next.is_some() {
                return Ok(());
            }
        }
        self.next = self.of_record.open.take();
        Ok(())
    }

    fn compare(&mut self, now: &Batch) -> Result<(), String> {
        while let Some(before) = self.next.take_if(|before| before.at < now.at) {
            self.found.gone += length(&before);
            self.advance()?;
        }
        let before = self.next.take_if(|before| before.at == now.at);
        let lines = before.as_ref().map(|before| &before.lines);
        for (name, now) in &now.lines {
            self.line(lines.and_then(|lines| lines.get(name)), *now);
        }
        if let Some(lines) = lines {
            let gone = lines.keys().filter(|name| !now.lines.contains_key(*name)).count();
            self.found.gone += u64::try_from(gone).unwrap_or(u64::MAX);
            self.advance()?;
        }
        Ok(())
    }

    fn line(&mut self, then: Option<&(Standing, Hash)>, (now, hash): (Standing, Hash)) {
        let found = &mut self.found;
        let number = match (then, now) {
            (Some((_, before)), _) if *before == hash => &mut found.same,
            (_, Standing::Unread) => &mut found.unread,
            (_, Standing::Missing) => &mut found.gone,
            (None, Standing::Proven) => &mut found.added,
            (Some((Standing::Missing | Standing::Unread, _)), Standing::Proven) => {
                &mut found.settled
            }
            // What could not be read then may have been as it is now.
            (Some((Standing::Unread, _)), Standing::Contradicted) => &mut found.settled,
            (_, Standing::Proven | Standing::Contradicted) => &mut found.contradicting,
        };
        *number += 1;
    }
}

impl Batches {
    /// Takes an event with its line. Returns the batch before it, if the line begins another.
    fn take(&mut self, event: &RunEvent, line: &[u8]) -> Result<Option<Batch>, String> {
        let mut finished = None;
        let (at, standing) = match event {
            RunEvent::ChainStarted { chain } => {
                self.chain = Some(chain.clone());
                return Ok(self.open.take());
            }
            RunEvent::DigestJudged(judged) => {
                let chain = self.chain.as_ref().ok_or("a digest outside of any chain")?;
                let is_standard = judged.kind == DigestKind::Standard;
                let end = DigestKey::parse(&judged.at.key).map_or(judged.end, |key| key.end);
                let mut at = (chain.clone(), judged.kind, Reverse(is_standard.then_some(end)));
                // A digest out of order has its line where the link to it is.
                if let Some(open) = &self.open
                    && open.at > at
                {
                    at = open.at.clone();
                }
                if self.open.as_ref().is_none_or(|open| open.at != at) {
                    finished = self.open.replace(Batch { at, lines: BTreeMap::new() });
                }
                self.digest = Some(judged.at.clone());
                (&judged.at, standing(&judged.outcome))
            }
            RunEvent::LogJudged(judged) => (&judged.at, standing(&judged.outcome)),
            _ => return Ok(None),
        };
        let (Some(open), Some(digest)) = (&mut self.open, &self.digest) else {
            return Err("a log file outside of any digest".to_owned());
        };
        let comparable = comparable_line(line).map_err(|why| format!("a line {why}"))?;
        let hash: Hash = Sha256::digest(comparable).into();
        open.lines.insert(name(digest, at), (standing, hash));
        Ok(finished)
    }
}

fn length(batch: &Batch) -> u64 {
    u64::try_from(batch.lines.len()).unwrap_or(u64::MAX)
}

/// Returns one hash for the locations of a digest and of the object that its line is about.
fn name(digest: &ObjectLocation, at: &ObjectLocation) -> Hash {
    let mut hasher = Sha256::new();
    for part in [&digest.bucket, &digest.key, &at.bucket, &at.key] {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn standing<P>(outcome: &Outcome<P>) -> Standing {
    match outcome {
        Outcome::Valid(_) => Standing::Proven,
        Outcome::Invalid(finding) if says_missing(finding.into()) => Standing::Missing,
        Outcome::Invalid(_) => Standing::Contradicted,
        Outcome::Unverified(_) => Standing::Unread,
    }
}

/// Returns whether a finding of this code says no more than that an object is not there.
pub fn says_missing(code: FindingCode) -> bool {
    matches!(
        code,
        FindingCode::DigestMissing | FindingCode::LogMissing | FindingCode::DigestDeliveredThenGone
    )
}

/// Returns whether a line of the second run says no more than that an object is not there.
pub fn is_of_missing(event: &RunEvent) -> bool {
    match event {
        RunEvent::DigestJudged(judged) => standing(&judged.outcome) == Standing::Missing,
        RunEvent::LogJudged(judged) => standing(&judged.outcome) == Standing::Missing,
        _ => false,
    }
}
