//! Counts the events of a chain and divides its period.
//!
//! Uses events alone, so that a run and a recount of its record cannot differ in how they count.
use super::event::{DigestJudged, LogJudged};
use super::summary::{ChainSummary, Counts, Presence};
use crate::codes::finding::{Finding, Outcome};
use crate::codes::notice::Notice;
use crate::coverage::{Coverage, CoverageBuilder, Segment, Standing, Uncovered};
use crate::vocab::chain_id::ChainId;
use crate::vocab::key_layout::DigestKind;
use crate::vocab::time::{Period, Timestamp};

/// The counts of one chain and the division of its period, updated as its events pass in order.
#[derive(Debug)]
pub struct ChainTally {
    period: Period,
    counts: Counts,
    builder: CoverageBuilder,
    /// The last digest of the walk, until all of its log files have been taken.
    open: Option<Standing>,
    /// Copies of other places' digests. They have no effect if there are other digests.
    copied: Counts,
    /// Whether any digest accounts for a part of the period.
    stood: bool,
}

impl ChainTally {
    /// Creates a tally for a chain without events so far. If its newest digest ends at
    /// `tail_allowed_from` or later, the time after it is pending.
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

    /// Takes a log file of the last digest. A fault in it counts against the digest's interval.
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

    /// Returns the summary at the chain's end. `older` is whether it has digests before the period.
    pub fn finish(self, chain: ChainId, presence: Presence, older: bool) -> ChainSummary {
        let (counts, segments) = self.divide(&presence, older);
        ChainSummary { chain, presence, segments, counts }
    }

    /// Returns whether a chain's summary matches its events. One fact that they do not contain is
    /// taken from the summary: whether the chain has digests before the period.
    pub fn agrees(self, summary: &ChainSummary) -> bool {
        let older = summary.segments.first().is_none_or(|first| {
            first.coverage != Coverage::Uncovered(Uncovered::BeforeFirstDigest)
        });
        let (counts, segments) = self.divide(&summary.presence, older);
        counts == summary.counts && segments == summary.segments
    }

    fn divide(mut self, presence: &Presence, older: bool) -> (Counts, Vec<Segment>) {
        self.close();
        let Period { start: from, end: to } = self.period;
        let mut segments = match presence {
            Presence::Ended { .. } => Vec::new(),
            // A chain with nothing but copies here is not proven here.
            _ if !self.stood && self.copied.unverified() > 0 => {
                self.counts.add(&self.copied);
                let whole = Segment { from, to, coverage: Coverage::Unverified };
                Some(whole).filter(|whole| whole.seconds() > 0).into_iter().collect()
            }
            _ => self.builder.finish(older),
        };
        if matches!(presence, Presence::Absent { .. }) {
            // Without a digest, no time can come after one.
            for segment in &mut segments {
                if segment.coverage == Coverage::Uncovered(Uncovered::Tail) {
                    segment.coverage = Coverage::Uncovered(Uncovered::Absent);
                }
            }
        }
        (self.counts, segments)
    }
}

/// Returns how a digest affects the division of the period. Returns `None` if no chain reaches it,
/// if it is a copy of evidence of a different place, or if it is a backfill digest, which is about
/// time that a standard one covers.
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
