//! What the program reads from its environment: the clock, and settings that AWS tools share.
use crate::source::layer::retry_policy::RetryPolicy;
use trailproof_core::vocab::time::Timestamp;

/// Returns the time by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "the command line is where the clock is read")]
pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix(chrono::Utc::now().timestamp())
}

/// Returns `AWS_MAX_ATTEMPTS` as AWS tools read it: a value that is not a positive number counts as
/// unset.
pub(crate) fn max_attempts() -> Option<u32> {
    std::env::var("AWS_MAX_ATTEMPTS").ok()?.trim().parse().ok().filter(|attempts| *attempts > 0)
}

/// Returns how often and how soon a failed request is retried.
pub(crate) fn retry_policy() -> RetryPolicy {
    let policy = RetryPolicy::default();
    max_attempts().map_or(policy, |attempts| policy.with_attempts(attempts))
}
