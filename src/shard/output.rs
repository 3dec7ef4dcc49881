//! Where a worker writes its records: into a directory, or below a prefix of a bucket. Never into the
//! evidence.
use super::records::{OfShard, ShardFile};
use crate::console::refusal::Refusal;
use crate::files::atomic::AtomicFile;
use crate::files::hash::sha256_of;
use crate::session::shared::{SharedStore, Written, in_folder, shown};
use std::fs::File;
use std::io;
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

    /// Refuses to make a record of this name beside one of a different plan. The record could be written,
    /// and only the merge would refuse it. What cannot be read here is left to the merge too.
    ///
    /// # Errors
    ///
    /// There is a record of a different plan.
    pub(crate) async fn check<S: OfShard>(
        &self,
        name: &str,
        plan_sha256: &str,
    ) -> Result<(), Refusal> {
        let (file, _fetched) = match self {
            Self::Directory(path) => (ShardFile::local(path.join(name)), None),
            Self::S3(store, folder) => {
                let at = in_folder(folder, name);
                let Ok(fetched) = store.fetch(&at).await else { return Ok(()) };
                (ShardFile::new(&fetched, shown(&at)), Some(fetched))
            }
        };
        match S::begin(&file) {
            Ok((_, started)) if started.plan_sha256() != plan_sha256 => {
                Err(Refusal::usage(format!(
                    "`{}` is a shard of a different plan\n\nhint: name a different place for the shards of \
                     this plan",
                    file.shown
                )))
            }
            _ => Ok(()),
        }
    }

    /// Returns the directory of drafts that are not written where they belong.
    pub(crate) fn draft_folder(&self) -> Option<PathBuf> {
        matches!(self, Self::S3(..)).then(std::env::temp_dir)
    }

    /// Starts to write the record of this name.
    pub(crate) fn begin(&self, name: &str) -> io::Result<Draft> {
        match self {
            Self::Directory(path) => AtomicFile::create(&path.join(name), true).map(Draft::Beside),
            Self::S3(..) => NamedTempFile::new().map(Draft::Apart),
        }
    }

    /// Gives a record its name, and returns where it is. If another attempt has written the same, that
    /// is kept; if it has written something else, both are, so that the merge names the difference.
    pub(crate) async fn keep(&self, draft: Draft, name: &str) -> Result<String, NotKept> {
        match (self, draft) {
            (Self::Directory(path), Draft::Beside(file)) => {
                let kept = keep_beside(file, path, name).map_err(NotKept::Disk)?;
                Ok(kept.to_string_lossy().into_owned())
            }
            (Self::S3(store, folder), Draft::Apart(file)) => {
                let at = in_folder(folder, name);
                let create = |at| store.create(at, file.path());
                if let Written::Done = create(&at).await.map_err(NotKept::Store)? {
                    return Ok(format!("s3://{}/{}", at.bucket, at.key));
                }
                let own = file.reopen().and_then(sha256).map_err(NotKept::Disk)?;
                let at = in_folder(folder, &beside_name(name, &own));
                match create(&at).await.map_err(NotKept::Store)? {
                    Written::Done => Ok(format!("s3://{}/{}", at.bucket, at.key)),
                    // The name has the hash of the bytes.
                    Written::Different => Err(NotKept::Disk(io::Error::other(format!(
                        "`{}` has not the content that its name states",
                        shown(&at)
                    )))),
                }
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

fn keep_beside(file: AtomicFile, to: &Path, name: &str) -> io::Result<PathBuf> {
    let path = to.join(name);
    if !path.exists() {
        file.keep()?;
        return Ok(path);
    }
    let own = sha256(file.reader()?)?;
    if sha256(File::open(&path)?)? == own {
        return Ok(path);
    }
    let beside = to.join(beside_name(name, &own));
    file.keep_as(&beside)?;
    Ok(beside)
}

/// Returns the name of a record that differs from the one that has its name, by its SHA-256.
fn beside_name(name: &str, sha256: &str) -> String {
    let stem = name.split('.').next().unwrap_or(name);
    format!("{stem}-{}.jsonl.zst", sha256.get(..12).unwrap_or_default())
}

fn sha256(mut file: File) -> io::Result<String> {
    sha256_of(&mut file).map(|(hash, _)| hex::encode(hash))
}
