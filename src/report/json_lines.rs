//! `--format jsonl`: the event stream itself, one JSON object a line.
//!
//! The first line carries the schema number and the last one the verdict: a stream without its last
//! line was cut.
use super::RunReporter;
use std::io::{self, Write};
use trailproof_core::record::RunEvent;
use trailproof_core::record::wire::write_event;

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
        write_event(event, &mut self.0)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
