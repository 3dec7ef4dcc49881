//! The options for what the program prints on the terminal, for every command.
use super::aws::AwsArgs;
use clap::Args;
use std::io::IsTerminal;

/// When to report progress on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProgressMode {
    /// A line if stderr is a terminal, otherwise only wait messages
    Auto,
    /// A line, repeated every ten seconds if stderr is not a terminal
    Always,
    /// Only wait messages
    Never,
    /// One JSON object per second, on a line of its own
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal that has colours
    Auto,
    /// Always
    #[value(alias = "on")]
    Always,
    /// Never
    #[value(alias = "off")]
    Never,
}

impl Colour {
    /// Returns whether to use colour on a stream.
    pub(crate) fn is_used(self, stream: &impl IsTerminal) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if anstyle_query::no_color() => false,
            Self::Auto if anstyle_query::clicolor_force() => true,
            Self::Auto => stream.is_terminal() && anstyle_query::term_supports_ansi_color(),
        }
    }
}

/// Options for the terminal.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Terminal options")]
pub(crate) struct ConsoleArgs {
    /// Print only the result, warnings and errors: no progress, notes or summaries on stderr
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// How to report progress on stderr: `auto`, `always`, `never` or `json`
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t = ProgressMode::Auto,
        hide_possible_values = true
    )]
    pub(crate) progress: ProgressMode,
    /// When to use colour: `always`, `never`, or `auto`: as the terminal, `NO_COLOR` and
    /// `CLICOLOR_FORCE` say
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t = Colour::Auto,
        hide_possible_values = true
    )]
    pub(crate) color: Colour,
}

/// The options of every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct GlobalArgs {
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
    #[command(flatten)]
    pub(crate) console: ConsoleArgs,
}

impl GlobalArgs {
    /// Returns these options, with those of `other` where one is not given.
    pub(crate) fn or(&self, other: &Self) -> Self {
        let console = ConsoleArgs {
            quiet: self.console.quiet || other.console.quiet,
            ..other.console.clone()
        };
        Self { aws: self.aws.or(&other.aws), console }
    }
}
