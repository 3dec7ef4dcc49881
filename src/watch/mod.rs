//! A chain of run records, each of which continues the one before: what is kept in a state between two
//! steps, and which news of a step is an alert.
pub(crate) mod alert;
pub(crate) mod latest;
pub(crate) mod scope;
pub(crate) mod state;
pub(crate) mod step;
