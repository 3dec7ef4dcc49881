//! A token bucket.
use super::options::Throttling;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct TokenBucket {
    limit: Throttling,
    state: Mutex<(f64, Option<Instant>)>,
}

impl TokenBucket {
    pub(super) fn new(limit: Throttling) -> Self {
        Self { limit, state: Mutex::new((limit.burst, None)) }
    }

    /// Takes a token and returns whether there was one.
    pub(super) fn take(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, last) = *state;
        let passed = last.map_or(0.0, |last| now.duration_since(last).as_secs_f64());
        let tokens = (tokens + passed * self.limit.requests_per_second).min(self.limit.burst);
        let granted = tokens >= 1.0;
        *state = (if granted { tokens - 1.0 } else { tokens }, Some(now));
        granted
    }
}
