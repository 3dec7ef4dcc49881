//! What was typed, and nothing of what it means: help and version work even where all else fails.
use super::attest_args::AttestArgs;
use super::keys_args::KeysArgs;
use super::lookup_args::LookupArgs;
use super::manual::{CompletionsArgs, ManArgs};
use super::mirror_args::MirrorArgs;
use super::output_args::{OutputArgs, RecordArgs, ReplayArgs};
use super::selection::Selection;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Says what a CloudTrail bucket proves.
#[derive(Debug, Parser)]
#[command(name = "trailproof", version, about, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) aws: AwsArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// How AWS is reached; everything else (credentials, SSO, roles, service endpoints) is configured
/// as for any AWS tool.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "AWS options")]
pub(super) struct AwsArgs {
    /// Profile of the AWS configuration files to use
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Region to use, instead of the configured one
    #[arg(long, global = true, value_name = "REGION")]
    pub(super) region: Option<String>,
    /// Endpoint of CloudTrail to use, instead of AWS's
    #[arg(long, global = true, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Validate the log files of a trail: drop-in for `aws cloudtrail validate-logs`
    ValidateLogs(ValidateLogsArgs),
    /// Say what a bucket proves: every account, region and trail, in one run
    Verify(VerifyArgs),
    /// Say whether CloudTrail delivered a file, where and when
    Lookup(LookupArgs),
    /// Make any report again from a run record, without the evidence
    Replay(ReplayArgs),
    /// Copy what proves a bucket's log files, and verify it on the way
    Mirror(MirrorArgs),
    /// Get and check the public keys that prove digests, for verifying without AWS
    Keys(KeysArgs),
    /// Sign what a run proved, and check what somebody else signed
    Attest(AttestArgs),
    /// Print what makes a shell complete the command line
    Completions(CompletionsArgs),
    /// Print the manual page of the program or of a command
    Man(ManArgs),
}

/// The options of `verify`.
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// Where the evidence lies: `s3://BUCKET[/PREFIX]`, or a directory with a copy of it
    #[arg(value_name = "LOCATION", required_unless_present = "trail_arn")]
    pub(super) location: Option<String>,
    /// Verify this trail; without a location, its bucket and prefix are asked of CloudTrail
    #[arg(long, value_name = "ARN")]
    pub(super) trail_arn: Option<String>,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Begin where the run of this record left off, and join on to it without a seam; or a time
    #[arg(long, value_name = "TIME|RECORD", group = "from")]
    pub(super) since: Option<String>,
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
    /// Do not search for log files that no digest names (saves one LIST per region and day)
    #[arg(long)]
    pub(super) no_unlisted: bool,
    /// Search for log files that no digest names (the default)
    #[arg(long, overrides_with = "no_unlisted", hide = true)]
    pub(super) unlisted: bool,
    /// Do not read log files again that this record proves and the store lists unchanged
    #[arg(long, value_name = "RECORD")]
    pub(super) resume: Option<PathBuf>,
    /// List only: say how many chains, digests and log files there are, how many requests a run
    /// would make, about how long it would take and what S3 would charge
    #[arg(long, conflicts_with_all = ["format", "record", "report", "junit", "ocsf", "resume"])]
    pub(super) dry_run: bool,
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// No progress on stderr, nor what a run waits for, nor what it cost
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

/// Forms of a `verify` run's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One summary document
    Json,
    /// The event stream, a line an event
    Jsonl,
}

/// The options of `aws cloudtrail validate-logs`, and `--concurrency`.
#[derive(Args, Debug)]
pub(super) struct ValidateLogsArgs {
    /// ARN of the trail
    #[arg(long, value_name = "ARN")]
    pub(super) trail_arn: String,
    /// Validate log files delivered at or after this time: `2026-07-01T00:00:00Z`
    #[arg(long, value_name = "TIME")]
    pub(super) start_time: String,
    /// Validate log files delivered at or before this time [default: now]
    #[arg(long, value_name = "TIME")]
    pub(super) end_time: Option<String>,
    /// Bucket that holds the digests [default: the trail's]
    #[arg(long, value_name = "BUCKET")]
    pub(super) s3_bucket: Option<String>,
    /// Key prefix of the digests, with `--s3-bucket` [default: the trail's]
    #[arg(long, value_name = "PREFIX", requires = "s3_bucket")]
    pub(super) s3_prefix: Option<String>,
    /// Account to validate; needed for an organization trail
    #[arg(long, value_name = "ID")]
    pub(super) account_id: Option<String>,
    /// Show what is valid as well
    #[arg(long)]
    pub(super) verbose: bool,
    /// Requests in flight at once [default: as many as the store answers well, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(super) concurrency: Option<usize>,
}

pub(super) fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=4_096) => Ok(number),
        _ => Err("must be a whole number from 1 to 4096".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
