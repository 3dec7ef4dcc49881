//! Reporters: consumers of the event stream, one for each format. A reporter never judges.
pub mod advice;
pub(crate) mod case;
mod collect;
pub(crate) mod controls;
mod ends;
pub(crate) mod events;
pub(crate) mod exceptions;
pub mod export;
pub mod export_exceptions;
mod fold;
pub mod html;
pub mod json;
pub mod json_lines;
pub mod junit;
pub(crate) mod lookup;
pub mod metrics;
pub(crate) mod mirror;
pub(crate) mod names;
mod next_steps;
pub(crate) mod numbers;
pub mod ocsf;
pub(crate) mod package;
mod places;
pub mod record;
pub(crate) mod recover;
mod storage;
pub mod text;
mod text_chains;
pub(crate) mod text_lines;
pub(crate) mod trail_config;
pub(crate) mod words;
mod writing_thread;

use std::io;
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::{Circumstances, RunEnded};

/// Writes the events of a `verify` run in one format.
pub trait RunReporter: Send {
    /// Takes one event, in order.
    ///
    /// # Errors
    ///
    /// The output cannot be written. The reporter is then not called again.
    fn event(&mut self, event: &RunEvent) -> io::Result<()>;

    /// Takes the circumstances of the run, right after the first event. A reproducible run has
    /// none.
    ///
    /// # Errors
    ///
    /// The output cannot be written. The reporter is then not called again.
    fn circumstances(&mut self, _: &Circumstances) -> io::Result<()> {
        Ok(())
    }

    /// Takes the measurements of the run, right before [`Self::finish`]. A reproducible run and one that
    /// was interrupted have none.
    ///
    /// # Errors
    ///
    /// The output cannot be written. The reporter is then not called again.
    fn ended(&mut self, _: &RunEnded) -> io::Result<()> {
        Ok(())
    }

    /// Writes what remains. Called once.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    fn finish(&mut self) -> io::Result<()>;
}
