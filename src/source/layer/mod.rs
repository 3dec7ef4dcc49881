//! Layers that wrap a source. Each changes when or from where bytes are read, never the bytes
//! themselves.
mod adaptive;
pub mod count;
pub mod limit;
mod rate;
pub mod relocate;
pub mod retry;
pub mod retry_policy;
pub mod waiting;
