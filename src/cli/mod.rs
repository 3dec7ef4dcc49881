//! Argv in, exit status out. The only room that reads the clock, the environment and the streams.
mod args;
mod attest;
mod attest_args;
mod attest_files;
mod attest_key;
mod attest_proof;
mod attest_recheck;
mod attest_sign;
mod attest_timestamp;
mod attest_verify;
mod evidence;
mod interrupt;
mod key_files;
mod keys;
mod keys_args;
mod lookup;
mod lookup_args;
mod period_arg;
mod place;
mod program;
mod progress;
mod time_arg;
mod validate_logs;
mod verify;
mod verify_plan;

pub use program::main;
