//! `--format jsonl`: the event stream itself, one JSON object a line.
//!
//! The first line carries the schema number and the last one the verdict: a stream without its last
//! line was cut.
use super::{RunReporter, wire};
use crate::event::RunEvent;
use std::io::{self, Write};

/// See the module's words.
#[derive(Debug)]
pub struct JsonLines<W>(W);

impl<W: Write> JsonLines<W> {
    /// Lines onto `out`.
    pub fn new(out: W) -> Self {
        Self(out)
    }
}

impl<W: Write + Send> RunReporter for JsonLines<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, &wire::event(event))?;
        self.0.write_all(b"\n")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
