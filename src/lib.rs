//! trailproof: what a CloudTrail bucket proves.
//!
//! A library and a thin binary. The rooms, and who may use whom, are held by
//! `tests/architecture.rs`; each room says in its own words what it knows and refuses to know.
pub mod aws;
pub mod cli;
pub mod core;
pub mod event;
pub mod evidence;
pub mod report;
pub mod source;
#[cfg(feature = "test-support")]
pub mod test_support;
pub mod trust;
pub mod verify;
