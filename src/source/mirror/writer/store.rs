//! Files below a directory: written completely under a temporary name, then renamed, never through
//! a symbolic link.
use super::handles::{Folder, Folders, Spot};
use super::names::{Claims, earlier, plain};
use crate::source::mirror::header::{WORK, escaped};
use crate::source::mirror::ledger::{Copied, Record};
use rustix::fs::FileType;
use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Folder of incomplete files.
const PARTIAL: &str = "partial";

/// The directory of one run, which holds its lock.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) root: PathBuf,
    pub(super) work: PathBuf,
    /// The directory itself.
    folder: Folder,
    partial: Folder,
    next: AtomicU64,
    /// Held until the end; the system releases it when a run is killed.
    _lock: File,
}

/// A file that does not have its final name yet. It is removed when dropped.
#[derive(Debug)]
pub(super) struct Part {
    partial: Folder,
    name: String,
}

impl Drop for Part {
    fn drop(&mut self) {
        // A file that was renamed is no longer here.
        let _ = self.partial.remove(&self.name);
    }
}

impl Store {
    /// Takes the lock and removes what a killed run left unfinished. `None` if another run holds
    /// the lock.
    pub(super) fn open(root: &Path) -> io::Result<Option<Self>> {
        let folder = Folder::open(root)?;
        let (work, _) = folder.make(WORK)?;
        // Opening a pipe would wait for whoever writes to it.
        if work.kind("lock")?.is_some_and(|kind| !kind.is_file()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "its lock is a symbolic link or a special file",
            ));
        }
        let lock = work.create_or_open("lock")?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
        let (partial, _) = work.make(PARTIAL)?;
        partial.clear()?;
        Ok(Some(Self {
            root: root.to_owned(),
            work: root.join(WORK),
            folder,
            partial,
            next: AtomicU64::new(0),
            _lock: lock,
        }))
    }

    /// Returns the places of the directory.
    pub(super) fn places(&self) -> Places {
        Places::new(self.folder.clone())
    }

    /// Writes a document of the directory. It is complete and synced before it gets its name.
    pub(super) fn document(&self, name: &str, text: &str) -> io::Result<()> {
        let part = self.whole(text.as_bytes())?;
        part.partial.rename(&part.name, &self.folder, name)?;
        self.folder.sync()
    }

    /// Creates a new file without its final name.
    pub(super) fn part(&self) -> io::Result<(Part, File)> {
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let file = self.partial.create(&name)?;
        Ok((Part { partial: self.partial.clone(), name }, file))
    }

    /// Creates such a file with these bytes, synced.
    pub(super) fn whole(&self, bytes: &[u8]) -> io::Result<Part> {
        let (part, mut file) = self.part()?;
        file.write_all(bytes)?;
        file.sync_data()?;
        Ok(part)
    }

    /// Returns whether the file system treats `a` and `A` as the same name.
    pub(super) fn folds_case(&self) -> io::Result<bool> {
        self.partial.create("probe")?;
        let folds = self.partial.kind("PROBE")?.is_some();
        self.partial.remove("probe")?;
        Ok(folds)
    }
}

/// The names that are in use, and the folders that are known to exist.
#[derive(Debug)]
pub(super) struct Places {
    folders: Folders,
    /// Paths of files that are about to get their names: none of them can be a folder.
    pub(super) named: HashSet<String>,
    /// Keys of the folders whose entries changed since they were last synced.
    changed: BTreeSet<String>,
    /// Set on a file system that folds case.
    pub(super) claims: Option<Claims>,
}

impl Places {
    fn new(root: Folder) -> Self {
        Self {
            folders: Folders::new(root),
            named: HashSet::new(),
            changed: BTreeSet::new(),
            claims: None,
        }
    }

    /// Chooses the location for a key. The second value goes into the record: `None` if it is the
    /// key's own name.
    pub(super) fn choose(&mut self, bucket: &str, key: &str) -> io::Result<(Spot, Option<String>)> {
        let own = plain(bucket, key)
            .filter(|path| self.claims.as_mut().is_none_or(|claims| claims.claim(path)));
        if let Some(path) = own {
            match self.below(&path) {
                Ok(spot) => {
                    self.named.insert(path);
                    return Ok((spot, None));
                }
                // A file exists where a folder should be, or the other way round.
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => return Err(error),
            }
        }
        let path = escaped(&format!("{bucket}/{key}"));
        Ok((self.below(&path)?, Some(path)))
    }

    /// Returns the location for a file, and creates its folders.
    fn below(&mut self, path: &str) -> io::Result<Spot> {
        let spot = Spot::at(path)?;
        let slashes = spot.folder.match_indices('/').map(|(at, _)| at);
        for end in slashes.chain([spot.folder.len()]) {
            if self.named.contains(spot.folder.get(..end).unwrap_or_default()) {
                return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a file"));
            }
        }
        let changed = &mut self.changed;
        let folder = self.folders.make(&spot.folder, &mut |above| {
            changed.insert(above.to_owned());
        })?;
        self.changed.insert(spot.folder.clone());
        if folder.kind(&spot.name)?.is_some_and(FileType::is_dir) {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a folder"));
        }
        Ok(spot)
    }

    /// Moves the copy of an earlier content out of the way, and adds it to the record.
    pub(super) fn keep(&mut self, before: &Copied, record: &mut Record) -> io::Result<()> {
        let (bucket, key) = (record.bucket.clone(), record.key.clone());
        let old = before.file.clone().or_else(|| plain(&bucket, &key));
        // A manifest may contain anything: a path that leads elsewhere is ignored.
        let Some(old) = old.and_then(|old| Spot::at(&old).ok()) else { return Ok(()) };
        let Ok(from) = self.folders.get(&old.folder) else { return Ok(()) };
        if from.kind(&old.name)?.is_some_and(FileType::is_symlink) {
            return Ok(());
        }
        // The hash becomes part of a name.
        let is_hash =
            before.sha256.len() == 64 && before.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash {
            return Ok(());
        }
        let kept = earlier(&bucket, &key, &before.sha256);
        let to = self.below(&kept)?;
        let into = self.folders.get(&to.folder)?;
        // An object that does not verify is read twice: the file at its place is then no longer the
        // earlier content.
        if into.kind(&to.name)?.is_none() {
            match from.rename(&old.name, &into, &to.name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Err(_) => return Ok(()),
                Ok(()) => {}
            }
        }
        let (sha256, etag) = (before.sha256.clone(), before.etag.clone());
        record.earlier.push(super::super::ledger::Earlier { file: kept, sha256, etag });
        Ok(())
    }

    /// Gives a file its name.
    pub(super) fn name(&mut self, part: &Part, to: &Spot) -> io::Result<()> {
        let folder = self.folders.get(&to.folder)?;
        part.partial.rename(&part.name, &folder, &to.name)
    }

    /// Makes the entries of the changed folders durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().try_for_each(|key| self.folders.get(key)?.sync())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(root: &Path) -> Places {
        Places::new(Folder::open(root).unwrap())
    }

    fn place(places: &mut Places, root: &Path, key: &str) -> (PathBuf, Option<String>) {
        let (spot, file) = places.choose("b", key).unwrap();
        let path = root.join(spot.folder).join(spot.name);
        std::fs::write(&path, key).unwrap();
        (path, file)
    }

    /// As on a file system that folds case: the second of two names that differ only in case gets a
    /// different name, also for folders.
    #[test]
    fn names_that_collide_are_stored_apart() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut places = Places { claims: Some(Claims::default()), ..places(root) };
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

    /// A manifest may contain anything, and part of it becomes a path.
    #[test]
    fn no_path_leads_out_of_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("mirror");
        std::fs::create_dir(&root).unwrap();
        let mut places = places(&root);
        for path in ["../out", "a/../../out", "/out", "a//b", ""] {
            assert!(places.below(path).is_err(), "{path}");
        }
        std::fs::write(root.join("payload"), "x").unwrap();
        let file = Some("payload".to_owned());
        let forged = "x/../../../../pwned".to_owned();
        let before = Copied { sha256: forged, file, ..Copied::default() };
        places.keep(&before, &mut Record::new("b", "k")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(root.join("payload").exists(), "it was moved");
    }

    /// Names are chosen for many files before the first of them gets its name.
    #[test]
    fn a_file_that_is_about_to_exist_cannot_be_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut places = places(root);
        let both = Spot { folder: "b".to_owned(), name: "both".to_owned() };
        assert_eq!(places.choose("b", "both").unwrap(), (both, None));
        assert!(places.choose("b", "both/below").unwrap().1.is_some());
        assert_eq!(places.choose("b", "both").unwrap().1, None, "the same file again");
    }

    /// An attacker who can write to the directory puts a link in place of a folder, between any two
    /// steps of a run.
    #[test]
    fn a_folder_that_becomes_a_link_is_never_followed() {
        use std::os::unix::fs::symlink;
        let (folder, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = folder.path();
        let store = Store::open(root).unwrap().unwrap();
        let nothing_away = || std::fs::read_dir(away.path()).unwrap().count() == 0;
        let swap = |path: &Path| {
            std::fs::rename(path, path.with_extension("moved")).unwrap();
            symlink(away.path(), path).unwrap();
        };
        // Between choosing a name and giving it, with and without an open folder.
        for kept in [true, false] {
            let mut places = store.places();
            let key = format!("x/{kept}/a");
            let (spot, _) = places.choose("b", &key).unwrap();
            swap(&root.join("b/x").join(kept.to_string()));
            if !kept {
                places = store.places();
            }
            let named = places.name(&store.whole(b"x").unwrap(), &spot);
            assert_eq!(named.is_ok(), kept, "the folder itself is where it was moved to");
            assert!(places.sync().is_ok() && nothing_away());
            // If a name in it is chosen again, it is a different one.
            let again = store.places().choose("b", &key).unwrap();
            assert!(again.1.is_some() && again.0.folder.starts_with("trailproof-escaped"));
        }
        // Incomplete files.
        swap(&root.join(WORK).join(PARTIAL));
        drop(store.whole(b"x").unwrap());
        assert!(!store.folds_case().unwrap() && nothing_away());
        // Earlier content.
        let mut places = store.places();
        std::fs::create_dir_all(root.join("b/y")).unwrap();
        std::fs::write(root.join("b/y/k"), "old").unwrap();
        symlink(away.path(), root.join("trailproof-earlier")).unwrap();
        let before = Copied { sha256: "0".repeat(64), ..Copied::default() };
        assert!(places.keep(&before, &mut Record::new("b", "y/k")).is_err() && nothing_away());
        symlink(away.path(), root.join("b/z")).unwrap();
        std::fs::write(away.path().join("k"), "theirs").unwrap();
        std::fs::remove_file(root.join("trailproof-earlier")).unwrap();
        let mut record = Record::new("b", "z/k");
        places.keep(&before, &mut record).unwrap();
        assert!(record.earlier.is_empty() && away.path().join("k").exists());
        drop(store);
        assert!(Store::open(root).is_err(), "a link in place of the folder of parts");
    }

    #[test]
    fn parts_of_a_killed_run_are_removed_and_the_lock_is_exclusive() {
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
