//! The requested period of one chain, divided without remainder.
//!
//! The division is built from the newest second down, in the order of the walk. Below each digest
//! stands the reason that holds until the next older digest is proven, so that no second is left
//! out and none is counted twice, whatever was deleted.
use super::time::{HOUR, Period, Timestamp};

/// How late a digest may be: the hour that it covers and two hours of delivery. Real ones come
/// half an hour to an hour and a half after the end of their hour.
pub const TAIL_ALLOWANCE: i64 = 2 * HOUR;

/// What is known of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Coverage {
    /// A proven digest covers it, and every log file that it names is proven.
    Verified,
    /// The digest, or a log file that it names, is contradicted by the evidence.
    Contradicted,
    /// The digest, or a log file that it names, could not be checked.
    Unverified,
    /// No digest covers it.
    Uncovered(Uncovered),
}

/// Why no digest covers a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Uncovered {
    /// It lies before the first digest of the chain.
    BeforeFirstDigest,
    /// The chain ended and was started again.
    Gap,
    /// A proven digest names a digest here that is not there.
    DigestsMissing,
    /// It lies after the newest digest.
    Tail,
    /// Two linked digests leave it out between them.
    Hole,
    /// The chain, or the place that was named or expected, has no digest in the period at all.
    Absent,
}

impl Coverage {
    /// Stable code for machines.
    pub fn code(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Contradicted => "contradicted",
            Self::Unverified => "unverified",
            Self::Uncovered(why) => why.code(),
        }
    }
}

impl Coverage {
    /// The one with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        let known = [Self::Verified, Self::Contradicted, Self::Unverified];
        let found = known.into_iter().find(|known| known.code() == code);
        found.or_else(|| Uncovered::from_code(code).map(Self::Uncovered))
    }
}

impl Uncovered {
    /// Every reason.
    const ALL: [Self; 6] = [
        Self::BeforeFirstDigest,
        Self::Gap,
        Self::DigestsMissing,
        Self::Tail,
        Self::Hole,
        Self::Absent,
    ];

    /// The one with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// Stable code for machines.
    pub fn code(self) -> &'static str {
        match self {
            Self::BeforeFirstDigest => "before-first-digest",
            Self::Gap => "gap",
            Self::DigestsMissing => "digests-missing",
            Self::Tail => "tail",
            Self::Hole => "hole",
            Self::Absent => "absent",
        }
    }
}

/// One stretch of the division: from `from` up to, and not including, `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First second.
    pub from: Timestamp,
    /// The second after the last.
    pub to: Timestamp,
    /// What is known of it.
    pub coverage: Coverage,
}

impl Segment {
    /// Its length in seconds.
    pub fn seconds(&self) -> i64 {
        self.to.unix() - self.from.unix()
    }
}

/// How one digest came out, its log files included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Proven: it covers this interval, with this result. A starting digest covers nothing.
    Proven {
        /// Start of its interval.
        start: Timestamp,
        /// End of its interval.
        end: Timestamp,
        /// Whether its chain starts with it.
        chain_start: bool,
        /// `Verified`, or what its log files made of it.
        coverage: Coverage,
    },
    /// Not proven: nobody knows what it covered. Its key tells its end.
    Unproven {
        /// End, as its key has it.
        end: Timestamp,
        /// `Contradicted` or `Unverified`.
        coverage: Coverage,
    },
    /// It is not there. Its successor's link tells its end.
    Missing {
        /// End, as its key has it.
        end: Timestamp,
    },
}

/// Builds the division from the newest digest to the oldest.
#[derive(Clone, Debug)]
pub struct CoverageBuilder {
    period: Period,
    /// Everything from here on up is divided.
    cursor: Timestamp,
    /// What holds below the cursor until the next proven digest.
    below: Coverage,
    segments: Vec<Segment>,
}

impl CoverageBuilder {
    /// Nothing is known yet: all of the period is tail.
    pub fn new(period: Period) -> Self {
        Self {
            period,
            cursor: period.end,
            below: Coverage::Uncovered(Uncovered::Tail),
            segments: Vec::new(),
        }
    }

    /// Takes the next older digest of the walk.
    pub fn take(&mut self, standing: Standing) {
        match standing {
            Standing::Proven { start, end, chain_start, coverage } => {
                self.fill(end, self.below);
                if chain_start {
                    self.below = Coverage::Uncovered(Uncovered::Gap);
                } else {
                    self.fill(start, coverage);
                    self.below = Coverage::Uncovered(Uncovered::Hole);
                }
            }
            Standing::Unproven { end, coverage } => {
                self.fill(end, self.below);
                self.below = coverage;
            }
            Standing::Missing { end } => {
                self.fill(end, self.below);
                self.below = Coverage::Uncovered(Uncovered::DigestsMissing);
            }
        }
    }

    /// Whether nothing of the period is left to divide.
    pub fn is_complete(&self) -> bool {
        self.cursor <= self.period.start
    }

    /// The division, oldest first. `older` tells whether the chain has a digest before the period,
    /// which makes what follows a chain start a gap and not the time before the first digest.
    pub fn finish(mut self, older: bool) -> Vec<Segment> {
        let gap = Coverage::Uncovered(Uncovered::Gap);
        let below = match self.below {
            below if below == gap && !older => Coverage::Uncovered(Uncovered::BeforeFirstDigest),
            below => below,
        };
        self.fill(self.period.start, below);
        self.segments.reverse();
        self.segments
    }

    /// Gives the time from `from` to the cursor to `coverage`.
    fn fill(&mut self, from: Timestamp, coverage: Coverage) {
        let from = from.max(self.period.start);
        if from >= self.cursor {
            return;
        }
        match self.segments.last_mut() {
            Some(last) if last.coverage == coverage && last.from == self.cursor => last.from = from,
            _ => self.segments.push(Segment { from, to: self.cursor, coverage }),
        }
        self.cursor = from;
    }
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
