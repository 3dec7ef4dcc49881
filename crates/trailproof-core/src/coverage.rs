//! The requested period of one chain, divided without remainder.
//!
//! The division is built from the newest second down, in the order of the walk. Below each digest
//! stands the reason that holds until the next older digest is proven, so that no second is left
//! out and none is counted twice, whatever was deleted.
use crate::vocab::time::{HOUR, Period, Timestamp};
use strum::{EnumCount, EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

/// The age up to which the newest digest of a chain may be the newest that there is: the next one
/// ends an hour after it, and real ones come half an hour to an hour and a half after their end.
pub const TAIL_ALLOWANCE: i64 = 2 * HOUR;

/// From when on the newest digest must end for what follows it to be pending, in a run over
/// `period` at `now`. `None` where the period ended so long ago that every digest of it has come:
/// the run then does not depend on when it is made.
pub fn tail_allowed_from(period: Period, now: Timestamp) -> Option<Timestamp> {
    Some(now.plus(-TAIL_ALLOWANCE)).filter(|from| *from < period.end)
}

/// What is known of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumCount, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Coverage {
    /// A proven digest covers it, and every log file that it names is proven.
    Verified,
    /// The digest, or a log file that it names, is contradicted by the evidence.
    Contradicted,
    /// The digest, or a log file that it names, could not be checked.
    Unverified,
    /// It lies after the newest digest, which is so young that the next one is still to come.
    Pending,
    /// No digest covers it.
    #[strum(transparent)]
    Uncovered(Uncovered),
}

/// Why no digest covers a stretch of time. The codes of the reasons are made from their names.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumCount,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Uncovered {
    /// It lies before the first digest of the chain.
    BeforeFirstDigest,
    /// The chain ended and was started again.
    Gap,
    /// A proven digest names a digest here that is not there.
    DigestsMissing,
    /// It lies after the newest digest, and the next one should have come; or there is no digest
    /// at all.
    Tail,
    /// Two linked digests leave it out between them.
    Hole,
    /// The chain, or the place that was named or expected, has no digest in the period at all.
    Absent,
}

impl Coverage {
    /// Every kind of stretch, those without a digest by reason.
    pub fn all() -> impl Iterator<Item = Self> {
        let digests = [Self::Verified, Self::Contradicted, Self::Unverified, Self::Pending];
        digests.into_iter().chain(Uncovered::iter().map(Self::Uncovered))
    }

    /// Stable code for machines; never renamed once released.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// The one with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::all().find(|known| known.code() == code)
    }
}

impl Uncovered {
    /// Stable code for machines; never renamed once released. It parses as the reason.
    pub fn code(self) -> &'static str {
        self.into()
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
    /// From when on the newest digest must end for the tail to be pending; `None` once a digest
    /// was taken, or where nothing is pending.
    tail_allowed_from: Option<Timestamp>,
}

impl CoverageBuilder {
    /// Nothing is known yet: all of the period is tail. It is pending where the newest digest is
    /// proven and ends at `tail_allowed_from` or later.
    pub fn new(period: Period, tail_allowed_from: Option<Timestamp>) -> Self {
        Self {
            tail_allowed_from,
            period,
            cursor: period.end,
            below: Coverage::Uncovered(Uncovered::Tail),
            segments: Vec::new(),
        }
    }

    /// Takes the next older digest of the walk.
    pub fn take(&mut self, standing: Standing) {
        if let (Some(from), Standing::Proven { end, .. }) =
            (self.tail_allowed_from.take(), standing)
            && end >= from
        {
            self.below = Coverage::Pending;
        }
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
