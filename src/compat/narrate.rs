//! Turns outcomes into events, and keeps the tally of a `validate-logs` run.
use std::sync::Arc;
use trailproof_core::Verified;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::compat::event::{DigestFacts, Event, Tallies};
use trailproof_core::digest::document::Digest;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::time::{InclusivePeriod, Timestamp};

/// Counts events as they pass. No other tally is kept for `validate-logs`.
#[derive(Debug)]
pub(crate) struct Narrator {
    period: InclusivePeriod,
    tallies: Tallies,
    found: Option<InclusivePeriod>,
}

impl Narrator {
    pub(crate) fn new(period: InclusivePeriod) -> Self {
        Self { period, tallies: Tallies::default(), found: None }
    }

    /// Counts an event that is about to be reported.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::DigestJudged { kind, outcome, .. } => {
                match kind {
                    DigestKind::Standard => self.tallies.digests.count(outcome),
                    DigestKind::Backfill => self.tallies.backfill.count(outcome),
                }
                if let Outcome::Valid(facts) = outcome {
                    self.widen(facts.start, facts.end);
                }
            }
            Event::LogJudged { outcome, .. } => self.tallies.logs.count(outcome),
            Event::ListingUnread { .. } => self.tallies.listings_unread += 1,
            Event::RunStarted { .. } | Event::GapFound { .. } | Event::RunFinished { .. } => {}
        }
    }

    /// Returns the last event of the run and its tallies.
    pub(crate) fn finish(self) -> (Event, Tallies) {
        (Event::RunFinished { tallies: self.tallies, found: self.found }, self.tallies)
    }

    fn widen(&mut self, start: Timestamp, end: Timestamp) {
        let (start, end) = (start.max(self.period.start), end.min(self.period.end));
        self.found = Some(match self.found {
            Some(found) => {
                InclusivePeriod { start: found.start.min(start), end: found.end.max(end) }
            }
            None => InclusivePeriod { start, end },
        });
    }
}

/// Returns a digest's outcome in the form of the event.
pub(crate) fn facts(outcome: Outcome<Arc<Verified<Digest>>>) -> Outcome<DigestFacts> {
    match outcome {
        Outcome::Valid(digest) => Outcome::Valid(DigestFacts {
            start: digest.start,
            end: digest.end,
            hash: digest.hash,
            logs: digest.logs.len(),
        }),
        Outcome::Invalid(finding) => Outcome::Invalid(finding),
        Outcome::Unverified(why) => Outcome::Unverified(why),
    }
}
