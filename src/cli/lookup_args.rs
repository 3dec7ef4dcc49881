//! The options of `lookup`.
use super::output_args::{Format, OutputArgs, RecordArgs};
use super::selection::Selection;
use super::verify_args::VerifyArgs;
use clap::Args;
use std::path::PathBuf;

/// The options of `lookup`.
#[derive(Args, Debug)]
pub(super) struct LookupArgs {
    /// Files to look up: log files, gzip or inflated, under whatever names; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Where the evidence lies: `s3://BUCKET[/PREFIX]`, or a directory with a copy of it
    #[arg(long = "in", value_name = "LOCATION", required = true)]
    pub(super) place: String,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Believe the public keys in this file and ask AWS for none; may be given again
    #[arg(long, value_name = "FILE")]
    pub(super) public_keys: Vec<PathBuf>,
    /// Bucket that a copy is of, where its digests do not agree on one
    #[arg(long, value_name = "BUCKET")]
    pub(super) bucket: Option<String>,
    /// Look elsewhere for what was delivered to OLD: `s3://OLD[/PREFIX]=s3://NEW[/PREFIX]` or
    /// `…=DIRECTORY`; may be given again
    #[arg(long, value_name = "OLD=NEW")]
    pub(super) relocate: Vec<String>,
    /// Assert that the copy is complete, so that what is absent from it counts as removed; without
    /// this, only the bucket of delivery and a mirror of it say what is missing
    #[arg(long)]
    pub(super) complete_copy: bool,
    /// No progress on stderr
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl LookupArgs {
    /// The run of `verify` that finds the digests to search.
    pub(super) fn as_verify(&self) -> VerifyArgs {
        VerifyArgs {
            location: Some(self.place.clone()),
            trail_arn: None,
            selection: self.selection.clone(),
            since: None,
            public_keys: self.public_keys.clone(),
            bucket: self.bucket.clone(),
            relocate: self.relocate.clone(),
            complete_copy: self.complete_copy,
            dry_run: false,
            no_unlisted: true,
            unlisted: false,
            resume: None,
            format: Format::Text,
            quiet: self.quiet,
            concurrency: None,
            record: RecordArgs::default(),
            outputs: OutputArgs::default(),
        }
    }
}
