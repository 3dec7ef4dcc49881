//! Argv in, exit status out. The only room that reads the clock, the environment and the streams.
mod args;
mod interrupt;
mod program;
mod time_arg;
mod validate_logs;

pub use program::main;
