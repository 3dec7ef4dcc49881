//! Runs the program from argv to exit status.
use super::args::commands::{Cli, Command};
use super::command::attest::run as attest;
use super::command::{
    events, investigate, keys, lookup, manual, mirror, package, recover, replay, shard,
    trail_config, validate_logs, verify, watch,
};
use crate::console::exit::ExitStatus;
use crate::console::stream::print_to_stderr;
use clap::Parser as _;
use std::ffi::OsString;
use std::panic::UnwindSafe;
use std::process::ExitCode;

/// Runs the program with the given arguments. The first one is the name of the program.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    ExitCode::from(caught(|| run(arguments)))
}

/// Returns the exit status of `work`. A panic is a bug and must not look like a verdict.
fn caught(work: impl FnOnce() -> ExitStatus + UnwindSafe) -> ExitStatus {
    std::panic::catch_unwind(work).unwrap_or_else(|_| {
        print_to_stderr("trailproof: this is a bug in trailproof; the run has no verdict");
        ExitStatus::Defect
    })
}

fn run(arguments: Vec<OsString>) -> ExitStatus {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(message) => {
            let shown = message.print().is_ok();
            let asked_for = !message.use_stderr();
            return if asked_for && shown { ExitStatus::Success } else { ExitStatus::Usage };
        }
    };
    // These need no runtime.
    match &cli.command {
        Command::Completions(args) => return manual::completions(args),
        Command::Man(args) => return manual::page(args),
        Command::Explain(args) => return manual::explain(args),
        _ => {}
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_to_stderr(&format!("trailproof: cannot start threads: {error}"));
            return ExitStatus::Defect;
        }
    };
    let global = cli.global;
    let status = match cli.command {
        Command::Completions(_) | Command::Man(_) | Command::Explain(_) => ExitStatus::Success,
        Command::ValidateLogs(args) => runtime.block_on(validate_logs::run(&global.aws, &args)),
        Command::Lookup(args) => runtime.block_on(lookup::run(&global, &args)),
        Command::Events(args) => runtime.block_on(events::run(&global, &args)),
        Command::Investigate(args) => runtime.block_on(investigate::run(&global, &args)),
        Command::Attest(args) => runtime.block_on(attest::run(&global, &args)),
        Command::Package(args) => runtime.block_on(package::run(&global, &args)),
        Command::Mirror(args) => runtime.block_on(mirror::run(&global, &args)),
        Command::Recover(args) => runtime.block_on(recover::run(&global, &args)),
        Command::Keys(args) => runtime.block_on(keys::run(&global.aws, &args)),
        Command::Merge(args) => runtime.block_on(shard::merge(&global.aws, &args)),
        Command::Plan(args) => runtime.block_on(shard::plan(&global, &args)),
        Command::Replay(args) => replay::run(&global, &args),
        Command::TrailConfig(args) => runtime.block_on(trail_config::run(&global.aws, &args)),
        Command::Verify(args) => runtime.block_on(verify::run(&global, &args)),
        Command::Watch(args) => runtime.block_on(watch::run(&global, &args)),
        Command::Work(args) => runtime.block_on(shard::work(&global, &args)),
    };
    // Do not wait for requests whose answers are no longer needed.
    runtime.shutdown_background();
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_exits_with_the_status_of_a_bug_wherever_it_comes_from() {
        let runtime = || tokio::runtime::Builder::new_multi_thread().build().unwrap();
        let nothing: &[ExitStatus] = &[];
        let status = |fails: bool| {
            let work = move || if fails { nothing[0] } else { ExitStatus::Success };
            [
                caught(work),
                // The engine passes on the panic of a task in this way.
                caught(move || {
                    runtime().block_on(async move {
                        let task = tokio::spawn(async move { work() });
                        task.await.unwrap_or_else(|why| std::panic::resume_unwind(why.into_panic()))
                    })
                }),
            ]
        };
        assert_eq!(status(false), [ExitStatus::Success; 2]);
        assert_eq!(status(true), [ExitStatus::Defect; 2]);
        assert_eq!(ExitStatus::Defect.code(), 70);
    }
}
