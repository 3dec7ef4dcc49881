//! In which region a bucket lies, found once for each bucket.
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

/// Where a null location is: the one region that is older than locations.
const NULL_LOCATION: &str = "us-east-1";
/// What the location `EU` of the first years is called since.
const EU_LOCATION: &str = "eu-west-1";

/// What is known of buckets' regions.
#[derive(Debug, Default)]
pub(super) struct BucketRegions {
    found: Mutex<HashMap<String, Arc<OnceCell<Region>>>>,
}

impl BucketRegions {
    /// The region of `bucket`. Callers that ask while it is being found wait for that answer; one
    /// that fails is not kept.
    pub(super) async fn of(
        &self,
        bucket: &str,
        clients: &Clients,
        limit: Duration,
    ) -> Result<Region, ReadFailure> {
        let cell = {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            match found.get(bucket) {
                Some(cell) => cell.clone(),
                None => found.entry(bucket.to_owned()).or_default().clone(),
            }
        };
        cell.get_or_try_init(|| find(bucket, clients, limit)).await.cloned()
    }

    /// Takes an answer's word for it that `bucket` is in `region`.
    pub(super) fn moved(&self, bucket: &str, region: Region) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert(bucket.to_owned(), Arc::new(OnceCell::new_with(Some(region))));
    }
}

/// Asks HeadBucket, which names the region even where it refuses all else; then GetBucketLocation,
/// which needs a permission that is seldom granted across accounts, but gives its reasons. Where
/// neither tells, the configured region is tried: the request itself will have the last word.
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
                // A store that knows no regions answers null too; it does not mind the name.
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

/// Whether `error` says nothing about the bucket, so that asking on makes no sense: no answer, a
/// busy or broken store, credentials that are refused.
fn is_of_no_help<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::ServiceError(said) => {
            let status = said.raw().status().as_u16();
            // 501 is how some stores say that they do not have the operation.
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
