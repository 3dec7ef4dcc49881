//! The files of a package on disk, opened by name from the open handle of their folder.
//!
//! A package comes from somebody else. No link in it is followed, nothing but a regular file is opened,
//! and no path leads out of it.
use super::manifest::is_ours;
use crate::files::hash::sha256_of;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use trailproof_core::bytes::content::Hash;
use trailproof_core::vocab::budget::{PACKAGE_DEPTH, PACKAGE_FILES};

/// A package on disk.
#[derive(Debug)]
pub(super) struct Tree(OwnedFd);

/// Everything that lies in a package.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// Paths of regular files with names that a package may have.
    pub(super) files: BTreeSet<String>,
    /// Paths of everything else but folders.
    pub(super) odd: BTreeSet<String>,
    /// Those of `odd` that are regular files, or folders, and only have other names.
    pub(super) other_names: BTreeSet<String>,
    /// Folders that could not be read, and why.
    pub(super) unread: Vec<(String, String)>,
    /// Whether there is more than is looked at.
    pub(super) cut: bool,
}

impl Tree {
    /// Opens the folder of a package, which may be a link, since the user named it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Opens the regular file with this path.
    pub(super) fn file(&self, path: &str) -> io::Result<File> {
        if !is_ours(path) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut folder = self.0.try_clone()?;
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            folder = below(folder.as_fd(), part)?;
        }
        // A pipe that was put in place of a file must not be waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&folder, name, flags, Mode::empty()).map_err(no_link)?;
        match FileType::from_raw_mode(fstat(&file)?.st_mode).is_file() {
            true => Ok(File::from(file)),
            false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
        }
    }

    /// Reads a file of at most `limit` bytes.
    pub(super) fn read(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        match u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
            true => Ok(bytes),
            false => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it is longer than {limit} bytes"),
            )),
        }
    }

    /// Returns SHA-256 and length of a file.
    pub(super) fn hash(&self, path: &str) -> io::Result<(Hash, u64)> {
        sha256_of(&mut self.file(path)?)
    }

    /// Lists everything.
    pub(super) fn list(&self) -> Listing {
        let mut listing = Listing::default();
        let mut seen = 0;
        list(self.0.as_fd(), "", 0, &mut seen, &mut listing);
        listing
    }
}

fn below(folder: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty()).map_err(no_link)
}

/// Converts the error of a symbolic link to one that says so.
fn no_link(error: rustix::io::Errno) -> io::Error {
    match error {
        rustix::io::Errno::LOOP => io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a symbolic link, which is not followed",
        ),
        error => error.into(),
    }
}

fn list(folder: BorrowedFd<'_>, above: &str, depth: usize, seen: &mut usize, to: &mut Listing) {
    let unread = |to: &mut Listing, error: io::Error| {
        to.unread.push((above.trim_end_matches('/').to_owned(), error.to_string()));
    };
    let entries = match Dir::read_from(folder) {
        Ok(entries) => entries,
        Err(error) => return unread(to, error.into()),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return unread(to, error.into()),
        };
        let name = entry.file_name();
        if [c".", c".."].contains(&name) {
            continue;
        }
        *seen += 1;
        if *seen > PACKAGE_FILES {
            to.cut = true;
            return;
        }
        let path = format!("{above}{}", name.to_string_lossy());
        // Not followed, so that a link is a link.
        let kind = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(about) => FileType::from_raw_mode(about.st_mode),
            Err(error) => {
                to.unread.push((path, io::Error::from(error).to_string()));
                continue;
            }
        };
        let plain = is_ours(&path) && name.to_str().is_ok();
        match kind {
            FileType::RegularFile if plain => {
                to.files.insert(path);
            }
            FileType::Directory if plain && depth + 1 < PACKAGE_DEPTH => {
                match below(folder, &name.to_string_lossy()) {
                    Ok(inner) => list(inner.as_fd(), &format!("{path}/"), depth + 1, seen, to),
                    Err(error) => to.unread.push((path, error.to_string())),
                }
            }
            FileType::RegularFile | FileType::Directory => {
                to.other_names.insert(path.clone());
                to.odd.insert(path);
            }
            _ => {
                to.odd.insert(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_link_is_followed_and_nothing_else_is_opened() {
        let room = tempfile::tempdir().unwrap();
        let outside = room.path().join("outside");
        std::fs::write(&outside, "secret").unwrap();
        let package = room.path().join("package");
        std::fs::create_dir_all(package.join("data/inner")).unwrap();
        std::fs::write(package.join("data/file"), "x").unwrap();
        std::fs::write(package.join("data/UPPER"), "x").unwrap();
        symlink(&outside, package.join("data/link")).unwrap();
        symlink(room.path(), package.join("folder")).unwrap();
        std::os::unix::net::UnixListener::bind(package.join("data/socket")).unwrap();
        let tree = Tree::open(&package).unwrap();
        let listing = tree.list();
        assert_eq!(listing.files, BTreeSet::from(["data/file".to_owned()]));
        let odd = ["data/UPPER", "data/link", "data/socket", "folder"].map(str::to_owned);
        assert_eq!(listing.odd, BTreeSet::from(odd));
        assert!(tree.read("data/file", 1).is_ok());
        for path in [
            "data/link",
            "folder/outside",
            "data/socket",
            "../outside",
            "data/../../outside",
            outside.to_str().unwrap(),
            "data/inner",
            "data/none",
        ] {
            assert!(tree.file(path).is_err(), "{path}");
        }
        assert!(tree.read("data/file", 0).is_err(), "the limit has no effect");
    }

    #[test]
    fn a_deep_or_large_folder_ends() {
        let room = tempfile::tempdir().unwrap();
        let deep = room.path().join(["a"; 20].join("/"));
        std::fs::create_dir_all(&deep).unwrap();
        let listing = Tree::open(room.path()).unwrap().list();
        assert_eq!(listing.odd, BTreeSet::from([["a"; PACKAGE_DEPTH].join("/")]));
        let wide = tempfile::tempdir().unwrap();
        for at in 0..=PACKAGE_FILES {
            std::fs::write(wide.path().join(at.to_string()), "").unwrap();
        }
        let listing = Tree::open(wide.path()).unwrap().list();
        assert!(listing.cut && listing.files.len() == PACKAGE_FILES);
    }
}
