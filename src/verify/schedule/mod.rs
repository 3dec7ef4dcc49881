//! Concurrent requests with ordered results, within a memory budget.
pub(super) mod batch;
pub(super) mod budget;
pub(crate) mod ordered;
pub(crate) mod read_ahead;
