//! What was typed, and nothing of what it means: help and version work even where all else fails.
use super::attest::AttestArgs;
use super::aws::{AwsArgs, concurrency};
use super::keys::KeysArgs;
use super::lookup::LookupArgs;
use super::mirror::MirrorArgs;
use super::output::ReplayArgs;
use super::verify::VerifyArgs;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// Says what a CloudTrail bucket proves.
#[derive(Debug, Parser)]
#[command(name = "trailproof", version, about, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
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

/// The options of `aws cloudtrail validate-logs`, and `--concurrency`.
#[derive(Args, Debug)]
pub(crate) struct ValidateLogsArgs {
    /// ARN of the trail
    #[arg(long, value_name = "ARN")]
    pub(crate) trail_arn: String,
    /// Validate log files delivered at or after this time: `2026-07-01T00:00:00Z`
    #[arg(long, value_name = "TIME")]
    pub(crate) start_time: String,
    /// Validate log files delivered at or before this time [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) end_time: Option<String>,
    /// Bucket that holds the digests [default: the trail's]
    #[arg(long, value_name = "BUCKET")]
    pub(crate) s3_bucket: Option<String>,
    /// Key prefix of the digests, with `--s3-bucket` [default: the trail's]
    #[arg(long, value_name = "PREFIX", requires = "s3_bucket")]
    pub(crate) s3_prefix: Option<String>,
    /// Account to validate; needed for an organization trail
    #[arg(long, value_name = "ID")]
    pub(crate) account_id: Option<String>,
    /// Show what is valid as well
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Requests in flight at once [default: as many as the store answers well, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
}

/// The options of `completions`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// The options of `man`.
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// The command, as `verify` or `keys fetch`; without one, the program
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
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
