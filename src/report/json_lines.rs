//! `--format jsonl`: the event stream itself, one JSON object per line.
//!
//! The first line has the schema number and the last one the verdict. A stream without that last
//! line is incomplete.
use super::RunReporter;
use std::io::{self, Write};
use trailproof_core::record::RunEvent;
use trailproof_core::record::wire::write_event;

/// The reporter for `--format jsonl`.
#[derive(Debug)]
pub struct JsonLines<W>(W);

impl<W: Write> JsonLines<W> {
    /// Returns a reporter that writes each event to `out` as it arrives.
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
