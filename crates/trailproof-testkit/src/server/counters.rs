//! Counters of the requests to the server.
use super::operation::Operation;
use super::route::Call;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use strum::IntoEnumIterator;

/// Numbers of requests to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// All requests.
    pub total: u64,
    /// Requests by operation; operations without requests are absent.
    pub by_operation: BTreeMap<Operation, u64>,
    /// Requests whose response was changed, refused or delayed by a fault of the plan.
    pub faulted: u64,
    /// Requests that were refused because they came too fast.
    pub throttled: u64,
    /// Maximum number of requests in progress at once, from read to answered.
    pub max_in_flight: u64,
    /// Number of connections accepted.
    pub connections: u64,
}

impl RequestCounts {
    /// Returns the number of requests of one operation.
    pub fn of(&self, operation: Operation) -> u64 {
        self.by_operation.get(&operation).copied().unwrap_or(0)
    }
}

/// One request, as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The HTTP method.
    pub method: String,
    /// The operation.
    pub operation: Operation,
    /// The bucket; for operations that have none, the region of the request.
    pub bucket: String,
    /// The key; for listings the prefix; for operations on a trail its name as requested.
    pub key: String,
    /// The Range header.
    pub range: Option<String>,
    /// The number of this attempt at the request, counted from 1.
    pub attempt: u32,
    /// The response status, whether or not it arrived.
    pub status: u16,
}

impl LoggedRequest {
    pub(super) fn new(
        method: &str,
        call: &Call,
        range: Option<&str>,
        attempt: u32,
        status: u16,
    ) -> Self {
        Self {
            method: method.to_owned(),
            operation: call.operation,
            bucket: call.bucket.clone(),
            key: call.key.clone(),
            range: range.map(str::to_owned),
            attempt,
            status,
        }
    }
}

/// The counters behind `RequestCounts`.
#[derive(Debug)]
pub(super) struct Counters {
    by_operation: BTreeMap<Operation, AtomicU64>,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
    pub(super) faulted: AtomicU64,
    pub(super) throttled: AtomicU64,
    pub(super) connections: AtomicU64,
}

/// Counts a request as in flight until dropped, even if its connection breaks.
pub(super) struct InFlight<'c>(&'c Counters);

impl Counters {
    pub(super) fn new() -> Self {
        Self {
            by_operation: Operation::iter().map(|op| (op, AtomicU64::new(0))).collect(),
            in_flight: AtomicU64::new(0),
            max_in_flight: AtomicU64::new(0),
            faulted: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        }
    }

    pub(super) fn begin(&self) -> InFlight<'_> {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_in_flight.fetch_max(now, Ordering::Relaxed);
        InFlight(self)
    }

    pub(super) fn count(&self, operation: Operation) {
        if let Some(counter) = self.by_operation.get(&operation) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self) -> RequestCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let by_operation: BTreeMap<_, _> = self
            .by_operation
            .iter()
            .map(|(operation, counter)| (*operation, load(counter)))
            .filter(|(_, count)| *count > 0)
            .collect();
        RequestCounts {
            total: by_operation.values().sum(),
            by_operation,
            faulted: load(&self.faulted),
            throttled: load(&self.throttled),
            max_in_flight: load(&self.max_in_flight),
            connections: load(&self.connections),
        }
    }

    pub(super) fn reset(&self) {
        let others = [&self.max_in_flight, &self.faulted, &self.throttled, &self.connections];
        for counter in self.by_operation.values().chain(others) {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
