//! Layers that wrap a source: each changes when or from where bytes are read, never what they are.
mod adaptive;
pub mod count;
pub mod limit;
mod rate;
pub mod relocate;
pub mod retry;
pub mod retry_policy;
pub mod waiting;
