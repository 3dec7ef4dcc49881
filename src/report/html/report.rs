//! Writes the page once the run is finished.
use super::findings::FindingCounts;
use super::page::Page;
use crate::report::RunReporter;
use crate::report::collect::Collected;
use crate::report::controls::Controls;
use askama::Template as _;
use std::fmt;
use std::io::{self, Write};
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::Circumstances;

/// The HTML reporter. The bytes of the page depend on the events alone.
#[derive(Debug)]
pub struct Html<W> {
    out: W,
    collected: Collected,
    /// The findings of each code: `collected` keeps only the first findings.
    counts: FindingCounts,
}

impl<W: Write> Html<W> {
    /// Returns a reporter that writes the page to `out` once the run is finished.
    pub fn new(out: W) -> Self {
        Self { out, collected: Collected::default(), counts: FindingCounts::default() }
    }
}

impl<W: Write + Send> RunReporter for Html<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        let before = self.collected.findings.total;
        self.collected.take(event);
        if self.collected.findings.total > before {
            self.counts.take(event);
        }
        Ok(())
    }

    fn circumstances(&mut self, circumstances: &Circumstances) -> io::Result<()> {
        self.collected.circumstances = Some(circumstances.clone());
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let served = Controls::load().map_err(io::Error::other)?.of_integrity();
        let mut out = Plain { out: &mut self.out, failed: None };
        let rendered = Page::of(&self.collected, &self.counts, &served).render_into(&mut out);
        if let Some(error) = out.failed {
            return Err(error);
        }
        rendered.map_err(io::Error::other)?;
        self.out.flush()
    }
}

/// Lets a template write to any [`Write`], and keeps the error if one occurs.
struct Plain<'a, W> {
    out: &'a mut W,
    failed: Option<io::Error>,
}

impl<W: Write> fmt::Write for Plain<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.failed = Some(error);
            fmt::Error
        })
    }
}
