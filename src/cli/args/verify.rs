//! The options of `verify`.
use super::aws::concurrency;
use super::output::{Format, OutputArgs, RecordArgs};
use super::selection::Selection;
use clap::Args;
use std::path::PathBuf;

/// The options of `verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// Where the evidence lies: `s3://BUCKET[/PREFIX]`, or a directory with a copy of it
    #[arg(value_name = "LOCATION", required_unless_present = "trail_arn")]
    pub(crate) location: Option<String>,
    /// Verify this trail; without a location, its bucket and prefix are asked of CloudTrail
    #[arg(long, value_name = "ARN")]
    pub(crate) trail_arn: Option<String>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Begin where the run of this record left off, and join on to it without a seam; or a time
    #[arg(long, value_name = "TIME|RECORD", group = "from")]
    pub(crate) since: Option<String>,
    /// Believe the public keys in this file and ask AWS for none; may be given again
    #[arg(long, value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,
    /// Bucket that a copy is of, where its digests do not agree on one
    #[arg(long, value_name = "BUCKET")]
    pub(crate) bucket: Option<String>,
    /// Look elsewhere for what was delivered to OLD: `s3://OLD[/PREFIX]=s3://NEW[/PREFIX]` or
    /// `…=DIRECTORY`; may be given again
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) relocate: Vec<String>,
    /// Assert that the copy is complete, so that what is absent from it counts as removed; without
    /// this, only the bucket of delivery and a mirror of it say what is missing
    #[arg(long)]
    pub(crate) complete_copy: bool,
    /// Do not search for log files that no digest names (saves one LIST per region and day)
    #[arg(long)]
    pub(crate) no_unlisted: bool,
    /// Search for log files that no digest names (the default)
    #[arg(long, overrides_with = "no_unlisted", hide = true)]
    pub(crate) unlisted: bool,
    /// Do not read log files again that this record proves and the store lists unchanged
    #[arg(long, value_name = "RECORD")]
    pub(crate) resume: Option<PathBuf>,
    /// List only: say how many chains, digests and log files there are, how many requests a run
    /// would make, about how long it would take and what S3 would charge
    #[arg(long, conflicts_with_all = ["format", "record", "report", "junit", "ocsf", "resume"])]
    pub(crate) dry_run: bool,
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// No progress on stderr, nor what a run waits for, nor what it cost
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Requests in flight at once [default: as many as the store answers well, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
}
