//! Argv in, exit status out. The only room that reads the clock, the environment and the streams.
mod args;
mod earlier;
mod evidence;
mod interrupt;
mod key_files;
mod keys;
mod keys_args;
mod keys_fetch;
mod lookup;
mod lookup_args;
mod manual;
mod output_args;
mod outputs;
mod period_arg;
mod place;
mod program;
mod progress;
mod record_file;
mod replay;
mod surroundings;
mod time_arg;
mod validate_logs;
mod verify;
mod verify_plan;
mod whole_file;

pub use program::main;
