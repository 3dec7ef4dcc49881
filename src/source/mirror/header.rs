//! The document beside a mirror's files that says what it is a mirror of.
use super::ledger::{Order, Record};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use trailproof_core::vocab::time::Timestamp;

/// Name of the document.
pub const HEADER: &str = "trailproof-mirror.json";
/// Name of the file of keys that a mirror has beside its evidence.
pub const KEYS_BESIDE: &str = "public-keys.json";
/// Folder of what a run works with.
pub(super) const WORK: &str = ".trailproof";
/// Folder of files whose keys a file system cannot hold.
pub(super) const ESCAPED: &str = "trailproof-escaped";
/// Folder of copies of what was replaced in the bucket since.
pub(super) const EARLIER: &str = "trailproof-earlier";

/// Bytes of the document: a run takes some 500, a region's keys 100.
const LONGEST: u64 = 16 << 20;

const FORMAT: &str = "trailproof-mirror";
const SCHEMA: u64 = 1;

/// What a mirror is of, and what was asked of its runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    schema: u64,
    /// Bucket that was read.
    pub bucket: String,
    /// Prefix below which it was read; empty for all of it.
    pub prefix: String,
    /// Whether the last run came to its end. Else nothing is absent because it is not here.
    pub complete: bool,
    /// Bytes of the manifest, once complete: one that was cut since is not taken for the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_bytes: Option<u64>,
    /// What became of the objects that were listed or named, once complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Tally>,
    /// Periods and scopes that were asked for.
    #[serde(default)]
    pub runs: Vec<MirrorRun>,
    /// The time of which all keys were asked for, by region: first and last second, RFC 3339.
    #[serde(default)]
    pub keys: BTreeMap<String, (String, String)>,
}

/// What one run was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorRun {
    /// First second of the period.
    pub from: String,
    /// Its end.
    pub to: String,
    /// Trails, by name or ARN; empty for all.
    pub trails: Vec<String>,
    /// Accounts; empty for all.
    pub accounts: Vec<String>,
    /// Regions; empty for all.
    pub regions: Vec<String>,
}

/// Objects that the manifest has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Copied whole.
    pub copied: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Listed, and of another period or scope.
    pub out_of_scope: u64,
    /// Could not be read.
    pub failed: u64,
    /// Asked for and not there.
    pub absent: u64,
}

impl Tally {
    /// Counts one record.
    pub(super) fn add(&mut self, (_, record): &(Order, Record)) {
        if record.folder.is_some() {
            return;
        }
        if let Some(copied) = &record.copied {
            self.copied += 1;
            self.bytes = self.bytes.saturating_add(copied.size);
        } else if record.failed.is_some() {
            self.failed += 1;
        } else if record.absent {
            self.absent += 1;
        } else {
            self.out_of_scope += 1;
        }
    }
}

impl Header {
    /// That of a mirror which is about to be made.
    pub(super) fn new(bucket: &str, prefix: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            schema: SCHEMA,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            ..Self::default()
        }
    }

    /// Reads that of `directory`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub fn read(directory: &Path) -> io::Result<Option<Self>> {
        let path = directory.join(HEADER);
        let refused = |words: String| io::Error::new(io::ErrorKind::InvalidData, words);
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
            Ok(about) if !about.is_file() => {
                return Err(refused(format!("`{HEADER}` is no regular file")));
            }
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        File::open(&path)?.take(LONGEST).read_to_end(&mut bytes)?;
        let header: Self = serde_json::from_slice(&bytes)
            .map_err(|error| refused(format!("`{HEADER}` cannot be read: {error}")))?;
        if header.format != FORMAT || header.schema != SCHEMA {
            return Err(refused(format!("`{HEADER}` is of another form than this version knows")));
        }
        Ok(Some(header))
    }

    /// Returns the time from the earliest start to the latest end of the periods that its runs asked
    /// for; `None` if there is no run, or a time is malformed.
    pub fn period(&self) -> Option<(Timestamp, Timestamp)> {
        let times = |of: fn(&MirrorRun) -> &String| {
            let times = self.runs.iter().map(move |run| Timestamp::parse(of(run)));
            times.collect::<Option<Vec<_>>>()
        };
        let (from, to) = (times(|run| &run.from)?, times(|run| &run.to)?);
        Some((from.into_iter().min()?, to.into_iter().max()?))
    }

    /// Returns the run whose scope all runs have; `None` if they differ.
    pub fn scope(&self) -> Option<&MirrorRun> {
        let first = self.runs.first()?;
        let scope = |run: &MirrorRun| {
            (&run.trails, &run.accounts, &run.regions)
                == (&first.trails, &first.accounts, &first.regions)
        };
        self.runs.iter().all(scope).then_some(first)
    }

    /// The document's text.
    pub(super) fn text(&self) -> io::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}

/// A new file in place of what a run that was killed left there: a link that somebody put there is
/// taken away and not followed.
pub(super) fn new_file(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_a_new_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, part) = (folder.path().join("victim"), folder.path().join("part"));
        std::fs::write(&victim, "mine").unwrap();
        std::os::unix::fs::symlink(&victim, &part).unwrap();
        new_file(&part).unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine");
        assert!(std::fs::symlink_metadata(&part).unwrap().is_file());
    }
}
