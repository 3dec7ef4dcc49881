//! The options of `mirror`.
use super::aws::concurrency;
use super::output::{Format, OutputArgs, RecordArgs};
use super::selection::Selection;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The options of `mirror`, and its subcommands.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct MirrorArgs {
    #[command(subcommand)]
    pub(crate) command: Option<MirrorCommand>,
    // The derive of an optional group requires that it contains no other group.
    #[command(flatten)]
    pub(crate) copy: Option<CopyArgs>,
    #[command(flatten)]
    pub(crate) options: CopyOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MirrorCommand {
    /// Check that the files of a mirror are what they were when they were copied (bit rot)
    Check(CheckArgs),
}

/// What `mirror` copies, and to where.
#[derive(Args, Debug)]
pub(crate) struct CopyArgs {
    /// Evidence to copy: `s3://BUCKET[/PREFIX]`
    #[arg(value_name = "LOCATION")]
    pub(crate) location: String,
    /// Destination: a new directory, or an existing mirror of the same location, which is resumed
    /// or extended
    #[arg(value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
}

/// The options of `mirror` itself.
#[derive(Args, Debug)]
pub(crate) struct CopyOptions {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// List only: print what would be copied, its size, what is archived, and whether it fits
    #[arg(long, conflicts_with_all = ["record", "report", "junit", "ocsf", "export"])]
    pub(crate) dry_run: bool,
    /// Trust the public keys in FILE instead of asking AWS (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,
    /// Format of the report on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
}

/// The options of `mirror check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Mirror to check, made by `trailproof mirror`
    #[arg(value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
    /// Read only a random share of the files, in percent: `2%` [default: all files]. Every file must
    /// exist and have its size nevertheless
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) sample: Option<Percent>,
    /// Choose the sample that an earlier check with this seed chose
    #[arg(long, value_name = "N", requires = "sample")]
    pub(crate) seed: Option<u64>,
    /// Do not add the check to the custody log, as for a mirror that cannot be written
    #[arg(long)]
    pub(crate) no_log: bool,
    /// Format of the report on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = CheckFormat::Text)]
    pub(crate) format: CheckFormat,
    /// List every fault in the text report, instead of the first ones
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Number of files that are read at once [default: twice the number of processors]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
}

/// Formats of the report of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CheckFormat {
    /// Text for people
    Text,
    /// One document, in JSON
    Json,
}

/// A share of a hundred, in millionths of a percent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Percent {
    /// As it was typed, without the percent sign.
    pub(crate) typed: String,
    /// The share of a hundred million.
    pub(crate) parts: u64,
}

/// Reads `2%`, `2` or `0.5%`.
fn percent(text: &str) -> Result<Percent, String> {
    let typed = text.strip_suffix('%').unwrap_or(text).trim();
    let (whole, part) = typed.split_once('.').unwrap_or((typed, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let wrong = || "must be a percentage above 0 and up to 100, such as `2%`".to_owned();
    if !digits(whole) || !digits(part) || whole.len() > 3 || part.len() > 6 {
        return Err(wrong());
    }
    let parts = format!("{whole}{part:0<6}").parse::<u64>().map_err(|_| wrong())?;
    match parts {
        1..=100_000_000 => Ok(Percent { typed: typed.to_owned(), parts }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_in_percent() {
        for (text, parts) in [
            ("2%", Some(2_000_000)),
            ("2", Some(2_000_000)),
            ("0.5%", Some(500_000)),
            ("0.000001%", Some(1)),
            ("100%", Some(100_000_000)),
            ("0%", None),
            ("0.0000001%", None),
            ("100.1%", None),
            ("-1%", None),
            ("1e1%", None),
            ("%", None),
            ("1.%", None),
            (".5%", None),
            ("half", None),
        ] {
            assert_eq!(percent(text).ok().map(|percent| percent.parts), parts, "{text}");
        }
    }
}
