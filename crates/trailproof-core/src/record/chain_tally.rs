//! Counts what a chain tells and divides its period.
//!
//! Made from events alone, so that a run and a recount of its record cannot differ in how they
//! count.
use super::event::{DigestJudged, LogJudged};
use super::summary::{ChainSummary, Counts, Presence};
use crate::codes::finding::{Finding, Outcome};
use crate::codes::notice::Notice;
use crate::coverage::{Coverage, CoverageBuilder, Segment, Standing, Uncovered};
use crate::vocab::chain_id::ChainId;
use crate::vocab::key_layout::DigestKind;
use crate::vocab::time::{Period, Timestamp};

/// The counts of one chain and the division of its period, kept as its events pass in order.
#[derive(Debug)]
pub struct ChainTally {
    period: Period,
    counts: Counts,
    builder: CoverageBuilder,
    /// The last digest of the walk, until all of its log files were told.
    open: Option<Standing>,
    /// Copies of other places' digests. They stand for nothing where there are others.
    copied: Counts,
    /// Whether any digest stands for a part of the period.
    stood: bool,
}

impl ChainTally {
    /// For a chain of which nothing was told yet. Where its newest digest ends at
    /// `tail_allowed_from` or later, what follows it is pending.
    pub fn new(period: Period, tail_allowed_from: Option<Timestamp>) -> Self {
        Self {
            period,
            counts: Counts::default(),
            builder: CoverageBuilder::new(period, tail_allowed_from),
            open: None,
            copied: Counts::default(),
            stood: false,
        }
    }

    /// Takes the next digest.
    pub fn digest(&mut self, judged: &DigestJudged) {
        let is_copy = judged.notices.contains(&Notice::DigestCopied);
        let counts = match is_copy {
            true => Some(&mut self.copied),
            false => judged.counts.then_some(&mut self.counts),
        };
        if let Some(counts) = counts {
            match judged.kind {
                DigestKind::Standard => counts.digests.count(&judged.outcome),
                DigestKind::Backfill => counts.backfill.count(&judged.outcome),
            }
        }
        self.close();
        self.open = standing(judged);
        self.stood |= self.open.is_some();
    }

    /// A log file of the last digest. What is wrong with it is wrong with the digest's interval.
    pub fn log(&mut self, judged: &LogJudged) {
        self.counts.logs.count(&judged.outcome);
        let made = match &judged.outcome {
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

    /// Counts a finding about the chain as a whole.
    pub fn chain_finding(&mut self) {
        self.counts.chain_findings += 1;
    }

    fn close(&mut self) {
        if let Some(standing) = self.open.take() {
            self.builder.take(standing);
        }
    }

    /// The chain's end. `older` tells whether it has digests before the period.
    pub fn finish(self, chain: ChainId, presence: Presence, older: bool) -> ChainSummary {
        let (counts, segments) = self.divide(&presence, older);
        ChainSummary { chain, presence, segments, counts }
    }

    /// Whether a chain's summary is what its events come to. What they do not tell is taken from
    /// it: whether the chain has digests before the period.
    pub fn agrees(self, told: &ChainSummary) -> bool {
        let older = told.segments.first().is_none_or(|first| {
            first.coverage != Coverage::Uncovered(Uncovered::BeforeFirstDigest)
        });
        let (counts, segments) = self.divide(&told.presence, older);
        counts == told.counts && segments == told.segments
    }

    fn divide(mut self, presence: &Presence, older: bool) -> (Counts, Vec<Segment>) {
        self.close();
        let Period { start: from, end: to } = self.period;
        let mut segments = match presence {
            Presence::Ended { .. } => Vec::new(),
            // A chain of which only copies lie here is not proven here.
            _ if !self.stood && self.copied.unverified() > 0 => {
                self.counts.add(&self.copied);
                let whole = Segment { from, to, coverage: Coverage::Unverified };
                Some(whole).filter(|whole| whole.seconds() > 0).into_iter().collect()
            }
            _ => self.builder.finish(older),
        };
        if matches!(presence, Presence::Absent { .. }) {
            // Without a digest there is nothing that the time could come after.
            for segment in &mut segments {
                if segment.coverage == Coverage::Uncovered(Uncovered::Tail) {
                    segment.coverage = Coverage::Uncovered(Uncovered::Absent);
                }
            }
        }
        (self.counts, segments)
    }
}

/// What a digest says of the period's division; nothing where no chain reaches it or it is a copy
/// of evidence of another place, and nothing of a backfill digest, which is about time that a
/// standard one covers.
fn standing(judged: &DigestJudged) -> Option<Standing> {
    let stands = |notice| !judged.notices.contains(notice);
    let reached = stands(&Notice::DigestUnlinked) && stands(&Notice::DigestCopied);
    if judged.kind == DigestKind::Backfill || !reached {
        return None;
    }
    let end = judged.end;
    Some(match &judged.outcome {
        Outcome::Valid(proof) => Standing::Proven {
            start: proof.start,
            end,
            chain_start: judged.notices.contains(&Notice::ChainStart),
            coverage: Coverage::Verified,
        },
        Outcome::Invalid(Finding::DigestMissing) => Standing::Missing { end },
        Outcome::Invalid(_) => Standing::Unproven { end, coverage: Coverage::Contradicted },
        Outcome::Unverified(_) => Standing::Unproven { end, coverage: Coverage::Unverified },
    })
}
