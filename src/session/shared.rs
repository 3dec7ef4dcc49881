//! Files that the machines of one run share: in a directory that all of them see, or in S3.
//!
//! A file in S3 is created with one request, never replaced, and never in the evidence.
use super::environment::retry_policy;
use super::location::in_bucket;
use super::reading::{Reading, Store};
use super::store::{configured, s3, s3_to_write};
use crate::aws::config::AwsOptions;
use crate::console::refusal::Refusal;
use crate::files::hash::sha256_of;
use crate::source::layer::count::Counts;
use crate::source::layer::retry::repeated;
use crate::source::s3::{Created, NewObject, S3Source};
use crate::source::{BoxFuture, ListRequest, ObjectSource, Pages, ReadError, ReadFrom};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::{NamedTempFile, TempPath};
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget::{CREATED_OBJECT, KEY_LENGTH, SHARD_RECORDS, SHOWN};
use trailproof_core::vocab::key_layout::ROOT;
use trailproof_core::vocab::location::{ObjectLocation, escape, excerpt};

/// A path as it was typed: of a file or a directory, or in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SharedPath {
    Local(PathBuf),
    /// A key, or a folder without its last slash.
    S3(ObjectLocation),
}

impl SharedPath {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// It begins with `s3://`, and no bucket or no key has such a name.
    pub(crate) fn read(path: &Path) -> Result<Self, Refusal> {
        let Some(rest) = path.to_str().and_then(|text| text.strip_prefix("s3://")) else {
            return Ok(Self::Local(path.to_owned()));
        };
        match in_bucket(rest) {
            Some((bucket, key)) if key.len() <= KEY_LENGTH => {
                Ok(Self::S3(ObjectLocation::new(bucket, key)))
            }
            _ => Err(Refusal::usage(format!(
                "`s3://{}` is not a place in S3\n\nhint: use `s3://BUCKET/KEY`",
                excerpt(rest, SHOWN)
            ))),
        }
    }
}

/// Returns a place in S3 as messages show it.
pub(crate) fn shown(at: &ObjectLocation) -> String {
    let slash = if at.key.is_empty() { "" } else { "/" };
    format!("s3://{}{slash}{}", escape(&at.bucket), escape(&at.key))
}

/// Returns the object of this name in a folder.
pub(crate) fn in_folder(folder: &ObjectLocation, name: &str) -> ObjectLocation {
    let slash = if folder.key.is_empty() { "" } else { "/" };
    ObjectLocation::new(folder.bucket.as_str(), format!("{}{slash}{name}", folder.key))
}

/// Refuses to write where evidence lies: below a folder `AWSLogs` of any bucket, or where `reading` reads
/// a copy from.
///
/// # Errors
///
/// Returns a usage error if evidence lies there.
pub(crate) fn outside_evidence(
    reading: Option<&Reading>,
    at: &ObjectLocation,
) -> Result<(), Refusal> {
    let is_copy = |bucket: &str, prefix: &str| {
        bucket == at.bucket && (at.key.starts_with(prefix) || format!("{}/", at.key) == prefix)
    };
    let rules = reading.map(|reading| reading.rules.as_slice()).unwrap_or_default();
    let mut copies = rules.iter().filter(|rule| rule.store == Store::S3);
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

/// What came of writing a file.
#[derive(Debug)]
pub(crate) enum Written {
    /// It is there now, or it was there already with these bytes.
    Done,
    /// There is a different file of this name.
    Different,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfetched {
    #[error("there is no such object")]
    Missing,
    #[error("{0}")]
    Failed(ReadFailure),
}

impl From<ReadFailure> for Unfetched {
    fn from(why: ReadFailure) -> Self {
        Self::Failed(why)
    }
}

/// S3, for files that machines share.
pub(crate) struct SharedStore {
    to_write: S3Source,
    to_read: Arc<dyn ObjectSource>,
}

impl SharedStore {
    /// Finds credentials. Makes no request to S3.
    ///
    /// # Errors
    ///
    /// There are none, or a configured file or value cannot be used.
    pub(crate) async fn open(aws: &AwsOptions) -> Result<Self, Refusal> {
        let config = configured(aws.clone()).await?;
        let (to_read, _) = s3(&config, &Arc::new(Counts::default()), None);
        Ok(Self { to_write: s3_to_write(&config), to_read })
    }

    /// Checks that the bucket exists, before work begins whose result goes there.
    ///
    /// # Errors
    ///
    /// It does not, or there is no answer.
    pub(crate) async fn check(&self, bucket: &str) -> Result<(), ReadFailure> {
        let look = || -> BoxFuture<'_, _> {
            Box::pin(async { self.to_write.bucket_region(bucket).await.map(drop) })
        };
        repeated(retry_policy(), look).await
    }

    /// Creates an object with the bytes of this file.
    ///
    /// # Errors
    ///
    /// The object could not be written, or it is not known whether it was.
    pub(crate) async fn create(
        &self,
        at: &ObjectLocation,
        file: &Path,
    ) -> Result<Written, ReadFailure> {
        let (sha256, size) = hash(file).map_err(|error| of_disk(&error))?;
        if size > CREATED_OBJECT {
            let words = format!(
                "it has {size} bytes, and one request creates at most {CREATED_OBJECT}: cut the run \
                 into smaller parts"
            );
            return Err(ReadFailure::new(ReadFailureKind::OverBudget, words));
        }
        let object = NewObject { at, file, size, sha256 };
        let create = || -> BoxFuture<'_, _> { Box::pin(self.to_write.create(object)) };
        match repeated(retry_policy(), create).await? {
            Created::New => Ok(Written::Done),
            Created::Exists => {
                let there = self.fetch(at).await.map_err(|why| match why {
                    Unfetched::Failed(why) => why,
                    Unfetched::Missing => {
                        let words = "it was there, and disappeared while it was compared";
                        ReadFailure::new(ReadFailureKind::ChangedWhileReading, words)
                    }
                })?;
                let (found, _) = hash(&there).map_err(|error| of_disk(&error))?;
                Ok(if found == sha256 { Written::Done } else { Written::Different })
            }
        }
    }

    /// Reads an object into a temporary file.
    ///
    /// # Errors
    ///
    /// It could not be read, or the file could not be written.
    pub(crate) async fn fetch(&self, at: &ObjectLocation) -> Result<TempPath, Unfetched> {
        self.fetch_at_most(at, CREATED_OBJECT).await
    }

    /// Reads an object of at most `limit` bytes into a temporary file.
    ///
    /// # Errors
    ///
    /// It is longer or could not be read, or the file could not be written.
    pub(crate) async fn fetch_at_most(
        &self,
        at: &ObjectLocation,
        limit: u64,
    ) -> Result<TempPath, Unfetched> {
        let mut file = NamedTempFile::new().map_err(|error| of_disk(&error))?;
        let mut object = match self.to_read.open(at, &ReadFrom::default()).await {
            Ok(object) => object,
            Err(ReadError::Failure(why)) => return Err(why.into()),
            Err(ReadError::Missing) => return Err(Unfetched::Missing),
        };
        let mut size = 0;
        while let Some(piece) = object.chunk().await? {
            size += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            if size > limit {
                let words = format!("it has more than the {limit} bytes that are written");
                return Err(ReadFailure::new(ReadFailureKind::OverBudget, words).into());
            }
            file.write_all(&piece).map_err(|error| of_disk(&error))?;
        }
        file.flush().map_err(|error| of_disk(&error))?;
        // A run may have more files than it may hold open.
        Ok(file.into_temp_path())
    }

    /// Lists the objects directly in a folder, with their sizes.
    ///
    /// # Errors
    ///
    /// The folder could not be listed, or holds too many objects.
    pub(crate) async fn list(
        &self,
        folder: &ObjectLocation,
    ) -> Result<Vec<(ObjectLocation, u64)>, ReadFailure> {
        let slash = if folder.key.is_empty() { "" } else { "/" };
        let all = ListRequest::all(&folder.bucket, &format!("{}{slash}", folder.key));
        let mut pages = Pages::new(self.to_read.as_ref(), ListRequest { folders: true, ..all });
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await? {
            let here = page.objects.into_iter();
            objects.extend(
                here.map(|it| (ObjectLocation::new(folder.bucket.as_str(), it.key), it.size)),
            );
            if objects.len() > SHARD_RECORDS {
                let words = format!("it holds more than {SHARD_RECORDS} objects");
                return Err(ReadFailure::new(ReadFailureKind::OverBudget, words));
            }
        }
        Ok(objects)
    }
}

/// Returns the failure of reading or writing a temporary file.
fn of_disk(error: &io::Error) -> ReadFailure {
    let folder = std::env::temp_dir();
    let words = format!("a temporary file in `{}`: {error}", folder.to_string_lossy());
    ReadFailure::new(ReadFailureKind::Denied, words)
}

fn hash(file: &Path) -> io::Result<(Hash, u64)> {
    sha256_of(&mut File::open(file)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::reading::ReadingRule;

    #[test]
    fn a_path_is_local_unless_it_names_a_bucket() {
        let s3 = |bucket: &str, key: &str| SharedPath::S3(ObjectLocation::new(bucket, key));
        for (text, expected) in [
            ("shards", SharedPath::Local("shards".into())),
            ("/mnt/s3:/x", SharedPath::Local("/mnt/s3:/x".into())),
            ("s3://b", s3("b", "")),
            ("s3://b/", s3("b", "")),
            ("s3://b/runs/1/", s3("b", "runs/1")),
            ("s3://b/plan.jsonl", s3("b", "plan.jsonl")),
            (
                "s3://arn:aws:s3:us-east-1:111122223333:accesspoint/p/runs",
                s3("arn:aws:s3:us-east-1:111122223333:accesspoint/p", "runs"),
            ),
        ] {
            assert_eq!(SharedPath::read(Path::new(text)).unwrap(), expected, "{text}");
        }
        for text in ["s3://", "s3:///x", "s3://a b/x", &format!("s3://b/{}", "k".repeat(1_025))] {
            assert!(SharedPath::read(Path::new(text)).is_err(), "{text}");
        }
    }

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
            outside_evidence(Some(&reading), &ObjectLocation::new(bucket, key)).is_err()
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
