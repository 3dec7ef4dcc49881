//! The traits of `trust`, implemented by AWS.
use super::clients::Clients;
use super::failure::{senseless, service_error, setup_error};
use super::records;
use crate::aws::config::AwsConfig;
use crate::trust::{
    KeyRecord, KeyService, Member, ServiceError, TrailRecord, TrailService, TrailStatusRecord,
};
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_organizations::types::{AccountState, AccountStatus};
use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::ids::{OrganizationId, Region, TrailArn};
use trailproof_core::vocab::time::Timestamp;

const LIST_PUBLIC_KEYS: &str = "ListPublicKeys";
const DESCRIBE_TRAILS: &str = "DescribeTrails";
const GET_TRAIL_STATUS: &str = "GetTrailStatus";
const LIST_ACCOUNTS: &str = "ListAccounts";
const DESCRIBE_ORGANIZATION: &str = "DescribeOrganization";

/// CloudTrail in every region, and Organizations.
///
/// The SDK retries throttling and broken connections; the errors returned here are final.
#[derive(Debug)]
pub struct CloudTrail {
    pub(super) clients: Clients,
}

impl CloudTrail {
    /// Uses the credentials, region and endpoints of `config`. Makes no request yet; a missing
    /// region is reported only when it is needed.
    pub fn new(config: &AwsConfig) -> Self {
        Self { clients: Clients::new(config.clone()) }
    }

    /// Sets the number of attempts for each request, for tests.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.clients.set_attempts(attempts);
        self
    }

    async fn all_keys(
        &self,
        region: Option<&Region>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<KeyRecord>, ServiceError> {
        let client =
            self.clients.trails(region).map_err(|error| setup_error(LIST_PUBLIC_KEYS, &error))?;
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        // A token that was seen before means a loop of any length.
        let mut seen = HashSet::new();
        for _ in 0..budget::PAGES {
            let page = client
                .list_public_keys()
                .start_time(DateTime::from_secs(from.unix()))
                .end_time(DateTime::from_secs(to.unix()))
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|error| service_error(LIST_PUBLIC_KEYS, &error))?;
            keys.extend(
                page.public_key_list.unwrap_or_default().into_iter().filter_map(records::key),
            );
            match page.next_token.filter(|token| !token.is_empty()) {
                None => return Ok(keys),
                Some(next) if seen.insert(next.clone()) => token = Some(next),
                Some(_) => {
                    return Err(senseless(LIST_PUBLIC_KEYS, "returned the same page token twice"));
                }
            }
        }
        Err(senseless(LIST_PUBLIC_KEYS, "returned too many pages"))
    }

    async fn described(&self, region: Option<&Region>) -> Result<Vec<TrailRecord>, ServiceError> {
        let client =
            self.clients.trails(region).map_err(|error| setup_error(DESCRIBE_TRAILS, &error))?;
        // Without a filter, as the AWS CLI asks: with a filter, a missing trail is an error.
        let described = client
            .describe_trails()
            .send()
            .await
            .map_err(|error| service_error(DESCRIBE_TRAILS, &error))?;
        let trails = described.trail_list.unwrap_or_default();
        Ok(trails.into_iter().filter_map(records::trail).collect())
    }

    async fn status_of(
        &self,
        arn: &TrailArn,
        region: Option<&Region>,
    ) -> Result<TrailStatusRecord, ServiceError> {
        let client =
            self.clients.trails(region).map_err(|error| setup_error(GET_TRAIL_STATUS, &error))?;
        // By ARN: in a different region, a name means a different trail.
        let status = client
            .get_trail_status()
            .name(arn.as_str())
            .send()
            .await
            .map_err(|error| service_error(GET_TRAIL_STATUS, &error))?;
        Ok(records::status(status))
    }

    /// Returns the active accounts. Accounts that are no longer or not yet active deliver
    /// nothing. `State` replaces `Status`, which AWS retires; an account without a state is taken
    /// as active.
    async fn active_accounts(&self) -> Result<Vec<Member>, ServiceError> {
        let client = self.clients.organizations();
        let mut accounts = Vec::new();
        let mut token: Option<String> = None;
        let mut seen = HashSet::new();
        for _ in 0..budget::PAGES {
            let page = client
                .list_accounts()
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|error| service_error(LIST_ACCOUNTS, &error))?;
            for account in page.accounts.unwrap_or_default() {
                let state = account.state.is_none_or(|state| state == AccountState::Active);
                let status = account.status.is_none_or(|status| status == AccountStatus::Active);
                if !state || !status {
                    continue;
                }
                let joined = account.joined_timestamp.map(|at| Timestamp::from_unix(at.secs()));
                let name = account.name;
                let id = account.id.and_then(|id| id.parse().ok());
                let account =
                    id.ok_or_else(|| senseless(LIST_ACCOUNTS, "returned no account id"))?;
                accounts.push(Member { account, name, joined });
            }
            match page.next_token.filter(|token| !token.is_empty()) {
                None => return Ok(accounts),
                Some(next) if seen.insert(next.clone()) => token = Some(next),
                Some(_) => {
                    return Err(senseless(LIST_ACCOUNTS, "returned the same page token twice"));
                }
            }
        }
        Err(senseless(LIST_ACCOUNTS, "returned too many pages"))
    }

    async fn own_organization(&self) -> Result<OrganizationId, ServiceError> {
        let described = self
            .clients
            .organizations()
            .describe_organization()
            .send()
            .await
            .map_err(|error| service_error(DESCRIBE_ORGANIZATION, &error))?;
        described
            .organization
            .and_then(|organization| organization.id?.parse().ok())
            .ok_or_else(|| senseless(DESCRIBE_ORGANIZATION, "returned no organization id"))
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[deny(clippy::missing_trait_methods)]
impl KeyService for CloudTrail {
    fn keys<'a>(
        &'a self,
        region: Option<&'a Region>,
        from: Timestamp,
        to: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<KeyRecord>, ServiceError>> {
        Box::pin(self.all_keys(region, from, to))
    }

    fn source(&self) -> String {
        "ListPublicKeys".to_owned()
    }

    fn covered(&self, _: Option<&Region>) -> Option<Vec<(Timestamp, Timestamp)>> {
        None
    }

    fn all_since(&self, _: Option<&Region>) -> Option<(Timestamp, Timestamp)> {
        None
    }
}

#[deny(clippy::missing_trait_methods)]
impl TrailService for CloudTrail {
    fn trail<'a>(
        &'a self,
        arn: &'a TrailArn,
    ) -> BoxFuture<'a, Result<Option<TrailRecord>, ServiceError>> {
        Box::pin(async move {
            let trails = self.described(None).await?;
            Ok(trails.into_iter().find(|trail| trail.arn == arn.as_str()))
        })
    }

    fn trails<'a>(
        &'a self,
        region: Option<&'a Region>,
    ) -> BoxFuture<'a, Result<Vec<TrailRecord>, ServiceError>> {
        Box::pin(self.described(region))
    }

    fn status<'a>(
        &'a self,
        arn: &'a TrailArn,
        region: Option<&'a Region>,
    ) -> BoxFuture<'a, Result<TrailStatusRecord, ServiceError>> {
        Box::pin(self.status_of(arn, region))
    }

    fn organization<'a>(&'a self) -> BoxFuture<'a, Result<OrganizationId, ServiceError>> {
        Box::pin(self.own_organization())
    }

    fn accounts<'a>(&'a self) -> BoxFuture<'a, Result<Vec<Member>, ServiceError>> {
        Box::pin(self.active_accounts())
    }
}
