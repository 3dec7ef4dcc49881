//! Credentials, region and endpoints, found as the AWS CLI finds them.
use super::credentials::{self, KnownRegion, Resolved};
use super::http::{self, Roots};
use super::profile;
use super::words::SetupError;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::identity::IdentityCache;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::ServiceConfigKey;
use std::time::Duration;

/// How long a client waits for credentials to be renewed. The SDK's default of 22 seconds is too
/// short for a credential process that prompts for a code.
const RENEWAL: Duration = Duration::from_secs(120);

/// Returns the version of the SDK's defaults. It is pinned, so that an update of the SDK does not
/// silently change retries, timeouts or TLS. This is the newest version in SDK 1.13; raise it
/// deliberately, after reading what changed.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// AWS options of the command line. Everything else comes from the environment and profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsOptions {
    /// `--profile`.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--endpoint-url`.
    pub endpoint_url: Option<String>,
    /// The clients that `endpoint_url` applies to.
    pub endpoint_scope: EndpointScope,
}

/// The clients that `--endpoint-url` applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointScope {
    /// CloudTrail only, as in the AWS CLI's `validate-logs`.
    #[default]
    CloudTrail,
    /// All services.
    Every,
}

/// The AWS services that trailproof calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Amazon S3.
    S3,
    /// AWS CloudTrail.
    CloudTrail,
    /// AWS Organizations.
    Organizations,
    /// AWS KMS.
    Kms,
    /// AWS STS.
    Sts,
}

impl Service {
    /// Returns the id that configures a service's endpoint (`AWS_ENDPOINT_URL_<ID>`, `services`
    /// sections).
    fn id(self) -> &'static str {
        match self {
            Self::S3 => "S3",
            Self::CloudTrail => "CloudTrail",
            Self::Organizations => "Organizations",
            Self::Kms => "KMS",
            Self::Sts => "STS",
        }
    }
}

/// The AWS configuration that was found. Clients are made from it.
#[derive(Clone, Debug)]
pub struct AwsConfig {
    sdk: SdkConfig,
    /// Whether no certificate is trusted, so that no TLS connection can be made.
    trusts_none: bool,
    credentials: Resolved,
    endpoint_url: Option<String>,
    endpoint_scope: EndpointScope,
}

impl AwsConfig {
    /// Reads environment and profiles. Makes no request: credentials are obtained by
    /// [`Self::check_credentials`] or by the first request.
    ///
    /// # Errors
    ///
    /// A configured file or value cannot be used.
    pub async fn load(options: AwsOptions) -> Result<Self, SetupError> {
        profile::check(options.profile.as_deref()).await?;
        let bundle = ca_bundle().await?;
        let trusts_none = bundle.is_none() && !http::system_has_roots();
        let roots = match bundle {
            None if trusts_none => Some(Roots::none().map_err(SetupError::Configuration)?),
            bundle => bundle,
        };
        let http = http::client(roots);
        let provider = ProviderConfig::without_region()
            .with_behavior_version(Some(behavior()))
            .with_http_client(http.clone());
        let region = region(&options, &provider).await;
        let provider = provider.with_region(region.clone());
        let credentials =
            credentials::default_chain(provider, options.profile.as_deref(), region.clone()).await;
        let mut loader = aws_config::defaults(behavior())
            .http_client(http)
            .region(KnownRegion(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .identity_cache(IdentityCache::lazy().load_timeout(RENEWAL).build());
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        if let Ok(name) = AppName::new("trailproof") {
            loader = loader.app_name(name);
        }
        Ok(Self {
            sdk: loader.load().await,
            trusts_none,
            credentials,
            endpoint_url: options.endpoint_url.filter(|url| !url.is_empty()),
            endpoint_scope: options.endpoint_scope,
        })
    }

    /// Returns whether the machine has no root certificates and none are configured, so that no TLS
    /// connection can be made.
    pub fn trusts_none(&self) -> bool {
        self.trusts_none
    }

    /// Wraps a configuration made elsewhere, for tests and for programs that use the library. Its
    /// credentials provider, HTTP client and endpoints are used unchanged.
    pub fn from_sdk(sdk: SdkConfig) -> Self {
        let credentials = match sdk.credentials_provider() {
            Some(provider) => Resolved::new(provider),
            None => Resolved::new(credentials::Nobody),
        };
        let sdk = sdk
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .build();
        Self {
            trusts_none: false,
            sdk,
            credentials,
            endpoint_url: None,
            endpoint_scope: EndpointScope::CloudTrail,
        }
    }

    /// Checks that there are credentials, before anything else begins.
    ///
    /// # Errors
    ///
    /// There are no credentials, or their source failed.
    pub async fn check_credentials(&self) -> Result<(), SetupError> {
        self.credentials.check().await
    }

    /// Returns the SDK's configuration, from which clients are made.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Returns the configured region.
    ///
    /// # Errors
    ///
    /// [`SetupError::NoRegion`] if no region is configured.
    pub fn region(&self) -> Result<&Region, SetupError> {
        self.sdk.region().ok_or(SetupError::NoRegion)
    }

    /// Returns the endpoint configured for `service`, if any: the command line's if it applies to
    /// this service, else the service's own, else `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self, service: Service) -> Option<String> {
        let ours = match self.endpoint_scope {
            EndpointScope::CloudTrail => service == Service::CloudTrail,
            EndpointScope::Every => true,
        };
        if let (true, Some(url)) = (ours, &self.endpoint_url) {
            return Some(url.clone());
        }
        let configured = ServiceConfigKey::builder()
            .service_id(service.id())
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()
            .and_then(|key| self.sdk.service_config()?.load_config(key));
        configured.or_else(|| self.sdk.endpoint_url().map(str::to_owned))
    }
}

/// Returns the region of the command line, the environment or the profile. Instance metadata is not
/// asked: the AWS CLI does not ask it either, and it costs seconds where there is none.
async fn region(options: &AwsOptions, provider: &ProviderConfig) -> Option<Region> {
    if let Some(region) = options.region.clone().filter(|region| !region.is_empty()) {
        return Some(Region::new(region));
    }
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await {
        return Some(region);
    }
    let mut profile = ProfileFileRegionProvider::builder().configure(provider);
    if let Some(name) = &options.profile {
        profile = profile.profile_name(name);
    }
    profile.build().region().await
}

/// Returns the certificates to trust instead of the system's, configured as for the AWS CLI.
async fn ca_bundle() -> Result<Option<Roots>, SetupError> {
    let Some(path) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let unusable = |why: String| {
        let path = path.to_string_lossy();
        SetupError::Configuration(format!(
            "`AWS_CA_BUNDLE` names `{path}`, which cannot be used: {why}"
        ))
    };
    let pem = tokio::fs::read(&path).await.map_err(|error| unusable(error.to_string()))?;
    Roots::from_pem(&pem).map(Some).map_err(unusable)
}
