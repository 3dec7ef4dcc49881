//! The program from argv to exit status.
use super::args::{Cli, Command};
use super::{keys, lookup, mirror, validate_logs, verify};
use clap::Parser as _;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// Exit status of a mistake on the command line, as clap and most tools have it.
const USAGE: u8 = 2;
/// Exit status of a defect of ours.
const OUR_BUG: u8 = 70;

/// Runs the program with these arguments, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // A panic is a defect of ours and must not look like any verdict.
    match std::panic::catch_unwind(|| run(arguments)) {
        Ok(status) => ExitCode::from(status),
        Err(_) => {
            say("trailproof: this is a bug in trailproof; the run has no verdict");
            ExitCode::from(OUR_BUG)
        }
    }
}

fn run(arguments: Vec<OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(message) => {
            let shown = message.print().is_ok();
            let asked_for = !message.use_stderr();
            return if asked_for && shown { 0 } else { USAGE };
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("trailproof: cannot start threads: {error}"));
            return OUR_BUG;
        }
    };
    let status = match cli.command {
        Command::ValidateLogs(args) => runtime.block_on(validate_logs::run(&cli.aws, &args)),
        Command::Lookup(args) => runtime.block_on(lookup::run(&cli.aws, &args)),
        Command::Mirror(args) => runtime.block_on(mirror::run(&cli.aws, &args)),
        Command::Keys(args) => runtime.block_on(keys::run(&cli.aws, &args)),
        Command::Verify(args) => runtime.block_on(verify::run(&cli.aws, &args)),
    };
    // Requests that nobody waits for any more are not worth waiting for either.
    runtime.shutdown_background();
    status
}

/// Writes a line to stderr; where that is closed there is nobody to tell.
pub(super) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
