//! `--ocsf FILE`: a run as Compliance Findings of the Open Cybersecurity Schema Framework, one JSON
//! object per line, for Security Hub and data lakes.
//!
//! The first event is the run's verdict. One event follows for each finding, and one for each
//! reason why something is not proven. Their time is the start of the run or, if that is not
//! recorded, the end of the period.
mod content;
mod report;
mod shape;

pub use self::report::Ocsf;
pub(crate) use self::shape::{VERSION, finding_head};
