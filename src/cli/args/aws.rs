//! The options of every command that reads from AWS.
use crate::session::open::AwsAccess;
use clap::Args;

/// How AWS is reached; everything else (credentials, SSO, roles, service endpoints) is configured
/// as for any AWS tool.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "AWS options")]
pub(crate) struct AwsArgs {
    /// Profile of the AWS configuration files to use
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Region to use, instead of the configured one
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Endpoint of CloudTrail to use, instead of AWS's
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

impl AwsArgs {
    /// Returns how the options reach AWS.
    pub(crate) fn access(&self) -> AwsAccess {
        AwsAccess { profile: self.profile.clone(), endpoint_url: self.endpoint_url.clone() }
    }
}

/// Parses the number of requests in flight.
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
