//! The traits through which keys and trails are asked for.
use std::fmt;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region, TrailArn};
use trailproof_core::vocab::time::Timestamp;

/// A boxed future, so that services can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A service refused or could not be reached. What it said is from outside: escape it where shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// API operation, as AWS names it: `ListPublicKeys`.
    pub operation: &'static str,
    /// The service's error code, `AccessDeniedException`; `None` where no answer came at all.
    pub code: Option<String>,
    /// The service's or the client's words.
    pub message: String,
    /// Whether it failed for want of credentials.
    pub no_credentials: bool,
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

/// One public key, as the service or a bundle tells it. Nothing of it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Fingerprint that the record bears.
    pub fingerprint: String,
    /// DER bytes.
    pub der: Vec<u8>,
    /// Start of validity.
    pub valid_from: Option<Timestamp>,
    /// End of validity.
    pub valid_to: Option<Timestamp>,
}

/// One trail, as CloudTrail describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailRecord {
    /// ARN.
    pub arn: String,
    /// Bucket it delivers into now.
    pub bucket: String,
    /// Key prefix, where it has one.
    pub prefix: Option<String>,
    /// Whether it is an organization's.
    pub organization: bool,
    /// Whether it delivers from every region.
    pub multi_region: bool,
    /// Whether log file validation is on, so that it delivers digests too; `None` where the answer
    /// does not have that.
    pub validates: Option<bool>,
}

/// How delivery of a trail goes in one region, as GetTrailStatus tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailStatusRecord {
    /// Whether the trail is logging now.
    pub is_logging: bool,
    /// When the newest digest was delivered in that region; `None` where none ever was.
    pub latest_digest_delivery: Option<Timestamp>,
    /// Why the newest attempt to deliver a digest failed, in S3's words; `None` where it did not.
    pub latest_digest_error: Option<String>,
}

/// Where public keys are had from.
pub trait KeyService: Debug + Send + Sync {
    /// All keys of `region` that were valid at some time between `from` and `to`, of all pages.
    ///
    /// # Errors
    ///
    /// The service's refusal, or that it could not be reached.
    fn keys<'a>(
        &'a self,
        region: Option<&'a Region>,
        from: Timestamp,
        to: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<KeyRecord>, ServiceError>>;

    /// What is told of where the keys are had from.
    fn source(&self) -> String {
        "not told".to_owned()
    }

    /// The stretches of `region`'s time, ascending and both ends included, of which this service
    /// has every key; `None` for one that has them of any time it is asked for. A digest of another
    /// time whose key is not among those returned is not accused of anything.
    fn covered(&self, _region: Option<&Region>) -> Option<Vec<(Timestamp, Timestamp)>> {
        None
    }

    /// Of one that has not all of them, from when on it has every key that there was at a time after
    /// that: what was signed by then was signed with one of them, however late.
    fn all_since(&self, _region: Option<&Region>) -> Option<(Timestamp, Timestamp)> {
        None
    }
}

/// An account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// When it joined the organization or was made in it.
    pub joined: Option<Timestamp>,
}

/// Where trails are asked about.
pub trait TrailService: Debug + Send + Sync {
    /// The trail with this ARN among those that DescribeTrails lists; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// The service's refusal, or that it could not be reached.
    fn trail<'a>(
        &'a self,
        arn: &'a TrailArn,
    ) -> BoxFuture<'a, Result<Option<TrailRecord>, ServiceError>>;

    /// All trails that DescribeTrails lists in `region`; without one, in the service's own region.
    ///
    /// # Errors
    ///
    /// The service's refusal, or that it could not be reached.
    fn trails<'a>(
        &'a self,
        region: Option<&'a Region>,
    ) -> BoxFuture<'a, Result<Vec<TrailRecord>, ServiceError>>;

    /// How delivery of the trail goes in `region`; without one, in the service's own region.
    ///
    /// # Errors
    ///
    /// The service's refusal, or that it could not be reached.
    fn status<'a>(
        &'a self,
        arn: &'a TrailArn,
        region: Option<&'a Region>,
    ) -> BoxFuture<'a, Result<TrailStatusRecord, ServiceError>>;

    /// The id of the caller's organization.
    ///
    /// # Errors
    ///
    /// The service's refusal, or that it could not be reached.
    fn organization<'a>(&'a self) -> BoxFuture<'a, Result<OrganizationId, ServiceError>>;

    /// The accounts of the caller's organization that are active, each with the time at which it joined,
    /// where that is told.
    ///
    /// # Errors
    ///
    /// The service's refusal, or that it could not be reached.
    fn accounts<'a>(&'a self) -> BoxFuture<'a, Result<Vec<Member>, ServiceError>>;
}
