//! Argv in, exit status out. The only room that reads the clock, the environment and the streams.
mod args;
mod cost;
mod dry_run;
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
mod waits;

pub use program::main;
