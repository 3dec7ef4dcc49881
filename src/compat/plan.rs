//! The plan of `validate-logs`, from the trail and the options of the caller.
use crate::locate::one_chain::{list_digests, list_organizations};
use crate::source::ObjectSource;
use crate::trust::{ServiceError, TrailService};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region, TrailArn};
use trailproof_core::vocab::key_layout::{ChainKey, DigestKey, KeyRoot};
use trailproof_core::vocab::time::{HOUR, InclusivePeriod, Timestamp};

/// The options of `validate-logs`.
#[derive(Clone, Debug)]
pub struct AwsRequest {
    /// The trail.
    pub arn: TrailArn,
    /// The period, both ends included.
    pub period: InclusivePeriod,
    /// Region whose digests to validate [default: the trail's home region].
    pub source_region: Option<Region>,
    /// Bucket that holds the digests, if it is not the trail's current one.
    pub bucket: Option<String>,
    /// Key prefix, if it is not the trail's current one. It is used only with `bucket`.
    pub prefix: Option<String>,
    /// Member account of an organization trail.
    pub account: Option<AccountId>,
}

/// One chain in one bucket, ready to be walked.
#[derive(Clone, Debug)]
pub struct AwsPlan {
    /// The trail.
    pub arn: TrailArn,
    /// The period, both ends included.
    pub period: InclusivePeriod,
    /// Bucket to start in.
    pub bucket: String,
    /// The chain.
    pub chain: ChainKey,
    /// Whether the organization must still be determined from the listing.
    pub organization_open: bool,
}

/// The reason why a run was aborted. It implies nothing about the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Abort {
    /// CloudTrail or Organizations returned an error or could not be reached.
    Service(ServiceError),
    /// DescribeTrails does not know the trail.
    TrailNotFound(String),
    /// The trail is an organization trail, and no account was given.
    AccountNeeded,
    /// The first bucket could not be listed.
    Listing {
        /// The bucket.
        bucket: String,
        /// Why.
        why: ReadFailure,
    },
    /// There is no public key for the period.
    NoPublicKeys {
        /// Start of the requested span.
        from: Timestamp,
        /// End of the requested span.
        to: Timestamp,
    },
    /// The bucket holds digests of the trail under several organizations.
    SeveralOrganizations(Vec<OrganizationId>),
}

impl AwsPlan {
    /// Requests from CloudTrail whatever the options leave open.
    ///
    /// # Errors
    ///
    /// Returns an error if the request fails, the trail does not exist, or an account is required.
    pub async fn make(request: AwsRequest, trails: &dyn TrailService) -> Result<Self, Abort> {
        let AwsRequest { arn, period, source_region, bucket, prefix, account } = request;
        let organization_open = bucket.is_some();
        let (bucket, prefix, organization) = match bucket {
            Some(bucket) => (bucket, prefix, None),
            None => {
                let trail = trails
                    .trail(&arn)
                    .await
                    .map_err(Abort::Service)?
                    .ok_or_else(|| Abort::TrailNotFound(arn.as_str().to_owned()))?;
                let organization = if trail.organization {
                    if account.is_none() {
                        return Err(Abort::AccountNeeded);
                    }
                    Some(trails.organization().await.map_err(Abort::Service)?)
                } else {
                    None
                };
                (trail.bucket, trail.prefix, organization)
            }
        };
        let chain = ChainKey {
            account: account.unwrap_or_else(|| arn.account.clone()),
            source_region: source_region.unwrap_or_else(|| arn.home_region.clone()),
            trail: arn.name.clone(),
            home_region: arn.home_region.clone(),
            root: KeyRoot { prefix: prefix.unwrap_or_default(), organization },
        };
        Ok(Self { arn, period, bucket, chain, organization_open })
    }

    /// Lists the digests of the period. If the caller named a bucket, it is not known whether the
    /// trail is an organization trail. The folders of the bucket then show it, and the chain is
    /// amended.
    pub(crate) async fn first_listing(
        &mut self,
        source: &dyn ObjectSource,
    ) -> Result<Vec<DigestKey>, Abort> {
        let (from, to) = (self.period.start, self.period.end.plus(HOUR));
        let bucket = self.bucket.clone();
        let unread = |why| Abort::Listing { bucket: bucket.clone(), why };
        let plain = list_digests(source, &bucket, &self.chain, from, to).await.map_err(unread)?;
        if !plain.is_empty() || !self.organization_open {
            return Ok(plain);
        }
        let organizations =
            list_organizations(source, &bucket, &self.chain.root.prefix).await.map_err(unread)?;
        let mut with_digests = Vec::new();
        for organization in organizations {
            let root =
                KeyRoot { organization: Some(organization.clone()), ..self.chain.root.clone() };
            let chain = ChainKey { root, ..self.chain.clone() };
            let found = list_digests(source, &bucket, &chain, from, to).await.map_err(unread)?;
            if !found.is_empty() {
                with_digests.push((organization, chain, found));
            }
        }
        if with_digests.len() > 1 {
            let names = with_digests.into_iter().map(|(name, ..)| name).collect();
            return Err(Abort::SeveralOrganizations(names));
        }
        Ok(match with_digests.pop() {
            Some((_, chain, found)) => {
                self.chain = chain;
                found
            }
            None => Vec::new(),
        })
    }
}
