//! Files that get their name only when they are complete.
use crate::console::refusal::Refusal;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Error, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use trailproof_core::vocab::location::escape;

/// Permissions of a file before the caller's umask is applied, as for any file that a program
/// creates. The default of `tempfile` lets no other user read the file.
const MODE: u32 = 0o666;

/// A file that is being written. If it is dropped before [`Self::keep`], it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    file: File,
    /// The temporary file and its final path. `None` if the target is not a regular file (a pipe or
    /// a device), which is written directly.
    rename: Option<(NamedTempFile, PathBuf)>,
    /// Whether a file that exists by then may be replaced.
    force: bool,
}

impl AtomicFile {
    /// Starts to write the file that will become `path`. An existing file stays unchanged until
    /// [`Self::keep`].
    pub(crate) fn create(path: &Path, force: bool) -> io::Result<Self> {
        let target = target(path)?;
        let Target::Regular(path) = target else {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(Self { file, rename: None, force });
        };
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        let temporary = tempfile::Builder::new()
            .prefix(&name)
            .suffix(".partial")
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(folder(&path))?;
        Ok(Self { file: temporary.as_file().try_clone()?, rename: Some((temporary, path)), force })
    }

    /// Returns a handle to write to.
    pub(crate) fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Returns a handle that reads what was written, from its beginning.
    pub(crate) fn reader(&self) -> io::Result<File> {
        match &self.rename {
            Some((temporary, _)) => File::open(temporary.path()),
            None => Err(Error::other("it cannot be read again")),
        }
    }

    /// Gives the file a different name than the one that it was created for.
    pub(crate) fn keep_as(mut self, path: &Path) -> io::Result<()> {
        if let Some((_, named)) = &mut self.rename {
            *named = path.to_owned();
        }
        self.keep()
    }

    /// Syncs the content to disk and then gives the file its name.
    pub(crate) fn keep(self) -> io::Result<()> {
        let Some((temporary, path)) = self.rename else { return Ok(()) };
        self.file.sync_all()?;
        let kept = match self.force {
            true => temporary.persist(&path),
            false => temporary.persist_noclobber(&path),
        };
        kept.map_err(|error| error.error)?;
        sync_folder(&path)
    }
}

/// Refuses to write to a file that exists, unless `force` allows replacing it, so that a second run
/// cannot overwrite a signed record. A pipe or a device is always accepted.
///
/// # Errors
///
/// The file exists already.
pub(crate) fn check_absent(path: &Path, force: bool) -> Result<(), Refusal> {
    if force || !std::fs::metadata(path).is_ok_and(|about| about.is_file()) {
        return Ok(());
    }
    Err(Refusal::usage(format!(
        "`{}` already exists\n\nhint: `--force` overwrites it",
        escape(&path.to_string_lossy())
    )))
}

/// Writes a complete file or nothing, and replaces an existing file only if `force` allows it.
///
/// # Errors
///
/// The file exists already, or it cannot be written.
pub(crate) fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Refusal> {
    check_absent(path, force)?;
    let written = AtomicFile::create(path, force).and_then(|file| {
        file.writer()?.write_all(bytes)?;
        file.keep()
    });
    written.map_err(|error| {
        let path = path.to_string_lossy();
        Refusal::output_lost(format!("cannot write `{}`: {error}", escape(&path)))
    })
}

/// What a path refers to.
pub(crate) enum Target {
    /// A regular file that exists or can be created. Symbolic links are followed, so that the file
    /// is replaced and not the link.
    Regular(PathBuf),
    /// A pipe or a device.
    Other,
}

/// Determines what an output path refers to.
pub(crate) fn target(path: &Path) -> io::Result<Target> {
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => {
            Err(Error::new(ErrorKind::IsADirectory, "it is a directory"))
        }
        Ok(about) if about.is_file() => Ok(Target::Regular(path.canonicalize()?)),
        Ok(_) => Ok(Target::Other),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // A dangling link: its target is created, and the link stays.
            let named = std::fs::read_link(path);
            Ok(Target::Regular(match named {
                Ok(named) => folder(path).join(named),
                Err(_) => path.to_owned(),
            }))
        }
        Err(error) => Err(error),
    }
}

/// Returns the folder that contains the file.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Syncs the folder of a file, so that the file's new name is on disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// Returns whether both paths refer to the same file, or would if it were created.
pub(crate) fn names_same(one: &Path, other: &Path) -> bool {
    if let (Ok(one), Ok(other)) = (std::fs::metadata(one), std::fs::metadata(other)) {
        return is_same(&one, &other);
    }
    let made = |path: &Path| match target(path) {
        Ok(Target::Regular(path)) => {
            let above = folder(&path).canonicalize().ok()?;
            Some(above.join(path.file_name()?))
        }
        _ => None,
    };
    one == other || made(one).is_some_and(|one| made(other) == Some(one))
}

/// Returns whether both are the same regular file.
pub(crate) fn is_same(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
}
