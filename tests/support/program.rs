//! The program as a test runs it: in an environment of the test alone, with a loopback server in
//! place of AWS or with none.
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use trailproof_testkit::server::{LoopbackServer, ServerOptions};
use trailproof_testkit::trail::BuiltTrail;

/// The path of the program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_trailproof");

/// An endpoint at which nothing listens.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9";

/// Credentials that every loopback server accepts.
pub(crate) const CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "demo"), ("AWS_SECRET_ACCESS_KEY", "demo")];

/// Clears the environment of a command, and makes every route to AWS a dead end: no configuration,
/// no credentials, and an endpoint at which nothing listens.
pub(crate) fn isolate(command: &mut Command) -> &mut Command {
    command
        .env_clear()
        .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL", NOWHERE)
        .stdin(Stdio::null())
}

/// Makes an isolated command use this endpoint in place of AWS.
pub(crate) fn connect<'a>(command: &'a mut Command, endpoint: &str) -> &'a mut Command {
    command.env("AWS_ENDPOINT_URL", endpoint).envs(CREDENTIALS)
}

/// Returns the program in an environment in which every route to AWS is a dead end.
pub(crate) fn program(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(PROGRAM);
    isolate(&mut command).args(arguments);
    command
}

/// Returns the program with the server in place of AWS. No region is configured.
pub(crate) fn connected(server: &LoopbackServer, arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = program(arguments);
    connect(&mut command, &server.endpoint());
    command
}

/// Returns the program without a network, if the system allows that: it then cannot reach this
/// machine's servers either.
pub(crate) fn without_network(arguments: &[impl AsRef<OsStr>]) -> Command {
    let can = Command::new("unshare").args(["-rn", "true"]).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        return program(arguments);
    }
    let mut command = Command::new("unshare");
    isolate(&mut command).args(["-rn", PROGRAM]).args(arguments);
    command
}

/// Serves the trail's world.
pub(crate) fn serve(trail: &BuiltTrail) -> LoopbackServer {
    LoopbackServer::start(trail.world.clone(), ServerOptions::default()).unwrap()
}

/// Returns the path of a file or folder of this name, which does not exist.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&at);
    let _ = fs::remove_file(&at);
    at
}

/// Creates an empty folder of this name.
pub(crate) fn empty_folder(name: &str) -> PathBuf {
    let at = scratch(name);
    fs::create_dir_all(&at).unwrap();
    at
}

/// Returns the program that an environment variable names. If it names none, prints that the test is
/// skipped, and fails if the variable `required` is set.
pub(crate) fn named_program(variable: &str, required: &str) -> Option<OsString> {
    let named = std::env::var_os(variable).filter(|name| !name.is_empty());
    if named.is_none() {
        println!("skipped: `{variable}` is not set");
        assert!(std::env::var_os(required).is_none(), "`{variable}` is required");
    }
    named
}

/// The result of a run of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Exit status; -1 after a signal.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command to its end.
    pub(crate) fn from(command: &mut Command) -> Self {
        Self::of(command.output().unwrap())
    }

    /// Checks the exit status, and that stdout or stderr contains these words.
    pub(crate) fn is(self, status: i32, words: &str) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        let printed = self.stdout.contains(words) || self.stderr.contains(words);
        assert!(printed, "`{words}` is not in {self:#?}");
        // The output must not control a terminal.
        let unsafe_byte = |text: &str| text.bytes().any(|byte| byte < 0x20 && byte != b'\n');
        assert!(!unsafe_byte(&self.stdout) && !unsafe_byte(&self.stderr), "{self:#?}");
        self
    }

    /// Returns stdout as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Returns the lines of stdout as JSON.
    pub(crate) fn jsonl(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns the events with this name.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Value> {
        self.jsonl().into_iter().filter(|event| event["event"] == kind).collect()
    }
}
