//! Where a worker writes its records: into a directory, or below a prefix of a bucket. Never into the
//! evidence.
use super::records::{Kept, ShardFile, same};
use crate::console::refusal::Refusal;
use crate::files::atomic::AtomicFile;
use crate::session::shared::{SharedStore, Written, in_folder, shown};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::location::{ObjectLocation, escape};

/// Where records are written.
pub(crate) enum RecordOutput {
    Directory(PathBuf),
    S3(Box<SharedStore>, ObjectLocation),
}

/// Why a record was not kept.
#[derive(Debug)]
pub(crate) enum NotKept {
    Disk(io::Error),
    Store(ReadFailure),
    /// A different record of this name exists.
    Different(Refusal),
}

/// A record that is being written.
pub(crate) enum Draft {
    Beside(AtomicFile),
    Apart(NamedTempFile),
}

impl RecordOutput {
    /// Returns the place as messages show it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Directory(path) => escape(&path.to_string_lossy()).into_owned(),
            Self::S3(_, at) => shown(at),
        }
    }

    /// Starts to write the record of this name.
    pub(crate) fn begin(&self, name: &str) -> io::Result<Draft> {
        match self {
            Self::Directory(path) => AtomicFile::create(&path.join(name), true).map(Draft::Beside),
            Self::S3(..) => NamedTempFile::new().map(Draft::Apart),
        }
    }

    /// Gives a record its name, and returns where it is.
    pub(crate) async fn keep(
        &self,
        draft: Draft,
        name: &str,
        what: Kept,
    ) -> Result<String, NotKept> {
        match (self, draft) {
            (Self::Directory(path), Draft::Beside(file)) => {
                let kept = keep_beside(file, path, name).map_err(NotKept::Disk)?;
                Ok(kept.to_string_lossy().into_owned())
            }
            (Self::S3(store, folder), Draft::Apart(file)) => {
                let at = in_folder(folder, name);
                match store.create(&at, file.path()).await.map_err(NotKept::Store)? {
                    Written::Done => {}
                    Written::Different(there) => {
                        let there = ShardFile::new(&there, shown(&at));
                        let own = ShardFile::new(file.path(), "this attempt".to_owned());
                        same(&there, &own, what).map_err(NotKept::Different)?;
                    }
                }
                Ok(format!("s3://{}/{}", at.bucket, at.key))
            }
            _ => Err(NotKept::Disk(io::Error::other("the record was begun elsewhere"))),
        }
    }
}

impl Draft {
    /// Returns a handle to write to.
    pub(crate) fn writer(&self) -> io::Result<File> {
        match self {
            Self::Beside(file) => file.writer(),
            Self::Apart(file) => file.as_file().try_clone(),
        }
    }
}

/// Gives the record its name. If another attempt has written the same, that is kept; if it has
/// written something else, both are, so that the merge names the difference.
fn keep_beside(file: AtomicFile, to: &Path, name: &str) -> io::Result<PathBuf> {
    let path = to.join(name);
    if !path.exists() {
        file.keep()?;
        return Ok(path);
    }
    let hash = |mut file: File| -> io::Result<String> {
        let (mut hash, mut chunk) = (Sha256::new(), vec![0; 256 << 10]);
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok(hex::encode(hash.finalize())),
                read => hash.update(chunk.get(..read).unwrap_or_default()),
            }
        }
    };
    let own = hash(file.reader()?)?;
    if hash(File::open(&path)?)? == own {
        return Ok(path);
    }
    let stem = name.split('.').next().unwrap_or(name);
    let beside = to.join(format!("{stem}-{}.jsonl.zst", own.get(..12).unwrap_or_default()));
    file.keep_as(&beside)?;
    Ok(beside)
}
