//! S3 as a source of objects: one response for each request, reported unchanged.
use super::classify::{Broken, Operation, broken};
use super::clients::Clients;
use super::clock::StoreClock;
use super::cursor::Cursor;
use super::framing::Framing;
use super::reader::S3Reader;
use super::region::BucketRegions;
use super::timeouts::Timeouts;
use super::version_page::version_page;
use super::{answer, etag, page};
use crate::aws::config::AwsConfig;
use crate::source::version::{VersionListRequest, VersionPage, VersionSource, Versioning};
use crate::source::{
    BoxFuture, ListPage, ListRequest, ObjectMetadata, ObjectReader, ObjectSource, ReadError,
    ReadFrom, TakePiece,
};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{BucketVersioningStatus, EncodingType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::ObjectLocation;

/// Buckets of S3 in any region, and of stores that speak its protocol.
///
/// Each request is made once and its result returned. Retrying is a layer's task; a redirect to a
/// different region is not a retry and is followed once.
#[derive(Debug)]
pub struct S3Source {
    clients: Clients,
    regions: BucketRegions,
    pub(super) timeouts: Timeouts,
}

impl S3Source {
    /// Uses the credentials, region and endpoint of `config`. Makes no request yet.
    pub fn new(config: &AwsConfig, timeouts: Timeouts) -> Self {
        Self {
            clients: Clients::new(config, timeouts),
            regions: BucketRegions::default(),
            timeouts,
        }
    }

    /// Returns the store's clock compared with ours, as measured from the responses so far.
    pub fn clock(&self) -> Arc<StoreClock> {
        Arc::clone(self.clients.clock())
    }

    /// Returns the region of `bucket`, which is looked up once.
    ///
    /// # Errors
    ///
    /// The bucket does not exist, or there was no response.
    pub async fn bucket_region(&self, bucket: &str) -> Result<Region, ReadFailure> {
        self.regions.of(bucket, &self.clients, self.timeouts.whole()).await
    }

    /// Sends the request made by `request` to the bucket's region, and once more if the response
    /// names a different region.
    async fn send<T, E, F>(
        &self,
        operation: Operation,
        bucket: &str,
        request: impl Fn(Client) -> F,
    ) -> Result<T, ReadError>
    where
        E: Error + ProvideErrorMetadata + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.send_within(self.timeouts.whole(), operation, bucket, request).await
    }

    /// Does the same as [`Self::send`], for a request that may take a different time.
    pub(super) async fn send_within<T, E, F>(
        &self,
        limit: Duration,
        operation: Operation,
        bucket: &str,
        request: impl Fn(Client) -> F,
    ) -> Result<T, ReadError>
    where
        E: Error + ProvideErrorMetadata + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let region = self.bucket_region(bucket).await.map_err(ReadError::Failure)?;
        let error = match within(limit, request(self.clients.of(&region, bucket))).await? {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        if answer::is_elsewhere(&error)
            && let Some(other) = answer::region_of(&error)
            && other != region
        {
            self.regions.moved(bucket, other.clone());
            return within(limit, request(self.clients.of(&other, bucket)))
                .await?
                .map_err(|error| answer::read_error(operation, &error));
        }
        Err(answer::read_error(operation, &error))
    }

    async fn page(&self, request: &ListRequest) -> Result<ListPage, ReadFailure> {
        let cursor = match &request.continuation {
            Some(continuation) => Cursor::decode(continuation)?,
            None => Cursor::default(),
        };
        let token = request.continuation.is_some().then_some(&cursor.token);
        // With a token, the store itself knows where to continue.
        let start = if token.is_some() { None } else { request.start_after.as_ref() };
        let answer = self.send(Operation::List, &request.bucket, |client| {
            client
                .list_objects_v2()
                .bucket(&request.bucket)
                .prefix(&request.prefix)
                .encoding_type(EncodingType::Url)
                .set_delimiter(request.folders.then(|| "/".to_owned()))
                .set_start_after(start.cloned())
                .set_continuation_token(token.cloned())
                .send()
        });
        match answer.await {
            Ok(output) => page::page(request, cursor, output),
            Err(error) => Err(not_about_an_object(error)),
        }
    }

    async fn versions(&self, request: &VersionListRequest) -> Result<VersionPage, ReadFailure> {
        let after = request.after.as_ref();
        let answer = self.send(Operation::ListVersions, &request.bucket, |client| {
            client
                .list_object_versions()
                .bucket(&request.bucket)
                .prefix(&request.prefix)
                .encoding_type(EncodingType::Url)
                .set_delimiter(request.folders.then(|| "/".to_owned()))
                .set_key_marker(after.map(|after| after.key.clone()))
                .set_version_id_marker(after.and_then(|after| after.version_id.clone()))
                .send()
        });
        version_page(request, answer.await.map_err(not_about_an_object)?)
    }

    async fn versioning_of(&self, bucket: &str) -> Result<Versioning, ReadFailure> {
        let answer = self.send(Operation::GetVersioning, bucket, |client| {
            client.get_bucket_versioning().bucket(bucket).send()
        });
        match answer.await.map_err(not_about_an_object)?.status() {
            None => Ok(Versioning::NeverOn),
            Some(BucketVersioningStatus::Enabled) => Ok(Versioning::Enabled),
            Some(BucketVersioningStatus::Suspended) => Ok(Versioning::Suspended),
            Some(other) => {
                let words = format!("the bucket's versioning is `{}`", other.as_str());
                Err(broken(Broken::Senseless, words))
            }
        }
    }

    async fn get(
        &self,
        at: &ObjectLocation,
        version_id: Option<&str>,
        from: &ReadFrom,
    ) -> Result<S3Reader, ReadError> {
        let range = (from.offset > 0).then(|| format!("bytes={}-", from.offset));
        let if_match = from.if_etag.as_deref().map(etag::quoted);
        let framing = Framing::default();
        let operation = version_id.map_or(Operation::Get, |_| Operation::GetVersion);
        let output = self
            .send(operation, &at.bucket, |client| {
                client
                    .get_object()
                    .bucket(&at.bucket)
                    .key(&at.key)
                    .set_version_id(version_id.map(str::to_owned))
                    .set_range(range.clone())
                    .set_if_match(if_match.clone())
                    .customize()
                    .interceptor(framing.clone())
                    .send()
            })
            .await?;
        let reader = S3Reader::new(output, from, self.timeouts.chunk);
        reader.map(|reader| reader.framed(&framing)).map_err(ReadError::Failure)
    }
}

/// Limits the time of the whole exchange: the SDK's own limits do not apply to the body of an error.
async fn within<T>(limit: Duration, request: impl Future<Output = T>) -> Result<T, ReadError> {
    tokio::time::timeout(limit, request).await.map_err(|_| {
        ReadError::Failure(broken(Broken::Silent, format!("no answer within {limit:?}")))
    })
}

/// Returns the failure of a request that is not about one object, which cannot be missing.
pub(super) fn not_about_an_object(error: ReadError) -> ReadFailure {
    match error {
        ReadError::Failure(failure) => failure,
        ReadError::Missing => {
            broken(Broken::Senseless, "a request about a bucket was answered as if for an object")
        }
    }
}

impl VersionSource for S3Source {
    fn list_versions<'a>(
        &'a self,
        request: &'a VersionListRequest,
    ) -> BoxFuture<'a, Result<VersionPage, ReadFailure>> {
        Box::pin(self.versions(request))
    }

    fn open_version<'a>(
        &'a self,
        at: &'a ObjectLocation,
        version_id: &'a str,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(async move {
            let reader: Box<dyn ObjectReader> =
                Box::new(self.get(at, Some(version_id), from).await?);
            Ok(reader)
        })
    }

    fn versioning<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<Versioning, ReadFailure>> {
        Box::pin(self.versioning_of(bucket))
    }
}

#[deny(clippy::missing_trait_methods)]
impl ObjectSource for S3Source {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(self.page(request))
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(async move {
            let reader: Box<dyn ObjectReader> = Box::new(self.get(at, None, from).await?);
            Ok(reader)
        })
    }

    /// Objects are read over a network, so nothing is read in place.
    fn passed_over(&self) -> Vec<ObjectLocation> {
        Vec::new()
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
