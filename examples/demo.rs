//! The demo: the main job on `testdata/demo`, without AWS, network or credentials.
//!
//! `cargo run --release --features test-support --example demo [OPTION…]`
//!
//! The directory is served on a loopback port by this process; a second process, which is
//! trailproof itself, validates both regions against it. Options go to `validate-logs`, `--verbose`
//! for instance. The exit status is the program's; of two that differ, the higher one.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to people")]
use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};
use trailproof::test_support::server::{LoopbackServer, ServerOptions};
use trailproof::test_support::world::World;

/// Makes this process the program itself, with the arguments that follow.
const AS_PROGRAM: &str = "--as-trailproof";

const ARN: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events";
const BUCKET: &str = "example-trail-logs";
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
const START: &str = "2026-03-01T00:00:00Z";
const END: &str = "2026-03-04T00:00:00Z";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == AS_PROGRAM) {
        let arguments = arguments.into_iter().skip(1);
        return Ok(trailproof::cli::main(std::iter::once("trailproof".into()).chain(arguments)));
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo");
    let world = World::read_from(&directory)
        .map_err(|error| format!("cannot read `{}`: {error}", directory.display()))?;
    let server = LoopbackServer::start(world, ServerOptions::default())?;
    println!("serving `testdata/demo` at {}", server.endpoint());
    let mut worst = 0;
    for region in REGIONS {
        worst = worst.max(validate(&server, region, &arguments)?);
    }
    Ok(ExitCode::from(worst))
}

/// Validates the log files of one region and returns the exit status.
fn validate(
    server: &LoopbackServer,
    region: &str,
    more: &[OsString],
) -> Result<u8, Box<dyn Error>> {
    let environment = [
        ("AWS_ENDPOINT_URL", server.endpoint()),
        ("AWS_ACCESS_KEY_ID", "demo".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "demo".to_owned()),
    ];
    let arguments = [
        ["--region", region],
        ["--trail-arn", ARN],
        ["--s3-bucket", BUCKET],
        ["--start-time", START],
        ["--end-time", END],
    ];
    println!();
    for (name, value) in &environment {
        println!("$ export {name}={value}");
    }
    let pairs = arguments.iter().map(|pair| pair.join(" "));
    let rest = more.iter().map(|option| option.to_string_lossy().into_owned());
    let shown: Vec<String> = pairs.chain(rest).collect();
    println!("$ trailproof validate-logs {}\n", shown.join(" \\\n    "));

    let status = Command::new(std::env::current_exe()?)
        .args([AS_PROGRAM, "validate-logs"])
        .args(arguments.iter().flatten())
        .args(more)
        // Neither the caller's set-up nor the caller's keys may reach a server of the demo.
        .env_clear()
        .envs(environment)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .status()?;
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) => {
            println!("\n[exit status {code}]");
            Ok(code)
        }
        None => {
            eprintln!("\n[{status}]");
            Ok(70)
        }
    }
}
