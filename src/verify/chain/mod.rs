//! One chain: its digests are walked from the newest to the oldest, and the log files that each
//! proven digest names are judged.
pub(crate) mod job;
mod log;
pub(crate) mod message;
pub(crate) mod moments;
mod proof;
mod report;
pub(crate) mod run;
