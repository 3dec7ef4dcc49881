//! The options of `plan`, `work` and `merge`.
use super::aws::concurrency;
use super::verify::EvidenceArgs;
use crate::verify::resume::hashing::HashPart;
use clap::Args;
use std::path::PathBuf;

/// Parts of a shard that are hashed apart. Seven years have 2,557 days.
const MOST_PARTS: u64 = 10_000;

/// The options of `plan`.
#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) evidence: EvidenceArgs,
    /// Cut into at most N shards [default: one for each account and region]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) shards: Option<u32>,
    /// Leave it to the shards to list their digests: `work` then writes surveys, and `merge --plan`
    /// makes the plan to verify of them
    #[arg(long)]
    pub(crate) survey_in_shards: bool,
    /// File to write the plan to, or `s3://BUCKET/KEY`
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
    /// Overwrite a plan that already exists
    #[arg(long)]
    pub(crate) force: bool,
}

/// The options of `work`.
#[derive(Args, Debug)]
pub(crate) struct WorkArgs {
    /// Plan, written by `plan`: a file, or `s3://BUCKET/KEY`
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// Shard to verify (repeatable) [default: one number a line, from stdin]
    #[arg(long, value_name = "N")]
    pub(crate) shard: Vec<u64>,
    /// Verify the shard that the scheduler numbers, in SLURM_ARRAY_TASK_ID,
    /// AWS_BATCH_JOB_ARRAY_INDEX or JOB_COMPLETION_INDEX
    #[arg(long, conflicts_with = "shard")]
    pub(crate) shard_from_env: bool,
    /// Directory to write the shard's record or survey into, or `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "PLACE")]
    pub(crate) to: PathBuf,
    /// Only hash the log files of part K of M of a shard, and write a hash ledger for `--hashed`
    #[arg(long, value_name = "K/M", value_parser = hash_part, conflicts_with = "hashed")]
    pub(crate) hash: Option<HashPart>,
    /// Do not read unchanged log files whose hashes this hash ledger holds, or the ledgers in this
    /// directory or `s3://BUCKET/PREFIX` (repeatable): trust only ledgers that you control
    #[arg(long, value_name = "LEDGER")]
    pub(crate) hashed: Vec<PathBuf>,
    /// Files of public keys, if they are not where they were when the plan was made (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
}

/// Parses a part, such as `3/10`.
fn hash_part(text: &str) -> Result<HashPart, String> {
    let part = text.split_once('/').and_then(|(number, of)| {
        HashPart::new(number.parse().ok()?, of.parse().ok().filter(|of| *of <= MOST_PARTS)?)
    });
    part.ok_or_else(|| format!("must be one of at most {MOST_PARTS} parts, such as `3/10`"))
}

/// The options of `merge`.
#[derive(Args, Debug)]
pub(crate) struct MergeArgs {
    /// Plan, written by `plan`: a file, or `s3://BUCKET/KEY`
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// Records or surveys of the shards, or directories and `s3://BUCKET/PREFIX` that hold them
    #[arg(value_name = "SHARD", required = true)]
    pub(crate) shards: Vec<PathBuf>,
    /// Run record to write; `.zst` compresses it
    #[arg(long, value_name = "FILE", required_unless_present = "next_plan")]
    pub(crate) record: Option<PathBuf>,
    /// Plan to write, if the shards are surveys: a file, or `s3://BUCKET/KEY`
    #[arg(long = "plan", value_name = "FILE", conflicts_with = "record")]
    pub(crate) next_plan: Option<PathBuf>,
    /// Overwrite a record or a plan that already exists
    #[arg(long)]
    pub(crate) force: bool,
}
