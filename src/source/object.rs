//! The trait that every source implements.
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::StoredAs;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// A boxed future, so that sources can be trait objects and wrappers can stack.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How opening an object failed. `Missing` is the only case that can become a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The store reported that no object has this key (`NoSuchKey` in the body of a GET response;
    /// an absent file in a directory that could be listed). This is evidence only from the store of
    /// record, so [`super::layer::relocate`] returns a different error for what a copy lacks.
    Missing,
    /// Any other failure, which is not evidence of absence.
    Failure(ReadFailure),
}

/// A request for one page of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListRequest {
    /// The bucket to list.
    pub bucket: String,
    /// Return only keys with this prefix.
    pub prefix: String,
    /// Return only keys that sort after this one, which need not exist.
    pub start_after: Option<String>,
    /// Fold everything after the next `/` behind the prefix into one folder.
    pub folders: bool,
    /// Where the previous page ended.
    pub continuation: Option<String>,
    /// Whether sizes are requested. A source that has to look up each object's size omits it
    /// otherwise.
    pub sizes: bool,
}

impl ListRequest {
    /// Requests all keys of `bucket` that begin with `prefix`.
    pub fn all(bucket: &str, prefix: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            start_after: None,
            folders: false,
            continuation: None,
            sizes: true,
        }
    }

    /// Requests the same keys without their sizes.
    pub fn names(bucket: &str, prefix: &str) -> Self {
        Self { sizes: false, ..Self::all(bucket, prefix) }
    }
}

/// One object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The key, byte for byte.
    pub key: String,
    /// The stored size in bytes, or zero if sizes were not requested.
    pub size: u64,
    /// The ETag without quotes, if the store has one.
    pub etag: Option<String>,
    /// When the object was written according to the store, if it reports that.
    pub last_modified: Option<Timestamp>,
    /// Whether the object is in a storage class that has to be restored before it can be read. A
    /// listing does not show whether it was restored.
    pub archived: bool,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The objects in ascending order of the bytes of their keys.
    pub objects: Vec<Listed>,
    /// The folders (common prefixes, with a slash at their end), ascending. Empty unless requested.
    pub folders: Vec<String>,
    /// The `continuation` of the request for the next page; `None` after the last page.
    pub next: Option<String>,
}

/// What the store reports about an object besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// The stored size of the whole object in bytes, even if only a part is being read.
    pub size: Option<u64>,
    /// The ETag without quotes.
    pub etag: Option<String>,
    /// The version id, in a bucket with versioning.
    pub version_id: Option<String>,
    /// Whether the end of the body is unreliable: the response had neither a length nor an end
    /// marker, and closed the connection (HTTP/1.0). A body that was cut off then looks complete.
    pub end_unknown: bool,
    /// How the object is stored, if the store reports that.
    pub stored_as: Option<Box<StoredAs>>,
    /// User metadata. Names are in lower case, however the store returns them: some servers return
    /// `Signature` for what was stored as `signature`.
    pub user: BTreeMap<String, String>,
    /// For a copy: what its manifest recorded about the object when it was copied. It may be
    /// omitted for an object that is read in place.
    pub recorded: Option<RecordedBytes>,
}

/// The stored bytes of an object, as the manifest of a copy recorded them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedBytes {
    /// Their number.
    pub size: u64,
    /// Their SHA-256 in hex, as written in the manifest.
    pub sha256: String,
}

/// Where to start reading an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadFrom {
    /// The first byte to read.
    pub offset: u64,
    /// Read only if the object still has this ETag; otherwise the read fails with
    /// `changed-while-reading`.
    pub if_etag: Option<String>,
}

/// An object that is being read. Dropping it ends the request.
pub trait ObjectReader: Send {
    /// Returns what the store reported about the object.
    fn metadata(&self) -> &ObjectMetadata;

    /// Returns the next bytes, or `None` at the end.
    ///
    /// # Errors
    ///
    /// The body could not be read. A body shorter than its Content-Length ends in `truncated`,
    /// never in a silent `None`: the caller would take it for a tampered file.
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>>;
}

/// One piece of an object that is read in place.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'b> {
    /// The bytes. They are valid only during the call, since the thread reuses the buffer.
    pub bytes: &'b [u8],
    /// The stored size of the whole object.
    pub size: u64,
    /// Whether this is the last piece, and the object has its expected length.
    pub last: bool,
}

/// Receives pieces until it breaks. An empty object has one empty piece.
pub type TakePiece<'t> = dyn FnMut(Piece<'_>) -> ControlFlow<()> + 't;

/// A place where objects can be listed and read.
pub trait ObjectSource: Debug + Send + Sync {
    /// Returns one page of a listing.
    ///
    /// # Errors
    ///
    /// The page could not be read. A bucket that does not exist is `no-such-bucket`.
    fn list<'a>(&'a self, request: &'a ListRequest)
    -> BoxFuture<'a, Result<ListPage, ReadFailure>>;

    /// Opens one object.
    ///
    /// # Errors
    ///
    /// The object could not be opened. [`ReadError::Missing`] is returned only if the store itself
    /// reports it for this very key.
    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>>;

    /// Returns what listings have skipped so far, ascending, at most about 1,000: symbolic links,
    /// special files, and names that cannot be keys, each at the place that its name comes closest
    /// to. It is not known what they stand for. A store has no such entries.
    fn passed_over(&self) -> Vec<ObjectLocation> {
        Vec::new()
    }

    /// Returns whether [`read_in_place`](Self::read_in_place) reads the object at this place.
    fn is_local(&self, _at: &ObjectLocation) -> bool {
        false
    }

    /// Reads an object on the caller's own thread without copying it, if that waits for nothing but
    /// a disk. Returns `None` if the object must be [opened](Self::open).
    ///
    /// # Errors
    ///
    /// The errors of opening and of each chunk. The pieces before an error do not make up an
    /// object.
    fn read_in_place(
        &self,
        _at: &ObjectLocation,
        _take: &mut TakePiece<'_>,
    ) -> Option<Result<ObjectMetadata, ReadError>> {
        None
    }
}
