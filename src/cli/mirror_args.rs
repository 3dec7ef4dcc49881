//! The options of `mirror`.
use super::aws_args::concurrency;
use super::output_args::{Format, OutputArgs, RecordArgs};
use super::selection::Selection;
use clap::Args;
use std::path::PathBuf;

/// The options of `mirror`.
#[derive(Args, Debug)]
pub(super) struct MirrorArgs {
    /// Where the evidence lies: `s3://BUCKET[/PREFIX]`
    #[arg(value_name = "LOCATION")]
    pub(super) location: String,
    /// Where the mirror is made: a new directory, or a mirror of that place, which is gone on with
    #[arg(value_name = "DIRECTORY")]
    pub(super) directory: PathBuf,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Believe the public keys in this file and ask AWS for none; may be given again
    #[arg(long, value_name = "FILE")]
    pub(super) public_keys: Vec<PathBuf>,
    /// Form of the report of what was verified
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// No progress and no summary on stderr
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// Requests in flight at once [default: as many as the store answers well, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(super) concurrency: Option<usize>,
    #[command(flatten)]
    pub(super) record: RecordArgs,
    #[command(flatten)]
    pub(super) outputs: OutputArgs,
}
