//! Verifies one shard and writes its record.
//!
//! A record is written whole or not at all. What is wrong with the evidence is data; an error is only
//! what prevents the shard from being verified as it would be on one machine, so that an engine may
//! start it again.
use super::output::{NotKept, RecordOutput};
use super::plan::{Shard, ShardPlan};
use super::plan_lines::SCHEMA;
use super::shard_lines::{ShardLine, ShardStarted, write_after};
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
use trailproof_core::vocab::location::escape;

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

/// Why there is no record of a shard.
#[derive(Debug)]
pub(crate) enum WorkError {
    /// The plan has no such shard.
    NoShard,
    /// A folder of digests that the plan lists could not be listed.
    Unlisted(String, ReadFailure),
    /// The credentials expired.
    Expired(String),
    /// The record could not be written.
    Lost(io::Error),
    /// The record could not be written to S3.
    Unstored(ReadFailure),
    /// There is a different record of the shard.
    Different(Refusal),
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
    to: &RecordOutput,
    note: &mut (dyn FnMut(&RunEvent) + Send),
) -> Result<ShardDone, Refusal> {
    let name = record_name(number);
    let refused = |why| refusal(plan, number, to, why);
    let begin = || -> io::Result<_> {
        let draft = to.begin(&name)?;
        let out = RecordSink::zstd(BufWriter::new(draft.writer()?))?;
        Ok((draft, out))
    };
    let (draft, out) = begin().map_err(|error| refused(WorkError::Lost(error)))?;
    let evidence = (Arc::clone(&session.source), Arc::clone(&session.keys));
    let (verify, shard) = (&session.plan, (sha256, number));
    let written = write_record(plan, verify, shard, evidence, out, note).await;
    let (chains, changed) = written.map_err(refused)?;
    let kept = to.keep(draft, &name, number).await.map_err(|why| match why {
        NotKept::Disk(error) => WorkError::Lost(error),
        NotKept::Store(why) => expiry(&why).map_or(WorkError::Unstored(why), WorkError::Expired),
        NotKept::Different(refusal) => WorkError::Different(refusal),
    });
    Ok(ShardDone { record: kept.map_err(refused)?, chains, changed })
}

fn refusal(plan: &ShardPlan, number: u64, to: &RecordOutput, why: WorkError) -> Refusal {
    match why {
        WorkError::NoShard => Refusal::usage(format!(
            "the plan has {} shards, and no shard {number}",
            plan.shards.len()
        )),
        WorkError::Unlisted(folder, why) => Refusal::not_started(format!(
            "cannot list `{}`, which the plan lists: {why}",
            escape(&folder)
        )),
        WorkError::Expired(why) => Refusal::not_started(format!(
            "the credentials expired while shard {number} was verified, so nothing was written: \
             {why}\n\nhint: run it again with credentials that last longer"
        )),
        WorkError::Lost(error) => Refusal::output_lost(format!(
            "cannot write shard {number} in `{}`: {error}",
            to.shown()
        )),
        WorkError::Unstored(why) => {
            Refusal::output_lost(format!("cannot write shard {number} in `{}`: {why}", to.shown()))
        }
        WorkError::Different(refusal) => Refusal::output_lost(refusal.words()),
    }
}

/// Verifies a shard of the plan with this hash, and writes its record to `out`. Passes its events to
/// `note`. Returns the number of its chains, and of digests that only one of the plan's and the
/// shard's listings has.
///
/// # Errors
///
/// The shard cannot be verified as one machine would, or its record cannot be written.
pub(crate) async fn write_record<W: Write + Send>(
    plan: &ShardPlan,
    verify: &VerifyPlan,
    (sha256, number): (&str, u64),
    (source, keys): (Arc<dyn ObjectSource>, Arc<dyn KeyService>),
    out: RecordSink<W>,
    note: &mut (dyn FnMut(&RunEvent) + Send),
) -> Result<(u64, usize), WorkError> {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    let shard = plan.shards.get(index).ok_or(WorkError::NoShard)?;
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

/// Returns the failure in words if it means that the credentials have expired.
fn expiry(why: &ReadFailure) -> Option<String> {
    let expired = ["ExpiredToken", "RequestExpired", "TokenRefreshRequired"];
    expired.iter().any(|code| why.detail.contains(code)).then(|| why.to_string())
}
