//! Argv in, exit status out. The only room that reads the clock, the environment and the streams.
mod args;
mod evidence;
mod interrupt;
mod key_files;
mod keys;
mod keys_args;
mod lookup;
mod lookup_args;
mod mirror;
mod mirror_args;
mod period_arg;
mod place;
mod program;
mod progress;
mod selection;
mod time_arg;
mod validate_logs;
mod verify;
mod verify_plan;

pub use program::main;
