//! Where credentials come from: the SDK's chain, with a short timeout for instance metadata and
//! with the first result kept.
use super::words::{self, SetupError};
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::{ProvideRegion, future};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{Region, imds};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, Result as ProvideResult};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Total time for instance metadata. Where there is none, packets to its address are dropped, and a
/// run without credentials would have to wait. The AWS CLI makes one attempt of one second, the SDK
/// four.
const IMDS_TOTAL: Duration = Duration::from_secs(2);
/// Time for one connection to instance metadata, and for one response; the AWS CLI's value.
const IMDS_ATTEMPT: Duration = Duration::from_secs(1);

/// Returns the SDK's chain: environment, profile (static, SSO, assume-role, process, web identity),
/// web identity of the environment, container, instance metadata.
///
/// `region` is the region already found, so that the chain does not ask instance metadata for it.
pub async fn default_chain(
    provider: ProviderConfig,
    profile: Option<&str>,
    region: Option<Region>,
) -> Resolved {
    let metadata = imds::Client::builder()
        .configure(&provider)
        .max_attempts(1)
        .connect_timeout(IMDS_ATTEMPT)
        .read_timeout(IMDS_ATTEMPT)
        .operation_attempt_timeout(IMDS_TOTAL)
        .operation_timeout(IMDS_TOTAL)
        .build();
    match profile {
        None => {
            let chain = DefaultCredentialsChain::builder()
                .imds_client(metadata)
                .configure(provider)
                .region(KnownRegion(region));
            Resolved::new(chain.build().await)
        }
        Some(profile) => Resolved::new(named(profile, &provider, metadata)),
    }
}

/// Returns the chain for a profile that the command line names. It leaves out the environment, as
/// the AWS CLI does: keys in the environment may belong to a different account than the profile.
fn named(
    profile: &str,
    provider: &ProviderConfig,
    metadata: imds::Client,
) -> impl ProvideCredentials + 'static {
    CredentialsProviderChain::first_try(
        "Profile",
        ProfileFileCredentialsProvider::builder().configure(provider).profile_name(profile).build(),
    )
    .or_else("EcsContainer", EcsCredentialsProvider::builder().configure(provider).build())
    .or_else(
        "Ec2InstanceMetadata",
        ImdsCredentialsProvider::builder().configure(provider).imds_client(metadata).build(),
    )
}

/// A region that was found earlier, or `None` if none is configured.
#[derive(Debug)]
pub struct KnownRegion(pub Option<Region>);

impl ProvideRegion for KnownRegion {
    fn region(&self) -> future::ProvideRegion<'_> {
        future::ProvideRegion::ready(self.0.clone())
    }
}

/// A provider whose first result is obtained up front and passed to the first client.
///
/// Without this, a credential process that prompts for a code would prompt twice: once when the run
/// checks that it has credentials, and once for the first request.
#[derive(Clone, Debug)]
pub struct Resolved {
    provider: Arc<dyn ProvideCredentials>,
    first: Arc<Mutex<Option<Credentials>>>,
}

impl Resolved {
    /// Wraps any provider.
    pub fn new(provider: impl ProvideCredentials + 'static) -> Self {
        Self { provider: Arc::new(provider), first: Arc::default() }
    }

    /// Asks the provider now and keeps the result for the first client.
    ///
    /// # Errors
    ///
    /// The AWS CLI's message if no source had credentials, or the source's own message if it
    /// failed.
    pub async fn check(&self) -> Result<(), SetupError> {
        let found = self.provider.provide_credentials().await.map_err(|error| worded(&error))?;
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(())
    }
}

impl ProvideCredentials for Resolved {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        match first {
            Some(first) => Provided::ready(ProvideResult::Ok(first)),
            None => self.provider.provide_credentials(),
        }
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}

/// A provider that never has credentials.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::ready(Err(CredentialsError::not_loaded("no source of credentials")))
    }
}

/// Returns the message for missing credentials if `error` or one of its causes reports them.
pub fn missing_in(error: &(dyn Error + 'static)) -> Option<SetupError> {
    words::causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>()).map(worded)
}

fn worded(error: &CredentialsError) -> SetupError {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => SetupError::NoCredentials,
        other => SetupError::Credentials(words::chain(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Debug, Default)]
    struct Asked(AtomicU32);

    impl ProvideCredentials for Asked {
        fn provide_credentials<'a>(&'a self) -> Provided<'a>
        where
            Self: 'a,
        {
            self.0.fetch_add(1, Ordering::SeqCst);
            Provided::ready(Ok(Credentials::new("AKID", "SECRET", None, None, "test")))
        }
    }

    /// A prompt for a one-time code must appear only once.
    #[tokio::test]
    async fn what_the_check_found_serves_the_first_client() {
        let resolved = Resolved::new(Asked::default());
        resolved.check().await.unwrap();
        assert!(resolved.provide_credentials().await.is_ok());
        assert!(resolved.first.lock().unwrap().is_none());
        assert!(resolved.provide_credentials().await.is_ok());
    }

    #[test]
    fn missing_credentials_are_found_at_any_depth() {
        let error = std::io::Error::other(CredentialsError::not_loaded("nothing"));
        assert_eq!(missing_in(&error), Some(SetupError::NoCredentials));
        let error = std::io::Error::other(CredentialsError::provider_error("token expired"));
        let Some(SetupError::Credentials(words)) = missing_in(&error) else { panic!("{error}") };
        assert!(words.contains("token expired"), "{words}");
        assert_eq!(missing_in(&std::io::Error::other("else")), None);
    }
}
