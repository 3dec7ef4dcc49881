//! The command line as clap parses it. Nothing is interpreted here: help and version always work.
use super::attest::AttestArgs;
use super::aws::concurrency;
use super::console::GlobalArgs;
use super::events::EventsArgs;
use super::examples;
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
#[command(name = "trailproof", version, long_version = long_version(), about)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
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
    #[command(after_help = examples::VALIDATE_LOGS)]
    ValidateLogs(ValidateLogsArgs),
    /// Verify the logs of a bucket or copy: every account, region and trail, in one run
    #[command(after_help = examples::VERIFY)]
    Verify(VerifyArgs),
    /// Find out whether CloudTrail delivered a file, where and when
    #[command(after_help = examples::LOOKUP)]
    Lookup(LookupArgs),
    /// Search the events of verified log files; each hit comes with its proof
    #[command(after_help = examples::EVENTS)]
    Events(EventsArgs),
    /// Find out who did what to the evidence, and write a case folder
    #[command(after_help = examples::INVESTIGATE)]
    Investigate(Box<InvestigateArgs>),
    /// Regenerate any report from a run record, without the evidence
    #[command(after_help = examples::REPLAY)]
    Replay(ReplayArgs),
    /// Cut a run into shards, for a cluster: write the plan of all shards
    #[command(after_help = examples::PLAN)]
    Plan(PlanArgs),
    /// Verify shards of a plan, and write a record of each
    #[command(after_help = examples::WORK)]
    Work(WorkArgs),
    /// Make the run record of the records of all shards
    #[command(after_help = examples::MERGE)]
    Merge(MergeArgs),
    /// Verify what is new since the last step, keep a chain of records, and alert: for a scheduler
    #[command(after_help = examples::WATCH)]
    Watch(Box<WatchArgs>),
    /// Copy a bucket's digests and log files into a directory, and verify them on the way
    #[command(after_help = examples::MIRROR, disable_help_subcommand = true)]
    Mirror(MirrorArgs),
    /// Recover deleted and replaced digests and log files from the versions that are left
    #[command(after_help = examples::RECOVER)]
    Recover(RecoverArgs),
    /// Fetch and check the public keys of digests, to verify without AWS
    #[command(after_help = examples::KEYS, disable_help_subcommand = true)]
    Keys(KeysArgs),
    /// Check that a trail, its bucket and its key are configured so that logs can be evidence
    #[command(after_help = examples::TRAIL_CONFIG)]
    TrailConfig(TrailConfigArgs),
    /// Sign the result of a run, or check a signed result
    #[command(after_help = examples::ATTEST, disable_help_subcommand = true)]
    Attest(AttestArgs),
    /// Make, check and compare packages of evidence for auditors
    #[command(after_help = examples::PACKAGE, disable_help_subcommand = true)]
    Package(PackageArgs),
    /// Explain a code of an output: its meaning, innocent causes, what to check and what to do
    #[command(after_help = examples::EXPLAIN)]
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
    /// Code, such as `log-missing`, a check of `trail-config` or a technique of `investigate`
    /// [default: list every code]
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

    /// Returns the commands of a text, without the words between them.
    fn commands(text: &str) -> Vec<String> {
        let text = text.replace("\\\n", " ");
        let lines = text.lines().map(str::trim);
        lines.filter(|line| line.starts_with("trailproof ")).map(str::to_owned).collect()
    }

    #[test]
    fn every_example_is_a_command_line() {
        let mut named = std::collections::BTreeSet::new();
        for text in examples::ALL {
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
            let commands = commands(text);
            assert!(!commands.is_empty(), "{text}");
            for line in commands {
                named.extend(line.split_whitespace().nth(1).map(str::to_owned));
                if let Err(error) = Cli::try_parse_from(line.split_whitespace()) {
                    panic!("{line}: {error}");
                }
            }
        }
        let program = Cli::command();
        let all = program.get_subcommands().map(|command| command.get_name().to_owned());
        let without: Vec<String> = all.filter(|name| !named.contains(name)).collect();
        assert_eq!(without, ["completions", "man"]);
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
