//! Counts requests and received bytes, for progress and for the cost of a run.
use super::waiting::{Asked, Waiting};
use crate::source::version::{VersionListRequest, VersionPage, VersionSource, Versioning};
use crate::source::{BoxFuture, ListPage, ListRequest, ObjectMetadata, ObjectReader, ObjectSource};
use crate::source::{Piece, ReadError, ReadFrom, TakePiece};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::location::ObjectLocation;

/// Running counts, shared with everything that displays them. Each is exact, but counts read
/// together during a run may be from slightly different moments.
#[derive(Debug, Default)]
pub struct Counts {
    lists: AtomicU64,
    gets: AtomicU64,
    bytes: AtomicU64,
    in_flight: AtomicU64,
    listed: AtomicU64,
    listing_time: AtomicU64,
    unneeded: AtomicU64,
    asked: Asked,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Listing requests started.
    pub lists: u64,
    /// Object requests started.
    pub gets: u64,
    /// Bytes of bodies received, as stored.
    pub bytes: u64,
    /// Requests in progress; that of an object ends when its reader is dropped.
    pub in_flight: u64,
}

impl Counts {
    /// Returns the current counts.
    pub fn now(&self) -> Snapshot {
        Snapshot {
            lists: self.lists.load(Ordering::Relaxed),
            gets: self.gets.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
        }
    }

    /// Returns the requests that are still unanswered, and how the store has responded so far.
    pub fn waiting(&self) -> Waiting {
        self.asked.waiting()
    }

    /// Returns the average time of a listing page; `None` before the first.
    pub fn page_time(&self) -> Option<Duration> {
        let listed = self.listed.load(Ordering::Relaxed);
        self.listing_time.load(Ordering::Relaxed).checked_div(listed).map(Duration::from_nanos)
    }

    /// Counts objects that were requested ahead and turned out not to be needed.
    pub fn note_unneeded(&self, objects: u64) {
        self.unneeded.fetch_add(objects, Ordering::Relaxed);
    }

    /// Counts a listing request.
    async fn listing<T: Send>(
        self: &Arc<Self>,
        what: String,
        page: BoxFuture<'_, Result<T, ReadFailure>>,
    ) -> Result<T, ReadFailure> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        let in_flight = InFlight::new(self, what);
        let begun = Instant::now();
        let page = page.await;
        in_flight.ended(page.as_ref().err());
        if page.is_ok() {
            let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.listing_time.fetch_add(took, Ordering::Relaxed);
            self.listed.fetch_add(1, Ordering::Relaxed);
        }
        page
    }

    /// Counts an object request.
    async fn opening(
        self: &Arc<Self>,
        what: String,
        opened: BoxFuture<'_, Result<Box<dyn ObjectReader>, ReadError>>,
    ) -> Result<Box<dyn ObjectReader>, ReadError> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        let in_flight = InFlight::new(self, what);
        match opened.await {
            Ok(reader) => Ok(Box::new(CountedReader { reader, in_flight })),
            Err(why) => {
                in_flight.ended(match &why {
                    ReadError::Missing => None,
                    ReadError::Failure(why) => Some(why),
                });
                Err(why)
            }
        }
    }

    /// Returns the number of objects that were requested ahead and not needed.
    pub fn unneeded(&self) -> u64 {
        self.unneeded.load(Ordering::Relaxed)
    }
}

/// A request in flight, until it is dropped: an abandoned future counts as ended too.
#[derive(Debug)]
struct InFlight {
    counts: Arc<Counts>,
    ticket: u64,
}

impl InFlight {
    fn new(counts: &Arc<Counts>, what: String) -> Self {
        counts.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { counts: counts.clone(), ticket: counts.asked.begin(what) }
    }

    /// Records the result of the request: `None` if it succeeded or the object does not exist.
    fn ended(&self, failure: Option<&ReadFailure>) {
        self.counts.asked.ended(failure.map(|why| why.kind));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.counts.asked.end(self.ticket);
        self.counts.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts the requests to the source below. Below [`super::retry::Retrying`] it counts every
/// attempt, which is what the store bills; above it, it counts what the run requested.
#[derive(Debug)]
pub struct Counted<S> {
    below: S,
    counts: Arc<Counts>,
}

impl<S: ObjectSource> Counted<S> {
    /// Wraps `below` and counts into `counts`.
    pub fn new(below: S, counts: Arc<Counts>) -> Self {
        Self { below, counts }
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: ObjectSource> ObjectSource for Counted<S> {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        let what = format!("the listing of s3://{}/{}", request.bucket, request.prefix);
        Box::pin(self.counts.listing(what, self.below.list(request)))
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        let what = at.uri();
        Box::pin(self.counts.opening(what, self.below.open(at, from)))
    }

    fn passed_over(&self) -> Vec<ObjectLocation> {
        self.below.passed_over()
    }

    fn is_local(&self, at: &ObjectLocation) -> bool {
        self.below.is_local(at)
    }

    fn read_in_place(
        &self,
        at: &ObjectLocation,
        take: &mut TakePiece<'_>,
    ) -> Option<Result<ObjectMetadata, ReadError>> {
        let counts = &self.counts;
        let mut counted = |piece: Piece<'_>| {
            let length = u64::try_from(piece.bytes.len()).unwrap_or(u64::MAX);
            counts.bytes.fetch_add(length, Ordering::Relaxed);
            take(piece)
        };
        let read = self.below.read_in_place(at, &mut counted)?;
        counts.gets.fetch_add(1, Ordering::Relaxed);
        Some(read)
    }
}

impl<S: VersionSource> VersionSource for Counted<S> {
    fn list_versions<'a>(
        &'a self,
        request: &'a VersionListRequest,
    ) -> BoxFuture<'a, Result<VersionPage, ReadFailure>> {
        let what = format!("the versions of s3://{}/{}", request.bucket, request.prefix);
        Box::pin(self.counts.listing(what, self.below.list_versions(request)))
    }

    fn open_version<'a>(
        &'a self,
        at: &'a ObjectLocation,
        version_id: &'a str,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        let what = format!("a version of s3://{}/{}", at.bucket, at.key);
        Box::pin(self.counts.opening(what, self.below.open_version(at, version_id, from)))
    }

    fn versioning<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<Versioning, ReadFailure>> {
        let what = format!("the versioning of s3://{bucket}");
        Box::pin(self.counts.listing(what, self.below.versioning(bucket)))
    }
}

struct CountedReader {
    reader: Box<dyn ObjectReader>,
    in_flight: InFlight,
}

#[deny(clippy::missing_trait_methods)]
impl ObjectReader for CountedReader {
    fn metadata(&self) -> &ObjectMetadata {
        self.reader.metadata()
    }

    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>> {
        Box::pin(async move {
            let came = self.reader.chunk().await;
            match &came {
                Ok(Some(bytes)) => {
                    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    self.in_flight.counts.bytes.fetch_add(length, Ordering::Relaxed);
                }
                Ok(None) => self.in_flight.ended(None),
                Err(why) => self.in_flight.ended(Some(why)),
            }
            came
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::scripted::{Scripted, at};

    #[tokio::test]
    async fn requests_and_bytes_are_counted() {
        let counts = Arc::new(Counts::default());
        let source = Counted::new(Scripted::whole(b"abc"), counts.clone());
        assert!(source.list(&ListRequest::all("bucket", "")).await.is_ok());
        let mut reader = source.open(&at(), &ReadFrom::default()).await.ok().unwrap();
        assert_eq!(counts.now(), Snapshot { lists: 1, gets: 1, bytes: 0, in_flight: 1 });
        while reader.chunk().await.unwrap().is_some() {}
        drop(reader);
        assert_eq!(counts.now(), Snapshot { lists: 1, gets: 1, bytes: 3, in_flight: 0 });
    }

    #[tokio::test]
    async fn an_unanswered_request_is_known_until_it_ends() {
        let counts = Arc::new(Counts::default());
        let source = Counted::new(Scripted::whole(b"abc"), counts.clone());
        assert_eq!(counts.waiting().oldest, None);
        let mut reader = source.open(&at(), &ReadFrom::default()).await.ok().unwrap();
        assert_eq!(counts.waiting().oldest.unwrap().0, "s3://bucket/key");
        assert_eq!(counts.waiting().answered, 0);
        while reader.chunk().await.unwrap().is_some() {}
        assert_eq!(counts.waiting().answered, 1);
        drop(reader);
        assert_eq!(counts.waiting().oldest, None);
        assert_eq!(counts.page_time(), None);
        assert!(source.list(&ListRequest::all("bucket", "")).await.is_ok());
        assert!(counts.page_time().is_some());
    }

    #[tokio::test]
    async fn a_refused_request_is_counted_and_ends() {
        let counts = Arc::new(Counts::default());
        let source = Counted::new(Scripted::missing(), counts.clone());
        assert!(source.open(&at(), &ReadFrom::default()).await.is_err());
        assert_eq!(counts.now(), Snapshot { gets: 1, ..Snapshot::default() });
    }
}
