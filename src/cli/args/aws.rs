//! The options that select the AWS profile, region and endpoint, for every command.
use crate::aws::config::{AwsOptions, EndpointScope};
use clap::Args;
use std::path::PathBuf;

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
    /// File of certificates to trust instead of the system's, in PEM
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,
    /// Do not sign requests: no credentials are needed or used
    #[arg(long, global = true)]
    pub(crate) no_sign_request: bool,
    /// Pay for the requests to a bucket whose owner demands it
    #[arg(
        long,
        global = true,
        value_name = "requester",
        num_args = 0..=1,
        default_missing_value = "requester",
        value_parser = ["requester"]
    )]
    pub(crate) request_payer: Option<String>,
}

impl AwsArgs {
    /// Returns how to reach AWS. The endpoint applies to every service, and the region is left to
    /// the configuration: in most commands `--region` selects evidence.
    pub(crate) fn access(&self) -> AwsOptions {
        AwsOptions {
            profile: self.profile.clone(),
            region: None,
            endpoint_url: self.endpoint_url.clone(),
            endpoint_scope: EndpointScope::Every,
            ca_bundle: self.ca_bundle.clone(),
            unsigned: self.no_sign_request,
            pays: self.request_payer.is_some(),
        }
    }

    /// Returns these options, with those of `other` where one is not given. The region is not among
    /// them, because it may select evidence.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            profile: self.profile.clone().or_else(|| other.profile.clone()),
            region: self.region.clone(),
            endpoint_url: self.endpoint_url.clone().or_else(|| other.endpoint_url.clone()),
            ca_bundle: self.ca_bundle.clone().or_else(|| other.ca_bundle.clone()),
            no_sign_request: self.no_sign_request || other.no_sign_request,
            request_payer: self.request_payer.clone().or_else(|| other.request_payer.clone()),
        }
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
