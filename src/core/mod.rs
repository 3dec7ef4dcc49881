//! The rules. Nothing here reads, waits, logs, spawns or asks the time: facts come in, judgements
//! go out, and so the same rules run over S3, over a directory, in a property test and in a fuzzer.
pub mod budget;
pub mod failure;
pub mod ids;
pub mod location;
pub mod time;
