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

/// How long a client waits for credentials to be renewed. The SDK's own 22 seconds are too short
/// for a credential process that asks a person for a code.
const RENEWAL: Duration = Duration::from_secs(120);

/// What the SDK does by default is pinned to this date, so that an update of the SDK does not
/// change retries, time limits or TLS behind our back. It is the newest that SDK 1.13 has; raise
/// it on purpose, after reading what changed.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// What the command line says about AWS; everything else comes from the environment and profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsOptions {
    /// `--profile`.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--endpoint-url`.
    pub endpoint_url: Option<String>,
    /// Which clients `endpoint_url` is for.
    pub endpoint_scope: EndpointScope,
}

/// Which clients `--endpoint-url` is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointScope {
    /// CloudTrail's only, as in the AWS CLI's `validate-logs`.
    #[default]
    CloudTrail,
    /// All of them.
    Every,
}

/// The services that have clients here.
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
    /// The id by which endpoints are configured (`AWS_ENDPOINT_URL_<ID>`, `services` sections).
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

/// AWS's set-up as it was found: what clients are made from.
#[derive(Clone, Debug)]
pub struct AwsConfig {
    sdk: SdkConfig,
    /// Whether no certificate is trusted, so that nothing can be asked over TLS.
    trusts_none: bool,
    credentials: Resolved,
    endpoint_url: Option<String>,
    endpoint_scope: EndpointScope,
}

impl AwsConfig {
    /// Reads environment and profiles. Asks nobody: credentials are had by
    /// [`Self::check_credentials`] or by the first request.
    ///
    /// # Errors
    ///
    /// A file or value that is configured and cannot be used.
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

    /// Whether the machine has no root certificates and none are named, so that nothing can be
    /// asked over TLS.
    pub fn trusts_none(&self) -> bool {
        self.trusts_none
    }

    /// Around a set-up that was made elsewhere, for tests and for programs that use the library.
    /// Its own credentials provider, HTTP client and endpoints are used as they are.
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

    /// Makes sure that there are credentials, before anything else is begun.
    ///
    /// # Errors
    ///
    /// There are none, or their source failed.
    pub async fn check_credentials(&self) -> Result<(), SetupError> {
        self.credentials.check().await
    }

    /// The SDK's own view, from which clients are made.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// The configured region.
    ///
    /// # Errors
    ///
    /// [`SetupError::NoRegion`] where there is none.
    pub fn region(&self) -> Result<&Region, SetupError> {
        self.sdk.region().ok_or(SetupError::NoRegion)
    }

    /// The endpoint that is configured for `service`, if any: the command line's where it is for
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

/// The region of the command line, the environment or the profile. Instance metadata is not asked:
/// the AWS CLI does not either, and where there is none it costs seconds.
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

/// Certificates to trust instead of the system's, as the AWS CLI takes them.
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
