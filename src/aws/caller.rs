//! The AWS caller: the ARN that the credentials belong to.
//!
//! A run reports the caller if it is known, but must not depend on it. If the lookup fails or takes
//! longer than a moment, the caller stays unknown and nothing is printed.
use super::config::{AwsConfig, Service};
use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{Builder, Region};
use std::time::Duration;
use trailproof_core::vocab::budget::CALLER;

/// How long the whole lookup may take. STS answers in a tenth of a second. In a network without a
/// route to it, packets are dropped, and the run would have to wait.
const LIMIT: Duration = Duration::from_secs(3);

/// The region to use if none is configured, as for S3.
const FIRST_ASKED: &str = "us-east-1";

/// Returns the caller's ARN, with one request to STS; `None` if STS does not answer in time or the
/// credentials are not AWS's.
pub async fn caller(config: &AwsConfig) -> Option<String> {
    let (sts, s3) = (config.endpoint(Service::Sts), config.endpoint(Service::S3));
    // AWS does not know the credentials of a private store, and must not see them.
    if sts.is_none() && s3.is_some_and(|endpoint| !is_of_aws(&endpoint)) {
        return None;
    }
    let region = config.region().cloned().unwrap_or(Region::from_static(FIRST_ASKED));
    let mut builder =
        Builder::from(config.sdk()).region(region).retry_config(RetryConfig::disabled());
    builder.set_endpoint_url(sts);
    let request = Client::from_conf(builder.build()).get_caller_identity().send();
    let answer = tokio::time::timeout(LIMIT, request).await.ok()?.ok()?;
    answer.arn.filter(|arn| is_plausible(arn))
}

/// Returns whether an endpoint belongs to AWS, for example a VPC endpoint of S3.
pub fn is_of_aws(endpoint: &str) -> bool {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"].iter().any(|aws| host.ends_with(aws))
}

/// Returns whether the text has the form of an ARN and contains no control characters or
/// whitespace.
fn is_plausible(arn: &str) -> bool {
    arn.len() <= CALLER
        && arn.starts_with("arn:")
        && arn.matches(':').count() >= 5
        && !arn.chars().any(|character| character.is_control() || character.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_in_the_form_of_an_arn_is_accepted() {
        let long = |length: usize| format!("arn:aws:iam::111122223333:user/{}", "x".repeat(length));
        for arn in [
            "arn:aws:iam::111122223333:user/auditor",
            "arn:aws-cn:sts::111122223333:assumed-role/Audit/me@example.com",
            "arn:aws:iam::111122223333:root",
            &long(CALLER - 31),
        ] {
            assert!(is_plausible(arn), "{arn}");
        }
        for wrong in [
            "",
            "auditor",
            "arn:",
            "arn:aws:iam",
            " arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:user/a b",
            "arn:aws:iam::111122223333:user/a\n{}",
            "arn:aws:iam::111122223333:user/\u{1b}[31m",
            "arn:aws:iam::111122223333:user/\u{85}",
            &long(CALLER - 30),
        ] {
            assert!(!is_plausible(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_private_store_is_distinguished_from_aws() {
        for endpoint in [
            "https://s3.eu-west-1.amazonaws.com",
            "https://bucket.vpce-1-2.s3.us-east-1.vpce.amazonaws.com/",
            "https://s3.cn-north-1.amazonaws.com.cn:443/x",
            "https://s3.dualstack.eu-west-1.API.AWS",
        ] {
            assert!(is_of_aws(endpoint), "{endpoint}");
        }
        for endpoint in [
            "http://127.0.0.1:9000",
            "https://minio.example/.amazonaws.com",
            "https://s3.amazonaws.com@minio.example",
            "https://minio.example?s3.amazonaws.com",
            "https://amazonaws.com.example",
            "",
        ] {
            assert!(!is_of_aws(endpoint), "{endpoint}");
        }
    }
}
