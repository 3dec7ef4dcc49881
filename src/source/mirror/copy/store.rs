//! Files below a directory: written whole under another name, then renamed, never through a
//! symbolic link.
use super::super::header::WORK;
use super::super::key_path::parts;
use super::super::ledger::{Copied, Record};
use super::names::{Claims, earlier, escaped, plain};
use super::saved::inside;
use std::collections::{BTreeSet, HashSet};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Folder of files that are not whole yet.
const PARTIAL: &str = "partial";

/// The directory of one run, which has its lock.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) root: PathBuf,
    pub(super) work: PathBuf,
    next: AtomicU64,
    /// Held until the end; the system takes it away from a run that was killed.
    _lock: File,
}

/// A file that is whole, synced and without its name.
#[derive(Debug)]
pub(super) struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // One that has its name is not here any more.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Store {
    /// Takes the lock and clears what a run that was killed had under way. `None` where another
    /// run has it.
    pub(super) fn open(root: &Path) -> io::Result<Option<Self>> {
        let work = root.join(WORK);
        folder(&work)?;
        let path = work.join("lock");
        if path.is_symlink() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "its lock is a symbolic link"));
        }
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
        let partial = work.join(PARTIAL);
        folder(&partial)?;
        for entry in std::fs::read_dir(&partial)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(Some(Self { root: root.to_owned(), work, next: AtomicU64::new(0), _lock: lock }))
    }

    /// A new file that has no name yet.
    pub(super) fn part(&self) -> io::Result<(Part, File)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.work.join(PARTIAL).join(number.to_string());
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok((Part(path), file))
    }

    /// The same with these bytes, synced.
    pub(super) fn whole(&self, bytes: &[u8]) -> io::Result<Part> {
        let (part, mut file) = self.part()?;
        file.write_all(bytes)?;
        file.sync_data()?;
        Ok(part)
    }

    /// Whether the file system takes `a` and `A` for one name.
    pub(super) fn folds_case(&self) -> io::Result<bool> {
        let probe = self.work.join(PARTIAL).join("probe");
        File::create(&probe)?;
        let folds = self.work.join(PARTIAL).join("PROBE").exists();
        std::fs::remove_file(probe)?;
        Ok(folds)
    }
}

/// Makes a folder, if it is not there; what is there must be one.
fn folder(path: &Path) -> io::Result<bool> {
    match DirBuilder::new().create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if std::fs::symlink_metadata(path)?.is_dir() {
                return Ok(false);
            }
            Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                format!("`{}` is no folder", path.display()),
            ))
        }
        Err(error) => Err(error),
    }
}

/// Which names are taken, and the folders that are known to be ones.
#[derive(Debug, Default)]
pub(super) struct Places {
    folders: HashSet<PathBuf>,
    /// Files that are to have their names in a moment: none of them can be a folder.
    pub(super) named: HashSet<PathBuf>,
    /// Folders whose entries changed since they were synced.
    pub(super) changed: BTreeSet<PathBuf>,
    /// On a file system that folds case.
    pub(super) claims: Option<Claims>,
}

impl Places {
    /// The place of a key: `None` in the record where it is the key's own name.
    pub(super) fn choose(
        &mut self,
        root: &Path,
        bucket: &str,
        key: &str,
    ) -> io::Result<(PathBuf, Option<String>)> {
        let own = plain(bucket, key)
            .filter(|path| self.claims.as_mut().is_none_or(|claims| claims.claim(path)));
        if let Some(path) = own {
            match self.below(root, &path) {
                Ok(path) => {
                    self.named.insert(path.clone());
                    return Ok((path, None));
                }
                // A file where a folder should be, or the other way round.
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => return Err(error),
            }
        }
        let path = escaped(bucket, key);
        Ok((self.below(root, &path)?, Some(path)))
    }

    /// The path for a file, its folders made.
    fn below(&mut self, root: &Path, path: &str) -> io::Result<PathBuf> {
        let mut at = root.to_owned();
        // Whoever asks: nothing is made outside of the directory.
        let parts = parts(path).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a place that is no plain path")
        })?;
        let Some((name, folders)) = parts.split_last() else { return Ok(at) };
        for part in folders {
            let above = at.clone();
            at.push(part);
            if self.named.contains(&at) {
                return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a file"));
            }
            if !self.folders.contains(&at) {
                if folder(&at)? {
                    self.changed.insert(above);
                }
                self.folders.insert(at.clone());
            }
        }
        self.changed.insert(at.clone());
        at.push(name);
        match std::fs::symlink_metadata(&at) {
            Ok(about) if about.is_dir() => {
                Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a folder"))
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(at),
        }
    }

    /// Moves the copy of what a key was before out of the way, and says so in the record.
    pub(super) fn keep(
        &mut self,
        root: &Path,
        before: &Copied,
        record: &mut Record,
    ) -> io::Result<()> {
        let (bucket, key) = (record.bucket.clone(), record.key.clone());
        let old = before.file.clone().or_else(|| plain(&bucket, &key));
        let Some(old) = old.and_then(|old| inside(root, &old)) else { return Ok(()) };
        // It becomes part of a name, and a manifest may say anything.
        let is_hash =
            before.sha256.len() == 64 && before.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash {
            return Ok(());
        }
        let kept = earlier(&bucket, &key, &before.sha256);
        let to = self.below(root, &kept)?;
        // An object that does not prove is read twice: what lies at its place is then no more what
        // was there before.
        if std::fs::symlink_metadata(&to).is_err() {
            match std::fs::rename(old, to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Err(_) => return Ok(()),
                Ok(()) => {}
            }
        }
        let (sha256, etag) = (before.sha256.clone(), before.etag.clone());
        record.earlier.push(super::super::ledger::Earlier { file: kept, sha256, etag });
        Ok(())
    }
}

/// Gives a file its name.
pub(super) fn rename(part: &Part, to: &Path) -> io::Result<()> {
    std::fs::rename(&part.0, to)
}

/// Makes the entries of these folders durable.
pub(super) fn sync_folders(folders: &BTreeSet<PathBuf>) -> io::Result<()> {
    folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(places: &mut Places, root: &Path, key: &str) -> (PathBuf, Option<String>) {
        let (path, file) = places.choose(root, "b", key).unwrap();
        std::fs::write(&path, key).unwrap();
        (path, file)
    }

    /// As on a file system that folds case: the second of two names that differ in case alone has
    /// another one, in folders too.
    #[test]
    fn names_that_collide_are_stored_apart() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut places = Places { claims: Some(Claims::default()), ..Places::default() };
        assert_eq!(place(&mut places, root, "x/case"), (root.join("b/x/case"), None));
        for key in ["x/CASE", "X/other", "x/case/below", "x/\u{e9}"] {
            let (path, file) = place(&mut places, root, key);
            assert!(file.is_some(), "{key}");
            assert!(path.starts_with(root.join("trailproof-escaped")), "{key}");
        }
        assert_eq!(place(&mut places, root, "x/case").1, None, "the first keeps its name");
        assert_eq!(std::fs::read(root.join("b/x/case")).unwrap(), b"x/case");
        assert_eq!(place(&mut places, root, "y/file/below").1, None);
        assert!(place(&mut places, root, "y/file").1.is_some(), "there is a folder of that name");
    }

    /// A manifest may say anything, and part of it becomes a path.
    #[test]
    fn no_place_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("mirror");
        std::fs::create_dir(&root).unwrap();
        let mut places = Places::default();
        for path in ["../out", "a/../../out", "/out", "a//b", ""] {
            assert!(places.below(&root, path).is_err(), "{path}");
        }
        std::fs::write(root.join("payload"), "x").unwrap();
        let file = Some("payload".to_owned());
        let forged = "x/../../../../pwned".to_owned();
        let before = Copied { sha256: forged, file, ..Copied::default() };
        places.keep(&root, &before, &mut Record::new("b", "k")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(root.join("payload").exists(), "it was moved");
    }

    /// Names are chosen for many files before the first of them has its own.
    #[test]
    fn a_file_that_is_yet_to_come_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut places = Places::default();
        assert_eq!(places.choose(root, "b", "both").unwrap(), (root.join("b/both"), None));
        assert!(places.choose(root, "b", "both/below").unwrap().1.is_some());
        assert_eq!(places.choose(root, "b", "both").unwrap().1, None, "the same file again");
    }

    #[test]
    fn a_part_of_a_run_that_was_killed_is_cleared_and_the_lock_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().unwrap();
        std::mem::forget(store.whole(b"x").unwrap());
        assert!(Store::open(folder.path()).unwrap().is_none(), "another run has it");
        let partial = folder.path().join(WORK).join(PARTIAL);
        assert_eq!(std::fs::read_dir(&partial).unwrap().count(), 1);
        drop(store);
        assert!(Store::open(folder.path()).unwrap().is_some());
        assert_eq!(std::fs::read_dir(&partial).unwrap().count(), 0);
    }
}
