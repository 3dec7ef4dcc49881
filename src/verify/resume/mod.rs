//! What a run uses from the record of an earlier run: log files that need not be read again, and
//! the digests from which its chains must continue.
pub mod proven_logs;
pub mod seam;
