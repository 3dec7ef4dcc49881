//! Named scenarios of `validate-logs`: a world, how it is served, and the arguments of a caller.
//!
//! They do not define the expected output: that comes from the AWS CLI, run against the same
//! server, and where the CLI is wrong, from `testdata/aws-divergences.toml`. To serve the same
//! scenarios manually, run `cargo run --example serve-trail`.
mod backfill;
mod bad_input;
mod catalog;
mod chains;
mod demo;
mod digests;
mod hostile;
mod keys;
mod listing;
mod logs;
mod missing;
mod organization;
mod program;
mod reading;
mod stage;
mod times;

pub use program::{Program, Ran};
pub use stage::{Scenario, Stage};
