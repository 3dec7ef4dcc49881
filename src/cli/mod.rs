//! The command line: argv in, exit status out.
//!
//! `args` holds the options, `command` the commands, `output` the outputs of a run, and
//! `terminal` what is shown while it runs. A command turns its options into a request, opens a
//! session with it, and passes the events of the run to its outputs.
mod args;
mod command;
mod output;
mod program;
mod terminal;

pub use program::main;
