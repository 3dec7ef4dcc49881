//! S3 as every command reads it: the one place where its layers are put together.
use super::environment::retry_policy;
use crate::aws::config::AwsConfig;
use crate::console::stream::print_to_stderr;
use crate::source::ObjectSource;
use crate::source::layer::count::{Counted, Counts};
use crate::source::layer::limit::{InFlight, Limited};
use crate::source::layer::retry::Retrying;
use crate::source::s3::{S3Source, StoreClock, Timeouts};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

/// S3, counted, limited to so many requests in flight or adaptively, and repeated; with its clock.
pub(crate) fn s3(
    config: &AwsConfig,
    counts: &Arc<Counts>,
    concurrency: Option<usize>,
) -> (Arc<dyn ObjectSource>, Arc<StoreClock>) {
    let s3 = S3Source::new(config, Timeouts::default());
    let clock = s3.clock();
    let counted = Counted::new(s3, Arc::clone(counts));
    let limited = Limited::new(counted, concurrency.map_or(InFlight::Adaptive, InFlight::Fixed));
    // Its keys are the system's random numbers: machines that are started together do not repeat
    // their requests together.
    let jitter = RandomState::new().hash_one(0_u64);
    (Arc::new(Retrying::new(limited, retry_policy(), jitter)), clock)
}

/// Says where nothing can be asked over TLS, which then fails for a reason that is hard to tell.
pub(crate) fn say_without_roots(config: &AwsConfig) {
    if config.trusts_none() {
        print_to_stderr(
            "warning: this machine has no root certificates, so that no server can be trusted over \
             TLS\n\nhint: install `ca-certificates`, or name a file of them with `AWS_CA_BUNDLE`",
        );
    }
}
