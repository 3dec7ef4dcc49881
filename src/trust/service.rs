//! The traits that provide keys and facts about trails.
use crate::aws::advice;
use std::fmt;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region, TrailArn};
use trailproof_core::vocab::time::Timestamp;

/// A boxed future, so that services can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A service that returned an error or could not be reached. Its text comes from outside: escape it
/// before showing it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ServiceError {
    /// The API operation, as AWS names it: `ListPublicKeys`.
    pub operation: &'static str,
    /// The service's error code, such as `AccessDeniedException`; `None` if there was no response.
    pub code: Option<String>,
    /// The message of the service or the client.
    pub message: String,
    /// Whether credentials were missing.
    pub no_credentials: bool,
}

impl ServiceError {
    /// Returns what the caller can do about it. `renewal` is how credentials are renewed.
    pub fn hint(&self, renewal: &str) -> Option<String> {
        let service = match self.operation {
            "ListAccounts" | "DescribeOrganization" => "organizations",
            _ => "cloudtrail",
        };
        let action = format!("{service}:{}", self.operation);
        match self.no_credentials {
            true => None,
            false => advice::service_hint(self.code.as_deref(), &self.message, &action, renewal),
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use trailproof_core::vocab::location::escape;
        match &self.code {
            Some(code) => write!(
                f,
                "An error occurred ({}) when calling the {} operation: {}",
                escape(code),
                self.operation,
                escape(&self.message)
            ),
            None => f.write_str(&escape(&self.message)),
        }
    }
}

/// One public key, as the service or a bundle returned it. Nothing in it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The fingerprint in the record.
    pub fingerprint: String,
    /// The key in DER.
    pub der: Vec<u8>,
    /// The start of its validity.
    pub valid_from: Option<Timestamp>,
    /// The end of its validity.
    pub valid_to: Option<Timestamp>,
}

/// One trail, as DescribeTrails returned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailRecord {
    /// ARN.
    pub arn: String,
    /// The bucket that it delivers to now.
    pub bucket: String,
    /// The key prefix, if any.
    pub prefix: Option<String>,
    /// Whether it is an organization's trail.
    pub organization: bool,
    /// Whether it delivers from every region.
    pub multi_region: bool,
    /// Whether log file validation is on, so that it delivers digests too; `None` if the response
    /// does not say.
    pub validates: Option<bool>,
}

/// The delivery status of a trail in one region, as GetTrailStatus returned it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailStatusRecord {
    /// Whether the trail is logging now.
    pub is_logging: bool,
    /// When the newest digest was delivered in that region; `None` if there has been none.
    pub latest_digest_delivery: Option<Timestamp>,
    /// Why the last attempt to deliver a digest failed, in S3's words; `None` if it did not fail.
    pub latest_digest_error: Option<String>,
}

/// A source of public keys.
pub trait KeyService: Debug + Send + Sync {
    /// Returns all keys of `region` that were valid at some time between `from` and `to`, from all
    /// pages.
    ///
    /// # Errors
    ///
    /// The service returned an error or could not be reached.
    fn keys<'a>(
        &'a self,
        region: Option<&'a Region>,
        from: Timestamp,
        to: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<KeyRecord>, ServiceError>>;

    /// Returns the source of the keys, for outputs.
    fn source(&self) -> String {
        "not told".to_owned()
    }

    /// Returns the stretches of time for which this service has every key of `region`, ascending
    /// and with both ends included; `None` if it has every key of any time. If a digest lies
    /// outside these stretches and its key is missing, the digest is not contradicted.
    fn covered(&self, _region: Option<&Region>) -> Option<Vec<(Timestamp, Timestamp)>> {
        None
    }

    /// For a service that does not have all keys: returns the time since which it has every key,
    /// and the later time when they were requested. Anything signed until that second time was
    /// signed with one of them, however late it was delivered.
    fn all_since(&self, _region: Option<&Region>) -> Option<(Timestamp, Timestamp)> {
        None
    }
}

/// An account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// Its name; not unique, and chosen by whoever made the account.
    pub name: Option<String>,
    /// When it joined the organization or was created in it.
    pub joined: Option<Timestamp>,
}

/// What is asked of Event history: events of one region, in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Region.
    pub region: Region,
    /// Name of the events; `None` for all.
    pub name: Option<String>,
    /// First second.
    pub from: Timestamp,
    /// Last second.
    pub to: Timestamp,
    /// Token of the page; `None` for the first.
    pub next: Option<String>,
}

/// One page of Event history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// The events, as JSON.
    pub events: Vec<String>,
    /// Token of the next page.
    pub next: Option<String>,
}

/// Event history of the caller's account: the last 90 days, whether or not there is a trail. Nobody
/// signed it.
pub trait EventHistory: Debug + Send + Sync {
    /// Returns one page, the newest events first.
    ///
    /// # Errors
    ///
    /// The service returned an error or could not be reached.
    fn events<'a>(
        &'a self,
        request: &'a HistoryRequest,
    ) -> BoxFuture<'a, Result<HistoryPage, ServiceError>>;
}

/// A source of facts about trails.
pub trait TrailService: Debug + Send + Sync {
    /// Returns the trail with this ARN from those that DescribeTrails lists; `None` if it is not
    /// listed.
    ///
    /// # Errors
    ///
    /// The service returned an error or could not be reached.
    fn trail<'a>(
        &'a self,
        arn: &'a TrailArn,
    ) -> BoxFuture<'a, Result<Option<TrailRecord>, ServiceError>>;

    /// Returns all trails that DescribeTrails lists in `region`; without one, in the service's own
    /// region.
    ///
    /// # Errors
    ///
    /// The service returned an error or could not be reached.
    fn trails<'a>(
        &'a self,
        region: Option<&'a Region>,
    ) -> BoxFuture<'a, Result<Vec<TrailRecord>, ServiceError>>;

    /// Returns the delivery status of the trail in `region`; without one, in the service's own
    /// region.
    ///
    /// # Errors
    ///
    /// The service returned an error or could not be reached.
    fn status<'a>(
        &'a self,
        arn: &'a TrailArn,
        region: Option<&'a Region>,
    ) -> BoxFuture<'a, Result<TrailStatusRecord, ServiceError>>;

    /// Returns the id of the caller's organization.
    ///
    /// # Errors
    ///
    /// The service returned an error or could not be reached.
    fn organization<'a>(&'a self) -> BoxFuture<'a, Result<OrganizationId, ServiceError>>;

    /// Returns the active accounts of the caller's organization, each with the time when it joined,
    /// if that is known.
    ///
    /// # Errors
    ///
    /// The service returned an error or could not be reached.
    fn accounts<'a>(&'a self) -> BoxFuture<'a, Result<Vec<Member>, ServiceError>>;
}
