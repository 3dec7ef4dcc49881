//! The options of `plan`, `work` and `merge`.
use super::aws::concurrency;
use super::verify::EvidenceArgs;
use clap::Args;
use std::path::PathBuf;

/// The options of `plan`.
#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) evidence: EvidenceArgs,
    /// Cut into at most N shards [default: one for each account and region]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) shards: Option<u32>,
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
    /// Directory to write the shard's record into, or `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "PLACE")]
    pub(crate) to: PathBuf,
    /// Files of public keys, if they are not where they were when the plan was made (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
}

/// The options of `merge`.
#[derive(Args, Debug)]
pub(crate) struct MergeArgs {
    /// Plan, written by `plan`: a file, or `s3://BUCKET/KEY`
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// Records of the shards, or directories and `s3://BUCKET/PREFIX` that hold them
    #[arg(value_name = "SHARD", required = true)]
    pub(crate) shards: Vec<PathBuf>,
    /// Run record to write; `.zst` compresses it
    #[arg(long, value_name = "FILE")]
    pub(crate) record: PathBuf,
    /// Overwrite a record that already exists
    #[arg(long)]
    pub(crate) force: bool,
}
