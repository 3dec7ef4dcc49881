//! Layers that wrap a source. Each changes when or from where bytes are read, or which version of
//! them, never the bytes themselves.
mod adaptive;
pub mod count;
pub mod limit;
pub mod overlay;
mod rate;
pub mod relocate;
pub mod retry;
pub mod retry_policy;
pub mod waiting;
