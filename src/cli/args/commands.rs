//! The command line as clap parses it. Nothing is interpreted here: help and version always work.
use super::attest::AttestArgs;
use super::aws::{AwsArgs, concurrency};
use super::events::EventsArgs;
use super::investigate::InvestigateArgs;
use super::keys::KeysArgs;
use super::lookup::LookupArgs;
use super::mirror::MirrorArgs;
use super::output::ReplayArgs;
use super::package::PackageArgs;
use super::recover::RecoverArgs;
use super::shard::{MergeArgs, PlanArgs, WorkArgs};
use super::trail_config::TrailConfigArgs;
use super::verify::VerifyArgs;
use super::watch::WatchArgs;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::sync::LazyLock;
use trailproof_core::record::Tool;
use trailproof_core::vocab::location::escape;

/// Verify that CloudTrail logs are complete and unchanged
#[derive(Debug, Parser)]
#[command(
    name = "trailproof",
    version,
    long_version = long_version(),
    about,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Returns what `--version` prints after the name of the program. `-V` prints the version alone.
fn long_version() -> &'static str {
    static WORDS: LazyLock<String> = LazyLock::new(|| version_of(&Tool::this()));
    &WORDS
}

/// Returns the version of a program, with what is known of its build.
fn version_of(tool: &Tool) -> String {
    let mut words = tool.version.clone();
    if let Some(commit) = &tool.build {
        words += &format!("\ncommit: {}", escape(commit));
    }
    if let Some(built) = &tool.built {
        if let Some(committed) = built.committed {
            words += &format!("\ncommitted: {committed}");
        }
        let (tree, target, rustc) = (built.tree.code(), &built.target, &built.rustc);
        words += &format!("\ntree: {tree}\ntarget: {target}\nrustc: {rustc}");
    }
    words
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Validate the log files of a trail: drop-in replacement for `aws cloudtrail validate-logs`
    ValidateLogs(ValidateLogsArgs),
    /// Verify the logs of a bucket or copy: every account, region and trail, in one run
    Verify(VerifyArgs),
    /// Find out whether CloudTrail delivered a file, where and when
    Lookup(LookupArgs),
    /// Search the events of verified log files; each hit comes with its proof
    Events(EventsArgs),
    /// Find out who did what to the evidence, and write a case folder
    Investigate(Box<InvestigateArgs>),
    /// Regenerate any report from a run record, without the evidence
    Replay(ReplayArgs),
    /// Cut a run into shards, for a cluster: write the plan of all shards
    Plan(PlanArgs),
    /// Verify shards of a plan, and write a record of each
    Work(WorkArgs),
    /// Make the run record of the records of all shards
    Merge(MergeArgs),
    /// Verify what is new since the last step, keep a chain of records, and alert: for a scheduler
    Watch(Box<WatchArgs>),
    /// Copy a bucket's digests and log files into a directory, and verify them on the way
    Mirror(MirrorArgs),
    /// Recover deleted and replaced digests and log files from the versions that are left
    Recover(RecoverArgs),
    /// Fetch and check the public keys of digests, to verify without AWS
    Keys(KeysArgs),
    /// Check that a trail, its bucket and its key are configured so that logs can be evidence
    TrailConfig(TrailConfigArgs),
    /// Sign the result of a run, or check a signed result
    Attest(AttestArgs),
    /// Make, check and compare packages of evidence for auditors
    Package(PackageArgs),
    /// Explain a code of an output: its meaning, innocent causes, what to check and what to do
    Explain(ExplainArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page of trailproof or of a command
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
    /// Account to validate; required for an organization trail
    #[arg(long, value_name = "ID")]
    pub(crate) account_id: Option<String>,
    /// Show valid digests and log files as well
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
}

/// The options of `explain`.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// Code, such as `log-missing` [default: list every code]
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}

/// The options of `completions`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// Shell to print the script for
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// The options of `man`.
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Command, such as `verify` or `keys fetch` [default: trailproof itself]
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use trailproof_core::record::{BuildIdentity, SourceTree};
    use trailproof_core::vocab::time::Timestamp;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_version_has_what_is_known_of_the_build() {
        let mut tool = Tool { version: "1.2.3".to_owned(), build: None, built: None };
        assert_eq!(version_of(&tool), "1.2.3");
        tool.build = Some("0123abc".to_owned());
        let built = BuildIdentity {
            committed: Some(Timestamp::from_unix(1_772_323_451)),
            tree: SourceTree::Modified,
            target: "x86_64-unknown-linux-gnu".to_owned(),
            rustc: "1.94.1".to_owned(),
        };
        tool.built = Some(built.clone());
        assert_eq!(
            version_of(&tool),
            "1.2.3\ncommit: 0123abc\ncommitted: 2026-03-01T00:04:11Z\ntree: modified\n\
             target: x86_64-unknown-linux-gnu\nrustc: 1.94.1"
        );
        tool.built = Some(BuildIdentity { committed: None, tree: SourceTree::Stated, ..built });
        assert!(version_of(&tool).starts_with("1.2.3\ncommit: 0123abc\ntree: stated\n"));
    }
}
