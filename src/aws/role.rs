//! Roles that are assumed with other credentials. The AWS CLI asks for the one-time codes that some
//! require, and the SDK does not.
use super::profile::SelectedProfile;
use super::words;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{
    ProvideCredentials, Result as ProvideResult, SharedCredentialsProvider,
};
use aws_sdk_sts::Client;
use aws_sdk_sts::config::Builder;
use aws_sdk_sts::error::ProvideErrorMetadata as _;
use std::fmt;
use std::time::SystemTime;
use trailproof_core::vocab::location::escape;

/// A role of a profile. It is assumed with a one-time code if the profile names a device.
#[derive(Debug)]
pub(super) struct AssumedRole {
    role: String,
    device: Option<String>,
    external_id: Option<String>,
    session_name: Option<String>,
    /// In seconds.
    duration: Option<i32>,
    sts: Client,
}

impl AssumedRole {
    /// Returns the role of the profile, assumed with the credentials of `source`; `None` if it has
    /// none.
    pub(super) fn new(
        profile: &SelectedProfile,
        source: SharedCredentialsProvider,
        sdk: &SdkConfig,
        endpoint: Option<String>,
    ) -> Option<Self> {
        let setting = |name: &str| profile.text(name).map(str::to_owned);
        let mut builder = Builder::from(sdk).credentials_provider(source);
        builder.set_endpoint_url(endpoint);
        Some(Self {
            role: setting("role_arn")?,
            device: setting("mfa_serial"),
            external_id: setting("external_id"),
            session_name: setting("role_session_name"),
            duration: setting("duration_seconds").and_then(|seconds| seconds.parse().ok()),
            sts: Client::from_conf(builder.build()),
        })
    }

    async fn assume(&self) -> ProvideResult {
        let code = match &self.device {
            Some(device) => Some(ask(device).await.map_err(failed)?),
            None => None,
        };
        // The name stands in events of the session.
        let usual = || format!("trailproof-{}", std::process::id());
        let session = self.session_name.clone().unwrap_or_else(usual);
        let answer = self
            .sts
            .assume_role()
            .role_arn(&self.role)
            .role_session_name(session)
            .set_serial_number(self.device.clone())
            .set_token_code(code)
            .set_external_id(self.external_id.clone())
            .set_duration_seconds(self.duration)
            .send()
            .await
            .map_err(|error| {
                let why = match (error.code(), error.message()) {
                    (Some(code), Some(message)) => format!("{code}: {}", escape(message)),
                    _ => words::chain(&error),
                };
                failed(format!("STS refused the role `{}`: {why}", escape(&self.role)))
            })?;
        let keys = answer.credentials.ok_or_else(|| failed("STS returned no keys".to_owned()))?;
        let expires = SystemTime::try_from(keys.expiration).ok();
        Ok(Credentials::new(
            keys.access_key_id,
            keys.secret_access_key,
            Some(keys.session_token),
            expires,
            "AssumedRole",
        ))
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(self.assume())
    }
}

/// Returns the error of a source of credentials, in our own words.
pub(super) fn failed(why: String) -> CredentialsError {
    CredentialsError::provider_error(Failed(why))
}

/// Asks for a code on the terminal, with the AWS CLI's prompt.
async fn ask(device: &str) -> Result<String, String> {
    let prompt = format!("Enter MFA code for {}: ", escape(device));
    #[expect(clippy::disallowed_methods, reason = "a person answers once a run")]
    let asked = tokio::task::spawn_blocking(move || rpassword::prompt_password(prompt)).await;
    match asked {
        Ok(Ok(code)) => Ok(code.trim().to_owned()),
        _ => Err(format!(
            "its role requires a one-time code of the device `{}`, and there is no terminal to ask \
             for it\n\nhint: run trailproof in a terminal, or with the session's keys in the \
             environment (`aws sts assume-role --serial-number … --token-code …`)",
            escape(device)
        )),
    }
}

/// Why there are no credentials, in our own words.
#[derive(Debug)]
pub(super) struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}
