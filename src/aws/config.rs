//! Credentials, region and endpoints, found as the AWS CLI finds them.
use super::credentials::{self, Resolved};
use super::http::{self, Roots};
use super::profile::SelectedProfile;
use super::words::SetupError;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::identity::IdentityCache;
use aws_config::meta::region::{ProvideRegion, future};
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::ServiceConfigKey;
use std::path::PathBuf;
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
    /// `--ca-bundle`.
    pub ca_bundle: Option<PathBuf>,
    /// `--no-sign-request`: no credentials are used.
    pub unsigned: bool,
    /// `--request-payer`: the caller pays for requests to a bucket that demands it.
    pub pays: bool,
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

/// How a client of S3 addresses buckets, where the AWS CLI has settings for S3 alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// Whether the bucket stands in the path; `None` where that depends on the endpoint.
    pub path_style: Option<bool>,
    /// Whether endpoints with IPv6 are used.
    pub dual_stack: bool,
    /// Whether requests go to the endpoint of Transfer Acceleration.
    pub accelerate: bool,
    /// Whether the caller pays for requests to a bucket that demands it.
    pub pays: bool,
}

impl S3Settings {
    fn of(profile: &SelectedProfile, pays: bool) -> Self {
        let is_true = |name: &str| {
            profile.nested("s3", name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        let path_style = match profile.nested("s3", "addressing_style") {
            Some("path") => Some(true),
            Some("virtual") => Some(false),
            _ => None,
        };
        Self {
            path_style,
            dual_stack: is_true("use_dualstack_endpoint"),
            accelerate: is_true("use_accelerate_endpoint"),
            pays,
        }
    }
}

/// The AWS configuration that was found. Clients are made from it.
#[derive(Clone, Debug)]
pub struct AwsConfig {
    sdk: SdkConfig,
    /// Whether no certificate is trusted, so that no TLS connection can be made.
    trusts_none: bool,
    /// Absent if requests are not signed.
    credentials: Option<Resolved>,
    s3: S3Settings,
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
        let profile = SelectedProfile::read(options.profile.as_deref())?;
        let bundle = ca_bundle(&options, &profile).await?;
        let trusts_none = bundle.is_none() && !http::system_has_roots();
        let roots = match bundle {
            None if trusts_none => Some(Roots::none().map_err(SetupError::Configuration)?),
            bundle => bundle,
        };
        let http = http::client(roots);
        let region = region(&options, &profile).await;
        let mut loader = aws_config::defaults(behavior())
            .http_client(http.clone())
            .region(KnownRegion(region.clone()))
            .profile_files(profile.sdk_files())
            .profile_name(profile.sdk_name())
            .no_credentials()
            .identity_cache(IdentityCache::lazy().load_timeout(RENEWAL).build());
        if let Ok(name) = AppName::new("trailproof") {
            loader = loader.app_name(name);
        }
        let unsigned = loader.load().await;
        let provider = ProviderConfig::without_region()
            .with_behavior_version(Some(behavior()))
            .with_http_client(http)
            .with_region(region)
            .with_use_fips(unsigned.use_fips())
            .with_use_dual_stack(unsigned.use_dual_stack());
        let credentials = match options.unsigned {
            true => None,
            false => {
                let sts = endpoint(&unsigned, Service::Sts);
                Some(credentials::chain_of(&profile, &provider, &unsigned, sts))
            }
        };
        let sdk = match &credentials {
            Some(credentials) => {
                let provider = SharedCredentialsProvider::new(credentials.clone());
                unsigned.into_builder().credentials_provider(provider).build()
            }
            None => unsigned,
        };
        Ok(Self {
            sdk,
            trusts_none,
            credentials,
            endpoint_url: options.endpoint_url.filter(|url| !url.is_empty()),
            endpoint_scope: options.endpoint_scope,
            s3: S3Settings::of(&profile, options.pays),
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
            credentials: Some(credentials),
            s3: S3Settings::default(),
            endpoint_url: None,
            endpoint_scope: EndpointScope::CloudTrail,
        }
    }

    /// Returns the configuration with the credentials of a role, which is assumed when the first request
    /// needs it.
    pub async fn assuming(&self, role: &str) -> Self {
        let mut base = self.sdk.to_builder();
        base.set_endpoint_url(self.endpoint(Service::Sts));
        let provider = aws_config::sts::AssumeRoleProvider::builder(role)
            .session_name("trailproof")
            .configure(&base.build())
            .build()
            .await;
        let sdk = self.sdk.to_builder();
        let sdk = sdk.credentials_provider(SharedCredentialsProvider::new(provider)).build();
        Self {
            endpoint_url: self.endpoint_url.clone(),
            endpoint_scope: self.endpoint_scope,
            trusts_none: self.trusts_none,
            ..Self::from_sdk(sdk)
        }
    }

    /// Checks that there are credentials, before anything else begins.
    ///
    /// # Errors
    ///
    /// There are no credentials, or their source failed.
    pub async fn check_credentials(&self) -> Result<(), SetupError> {
        match &self.credentials {
            Some(credentials) => credentials.check().await,
            None => Ok(()),
        }
    }

    /// Returns how credentials that AWS no longer accepts are renewed, as a hint.
    pub fn renewal(&self) -> String {
        match &self.credentials {
            Some(credentials) => credentials.renewal(),
            None => "run without `--no-sign-request`".to_owned(),
        }
    }

    /// Returns the settings for S3 alone.
    pub fn s3(&self) -> &S3Settings {
        &self.s3
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
            return Some(as_folder(url.clone()));
        }
        endpoint(&self.sdk, service)
    }
}

/// Returns the endpoint that environment or profile configure for `service`: its own, else
/// `AWS_ENDPOINT_URL`.
fn endpoint(sdk: &SdkConfig, service: Service) -> Option<String> {
    let own = ServiceConfigKey::builder()
        .service_id(service.id())
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()
        .and_then(|key| sdk.service_config()?.load_config(key));
    own.or_else(|| sdk.endpoint_url().map(str::to_owned)).map(as_folder)
}

/// Returns an endpoint with a slash at the end of its path. The SDK would join `https://host/s3` and
/// the bucket's name to `https://host/s3bucket`.
fn as_folder(mut url: String) -> String {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    if path.is_some_and(|(_, path)| !path.is_empty() && !path.contains('?')) && !url.ends_with('/')
    {
        url.push('/');
    }
    url
}

/// Returns the region of the command line, the environment or the profile. Instance metadata is not
/// asked: the AWS CLI does not ask it either, and it costs seconds where there is none.
async fn region(options: &AwsOptions, profile: &SelectedProfile) -> Option<Region> {
    if let Some(region) = options.region.clone().filter(|region| !region.is_empty()) {
        return Some(Region::new(region));
    }
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await {
        return Some(region);
    }
    profile.text("region").map(|region| Region::new(region.to_owned()))
}

/// A region that was found earlier, or `None` if none is configured.
#[derive(Debug)]
struct KnownRegion(Option<Region>);

impl ProvideRegion for KnownRegion {
    fn region(&self) -> future::ProvideRegion<'_> {
        future::ProvideRegion::ready(self.0.clone())
    }
}

/// Returns the certificates to trust instead of the system's, configured as for the AWS CLI.
async fn ca_bundle(
    options: &AwsOptions,
    profile: &SelectedProfile,
) -> Result<Option<Roots>, SetupError> {
    let of_option = options.ca_bundle.clone().map(|path| ("--ca-bundle".to_owned(), path));
    let Some((setting, path)) = of_option.or_else(|| profile.ca_bundle()) else {
        return Ok(None);
    };
    let unusable = |why: String| {
        let path = path.to_string_lossy();
        SetupError::Configuration(format!(
            "`{setting}` names `{path}`, which cannot be used: {why}"
        ))
    };
    let pem = tokio::fs::read(&path).await.map_err(|error| unusable(error.to_string()))?;
    Roots::from_pem(&pem).map(Some).map_err(unusable)
}
