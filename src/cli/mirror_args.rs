//! The options of `mirror`.
use super::aws_args::concurrency;
use super::output_args::{Format, OutputArgs, RecordArgs};
use super::selection::Selection;
use super::verify_args::VerifyArgs;
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

impl MirrorArgs {
    /// The run of `verify` that reads what is copied.
    pub(super) fn as_verify(&self) -> VerifyArgs {
        VerifyArgs {
            location: Some(self.location.clone()),
            trail_arn: None,
            selection: self.selection.clone(),
            public_keys: self.public_keys.clone(),
            bucket: None,
            relocate: Vec::new(),
            complete_copy: false,
            since: None,
            no_unlisted: false,
            unlisted: false,
            resume: None,
            dry_run: false,
            format: self.format,
            quiet: self.quiet,
            concurrency: self.concurrency,
            record: RecordArgs::default(),
            outputs: OutputArgs::default(),
        }
    }
}
