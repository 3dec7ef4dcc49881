//! Shards within one process, for programs that bring their own scheduler and their own sources.
use super::ledger::{Ledgers, is_ledger, write_ledger};
use super::merge::MergeError;
use super::plan::{ShardPlan, Stage};
use super::records::{ShardFiles, is_record, local_files};
use super::survey::{is_survey, join, survey_to};
use super::work::write_record;
use super::work_error::WorkError;
use crate::report::record::RecordSink;
use crate::source::ObjectSource;
use crate::trust::KeyService;
use crate::verify::parts::{find_parts, survey_all};
use crate::verify::plan::VerifyPlan;
use crate::verify::resume::hashing::HashPart;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use trailproof_core::record::document::{DocumentKind, document_from};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::location::escape;

/// Plans a run over `source`, cut into at most `most` shards, or into one for each account and
/// region. Returns the bytes of the plan and the number of shards.
///
/// # Errors
///
/// A line of the plan is longer than a reader accepts.
pub async fn plan(
    verify: &VerifyPlan,
    source: &Arc<dyn ObjectSource>,
    most: Option<usize>,
) -> io::Result<(Vec<u8>, u64)> {
    let surveyed = survey_all(verify, source).await;
    write(ShardPlan::new(verify, surveyed, Stage::Verify, most))
}

/// Plans a run whose digests are listed by its shards. Returns the bytes of the plan of these shards,
/// for [`survey`], and their number.
///
/// # Errors
///
/// A line of the plan is longer than a reader accepts.
pub async fn plan_in_shards(
    verify: &VerifyPlan,
    source: &Arc<dyn ObjectSource>,
    most: Option<usize>,
) -> io::Result<(Vec<u8>, u64)> {
    let (surveyed, outside) = find_parts(verify, source).await;
    write(ShardPlan::new(verify, surveyed, Stage::Survey { outside, most }, most))
}

/// Lists the digests of a shard, and returns the bytes of its survey.
///
/// # Errors
///
/// The plan cannot be used or has no such shard.
pub async fn survey(
    plan: &[u8],
    shard: u64,
    source: Arc<dyn ObjectSource>,
) -> Result<Vec<u8>, String> {
    let (plan, sha256) = read(plan)?;
    let mut bytes = Vec::new();
    let out = RecordSink::Plain(&mut bytes);
    written(survey_to(&plan, &plan.plan, (&sha256, shard), &source, out).await, shard)?;
    Ok(bytes)
}

/// Makes the plan that is verified of the surveys in these files and folders. Returns what [`plan`]
/// returns.
///
/// # Errors
///
/// The plan or a survey cannot be used, or a survey is missing.
pub fn plan_of_surveys(plan: &[u8], surveys: &[PathBuf]) -> Result<(Vec<u8>, u64), String> {
    let (plan, sha256) = read(plan)?;
    let files = local_files(surveys, is_survey);
    let joined = files.and_then(|files| join(plan, &sha256, files));
    let joined = joined.map_err(|refusal| refusal.words().to_owned())?;
    write(joined).map_err(|error| format!("cannot write the plan: {error}"))
}

fn write(plan: ShardPlan) -> io::Result<(Vec<u8>, u64)> {
    let mut bytes = Vec::new();
    plan.write(&mut bytes)?;
    Ok((bytes, u64::try_from(plan.shards.len()).unwrap_or(u64::MAX)))
}

/// Hashes the log files of one of several parts of a shard, counted from 1, and returns the bytes of the
/// ledger. What it states is proven by nothing.
///
/// # Errors
///
/// The plan cannot be used, has no such shard, or the part is none of the parts.
pub async fn hash(
    plan: &[u8],
    shard: u64,
    (part, parts): (u64, u64),
    source: Arc<dyn ObjectSource>,
) -> Result<Vec<u8>, String> {
    let (plan, sha256) = read(plan)?;
    let part = HashPart::new(part, parts).ok_or("there is no such part")?;
    let mut bytes = Vec::new();
    let out = RecordSink::Plain(&mut bytes);
    written(write_ledger(&plan, (&sha256, shard), part, &source, out).await, shard)?;
    Ok(bytes)
}

/// Verifies a shard of the plan in these bytes, and returns the bytes of its record. Log files that the
/// hash ledgers hold and that are unchanged are not read.
///
/// # Errors
///
/// The plan or a ledger cannot be used, or the shard cannot be verified as one machine would.
pub async fn work(
    plan: &[u8],
    shard: u64,
    ledgers: &[PathBuf],
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
) -> Result<Vec<u8>, String> {
    let (plan, sha256) = read(plan)?;
    let files = local_files(ledgers, is_ledger);
    let ledgers = files.and_then(|files| Ledgers::read(&sha256, shard, &files));
    let ledgers = ledgers.map_err(|refusal| refusal.words().to_owned())?;
    let mut bytes = Vec::new();
    let out = RecordSink::Plain(&mut bytes);
    let (verify, evidence) = ((&plan.plan, &ledgers), (source, keys));
    let done = write_record(&plan, verify, (&sha256, shard), evidence, out, &mut |_| {}).await;
    written(done, shard)?;
    Ok(bytes)
}

fn written<T>(done: Result<T, WorkError>, shard: u64) -> Result<T, String> {
    match done {
        Ok(done) => Ok(done),
        Err(WorkError::NoShard) => Err(format!("the plan has no shard {shard}")),
        Err(WorkError::Unlisted(folder, why)) => {
            Err(format!("cannot list `{}`, which the plan lists: {why}", escape(&folder)))
        }
        Err(WorkError::Expired(why)) => Err(format!("the credentials expired: {why}")),
        Err(WorkError::Lost(error)) => Err(format!("cannot write the record: {error}")),
        Err(WorkError::Unstored(why)) => Err(format!("cannot write the record: {why}")),
    }
}

/// Merges the records in these files and folders, and writes the record of the whole run to `to`.
///
/// # Errors
///
/// The plan or a record cannot be used, a shard is missing, or the record cannot be written.
pub fn merge(plan: &[u8], shards: &[PathBuf], to: impl Write + Send) -> Result<Verdict, String> {
    let (plan, sha256) = read(plan)?;
    let files = local_files(shards, is_record);
    let records = files.and_then(|files| ShardFiles::open(&plan, &sha256, files));
    let records = records.map_err(|refusal| refusal.words().to_owned())?;
    match records.merge(&plan, RecordSink::Plain(to)) {
        Ok(merged) => Ok(merged.summary.verdict),
        Err(MergeError::Bad(refusal)) => Err(refusal.words().to_owned()),
        Err(MergeError::Lost(error)) => Err(format!("cannot write the record: {error}")),
    }
}

fn read(plan: &[u8]) -> Result<(ShardPlan, String), String> {
    let file = document_from(DocumentKind::ShardPlan, Box::new(io::Cursor::new(plan.to_vec())));
    file.and_then(ShardPlan::read).map_err(|why| format!("cannot use the plan: {why}"))
}
