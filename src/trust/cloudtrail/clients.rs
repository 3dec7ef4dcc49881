//! The SDK's clients, made when first needed: CloudTrail's for each region, and one for
//! Organizations.
use crate::aws::config::{AwsConfig, Service};
use crate::aws::words::SetupError;
use aws_sdk_cloudtrail::config::retry::RetryConfig;
use aws_sdk_cloudtrail::config::timeout::TimeoutConfig;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;
use trailproof_core::vocab::ids::Region;

/// Attempts for each request in the SDK's standard mode; as many as the AWS CLI makes. These
/// services allow few requests a second (ListPublicKeys 10), so throttling passes by waiting.
const ATTEMPTS: u32 = 5;
/// Time for name resolution, TCP and TLS together; as for S3.
const CONNECT: Duration = Duration::from_secs(10);
/// Time from a request to its response; the AWS CLI's value.
const ANSWER: Duration = Duration::from_secs(60);

/// Clients that share one connection pool.
#[derive(Debug)]
pub(super) struct Clients {
    config: AwsConfig,
    attempts: u32,
    trails: Mutex<HashMap<String, aws_sdk_cloudtrail::Client>>,
    organizations: OnceLock<aws_sdk_organizations::Client>,
}

impl Clients {
    pub(super) fn new(config: AwsConfig) -> Self {
        Self {
            config,
            attempts: ATTEMPTS,
            trails: Mutex::default(),
            organizations: OnceLock::new(),
        }
    }

    pub(super) fn set_attempts(&mut self, attempts: u32) {
        self.attempts = attempts.max(1);
    }

    /// Returns the client of CloudTrail in `region`; without one, in the configured region.
    pub(super) fn trails(
        &self,
        region: Option<&Region>,
    ) -> Result<aws_sdk_cloudtrail::Client, SetupError> {
        let region = match region {
            Some(region) => region.as_str(),
            None => self.config.region()?.as_ref(),
        };
        let mut clients = self.trails.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(region) {
            return Ok(client.clone());
        }
        let mut builder = aws_sdk_cloudtrail::config::Builder::from(self.config.sdk())
            .region(aws_sdk_cloudtrail::config::Region::new(region.to_owned()))
            .retry_config(RetryConfig::standard().with_max_attempts(self.attempts))
            .timeout_config(timeouts());
        builder.set_endpoint_url(self.config.endpoint(Service::CloudTrail));
        let client = aws_sdk_cloudtrail::Client::from_conf(builder.build());
        clients.insert(region.to_owned(), client.clone());
        Ok(client)
    }

    /// Returns the client of Organizations, which has one endpoint in each partition. The
    /// configured region selects it; without one it is the commercial partition's, as for the AWS
    /// CLI.
    pub(super) fn organizations(&self) -> &aws_sdk_organizations::Client {
        self.organizations.get_or_init(|| {
            let mut builder = aws_sdk_organizations::config::Builder::from(self.config.sdk())
                .retry_config(RetryConfig::standard().with_max_attempts(self.attempts))
                .timeout_config(timeouts());
            builder.set_endpoint_url(self.config.endpoint(Service::Organizations));
            if self.config.region().is_err() {
                builder.set_region(Some(aws_sdk_organizations::config::Region::from_static(
                    "us-east-1",
                )));
            }
            aws_sdk_organizations::Client::from_conf(builder.build())
        })
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build()
}
