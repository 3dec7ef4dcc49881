//! The programs that are measured, and how they are invoked.
use crate::Outcome;
use crate::directory::KEYS;
use crate::measure::{Run, run};
use crate::world::{ACCOUNT, ARN, BUCKET, LATER, REGION, Sized};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use trailproof_testkit::trail::location::iso;

/// Returns the AWS CLI, if it is installed.
pub(crate) fn aws_cli() -> Option<PathBuf> {
    let named = std::env::var_os("TRAILPROOF_AWS_CLI").filter(|path| !path.is_empty());
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv/awscli/bin/aws");
    named.map(PathBuf::from).or_else(|| here.exists().then_some(here))
}

/// Runs `trailproof validate-logs`.
pub(crate) fn validate_logs(endpoint: &str, sized: Sized) -> Outcome<Run> {
    let mut command = program(endpoint);
    validate_logs_arguments(command.arg("validate-logs"), sized);
    run(&mut command)
}

/// Runs `aws cloudtrail validate-logs`.
pub(crate) fn aws_validate_logs(aws: PathBuf, endpoint: &str, sized: Sized) -> Outcome<Run> {
    let mut command = Command::new(aws);
    surround(&mut command, endpoint);
    validate_logs_arguments(command.args(["cloudtrail", "validate-logs"]), sized);
    run(&mut command)
}

/// Runs `trailproof verify` on the whole bucket.
pub(crate) fn verify(endpoint: &str, sized: Sized) -> Outcome<Run> {
    verify_recording(endpoint, sized, None)
}

/// Runs `trailproof verify --dry-run` on the whole bucket.
pub(crate) fn dry_run(endpoint: &str, sized: Sized) -> Outcome<Run> {
    let (from, to) = sized.proven();
    let mut command = program(endpoint);
    command.args(["verify", &format!("s3://{BUCKET}"), "--dry-run"]);
    run(command.args(["--start-time", &from, "--end-time", &to, "--quiet"]))
}

/// Runs `trailproof verify` on the whole bucket and records the run if a record is named.
pub(crate) fn verify_recording(
    endpoint: &str,
    sized: Sized,
    record: Option<&Path>,
) -> Outcome<Run> {
    let (from, to) = sized.proven();
    let mut command = program(endpoint);
    command.args(["verify", &format!("s3://{BUCKET}")]);
    command.args(["--start-time", &from, "--end-time", &to, "--quiet"]);
    run(recording(&mut command, record))
}

/// Runs `trailproof verify --as-of` on the whole bucket, of the time after everything was delivered.
pub(crate) fn as_of(endpoint: &str, sized: Sized) -> Outcome<Run> {
    let (from, to) = sized.proven();
    let mut command = program(endpoint);
    command.args(["verify", &format!("s3://{BUCKET}"), "--as-of", &iso(LATER)]);
    run(command.args(["--start-time", &from, "--end-time", &to, "--quiet"]))
}

fn recording<'c>(command: &'c mut Command, record: Option<&Path>) -> &'c mut Command {
    match record {
        Some(record) => command.args(["--force", "--record"]).arg(record),
        None => command,
    }
}

/// Runs a trailproof command that only reads files.
pub(crate) fn trailproof(arguments: &[&dyn AsRef<OsStr>]) -> Outcome<Run> {
    let mut command = program("");
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    run(&mut command)
}

/// Runs `trailproof plan` on the whole bucket for this period.
pub(crate) fn plan(
    endpoint: &str,
    (from, to): (&str, &str),
    options: &[&str],
    output: &Path,
) -> Outcome<Run> {
    let mut command = program(endpoint);
    command.args(["plan", &format!("s3://{BUCKET}"), "--start-time", from, "--end-time", to]);
    command.arg("--quiet").arg("--force").arg("--output").arg(output);
    run(command.args(options))
}

/// Runs `trailproof work` on these shards of a plan.
pub(crate) fn work(
    endpoint: &str,
    plan: &Path,
    shards: impl Iterator<Item = u64>,
    to: &Path,
) -> Outcome<Run> {
    let mut command = program(endpoint);
    command.arg("work").arg(plan).arg("--to").arg(to).arg("--quiet");
    for shard in shards {
        command.args(["--shard", &shard.to_string()]);
    }
    run(&mut command)
}

/// Runs the loop that only decompresses and compresses, in a separate process.
pub(crate) fn bare_merge(folder: &Path, to: &Path) -> Outcome<Run> {
    run(Command::new(std::env::current_exe()?).arg("--bare-merge").arg(folder).arg(to))
}

/// Runs `trailproof verify --reproducible --record` on the whole bucket.
pub(crate) fn verify_reproducible(endpoint: &str, sized: Sized, record: &Path) -> Outcome<Run> {
    let (from, to) = sized.proven();
    let mut command = program(endpoint);
    command.args(["verify", &format!("s3://{BUCKET}"), "--reproducible", "--force"]);
    command.args(["--start-time", &from, "--end-time", &to, "--quiet"]);
    run(command.arg("--record").arg(record))
}

/// Runs `trailproof verify` on everything in a directory and records the run if a record is named.
pub(crate) fn verify_directory(
    directory: &Path,
    sized: Sized,
    record: Option<&Path>,
) -> Outcome<Run> {
    let (from, to) = sized.around();
    let mut command = program("");
    command.arg("verify").arg(directory);
    command.arg("--public-keys").arg(directory.join(KEYS));
    command.args(["--start-time", &from, "--end-time", &to, "--quiet", "--format", "json"]);
    run(recording(&mut command, record))
}

/// Runs `trailproof mirror` on the whole bucket, to a directory.
pub(crate) fn mirror_to(endpoint: &str, sized: Sized, directory: &Path) -> Outcome<Run> {
    let (from, to) = sized.around();
    let mut command = program(endpoint);
    command.args(["mirror", &format!("s3://{BUCKET}")]).arg(directory);
    run(command.args(["--start-time", &from, "--end-time", &to, "--quiet"]))
}

/// Runs the loop that only hashes, in a separate process.
pub(crate) fn bare_directory(directory: &Path) -> Outcome<Run> {
    run(Command::new(std::env::current_exe()?).arg("--bare-directory").arg(directory))
}

/// Runs the client that only fetches, in a separate process.
pub(crate) fn bare(endpoint: &str) -> Outcome<Run> {
    let mut command = Command::new(std::env::current_exe()?);
    surround(&mut command, endpoint);
    run(command.args(["--bare", endpoint]))
}

fn program(endpoint: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailproof"));
    surround(&mut command, endpoint);
    command
}

fn validate_logs_arguments(command: &mut Command, sized: Sized) {
    let (from, to) = sized.around();
    command.args(["--trail-arn", ARN, "--account-id", ACCOUNT]);
    command.args(["--start-time", &from, "--end-time", &to]);
}

/// Gives every program the same environment, with nothing from the caller's.
fn surround(command: &mut Command, endpoint: &str) {
    command
        .env_clear()
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("PYTHONWARNINGS", "ignore")
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", "benchmark")
        .env("AWS_SECRET_ACCESS_KEY", "benchmark")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
}
