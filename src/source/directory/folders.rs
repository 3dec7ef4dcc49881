//! Folders that are kept open, so that files in them are opened by name and not by path.
//!
//! A path of ten folders costs ten checks for symbolic links and another traversal to open the
//! file, and an attacker could insert a link between the two. Here each folder is entered once,
//! from its parent and without following a link. What is opened in it is in that folder, whatever
//! happens to its path.
use super::key_path::{is_plain, parts};
use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
use std::collections::HashMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use trailproof_core::vocab::budget;

/// The number of folders kept open. Log files of one account, region and day are in one folder.
/// This many are read at once, and a process may have 256 to 1,024 files open by default.
const KEPT: usize = 64;

/// A directory, and folders below it by their keys.
#[derive(Debug)]
pub(crate) struct Folders {
    root: Arc<OwnedFd>,
    kept: Mutex<HashMap<String, Arc<OwnedFd>>>,
}

impl Folders {
    /// Opens the directory at `root`.
    pub(crate) fn open(root: &Path) -> std::io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty())?;
        Ok(Self { root: Arc::new(root), kept: Mutex::default() })
    }

    /// Returns the regular file with this very key, and its size. Returns `None` for anything else,
    /// which needs a closer look.
    pub(crate) fn file(&self, key: &str) -> Option<(File, u64)> {
        let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
        if key.len() > budget::KEY_LENGTH || !is_plain(name) {
            return None;
        }
        let folder = self.folder(folder)?;
        // A link or pipe that was put in place of a file must be neither followed nor waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(folder.as_ref(), name, flags, Mode::empty()).ok()?;
        let about = fstat(&file).ok()?;
        let size = u64::try_from(about.st_size).ok()?;
        FileType::from_raw_mode(about.st_mode).is_file().then(|| (File::from(file), size))
    }

    fn folder(&self, key: &str) -> Option<Arc<OwnedFd>> {
        if key.is_empty() {
            return Some(Arc::clone(&self.root));
        }
        if let Some(folder) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Some(Arc::clone(folder));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = Arc::clone(&self.root);
        for part in parts(key)? {
            folder = Arc::new(openat(folder.as_ref(), part, flags, Mode::empty()).ok()?);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Chains are read one after another, so the folders kept so far are mostly no longer
        // needed.
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key.to_owned(), Arc::clone(&folder));
        Some(folder)
    }
}
