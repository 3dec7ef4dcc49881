//! One chain: its digests are walked from the newest to the oldest, and the log files that each
//! proven digest names are judged.
pub(super) mod job;
mod log;
pub(super) mod message;
pub(super) mod moments;
mod proof;
mod report;
pub(super) mod run;
