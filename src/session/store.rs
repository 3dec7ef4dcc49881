//! S3 as every command reads it. This is the only place where its layers are put together.
use super::environment::retry_policy;
use crate::aws::config::AwsConfig;
use crate::console::stream::print_to_stderr;
use crate::source::layer::count::{Counted, Counts};
use crate::source::layer::limit::{InFlight, Limited};
use crate::source::layer::retry::Retrying;
use crate::source::s3::{S3Source, StoreClock, Timeouts};
use crate::source::version::VersionSource;
use std::sync::Arc;

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
