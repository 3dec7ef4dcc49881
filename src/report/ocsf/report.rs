//! Writes the events once the run is finished.
use super::content::{accepted, finding, not_proven, verdict};
use super::shape::{EventContent, event};
use crate::report::RunReporter;
use crate::report::collect::Collected;
use crate::report::controls::Controls;
use serde_json::Value;
use std::io::{self, Write};
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::Circumstances;
use trailproof_core::record::wire::write_json;

/// The reporter for `--ocsf`, which writes Compliance Findings.
#[derive(Debug)]
pub struct Ocsf<W> {
    out: W,
    collected: Collected,
}

impl<W: Write> Ocsf<W> {
    /// Returns a reporter that writes the events to `out` once the run is finished.
    pub fn new(out: W) -> Self {
        Self { out, collected: Collected::default() }
    }
}

impl<W: Write + Send> RunReporter for Ocsf<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.collected.take(event);
        Ok(())
    }

    fn circumstances(&mut self, circumstances: &Circumstances) -> io::Result<()> {
        self.collected.circumstances = Some(circumstances.clone());
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        // An interrupted run has no verdict, and the schema has no event for that.
        if let Some(summary) = &self.collected.summary {
            let (run, out) = (&self.collected, &mut self.out);
            let controls = &Controls::load().map_err(io::Error::other)?;
            write(out, run, controls, verdict(run, summary))?;
            let names = run.names();
            for content in &run.findings.entries {
                write(out, run, controls, finding(content, &names))?;
            }
            for class in not_proven(run).into_iter().chain(accepted(run)) {
                write(out, run, controls, class)?;
            }
        }
        self.out.flush()
    }
}

fn write(
    out: &mut impl Write,
    run: &Collected,
    controls: &Controls,
    content: EventContent,
) -> io::Result<()> {
    write_json(&mut *out, &Value::Object(event(run, &content, controls)))?;
    out.write_all(b"\n")
}
