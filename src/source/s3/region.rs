//! The region of a bucket, determined once for each bucket.
use super::answer;
use super::classify::{Broken, Operation, broken};
use super::clients::Clients;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::ids::Region;

/// The region of a null location: the only one that is older than locations.
const NULL_LOCATION: &str = "us-east-1";
/// The current name of the location `EU` from the first years.
const EU_LOCATION: &str = "eu-west-1";

/// The known regions of buckets.
#[derive(Debug, Default)]
pub(super) struct BucketRegions {
    found: Mutex<HashMap<String, Arc<OnceCell<Region>>>>,
}

impl BucketRegions {
    /// Returns the region of `bucket`. Concurrent callers wait for one lookup; a failure is not
    /// kept.
    pub(super) async fn of(
        &self,
        bucket: &str,
        clients: &Clients,
        limit: Duration,
    ) -> Result<Region, ReadFailure> {
        // The ARN of an access point names its region.
        if let Some(region) = bucket.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2)) {
            return region.parse().map_err(|_| senseless(region));
        }
        let cell = {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            match found.get(bucket) {
                Some(cell) => cell.clone(),
                None => found.entry(bucket.to_owned()).or_default().clone(),
            }
        };
        cell.get_or_try_init(|| find(bucket, clients, limit)).await.cloned()
    }

    /// Records that `bucket` is in `region`, as named by a response.
    pub(super) fn moved(&self, bucket: &str, region: Region) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert(bucket.to_owned(), Arc::new(OnceCell::new_with(Some(region))));
    }
}

/// Determines the region with HeadBucket, which names it even when it refuses everything else; then
/// with GetBucketLocation, which needs a permission that is seldom granted across accounts but
/// returns a reason. If neither names it, the configured region is used: the request itself then
/// decides.
async fn find(bucket: &str, clients: &Clients, limit: Duration) -> Result<Region, ReadFailure> {
    let client = clients.home();
    match within(limit, client.head_bucket().bucket(bucket).send()).await? {
        Ok(output) => {
            if let Some(region) = output.bucket_region().and_then(|region| region.parse().ok()) {
                return Ok(region);
            }
        }
        Err(error) => {
            if let Some(region) = answer::region_of(&error) {
                return Ok(region);
            }
            if is_of_no_help(&error) {
                return Err(answer::read_failure(Operation::HeadBucket, &error));
            }
        }
    }
    match within(limit, client.get_bucket_location().bucket(bucket).send()).await? {
        Ok(output) => {
            let location = output.location_constraint().map(|location| location.as_str());
            let region = match location {
                // A store without regions returns null too, and accepts any name.
                None | Some("") => NULL_LOCATION,
                Some("EU") => EU_LOCATION,
                Some(region) => region,
            };
            region.parse().map_err(|_| senseless(region))
        }
        Err(error) => {
            let failure = answer::read_failure(Operation::GetBucketLocation, &error);
            if failure.kind == ReadFailureKind::NoSuchBucket || is_of_no_help(&error) {
                return Err(failure);
            }
            if let Some(region) = answer::region_of(&error) {
                return Ok(region);
            }
            clients.home_region().ok_or(failure)
        }
    }
}

/// Returns whether `error` shows nothing about the bucket, so that further requests are useless: no
/// response, or a busy or broken store.
fn is_of_no_help<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::ServiceError(said) => {
            let status = said.raw().status().as_u16();
            // Some stores return 501 for an operation that they do not have.
            status == 429 || (status >= 500 && status != 501)
        }
        _ => true,
    }
}

async fn within<T>(limit: Duration, request: impl Future<Output = T>) -> Result<T, ReadFailure> {
    tokio::time::timeout(limit, request)
        .await
        .map_err(|_| broken(Broken::Silent, format!("no answer within {limit:?}")))
}

fn senseless(region: &str) -> ReadFailure {
    broken(Broken::Senseless, format!("the bucket's location `{region}` is not a region"))
}
