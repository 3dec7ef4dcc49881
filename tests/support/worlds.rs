//! A world as a source and a key service, without a network: for tests of the rules over many
//! worlds.
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use trailproof::source::{
    BoxFuture, ListPage, ListRequest, Listed, ObjectMetadata, ObjectReader, ObjectSource,
    ReadError, ReadFrom,
};
use trailproof::trust::{KeyRecord, KeyService, ServiceError};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;
use trailproof_testkit::world::World;

/// The objects of a world, read from memory.
#[derive(Debug)]
pub(crate) struct WorldSource {
    /// The world.
    pub(crate) world: Arc<World>,
    /// The number of keys on a page of a listing.
    pub(crate) page: usize,
    /// Returns the read failure of an object, if it cannot be read.
    pub(crate) faults: fn(&ObjectLocation) -> Option<ReadFailureKind>,
    /// The reads that return a changed byte.
    pub(crate) flips: Flips,
    /// Listings of prefixes with this ending are denied.
    pub(crate) deny_listing: Option<&'static str>,
    /// Whether objects have ETags, by which unchanged ones are recognized.
    pub(crate) etags: bool,
    /// The objects that were opened, if anybody counts them.
    pub(crate) opened: Option<Arc<Mutex<Vec<ObjectLocation>>>>,
}

/// Reads of an object that return one wrong byte.
#[derive(Debug, Default)]
pub(crate) struct Flips {
    mode: Option<bool>,
    seen: Mutex<BTreeSet<ObjectLocation>>,
}

impl Flips {
    /// Corrupts the first read of each object if `once` is set, else every read.
    pub(crate) fn new(once: bool) -> Self {
        Self { mode: Some(once), seen: Mutex::default() }
    }

    fn apply(&self, at: &ObjectLocation, body: &Bytes) -> Bytes {
        let Some(once) = self.mode else { return body.clone() };
        let first = self.seen.lock().unwrap().insert(at.clone());
        if once && !first {
            return body.clone();
        }
        let mut changed = body.to_vec();
        let middle = changed.len() / 2;
        if let Some(byte) = changed.get_mut(middle) {
            *byte ^= 0x10;
        }
        changed.into()
    }
}

impl WorldSource {
    /// Creates a source without faults.
    pub(crate) fn new(world: &World) -> Self {
        Self {
            world: Arc::new(world.clone()),
            page: 1_000,
            faults: |_| None,
            flips: Flips::default(),
            deny_listing: None,
            etags: false,
            opened: None,
        }
    }

    fn etag(&self, body: &Bytes) -> Option<String> {
        self.etags.then(|| hex::encode(Sha256::digest(body))[..32].to_owned())
    }
}

struct Body {
    metadata: ObjectMetadata,
    body: Option<Bytes>,
}

impl ObjectReader for Body {
    fn metadata(&self) -> &ObjectMetadata {
        &self.metadata
    }

    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>> {
        let piece = self.body.take().filter(|body| !body.is_empty());
        Box::pin(async move { Ok(piece) })
    }
}

impl ObjectSource for WorldSource {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(async move {
            let Some(bucket) = self.world.buckets.get(&request.bucket) else {
                return Err(ReadFailure::new(ReadFailureKind::NoSuchBucket, ""));
            };
            if self.deny_listing.is_some_and(|end| request.prefix.ends_with(end)) {
                return Err(ReadFailure::new(ReadFailureKind::Denied, ""));
            }
            let after = request.continuation.as_ref().max(request.start_after.as_ref());
            let mut page = ListPage::default();
            for key in bucket.objects.keys() {
                let Some(rest) = key.strip_prefix(&request.prefix) else { continue };
                let Some(version) = bucket.current(key) else { continue };
                if page.objects.len() + page.folders.len() == self.page {
                    page.next = page
                        .objects
                        .last()
                        .map(|object| object.key.clone())
                        .into_iter()
                        .chain(page.folders.last().map(|folder| format!("{folder}\u{10ffff}")))
                        .max();
                    break;
                }
                if after.is_some_and(|after| key <= after) {
                    continue;
                }
                match rest.split_once('/') {
                    Some((folder, _)) if request.folders => {
                        let folder = format!("{}{folder}/", request.prefix);
                        if page.folders.last() != Some(&folder) {
                            page.folders.push(folder);
                        }
                    }
                    _ => page.objects.push(Listed {
                        key: key.clone(),
                        size: u64::try_from(version.body.len()).unwrap(),
                        etag: self.etag(&version.body),
                        last_modified: Some(Timestamp::from_unix(version.last_modified)),
                        archived: false,
                    }),
                }
            }
            Ok(page)
        })
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        _: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(async move {
            if let Some(opened) = &self.opened {
                opened.lock().unwrap().push(at.clone());
            }
            if let Some(kind) = (self.faults)(at) {
                return Err(ReadError::Failure(ReadFailure::new(kind, "")));
            }
            let bucket = self.world.buckets.get(&at.bucket);
            let version = bucket.and_then(|bucket| bucket.current(&at.key));
            let Some(version) = version else { return Err(ReadError::Missing) };
            if ["GLACIER", "DEEP_ARCHIVE"].contains(&version.storage_class.as_str()) {
                let why = ReadFailure::new(ReadFailureKind::Archived, "");
                return Err(ReadError::Failure(why));
            }
            let metadata = ObjectMetadata {
                size: Some(u64::try_from(version.body.len()).unwrap()),
                user: version.metadata.clone(),
                etag: self.etag(&version.body),
                ..ObjectMetadata::default()
            };
            let body = Some(self.flips.apply(at, &version.body));
            let reader: Box<dyn ObjectReader> = Box::new(Body { metadata, body });
            Ok(reader)
        })
    }
}

/// The public keys of a world, by region.
#[derive(Debug)]
pub(crate) struct WorldKeys(pub(crate) Arc<World>);

impl KeyService for WorldKeys {
    fn keys<'a>(
        &'a self,
        region: Option<&'a Region>,
        from: Timestamp,
        to: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<KeyRecord>, ServiceError>> {
        Box::pin(async move {
            let keys = region.and_then(|region| self.0.public_keys.get(region.as_str()));
            let valid = keys
                .into_iter()
                .flatten()
                .filter(|key| key.valid_from <= to.unix() && from.unix() <= key.valid_to);
            Ok(valid
                .map(|key| KeyRecord {
                    fingerprint: key.fingerprint.clone(),
                    der: key.der.clone(),
                    valid_from: Some(Timestamp::from_unix(key.valid_from)),
                    valid_to: Some(Timestamp::from_unix(key.valid_to)),
                })
                .collect())
        })
    }
}

/// A source whose listings begin with an empty page that is continued.
#[derive(Debug)]
pub(crate) struct EmptyFirst(pub(crate) WorldSource);

impl ObjectSource for EmptyFirst {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(async move {
            match request.continuation.as_deref() {
                None => Ok(ListPage { next: Some(String::new()), ..ListPage::default() }),
                Some("") => {
                    self.0.list(&ListRequest { continuation: None, ..request.clone() }).await
                }
                Some(_) => self.0.list(request).await,
            }
        })
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        self.0.open(at, from)
    }
}
