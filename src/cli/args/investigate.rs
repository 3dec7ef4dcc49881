//! The options of `investigate`.
use super::aws::concurrency;
use super::selection::Selection;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What Event history is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HistoryMode {
    /// Events that may be a cause.
    Causes,
    /// Everything.
    All,
}

/// The options of `investigate`.
#[derive(Args, Debug)]
pub(crate) struct InvestigateArgs {
    /// Run record, written by `verify --record`, which is trusted except for what is searched, or
    /// evidence to verify first: `s3://BUCKET[/PREFIX]`, or a directory with a copy of it
    #[arg(value_name = "RECORD|LOCATION")]
    pub(crate) evidence: String,
    /// Evidence of the record [default: where its run read it]
    #[arg(value_name = "LOCATION")]
    pub(crate) location: Option<String>,
    /// Folder of the case, which must not exist and must be outside of the evidence
    #[arg(long, value_name = "DIRECTORY", required = true)]
    pub(crate) case: PathBuf,
    /// How long before an effect its cause is looked for
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    pub(crate) lookback: String,
    /// Add everything else that the access keys of deeds did in that time
    #[arg(long)]
    pub(crate) pivot: bool,
    /// Server access logs of the bucket, as files or directories: an unsigned witness (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) access_logs: Vec<PathBuf>,
    /// Events of KMS, one in JSON a line, as files: they show which log files were written, an unsigned
    /// witness (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) kms_events: Vec<PathBuf>,
    /// Evidence of another trail, such as one with data events of the bucket: it is verified, and its
    /// events are proven (repeatable)
    #[arg(long, value_name = "LOCATION")]
    pub(crate) also: Vec<String>,
    /// Ask Event history of the caller's account about time without evidence, two requests a second: for
    /// what may be a cause, or for everything (`=all`), which is then held against the verified log files.
    /// An unsigned witness
    #[arg(long, value_name = "WHAT", value_enum, num_args = 0..=1, require_equals = true,
        default_missing_value = "causes")]
    pub(crate) event_history: Option<HistoryMode>,
    #[command(flatten)]
    pub(crate) selection: Selection,
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
    /// Assert that the copy is complete, so that an object absent from it counts as removed
    #[arg(long)]
    pub(crate) complete_copy: bool,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
}
