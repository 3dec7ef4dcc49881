//! Judges how trails, their buckets and their keys are configured, by fixed checks over facts.
//!
//! Every fact is known, absent, or unread for a reason. A check passes or fails only on what was read:
//! what was refused or is unknown makes it [`Status::NotAvailable`], and what no rule can decide makes it
//! [`Status::Manual`].
//!
//! [`Status::NotAvailable`]: status::Status::NotAvailable
//! [`Status::Manual`]: status::Status::Manual
pub mod check;
mod condition;
pub mod fact;
pub mod facts;
pub mod judge;
pub mod lifecycle;
pub mod operation;
pub mod policy;
pub mod selectors;
pub mod status;
