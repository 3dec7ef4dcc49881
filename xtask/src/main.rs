//! The repository's tasks. `cargo xtask` lists them.
mod release;

use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask TASK

  bless   rewrites the files that tests compare with: the help texts, the demo and, if
          TRAILPROOF_AWS_CLI names the AWS CLI, the list of differences and its table in the book
  docs    rewrites the generated pages of the book: command line, codes, exit statuses, limits
  ci      runs every check that must pass before a change is merged (`.ci/run`)
  release makes what people install; `cargo xtask release --help` lists its options
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next();
    if task.as_deref() == Some("release") {
        return release::release(arguments);
    }
    match (task.as_deref(), arguments.next()) {
        (Some("bless"), None) => bless(),
        (Some("docs"), None) => bless_all(&[("it", "book::"), ("it", "permissions::")]),
        (Some("ci"), None) => run(Command::new("bash").arg(".ci/run")),
        _ => {
            say(USAGE);
            ExitCode::from(2)
        }
    }
}

/// Runs the tests that rewrite the files they compare with, one after the other.
fn bless() -> ExitCode {
    let mut tasks =
        vec![("it", "cli::"), ("it", "demo::"), ("it", "book::"), ("it", "permissions::")];
    if std::env::var_os("TRAILPROOF_AWS_CLI").is_some() {
        tasks.push(("external", "differential::"));
    }
    bless_all(&tasks)
}

/// Runs tests of these programs, which rewrite the files that they compare with.
fn bless_all(tasks: &[(&str, &str)]) -> ExitCode {
    for (program, tests) in tasks {
        let mut command = Command::new("cargo");
        command.args(["test", "--workspace", "--test", program, tests]);
        let status = run(command.env("TRAILPROOF_BLESS", "1"));
        if status != ExitCode::SUCCESS {
            return status;
        }
    }
    ExitCode::SUCCESS
}

/// Runs a command at the top of the repository. Its output goes where ours goes.
fn run(command: &mut Command) -> ExitCode {
    match command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: cannot run `{}`: {error}\n", command.get_program().display()));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a task prints its errors")]
fn say(text: &str) {
    eprint!("{text}");
}
