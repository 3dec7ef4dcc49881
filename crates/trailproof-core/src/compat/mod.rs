//! The rules of `aws cloudtrail validate-logs`, separate from those of `verify`.
pub mod event;
pub mod facts;
pub mod judge;
pub mod walk;
