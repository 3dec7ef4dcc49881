//! Keys below a directory in the order in which S3 lists them.
use super::key_path::listed_name;
use super::reader::failed;
use crate::core::budget;
use crate::core::failure::ReadFailure;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Examples of what was passed over that are kept.
const EXAMPLES: usize = 1_000;

/// What lies in one folder.
#[derive(Debug)]
pub(super) enum Entry {
    /// A file, with the name under which it is listed, and its size.
    File(String, u64),
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
pub(super) struct PassedOver(Mutex<BTreeSet<PathBuf>>);

impl PassedOver {
    fn note(&self, path: PathBuf) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < EXAMPLES {
            seen.insert(path);
        }
    }

    pub(super) fn all(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// The entries of one folder in ascending order of the keys that lie in them.
///
/// # Errors
///
/// That the folder could not be listed, whole: a listing is evidence of absence.
pub(super) fn entries(folder: &Path, passed_over: &PassedOver) -> Result<Vec<Entry>, ReadFailure> {
    let mut entries = Vec::new();
    let mut inflated = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let kind = entry.file_type().map_err(|error| failed(&error))?;
        let name: Result<String, OsString> = entry.file_name().into_string();
        match name {
            Ok(name) if kind.is_dir() => entries.push(Entry::Folder(format!("{name}/"))),
            Ok(name) if kind.is_file() => {
                let size = match entry.metadata() {
                    Ok(about) => about.len(),
                    // It was there a moment ago and is gone: as if it had never been listed.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(failed(&error)),
                };
                match listed_name(&name) {
                    Some(listed) => inflated.push((name, listed, size)),
                    None => entries.push(Entry::File(name, size)),
                }
            }
            _ => passed_over.note(entry.path()),
        }
    }
    if !inflated.is_empty() {
        let named: BTreeSet<String> = entries.iter().map(|entry| entry.name().to_owned()).collect();
        for (name, listed, size) in inflated {
            // Beside the file itself, a second one without the ending is what it is.
            let name = if named.contains(&listed) { name } else { listed };
            entries.push(Entry::File(name, size));
        }
    }
    entries.sort_by(|one, other| one.name().cmp(other.name()));
    Ok(entries)
}

/// One walk over the keys that begin with `start`, after `after`.
#[derive(Debug)]
pub(super) struct Walk<'w> {
    /// The rest of the prefix behind its last slash: names right below must begin so.
    pub(super) start: &'w str,
    /// Only keys that sort after this.
    pub(super) after: &'w str,
    /// Where to count what is passed over.
    pub(super) passed_over: &'w PassedOver,
}

impl Walk<'_> {
    /// Tells `visit` of every file below `folder`, whose key is `key` and ends in a slash or is
    /// empty, with its key and size, ascending, until it breaks.
    pub(super) fn files(
        &self,
        folder: &Path,
        key: &str,
        visit: &mut dyn FnMut(String, u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadFailure> {
        for entry in self.below(folder, key)? {
            let at = format!("{key}{}", entry.name());
            let flow = match entry {
                Entry::File(_, size) if at.as_str() > self.after => visit(at, size),
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

    /// The entries right below, but for folders all of whose keys sort at or before `after`.
    pub(super) fn below(&self, folder: &Path, key: &str) -> Result<Vec<Entry>, ReadFailure> {
        let mut entries = entries(folder, self.passed_over)?;
        entries.retain(|entry| {
            let name = entry.name();
            let at = format!("{key}{name}");
            if at.len() > budget::KEY_LENGTH {
                self.passed_over.note(folder.join(name));
                return false;
            }
            let done = matches!(entry, Entry::Folder(_))
                && at.as_str() <= self.after
                && !self.after.starts_with(&at);
            name.starts_with(self.start) && !done
        });
        Ok(entries)
    }
}
