//! The keys below a directory, in the order in which S3 lists them.
use super::key_path::listed_name;
use super::reader::failed;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::budget;

/// Skipped entries that are kept as examples.
const EXAMPLES: usize = 1_000;

/// An entry of a folder.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A file: the name under which it is listed, and its actual name if that differs.
    File(String, Option<String>),
    /// A folder. Its name ends in a slash, because it sorts that way among the files.
    Folder(String),
}

impl Entry {
    fn name(&self) -> &str {
        match self {
            Self::File(name, _) | Self::Folder(name) => name,
        }
    }
}

/// Skipped entries: symbolic links, entries that are neither file nor folder, and names that are
/// not UTF-8 and so cannot be keys. They are not followed, since they may lead anywhere.
#[derive(Debug, Default)]
pub(crate) struct PassedOver(Mutex<BTreeSet<PathBuf>>);

impl PassedOver {
    fn note(&self, path: PathBuf) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(path);
        // Keeps the first ones by name, in whatever order listings find them.
        if seen.len() > EXAMPLES {
            seen.pop_last();
        }
    }

    pub(crate) fn all(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Returns the entries of one folder, in ascending order of the keys below them.
///
/// # Errors
///
/// The folder could not be listed completely: a listing is evidence of absence.
pub(crate) fn entries(folder: &Path, passed_over: &PassedOver) -> Result<Vec<Entry>, ReadFailure> {
    let mut entries = Vec::new();
    let mut inflated = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let kind = entry.file_type().map_err(|error| failed(&error))?;
        let name: Result<String, OsString> = entry.file_name().into_string();
        match name {
            Ok(name) if kind.is_dir() => entries.push(Entry::Folder(format!("{name}/"))),
            Ok(name) if kind.is_file() => match listed_name(&name) {
                Some(listed) => inflated.push((name, listed)),
                None => entries.push(Entry::File(name, None)),
            },
            _ => passed_over.note(entry.path()),
        }
    }
    if !inflated.is_empty() {
        let named: BTreeSet<String> = entries.iter().map(|entry| entry.name().to_owned()).collect();
        for (name, listed) in inflated {
            // If both names exist, the one without the extension is a file of its own.
            entries.push(match named.contains(&listed) {
                true => Entry::File(name, None),
                false => Entry::File(listed, Some(name)),
            });
        }
    }
    entries.sort_unstable_by(|one, other| one.name().cmp(other.name()));
    Ok(entries)
}

/// Folders that are kept between the pages of their listings. Concurrent listings of more large
/// folders than this read each of them again for each page.
const KEPT_FOLDERS: usize = 8;

/// Entries that make a folder large: it has further pages.
const LARGE: usize = 1_000;

/// The entries of large folders, kept from one page of a listing to the next. Otherwise each page
/// would read and sort all of them.
#[derive(Debug, Default)]
pub(crate) struct LargeFolders(Mutex<Vec<(PathBuf, Arc<Vec<Entry>>)>>);

impl LargeFolders {
    /// Returns the entries of a folder: as they were read for an earlier page if `goes_on`, and
    /// newly read otherwise.
    fn entries(
        &self,
        folder: &Path,
        passed_over: &PassedOver,
        goes_on: bool,
    ) -> Result<Arc<Vec<Entry>>, ReadFailure> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(path, _)| path == folder);
        let earlier = at.map(|at| kept.remove(at));
        if let Some((path, entries)) = earlier.filter(|_| goes_on) {
            kept.push((path, Arc::clone(&entries)));
            return Ok(entries);
        }
        drop(kept);
        let entries = Arc::new(entries(folder, passed_over)?);
        if entries.len() > LARGE {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|(path, _)| path != folder);
            if kept.len() == KEPT_FOLDERS {
                kept.remove(0);
            }
            kept.push((folder.to_owned(), Arc::clone(&entries)));
        }
        Ok(entries)
    }
}

/// A walk over the keys that begin with `start` and sort after `after`.
#[derive(Debug)]
pub(crate) struct Walk<'w> {
    /// The part of the prefix after its last slash: names directly below must begin with it.
    pub(crate) start: &'w str,
    /// Only keys that sort after this one.
    pub(crate) after: &'w str,
    /// Where to record what is skipped.
    pub(crate) passed_over: &'w PassedOver,
    /// Folders that were read for earlier pages.
    pub(crate) large: &'w LargeFolders,
    /// Whether this is a further page of a listing.
    pub(crate) goes_on: bool,
    /// Whether the sizes of files are looked up.
    pub(crate) sizes: bool,
}

impl Walk<'_> {
    /// Calls `visit` with the key and size of every file below `folder`, ascending, until it
    /// breaks. `key` is the folder's key, which ends in a slash or is empty.
    pub(crate) fn files(
        &self,
        folder: &Path,
        key: &str,
        visit: &mut dyn FnMut(String, u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadFailure> {
        let (entries, first) = self.below(folder, key)?;
        for entry in entries.get(first..).unwrap_or_default() {
            if !self.is_wanted(folder, key, entry) {
                continue;
            }
            let at = [key, entry.name()].concat();
            let flow = match entry {
                Entry::File(name, real) => {
                    match self.size(folder, real.as_ref().unwrap_or(name))? {
                        Some(size) => visit(at, size),
                        None => ControlFlow::Continue(()),
                    }
                }
                Entry::Folder(name) => {
                    let deeper = Walk { start: "", ..*self };
                    deeper.files(&folder.join(name), &at, visit)?
                }
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns the size of a file in this folder, or zero if sizes are not requested. It is looked
    /// up only for files that are returned, since a page of a large folder reads all of its names.
    /// Returns `None` if the file has been deleted since, as if it had never been listed.
    pub(crate) fn size(&self, folder: &Path, name: &str) -> Result<Option<u64>, ReadFailure> {
        if !self.sizes {
            return Ok(Some(0));
        }
        match std::fs::symlink_metadata(folder.join(name)) {
            Ok(about) => Ok(Some(about.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Returns the entries directly below, and the index of the first one with keys after `after`.
    pub(crate) fn below(
        &self,
        folder: &Path,
        key: &str,
    ) -> Result<(Arc<Vec<Entry>>, usize), ReadFailure> {
        let entries = self.large.entries(folder, self.passed_over, self.goes_on)?;
        let is_before = |entry: &Entry| {
            let at = [key, entry.name()].concat();
            let holds_later = matches!(entry, Entry::Folder(_)) && self.after.starts_with(&at);
            at.as_str() <= self.after && !holds_later
        };
        let first = entries.partition_point(is_before);
        Ok((entries, first))
    }

    /// Returns whether an entry directly below may have keys that begin with `start`.
    pub(crate) fn is_wanted(&self, folder: &Path, key: &str, entry: &Entry) -> bool {
        let name = entry.name();
        let fits = key.len() + name.len() <= budget::KEY_LENGTH;
        if !fits {
            self.passed_over.note(folder.join(name));
        }
        fits && name.starts_with(self.start)
    }
}
