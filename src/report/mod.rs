//! Consumers of the event stream, one format each. A reporter shows; it never judges.
mod collect;
mod ends;
pub mod export;
pub mod html;
pub mod json;
pub mod json_lines;
pub mod junit;
mod names;
mod next_steps;
pub mod ocsf;
mod places;
pub mod record;
pub mod text;
pub(crate) mod text_lines;
pub(crate) mod words;

use std::io;
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::Circumstances;

/// Shows the events of a `verify` run in one format.
pub trait RunReporter: Send {
    /// Takes one event, in order.
    ///
    /// # Errors
    ///
    /// That what it writes to failed. It is then not called again.
    fn event(&mut self, event: &RunEvent) -> io::Result<()>;

    /// Takes what surrounds the run, right after the first event, where it is told at all: a
    /// reproducible run has none of it.
    ///
    /// # Errors
    ///
    /// That what it writes to failed. It is then not called again.
    fn circumstances(&mut self, _: &Circumstances) -> io::Result<()> {
        Ok(())
    }

    /// Writes what is left. Called once.
    ///
    /// # Errors
    ///
    /// That what it writes to failed.
    fn finish(&mut self) -> io::Result<()>;
}
