//! Where a worker writes its records: into a directory, or below a prefix of a bucket. Never into the
//! evidence.
use super::records::{Kept, ShardFile, same};
use crate::console::refusal::Refusal;
use crate::files::atomic::AtomicFile;
use crate::session::reading::{Reading, Store};
use crate::session::shared::{SharedStore, Written, shown};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::key_layout::ROOT;
use trailproof_core::vocab::location::{ObjectLocation, escape};

/// Refuses to write where evidence lies: below a folder `AWSLogs` of any bucket, or where the plan reads
/// a copy from.
pub(crate) fn outside_evidence(reading: &Reading, at: &ObjectLocation) -> Result<(), Refusal> {
    let is_copy = |bucket: &str, prefix: &str| {
        bucket == at.bucket && (at.key.starts_with(prefix) || format!("{}/", at.key) == prefix)
    };
    let mut copies = reading.rules.iter().filter(|rule| rule.store == Store::S3);
    let in_copy = copies.any(|rule| is_copy(&rule.to_bucket, &rule.to_prefix));
    if !in_copy && at.key.split('/').all(|folder| folder != ROOT) {
        return Ok(());
    }
    Err(Refusal::usage(format!(
        "`{}` is in the evidence, where nothing is written\n\nhint: name a different bucket, or a \
         prefix beside `{ROOT}`",
        shown(at)
    )))
}

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

/// Returns the object of this name in a folder.
fn in_folder(folder: &ObjectLocation, name: &str) -> ObjectLocation {
    let slash = if folder.key.is_empty() { "" } else { "/" };
    ObjectLocation::new(folder.bucket.as_str(), format!("{}{slash}{name}", folder.key))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::reading::ReadingRule;

    #[test]
    fn nothing_is_written_into_the_evidence() {
        let rule = |store: Store, to_prefix: &str| ReadingRule {
            bucket: "old".to_owned(),
            prefix: "AWSLogs/".to_owned(),
            store,
            to_bucket: "copies".to_owned(),
            to_prefix: to_prefix.to_owned(),
            complete: false,
        };
        let reading = Reading {
            below: Some(Store::S3),
            rules: vec![rule(Store::S3, "of/2025/"), rule(Store::Directory("x".into()), "d/")],
        };
        let refused = |bucket: &str, key: &str| {
            outside_evidence(&reading, &ObjectLocation::new(bucket, key)).is_err()
        };
        for key in ["AWSLogs", "AWSLogs/1", "p/AWSLogs/o-x/1/CloudTrail/r/x", "a/b/AWSLogs/"] {
            assert!(refused("any", key), "{key}");
        }
        for key in ["of/2025", "of/2025/", "of/2025/shards"] {
            assert!(refused("copies", key), "{key}");
            assert!(!refused("other", key), "{key}");
        }
        for key in ["", "shards", "xAWSLogs/1", "of/2026", "of/2025x", "d/x"] {
            assert!(!refused("copies", key), "{key}");
        }
    }
}
