//! The search for objects in the folders of log files that no verified digest names.
pub(super) mod folders;
pub(super) mod found;
mod look;
pub(super) mod named_logs;
pub(super) mod search;
pub(super) mod unvalidated;
