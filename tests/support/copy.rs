//! A copy of a trail in a directory, verified without access to AWS.
use super::program::{Ran, program};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use trailproof_testkit::trail::BuiltTrail;
use trailproof_testkit::trail::location::iso;

/// A directory with a copy of a trail, and its keys beside it.
#[derive(Debug)]
pub(crate) struct Copy {
    root: PathBuf,
    /// `verify DIRECTORY --public-keys … --complete-copy` and the period.
    verify: Vec<String>,
}

impl Copy {
    /// Writes the trail and its keys below `root`, which is emptied first, to be verified over the
    /// trail's whole time. Fails if a directory cannot hold the trail.
    pub(crate) fn write(root: &Path, trail: &BuiltTrail) -> io::Result<Self> {
        let _ = fs::remove_dir_all(root);
        fs::create_dir_all(root.join("copy"))?;
        trail.write_to(&root.join("copy"))?;
        let mut copy = Self { root: root.into(), verify: Vec::new() };
        fs::write(copy.beside("keys.json"), all_keys(trail))?;
        let whole = trail.whole();
        copy.period(whole.from, whole.to);
        Ok(copy)
    }

    /// Sets the period to verify from now on, in seconds since the Unix epoch.
    pub(crate) fn period(&mut self, from: i64, to: i64) {
        let (directory, keys) = (self.beside("copy"), self.beside("keys.json"));
        // Nothing is lost in copying: what is absent was deleted.
        let verify = ["verify", &directory, "--public-keys", &keys, "--complete-copy"];
        let period = ["--start-time", &iso(from), "--end-time", &iso(to)];
        self.verify = verify.iter().chain(&period).map(|part| (*part).to_owned()).collect();
    }

    /// Returns the path of a file beside the copy.
    pub(crate) fn beside(&self, name: &str) -> String {
        self.root.join(name).to_str().unwrap().to_owned()
    }

    /// Reads a file beside the copy as text, decompressed if its name indicates compression.
    pub(crate) fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.beside(name)).unwrap();
        let bytes = if name.ends_with(".zst") {
            zstd::decode_all(bytes.as_slice()).unwrap()
        } else {
            bytes
        };
        String::from_utf8(bytes).unwrap()
    }

    /// Returns the command of a `verify` with additional arguments.
    pub(crate) fn command(&self, more: &[&str]) -> Command {
        let mut command = program(&self.verify);
        command.args(more);
        command
    }

    /// Runs `verify` with additional arguments.
    pub(crate) fn verify(&self, more: &[&str]) -> Ran {
        Ran::from(&mut self.command(more))
    }
}

/// Runs `replay`.
pub(crate) fn replay(arguments: &[&str]) -> Ran {
    Ran::from(program(&["replay"]).args(arguments))
}

/// Returns the keys of the world in trailproof's own format: all of them, for the whole time.
pub(crate) fn all_keys(trail: &BuiltTrail) -> String {
    let mut regions = trail.public_keys();
    for listed in regions.as_object_mut().unwrap().values_mut() {
        listed["requested"] =
            serde_json::json!([{ "from": "2000-01-01T00:00:00Z", "to": "2200-01-01T00:00:00Z" }]);
    }
    serde_json::json!({ "format": "trailproof-public-keys", "schema": 1, "regions": regions })
        .to_string()
}
