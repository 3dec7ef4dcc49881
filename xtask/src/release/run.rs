//! Runs programs and writes files, with errors that name both.
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What went wrong, for the person who makes the release.
pub(crate) type Failure = String;

/// A program to run, with the environment that makes its output repeatable.
pub(crate) struct Task {
    command: Command,
    shown: String,
}

impl Task {
    /// Prepares a program to run in a folder.
    pub(crate) fn new(program: &str, folder: &Path, epoch: &str) -> Self {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null());
        // `tar`, `sort` and `rpmbuild` depend on the language and the time zone.
        command.envs([("LC_ALL", "C.UTF-8"), ("TZ", "UTC"), ("SOURCE_DATE_EPOCH", epoch)]);
        Self { command, shown: program.to_owned() }
    }

    /// Adds arguments.
    pub(crate) fn with<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        for argument in arguments {
            self.shown.push(' ');
            self.shown.push_str(&argument.as_ref().to_string_lossy());
            self.command.arg(argument);
        }
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn set(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs the program and returns its stdout. Its stderr goes where ours goes.
    ///
    /// # Errors
    ///
    /// The program cannot be started, does not end with 0, or prints what is not text.
    pub(crate) fn output(mut self) -> Result<String, Failure> {
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cannot run `{}`: {error}", self.shown))?;
        if !output.status.success() {
            return Err(format!("`{}` failed: {}", self.shown, output.status));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| format!("`{}` printed what is not text", self.shown))
    }
}

/// Adds the path to an error of the file system.
pub(crate) fn about<T>(path: &Path, result: std::io::Result<T>) -> Result<T, Failure> {
    result.map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Writes a file with the rights `rw-r--r--`, and the folders above it.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        about(folder, fs::create_dir_all(folder))?;
    }
    about(path, fs::write(path, content))?;
    set_rights(path, 0o644)
}

/// Copies a file, with these rights, and makes the folders above it.
pub(crate) fn copy(from: &Path, to: &Path, rights: u32) -> Result<(), Failure> {
    if let Some(folder) = to.parent() {
        about(folder, fs::create_dir_all(folder))?;
    }
    about(from, fs::copy(from, to))?;
    set_rights(to, rights)
}

fn set_rights(path: &Path, rights: u32) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    about(path, fs::set_permissions(path, fs::Permissions::from_mode(rights)))
}
