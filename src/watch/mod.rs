//! A chain of run records, each of which continues the one before: what is kept in a state between two
//! steps, and which news of a step is an alert.
//!
//! `state` is a state wherever it lies; `folder` keeps one in a directory, and `bucket` in S3.
pub(crate) mod alert;
mod bucket;
pub(crate) mod chain;
mod folder;
pub(crate) mod latest;
pub(crate) mod scope;
pub(crate) mod state;
pub(crate) mod step;
