//! The options of `recover`.
use super::aws::concurrency;
use super::lookup::LookupFormat;
use super::selection::Selection;
use clap::Args;
use std::path::PathBuf;
use trailproof_core::vocab::budget::VERSIONS_OF_KEY;

/// Parses a number of versions: at most as many as are listed of one object.
fn try_versions(text: &str) -> Result<usize, String> {
    let most = VERSIONS_OF_KEY;
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("not a number from 1 to {most}"))
}

/// The options of `recover`.
#[derive(Args, Debug)]
pub(crate) struct RecoverArgs {
    /// Record of a run that did not prove everything, or the bucket: `s3://BUCKET[/PREFIX]`, which
    /// is then verified first and needs a period
    #[arg(value_name = "RECORD|LOCATION")]
    pub(crate) evidence: String,
    /// Destination: a new directory, which becomes a mirror of what the versions prove
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    pub(crate) to: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Trust the public keys in FILE instead of asking AWS (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,
    /// Versions of one object to try where the oldest does not prove [default: 10000]
    #[arg(long, value_name = "N", value_parser = try_versions)]
    pub(crate) try_versions: Option<usize>,
    /// Report what could be recovered, and write nothing
    #[arg(long, conflicts_with = "to")]
    pub(crate) dry_run: bool,
    /// Format of the report on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LookupFormat::Text)]
    pub(crate) format: LookupFormat,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
}
