//! Folders of a mirror that is being written, gone into by name from the directory's own handle.
//!
//! A path is looked up anew each time it is used, and somebody who may write into the directory can
//! put a symbolic link in place of a folder in between. Here every folder is gone into from the one
//! above it without following a link, and files are made, renamed and removed in folders that are
//! open. What becomes of their paths meanwhile does not matter.
use crate::source::directory::key_path::{is_plain, parts};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// Folders kept open, as `crate::source::directory::folders` keeps them.
const KEPT: usize = 64;

/// A folder that is open.
#[derive(Clone, Debug)]
pub(super) struct Folder(Arc<OwnedFd>);

fn no_folder() -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, "it is no folder")
}

/// A symbolic link and a file in place of a folder are told alike, whatever the system says.
fn told(error: rustix::io::Errno) -> io::Error {
    match error {
        rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => no_folder(),
        error => error.into(),
    }
}

impl Folder {
    /// The directory at `path`, which whoever named it meant.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(Arc::new(rustix::fs::open(path, flags, Mode::empty())?)))
    }

    /// The folder of this name in it.
    pub(super) fn below(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&*self.0, name, flags, Mode::empty());
        Ok(Self(Arc::new(opened.map_err(told)?)))
    }

    /// The same, made if it is not there; says whether it was made.
    pub(super) fn make(&self, name: &str) -> io::Result<(Self, bool)> {
        let made = match rustix::fs::mkdirat(&*self.0, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        Ok((self.below(name)?, made))
    }

    /// A new file of this name.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        self.file(name, flags)
    }

    /// The file of this name, made if it is not there.
    pub(super) fn create_or_open(&self, name: &str) -> io::Result<File> {
        self.file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW)
    }

    fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let mode = Mode::from_raw_mode(0o666);
        let flags = flags | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&*self.0, name, flags, mode)?))
    }

    /// What lies under this name, a symbolic link being one; `None` where nothing does.
    pub(super) fn kind(&self, name: &str) -> io::Result<Option<FileType>> {
        match rustix::fs::statat(&*self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(about) => Ok(Some(FileType::from_raw_mode(about.st_mode))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the file of this name another name, in another folder perhaps.
    pub(super) fn rename(&self, name: &str, to: &Self, to_name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&*self.0, name, &*to.0, to_name)?)
    }

    /// Removes the file of this name.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&*self.0, name, AtFlags::empty())?)
    }

    /// Removes every file in it.
    pub(super) fn clear(&self) -> io::Result<()> {
        for entry in Dir::read_from(&*self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            if ![c".", c".."].contains(&name) {
                rustix::fs::unlinkat(&*self.0, name, AtFlags::empty())?;
            }
        }
        Ok(())
    }

    /// Makes its entries durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&*self.0)?)
    }
}

/// The folders below a directory, by their keys.
#[derive(Debug)]
pub(super) struct Folders {
    root: Folder,
    kept: HashMap<String, Folder>,
}

impl Folders {
    pub(super) fn new(root: Folder) -> Self {
        Self { root, kept: HashMap::new() }
    }

    /// The folder with this key, made where it is not there; `made` is told of the folder above
    /// each one that was.
    pub(super) fn make(&mut self, key: &str, made: &mut dyn FnMut(&str)) -> io::Result<Folder> {
        self.walk(key, |above, above_key, name| {
            let (folder, is_new) = above.make(name)?;
            if is_new {
                made(above_key);
            }
            Ok(folder)
        })
    }

    /// The folder with this key, which must be there.
    pub(super) fn get(&mut self, key: &str) -> io::Result<Folder> {
        self.walk(key, |above, _, name| above.below(name))
    }

    fn walk(
        &mut self,
        key: &str,
        mut step: impl FnMut(&Folder, &str, &str) -> io::Result<Folder>,
    ) -> io::Result<Folder> {
        if key.is_empty() {
            return Ok(self.root.clone());
        }
        if let Some(folder) = self.kept.get(key) {
            return Ok(folder.clone());
        }
        let mut folder = self.root.clone();
        let mut above = 0;
        for name in parts(key).ok_or_else(no_plain_path)? {
            let above_key = key.get(..above).unwrap_or_default();
            folder = step(&folder, above_key, name)?;
            above += name.len() + usize::from(above > 0);
        }
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        self.kept.insert(key.to_owned(), folder.clone());
        Ok(folder)
    }
}

/// A file's place below the directory: the key of its folder and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub(super) folder: String,
    pub(super) name: String,
}

impl Spot {
    /// The place at this path. Whoever asks: nothing lies outside of the directory.
    pub(super) fn at(path: &str) -> io::Result<Self> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let plain = is_plain(name) && (folder.is_empty() || parts(path).is_some());
        if !plain || path.starts_with('/') {
            return Err(no_plain_path());
        }
        Ok(Self { folder: folder.to_owned(), name: name.to_owned() })
    }
}

fn no_plain_path() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a place that is no plain path")
}
