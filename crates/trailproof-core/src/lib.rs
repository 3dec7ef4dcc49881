//! The rules of trailproof, and the format of its run record.
//!
//! Nothing here performs I/O, waits, logs, spawns or reads the clock: facts come in, judgements
//! come out. The same rules therefore run over S3, over a directory, in a property test and in a
//! fuzzer.
pub mod bytes;
pub mod codes;
pub mod compat;
pub mod control;
pub mod coverage;
pub mod digest;
pub mod log_file;
pub mod record;
pub mod trail_event;
pub mod verdict;
pub mod vocab;
pub mod walk;

pub use digest::verified::Verified;
