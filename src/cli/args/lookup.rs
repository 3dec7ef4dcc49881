//! The options of `lookup`.
use super::selection::Selection;
use clap::Args;
use std::path::PathBuf;

/// Formats of the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LookupFormat {
    /// Text for people
    Text,
    /// One document, in JSON
    Json,
}

/// The options of `lookup`.
#[derive(Args, Debug)]
pub(crate) struct LookupArgs {
    /// Log files to look up, gzipped or inflated, under any name; a directory stands for the files
    /// below it, and `-` for standard input. Without a period, the files' names give period and scope
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Evidence to search: `s3://BUCKET[/PREFIX]`, or a directory with a copy of it
    #[arg(long = "in", value_name = "LOCATION", required = true)]
    pub(crate) place: String,
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
    /// Assert that the copy is complete, so that an object absent from it counts as removed.
    /// Without this, only the original bucket or a mirror of it can show that an object is missing
    #[arg(long)]
    pub(crate) complete_copy: bool,
    /// Format of the answers
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LookupFormat::Text)]
    pub(crate) format: LookupFormat,
}
