//! Keys that a program prints: `credential_process`. The SDK starts it in a shell, and the AWS CLI does
//! not, so that the same setting could start something else.
use super::files::shell_words;
use super::role::failed;
use aws_credential_types::Credentials;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, Result as ProvideResult};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Deserialize;
use std::process::{Command, Stdio};
use std::time::SystemTime;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::excerpt;

/// A program that prints keys.
#[derive(Debug)]
pub(super) struct Process {
    command: String,
}

/// What it prints. It holds secrets, so it has no `Debug`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl Process {
    pub(super) fn new(command: &str) -> Self {
        Self { command: command.to_owned() }
    }

    async fn keys(&self) -> ProvideResult {
        let words = shell_words(&self.command).unwrap_or_default();
        let Some((program, arguments)) = words.split_first() else {
            return Err(failed("`credential_process` is not a command".to_owned()));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::inherit());
        #[expect(clippy::disallowed_methods, reason = "it runs once in an hour")]
        let ran = tokio::task::spawn_blocking(move || command.output()).await;
        let program = excerpt(program, SHOWN);
        let output = match ran {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => {
                return Err(failed(format!(
                    "cannot run the credential process `{program}`: {error}"
                )));
            }
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(failed(format!(
                "the credential process `{program}` failed ({}): {}",
                output.status,
                excerpt(said.trim(), SHOWN)
            )));
        }
        // Neither the output nor the parser's message, which may quote it, is shown.
        let Ok(printed) = serde_json::from_slice::<Printed>(&output.stdout) else {
            return Err(failed(format!(
                "the credential process `{program}` prints no keys in JSON"
            )));
        };
        if printed.version != 1 {
            return Err(failed(format!(
                "the credential process `{program}` prints version {}, and only 1 is known",
                printed.version
            )));
        }
        let expires = match &printed.expiration {
            None => None,
            Some(text) => {
                let time = DateTime::from_str(text, Format::DateTimeWithOffset);
                let time = time.ok().and_then(|time| SystemTime::try_from(time).ok());
                Some(time.ok_or_else(|| {
                    failed(format!(
                        "the credential process `{program}` prints a malformed expiration"
                    ))
                })?)
            }
        };
        let Printed { access_key_id, secret_access_key, session_token, .. } = printed;
        Ok(Credentials::new(access_key_id, secret_access_key, session_token, expires, "Process"))
    }
}

impl ProvideCredentials for Process {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(self.keys())
    }
}
