//! The options of `mirror`.
use super::aws::concurrency;
use super::output::{Format, OutputArgs, RecordArgs};
use super::selection::Selection;
use clap::Args;
use std::path::PathBuf;

/// The options of `mirror`.
#[derive(Args, Debug)]
pub(crate) struct MirrorArgs {
    /// Evidence to copy: `s3://BUCKET[/PREFIX]`
    #[arg(value_name = "LOCATION")]
    pub(crate) location: String,
    /// Destination: a new directory, or an existing mirror of the same location, which is resumed
    /// or extended
    #[arg(value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Trust the public keys in FILE instead of asking AWS (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,
    /// Format of the report on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Do not print progress and the summaries to stderr
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
}
