//! Counts what a chain tells and divides its period.
use super::chain_run::ChainJob;
use crate::core::coverage::{Coverage, CoverageBuilder, Standing, Uncovered};
use crate::core::finding::Outcome;
use crate::core::key_layout::DigestKind;
use crate::core::log_check::LogProof;
use crate::core::time::Period;
use crate::event::{ChainSummary, Counts, DigestJudged, Presence};

/// The counts of one chain and the division of its period, kept as its events pass in order.
#[derive(Debug)]
pub(super) struct ChainTally {
    counts: Counts,
    builder: CoverageBuilder,
    /// The last digest of the walk, until all of its log files were told.
    open: Option<Standing>,
}

impl ChainTally {
    pub(super) fn new(period: Period) -> Self {
        Self { counts: Counts::default(), builder: CoverageBuilder::new(period), open: None }
    }

    pub(super) fn digest(&mut self, judged: &DigestJudged, standing: Option<Standing>) {
        if judged.counts {
            match judged.kind {
                DigestKind::Standard => self.counts.digests.count(&judged.outcome),
                DigestKind::Backfill => self.counts.backfill.count(&judged.outcome),
            }
        }
        self.close();
        self.open = standing;
    }

    /// A log file of the last digest. What is wrong with it is wrong with the digest's interval.
    pub(super) fn log(&mut self, outcome: &Outcome<LogProof>) {
        self.counts.logs.count(outcome);
        let made = match outcome {
            Outcome::Valid(proof) => {
                let counts = &mut self.counts;
                counts.stored_bytes = counts.stored_bytes.saturating_add(proof.stored);
                counts.inflated_bytes = counts.inflated_bytes.saturating_add(proof.inflated);
                return;
            }
            Outcome::Invalid(_) => Coverage::Contradicted,
            Outcome::Unverified(_) => Coverage::Unverified,
        };
        if let Some(Standing::Proven { coverage, .. }) = &mut self.open
            && *coverage != Coverage::Contradicted
        {
            *coverage = made;
        }
    }

    fn close(&mut self) {
        if let Some(standing) = self.open.take() {
            self.builder.take(standing);
        }
    }

    /// The chain's end. `older` tells whether it has digests before the period.
    pub(super) fn finish(mut self, job: &ChainJob, older: bool) -> ChainSummary {
        self.close();
        let ended = matches!(job.presence, Presence::Ended { .. });
        let segments = if ended { Vec::new() } else { self.builder.finish(older) };
        // Only what begins so late is on its way; a tail that begins earlier is cut.
        let tail_allowed = segments
            .last()
            .filter(|last| last.coverage == Coverage::Uncovered(Uncovered::Tail))
            .filter(|last| last.from >= job.tail_from)
            .map_or(0, |last| last.seconds());
        ChainSummary {
            chain: job.chain.clone(),
            presence: job.presence.clone(),
            segments,
            tail_allowed,
            counts: self.counts,
        }
    }
}
