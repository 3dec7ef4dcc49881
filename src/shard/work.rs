//! Verifies one shard and writes its record.
//!
//! A record is written whole or not at all. What is wrong with the evidence is data; an error is only
//! what prevents the shard from being verified as it would be on one machine, so that an engine may
//! start it again.
use super::cut::Shard;
use super::ledger::Ledgers;
use super::output::RecordOutput;
use super::plan::ShardPlan;
use super::plan_lines::SCHEMA;
use super::shard_lines::{ShardLine, ShardStarted, write_after};
use super::work_error::{ToWrite, WorkError, expiry, refusal};
use crate::console::refusal::Refusal;
use crate::report::RunReporter as _;
use crate::report::record::{Record, RecordSink};
use crate::session::open::Session;
use crate::source::ObjectSource;
use crate::trust::KeyService;
use crate::verify::listed_ends::ChangedDigest;
use crate::verify::parts::{PreparedPart, prepare_part};
use crate::verify::plan::VerifyPlan;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::record::wire::write_json;
use trailproof_core::record::{DigestJudged, LogJudged, RunEvent, Tool};

/// What came of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShardDone {
    /// Where its record is.
    pub(crate) record: String,
    /// The number of its chains.
    pub(crate) chains: u64,
    /// The number of digests that only one of the plan's and the shard's listings has.
    pub(crate) changed: usize,
}

/// Verifies a shard and writes its record to `to`. Passes its events to `note`.
///
/// # Errors
///
/// The shard cannot be verified as one machine would, or its record cannot be written.
pub(crate) async fn work(
    plan: &ShardPlan,
    sha256: &str,
    number: u64,
    session: &Session,
    ledgers: &Ledgers,
    to: &RecordOutput,
    note: &mut (dyn FnMut(&RunEvent) + Send),
) -> Result<ShardDone, Refusal> {
    let name = record_name(number);
    to.check::<ShardStarted>(&name, sha256).await?;
    let refused = |why| refusal(plan, ToWrite::Record(number), to, why);
    let begin = || -> io::Result<_> {
        let draft = to.begin(&name)?;
        let out = RecordSink::zstd(BufWriter::new(draft.writer()?))?;
        Ok((draft, out))
    };
    let (draft, out) = begin().map_err(|error| refused(WorkError::Lost(error)))?;
    let evidence = (Arc::clone(&session.source), Arc::clone(&session.keys));
    let (verify, shard) = (&session.plan, (sha256, number));
    let written = write_record(plan, (verify, ledgers), shard, evidence, out, note).await;
    let (chains, changed) = written.map_err(refused)?;
    let kept = to.keep(draft, &name).await;
    let record = kept.map_err(|why| refused(why.into()))?;
    Ok(ShardDone { record, chains, changed })
}

/// Verifies a shard of the plan with this hash, and writes its record to `out`. Log files that the
/// ledgers hold and that are unchanged are not read. Passes its events to
/// `note`. Returns the number of its chains, and of digests that only one of the plan's and the
/// shard's listings has.
///
/// # Errors
///
/// The shard cannot be verified as one machine would, or its record cannot be written.
pub(crate) async fn write_record<W: Write + Send>(
    plan: &ShardPlan,
    (verify, ledgers): (&VerifyPlan, &Ledgers),
    (sha256, number): (&str, u64),
    (source, keys): (Arc<dyn ObjectSource>, Arc<dyn KeyService>),
    out: RecordSink<W>,
    note: &mut (dyn FnMut(&RunEvent) + Send),
) -> Result<(u64, usize), WorkError> {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    let shard = plan.shards.get(index).ok_or(WorkError::NoShard)?;
    let known = (!ledgers.sha256.is_empty()).then(|| Arc::clone(&ledgers.logs));
    let verify = &VerifyPlan { known, ..verify.clone() };
    let Shard { part, accounts, roots, .. } = shard.clone();
    let above = (part, accounts, roots);
    let prepared = prepare_part(verify, &plan.surveyed, above, source, keys, &Arc::default()).await;
    let PreparedPart { prepared, changed } =
        prepared.map_err(|(folder, why)| WorkError::Unlisted(folder, why))?;
    let listed = prepared.listed();
    let Tool { version, build, .. } = Tool::this();
    let started = ShardStarted {
        schema: SCHEMA,
        version,
        build,
        plan_sha256: sha256.to_owned(),
        shard: number,
        chains: listed.chains,
        digests: listed.digests,
        trails_left_out: listed.left_out.iter().cloned().collect(),
        ledgers: ledgers.sha256.iter().cloned().collect(),
    };
    let mut writer = Writer { out: Record::new(out, None), failed: None, expired: None };
    writer.line(&ShardLine::ShardStarted(started));
    for ChangedDigest { key, gone } in &changed {
        writer.line(&ShardLine::DigestChanged { key: key.clone(), gone: *gone });
    }
    let (chains, digests) = (listed.chains, listed.digests);
    note(&RunEvent::BucketListed { chains, digests, left_out: Vec::new() });
    let mut emit = |event: &RunEvent| {
        note(event);
        writer.event(event);
    };
    let after = prepared.walk(&mut emit).await;
    let expired = writer.expired.take().or_else(|| after.unread().find_map(expiry));
    if let Some(why) = expired {
        return Err(WorkError::Expired(why));
    }
    write_after(after, |line| {
        writer.line(line);
        Ok::<_, io::Error>(())
    })
    .map_err(WorkError::Lost)?;
    writer.finish().map_err(WorkError::Lost)?;
    Ok((chains, changed.len()))
}

/// Returns the name of the file of a shard's record.
pub(crate) fn record_name(number: u64) -> String {
    format!("shard-{number:06}.jsonl.zst")
}

/// Writes the lines of a record until one fails.
struct Writer<W: Write> {
    out: Record<W>,
    failed: Option<io::Error>,
    /// The first read that failed because the credentials had expired.
    expired: Option<String>,
}

impl<W: Write + Send> Writer<W> {
    fn event(&mut self, event: &RunEvent) {
        if self.expired.is_none() {
            self.expired = failure(event).and_then(expiry);
        }
        let reproducible = event.reproducible();
        if self.failed.is_none() {
            self.failed = self.out.event(reproducible.as_ref().unwrap_or(event)).err();
        }
    }

    fn line(&mut self, line: &ShardLine<'_>) {
        if self.failed.is_some() {
            return;
        }
        let written = self.out.line(|buffer| {
            write_json(&mut *buffer, line)?;
            buffer.push(b'\n');
            Ok(())
        });
        self.failed = written.err();
    }

    fn finish(mut self) -> io::Result<()> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        self.out.end();
        self.out.finish()
    }
}

fn failure(event: &RunEvent) -> Option<&ReadFailure> {
    match event {
        RunEvent::ListingUnread { why, .. }
        | RunEvent::DigestJudged(DigestJudged { outcome: Outcome::Unverified(why), .. })
        | RunEvent::LogJudged(LogJudged { outcome: Outcome::Unverified(why), .. }) => Some(why),
        _ => None,
    }
}
