//! The trait that every source implements.
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// A boxed future, so that sources can be trait objects and wrappers can stack.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How opening an object went wrong. `Missing` is the only case that may become a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The store said that no object has this very key (`NoSuchKey` in the body of a GET; an
    /// absent file in a directory that could be listed). This is evidence only where the store of
    /// record says it, so [`super::layer::relocate`] gives another answer for what a copy lacks.
    Missing,
    /// Anything else is not.
    Failure(ReadFailure),
}

/// One page of a listing, asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListRequest {
    /// Bucket.
    pub bucket: String,
    /// Only keys that begin so.
    pub prefix: String,
    /// Only keys that sort after this one, which need not exist.
    pub start_after: Option<String>,
    /// Fold everything behind the next `/` after the prefix into one folder.
    pub folders: bool,
    /// Where the page before left off.
    pub continuation: Option<String>,
    /// Whether sizes are wanted. A source that has to look at each object for its size leaves it out
    /// otherwise.
    pub sizes: bool,
}

impl ListRequest {
    /// All keys of `bucket` that begin with `prefix`.
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

    /// The same where nobody asks how large the objects are.
    pub fn names(bucket: &str, prefix: &str) -> Self {
        Self { sizes: false, ..Self::all(bucket, prefix) }
    }
}

/// One object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Key, byte for byte.
    pub key: String,
    /// Stored size in bytes, or zero where none was asked for.
    pub size: u64,
    /// ETag without quotes, where the store has one.
    pub etag: Option<String>,
    /// When the object was written, by the store's own word, where it has one.
    pub last_modified: Option<Timestamp>,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Objects in ascending order of their keys' bytes.
    pub objects: Vec<Listed>,
    /// Folders (common prefixes, with the slash at their end), ascending. Empty unless asked for.
    pub folders: Vec<String>,
    /// What the request for the next page says in `continuation`; `None` after the last page.
    pub next: Option<String>,
}

/// What the store tells of an object beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// Stored size of the whole object in bytes, whatever part of it is being read.
    pub size: Option<u64>,
    /// ETag without quotes.
    pub etag: Option<String>,
    /// Version id, in a bucket with versions.
    pub version_id: Option<String>,
    /// Whether the body's end tells nothing: the answer had neither a length nor an end of its own,
    /// and closed the connection (HTTP/1.0). A body that was cut off then looks whole.
    pub end_unknown: bool,
    /// ARN of the KMS key with which the object is encrypted, where the store says so.
    pub kms_key: Option<String>,
    /// User metadata. Names are lower case whatever the store made of them: some servers answer
    /// `Signature` for what was put as `signature`.
    pub user: BTreeMap<String, String>,
    /// Of a copy: what its manifest recorded of the object when it was copied. Where the object is
    /// read on the spot it may be left out.
    pub recorded: Option<RecordedBytes>,
}

/// The stored bytes of an object, as the manifest of a copy recorded them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedBytes {
    /// How many they were.
    pub size: u64,
    /// Their SHA-256, in hex, as the manifest spells it.
    pub sha256: String,
}

/// From where to read an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadFrom {
    /// Byte to begin with.
    pub offset: u64,
    /// Only while the object still has this ETag; otherwise `changed-while-reading`.
    pub if_etag: Option<String>,
}

/// One object being read. Dropping it ends the request.
pub trait ObjectReader: Send {
    /// What the store told of the object.
    fn metadata(&self) -> &ObjectMetadata;

    /// The next bytes, or `None` at the end.
    ///
    /// # Errors
    ///
    /// A body shorter than its Content-Length ends in `truncated`, never in a quiet `None`: the
    /// caller would take it for a tampered file.
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>>;
}

/// One piece of an object that is read on the spot.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'b> {
    /// The bytes, which are gone after the call: the buffer is the thread's own.
    pub bytes: &'b [u8],
    /// Stored size of the whole object.
    pub size: u64,
    /// Whether it is the last, and the object is as long as it should be.
    pub last: bool,
}

/// Takes pieces, the first even of an empty object, until it breaks.
pub type TakePiece<'t> = dyn FnMut(Piece<'_>) -> ControlFlow<()> + 't;

/// Somewhere objects can be listed and read.
pub trait ObjectSource: Debug + Send + Sync {
    /// One page of a listing.
    ///
    /// # Errors
    ///
    /// Whatever kept the page from being read. A bucket that is not there is `no-such-bucket`.
    fn list<'a>(&'a self, request: &'a ListRequest)
    -> BoxFuture<'a, Result<ListPage, ReadFailure>>;

    /// Opens one object.
    ///
    /// # Errors
    ///
    /// [`ReadError::Missing`] only on the store's own word for this very key.
    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>>;

    /// What was passed over in listings until now, ascending, at most about 1,000: symbolic links,
    /// special files and names that cannot be keys, each at the place that its name comes closest
    /// to. What they stand for is not known. A store has nothing of the kind.
    fn passed_over(&self) -> Vec<ObjectLocation> {
        Vec::new()
    }

    /// Whether [`read_here`](Self::read_here) reads what lies at this place.
    fn is_here(&self, _at: &ObjectLocation) -> bool {
        false
    }

    /// Reads an object on the caller's own thread, where that waits for nothing but a disk, and
    /// without a copy; `None` where the object must be [opened](Self::open).
    ///
    /// # Errors
    ///
    /// As for opening and for each chunk. Pieces that came before an error are no object.
    fn read_here(
        &self,
        _at: &ObjectLocation,
        _take: &mut TakePiece<'_>,
    ) -> Option<Result<ObjectMetadata, ReadError>> {
        None
    }
}
