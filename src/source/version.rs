//! Versions of objects: the trait of sources that keep them.
use super::object::{BoxFuture, ObjectReader, ObjectSource, ReadError, ReadFrom};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::StorageClass;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// A request for one page of a listing of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionListRequest {
    /// The bucket to list.
    pub bucket: String,
    /// Return only keys with this prefix.
    pub prefix: String,
    /// Fold everything after the next `/` behind the prefix into one folder.
    pub folders: bool,
    /// Return only what follows this.
    pub after: Option<VersionMark>,
}

/// A place in a listing of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionMark {
    /// The key, which need not exist, or a folder.
    pub key: String,
    /// The version of the key; `None` for all of its versions.
    pub version_id: Option<String>,
}

/// One version of an object, or a delete marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// The key, byte for byte.
    pub key: String,
    /// The version id; `null` for an object from before versioning, or while it was suspended.
    pub version_id: String,
    /// Whether it is what a plain read of the key finds.
    pub is_latest: bool,
    /// When it was written.
    pub last_modified: Timestamp,
    /// The id of the owner, if the store returns one. It is mostly the owner of the bucket, and does
    /// not show who wrote or deleted.
    pub owner: Option<String>,
    /// The content; `None` for a delete marker.
    pub content: Option<VersionContent>,
}

/// What a listing shows of the content of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionContent {
    /// The stored size in bytes.
    pub size: u64,
    /// The ETag without quotes.
    pub etag: Option<String>,
    /// The storage class.
    pub storage_class: Option<StorageClass>,
}

/// One page of a listing of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// The versions: keys in ascending order, and within a key the newest version first.
    pub versions: Vec<ListedVersion>,
    /// The folders, ascending. Empty unless requested.
    pub folders: Vec<String>,
    /// The `after` of the request for the next page; `None` after the last page.
    pub next: Option<VersionMark>,
}

/// Whether a bucket keeps versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// It never did.
    NeverOn,
    /// It does.
    Enabled,
    /// It did, and keeps those of that time.
    Suspended,
}

/// A source that keeps versions of its objects.
pub trait VersionSource: ObjectSource {
    /// Returns one page of a listing of versions.
    ///
    /// # Errors
    ///
    /// The page could not be read.
    fn list_versions<'a>(
        &'a self,
        request: &'a VersionListRequest,
    ) -> BoxFuture<'a, Result<VersionPage, ReadFailure>>;

    /// Opens one version of an object.
    ///
    /// # Errors
    ///
    /// The version could not be opened. [`ReadError::Missing`] is returned if the store itself
    /// reports that there is no such version, or that it is a delete marker.
    fn open_version<'a>(
        &'a self,
        at: &'a ObjectLocation,
        version_id: &'a str,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>>;

    /// Returns whether a bucket keeps versions.
    ///
    /// # Errors
    ///
    /// The bucket's setting could not be read.
    fn versioning<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<Versioning, ReadFailure>>;
}
