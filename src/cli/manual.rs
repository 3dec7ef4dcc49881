//! `trailproof completions` and `trailproof man`: what clap knows of the command line, for shells and
//! for readers.
use super::args::{Cli, CompletionsArgs, ManArgs};
use super::terminal::{print_to_stderr, print_to_stdout};
use clap::{Command, CommandFactory as _};
use std::io;
use trailproof_core::budget::SHOWN;
use trailproof_core::location::excerpt;

const USAGE: u8 = 2;
const OUTPUT_LOST: u8 = 6;

/// Prints the completions and returns the exit status.
pub(super) fn completions(args: &CompletionsArgs) -> u8 {
    let mut text = Vec::new();
    let mut program = Cli::command();
    let name = program.get_name().to_owned();
    clap_complete::generate(args.shell, &mut program, name, &mut text);
    print(&text)
}

/// Prints the page and returns the exit status.
pub(super) fn page(args: &ManArgs) -> u8 {
    // Built, so that the commands have their full names and the options that all have.
    let mut program = Cli::command();
    program.build();
    let Some(command) = find(&program, &args.command) else {
        let words = args.command.join(" ");
        print_to_stderr(&format!("error: there is no command `{}`", excerpt(&words, SHOWN)));
        return USAGE;
    };
    let mut text = Vec::new();
    let page = clap_mangen::Man::new(command.clone());
    match page.render(&mut text) {
        Ok(()) => print(&text),
        Err(error) => lost(&error),
    }
}

fn find<'c>(command: &'c Command, names: &[String]) -> Option<&'c Command> {
    names.iter().try_fold(command, |command, name| command.find_subcommand(name))
}

fn print(text: &[u8]) -> u8 {
    match print_to_stdout(text) {
        Ok(()) => 0,
        Err(error) => lost(&error),
    }
}

fn lost(error: &io::Error) -> u8 {
    print_to_stderr(&format!("error: cannot write the output: {error}"));
    OUTPUT_LOST
}
