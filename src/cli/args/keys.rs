//! The options of `keys`.
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `keys`.
#[derive(Args, Debug)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Fetch the public keys of regions from AWS into a file, for `verify --public-keys`
    Fetch(FetchArgs),
    /// Check key bundles: report faults in their keys, and the time that they do not cover
    Check(CheckArgs),
}

/// The options of `keys fetch`.
#[derive(Args, Debug)]
pub(crate) struct FetchArgs {
    /// Region whose keys to fetch (repeatable)
    #[arg(
        long = "region",
        id = "region",
        value_name = "REGION",
        required_unless_present = "all_regions"
    )]
    pub(crate) regions: Vec<String>,
    /// Ask every known region of the partition, and report those that do not answer
    #[arg(long)]
    pub(crate) all_regions: bool,
    /// Start of the period to verify: `2026-07-01` or `2026-07-01T00:00:00Z` [default: the whole
    /// history, from September 2015, before there were digests]
    #[arg(long, value_name = "TIME")]
    pub(crate) start_time: Option<String>,
    /// End of the period to verify [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) end_time: Option<String>,
    /// File for the key bundle
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Overwrite output files that already exist
    #[arg(long)]
    pub(crate) force: bool,
}

/// The options of `keys check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Key bundles to check
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Also report whether the files have all keys of the period and the regions of this mirror
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["start_time", "end_time", "region"])]
    pub(crate) mirror: Option<PathBuf>,
    /// Also report whether the files have all keys of the period from this time on
    #[arg(long, value_name = "TIME")]
    pub(crate) start_time: Option<String>,
    /// End of that period [default: now]
    #[arg(long, value_name = "TIME", requires = "start_time")]
    pub(crate) end_time: Option<String>,
    /// Region that the files must have the keys of (repeatable) [default: those in the files]
    #[arg(long = "region", id = "region", value_name = "REGION", requires = "start_time")]
    pub(crate) regions: Vec<String>,
    /// List every oddity of a key, instead of the first ones
    #[arg(long, short)]
    pub(crate) verbose: bool,
}
