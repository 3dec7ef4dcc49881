//! The checks of an attestation, and their outcomes.
use super::files::shown;
use std::io::{self, Write};
use std::path::Path;

/// The outcome of one check, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CheckOutcome {
    /// The check passed.
    Passed,
    /// The check was not made because it was not requested.
    NotAsked,
    /// The check was made but is not conclusive.
    Open,
    /// The check failed.
    Failed,
}

/// All checks in the order of the report.
#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<(CheckOutcome, String)>);

impl Checks {
    pub(crate) fn add(&mut self, outcome: CheckOutcome, words: impl Into<String>) {
        self.0.push((outcome, words.into()));
    }

    pub(crate) fn worst(&self) -> CheckOutcome {
        self.0.iter().map(|(outcome, _)| *outcome).max().unwrap_or(CheckOutcome::NotAsked)
    }

    /// Writes the result and every check. An attestation that holds does not mean that the evidence
    /// does, so that what it attests is part of the result.
    pub(crate) fn write(
        &self,
        path: &Path,
        attested: &str,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let title = match self.worst() {
            CheckOutcome::Passed | CheckOutcome::NotAsked => {
                format!("HOLDS; it attests {attested}")
            }
            CheckOutcome::Open => "NOT PROVEN".to_owned(),
            CheckOutcome::Failed => "DOES NOT HOLD".to_owned(),
        };
        writeln!(out, "{title}: {}\n", shown(path))?;
        for (outcome, words) in &self.0 {
            let mark = match outcome {
                CheckOutcome::Passed => "checked",
                CheckOutcome::NotAsked => "not checked",
                CheckOutcome::Open => "OPEN",
                CheckOutcome::Failed => "WRONG",
            };
            writeln!(out, "  {mark:<12} {words}")?;
        }
        Ok(())
    }
}
