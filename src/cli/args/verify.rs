//! The options of `verify`.
use super::aws::concurrency;
use super::output::{Format, OutputArgs, RecordArgs};
use super::selection::Selection;
use clap::Args;
use std::path::PathBuf;

/// What to verify and where, for every command that makes or plans a run.
#[derive(Args, Debug)]
pub(crate) struct EvidenceArgs {
    /// Evidence to verify: `s3://BUCKET[/PREFIX]`, or a directory with a copy of it
    #[arg(value_name = "LOCATION", required_unless_present = "trail_arn")]
    pub(crate) location: Option<String>,
    /// Verify this trail; without LOCATION, CloudTrail is asked for its bucket and prefix
    #[arg(long, value_name = "ARN")]
    pub(crate) trail_arn: Option<String>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Start of the period, or the record of an earlier run to continue from without a gap
    #[arg(long, value_name = "TIME|RECORD", group = "from")]
    pub(crate) since: Option<String>,
    /// Verify the bucket as it was at this time, from the versions of its objects that are left;
    /// the period then ends at that time at the latest
    #[arg(long, value_name = "TIME", conflicts_with_all = ["since", "relocate", "complete_copy", "bucket"])]
    pub(crate) as_of: Option<String>,
    /// Trust the public keys in FILE instead of asking AWS (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,
    /// Original bucket of the copy, if its digests do not agree on one
    #[arg(long, value_name = "BUCKET")]
    pub(crate) bucket: Option<String>,
    /// Read objects that were delivered to OLD from NEW: `s3://OLD[/PREFIX]=s3://NEW[/PREFIX]` or
    /// `s3://OLD[/PREFIX]=DIRECTORY` (repeatable)
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) relocate: Vec<String>,
    /// Assert that the copy is complete, so that an object absent from it counts as removed.
    /// Without this, only the original bucket or a mirror of it can show that an object is missing
    #[arg(long)]
    pub(crate) complete_copy: bool,
    /// Do not search for log files that no digest names (saves one LIST per region and day)
    #[arg(long)]
    pub(crate) no_unlisted: bool,
    /// Search for log files that no digest names (the default)
    #[arg(long, overrides_with = "no_unlisted", hide = true)]
    pub(crate) unlisted: bool,
    /// Report the reviewed exceptions in FILE (TOML) beside the verdict: what was accepted, why, by whom
    /// and until when. They change neither the verdict nor the exit status
    #[arg(long, value_name = "FILE")]
    pub(crate) accept: Option<PathBuf>,
}

/// The options of `verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) evidence: EvidenceArgs,
    /// Skip log files that this record of an earlier run proves and the store lists unchanged
    #[arg(long, value_name = "RECORD", conflicts_with = "as_of")]
    pub(crate) resume: Option<PathBuf>,
    /// List only, and estimate a run: the number of chains, digests, log files and requests, the
    /// time, and the price of the requests
    #[arg(long, conflicts_with_all = [
        "format", "record", "report", "junit", "ocsf", "resume", "as_of", "accept", "metrics",
        "metrics_emf",
    ])]
    pub(crate) dry_run: bool,
    /// Format of the report on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
}
