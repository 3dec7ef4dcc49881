//! Runs a program against a served scenario.
use super::Stage;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a running program is polled.
const LOOK: Duration = Duration::from_millis(5);

/// A program that can validate log files.
#[derive(Clone, Debug)]
pub struct Program {
    /// The binary.
    pub path: PathBuf,
    /// Arguments before those of the scenario.
    pub before: Vec<String>,
    /// Arguments after those of the scenario.
    pub after: Vec<String>,
    /// The home directory that it sees; an empty file `none` must be in it.
    pub home: PathBuf,
}

/// The result of running a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Exit status; `None` for a program that was stopped, or ended by a signal.
    pub status: Option<i32>,
    /// Its output on stdout.
    pub stdout: Vec<u8>,
    /// Its output on stderr.
    pub stderr: Vec<u8>,
}

impl Program {
    /// Runs the program until it ends or `limit` has passed. In the latter case it is killed, and
    /// its output so far is only a sample.
    ///
    /// # Errors
    ///
    /// Returns an error if it could not be started.
    pub fn run(&self, stage: &Stage, endpoint: &str, limit: Duration) -> io::Result<Ran> {
        let empty = self.home.join("none");
        let mut child = Command::new(&self.path)
            .args(&self.before)
            .args(stage.arguments(endpoint))
            .args(&self.after)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            // Two attempts are enough to distinguish a retry from none, and the AWS CLI waits
            // seconds before its third.
            .env("AWS_MAX_ATTEMPTS", "2")
            .env("PYTHONWARNINGS", "ignore")
            .envs(stage.environment(endpoint, &empty.to_string_lossy()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = gather(child.stdout.take());
        let stderr = gather(child.stderr.take());
        let status = wait(&mut child, limit)?;
        let bytes = |thread: JoinHandle<Vec<u8>>| thread.join().unwrap_or_default();
        Ok(Ran {
            status: status.and_then(|status| status.code()),
            stdout: bytes(stdout),
            stderr: bytes(stderr),
        })
    }
}

fn gather(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read before the stream broke is all there is.
            let _ = stream.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}
