//! Limits how many requests are in flight.
pub use super::adaptive::InFlight;
use super::adaptive::{AdaptiveLimit, GivenUp, Load, Permit};
use crate::source::version::{VersionListRequest, VersionPage, VersionSource, Versioning};
use crate::source::{BoxFuture, ListPage, ListRequest, ObjectMetadata, ObjectReader, ObjectSource};
use crate::source::{ReadError, ReadFrom, TakePiece};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::location::ObjectLocation;

/// Limits the listings and objects of the source below that are in flight at once. It allows fewer
/// while fewer saturate the store or this machine, or while the store throttles.
///
/// An object counts from its opening until its reader is dropped, since it holds a connection for
/// that time. This layer goes below [`super::retry::Retrying`], which then waits without counting,
/// and drops a broken reader before it opens the next.
///
/// If a store refuses requests, all requests together keep to the rate at which it answers. A store
/// that refuses everything for minutes is given up: from then on no request is made, and everything
/// is `throttled`, so that the run ends.
#[derive(Debug)]
pub struct Limited<S> {
    below: S,
    limit: Arc<AdaptiveLimit>,
}

impl<S: ObjectSource> Limited<S> {
    /// Wraps `below`.
    pub fn new(below: S, in_flight: InFlight) -> Self {
        Self { below, limit: AdaptiveLimit::new(in_flight) }
    }

    /// Gives up on a store that refuses everything for this long; the default is two minutes.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        self.limit.set_patience(patience);
        self
    }

    async fn permit(&self) -> Result<Permit, ReadFailure> {
        self.limit.permit().await.map_err(|GivenUp(patience)| ReadFailure {
            // No attempt was made, so a retry would be useless.
            attempts: 0,
            ..ReadFailure::new(
                ReadFailureKind::Throttled,
                format!("not requested: the store had refused every request for {patience:?}"),
            )
        })
    }
}

impl<S: ObjectSource> Limited<S> {
    async fn listing<T: Send>(
        &self,
        page: BoxFuture<'_, Result<T, ReadFailure>>,
    ) -> Result<T, ReadFailure> {
        let _permit = self.permit().await?;
        let begun = Instant::now();
        let page = page.await;
        self.limit.note(match &page {
            Ok(_) => Load::Listed(begun.elapsed()),
            Err(why) => load_of(why),
        });
        page
    }

    async fn opening(
        &self,
        opened: BoxFuture<'_, Result<Box<dyn ObjectReader>, ReadError>>,
    ) -> Result<Box<dyn ObjectReader>, ReadError> {
        let permit = self.permit().await.map_err(ReadError::Failure)?;
        let begun = Instant::now();
        let opened = opened.await;
        self.limit.note(match &opened {
            Ok(_) | Err(ReadError::Missing) => Load::Answered(begun.elapsed()),
            Err(ReadError::Failure(why)) => load_of(why),
        });
        Ok(Box::new(LimitedReader { reader: opened?, _permit: permit }))
    }
}

impl<S: VersionSource> VersionSource for Limited<S> {
    fn list_versions<'a>(
        &'a self,
        request: &'a VersionListRequest,
    ) -> BoxFuture<'a, Result<VersionPage, ReadFailure>> {
        Box::pin(self.listing(self.below.list_versions(request)))
    }

    fn open_version<'a>(
        &'a self,
        at: &'a ObjectLocation,
        version_id: &'a str,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(self.opening(self.below.open_version(at, version_id, from)))
    }

    fn versioning<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<Versioning, ReadFailure>> {
        Box::pin(self.listing(self.below.versioning(bucket)))
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: ObjectSource> ObjectSource for Limited<S> {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(self.listing(self.below.list(request)))
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(self.opening(self.below.open(at, from)))
    }

    /// Limited requests may have to wait, so nothing is read in place.
    fn passed_over(&self) -> Vec<ObjectLocation> {
        self.below.passed_over()
    }

    fn is_local(&self, _at: &ObjectLocation) -> bool {
        false
    }

    fn read_in_place(
        &self,
        _at: &ObjectLocation,
        _take: &mut TakePiece<'_>,
    ) -> Option<Result<ObjectMetadata, ReadError>> {
        None
    }
}

fn load_of(why: &ReadFailure) -> Load {
    if why.kind == ReadFailureKind::Throttled { Load::Refused } else { Load::Unknown }
}

struct LimitedReader {
    /// Declared first, so that the request has ended when the permit is returned.
    reader: Box<dyn ObjectReader>,
    _permit: Permit,
}

#[deny(clippy::missing_trait_methods)]
impl ObjectReader for LimitedReader {
    fn metadata(&self) -> &ObjectMetadata {
        self.reader.metadata()
    }

    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ReadFailure>> {
        self.reader.chunk()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::scripted::{Scripted, at};

    #[tokio::test]
    async fn a_reader_counts_until_it_is_dropped() {
        let source = Limited::new(Scripted::whole(b"abc"), InFlight::Fixed(1));
        let from = ReadFrom::default();
        let first = source.open(&at(), &from).await.ok().unwrap();
        assert_eq!(source.limit.free(), 0);
        drop(first);
        assert_eq!(source.limit.free(), 1);
        assert!(source.list(&ListRequest::all("bucket", "")).await.is_ok());
        assert_eq!(source.limit.free(), 1);
    }

    #[tokio::test]
    async fn a_failed_opening_gives_its_permit_back() {
        let source = Limited::new(Scripted::missing(), InFlight::Fixed(1));
        for _ in 0..3 {
            assert!(source.open(&at(), &ReadFrom::default()).await.is_err());
        }
        assert_eq!(source.limit.free(), 1);
    }
}
