//! Folders of a mirror that is being written, entered by name from the open handle of the
//! directory.
//!
//! A path is resolved each time it is used, and an attacker who can write to the directory could
//! replace a folder with a symbolic link in between. Here every folder is entered from its parent
//! without following a link, and files are created, renamed and removed in open folders. What
//! happens to their paths meanwhile does not matter.
use crate::source::directory::key_path::{is_plain, parts};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// The number of folders kept open, as in `crate::source::directory::folders`.
const KEPT: usize = 64;

/// An open folder.
#[derive(Clone, Debug)]
pub(super) struct Folder(Arc<OwnedFd>);

fn no_folder() -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder")
}

/// Converts the error of a symbolic link or a file in place of a folder to the same error on every
/// system.
fn told(error: rustix::io::Errno) -> io::Error {
    match error {
        rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => no_folder(),
        error => error.into(),
    }
}

impl Folder {
    /// Opens the directory at `path`, which may be a link, since the user named it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(Arc::new(rustix::fs::open(path, flags, Mode::empty())?)))
    }

    /// Opens the subfolder with this name.
    pub(super) fn below(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&*self.0, name, flags, Mode::empty());
        Ok(Self(Arc::new(opened.map_err(told)?)))
    }

    /// Opens the subfolder with this name, and creates it if it does not exist; also returns
    /// whether it was created.
    pub(super) fn make(&self, name: &str) -> io::Result<(Self, bool)> {
        let made = match rustix::fs::mkdirat(&*self.0, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        Ok((self.below(name)?, made))
    }

    /// Creates a new file with this name.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        self.file(name, flags)
    }

    /// Opens the file with this name, and creates it if it does not exist.
    pub(super) fn create_or_open(&self, name: &str) -> io::Result<File> {
        self.file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW)
    }

    fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let mode = Mode::from_raw_mode(0o666);
        let flags = flags | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&*self.0, name, flags, mode)?))
    }

    /// Returns the type of the entry with this name, without following a symbolic link; `None` if
    /// there is none.
    pub(super) fn kind(&self, name: &str) -> io::Result<Option<FileType>> {
        match rustix::fs::statat(&*self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(about) => Ok(Some(FileType::from_raw_mode(about.st_mode))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Renames the file, possibly into a different folder.
    pub(super) fn rename(&self, name: &str, to: &Self, to_name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&*self.0, name, &*to.0, to_name)?)
    }

    /// Removes the file with this name.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&*self.0, name, AtFlags::empty())?)
    }

    /// Removes every file in the folder.
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

    /// Makes the entries of the folder durable.
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

    /// Returns the folder with this key, and creates missing folders. `made` is called with the
    /// parent of each folder that was created.
    pub(super) fn make(&mut self, key: &str, made: &mut dyn FnMut(&str)) -> io::Result<Folder> {
        self.walk(key, |above, above_key, name| {
            let (folder, is_new) = above.make(name)?;
            if is_new {
                made(above_key);
            }
            Ok(folder)
        })
    }

    /// Returns the folder with this key, which must exist.
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

/// The location of a file below the directory: the key of its folder, and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub(super) folder: String,
    pub(super) name: String,
}

impl Spot {
    /// Parses this path. Whoever chose it: no location is outside of the directory.
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
    io::Error::new(io::ErrorKind::InvalidInput, "the path is not a plain relative path")
}
