//! The options of `mirror`.
use super::aws::concurrency;
use super::output::{Format, OutputArgs, RecordArgs};
use super::selection::Selection;
use clap::Args;
use std::path::PathBuf;

/// The options of `mirror`.
#[derive(Args, Debug)]
pub(crate) struct MirrorArgs {
    /// Where the evidence lies: `s3://BUCKET[/PREFIX]`
    #[arg(value_name = "LOCATION")]
    pub(crate) location: String,
    /// Where the mirror is made: a new directory, or a mirror of that place, which is gone on with
    #[arg(value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Believe the public keys in this file and ask AWS for none; may be given again
    #[arg(long, value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,
    /// Form of the report of what was verified
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// No progress and no summary on stderr
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
