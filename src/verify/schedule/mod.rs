//! Many requests at once, results in order, memory within a budget.
pub(super) mod batch;
pub(super) mod budget;
pub(crate) mod ordered;
pub(crate) mod read_ahead;
