//! A directory as an [`ObjectSource`].
//!
//! The thread that hashes a file also reads it: files are small, and there is nothing to wait for
//! in between.
#[cfg(unix)]
use super::folders::Folders;
use super::index::Index;
use super::key_path::{inflated_name, parts};
use super::opening::{begin, denied};
use super::reader::{FileReader, failed, hand_over};
use super::tree::{Entry, LargeFolders, PassedOver, Walk};
use crate::source::{
    BoxFuture, ListPage, ListRequest, Listed, ObjectMetadata, ObjectReader, ObjectSource,
    ReadError, ReadFrom, TakePiece,
};
use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::location::ObjectLocation;

/// Entries of a page, as for S3.
const PAGE: usize = 1_000;

/// A directory as one bucket, whichever bucket is requested: keys are paths below it.
///
/// Nothing is read outside of it: a key that is not a plain path is refused, and symbolic links
/// below the directory are not followed. Anyone who can change the directory during the run can
/// change what is read; such changes are found like any other.
#[derive(Debug)]
pub struct DirectorySource {
    root: PathBuf,
    #[cfg(unix)]
    folders: Folders,
    index: Index,
    index_error: Option<String>,
    passed_over: PassedOver,
    large: LargeFolders,
    page: usize,
}

impl DirectorySource {
    /// Opens the directory at `path`, which may itself be a symbolic link, since the user named it.
    ///
    /// # Errors
    ///
    /// The path is not a directory, or it cannot be listed.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let root = path.canonicalize()?;
        std::fs::read_dir(&root)?;
        let (index, index_error) = match Index::read(&root) {
            Ok(index) => (index, None),
            Err(why) => (Index::default(), Some(why)),
        };
        Ok(Self {
            #[cfg(unix)]
            folders: Folders::open(&root)?,
            root,
            index,
            index_error,
            passed_over: PassedOver::default(),
            large: LargeFolders::default(),
            page: PAGE,
        })
    }

    /// Sets the number of entries on a page, for tests.
    #[must_use]
    pub fn with_page(mut self, entries: usize) -> Self {
        self.page = entries.max(1);
        self
    }

    /// Returns why the index of metadata could not be used, if there is one that could not.
    pub fn index_error(&self) -> Option<&str> {
        self.index_error.as_deref()
    }

    /// Returns what listings have skipped so far: symbolic links, special files, and names that are
    /// not UTF-8.
    pub fn passed_over(&self) -> Vec<PathBuf> {
        self.passed_over.all()
    }

    /// Returns the skipped paths as the keys that they come closest to.
    pub(crate) fn passed_over_keys(&self) -> Vec<String> {
        let key = |path: &PathBuf| {
            let below = path.strip_prefix(&self.root).ok()?;
            let parts = below.components().map(|part| part.as_os_str().to_string_lossy());
            Some(parts.collect::<Vec<_>>().join("/"))
        };
        self.passed_over.all().iter().filter_map(key).collect()
    }

    fn page(&self, request: &ListRequest) -> Result<ListPage, ReadFailure> {
        let after = request.continuation.as_ref().max(request.start_after.as_ref());
        let after = after.map_or("", String::as_str);
        let (folder, start) = match request.prefix.rfind('/') {
            Some(at) => request.prefix.split_at(at + 1),
            None => ("", request.prefix.as_str()),
        };
        let Some(path) = self.folder(folder)? else { return Ok(ListPage::default()) };
        let (passed_over, sizes) = (&self.passed_over, request.sizes);
        let (large, goes_on) = (&self.large, request.continuation.is_some());
        let walk = Walk { start, after, passed_over, large, goes_on, sizes };
        if request.folders {
            return self.fold(&walk, request, &path, folder);
        }
        let mut page = ListPage::default();
        let _ = walk.files(&path, folder, &mut |key, size| {
            if page.objects.len() == self.page {
                page.next = page.objects.last().map(|object| object.key.clone());
                return ControlFlow::Break(());
            }
            page.objects.push(Listed {
                key,
                size,
                etag: None,
                last_modified: None,
                archived: false,
            });
            ControlFlow::Continue(())
        })?;
        Ok(page)
    }

    fn fold(
        &self,
        walk: &Walk<'_>,
        request: &ListRequest,
        path: &Path,
        folder: &str,
    ) -> Result<ListPage, ReadFailure> {
        let mut page = ListPage::default();
        let mut last = None;
        let (entries, first) = walk.below(path, folder)?;
        for entry in entries.get(first..).unwrap_or_default() {
            let (key, file) = match entry {
                Entry::File(name, real) => {
                    (format!("{folder}{name}"), Some(real.as_ref().unwrap_or(name)))
                }
                Entry::Folder(name) => (format!("{folder}{name}"), None),
            };
            let listed_before = request.continuation.as_ref().is_some_and(|last| key <= *last);
            if listed_before || !walk.is_wanted(path, folder, entry) {
                continue;
            }
            // S3 has no folders without a file. If the folder cannot be read, it is not known
            // whether it has one; its own listing reports that, and the folders beside it are
            // listed all the same.
            let below = path.join(key.strip_prefix(folder).unwrap_or(&key));
            if file.is_none() && matches!(has_file(walk, &below, &key), Ok(false)) {
                continue;
            }
            if page.objects.len() + page.folders.len() == self.page {
                page.next = last;
                break;
            }
            match file.map(|name| walk.size(path, name)).transpose()? {
                Some(None) => continue,
                Some(Some(size)) => page.objects.push(Listed {
                    key: key.clone(),
                    size,
                    etag: None,
                    last_modified: None,
                    archived: false,
                }),
                None => page.folders.push(key.clone()),
            }
            last = Some(key);
        }
        Ok(page)
    }

    /// Returns the path of a folder, whose key ends in a slash or is empty; `None` if it does not
    /// exist.
    fn folder(&self, key: &str) -> Result<Option<PathBuf>, ReadFailure> {
        let Some(key) = key.strip_suffix('/') else { return Ok(Some(self.root.clone())) };
        let Some(parts) = parts(key) else { return Ok(None) };
        match self.find(&parts)? {
            Some((path, about)) if about.is_dir() => Ok(Some(path)),
            _ => Ok(None),
        }
    }

    /// Returns the path of these parts and what is there, without following a symbolic link.
    fn find(&self, parts: &[&str]) -> Result<Option<(PathBuf, Metadata)>, ReadFailure> {
        let mut path = self.root.clone();
        let mut about = std::fs::symlink_metadata(&path).map_err(|error| failed(&error))?;
        for part in parts {
            // Then it is known neither what is there nor that nothing is.
            if !about.is_dir() {
                let what = if about.is_symlink() { "a symbolic link" } else { "not a folder" };
                let words = format!("`{}` is {what} and is not followed", path.display());
                return Err(ReadFailure::new(ReadFailureKind::Denied, words));
            }
            path.push(part);
            about = match std::fs::symlink_metadata(&path) {
                Ok(about) => about,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    path.pop();
                    // Only a folder that can be listed shows that something is not in it.
                    std::fs::read_dir(&path).map_err(|error| failed(&error))?;
                    return Ok(None);
                }
                Err(error) => return Err(failed(&error)),
            };
        }
        Ok(Some((path, about)))
    }

    pub(crate) fn read(
        &self,
        at: &ObjectLocation,
        from: &ReadFrom,
    ) -> Result<FileReader, ReadError> {
        let Some(parts) = parts(&at.key) else {
            return Err(denied("a directory cannot hold this key, so it was not looked for"));
        };
        let mut found = self.find(&parts).map_err(ReadError::Failure)?;
        if found.is_none()
            && let Some((name, folders)) = parts.split_last()
            && let Some(inflated) = inflated_name(name)
        {
            let parts: Vec<&str> = folders.iter().copied().chain([inflated]).collect();
            found = self.find(&parts).map_err(ReadError::Failure)?;
        }
        let Some((path, about)) = found else { return Err(ReadError::Missing) };
        begin(&path, &about, from, self.metadata(&at.key, 0))
    }

    /// Returns the metadata that the index has for the file at this path.
    pub(crate) fn metadata(&self, key: &str, size: u64) -> ObjectMetadata {
        let user = self.index.of(key);
        ObjectMetadata { size: Some(size), user, ..ObjectMetadata::default() }
    }

    /// Returns the file with this very key, if opening it needs no further checks.
    pub(crate) fn plain_file(&self, key: &str) -> Option<(File, u64)> {
        #[cfg(unix)]
        return self.folders.file(key);
        #[cfg(not(unix))]
        return None;
    }

    /// Opens the file at this path below the directory, with the known metadata of its object.
    pub(crate) fn open_file(
        &self,
        file: &str,
        from: &ReadFrom,
        metadata: ObjectMetadata,
    ) -> Result<FileReader, ReadError> {
        let parts = parts(file).ok_or_else(|| denied("no file has this name"))?;
        match self.find(&parts).map_err(ReadError::Failure)? {
            Some((path, about)) => begin(&path, &about, from, metadata),
            None => Err(ReadError::Missing),
        }
    }
}

/// Returns whether any key below this folder sorts after the start of the walk.
fn has_file(walk: &Walk<'_>, path: &Path, key: &str) -> Result<bool, ReadFailure> {
    let below = Walk { start: "", ..*walk };
    Ok(below.files(path, key, &mut |_, _| ControlFlow::Break(()))?.is_break())
}

#[deny(clippy::missing_trait_methods)]
impl ObjectSource for DirectorySource {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(async move { self.page(request) })
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(async move {
            let reader: Box<dyn ObjectReader> = Box::new(self.read(at, from)?);
            Ok(reader)
        })
    }

    fn passed_over(&self) -> Vec<ObjectLocation> {
        let keys = self.passed_over_keys().into_iter();
        keys.map(|key| ObjectLocation::new("", key)).collect()
    }

    fn is_local(&self, _at: &ObjectLocation) -> bool {
        true
    }

    fn read_in_place(
        &self,
        at: &ObjectLocation,
        take: &mut TakePiece<'_>,
    ) -> Option<Result<ObjectMetadata, ReadError>> {
        let read = match self.plain_file(&at.key) {
            Some((file, size)) => hand_over(&file, size, take)
                .map(|()| self.metadata(&at.key, size))
                .map_err(ReadError::Failure),
            None => self
                .read(at, &ReadFrom::default())
                .and_then(|file| file.hand_over(take).map_err(ReadError::Failure)),
        };
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise each page of a large folder would read all of its names.
    #[test]
    fn a_large_folder_is_read_once_for_all_pages() {
        let folder = tempfile::tempdir().unwrap();
        let name = |number: usize| format!("{number:04}.json");
        for number in 0..1_200 {
            std::fs::write(folder.path().join(name(number)), "x").unwrap();
        }
        let source = DirectorySource::open(folder.path()).unwrap();
        let listed = |request: &ListRequest| source.page(request).unwrap();
        let request = ListRequest::names("b", "");
        let first = listed(&request);
        assert_eq!(first.objects.len(), 1_000);
        // A name that appears between two pages is not read.
        std::fs::write(folder.path().join("1100x.json"), "x").unwrap();
        let further = ListRequest { continuation: first.next, ..request.clone() };
        let second = listed(&further);
        let names: Vec<&str> = second.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(names, (1_000..1_200).map(name).collect::<Vec<_>>());
        assert!(second.next.is_none());
        // The next listing reads the folder again.
        let again = ListRequest { continuation: listed(&request).next, ..request };
        assert_eq!(listed(&again).objects.len(), 201);
    }
}
