//! The program from the outside, as far as it needs no server: whole outputs as committed in
//! `testdata/cli`. `TRAILPROOF_BLESS=1` rewrites them.
mod console;
mod shells;
use crate::support::program as support;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ARN: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events";

/// Returns the program with nothing of this machine's configuration in its environment.
fn program() -> Command {
    support::program(&[""; 0])
}

/// Returns exit status, stdout and stderr in one text.
fn whole(arguments: &[&str], output: &Output) -> String {
    let mut text = String::from("$ trailproof");
    for argument in arguments {
        write!(text, " {}", argument.escape_debug()).unwrap();
    }
    let out = String::from_utf8(output.stdout.clone()).unwrap();
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    let status = output.status.code().unwrap();
    writeln!(text, "\n[exit status {status}]\n[stdout]\n{out}[stderr]\n{err}[end]").unwrap();
    text
}

fn snapshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cli")
}

/// Compares the whole output with the committed one.
fn check(name: &str, arguments: &[&str]) {
    let text = whole(arguments, &program().args(arguments).output().unwrap());
    let at = snapshots().join(format!("{name}.txt"));
    if std::env::var_os("TRAILPROOF_BLESS").is_some() {
        fs::create_dir_all(snapshots()).unwrap();
        fs::write(&at, &text).unwrap();
    }
    let committed = fs::read_to_string(&at).unwrap_or_default();
    assert_eq!(text, committed, "`{}` differs; `TRAILPROOF_BLESS=1` rewrites it", at.display());
}

/// Returns the arguments of `validate-logs` for the trail over a fixed period, with more arguments.
fn validate(more: &[&'static str]) -> Vec<&'static str> {
    let mut arguments = vec!["validate-logs"];
    let named = |name: &str| more.contains(&name);
    if !named("--trail-arn") {
        arguments.extend(["--trail-arn", ARN]);
    }
    if !named("--start-time") {
        arguments.extend(["--start-time", "2026-03-01T00:00:00Z"]);
    }
    if !named("--end-time") {
        arguments.extend(["--end-time", "2026-03-02T00:00:00Z"]);
    }
    arguments.extend(more);
    arguments
}

/// Returns the subcommands that the help of this command lists, and their subcommands.
fn subcommands(words: &[String]) -> Vec<Vec<String>> {
    let help = program().args(words).arg("--help").output().unwrap().stdout;
    let help = String::from_utf8(help).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| line.starts_with("  "));
    // The name of a command is indented by two columns; its description is indented further.
    let named = listed.filter(|line| !line.starts_with("   "));
    let named = named.filter_map(|line| line.split_whitespace().next());
    // `help` prints the help of the others.
    let named = named.filter(|name| *name != "help");
    named
        .flat_map(|name| {
            let words = [words, &[name.to_owned()]].concat();
            let below = subcommands(&words);
            std::iter::once(words).chain(below)
        })
        .collect()
}

#[test]
fn the_help_of_every_command_is_as_committed() {
    check("help", &["--help"]);
    let subcommands = subcommands(&[]);
    assert!(subcommands.contains(&vec!["validate-logs".to_owned()]), "{subcommands:?}");
    for words in &subcommands {
        let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        check(&format!("help-{}", words.join("-")), &arguments);
    }
}

#[test]
fn the_version_is_that_of_the_crate() {
    let output = program().arg("--version").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    let expected = format!("trailproof {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn usage_errors_end_with_status_2() {
    let cases: &[(&str, &[&str])] = &[
        ("usage-nothing", &[]),
        ("usage-unknown-command", &["validate-log"]),
        ("usage-unknown-option", &["validate-logs", "--trail", "x"]),
        ("usage-required", &["validate-logs"]),
        ("usage-value-missing", &["validate-logs", "--trail-arn"]),
    ];
    for (name, arguments) in cases {
        check(name, arguments);
        let status = program().args(*arguments).output().unwrap().status;
        assert_eq!(status.code(), Some(2), "{name}");
    }
    for (name, more) in [
        ("usage-prefix-without-bucket", &["--s3-prefix", "p"][..]),
        ("usage-concurrency-zero", &["--concurrency", "0"]),
        ("usage-concurrency-no-number", &["--concurrency", "many"]),
        ("usage-twice", &["--account-id", "1", "--account-id", "2"]),
    ] {
        let arguments = validate(more);
        check(name, &arguments);
        assert_eq!(program().args(&arguments).output().unwrap().status.code(), Some(2), "{name}");
    }
}

#[test]
fn unusable_values_are_named_and_end_with_status_255() {
    for (name, more) in [
        ("bad-start-time", &["--start-time", "yesterday"][..]),
        ("bad-end-time", &["--end-time", "2026-13-01"]),
        ("bad-time-hostile", &["--start-time", "\u{1b}[2J\u{202e}2026"]),
        ("bad-range", &["--start-time", "2026-03-03T00:00:00+02:00"]),
        ("bad-arn", &["--region", "us-east-1", "--trail-arn", "management-events"]),
        ("bad-arn-service", &["--region", "us-east-1", "--trail-arn", "arn:aws:s3:::bucket"]),
        ("bad-arn-hostile", &["--region", "us-east-1", "--trail-arn", "arn:\u{1b}]0;x\u{7}"]),
        ("bad-region", &["--region", "us_east_1"]),
        ("bad-account", &["--region", "us-east-1", "--account-id", "12"]),
        ("no-region", &[]),
        ("no-profile", &["--profile", "nobody"]),
        ("no-credentials", &["--region", "us-east-1"]),
    ] {
        let arguments = validate(more);
        check(name, &arguments);
        assert_eq!(program().args(&arguments).output().unwrap().status.code(), Some(255), "{name}");
    }
}

/// A value of a megabyte is quoted by its beginning.
#[test]
fn a_long_value_is_not_quoted_in_full() {
    // The system accepts at most 128 KB for one argument.
    let long = "A".repeat(100_000);
    for option in ["--trail-arn", "--start-time"] {
        let mut arguments = vec!["validate-logs", "--region", "us-east-1", option, long.as_str()];
        for (name, value) in [("--trail-arn", ARN), ("--start-time", "2026-03-01T00:00:00Z")] {
            if name != option {
                arguments.extend([name, value]);
            }
        }
        let output = program().args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(255), "{option}");
        assert!(output.stderr.len() < 1_000, "{option}: {} bytes", output.stderr.len());
    }
}

/// Whatever happens to its streams, the program does not panic (101) and does not report an
/// internal error (70).
#[test]
fn streams_that_are_closed_or_full_never_panic() {
    let program = support::PROGRAM;
    let refused = format!("validate-logs --trail-arn {ARN} --start-time yesterday");
    let cases = [
        ("--help", "", 0),
        ("--help", ">&-", 0),
        ("--help", ">/dev/full", 2),
        ("--version", ">&- 2>&-", 0),
        ("validate-logs --help", "<&- >&- 2>&-", 0),
        ("no-such-command", "2>&-", 2),
        ("no-such-command", "2>/dev/full", 2),
        (refused.as_str(), "2>&-", 255),
        (refused.as_str(), "2>/dev/full", 255),
    ];
    for (arguments, redirections, expected) in cases {
        let script = format!("exec '{program}' {arguments} {redirections}");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{arguments} {redirections}");
    }
}

/// The reader of a pipe may go away before the program writes.
#[test]
fn help_into_a_pipe_without_a_reader_never_panics() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = program().arg("--help").stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Arguments that are not UTF-8 are a usage error and nothing worse.
#[test]
fn arguments_that_are_not_utf_8_are_usage_errors() {
    use std::os::unix::ffi::OsStrExt as _;
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    for before in [&[][..], &["validate-logs", "--start-time"][..]] {
        let status = program().args(before).arg(odd).output().unwrap().status;
        assert_eq!(status.code(), Some(2), "{before:?}");
    }
}

/// Every option in the help has a row in the book's guide.
#[test]
fn the_guide_names_every_option_of_validate_logs() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/guide/validate-logs.md");
    let guide = fs::read_to_string(guide).unwrap();
    let output = program().args(["validate-logs", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let words = help.lines().filter_map(|line| line.split_whitespace().next());
    let options: Vec<_> = words.filter(|word| word.starts_with("--")).collect();
    assert!(options.len() >= 10, "{options:?}");
    for option in options {
        let row = format!("\n| `{option}");
        assert!(guide.contains(&row), "the guide has no row for `{option}`");
    }
}

/// A snapshot that no test writes has no purpose.
#[test]
fn no_snapshot_is_left_over() {
    let source = include_str!("mod.rs");
    let subcommands = subcommands(&[]);
    for entry in fs::read_dir(snapshots()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let helps = subcommands.iter().any(|words| name == format!("help-{}", words.join("-")));
        assert!(helps || source.contains(&format!("\"{name}\"")), "no test writes `{name}.txt`");
    }
}
