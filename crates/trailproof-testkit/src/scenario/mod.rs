//! Named scenarios of `validate-logs`: a world, how it is served, and what a caller asks.
//!
//! They say nothing of what must come out: the AWS CLI says that, run against the same server, and
//! where it is wrong `testdata/aws-divergences.toml` does. The same scenarios are served by hand
//! with `cargo run --features test-support --example serve-trail`.
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
