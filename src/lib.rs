//! trailproof: what a CloudTrail bucket proves.
//!
//! A library and a thin binary. The rules and the record format are `trailproof-core`'s. The rooms,
//! and who may use whom, are held by `tests/architecture.rs`; each room says in its own words what it
//! knows and refuses to know.
pub mod attest;
pub mod aws;
pub mod cli;
pub mod compat;
pub mod locate;
pub mod report;
pub mod source;
pub mod trust;
pub mod verify;
