//! Lines of text for a terminal of a given width.
//!
//! Words are kept whole, and what stands between backticks is one word: keys and commands can be copied
//! from a terminal only if no line break is among them.
use std::io::{self, Write};
use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// A writer that folds lines which are wider than the terminal. The rest of a folded line is indented.
#[derive(Debug)]
pub(super) struct Folded<W> {
    out: W,
    /// Columns of the terminal. Without one, nothing is folded.
    columns: Option<usize>,
    line: Vec<u8>,
}

impl<W: Write> Folded<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, columns: None, line: Vec::new() }
    }

    /// Folds lines to this number of columns.
    pub(super) fn columns(self, columns: Option<usize>) -> Self {
        Self { columns, ..self }
    }

    fn end_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        match (self.columns, std::str::from_utf8(&line)) {
            (Some(columns), Ok(text)) if textwrap::core::display_width(text) > columns => {
                self.out.write_all(fold(text, columns).as_bytes())?;
            }
            _ => self.out.write_all(&line)?,
        }
        self.out.write_all(b"\n")
    }
}

impl<W: Write> Write for Folded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.columns.is_none() {
            return self.out.write(bytes);
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(part) => {
                    self.line.extend_from_slice(part);
                    self.end_line()?;
                }
                None => self.line.extend_from_slice(part),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        self.out.write_all(&line)?;
        self.out.flush()
    }
}

/// Returns a line as several ones, of which each but the first is indented further.
fn fold(line: &str, columns: usize) -> String {
    let text = line.trim_start_matches(' ');
    let indent = " ".repeat(line.len() - text.len());
    // The text of an item of a list stands below its beginning.
    let further = if text.starts_with("- ") { 2 } else { 4 };
    let rest = format!("{indent}{}", " ".repeat(further));
    let options = Options::new(columns)
        .initial_indent(&indent)
        .subsequent_indent(&rest)
        .break_words(false)
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::fill(text, options)
}

/// Splits a line at the spaces that are not between backticks.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut quoted = false;
    let mut after_space = false;
    let mut starts = vec![0];
    for (at, letter) in line.char_indices() {
        if after_space && letter != ' ' && !quoted {
            starts.push(at);
        }
        quoted ^= letter == '`';
        after_space = letter == ' ' && !quoted;
    }
    let ends = starts.iter().skip(1).copied().chain([line.len()]).collect::<Vec<_>>();
    let words = starts.into_iter().zip(ends);
    Box::new(words.filter_map(|(from, to)| line.get(from..to).map(Word::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(columns: usize, text: &str) -> String {
        let mut out = Folded::new(Vec::new()).columns(Some(columns));
        // Whatever the pieces in which it is written.
        for byte in text.bytes() {
            out.write_all(&[byte]).unwrap();
        }
        out.flush().unwrap();
        String::from_utf8(out.out).unwrap()
    }

    #[test]
    fn only_lines_that_are_too_wide_are_folded_at_spaces() {
        assert_eq!(folded(12, "short line\n\n  two three"), "short line\n\n  two three");
        assert_eq!(
            folded(20, "  - preserve the bucket now\n"),
            "  - preserve the\n    bucket now\n"
        );
        assert_eq!(
            folded(20, "  code (1): the meaning of it\n"),
            "  code (1): the\n      meaning of it\n"
        );
    }

    #[test]
    fn keys_and_commands_are_never_folded() {
        let key = "s3://bucket/AWSLogs/111122223333/a%20key-that-is-long.json.gz";
        assert_eq!(folded(20, &format!("      {key}\n")), format!("      {key}\n"));
        assert_eq!(
            folded(30, "  - for the first: `aws s3api list-object-versions --bucket b` or so\n"),
            "  - for the first:\n    `aws s3api list-object-versions --bucket b`\n    or so\n"
        );
    }

    #[test]
    fn colour_takes_no_columns() {
        let line = "\u{1b}[1;31mCONTRADICTED\u{1b}[0m  b\n";
        assert_eq!(folded(15, line), line);
    }

    #[test]
    fn without_a_terminal_nothing_is_folded() {
        let mut out = Folded::new(Vec::new());
        let line = "word ".repeat(100);
        out.write_all(line.as_bytes()).unwrap();
        out.flush().unwrap();
        assert_eq!(out.out, line.as_bytes());
    }
}
