//! S3 as every command reads it. This is the only place where its layers are put together.
use super::environment::retry_policy;
use crate::aws::advice;
use crate::aws::config::{AwsConfig, AwsOptions};
use crate::aws::words::SetupError;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::source::layer::count::{Counted, Counts};
use crate::source::layer::limit::{InFlight, Limited};
use crate::source::layer::retry::Retrying;
use crate::source::s3::{S3Source, StoreClock, Timeouts};
use crate::source::version::VersionSource;
use std::sync::Arc;

/// Reads the AWS configuration, and checks that there are credentials.
///
/// # Errors
///
/// There are none, or a configured file or value cannot be used.
pub(crate) async fn configured(options: AwsOptions) -> Result<AwsConfig, Refusal> {
    let refused = |error: SetupError| Refusal::not_started(advice::setup(&error));
    let config = AwsConfig::load(options).await.map_err(refused)?;
    warn_without_roots(&config);
    config.check_credentials().await.map_err(refused)?;
    Ok(config)
}

/// Returns S3 with its layers (requests counted, limited to `concurrency` or adaptively, and
/// retried), and its clock.
pub(crate) fn s3(
    config: &AwsConfig,
    counts: &Arc<Counts>,
    concurrency: Option<usize>,
) -> (Arc<dyn VersionSource>, Arc<StoreClock>) {
    let s3 = S3Source::new(config, Timeouts::default());
    let clock = s3.clock();
    let counted = Counted::new(s3, Arc::clone(counts));
    let limited = Limited::new(counted, concurrency.map_or(InFlight::Adaptive, InFlight::Fixed));
    (Arc::new(Retrying::new(limited, retry_policy())), clock)
}

/// Returns S3 as shared files are written to it. Its requests are not retried.
pub(crate) fn s3_to_write(config: &AwsConfig) -> S3Source {
    S3Source::new(config, Timeouts::default())
}

/// Warns if no TLS connection can be made. The failures that follow do not show the reason.
pub(crate) fn warn_without_roots(config: &AwsConfig) {
    if config.trusts_none() {
        print_to_stderr(
            "warning: this machine has no root certificates, so no server can be trusted over \
             TLS\n\nhint: install `ca-certificates`, or set `AWS_CA_BUNDLE` to a file of \
             certificates",
        );
    }
}
