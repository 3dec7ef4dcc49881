//! The options of `lookup`.
use super::selection::Selection;
use clap::Args;
use std::path::PathBuf;

/// The options of `lookup`.
#[derive(Args, Debug)]
pub(crate) struct LookupArgs {
    /// Files to look up: log files, gzip or inflated, under whatever names; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Where the evidence lies: `s3://BUCKET[/PREFIX]`, or a directory with a copy of it
    #[arg(long = "in", value_name = "LOCATION", required = true)]
    pub(crate) place: String,
    #[command(flatten)]
    pub(crate) selection: Selection,
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
    /// No progress on stderr
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
