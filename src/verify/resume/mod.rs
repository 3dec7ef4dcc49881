//! What a run uses from an earlier one: log files that need not be read again, and the digests from
//! which its chains must continue.
pub(crate) mod hashing;
pub mod proven_logs;
pub mod seam;
