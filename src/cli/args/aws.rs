//! The options that select the AWS profile, region and endpoint, for every command.
use crate::session::open::AwsAccess;
use clap::Args;

/// Options of the AWS clients. Everything else (credentials, SSO, roles, service endpoints) comes
/// from the environment and the AWS configuration files, as for the AWS CLI.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "AWS options")]
pub(crate) struct AwsArgs {
    /// Profile of the AWS configuration files to use
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Region to use instead of the configured one
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Endpoint to use for every AWS service (S3, CloudTrail, STS, …); `validate-logs` uses it for
    /// CloudTrail alone, as the AWS CLI does
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

impl AwsArgs {
    /// Returns the profile and the endpoint to use for AWS.
    pub(crate) fn access(&self) -> AwsAccess {
        AwsAccess { profile: self.profile.clone(), endpoint_url: self.endpoint_url.clone() }
    }
}

/// Parses the limit of concurrent requests.
///
/// # Errors
///
/// The text is not a number from 1 to 4096.
pub(crate) fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=4_096) => Ok(number),
        _ => Err("must be a whole number from 1 to 4096".to_owned()),
    }
}
