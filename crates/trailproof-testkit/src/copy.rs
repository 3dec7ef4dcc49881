//! Runs the program over a copy of a trail in a directory, without access to AWS.
use super::trail::BuiltTrail;
use super::trail::location::iso;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory with a copy of a trail, its keys beside it, and the program that verifies it.
#[derive(Debug)]
pub struct Copy {
    program: PathBuf,
    root: PathBuf,
    /// `verify DIRECTORY --public-keys … --complete-copy` and the period.
    verify: Vec<String>,
}

/// The output of a run of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Exit status; `None` after a signal.
    pub status: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Copy {
    /// Writes the trail and its keys below `root`, which is emptied first, to be verified by
    /// `program` over the trail's whole time.
    ///
    /// # Errors
    ///
    /// Returns an error if a directory cannot hold the trail.
    pub fn write(program: &str, root: &Path, trail: &BuiltTrail) -> io::Result<Self> {
        let _ = fs::remove_dir_all(root);
        fs::create_dir_all(root.join("copy"))?;
        trail.write_to(&root.join("copy"))?;
        let mut copy = Self { program: program.into(), root: root.into(), verify: Vec::new() };
        fs::write(copy.beside("keys.json"), keys(trail))?;
        let whole = trail.whole();
        copy.period(whole.from, whole.to);
        Ok(copy)
    }

    /// Sets the period to verify from now on, in seconds since the Unix epoch.
    pub fn period(&mut self, from: i64, to: i64) {
        let (directory, keys) = (self.beside("copy"), self.beside("keys.json"));
        // Nothing is lost in copying: what is absent was deleted.
        let verify = ["verify", &directory, "--public-keys", &keys, "--complete-copy"];
        let period = ["--start-time", &iso(from), "--end-time", &iso(to)];
        self.verify = verify.iter().chain(&period).map(|part| (*part).to_owned()).collect();
    }

    /// Returns the path of a file beside the copy.
    pub fn beside(&self, name: &str) -> String {
        self.root.join(name).to_string_lossy().into_owned()
    }

    /// Reads a file beside the copy as text, decompressed if its name indicates compression.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read.
    pub fn read(&self, name: &str) -> io::Result<String> {
        let bytes = fs::read(self.beside(name))?;
        let bytes =
            if name.ends_with(".zst") { zstd::decode_all(bytes.as_slice())? } else { bytes };
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// Returns the program with an environment in which every route to AWS is blocked.
    pub fn program(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
            .stdin(Stdio::null());
        command
    }

    /// Returns the command of a `verify` with additional arguments.
    pub fn command(&self, more: &[&str]) -> Command {
        let mut command = self.program();
        command.args(&self.verify).args(more);
        command
    }

    /// Runs `verify` with additional arguments.
    ///
    /// # Errors
    ///
    /// Returns an error if the program cannot be run.
    pub fn verify(&self, more: &[&str]) -> io::Result<Ran> {
        ran(self.command(more))
    }

    /// Runs `replay`.
    ///
    /// # Errors
    ///
    /// Returns an error if the program cannot be run.
    pub fn replay(&self, arguments: &[&str]) -> io::Result<Ran> {
        let mut command = self.program();
        command.arg("replay").args(arguments);
        ran(command)
    }
}

fn ran(mut command: Command) -> io::Result<Ran> {
    let output = command.output()?;
    let text = |bytes| String::from_utf8(bytes).map_err(io::Error::other);
    Ok(Ran {
        status: output.status.code(),
        stdout: text(output.stdout)?,
        stderr: text(output.stderr)?,
    })
}

/// Returns the keys of the world in trailproof's own format: all of them, for the whole time.
fn keys(trail: &BuiltTrail) -> String {
    let mut regions = trail.public_keys();
    for entry in regions.as_object_mut().into_iter().flat_map(|regions| regions.values_mut()) {
        if let Some(entry) = entry.as_object_mut() {
            let always = serde_json::json!([{ "from": "2000-01-01T00:00:00Z", "to": "2200-01-01T00:00:00Z" }]);
            entry.insert("requested".to_owned(), always);
        }
    }
    let keys =
        serde_json::json!({ "format": "trailproof-public-keys", "schema": 1, "regions": regions });
    keys.to_string()
}
