//! Counts what a chain tells and divides its period.
//!
//! Made from events alone, so that a run and a recount of its record cannot differ in how they
//! count.
use super::run::{DigestJudged, LogJudged};
use super::summary::{ChainSummary, Counts, Presence};
use crate::chain_id::ChainId;
use crate::coverage::{Coverage, CoverageBuilder, Segment, Standing, TAIL_ALLOWANCE, Uncovered};
use crate::finding::{Finding, Outcome};
use crate::key_layout::DigestKind;
use crate::notice::Notice;
use crate::time::{Period, Timestamp};

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
    /// For a chain of which nothing was told yet.
    pub fn new(period: Period) -> Self {
        Self {
            period,
            counts: Counts::default(),
            builder: CoverageBuilder::new(period),
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

    /// The chain's end. `older` tells whether it has digests before the period; a tail that begins
    /// at `tail_from` or later may still be on its way.
    pub fn finish(
        self,
        chain: ChainId,
        presence: Presence,
        older: bool,
        tail_from: Timestamp,
    ) -> ChainSummary {
        let (counts, segments) = self.divide(&presence, older);
        // Only what begins so late is on its way; a tail that begins earlier is cut.
        let tail_allowed =
            tail(&segments).filter(|last| last.from >= tail_from).map_or(0, Segment::seconds);
        ChainSummary { chain, presence, segments, tail_allowed, counts }
    }

    /// Whether a chain's summary is what its events come to. What they do not tell is taken from
    /// it: whether the chain has digests before the period, and whether the tail may still come.
    pub fn agrees(self, told: &ChainSummary) -> bool {
        let older = told.segments.first().is_none_or(|first| {
            first.coverage != Coverage::Uncovered(Uncovered::BeforeFirstDigest)
        });
        let (counts, segments) = self.divide(&told.presence, older);
        let allowed = tail(&segments).map_or(0, Segment::seconds);
        counts == told.counts
            && segments == told.segments
            && (told.tail_allowed == 0
                || (told.tail_allowed == allowed && allowed <= TAIL_ALLOWANCE))
    }

    fn divide(mut self, presence: &Presence, older: bool) -> (Counts, Vec<Segment>) {
        self.close();
        let Period { start: from, end: to } = self.period;
        let segments = match presence {
            Presence::Ended { .. } => Vec::new(),
            // A chain of which only copies lie here is not proven here.
            _ if !self.stood && self.copied.unverified() > 0 => {
                self.counts.add(&self.copied);
                let whole = Segment { from, to, coverage: Coverage::Unverified };
                Some(whole).filter(|whole| whole.seconds() > 0).into_iter().collect()
            }
            _ => self.builder.finish(older),
        };
        (self.counts, segments)
    }
}

/// The last segment, where it is one of tail.
fn tail(segments: &[Segment]) -> Option<&Segment> {
    segments.last().filter(|last| last.coverage == Coverage::Uncovered(Uncovered::Tail))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain_id::ChainId;
    use crate::time::DAY;

    /// No run allows a longer tail than a digest may be late, whatever a record says.
    #[test]
    fn a_tail_that_nothing_allows_does_not_agree() {
        let end = Timestamp::from_unix(1_780_000_000);
        let chain = ChainId {
            account: "111122223333".parse().unwrap(),
            source_region: "us-east-1".parse().unwrap(),
            trail: "t".parse().unwrap(),
            home_region: "us-east-1".parse().unwrap(),
            organization: None,
        };
        for (seconds, agrees) in [(TAIL_ALLOWANCE, true), (TAIL_ALLOWANCE + 1, false), (DAY, false)]
        {
            let period = Period { start: end.plus(-seconds), end };
            let tally = || ChainTally::new(period);
            let mut told = tally().finish(chain.clone(), Presence::Present, true, end.plus(-DAY));
            assert_eq!(told.tail_allowed, seconds, "the whole of it is tail");
            assert_eq!(tally().agrees(&told), agrees, "{seconds}");
            told.tail_allowed = 0;
            assert!(tally().agrees(&told));
        }
    }
}
