//! trailproof verifies what a CloudTrail bucket proves.
//!
//! The package is a library and a thin binary. The rules and the record format are in
//! `trailproof-core`. `tests/architecture.rs` enforces which module may use which, and the page
//! "Architecture" of the book follows the bytes of a digest through the modules.
pub mod attest;
pub mod aws;
pub mod cli;
pub mod compat;
mod console;
mod files;
#[doc(hidden)]
pub mod fuzzed;
mod investigate;
pub mod locate;
mod lookup;
mod package;
pub mod report;
mod session;
pub mod shard;
pub mod source;
mod trail_config;
pub mod trust;
pub mod verify;
mod watch;
