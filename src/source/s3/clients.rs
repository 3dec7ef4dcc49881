//! The SDK's clients: one for each region, made once.
use super::clock::{ReadsClock, StoreClock};
use super::timeouts::Timeouts;
use crate::aws::config::{AwsConfig, Service};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
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

/// The region that is asked for the location of a bucket if none is configured, as in the AWS CLI.
const FIRST_ASKED: &str = "us-east-1";

/// What a client's requests are addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Addressing {
    Bucket,
    /// An access point, whose name must stand in the host.
    AccessPoint,
}

/// Clients by region. They share one connection pool.
#[derive(Debug)]
pub(super) struct Clients {
    base: Builder,
    home: String,
    by_region: Mutex<HashMap<(String, Addressing), Client>>,
    clock: Arc<StoreClock>,
}

impl Clients {
    pub(super) fn new(config: &AwsConfig, timeouts: Timeouts) -> Self {
        let endpoint = config.endpoint(Service::S3);
        let settings = config.s3();
        let clock = Arc::new(StoreClock::default());
        let mut base = Builder::from(config.sdk())
            // Stores other than S3 rarely have a host name for each bucket.
            .force_path_style(settings.path_style.unwrap_or(endpoint.is_some()))
            .accelerate(settings.accelerate)
            // `source::layer::retry` retries: it counts attempts, covers bodies too, and its budget
            // applies to an object and not to a request.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.sdk())
            // The SDK's protection fails slow bodies; ours fails silent ones.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // Everything read here is hashed anyway, and compared with the digests.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .interceptor(LenientHeaders)
            .interceptor(ReadsClock(Arc::clone(&clock)));
        base.set_endpoint_url(endpoint);
        if settings.dual_stack {
            base.set_use_dual_stack(Some(true));
        }
        if settings.pays {
            base = base.interceptor(Pays);
        }
        let home = match config.region() {
            Ok(region) => region.as_ref().to_owned(),
            Err(_) => FIRST_ASKED.to_owned(),
        };
        Self { base, home, by_region: Mutex::default(), clock }
    }

    /// Returns the clock of the stores that the clients use, compared with ours.
    pub(super) fn clock(&self) -> &Arc<StoreClock> {
        &self.clock
    }

    /// Returns the client of the configured region.
    pub(super) fn home(&self) -> Client {
        self.client(&self.home, Addressing::Bucket)
    }

    /// Returns the configured region; `None` if the configured value does not have the form of a
    /// region.
    pub(super) fn home_region(&self) -> Option<Region> {
        self.home.parse().ok()
    }

    /// Returns the client of `region` for requests to `bucket`.
    pub(super) fn of(&self, region: &Region, bucket: &str) -> Client {
        let is_point = bucket.starts_with("arn:");
        let addressing = if is_point { Addressing::AccessPoint } else { Addressing::Bucket };
        self.client(region.as_str(), addressing)
    }

    fn client(&self, region: &str, addressing: Addressing) -> Client {
        let mut clients = self.by_region.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (region.to_owned(), addressing);
        if let Some(client) = clients.get(&key) {
            return client.clone();
        }
        let named = aws_sdk_s3::config::Region::new(region.to_owned());
        let mut builder = self.base.clone().region(named);
        if addressing == Addressing::AccessPoint {
            builder.set_force_path_style(Some(false));
        }
        let client = Client::from_conf(builder.build());
        clients.insert(key, client.clone());
        client
    }
}

/// Declares on each request that the caller pays for it.
#[derive(Debug)]
struct Pays;

#[dyn_dispatch_hint]
impl Intercept for Pays {
    fn name(&self) -> &'static str {
        "Pays"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().insert("x-amz-request-payer", "requester");
        Ok(())
    }
}

/// Removes headers that are not UTF-8 from responses, before the SDK reads them.
///
/// The SDK fails the whole request over one, or in its most lenient mode drops all user metadata.
/// So anyone who can put one such byte into an object's metadata could make the object unreadable.
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
