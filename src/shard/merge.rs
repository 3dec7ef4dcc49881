//! Makes the record of the whole run from the records of all shards.
//!
//! The lines about chains are copied as they are, in canonical order, one record after another. What
//! crosses shards is joined: public keys are recorded once, and everything after the chains follows
//! from what all shards kept.
use super::plan::ShardPlan;
use super::records::{OfShard, ShardFile, ShardFiles, unusable};
use super::shard_lines::{ReadAfter, ShardLine, ShardStarted};
use crate::console::refusal::Refusal;
use crate::files::record_file::open_document;
use crate::report::RunReporter as _;
use crate::report::record::{Record, RecordSink};
use crate::verify::after_chains::AfterChains;
use crate::verify::chains::Listed;
use crate::verify::run::judged_before;
use std::collections::BTreeSet;
use std::io::{self, Write};
use trailproof_core::record::document::{BadRecord, DocumentKind, RecordFile, RunCheck};
use trailproof_core::record::wire::{Unreadable, read_event};
use trailproof_core::record::{AcceptanceTally, RunEvent, RunSummary};
use trailproof_core::vocab::ids::Region;

/// What came of a merge.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) summary: RunSummary,
    /// Digests that only one of the plan's and a shard's listings has.
    pub(crate) changed: Vec<String>,
    /// Shards for which hash ledgers state what unchanged log files contain.
    pub(crate) with_ledgers: Vec<u64>,
}

/// Why a merge ends without a record.
#[derive(Debug)]
pub(crate) enum MergeError {
    /// A shard record cannot be used.
    Bad(Refusal),
    /// The record cannot be written.
    Lost(io::Error),
}

impl ShardFiles<ShardStarted> {
    /// Writes the record of the whole run to `to`.
    ///
    /// # Errors
    ///
    /// A shard record is damaged, they contradict each other or the plan, or the record cannot be written.
    pub(crate) fn merge<W: Write + Send>(
        &self,
        plan: &ShardPlan,
        to: RecordSink<W>,
    ) -> Result<Merged, MergeError> {
        let mut out = Out {
            record: Record::new(to, None),
            failed: None,
            check: RunCheck::default(),
            contradiction: None,
            acceptance: plan.plan.accepted.as_ref().map(|_| AcceptanceTally::default()),
        };
        out.event(&RunEvent::RunStarted(Box::new(plan.plan.start())));
        let mut listed = Listed::default();
        for (_, started) in &self.files {
            listed.join(Listed {
                chains: started.chains,
                digests: started.digests,
                left_out: started.trails_left_out.iter().cloned().collect(),
            });
        }
        let opening = plan.surveyed.opening.clone();
        let across = &plan.surveyed.across;
        let opened = opening.emit(&plan.plan, across, &listed, &mut |event| out.event(event));
        let mut all = AfterChains::new(&plan.plan);
        all.passed_over.clone_from(&plan.surveyed.passed_over);
        let (mut keys, mut changed) = (BTreeSet::new(), Vec::new());
        for (number, (path, started)) in self.files.iter().enumerate() {
            let read = copy(plan, path, started, &mut keys, &mut out);
            let mut shard =
                read.map_err(|why| MergeError::Bad(unusable::<ShardStarted>(path, &why)))?;
            if let Some(failed) = out.failed.take() {
                return Err(MergeError::Lost(failed));
            }
            changed.append(&mut shard.changed);
            all.join(shard.after);
            let next = plan.shards.get(number + 1).and_then(|next| next.part.from.as_ref());
            if let Some((account, _)) = next {
                all.settle(&plan.plan, Some(account));
            }
        }
        let summary = opening.finish(&plan.plan, opened, all, &mut |event| out.event(event));
        out.finish()?;
        let with_ledgers = self.files.iter().filter(|(_, started)| !started.ledgers.is_empty());
        let with_ledgers = with_ledgers.map(|(_, started)| started.shard).collect();
        Ok(Merged { summary, changed, with_ledgers })
    }
}

impl OfShard for ShardStarted {
    const KIND: DocumentKind = DocumentKind::ShardRecord;

    fn begin(file: &ShardFile) -> Result<(RecordFile, Self), BadRecord> {
        let mut record = open_document(Self::KIND, &file.path)?;
        let name = record.next_name()?;
        let text = std::str::from_utf8(record.bytes()).unwrap_or_default();
        let wrong = |what| BadRecord::Line { number: 1, what };
        match serde_json::from_str(text).map_err(Unreadable::from).map_err(wrong)? {
            ShardLine::ShardStarted(started) if name.is_some() => Ok((record, started)),
            _ => Err(BadRecord::line(1, "it has no `shard-started`")),
        }
    }

    fn plan_sha256(&self) -> &str {
        &self.plan_sha256
    }

    fn shard(&self) -> u64 {
        self.shard
    }
}

/// Copies what a shard's record has about chains, and returns the rest.
fn copy<W: Write + Send>(
    plan: &ShardPlan,
    path: &ShardFile,
    expected: &ShardStarted,
    keys: &mut BTreeSet<(Region, String)>,
    out: &mut Out<W>,
) -> Result<ReadAfter, BadRecord> {
    let (mut record, started) = ShardStarted::begin(path)?;
    if started != *expected {
        return Err(BadRecord::line(1, "the file changed while it was merged"));
    }
    let mut read = ReadAfter::new(AfterChains::new(&plan.plan));
    let mut chains = 0;
    while let Some(name) = record.next_name()? {
        let number = record.number();
        let wrong = |what| BadRecord::Line { number, what };
        let text = std::str::from_utf8(record.bytes()).unwrap_or_default();
        match name.as_str() {
            "chain-started"
            | "digest-judged"
            | "log-judged"
            | "trail-status"
            | "check-not-performed" => out.copy(text).map_err(wrong)?,
            "public-key" => {
                let event = read_event(text).map_err(wrong)?;
                if let Some(RunEvent::PublicKey(key)) = event
                    && keys.insert((key.region, key.fingerprint))
                {
                    out.copy(text).map_err(wrong)?;
                }
            }
            "seam-judged" => {
                if let Some(RunEvent::SeamJudged(seam)) = read_event(text).map_err(wrong)? {
                    read.after.tally.not_joined += u64::from(!seam.joined);
                }
                out.copy(text).map_err(wrong)?;
            }
            "chain-finished" => {
                if let Some(RunEvent::ChainFinished(summary)) = read_event(text).map_err(wrong)? {
                    let index = usize::try_from(started.shard).unwrap_or(usize::MAX);
                    let shard = plan.shards.get(index);
                    if !shard.is_some_and(|shard| shard.part.has_chain(&summary.chain)) {
                        let words = format!("the chain {} is not in this shard", summary.chain);
                        return Err(BadRecord::line(number, words));
                    }
                    read.after.chain(&summary);
                    chains += 1;
                }
                out.copy(text).map_err(wrong)?;
            }
            _ => {
                let line = serde_json::from_str(text).map_err(Unreadable::from).map_err(wrong)?;
                read.take(line).map_err(wrong)?;
            }
        }
    }
    if !read.finished || chains != started.chains {
        let words = "it has not as many chains as it states, or no `shard-finished`";
        return Err(BadRecord::line(record.number(), words));
    }
    Ok(read)
}

/// The record of the whole run, until a write fails.
struct Out<W: Write> {
    record: Record<W>,
    failed: Option<io::Error>,
    /// Whoever can write the record of a shard can write lines that contradict each other.
    check: RunCheck,
    /// What the events after the chains contradict.
    contradiction: Option<Unreadable>,
    /// Counts what the accepted exceptions accept; `None` if there are none.
    acceptance: Option<AcceptanceTally>,
}

impl<W: Write + Send> Out<W> {
    fn event(&mut self, event: &RunEvent) {
        let judged = self.acceptance.as_mut().and_then(|tally| judged_before(tally, event));
        judged.iter().for_each(|judged| self.write(judged));
        self.write(event);
    }

    fn write(&mut self, event: &RunEvent) {
        let reproducible = event.reproducible();
        let event = reproducible.as_ref().unwrap_or(event);
        if self.contradiction.is_none() {
            self.contradiction = self.check.take(event).err();
        }
        if self.failed.is_none() {
            self.failed = self.record.event(event).err();
        }
    }

    /// Copies a line about a chain.
    ///
    /// # Errors
    ///
    /// The line cannot be read, or contradicts one before it.
    fn copy(&mut self, line: &str) -> Result<(), Unreadable> {
        if let Some(event) = read_event(line)? {
            self.check.take(&event)?;
            if let Some(acceptance) = &mut self.acceptance {
                acceptance.take(&event);
            }
        }
        if self.failed.is_none() {
            let copied = self.record.line(|buffer| {
                buffer.extend_from_slice(line.as_bytes());
                buffer.push(b'\n');
                Ok(())
            });
            self.failed = copied.err();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), MergeError> {
        if let Some(what) = self.contradiction {
            return Err(MergeError::Bad(Refusal::not_started(format!(
                "the records of the shards contradict each other: {what}"
            ))));
        }
        match self.failed {
            Some(failed) => Err(MergeError::Lost(failed)),
            None => self.record.finish().map_err(MergeError::Lost),
        }
    }
}
