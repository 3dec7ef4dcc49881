//! The options of every command that reads from AWS.
use clap::Args;

/// How AWS is reached; everything else (credentials, SSO, roles, service endpoints) is configured
/// as for any AWS tool.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "AWS options")]
pub(super) struct AwsArgs {
    /// Profile of the AWS configuration files to use
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Region to use, instead of the configured one
    #[arg(long, global = true, value_name = "REGION")]
    pub(super) region: Option<String>,
    /// Endpoint of CloudTrail to use, instead of AWS's
    #[arg(long, global = true, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
}

/// Parses the number of requests in flight.
///
/// # Errors
///
/// The text is not a number from 1 to 4096.
pub(super) fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=4_096) => Ok(number),
        _ => Err("must be a whole number from 1 to 4096".to_owned()),
    }
}
