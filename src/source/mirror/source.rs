//! A mirror that trailproof made, read as the bucket that it copies: it lists what was listed,
//! opens what was copied, and reports everything else as not copied.
//!
//! The manifest is not trusted. It records what the bucket was seen to have, so that an object that
//! is missing from the mirror is not taken for one that is missing from the bucket.
use super::header::{Header, escaped};
use super::ledger::page::{Asked, merged, page};
use super::ledger::{Copied, Layers, MANIFEST, Order, Range, Record, Said, known};
use crate::source::directory::DirectorySource;
use crate::source::directory::key_path::parts;
use crate::source::directory::reader::{FileReader, failed, hand_over};
use crate::source::{
    BoxFuture, ListPage, ListRequest, Listed, ObjectMetadata, ObjectReader, ObjectSource,
    ReadError, ReadFrom, RecordedBytes, TakePiece,
};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::location::ObjectLocation;

/// Entries of a page, as for S3.
const PAGE: usize = 1_000;

/// A mirror with its manifest, read as its bucket and as the other buckets that its digests name.
#[derive(Debug)]
pub struct MirrorSource {
    files: Arc<DirectorySource>,
    ledger: Layers,
    header: Header,
    /// The directory, without symbolic links in its path.
    root: PathBuf,
}

/// A file of the mirror, with the metadata of its object if the manifest has it.
struct Held {
    file: String,
    metadata: Option<ObjectMetadata>,
}

impl MirrorSource {
    /// Opens the mirror in `directory`, which `files` reads; `None` if it is not a mirror made by
    /// trailproof.
    ///
    /// # Errors
    ///
    /// Its documents cannot be read.
    pub fn open(directory: &Path, files: &Arc<DirectorySource>) -> io::Result<Option<Self>> {
        let Some(header) = Header::read(directory)? else { return Ok(None) };
        let work = super::header::work_folder(directory)?;
        let ledger = Layers::open(directory, &work)?;
        let expected = header.manifest_bytes.filter(|_| header.complete);
        let there = std::fs::metadata(directory.join(MANIFEST)).map(|about| about.len());
        if expected.is_some_and(|expected| there.ok() != Some(expected)) {
            let words = "the mirror's manifest has a different size than its header records";
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        let root = directory.canonicalize()?;
        Ok(Some(Self { files: Arc::clone(files), ledger, header, root }))
    }

    /// Returns what it is a mirror of.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns whether the manifest has any entry for this bucket, which may be one that a digest
    /// names.
    ///
    /// # Errors
    ///
    /// The manifest cannot be read.
    pub fn has_bucket(&self, bucket: &str) -> io::Result<bool> {
        let above = format!("{bucket}/");
        let first = self.ledger.entries(&Order::at(above.clone()))?.next()?;
        Ok(first.is_some_and(|(order, _)| order.path.starts_with(&above)))
    }

    /// Returns whether the mirror has a copy of this object, as it is listed now.
    ///
    /// # Errors
    ///
    /// The manifest cannot be read.
    pub fn has_copy(&self, bucket: &str, object: &Listed) -> io::Result<bool> {
        let record = self.ledger.get(&Order::at(format!("{bucket}/{}", object.key)))?;
        let same = |copied: &Copied| {
            copied.size == object.size && copied.etag.is_some() && copied.etag == object.etag
        };
        Ok(record.and_then(|record| record.copied).is_some_and(|copied| same(&copied)))
    }

    fn known(&self, order: &Order) -> Result<Option<Record>, ReadFailure> {
        self.ledger.get(order).map_err(|error| failed(&error))
    }

    fn folder(&self, bucket: &str, prefix: &str) -> Result<Option<Record>, ReadFailure> {
        self.known(&Order { path: format!("{bucket}/{prefix}"), folder: true })
    }

    /// Returns how far the requested listing is known, from its start.
    fn reach(&self, request: &ListRequest, after: &str) -> Result<Option<String>, ReadFailure> {
        let (bucket, prefix) = (&request.bucket, &request.prefix);
        let mut why = None;
        let mut above = prefix.as_str();
        loop {
            if let Some(folder) = self.folder(bucket, above)?.and_then(|record| record.folder) {
                let exact = above == prefix;
                let listed: &[Range] =
                    if exact && request.folders { &folder.folders } else { &folder.deep };
                match known(listed, prefix, after) {
                    Some(reach) => return Ok(reach),
                    None if exact => why = folder.failed.map(|failed| failed.failure()),
                    None => {}
                }
                // A complete listing of all keys shows the folders too.
                if exact && request.folders && known(&folder.deep, prefix, after) == Some(None) {
                    return Ok(None);
                }
            }
            if above.is_empty() {
                break;
            }
            let inner = above.strip_suffix('/').unwrap_or(above);
            above = inner.rfind('/').and_then(|at| inner.get(..=at)).unwrap_or("");
        }
        let words = || not_copied(format!("the mirror has no listing of `{prefix}` from here on"));
        Err(why.unwrap_or_else(words))
    }

    async fn list_known(&self, request: &ListRequest) -> Result<ListPage, ReadFailure> {
        let after = request.continuation.as_ref().max(request.start_after.as_ref());
        let after = after.map_or("", String::as_str);
        let reach = self.reach(request, after)?;
        let asked = Asked { request, after, limit: PAGE };
        let noted = page(&self.ledger, &asked).map_err(|error| failed(&error))?;
        // Files in the directory that no listing contained are evidence as well.
        let above = format!("{}/", request.bucket);
        let place = |key: &String| format!("{above}{key}");
        let below = ListRequest {
            bucket: String::new(),
            prefix: place(&request.prefix),
            start_after: request.start_after.as_ref().map(place),
            folders: request.folders,
            continuation: request.continuation.as_ref().map(place),
            sizes: request.sizes,
        };
        let there = self.files.list(&below).await?;
        Ok(merged(noted, there, &above, reach.as_deref(), PAGE))
    }

    /// Returns the file of the object at `at`, and what is known about the object.
    fn file_of(&self, at: &ObjectLocation) -> Result<Held, ReadError> {
        let path = path_of(at);
        let record = self.known(&Order::at(path.clone())).map_err(ReadError::Failure)?;
        self.held(path, record)
    }

    /// Returns the file of the object at this path, given its record.
    fn held(&self, path: String, record: Option<Record>) -> Result<Held, ReadError> {
        let failure = ReadError::Failure;
        let Some(record) = record else {
            if parts(&path).is_none() {
                return Err(failure(not_copied(self.never())));
            }
            // A file without a record is evidence all the same.
            return Ok(Held { file: path, metadata: None });
        };
        let Some(copied) = record.copied else {
            // A file there is evidence, whatever the manifest records.
            if parts(&path).is_some() && self.files.plain_file(&path).is_some() {
                return Ok(Held { file: path, metadata: None });
            }
            return Err(match record.failed {
                Some(failed) => failure(failed.failure()),
                None if record.absent => ReadError::Missing,
                None => failure(not_copied(self.never())),
            });
        };
        let metadata = ObjectMetadata {
            size: None,
            // The ETags in a run record are those that the store returned to the run that wrote it,
            // and let `--resume` skip objects that still have them. This one is only what the
            // manifest states.
            etag: None,
            version_id: None,
            end_unknown: copied.end_unknown,
            stored_as: copied.stored_as,
            recorded: Some(RecordedBytes { size: copied.size, sha256: copied.sha256 }),
            // If the object was copied without metadata, the index may have some.
            user: match copied.metadata.is_empty() {
                true => self.files.metadata(&path, 0).user,
                false => copied.metadata,
            },
        };
        Ok(Held { file: self.place(path, copied.file)?, metadata: Some(metadata) })
    }

    /// Returns the file of a copied object, given the one that the manifest names.
    ///
    /// The manifest does not choose: an object that cannot keep its own name has exactly one other. A file
    /// under its own name is what everybody else reads, so it is what is judged.
    fn place(&self, path: String, named: Option<String>) -> Result<String, ReadError> {
        let Some(named) = named else { return Ok(path) };
        if named != escaped(&path) {
            let words =
                format!("the manifest names the file `{named}` for it, which cannot be its own");
            return Err(ReadError::Failure(not_copied(words)));
        }
        let own = self.root.join(&path);
        // On a file system that does not distinguish `a` and `A`, the file may be another object's.
        let is_own = own.canonicalize().is_ok_and(|found| found == own);
        Ok(if parts(&path).is_some() && is_own { path } else { named })
    }

    fn read(&self, at: &ObjectLocation, from: &ReadFrom) -> Result<FileReader, ReadError> {
        let Held { file, metadata } = self.file_of(at)?;
        let noted = metadata.is_some();
        let opened = match metadata {
            Some(metadata) => self.files.open_file(&file, from, metadata),
            None => self.files.read(&ObjectLocation::new("", file.clone()), from),
        };
        opened.map_err(|error| match error {
            ReadError::Missing if noted => ReadError::Failure(not_copied(format!(
                "it was copied to `{file}`, which is no longer in the mirror"
            ))),
            ReadError::Missing => ReadError::Failure(not_copied(self.never())),
            error => error,
        })
    }

    fn never(&self) -> String {
        let words = match self.header.complete {
            true => "it is outside the periods and scopes that were mirrored",
            false => "the mirror was interrupted before it was copied",
        };
        words.to_owned()
    }
}

/// Returns the path of an object in the mirror if it is stored under its own name.
fn path_of(at: &ObjectLocation) -> String {
    [at.bucket.as_str(), "/", &at.key].concat()
}

fn not_copied(words: String) -> ReadFailure {
    ReadFailure::new(ReadFailureKind::NotCopied, words)
}

#[deny(clippy::missing_trait_methods)]
impl ObjectSource for MirrorSource {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(self.list_known(request))
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(async move {
            let reader: Box<dyn ObjectReader> = Box::new(self.read(at, from)?);
            Ok(reader)
        })
    }

    /// A path below the directory begins with the bucket.
    fn passed_over(&self) -> Vec<ObjectLocation> {
        let passed = self.files.passed_over_keys().into_iter();
        let placed = passed.filter_map(|path| {
            let (bucket, key) = path.split_once('/')?;
            Some(ObjectLocation::new(bucket, key))
        });
        placed.collect()
    }

    fn is_local(&self, _at: &ObjectLocation) -> bool {
        true
    }

    fn read_in_place(
        &self,
        at: &ObjectLocation,
        take: &mut TakePiece<'_>,
    ) -> Option<Result<ObjectMetadata, ReadError>> {
        let path = path_of(at);
        let said = self.ledger.said(&path);
        let held = match said {
            Said::Nothing => Ok(Held { metadata: Some(self.files.metadata(&path, 0)), file: path }),
            Said::Plain(stored_as) => {
                let metadata = self.files.metadata(&path, 0);
                let metadata = ObjectMetadata { stored_as: Some(stored_as), ..metadata };
                Ok(Held { metadata: Some(metadata), file: path })
            }
            Said::Remark(record) => self.held(path, Some(Arc::unwrap_or_clone(record))),
            Said::Unknown => self.file_of(at),
        };
        // A file that is where it should be is opened by its name; everything else is checked more
        // closely.
        if let Ok(Held { file, metadata: Some(metadata) }) = held
            && let Some((file, size)) = self.files.plain_file(&file)
        {
            let metadata = ObjectMetadata { size: Some(size), ..metadata };
            let read = hand_over(&file, size, take);
            return Some(read.map(|()| metadata).map_err(ReadError::Failure));
        }
        let read = self.read(at, &ReadFrom::default());
        Some(read.and_then(|file| file.hand_over(take).map_err(ReadError::Failure)))
    }
}
