//! Text on the program's own streams.
use std::io::{self, Write as _};

/// Prints a line to stderr. If stderr is closed, nobody reads it and the line is dropped.
pub(crate) fn print_to_stderr(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints a text to stdout.
///
/// # Errors
///
/// The text could not be written to its end.
pub(crate) fn print_to_stdout(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}
