//! Hashes a part of a shard for the worker that verifies it.
use super::ledger::{LedgerDone, ledger_name, write_ledger};
use super::output::RecordOutput;
use super::plan::ShardPlan;
use super::work_error::{ToWrite, WorkError, refusal};
use crate::console::refusal::Refusal;
use crate::report::record::RecordSink;
use crate::source::ObjectSource;
use crate::verify::resume::hashing::HashPart;
use serde::Serialize;
use std::io::{self, BufWriter};
use std::sync::Arc;

/// What `work --hash` prints on stdout for each shard.
#[derive(Debug, Serialize)]
pub(crate) struct PartHashed {
    shard: u64,
    part: u64,
    parts: u64,
    /// Where the ledger is.
    ledger: String,
    log_files: u64,
    /// Objects and folders that could not be read, which the worker that verifies the shard reads.
    unread: u64,
}

/// Hashes the log files of a part of a shard and writes their ledger to `to`.
///
/// # Errors
///
/// The plan does not read from S3 or has no such shard, the credentials expired, or the ledger cannot be
/// written.
pub(crate) async fn hash_part(
    (plan, sha256): (&ShardPlan, &str),
    shard: u64,
    part: HashPart,
    source: &Arc<dyn ObjectSource>,
    to: &RecordOutput,
) -> Result<PartHashed, Refusal> {
    if !plan.reading.uses_s3() {
        return Err(Refusal::usage(
            "a directory does not show which files are unchanged, so hash ledgers are of no use there",
        ));
    }
    let name = ledger_name(shard, part);
    let refused = |why| refusal(plan, ToWrite::Ledger(shard), to, why);
    let begin = || -> io::Result<_> {
        let draft = to.begin(&name)?;
        let out = RecordSink::zstd(BufWriter::new(draft.writer()?))?;
        Ok((draft, out))
    };
    let (draft, out) = begin().map_err(|error| refused(WorkError::Lost(error)))?;
    let done = write_ledger(plan, (sha256, shard), part, source, out).await;
    let LedgerDone { log_files, unread } = done.map_err(refused)?;
    let kept = to.keep(draft, &name).await;
    let ledger = kept.map_err(|why| refused(why.into()))?;
    Ok(PartHashed { shard, part: part.number + 1, parts: part.of, ledger, log_files, unread })
}

/// Returns whether the ledger of this name is of this shard.
pub(crate) fn is_of(name: &str, shard: u64) -> bool {
    let number = name.split('-').nth(1).and_then(|text| text.parse().ok());
    number == Some(shard)
}
