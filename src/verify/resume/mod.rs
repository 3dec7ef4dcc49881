//! What a run takes from the record of an earlier run: log files that need not be read again, and
//! the digests that its chains must join on to.
pub mod proven_logs;
pub mod seam;
