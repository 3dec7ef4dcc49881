//! The document beside a mirror's files that names what it is a mirror of.
use super::ledger::{Order, Record};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use trailproof_core::vocab::time::{Period, Timestamp};

/// Name of the document.
pub const HEADER: &str = "trailproof-mirror.json";
/// Name of the key file that a mirror keeps beside its evidence.
pub const KEYS_BESIDE: &str = "public-keys.json";
/// Name of the checksums of the copied files, in the format of `sha256sum`.
pub(super) const CHECKSUMS: &str = "SHA256SUMS";
/// Name of the custody log.
pub const CUSTODY: &str = "trailproof-custody.jsonl";
/// Folder for the working files of a run.
pub(super) const WORK: &str = ".trailproof";
/// Folder of files whose keys a file system cannot hold.
pub(super) const ESCAPED: &str = "trailproof-escaped";
/// Folder of copies of objects that have since been replaced in the bucket.
pub(super) const EARLIER: &str = "trailproof-earlier";

/// The largest document that is read, in bytes: a run takes some 500, the keys of a region 100.
const LONGEST: u64 = 16 << 20;

const FORMAT: &str = "trailproof-mirror";
const SCHEMA: u64 = 1;

/// What a mirror is of, and what its runs were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    schema: u64,
    /// The bucket that was read.
    pub bucket: String,
    /// The prefix below which it was read; empty for the whole bucket.
    pub prefix: String,
    /// Whether the last run finished. Otherwise, an object that is missing here is not known to be
    /// absent.
    pub complete: bool,
    /// The bytes of the manifest, once complete, so that a manifest that was cut later is detected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_bytes: Option<u64>,
    /// The results for the objects that were listed or named, once complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Tally>,
    /// The periods and scopes that were requested.
    #[serde(default)]
    pub runs: Vec<MirrorRun>,
    /// The time for which all keys were requested, by region: first and last second, RFC 3339.
    #[serde(default)]
    pub keys: BTreeMap<String, (String, String)>,
    /// The newest entry of the custody log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custody: Option<CustodyHead>,
}

/// The newest entry of the log, as the header of the mirror has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyHead {
    /// The number of lines of the log.
    pub entries: u64,
    /// SHA-256 of the last line without its newline, in hex.
    pub sha256: String,
}

/// What one run was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorRun {
    /// The first second of the period.
    pub from: String,
    /// The end of the period.
    pub to: String,
    /// Trails, by name or ARN; empty for all.
    pub trails: Vec<String>,
    /// Accounts; empty for all.
    pub accounts: Vec<String>,
    /// Regions; empty for all.
    pub regions: Vec<String>,
    /// Folder below `AWSLogs` to which the location was narrowed, without slashes at its ends:
    /// `[ORGANIZATION/][ACCOUNT[/CloudTrail/REGION]]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
}

/// What the runs of a mirror were limited to; an empty list means everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorScope {
    /// Trails, by name or ARN.
    pub trails: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Regions.
    pub regions: Vec<String>,
}

/// Counts of the objects in the manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Objects copied completely.
    pub copied: u64,
    /// The bytes of these copies.
    pub bytes: u64,
    /// Objects that were listed and belong to a different period or scope.
    pub out_of_scope: u64,
    /// Objects that could not be read.
    pub failed: u64,
    /// Objects that were requested and do not exist.
    pub absent: u64,
    /// Copied objects that the bucket no longer has.
    #[serde(default)]
    pub gone: u64,
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
            self.gone += u64::from(record.absent);
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
    /// Returns the header of a mirror that is about to be made.
    pub(super) fn new(bucket: &str, prefix: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            schema: SCHEMA,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            ..Self::default()
        }
    }

    /// Reads the header of `directory`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The header cannot be used.
    pub fn read(directory: &Path) -> io::Result<Option<Self>> {
        let path = directory.join(HEADER);
        let refused = |words: String| io::Error::new(io::ErrorKind::InvalidData, words);
        match std::fs::symlink_metadata(&path) {
            Err(error)
                if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory]
                    .contains(&error.kind()) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
            Ok(about) if !about.is_file() => {
                return Err(refused(format!("`{HEADER}` is not a regular file")));
            }
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        File::open(&path)?.take(LONGEST).read_to_end(&mut bytes)?;
        let header: Self = serde_json::from_slice(&bytes)
            .map_err(|error| refused(format!("`{HEADER}` cannot be read: {error}")))?;
        if header.format != FORMAT || header.schema != SCHEMA {
            return Err(refused(format!(
                "`{HEADER}` has a format that this version does not support"
            )));
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

    /// Returns the folder below `AWSLogs` to which the location of every run was narrowed; `None` if
    /// they differ or were not narrowed.
    pub fn below(&self) -> Option<&str> {
        let first = self.runs.first()?;
        let same = self.runs.iter().all(|run| run.below == first.below);
        first.below.as_deref().filter(|_| same)
    }

    /// Returns the scope that its runs have together: trails, accounts and regions, each of which is
    /// empty, which means all, unless every run named some.
    pub fn scope(&self) -> MirrorScope {
        let all = |of: fn(&MirrorRun) -> &Vec<String>| {
            let names = || self.runs.iter().map(of);
            match names().all(|names| !names.is_empty()) {
                true => names().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
                false => Vec::new(),
            }
        };
        MirrorScope {
            trails: all(|run| &run.trails),
            accounts: all(|run| &run.accounts),
            regions: all(|run| &run.regions),
        }
    }

    /// Returns whether those of its runs that satisfy `is_wide_enough` were together asked for all
    /// of `period`. The folders of other time were listed only as far as that happened to be
    /// necessary.
    pub fn was_asked_for(
        &self,
        period: Period,
        is_wide_enough: impl Fn(&MirrorRun) -> bool,
    ) -> bool {
        let wide = self.runs.iter().filter(|run| is_wide_enough(run));
        let times =
            |run: &MirrorRun| Some((Timestamp::parse(&run.from)?, Timestamp::parse(&run.to)?));
        let mut asked: Vec<(Timestamp, Timestamp)> = wide.filter_map(times).collect();
        asked.sort_unstable();
        let mut reached = period.start;
        for (from, to) in asked {
            if from <= reached {
                reached = reached.max(to);
            }
        }
        reached >= period.end
    }

    /// Writes the document. It is complete and synced before it gets its name.
    pub(super) fn keep(&self, root: &Path, work: &Path) -> io::Result<()> {
        let part = work.join("header.part");
        let mut to = new_file(&part)?;
        to.write_all(self.text()?.as_bytes())?;
        to.sync_all()?;
        std::fs::rename(&part, root.join(HEADER))?;
        File::open(root)?.sync_all()
    }

    /// Returns the text of the document.
    pub(super) fn text(&self) -> io::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}

/// Returns the folder for working files, which need not exist.
///
/// # Errors
///
/// Something else has its name: a link would lead out of the mirror.
pub(super) fn work_folder(root: &Path) -> io::Result<PathBuf> {
    let work = root.join(WORK);
    if std::fs::symlink_metadata(&work).is_ok_and(|about| !about.is_dir()) {
        let words = format!("`{WORK}` is not a folder");
        return Err(io::Error::new(io::ErrorKind::InvalidData, words));
    }
    Ok(work)
}

/// Opens a regular file. A link is not followed, and a pipe is not waited for.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file"));
    }
    Ok(file)
}

/// Creates a new file in place of what a killed run left there. A link that was placed there is
/// removed and not followed.
pub(super) fn new_file(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
}

/// Returns the file of an object that cannot keep its own name, `BUCKET/KEY`.
pub(super) fn escaped(path: &str) -> String {
    let hash = hex::encode(Sha256::digest(path));
    format!("{ESCAPED}/{}/{hash}", hash.get(..2).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_periods_of_all_runs_count_together() {
        let run = |from: &str, to: &str| MirrorRun {
            from: format!("2026-03-01T{from}:00:00Z"),
            to: format!("2026-03-01T{to}:00:00Z"),
            ..MirrorRun::default()
        };
        let at = |hour: i64| Timestamp::parse("2026-03-01T00:00:00Z").unwrap().plus(hour * 3_600);
        let mut header = Header {
            runs: vec![run("08", "12"), run("02", "06"), run("05", "08")],
            ..Header::default()
        };
        let asked = |header: &Header, from, to| {
            header.was_asked_for(Period { start: at(from), end: at(to) }, |_| true)
        };
        assert!(asked(&header, 2, 12) && asked(&header, 3, 4));
        assert!(!asked(&header, 1, 4) && !asked(&header, 4, 13));
        assert!(!header.was_asked_for(Period { start: at(3), end: at(4) }, |_| false));
        header.runs.remove(2);
        assert!(!asked(&header, 3, 9), "two hours were not asked for");
        header.runs.clear();
        assert!(!asked(&header, 3, 4));
    }

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
