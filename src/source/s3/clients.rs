//! The SDK's clients: one for each region, made once.
use super::clock::{ReadsClock, StoreClock};
use super::timeouts::Timeouts;
use crate::aws::config::{AwsConfig, Service};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    Builder, ConfigBag, Intercept, RequestChecksumCalculation, ResponseChecksumValidation,
    RuntimeComponents, StalledStreamProtectionConfig,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use trailproof_core::vocab::ids::Region;

/// The region that is asked where a bucket lies when none is configured, as the AWS CLI does.
const FIRST_ASKED: &str = "us-east-1";

/// Clients by region. They share one pool of connections.
#[derive(Debug)]
pub(super) struct Clients {
    base: Builder,
    home: String,
    by_region: Mutex<HashMap<String, Client>>,
    clock: Arc<StoreClock>,
}

impl Clients {
    pub(super) fn new(config: &AwsConfig, timeouts: Timeouts) -> Self {
        let endpoint = config.endpoint(Service::S3);
        let clock = Arc::new(StoreClock::default());
        let mut base = Builder::from(config.sdk())
            // Stores other than S3 rarely have a host name for each bucket.
            .force_path_style(endpoint.is_some())
            // `source::retry` retries: it counts attempts, sees bodies too, and its budget holds
            // for an object and not for a request.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.sdk())
            // It fails slow bodies; ours fails silent ones.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // What is read here is hashed anyway, and by what the digests say.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .interceptor(LenientHeaders)
            .interceptor(ReadsClock(Arc::clone(&clock)));
        base.set_endpoint_url(endpoint);
        let home = match config.region() {
            Ok(region) => region.as_ref().to_owned(),
            Err(_) => FIRST_ASKED.to_owned(),
        };
        Self { base, home, by_region: Mutex::default(), clock }
    }

    /// The clock of whom they ask, beside ours.
    pub(super) fn clock(&self) -> &Arc<StoreClock> {
        &self.clock
    }

    /// The client of the configured region.
    pub(super) fn home(&self) -> Client {
        self.client(&self.home)
    }

    /// The configured region; `None` where what is configured is not of a region's form.
    pub(super) fn home_region(&self) -> Option<Region> {
        self.home.parse().ok()
    }

    /// The client of `region`.
    pub(super) fn of(&self, region: &Region) -> Client {
        self.client(region.as_str())
    }

    fn client(&self, region: &str) -> Client {
        let mut clients = self.by_region.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(region) {
            return client.clone();
        }
        let named = aws_sdk_s3::config::Region::new(region.to_owned());
        let client = Client::from_conf(self.base.clone().region(named).build());
        clients.insert(region.to_owned(), client.clone());
        client
    }
}

/// Drops headers that are not UTF-8 from answers, before the SDK reads them.
///
/// The SDK fails the whole request over one, or at its most lenient gives up all user metadata, so
/// that whoever can put one such byte into an object's metadata could make the object unreadable.
#[derive(Debug)]
struct LenientHeaders;

#[dyn_dispatch_hint]
impl Intercept for LenientHeaders {
    fn name(&self) -> &'static str {
        "LenientHeaders"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response_mut().headers_mut();
        let unreadable: Vec<String> = headers
            .iter_bytes()
            .filter(|(_, value)| std::str::from_utf8(value).is_err())
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in unreadable {
            headers.remove(name);
        }
        Ok(())
    }
}
