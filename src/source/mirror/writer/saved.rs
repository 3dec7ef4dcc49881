//! A copy from an earlier run, read in place of the object.
use super::names::plain;
use crate::source::directory::key_path::parts;
use crate::source::mirror::ledger::Copied;
use crate::source::{BoxFuture, ObjectMetadata, ObjectReader};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::location::ObjectLocation;

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// Opens the copy if it is unchanged: a file that was damaged since must not stand in for the
/// bucket, and is fetched again.
pub(super) fn saved(
    root: &Path,
    at: &ObjectLocation,
    copied: Copied,
) -> Option<Box<dyn ObjectReader>> {
    let path = copied.file.clone().or_else(|| plain(&at.bucket, &at.key))?;
    let reader = check(&inside(root, &path)?, copied).ok()??;
    Some(Box::new(reader))
}

/// Returns the path below the directory that a manifest names; `None` if it leads out of the
/// directory or through a symbolic link.
pub(super) fn inside(root: &Path, path: &str) -> Option<PathBuf> {
    let mut whole = root.to_owned();
    for part in parts(path)? {
        whole.push(part);
        if whole.is_symlink() {
            return None;
        }
    }
    Some(whole)
}

fn check(path: &Path, copied: Copied) -> io::Result<Option<Saved>> {
    let mut file = std::fs::File::open(path)?;
    if file.metadata()?.len() != copied.size {
        return Ok(None);
    }
    let mut hash = Sha256::new();
    let mut first = Vec::new();
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut chunks = 0;
    loop {
        chunk.clear();
        (&mut file).take(u64::try_from(CHUNK).unwrap_or(u64::MAX)).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            break;
        }
        hash.update(&chunk);
        chunks += 1;
        if chunks == 1 {
            first.clone_from(&chunk);
        }
    }
    if hex::encode(hash.finalize()) != copied.sha256 {
        return Ok(None);
    }
    file.seek(io::SeekFrom::Start(u64::try_from(first.len()).unwrap_or(u64::MAX)))?;
    let metadata = ObjectMetadata {
        size: Some(copied.size),
        etag: copied.etag,
        version_id: copied.version_id,
        end_unknown: copied.end_unknown,
        stored_as: copied.stored_as,
        user: copied.metadata,
        recorded: None,
    };
    Ok(Some(Saved { file, first: Some(first.into()), metadata }))
}

struct Saved {
    file: std::fs::File,
    first: Option<Bytes>,
    metadata: ObjectMetadata,
}

#[deny(clippy::missing_trait_methods)]
impl ObjectReader for Saved {
    fn metadata(&self) -> &ObjectMetadata {
        &self.metadata
    }

    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>> {
        Box::pin(async move {
            if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
                return Ok(Some(first));
            }
            let mut chunk = Vec::with_capacity(CHUNK);
            let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX);
            (&self.file)
                .take(limit)
                .read_to_end(&mut chunk)
                .map_err(|error| crate::source::directory::reader::failed(&error))?;
            Ok((!chunk.is_empty()).then(|| chunk.into()))
        })
    }
}
