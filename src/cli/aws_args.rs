//! The options of every command that reads from AWS.
use super::terminal::print_to_stderr;
use crate::aws::config::AwsConfig;
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

/// Says where nothing can be asked over TLS, which then fails for a reason that is hard to tell.
pub(super) fn say_without_roots(config: &AwsConfig) {
    if config.trusts_none() {
        print_to_stderr(
            "warning: this machine has no root certificates, so that no server can be trusted over \
             TLS\n\nhint: install `ca-certificates`, or name a file of them with `AWS_CA_BUNDLE`",
        );
    }
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
