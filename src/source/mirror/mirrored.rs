//! A mirror that trailproof made, as the bucket that it is of: it lists what was listed and opens
//! what was copied, and of all else it says that it does not have it.
//!
//! The manifest is not believed. It tells what the bucket was seen to have, so that something which
//! is not here is not taken for something that is not there.
use super::header::Header;
use super::key_path::parts;
use super::ledger::{Layers, Order, Range, Record, known};
use super::ledger_page::{Asked, merged, page};
use super::reader::failed;
use super::source::MirrorSource;
use crate::core::failure::{ReadFailure, ReadFailureKind};
use crate::core::location::ObjectLocation;
use crate::source::{
    BoxFuture, ListPage, ListRequest, ObjectMetadata, ObjectReader, ObjectSource, ReadError,
    ReadFrom,
};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Entries on a page, as S3 gives them.
const PAGE: usize = 1_000;

/// A mirror with its manifest, read as its bucket and the others that its digests name.
#[derive(Debug)]
pub struct Mirrored {
    files: Arc<MirrorSource>,
    ledger: Layers,
    header: Header,
}

impl Mirrored {
    /// The mirror in `directory`, which `files` reads; `None` where there is no mirror of ours.
    ///
    /// # Errors
    ///
    /// That its documents cannot be read.
    pub fn open(directory: &Path, files: &Arc<MirrorSource>) -> io::Result<Option<Self>> {
        let Some(header) = Header::read(directory)? else { return Ok(None) };
        let ledger = Layers::open(directory, &directory.join(super::header::WORK))?;
        Ok(Some(Self { files: Arc::clone(files), ledger, header }))
    }

    /// What it is a mirror of.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn known(&self, order: &Order) -> Result<Option<Record>, ReadFailure> {
        self.ledger.get(order).map_err(|error| failed(&error))
    }

    fn folder(&self, bucket: &str, prefix: &str) -> Result<Option<Record>, ReadFailure> {
        self.known(&Order { path: format!("{bucket}/{prefix}"), folder: true })
    }

    /// How far the listing that is asked for is known, from its start on.
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
                // A listing of all keys to the end tells the folders too.
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
        let words = || not_copied(format!("the mirror has no listing of `{prefix}` from there on"));
        Err(why.unwrap_or_else(words))
    }

    async fn list_known(&self, request: &ListRequest) -> Result<ListPage, ReadFailure> {
        let after = request.continuation.as_ref().max(request.start_after.as_ref());
        let after = after.map_or("", String::as_str);
        let reach = self.reach(request, after)?;
        let asked = Asked { request, after, limit: PAGE };
        let noted = page(&self.ledger, &asked).map_err(|error| failed(&error))?;
        // What lies in the directory and was never in a listing is evidence as well.
        let above = format!("{}/", request.bucket);
        let place = |key: &String| format!("{above}{key}");
        let below = ListRequest {
            bucket: String::new(),
            prefix: place(&request.prefix),
            start_after: request.start_after.as_ref().map(place),
            folders: request.folders,
            continuation: request.continuation.as_ref().map(place),
        };
        let there = self.files.list(&below).await?;
        Ok(merged(noted, there, &above, reach.as_deref(), PAGE))
    }

    async fn read(
        &self,
        at: &ObjectLocation,
        from: &ReadFrom,
    ) -> Result<Box<dyn ObjectReader>, ReadError> {
        let failure = ReadError::Failure;
        let path = format!("{}/{}", at.bucket, at.key);
        let record = self.known(&Order::at(path.clone())).map_err(failure)?;
        let Some(record) = record else {
            if parts(&path).is_none() {
                return Err(failure(not_copied(self.never())));
            }
            // A file that nobody noted is one all the same.
            return match self.files.open(&ObjectLocation::new("", path), from).await {
                Err(ReadError::Missing) => Err(failure(not_copied(self.never()))),
                opened => opened,
            };
        };
        let Some(copied) = record.copied else {
            return Err(match record.failed {
                Some(failed) => failure(failed.failure()),
                None if record.absent => ReadError::Missing,
                None => failure(not_copied(self.never())),
            });
        };
        let file = copied.file.unwrap_or(path);
        let metadata = ObjectMetadata {
            size: None,
            etag: None,
            version_id: copied.version_id,
            user: copied.metadata,
        };
        match self.files.open_file(&file, from, metadata) {
            Ok(reader) => Ok(Box::new(reader)),
            Err(ReadError::Missing) => Err(failure(not_copied(format!(
                "it was copied to `{file}`, and that is not in the mirror any more"
            )))),
            Err(why) => Err(why),
        }
    }

    fn never(&self) -> String {
        let words = match self.header.complete {
            true => "it is not of the periods and scopes that were mirrored",
            false => "the mirror was interrupted before it was copied",
        };
        words.to_owned()
    }
}

fn not_copied(words: String) -> ReadFailure {
    ReadFailure::new(ReadFailureKind::NotCopied, words)
}

#[deny(clippy::missing_trait_methods)]
impl ObjectSource for Mirrored {
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
        Box::pin(self.read(at, from))
    }
}
