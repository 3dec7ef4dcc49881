//! trailproof: what a CloudTrail bucket proves.
//!
//! A library and a thin binary. The rules and the record format are in `trailproof-core`. Which room
//! may use which is held by `tests/architecture.rs`, and the page "Architecture" of the book shows
//! the way of a digest's bytes through the rooms.
pub mod attest;
pub mod aws;
pub mod cli;
pub mod compat;
mod console;
mod files;
pub mod locate;
pub mod report;
mod session;
pub mod source;
pub mod trust;
pub mod verify;
