//! What a run waits for: requests that were begun and have not ended, and how the last ones ended.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use trailproof_core::codes::failure::ReadFailureKind;

/// What was asked and not answered yet, and how the store has answered until now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The oldest request that has not ended, and for how long it has been under way. The text is
    /// from the evidence, so to be escaped where shown.
    pub oldest: Option<(String, Duration)>,
    /// Requests under way.
    pub under_way: usize,
    /// Requests that came to an end, of which some said that there is no such object, or that it
    /// may not be read.
    pub answered: u64,
    /// Requests that the store refused as too many.
    pub refused: u64,
    /// Requests that broke, and that may be repeated.
    pub broken: u64,
}

/// The book of requests, shared by all of them.
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
    /// By the order in which they began.
    requests: BTreeMap<u64, (Instant, String)>,
}

impl Asked {
    /// Notes the beginning of a request for `what`, and gives the ticket to end it with.
    pub(crate) fn begin(&self, what: String) -> u64 {
        let mut open = self.open();
        let ticket = open.next;
        open.next = ticket.wrapping_add(1);
        open.requests.insert(ticket, (Instant::now(), what));
        ticket
    }

    /// Notes the end of a request, whatever it came to.
    pub(crate) fn end(&self, ticket: u64) {
        self.open().requests.remove(&ticket);
    }

    /// Notes what a request came to.
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
    fn the_oldest_is_told_and_every_end_is_of_its_kind() {
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
