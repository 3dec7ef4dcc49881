//! How often and how soon to ask again where asking again may help.
use std::time::Duration;
use trailproof_core::codes::failure::ReadFailureKind;

/// How often and how soon to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts for one page or one object, the first and those in the middle of its body
    /// included. The AWS CLI makes five.
    pub attempts: u32,
    /// Refusals that are borne for one page or one object: how often the store may say that it is
    /// asked too much, which tells nothing of the object. Where half of all requests are refused,
    /// one in 500 is refused so often.
    pub refusals: u32,
    /// The longest first wait after a broken connection or an answer that came to nothing. The
    /// next attempt meets another host, so there is no reason to wait long.
    pub base: Duration,
    /// The longest first wait after the store said a fourth time that it is asked too much; the
    /// AWS CLI's. Before that, the request waits for its turn at the pace of all
    /// ([`super::limit::Limited`]) and no longer; one that is refused again and again may lie in a
    /// part of the store that is busier than the rest.
    pub throttled_base: Duration,
    /// The longest wait of all; the SDK's.
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
    /// `attempts` without any wait, for tests.
    pub fn at_once(attempts: u32) -> Self {
        let zero = Duration::ZERO;
        Self { attempts, refusals: attempts, base: zero, throttled_base: zero, cap: zero }
    }

    /// The same waits with other attempts, as `AWS_MAX_ATTEMPTS` says.
    #[must_use]
    pub fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, refusals: attempts, ..self }
    }

    /// How long to wait after `made` attempts, of which the last failed with `kind`: anything
    /// between nothing and a bound that doubles (full jitter), so that requests which failed
    /// together do not come back together. `dice` is uniform over all its values.
    pub(crate) fn wait(&self, made: u32, kind: ReadFailureKind, dice: u64) -> Duration {
        let base = if kind == ReadFailureKind::Throttled { self.throttled_base } else { self.base };
        let doubled = 2_u32.saturating_pow(made.saturating_sub(1));
        let bound = base.saturating_mul(doubled).min(self.cap);
        let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(micros.checked_add(1).map_or(dice, |values| dice % values))
    }
}
