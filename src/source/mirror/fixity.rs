//! Checks the files of a mirror against what its manifest recorded when they were copied.
use super::custody::{Custody, FileSum, Volume};
use super::header::{
    CHECKSUMS, CUSTODY, EARLIER, ESCAPED, HEADER, Header, KEYS_BESIDE, WORK, open_regular,
    work_folder,
};
use super::ledger::{Layers, MANIFEST, Order, Record};
use super::sample::{Chosen, Sample};
use super::writer::{MirrorError, document_sum};
use crate::source::directory::DirectorySource;
use std::collections::{BTreeMap, HashSet};
use std::fs::{File, TryLockError};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use trailproof_core::codes::fixity::FixityFault;
use trailproof_core::codes::unlisted::SetAside;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::escape;

/// Files that wait for a reader. Each has a path and a hash in memory.
const WAITING: usize = 1_024;

/// A file that is not as the manifest records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong with it.
    pub code: FixityFault,
    /// Its path below the directory.
    pub file: String,
    /// The bucket and the key of its object, unless it is extra.
    pub object: Option<(String, String)>,
    /// The size and the SHA-256 that it should have.
    pub expected: Option<FileSum>,
    /// The size that it has.
    pub found_bytes: Option<u64>,
    /// The SHA-256 that it has, if it was read.
    pub found_sha256: Option<String>,
    /// Why it could not be read.
    pub why: Option<String>,
}

impl Fault {
    fn new(code: FixityFault, file: impl Into<String>) -> Self {
        Self {
            code,
            file: file.into(),
            object: None,
            expected: None,
            found_bytes: None,
            found_sha256: None,
            why: None,
        }
    }
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The files that the manifest records.
    pub recorded: Volume,
    /// The files that were read.
    pub read: Volume,
    /// Documents of the mirror that were compared with the custody log.
    pub documents: u64,
    /// Files that no reader takes for evidence, such as those that desktops leave.
    pub set_aside: u64,
    /// The number of faults, by code.
    pub counts: BTreeMap<FixityFault, u64>,
    /// The faults in the order of their paths, at most [`budget::FIXITY_FAULTS`].
    pub faults: Vec<Fault>,
}

/// Faults in the order of their paths; the smallest ones are kept.
#[derive(Default)]
struct Faults {
    counts: BTreeMap<FixityFault, u64>,
    kept: BTreeMap<(String, FixityFault), Fault>,
}

impl Faults {
    fn add(&mut self, fault: Fault) {
        let at = (fault.file.clone(), fault.code);
        // The manifest may differ from the custody log and be unreadable too.
        if self.kept.contains_key(&at) {
            return;
        }
        *self.counts.entry(fault.code).or_default() += 1;
        self.kept.insert(at, fault);
        if self.kept.len() > budget::FIXITY_FAULTS {
            self.kept.pop_last();
        }
    }
}

/// What is passed on while files are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The files to look at, before the first of them.
    Total(Volume),
    /// A file of this size was looked at.
    File(u64),
}

/// A file to look at.
struct Job {
    file: String,
    object: (String, String),
    expected: Expected,
    /// Whether to read it. Otherwise only its size is compared.
    read: bool,
}

/// What is recorded of a file; the size of an earlier copy is not.
struct Expected {
    size: Option<u64>,
    sha256: String,
}

/// A mirror whose files are to be checked. No run of `mirror` writes to it meanwhile.
#[derive(Debug)]
pub struct Fixity {
    root: PathBuf,
    files: Arc<DirectorySource>,
    header: Header,
    ledger: Layers,
    /// Why the manifest cannot be used, if it is damaged where it is opened.
    damaged: Option<String>,
    custody: Option<Custody>,
    /// Held until the end; a run that writes holds it alone.
    _lock: Option<File>,
}

impl Fixity {
    /// Opens the mirror in `directory`, which `files` reads.
    ///
    /// # Errors
    ///
    /// It is not a mirror, a run writes to it, or its documents cannot be read.
    pub fn open(directory: &Path, files: Arc<DirectorySource>) -> Result<Self, MirrorError> {
        let shown = escape(&directory.to_string_lossy()).into_owned();
        let unread = |error: io::Error| {
            MirrorError::InUse(format!("cannot use the mirror `{shown}`: {error}"))
        };
        let header = Header::read(directory).map_err(unread)?.ok_or_else(|| {
            MirrorError::NotForThis(format!(
                "`{shown}` is not a mirror that `trailproof mirror` made"
            ))
        })?;
        let work = work_folder(directory).map_err(unread)?;
        let lock = match open_regular(&work.join("lock")) {
            Ok(lock) => Some(lock),
            // A mirror that was copied without its working files.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unread(error)),
        };
        match lock.as_ref().map(File::try_lock_shared) {
            None | Some(Ok(())) => {}
            Some(Err(TryLockError::WouldBlock)) => {
                return Err(MirrorError::InUse(format!(
                    "another run is writing to `{shown}`\n\nhint: wait until it has ended"
                )));
            }
            Some(Err(TryLockError::Error(error))) => return Err(unread(error)),
        }
        let (ledger, damaged) = match Layers::open(directory, &work) {
            Ok(ledger) => (ledger, None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                (Layers::default(), Some(error.to_string()))
            }
            Err(error) => return Err(unread(error)),
        };
        let custody = Custody::read(directory, &header).map_err(unread)?;
        let root = directory.to_owned();
        Ok(Self { root, files, header, ledger, damaged, custody, _lock: lock })
    }

    /// Returns what it is a mirror of.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns what its custody log says.
    pub fn custody(&self) -> Option<&Custody> {
        self.custody.as_ref()
    }

    /// Looks at every file, with this many readers, and reads all of them or those of a sample.
    ///
    /// # Errors
    ///
    /// The manifest or a folder cannot be read.
    pub fn check(
        &self,
        sample: Option<Sample>,
        readers: usize,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> io::Result<Checked> {
        let mut faults = Faults::default();
        let mut checked = Checked { documents: self.documents(&mut faults), ..Checked::default() };
        let sound = match self.files(sample, readers, progress, &mut checked, &mut faults) {
            Ok(named) => Some(named),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let why = Some(error.to_string());
                let fault = Fault::new(FixityFault::DocumentChanged, MANIFEST);
                faults.add(Fault { why, ..fault });
                None
            }
            Err(error) => return Err(error),
        };
        // Without the manifest, every file would be extra.
        if let Some(named) = sound {
            checked.set_aside = self.extra(&named, &mut faults)?;
        }
        checked.counts = faults.counts;
        checked.faults = faults.kept.into_values().collect();
        Ok(checked)
    }

    /// Compares the documents with what the last run wrote, and returns their number. After a run
    /// that did not finish they are others.
    fn documents(&self, faults: &mut Faults) -> u64 {
        let Some(custody) = self.custody.as_ref().filter(|_| self.header.complete) else {
            return 0;
        };
        let (Some(began), Some(ended)) = (&custody.last_start, &custody.last_end) else {
            return 0;
        };
        // A later run wrote others, and was killed before it said so.
        if began.began != ended.began {
            return 0;
        }
        let mut compared = 0;
        for (name, expected) in &ended.documents {
            // A forged log may name any file.
            if ![MANIFEST, KEYS_BESIDE, CHECKSUMS].contains(&name.as_str()) {
                continue;
            }
            compared += 1;
            let (found, why) = match document_sum(&self.root, name) {
                Ok(found) => (found, None),
                Err(error) => (None, Some(error.to_string())),
            };
            if found.as_ref() != Some(expected) {
                let fault = Fault::new(FixityFault::DocumentChanged, name);
                faults.add(Fault {
                    expected: Some(expected.clone()),
                    found_bytes: found.as_ref().map(|found| found.bytes),
                    found_sha256: found.map(|found| found.sha256),
                    why,
                    ..fault
                });
            }
        }
        compared
    }

    /// Looks at the files that the manifest records, and returns those that do not have their own
    /// names.
    fn files(
        &self,
        sample: Option<Sample>,
        readers: usize,
        progress: &(dyn Fn(Progress) + Sync),
        checked: &mut Checked,
        faults: &mut Faults,
    ) -> io::Result<Named> {
        self.each(|job| {
            checked.recorded.add(job.expected.size.unwrap_or_default());
        })?;
        progress(Progress::Total(checked.recorded));
        let mut chosen = sample.map(|sample| Chosen::new(sample, checked.recorded.objects));
        let mut named = Named::default();
        let (to, jobs) = sync_channel::<Job>(WAITING);
        let (tell, told) = channel();
        let jobs = Mutex::new(jobs);
        std::thread::scope(|scope| {
            for _ in 0..readers.max(1) {
                let (jobs, tell) = (&jobs, tell.clone());
                scope.spawn(move || self.reader(jobs, &tell, progress));
            }
            drop(tell);
            let sent = self.each(|mut job| {
                if job.file != format!("{}/{}", job.object.0, job.object.1) {
                    named.insert(&job.file);
                }
                job.read = chosen.as_mut().is_none_or(Chosen::next);
                // The readers end only after the last file.
                let _ = to.send(job);
                for looked in told.try_iter() {
                    take(looked, checked, faults);
                }
            });
            drop(to);
            for looked in &told {
                take(looked, checked, faults);
            }
            sent
        })?;
        Ok(named)
    }

    /// Passes on each file that the manifest records, in order.
    fn each(&self, mut take: impl FnMut(Job)) -> io::Result<()> {
        if let Some(why) = &self.damaged {
            return Err(io::Error::new(io::ErrorKind::InvalidData, why.clone()));
        }
        let mut records = self.ledger.scan(&Order::default())?;
        while let Some((order, record)) = records.next()? {
            let Record { bucket, key, copied, earlier, .. } = record;
            if let Some(copied) = copied {
                let file = copied.file.unwrap_or(order.path);
                let expected = Expected { size: Some(copied.size), sha256: copied.sha256 };
                let object = (bucket.clone(), key.clone());
                take(Job { file, object, expected, read: true });
            }
            for earlier in earlier {
                let expected = Expected { size: None, sha256: earlier.sha256 };
                let object = (bucket.clone(), key.clone());
                take(Job { file: earlier.file, object, expected, read: true });
            }
        }
        Ok(())
    }

    fn reader(
        &self,
        jobs: &Mutex<Receiver<Job>>,
        tell: &Sender<Looked>,
        progress: &(dyn Fn(Progress) + Sync),
    ) {
        loop {
            let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = next else { return };
            let size = job.expected.size.unwrap_or_default();
            let looked = self.look(job);
            progress(Progress::File(size));
            if tell.send(looked).is_err() {
                return;
            }
        }
    }

    /// Looks at one file.
    fn look(&self, job: Job) -> Looked {
        let Job { file, object, expected, read } = job;
        let fault = |code, found: Found| {
            let expected = FileSum {
                bytes: expected.size.unwrap_or_default(),
                sha256: expected.sha256.clone(),
            };
            Some(Fault {
                object: Some(object),
                expected: Some(expected),
                found_bytes: found.bytes,
                found_sha256: found.sha256,
                why: found.why,
                ..Fault::new(code, file.clone())
            })
        };
        let Some((opened, size)) = self.files.plain_file(&file) else {
            let (code, why) = self.why_not(&file);
            return Looked { read: None, fault: fault(code, Found { why, ..Found::default() }) };
        };
        if expected.size.is_some_and(|expected| expected != size) {
            let found = Found { bytes: Some(size), ..Found::default() };
            return Looked { read: None, fault: fault(FixityFault::CopyDamaged, found) };
        }
        if !read {
            return Looked::default();
        }
        // A file that grows meanwhile is read no further.
        match FileSum::of(&mut opened.take(size.saturating_add(1))) {
            Ok(sum) if sum.bytes == size && sum.sha256 == expected.sha256 => {
                Looked { read: Some(size), fault: None }
            }
            Ok(sum) => {
                let found = Found { bytes: Some(sum.bytes), sha256: Some(sum.sha256), why: None };
                Looked { read: Some(size), fault: fault(FixityFault::CopyDamaged, found) }
            }
            Err(error) => {
                let why = Some(error.to_string());
                let found = Found { bytes: Some(size), sha256: None, why };
                Looked { read: None, fault: fault(FixityFault::Unreadable, found) }
            }
        }
    }

    /// Returns why a file could not be opened.
    fn why_not(&self, file: &str) -> (FixityFault, Option<String>) {
        if crate::source::directory::key_path::parts(file).is_none() {
            let why = "no file of a mirror has this name".to_owned();
            return (FixityFault::Unreadable, Some(why));
        }
        match std::fs::symlink_metadata(self.root.join(file)) {
            Err(error)
                if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory]
                    .contains(&error.kind()) =>
            {
                (FixityFault::Missing, None)
            }
            Err(error) => (FixityFault::Unreadable, Some(error.to_string())),
            Ok(about) if !about.is_file() => {
                (FixityFault::Unreadable, Some("it is not a regular file".to_owned()))
            }
            Ok(_) => match File::open(self.root.join(file)) {
                Err(error) => (FixityFault::Unreadable, Some(error.to_string())),
                // It is below a symbolic link, which is not followed.
                Ok(_) => (FixityFault::Unreadable, Some("a folder above it is a link".to_owned())),
            },
        }
    }

    /// Finds the files that neither the manifest nor the format knows, and returns the number of
    /// those that no reader takes for evidence.
    fn extra(&self, named: &Named, faults: &mut Faults) -> io::Result<u64> {
        let mut set_aside = 0;
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let unread = |error: io::Error| Fault {
                why: Some(error.to_string()),
                ..Fault::new(FixityFault::Unreadable, folder.to_string_lossy())
            };
            let entries = match std::fs::read_dir(self.root.join(&folder)) {
                Ok(entries) => entries,
                Err(error) if folder.as_os_str().is_empty() => return Err(error),
                Err(error) => {
                    faults.add(unread(error));
                    continue;
                }
            };
            for entry in entries {
                let (entry, kind) = match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                    Ok((kind, entry)) => (entry, kind),
                    Err(error) => {
                        faults.add(unread(error));
                        break;
                    }
                };
                let path = folder.join(entry.file_name());
                if kind.is_dir() {
                    if path != Path::new(WORK) {
                        folders.push(path);
                    }
                    continue;
                }
                // The manifest knows no name that is not UTF-8.
                let name = path.to_str().filter(|_| kind.is_file());
                match name {
                    Some(name) if self.is_known(name, named)? => {}
                    Some(name) if SetAside::by_name(name, true).is_some() => set_aside += 1,
                    _ => faults.add(Fault::new(FixityFault::Extra, path.to_string_lossy())),
                }
            }
        }
        Ok(set_aside)
    }

    /// Returns whether the manifest or the format knows a file with this path.
    fn is_known(&self, path: &str, named: &Named) -> io::Result<bool> {
        let Some((top, _)) = path.split_once('/') else {
            return Ok([HEADER, MANIFEST, KEYS_BESIDE, CHECKSUMS, CUSTODY].contains(&path));
        };
        if [ESCAPED, EARLIER].contains(&top) {
            return Ok(named.has(path));
        }
        let record = self.ledger.get(&Order::at(path))?;
        let own = record.and_then(|record| record.copied).is_some_and(|it| it.file.is_none());
        Ok(own || named.has(path))
    }
}

/// What was found of a file.
#[derive(Default)]
struct Found {
    bytes: Option<u64>,
    sha256: Option<String>,
    why: Option<String>,
}

/// The result of one file.
#[derive(Default)]
struct Looked {
    /// The bytes that were read, if it was read to its end.
    read: Option<u64>,
    fault: Option<Fault>,
}

fn take(looked: Looked, checked: &mut Checked, faults: &mut Faults) {
    if let Some(bytes) = looked.read {
        checked.read.add(bytes);
    }
    if let Some(fault) = looked.fault {
        faults.add(fault);
    }
}

/// The paths of files that do not have their own names, as hashes under a random key: eight bytes
/// each.
#[derive(Default)]
struct Named {
    hasher: RandomState,
    paths: HashSet<u64>,
}

impl Named {
    fn insert(&mut self, path: &str) {
        let hash = self.hasher.hash_one(path);
        self.paths.insert(hash);
    }

    fn has(&self, path: &str) -> bool {
        self.paths.contains(&self.hasher.hash_one(path))
    }
}
