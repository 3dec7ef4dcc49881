//! How often and how soon to retry where that may help.
use std::time::Duration;
use trailproof_core::codes::failure::ReadFailureKind;

/// How often and how soon to retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts for one page or one object, including the first and those in the middle of its
    /// body. The AWS CLI makes five.
    pub attempts: u32,
    /// Refusals tolerated for one page or one object: how often the store may throttle it, which
    /// shows nothing about the object. If half of all requests are refused, one in 500 is refused
    /// this often.
    pub refusals: u32,
    /// The longest first wait after a broken connection or an unusable response. The next attempt
    /// reaches a different host, so there is no reason to wait long.
    pub base: Duration,
    /// The longest first wait after the store has throttled a fourth time; the AWS CLI's value.
    /// Before that, the request only waits for its turn at the common rate
    /// ([`super::limit::Limited`]). A request that is refused again and again may concern a part of
    /// the store that is busier than the rest.
    pub throttled_base: Duration,
    /// The longest wait of all; the SDK's value.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            refusals: 9,
            base: Duration::from_millis(100),
            throttled_base: Duration::from_secs(1),
            cap: Duration::from_secs(20),
        }
    }
}

impl RetryPolicy {
    /// Returns a policy with this many attempts and no waits, for tests.
    pub fn at_once(attempts: u32) -> Self {
        let zero = Duration::ZERO;
        Self { attempts, refusals: attempts, base: zero, throttled_base: zero, cap: zero }
    }

    /// Returns the same waits with a different number of attempts, as `AWS_MAX_ATTEMPTS` sets it.
    #[must_use]
    pub fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, refusals: attempts, ..self }
    }

    /// Returns how long to wait after `made` attempts, of which the last failed with `kind`:
    /// anything between zero and a bound that doubles (full jitter), so that requests that failed
    /// together are not repeated together. `dice` is uniformly distributed over all its values.
    pub(crate) fn wait(&self, made: u32, kind: ReadFailureKind, dice: u64) -> Duration {
        let base = if kind == ReadFailureKind::Throttled { self.throttled_base } else { self.base };
        let doubled = 2_u32.saturating_pow(made.saturating_sub(1));
        let bound = base.saturating_mul(doubled).min(self.cap);
        let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(micros.checked_add(1).map_or(dice, |values| dice % values))
    }
}
