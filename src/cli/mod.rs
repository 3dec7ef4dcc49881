//! The command line: argv in, exit status out.
//!
//! [`args`] is what can be typed, [`command`] what each command does, [`output`] what a run writes,
//! [`terminal`] what is shown while it runs. A command turns its options into a request, opens a
//! session with it, and hands the events of the run to its outputs.
mod args;
mod command;
mod output;
mod program;
mod terminal;

pub use program::main;
