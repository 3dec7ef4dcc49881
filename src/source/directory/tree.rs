//! Keys below a directory in the order in which S3 lists them.
use super::key_path::listed_name;
use super::reader::failed;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::budget;

/// Examples of what was passed over that are kept.
const EXAMPLES: usize = 1_000;

/// What lies in one folder.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A file, with the name under which it is listed, and the one that it has where that is another.
    File(String, Option<String>),
    /// A folder; its name ends in a slash, as that is how it sorts among the files.
    Folder(String),
}

impl Entry {
    fn name(&self) -> &str {
        match self {
            Self::File(name, _) | Self::Folder(name) => name,
        }
    }
}

/// What was passed over: symbolic links, what is neither file nor folder, and names that are not
/// UTF-8 and so no key's. They are not followed, for they may lead anywhere.
#[derive(Debug, Default)]
pub(crate) struct PassedOver(Mutex<BTreeSet<PathBuf>>);

impl PassedOver {
    fn note(&self, path: PathBuf) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(path);
        // The first by name, in whatever order listings come to them.
        if seen.len() > EXAMPLES {
            seen.pop_last();
        }
    }

    pub(crate) fn all(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// The entries of one folder in ascending order of the keys that lie in them.
///
/// # Errors
///
/// That the folder could not be listed, whole: a listing is evidence of absence.
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
            // Beside the file itself, a second one without the ending is what it is.
            entries.push(match named.contains(&listed) {
                true => Entry::File(name, None),
                false => Entry::File(listed, Some(name)),
            });
        }
    }
    entries.sort_unstable_by(|one, other| one.name().cmp(other.name()));
    Ok(entries)
}

/// One walk over the keys that begin with `start`, after `after`.
#[derive(Debug)]
pub(crate) struct Walk<'w> {
    /// The rest of the prefix behind its last slash: names right below must begin so.
    pub(crate) start: &'w str,
    /// Only keys that sort after this.
    pub(crate) after: &'w str,
    /// Where to count what is passed over.
    pub(crate) passed_over: &'w PassedOver,
    /// Whether files are asked how large they are.
    pub(crate) sizes: bool,
}

impl Walk<'_> {
    /// Tells `visit` of every file below `folder`, whose key is `key` and ends in a slash or is
    /// empty, with its key and size, ascending, until it breaks.
    pub(crate) fn files(
        &self,
        folder: &Path,
        key: &str,
        visit: &mut dyn FnMut(String, u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadFailure> {
        for entry in self.below(folder, key)? {
            let at = [key, entry.name()].concat();
            let flow = match entry {
                Entry::File(name, real) if at.as_str() > self.after => {
                    match self.size(folder, real.as_ref().unwrap_or(&name))? {
                        Some(size) => visit(at, size),
                        None => ControlFlow::Continue(()),
                    }
                }
                Entry::File(..) => ControlFlow::Continue(()),
                Entry::Folder(name) => {
                    let deeper = Walk { start: "", ..*self };
                    deeper.files(&folder.join(&name), &at, visit)?
                }
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The size of a file in this folder, or zero where nobody wants it; asked for only of what is
    /// told, as a page of a large folder reads all of its names. `None` for one that is gone since: as
    /// if it had never been listed.
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

    /// The entries right below, but for folders all of whose keys sort at or before `after`.
    pub(crate) fn below(&self, folder: &Path, key: &str) -> Result<Vec<Entry>, ReadFailure> {
        let mut entries = entries(folder, self.passed_over)?;
        entries.retain(|entry| {
            let name = entry.name();
            if key.len() + name.len() > budget::KEY_LENGTH {
                self.passed_over.note(folder.join(name));
                return false;
            }
            let done = || {
                let at = format!("{key}{name}");
                at.as_str() <= self.after && !self.after.starts_with(&at)
            };
            name.starts_with(self.start) && !(matches!(entry, Entry::Folder(_)) && done())
        });
        Ok(entries)
    }
}
