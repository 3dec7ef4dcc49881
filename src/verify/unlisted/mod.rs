//! The search for objects in the folders of log files that no verified digest names.
pub(crate) mod folders;
pub(crate) mod found;
mod look;
pub(crate) mod named_logs;
pub(crate) mod search;
pub(crate) mod unvalidated;
