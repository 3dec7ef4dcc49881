//! The rules of trailproof, and the format of its run record.
//!
//! Nothing here reads, waits, logs, spawns or asks the time: facts come in, judgements go out. The
//! same rules therefore run over S3, over a directory, in a property test and in a fuzzer.
pub mod bytes;
pub mod codes;
pub mod compat;
pub mod coverage;
pub mod digest;
pub mod log_file;
pub mod record;
pub mod trail_event;
pub mod verdict;
pub mod vocab;
pub mod walk;

pub use digest::verified::Verified;
