//! The custody log of a mirror: who copied into it or checked it, when, from where and with which
//! program.
//!
//! It has one JSON object per line, which is appended and never rewritten. Each has the SHA-256 of the
//! line before it, and the header has that of the last one, so that an entry that was removed or
//! changed shows. The log is not signed: anyone who can write to the directory can write another log
//! and another header. It is a record of honest custody, and not evidence against a forger.
use super::header::{CUSTODY, CustodyHead, Header, MirrorRun, Tally, work_folder};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Seek as _, Write as _};
use std::path::Path;
use trailproof_core::codes::fixity::CustodyFault;
use trailproof_core::vocab::budget;

/// Who ran the program, and which program it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Version of trailproof.
    pub version: String,
    /// SHA-256 of the program's file, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program_sha256: Option<String>,
    /// Name of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Name of the user of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// ARN of the AWS caller, if AWS was used and reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_caller: Option<String>,
}

/// What was copied from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFrom {
    /// The bucket.
    pub bucket: String,
    /// The prefix; empty for the whole bucket.
    pub prefix: String,
    /// The endpoint, without secrets, if it is not AWS's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// A number of files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The number of files.
    pub objects: u64,
    /// Their bytes, as stored.
    pub bytes: u64,
}

impl Volume {
    /// Adds one file.
    pub fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

impl FileSum {
    /// Reads a file to its end.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn of(file: &mut impl io::Read) -> io::Result<Self> {
        let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
        let mut chunk = vec![0; 256 << 10];
        loop {
            let length = file.read(&mut chunk)?;
            match chunk.get(..length) {
                Some(read) if !read.is_empty() => hash.update(read),
                _ => return Ok(Self { bytes, sha256: hex::encode(hash.finalize()) }),
            }
            bytes = bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        }
    }
}

/// How a run of `mirror` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunResult {
    /// The manifest was written.
    Complete,
    /// A signal ended the run.
    Interrupted,
    /// The file system is full.
    DiskFull,
    /// Something could not be written.
    WritesFailed,
}

/// A run of `mirror` begins to copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorStarted {
    /// When it began, RFC 3339.
    pub began: String,
    /// Who ran it.
    pub by: Agent,
    /// What it copies from.
    pub from: CopiedFrom,
    /// What it was asked for.
    pub run: MirrorRun,
}

/// A run of `mirror` ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorEnded {
    /// When it began, RFC 3339, as in its [`MirrorStarted`].
    pub began: String,
    /// When it ended, RFC 3339.
    pub ended: String,
    /// How it ended.
    pub result: RunResult,
    /// What the run reported of the bucket, if it finished: `proven`, `contradicted`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// What this run copied.
    pub copied: Volume,
    /// What the mirror has from all runs, if the manifest was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Tally>,
    /// The documents that the run wrote, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub documents: BTreeMap<String, FileSum>,
    /// SHA-256 of the run record, in hex, if one was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_sha256: Option<String>,
}

/// The sample of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleTaken {
    /// The share in percent, as it was given.
    pub percent: String,
    /// The seed, with which the same files are chosen again.
    pub seed: u64,
}

/// A check of the files ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixityChecked {
    /// When it began, RFC 3339.
    pub began: String,
    /// When it ended, RFC 3339.
    pub ended: String,
    /// Who ran it.
    pub by: Agent,
    /// The sample; absent if every file was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleTaken>,
    /// The files that the manifest records.
    pub recorded: Volume,
    /// The files that were read.
    pub read: Volume,
    /// The number of faults by code; empty if there are none.
    pub faults: BTreeMap<String, u64>,
    /// Whether nothing was found.
    pub intact: bool,
}

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum CustodyEvent {
    /// A run of `mirror` begins to copy.
    MirrorStarted(Box<MirrorStarted>),
    /// A run of `mirror` ended.
    MirrorEnded(Box<MirrorEnded>),
    /// A run of `mirror check` ended.
    FixityChecked(Box<FixityChecked>),
}

/// A line as it is written.
#[derive(Serialize)]
struct Line<'e> {
    entry: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<&'e str>,
    /// What was wrong with the log before this entry.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    log_faults: BTreeSet<&'static str>,
    #[serde(flatten)]
    event: &'e CustodyEvent,
}

/// The fields of any line.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    previous: Option<String>,
    #[serde(default)]
    log_faults: Vec<String>,
    event: String,
}

/// What a custody log says, and whether it is the one that trailproof wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custody {
    /// The number of lines.
    pub entries: u64,
    /// The number of runs of `mirror` that began.
    pub runs: u64,
    /// When the first of them began.
    pub first: Option<String>,
    /// The run of `mirror` that began last.
    pub last_start: Option<MirrorStarted>,
    /// The run of `mirror` that ended last.
    pub last_end: Option<MirrorEnded>,
    /// The check that ended last.
    pub last_check: Option<FixityChecked>,
    /// What is wrong with the log.
    pub faults: BTreeSet<CustodyFault>,
    /// SHA-256 of the last line.
    last: Option<String>,
    /// Whether the last line has no newline.
    cut: bool,
}

impl Custody {
    /// Reads the log of the mirror in `root`; `None` if it has none and its header names none, as a
    /// mirror of an earlier version.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or is not a regular file.
    pub fn read(root: &Path, header: &Header) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::open(root.join(CUSTODY), flags, Mode::empty()) {
            Ok(file) => regular(File::from(file))?,
            Err(rustix::io::Errno::NOENT) if header.custody.is_none() => return Ok(None),
            Err(rustix::io::Errno::NOENT) => {
                let faults = BTreeSet::from([CustodyFault::CustodyMissing]);
                return Ok(Some(Self { faults, ..Self::default() }));
            }
            Err(error) => return Err(error.into()),
        };
        Self::of(file, header.custody.as_ref()).map(Some)
    }

    fn of(file: impl io::Read, head: Option<&CustodyHead>) -> io::Result<Self> {
        let mut custody = Self::default();
        let mut lines = BufReader::with_capacity(64 << 10, file);
        let mut line = Vec::new();
        while let Some((sha256, ended)) = next(&mut lines, &mut line)? {
            custody.take(&line);
            custody.cut = !ended;
            if head.is_some_and(|head| head.entries == custody.entries && head.sha256 != sha256) {
                custody.faults.insert(CustodyFault::CustodyBroken);
            }
            custody.last = Some(sha256);
        }
        if custody.cut {
            custody.faults.insert(CustodyFault::CustodyUnreadable);
        }
        if head.is_some_and(|head| head.entries > custody.entries) {
            custody.faults.insert(CustodyFault::CustodyCut);
        }
        Ok(custody)
    }

    /// Takes the next line; it is empty if it is too long to be an entry.
    fn take(&mut self, line: &[u8]) {
        self.entries += 1;
        let Ok(head) = serde_json::from_slice::<Head>(line) else {
            self.faults.insert(CustodyFault::CustodyUnreadable);
            return;
        };
        if head.previous != self.last {
            self.faults.insert(CustodyFault::CustodyBroken);
        }
        // What was wrong when an entry was appended stays wrong.
        let faults = head.log_faults.iter().filter_map(|fault| fault.parse::<CustodyFault>().ok());
        self.faults.extend(faults);
        if !["mirror-started", "mirror-ended", "fixity-checked"].contains(&head.event.as_str()) {
            // Any version can add events.
            return;
        }
        match serde_json::from_slice(line) {
            Ok(CustodyEvent::MirrorStarted(started)) => {
                self.runs += 1;
                self.first.get_or_insert_with(|| started.began.clone());
                self.last_start = Some(*started);
            }
            Ok(CustodyEvent::MirrorEnded(ended)) => self.last_end = Some(*ended),
            Ok(CustodyEvent::FixityChecked(checked)) => self.last_check = Some(*checked),
            Err(_) => {
                self.faults.insert(CustodyFault::CustodyUnreadable);
            }
        }
    }
}

/// Reads the next line without its newline, and returns its SHA-256 and whether it had one. A line
/// that is too long to be an entry is hashed and returned empty.
fn next(from: &mut impl io::BufRead, line: &mut Vec<u8>) -> io::Result<Option<(String, bool)>> {
    line.clear();
    let (mut hash, mut any, mut long) = (Sha256::new(), false, false);
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(any.then(|| (hex::encode(hash.finalize()), false)));
        }
        any = true;
        let end = memchr::memchr(b'\n', buffer);
        let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        hash.update(part);
        long |= line.len() + part.len() > budget::CUSTODY_LINE;
        if long {
            line.clear();
        } else {
            line.extend_from_slice(part);
        }
        let length = part.len() + usize::from(end.is_some());
        from.consume(length);
        if end.is_some() {
            return Ok(Some((hex::encode(hash.finalize()), true)));
        }
    }
}

fn regular(file: File) -> io::Result<File> {
    if !file.metadata()?.is_file() {
        let words = format!("`{CUSTODY}` is not a regular file");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
    }
    Ok(file)
}

/// The log, opened to append to it. Other runs wait until it is dropped.
#[derive(Debug)]
pub struct CustodyLog {
    file: File,
}

impl CustodyLog {
    /// Opens the log of the mirror in `root`, and creates it if there is none.
    ///
    /// # Errors
    ///
    /// It cannot be written, or is not a regular file.
    pub fn open(root: &Path) -> io::Result<Self> {
        // Without NONBLOCK, a pipe in its place would be waited for.
        let flags = OFlags::RDWR
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::NONBLOCK;
        let file = rustix::fs::open(root.join(CUSTODY), flags, Mode::from_raw_mode(0o666))?;
        let file = regular(File::from(file))?;
        Ok(Self { file })
    }

    /// Appends an entry, and returns the new head for the header, of which `before` is the head so far.
    /// If the log is not the one that `before` names, the entry records that.
    pub(super) fn append(
        &mut self,
        before: Option<&CustodyHead>,
        event: &CustodyEvent,
    ) -> io::Result<CustodyHead> {
        self.file.lock()?;
        let appended = self.append_locked(before, event);
        self.file.unlock()?;
        appended
    }

    fn append_locked(
        &mut self,
        before: Option<&CustodyHead>,
        event: &CustodyEvent,
    ) -> io::Result<CustodyHead> {
        self.file.rewind()?;
        let custody = Custody::of(&self.file, before)?;
        let length = self.file.metadata()?.len();
        let line = Line {
            entry: custody.entries + 1,
            previous: custody.last.as_deref(),
            log_faults: custody.faults.iter().map(|fault| fault.code()).collect(),
            event,
        };
        let line = serde_json::to_vec(&line)?;
        let head = CustodyHead {
            entries: custody.entries + 1,
            sha256: hex::encode(Sha256::digest(&line)),
        };
        let written = [if custody.cut { &b"\n"[..] } else { b"" }, &line, b"\n"].concat();
        let written = self.file.write_all(&written).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // What was written of it would stay in the log for good.
            self.file.set_len(length)?;
        }
        written.map(|()| head)
    }

    /// Appends an entry to the log of the mirror in `root`, whose header is then written.
    ///
    /// # Errors
    ///
    /// The log or the header cannot be written.
    pub fn record(&mut self, root: &Path, event: &CustodyEvent) -> io::Result<()> {
        self.file.lock()?;
        let recorded = self.record_locked(root, event);
        self.file.unlock()?;
        recorded
    }

    fn record_locked(&mut self, root: &Path, event: &CustodyEvent) -> io::Result<()> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "it is no longer a mirror");
        let mut header = Header::read(root)?.ok_or_else(gone)?;
        header.custody = Some(self.append_locked(header.custody.as_ref(), event)?);
        // A copy of the mirror may lack the folder.
        let work = work_folder(root)?;
        match std::fs::create_dir(&work) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => header.keep(root, &work),
        }
    }
}
