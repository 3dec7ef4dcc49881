//! `trailproof completions` and `trailproof man`: what clap knows of the command line, for shells and
//! for readers.
use crate::cli::args::commands::{Cli, CompletionsArgs, ManArgs};
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use clap::{Command, CommandFactory as _};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::excerpt;

/// Prints the completions and returns the exit status.
pub(crate) fn completions(args: &CompletionsArgs) -> ExitStatus {
    let mut text = Vec::new();
    let mut program = Cli::command();
    let name = program.get_name().to_owned();
    clap_complete::generate(args.shell, &mut program, name, &mut text);
    print(&text)
}

/// Prints the page and returns the exit status.
pub(crate) fn page(args: &ManArgs) -> ExitStatus {
    // Built, so that the commands have their full names and the options that all have.
    let mut program = Cli::command();
    program.build();
    let Some(command) = find(&program, &args.command) else {
        let words = args.command.join(" ");
        let words = format!("there is no command `{}`", excerpt(&words, SHOWN));
        return Refusal::usage(words).print();
    };
    let mut text = Vec::new();
    let page = clap_mangen::Man::new(command.clone());
    match page.render(&mut text) {
        Ok(()) => print(&text),
        Err(error) => Refusal::stdout_lost(&error).print(),
    }
}

fn find<'c>(command: &'c Command, names: &[String]) -> Option<&'c Command> {
    names.iter().try_fold(command, |command, name| command.find_subcommand(name))
}

fn print(text: &[u8]) -> ExitStatus {
    print_result(text, ExitStatus::Success).unwrap_or_else(|refusal| refusal.print())
}
