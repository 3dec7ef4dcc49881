//! Where credentials come from: the AWS CLI's chain, with a short timeout for instance metadata and
//! with the first result kept.
use super::error_chain::causes;
use super::process::Process;
use super::profile::{SelectedProfile, variable};
use super::role::{AssumedRole, Failed, failed};
use super::words::{self, SetupError};
use aws_config::SdkConfig;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, Result as ProvideResult};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use trailproof_core::vocab::location::{escape, shell_word};

/// Total time for instance metadata. Where there is none, packets to its address are dropped, and a
/// run without credentials would have to wait. The AWS CLI makes one attempt of one second, the SDK
/// four.
const IMDS_TOTAL: Duration = Duration::from_secs(2);
/// Time for one connection to instance metadata, and for one response; the AWS CLI's value.
const IMDS_ATTEMPT: Duration = Duration::from_secs(1);

/// The variable that names the file of a web identity token.
const WEB_IDENTITY: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

/// Returns the AWS CLI's chain: environment, role of the profile, web identity of the environment,
/// other settings of the profile (static, SSO, process, web identity), container, instance
/// metadata.
///
/// A profile that the command line names excludes the environment, as in the AWS CLI: keys in the
/// environment may belong to a different account than the profile. `sdk` is the configuration
/// without credentials, for requests to STS at `sts`.
pub fn chain_of(
    profile: &SelectedProfile,
    provider: &ProviderConfig,
    sdk: &SdkConfig,
    sts: Option<String>,
) -> Resolved {
    let metadata = imds::Client::builder()
        .configure(provider)
        .max_attempts(1)
        .connect_timeout(IMDS_ATTEMPT)
        .read_timeout(IMDS_ATTEMPT)
        .operation_attempt_timeout(IMDS_TOTAL)
        .operation_timeout(IMDS_TOTAL)
        .build();
    let sources = Sources { provider, sdk, sts, metadata };
    let of_profile = sources.of_profile(profile, &mut Vec::new());
    let environment = EnvironmentVariableCredentialsProvider::new();
    let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(provider).build();
    let chain = match profile.is_explicit {
        true => CredentialsProviderChain::first_try("Profile", of_profile),
        false => {
            let first = CredentialsProviderChain::first_try("Environment", environment);
            match profile.is_role() {
                true => first.or_else("Profile", of_profile).or_else("Web", web_identity),
                false => first.or_else("Web", web_identity).or_else("Profile", of_profile),
            }
        }
    };
    let chain = chain
        .or_else("EcsContainer", sources.container())
        .or_else("Ec2InstanceMetadata", sources.instance());
    Resolved { profile: Some(profile.clone()), ..Resolved::new(chain) }
}

/// What providers are made from.
struct Sources<'a> {
    provider: &'a ProviderConfig,
    sdk: &'a SdkConfig,
    /// The endpoint of STS, if one is configured.
    sts: Option<String>,
    metadata: imds::Client,
}

impl Sources<'_> {
    fn container(&self) -> EcsCredentialsProvider {
        EcsCredentialsProvider::builder().configure(self.provider).build()
    }

    fn instance(&self) -> Instance {
        let provider = ImdsCredentialsProvider::builder()
            .configure(self.provider)
            .imds_client(self.metadata.clone());
        Instance(provider.build())
    }

    /// Returns the provider of a profile: its role, its process, or what the SDK has. As in the AWS
    /// CLI, a web identity and SSO come before keys of the credentials file, those before a process,
    /// and that before keys of the config file.
    fn of_profile(
        &self,
        profile: &SelectedProfile,
        above: &mut Vec<String>,
    ) -> SharedCredentialsProvider {
        above.push(profile.name().to_owned());
        let role = profile.is_role().then(|| self.role(profile, above)).flatten();
        let signs_in = profile.is_sso() || profile.text("web_identity_token_file").is_some();
        let process = profile.text("credential_process");
        let process = process.filter(|_| !profile.is_role() && !signs_in && !profile.has_keys());
        match (role, process) {
            (Some(role), _) => SharedCredentialsProvider::new(role),
            (None, Some(process)) => SharedCredentialsProvider::new(Process::new(process)),
            (None, None) => {
                let sdk = ProfileFileCredentialsProvider::builder()
                    .configure(self.provider)
                    .profile_files(profile.sdk_files())
                    .profile_name(profile.sdk_name());
                SharedCredentialsProvider::new(sdk.build())
            }
        }
    }

    /// Returns the provider of a profile with a role; `None` if it has none, or if its sources form
    /// a circle, about which the SDK has a message.
    fn role(&self, profile: &SelectedProfile, above: &mut Vec<String>) -> Option<AssumedRole> {
        let own_keys = || {
            let setting = |name: &str| profile.text(name).map(str::to_owned);
            let (id, secret) = (setting("aws_access_key_id")?, setting("aws_secret_access_key")?);
            Some(Credentials::new(id, secret, setting("aws_session_token"), None, "Profile"))
        };
        let source = match (profile.text("source_profile"), profile.text("credential_source")) {
            (Some(name), _) if name == profile.name() => {
                SharedCredentialsProvider::new(own_keys()?)
            }
            (Some(name), _) if above.iter().any(|known| known == name) => return None,
            (Some(name), _) => self.of_profile(&profile.other(name)?, above),
            (None, Some("Environment")) => {
                SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
            }
            (None, Some("EcsContainer")) => SharedCredentialsProvider::new(self.container()),
            (None, Some("Ec2InstanceMetadata")) => SharedCredentialsProvider::new(self.instance()),
            _ => return None,
        };
        AssumedRole::new(profile, source, self.sdk, self.sts.clone())
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
    /// The profile that the credentials come from, if they come from one.
    profile: Option<SelectedProfile>,
}

impl Resolved {
    /// Wraps any provider.
    pub fn new(provider: impl ProvideCredentials + 'static) -> Self {
        Self { provider: Arc::new(provider), first: Arc::default(), profile: None }
    }

    /// Asks the provider now and keeps the result for the first client.
    ///
    /// # Errors
    ///
    /// The AWS CLI's message if no source had credentials, or the source's own message if it
    /// failed.
    pub async fn check(&self) -> Result<(), SetupError> {
        if self.profile.as_ref().is_some_and(|profile| !profile.is_explicit)
            && variable("AWS_ACCESS_KEY_ID").is_some()
            && variable("AWS_SECRET_ACCESS_KEY").is_none()
        {
            // The SDK would go on to the next source, and so act as somebody else.
            let words = "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY";
            return Err(SetupError::Credentials(words.to_owned()));
        }
        let failed = |error: CredentialsError| explained(&error, self.profile.as_ref());
        let found = self.provider.provide_credentials().await.map_err(failed)?;
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(())
    }
}

impl Resolved {
    /// Returns how the credentials are renewed, as a hint.
    pub fn renewal(&self) -> String {
        let Some(profile) = &self.profile else { return "renew the credentials".to_owned() };
        if !profile.is_explicit && !profile.is_role() && variable("AWS_ACCESS_KEY_ID").is_some() {
            let words = "renew the keys in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and \
                         `AWS_SESSION_TOKEN`";
            return words.to_owned();
        }
        match sign_in(profile) {
            Some(command) => format!("sign in again with `{command}`"),
            None if profile.is_defined() => {
                format!("renew the credentials of the profile `{}`", escape(profile.name()))
            }
            None => "renew the credentials".to_owned(),
        }
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
            None => {
                let asked = self.provider.provide_credentials();
                let explained =
                    |error: CredentialsError| match explained(&error, self.profile.as_ref()) {
                        // The hint stands in a line of its own, and a failure has one line.
                        SetupError::Credentials(why) => failed(why.replace("\n\nhint: ", "; ")),
                        _ => error,
                    };
                Provided::new(async move { asked.await.map_err(explained) })
            }
        }
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}

/// The credentials of the machine that the program runs on. Without them, or if its metadata are
/// refused or broken, there are none, as in the AWS CLI: nobody asked for this source.
#[derive(Debug)]
struct Instance(ImdsCredentialsProvider);

impl ProvideCredentials for Instance {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        let asked = self.0.provide_credentials();
        Provided::new(async move { asked.await.map_err(CredentialsError::not_loaded) })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.0.fallback_on_interrupt()
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
    causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>()).map(worded)
}

/// Returns the message for failed credentials, with the profile, file or variable that it is about
/// and what to do.
fn explained(error: &CredentialsError, profile: Option<&SelectedProfile>) -> SetupError {
    let (SetupError::Credentials(why), Some(profile)) = (worded(error), profile) else {
        return worded(error);
    };
    let of_environment = !profile.is_explicit && !profile.is_role();
    if let Some(path) = variable(WEB_IDENTITY).filter(|_| of_environment)
        && let Err(error) = std::fs::read(&path)
    {
        let path = escape(&path);
        let why = format!("`{WEB_IDENTITY}` names `{path}`, which cannot be read: {error}");
        return SetupError::Credentials(why);
    }
    if !profile.is_defined() {
        return SetupError::Credentials(why);
    }
    let words =
        format!("cannot get credentials for the profile `{}`: {why}", escape(profile.name()));
    SetupError::Credentials(match sign_in(profile) {
        Some(command) => format!("{words}\n\nhint: sign in with `{command}`"),
        None => words,
    })
}

/// Returns the command that signs in, if the profile or the one whose credentials it uses signs in with
/// AWS IAM Identity Center.
fn sign_in(profile: &SelectedProfile) -> Option<String> {
    let source = profile.text("source_profile").and_then(|name| profile.other(name));
    let sso =
        [Some(profile.clone()), source].into_iter().flatten().find(SelectedProfile::is_sso)?;
    Some(format!("aws sso login --profile {}", shell_word(sso.name())))
}

fn worded(error: &CredentialsError) -> SetupError {
    if let Some(failed) = causes(error).find_map(|cause| cause.downcast_ref::<Failed>()) {
        return SetupError::Credentials(failed.to_string());
    }
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
