//! The commands with which a reader can check the run again.
use super::shown::Shown;
use crate::report::collect::Collected;
use crate::report::next_steps::again;
use trailproof_core::codes::finding::Finding;
use trailproof_core::vocab::location::shell_word;

/// The commands that verify this run again.
#[derive(Clone, Debug)]
pub(super) struct Commands {
    /// Command that started the run, if it was recorded.
    pub(super) typed: Option<Shown>,
    /// SHA-256 of the program's file, if it was recorded.
    pub(super) program: Option<Shown>,
    pub(super) verify: Shown,
    /// Command that hashes one changed log file, if there is one.
    pub(super) by_hand: Option<Shown>,
}

impl Commands {
    pub(super) fn of(run: &Collected) -> Option<Self> {
        let start = run.start.as_ref()?;
        let by_hand = run.findings.entries.iter().find_map(|told| match told.finding {
            Finding::LogHashMismatch { .. } => {
                let at = told.at.uri();
                let at = shell_word(&at);
                Some(Shown::of(format!("aws s3 cp {at} - | gunzip | sha256sum")))
            }
            _ => None,
        });
        let mut verify = again(start, "verify");
        if !start.unlisted {
            verify.push_str(" --no-unlisted");
        }
        if start.complete_copy {
            verify.push_str(" --complete-copy");
        }
        let around = run.circumstances.as_ref();
        let typed = around.map(|around| {
            let words = around.arguments.iter().map(|argument| shell_word(argument));
            let line: Vec<_> = std::iter::once("trailproof".into()).chain(words).collect();
            Shown::of(line.join(" "))
        });
        let program = around.and_then(|around| around.program_sha256.as_ref()).map(Shown::of);
        Some(Self { typed, program, verify: Shown::of(verify), by_hand })
    }
}
