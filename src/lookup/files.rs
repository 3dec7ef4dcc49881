//! The files to look up: those that were named, and those below directories that were named.
use super::forms::{FileContent, Unreadable, read};
use crate::console::refusal::Refusal;
use crate::report::lookup::result::SkippedFile;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, FileType};
use std::io;
use std::path::{Path, PathBuf};
use trailproof_core::codes::lookup::FileSkipped;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::log_key::DeliveredName;

/// The argument that means standard input. A file of that name is given as `./-`.
const STDIN: &str = "-";

/// One file to look up.
#[derive(Debug)]
pub(crate) struct LookupFile {
    /// The path as it was given, or below the directory that was given.
    pub(crate) file: String,
    /// What its name says, if it is the name of a delivered file.
    pub(crate) name: Option<DeliveredName>,
    pub(crate) content: FileContent,
}

/// The files to look up.
#[derive(Debug, Default)]
pub(crate) struct LookupFiles {
    pub(crate) files: Vec<LookupFile>,
    /// Files below directories that were not read.
    pub(crate) skipped: Vec<SkippedFile>,
}

impl LookupFiles {
    /// Reads the files that were named, in order. Directories are read in the order of paths;
    /// symbolic links in them are not followed.
    ///
    /// # Errors
    ///
    /// A file or directory that was named cannot be read or exceeds a limit, or there is no file.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, Refusal> {
        let mut all = Self::default();
        if paths.iter().filter(|path| path.as_path() == Path::new(STDIN)).count() > 1 {
            return Err(Refusal::usage("standard input can be read only once"));
        }
        for path in paths {
            if path == Path::new(STDIN) {
                all.take(path, &mut io::stdin().lock()).map_err(|why| refusal(path, &why))?;
                continue;
            }
            let about = fs::metadata(path).map_err(|error| refusal(path, &error.into()))?;
            if about.is_dir() {
                all.directory(path, budget::LOOKUP_FILES)?;
            } else {
                all.file(path).map_err(|why| refusal(path, &why))?;
            }
        }
        if all.files.is_empty() {
            let what = match all.skipped.first() {
                Some(skipped) => {
                    format!(": `{}` is skipped ({})", escape(&skipped.file), skipped.why.code())
                }
                None => String::new(),
            };
            return Err(Refusal::usage(format!("there is no file to look up{what}")));
        }
        Ok(all)
    }

    fn file(&mut self, path: &Path) -> Result<(), Unreadable> {
        self.take(path, &mut File::open(path)?)
    }

    fn take(&mut self, path: &Path, from: &mut dyn io::Read) -> Result<(), Unreadable> {
        let content = read(from)?;
        let name = path.file_name().and_then(|name| delivered_name(&name.to_string_lossy()));
        let name = name.or_else(|| content.member.as_deref().and_then(delivered_name));
        self.files.push(LookupFile { file: path.to_string_lossy().into_owned(), name, content });
        Ok(())
    }

    /// Reads the files below a directory, at most `limit` in all.
    fn directory(&mut self, directory: &Path, limit: usize) -> Result<(), Refusal> {
        let named = |error: io::Error| refusal(directory, &error.into());
        let mut waiting = entries(directory, limit).map_err(named)?;
        if waiting.cut {
            self.skip(directory, FileSkipped::TooManyFiles);
        }
        // The last one is the next: the smallest path of the innermost folder.
        let mut next = waiting.take();
        while let Some((path, kind)) = next.pop() {
            if kind.is_dir() {
                match entries(&path, limit) {
                    Ok(mut below) => {
                        if below.cut {
                            self.skip(&path, FileSkipped::TooManyFiles);
                        }
                        next.extend(below.take());
                    }
                    Err(_) => self.skip(&path, FileSkipped::Unreadable),
                }
            } else if kind.is_symlink() {
                self.skip(&path, FileSkipped::SymbolicLink);
            } else if !kind.is_file() {
                self.skip(&path, FileSkipped::SpecialFile);
            } else if self.files.len() >= limit {
                self.skip(directory, FileSkipped::TooManyFiles);
                break;
            } else {
                match self.file(&path) {
                    Ok(()) => {}
                    Err(Unreadable::Io(_)) => self.skip(&path, FileSkipped::Unreadable),
                    Err(Unreadable::Inflated | Unreadable::Stored) => {
                        self.skip(&path, FileSkipped::OverBudget);
                    }
                }
            }
        }
        Ok(())
    }

    /// Records a skipped file. As many are recorded as files are read; one more says so.
    fn skip(&mut self, path: &Path, why: FileSkipped) {
        if self.skipped.len() < budget::LOOKUP_FILES {
            let file = path.to_string_lossy().into_owned();
            self.skipped.push(SkippedFile { file, why });
        }
    }
}

/// The entries of one directory.
struct Entries {
    /// Largest name first.
    entries: Vec<(PathBuf, FileType)>,
    /// Whether there are more than were kept.
    cut: bool,
}

impl Entries {
    fn take(&mut self) -> Vec<(PathBuf, FileType)> {
        std::mem::take(&mut self.entries)
    }
}

/// Lists the `limit` smallest names of a directory.
fn entries(directory: &Path, limit: usize) -> io::Result<Entries> {
    let mut names: BTreeSet<OsString> = BTreeSet::new();
    let mut cut = false;
    for entry in fs::read_dir(directory)? {
        names.insert(entry?.file_name());
        if names.len() > limit {
            names.pop_last();
            cut = true;
        }
    }
    let mut entries = Vec::new();
    for name in names.into_iter().rev() {
        let path = directory.join(name);
        let kind = fs::symlink_metadata(&path)?.file_type();
        entries.push((path, kind));
    }
    Ok(Entries { entries, cut })
}

/// Returns what the name of a file says, also if the file is in a container.
fn delivered_name(name: &str) -> Option<DeliveredName> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let inner = [".zip", ".zst"].iter().find_map(|suffix| name.strip_suffix(suffix));
    DeliveredName::parse(inner.unwrap_or(name))
}

fn refusal(path: &Path, why: &Unreadable) -> Refusal {
    let shown = path.to_string_lossy();
    let shown = escape(&shown);
    Refusal::not_started(match why {
        Unreadable::Io(error) => format!("cannot read `{shown}`: {error}"),
        Unreadable::Inflated => {
            format!("`{shown}` inflates to more than {} bytes", budget::LOG_INFLATED)
        }
        Unreadable::Stored => format!("`{shown}` has more than {} bytes", budget::LOG_STORED),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_read_in_the_order_of_paths_up_to_the_limit() {
        let at = tempfile::tempdir().unwrap();
        for name in ["b/2", "a", "b/1", "c"] {
            let path = at.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let read = |limit| {
            let mut all = LookupFiles::default();
            all.directory(at.path(), limit).unwrap();
            let short = |file: &str| {
                let path = Path::new(file).strip_prefix(at.path()).unwrap();
                path.to_str().unwrap().replace('\\', "/")
            };
            let files: Vec<String> = all.files.iter().map(|file| short(&file.file)).collect();
            let skipped = all.skipped.iter().map(|skipped| (short(&skipped.file), skipped.why));
            (files, skipped.collect::<Vec<_>>())
        };
        assert_eq!(read(4), (["a", "b/1", "b/2", "c"].map(str::to_owned).into(), Vec::new()));
        let many = |at: &str| (at.to_owned(), FileSkipped::TooManyFiles);
        assert_eq!(read(3), (["a", "b/1", "b/2"].map(str::to_owned).into(), vec![many("")]));
        assert_eq!(read(1), (vec!["a".to_owned()], vec![many("")]));
    }

    #[test]
    fn a_name_is_found_behind_the_suffix_of_a_container() {
        let name = "123456789012_CloudTrail_us-east-1_20230710T1220Z_WMiHxZgr5Hdd6UDc.json";
        for suffix in ["", ".gz", ".zip", ".gz.zip", ".zst", ".gz.zst"] {
            let read = delivered_name(&format!("folder/{name}{suffix}")).unwrap();
            assert_eq!(read.name, format!("{name}.gz"), "{suffix}");
        }
        assert_eq!(delivered_name(&format!("{name}.bak")), None);
    }
}
