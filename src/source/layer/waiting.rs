//! The requests that a run waits for: those that have started and not ended, and how the others
//! ended.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use trailproof_core::codes::failure::ReadFailureKind;

/// The unanswered requests, and how the store has responded so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The oldest request that has not ended, and how long it has been in progress. The text comes
    /// from the evidence, so it must be escaped for display.
    pub oldest: Option<(String, Duration)>,
    /// The number of requests in progress.
    pub under_way: usize,
    /// Requests that ended, including those answered with "no such object" or "access denied".
    pub answered: u64,
    /// Requests that the store throttled.
    pub refused: u64,
    /// Requests that broke and may be retried.
    pub broken: u64,
}

/// The register of all requests.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    open: Mutex<Open>,
    answered: AtomicU64,
    refused: AtomicU64,
    broken: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// In the order in which they started.
    requests: BTreeMap<u64, (Instant, String)>,
}

impl Asked {
    /// Records the start of a request for `what`, and returns the ticket to end it with.
    pub(crate) fn begin(&self, what: String) -> u64 {
        let mut open = self.open();
        let ticket = open.next;
        open.next = ticket.wrapping_add(1);
        open.requests.insert(ticket, (Instant::now(), what));
        ticket
    }

    /// Records the end of a request, whatever its result.
    pub(crate) fn end(&self, ticket: u64) {
        self.open().requests.remove(&ticket);
    }

    /// Records the result of a request.
    pub(crate) fn ended(&self, failure: Option<ReadFailureKind>) {
        let counter = match failure {
            Some(ReadFailureKind::Throttled) => &self.refused,
            Some(kind) if kind.is_transient() => &self.broken,
            _ => &self.answered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn waiting(&self) -> Waiting {
        let open = self.open();
        let oldest = open.requests.values().next();
        Waiting {
            oldest: oldest.map(|(begun, what)| (what.clone(), begun.elapsed())),
            under_way: open.requests.len(),
            answered: self.answered.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            broken: self.broken.load(Ordering::Relaxed),
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_request_is_known_and_results_are_counted_by_kind() {
        let asked = Asked::default();
        let first = asked.begin("first".to_owned());
        let second = asked.begin("second".to_owned());
        assert_eq!(asked.waiting().oldest.unwrap().0, "first");
        asked.end(first);
        assert_eq!(asked.waiting().oldest.unwrap().0, "second");
        assert_eq!(asked.waiting().under_way, 1);
        asked.end(second);
        for end in [
            None,
            Some(ReadFailureKind::Denied),
            Some(ReadFailureKind::Throttled),
            Some(ReadFailureKind::Timeout),
        ] {
            asked.ended(end);
        }
        let expected = Waiting { answered: 2, refused: 1, broken: 1, ..Waiting::default() };
        assert_eq!(asked.waiting(), expected);
    }
}
