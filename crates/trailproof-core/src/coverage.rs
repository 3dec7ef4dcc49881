//! The division of one chain's requested period, without remainder.
//!
//! The division is built from the newest second down, in the order of the walk. The time below each
//! digest has the reason that holds until the next older digest is proven, so that no second is
//! left out or counted twice, whatever was deleted.
use crate::vocab::time::{HOUR, Period, Timestamp};
use strum::{EnumCount, EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

/// The age up to which a chain's newest digest may still be the newest one that exists: the next
/// one ends an hour later, and real digests are delivered between half an hour and an hour and a
/// half after their end.
pub const TAIL_ALLOWANCE: i64 = 2 * HOUR;

/// Returns the earliest end of the newest digest for which the time after it is pending, in a run
/// over `period` at `now`. Returns `None` if the period ended so long ago that all of its digests
/// have been delivered: the result then does not depend on when the run is made.
pub fn tail_allowed_from(period: Period, now: Timestamp) -> Option<Timestamp> {
    Some(now.plus(-TAIL_ALLOWANCE)).filter(|from| *from < period.end)
}

/// Returns whether a run over `period` can have allowed a tail from this time on, at whatever time it
/// was made: no period ends after its run.
pub fn is_tail_of(period: Period, from: Timestamp) -> bool {
    from >= period.end.plus(-TAIL_ALLOWANCE) && from < period.end
}

/// What is known about a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumCount, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Coverage {
    /// A proven digest covers it, and every log file that it names is proven.
    Verified,
    /// The digest, or a log file that it names, is contradicted by the evidence.
    Contradicted,
    /// The digest, or a log file that it names, could not be checked.
    Unverified,
    /// It comes after the newest digest, which is so recent that the next one is still to come.
    Pending,
    /// No digest covers it.
    #[strum(transparent)]
    Uncovered(Uncovered),
}

/// Why no digest covers a stretch of time. The codes of the reasons are derived from their names.
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
    /// It comes before the first digest of the chain.
    BeforeFirstDigest,
    /// The chain ended and was started again.
    Gap,
    /// A proven digest links to a digest here that is missing.
    DigestsMissing,
    /// It comes after the newest digest, and the next one is overdue; or there is no digest at all.
    Tail,
    /// Two linked digests leave a hole between them.
    Hole,
    /// The chain, or the place that was named or expected, has no digest at all in the period.
    Absent,
}

impl Coverage {
    /// Lists every kind of stretch, with one entry for each reason to be uncovered.
    pub fn all() -> impl Iterator<Item = Self> {
        let digests = [Self::Verified, Self::Contradicted, Self::Unverified, Self::Pending];
        digests.into_iter().chain(Uncovered::iter().map(Self::Uncovered))
    }

    /// Returns the stable code for machines; never renamed once released.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Returns the coverage with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::all().find(|known| known.code() == code)
    }
}

impl Uncovered {
    /// Returns the stable code for machines; never renamed once released. It parses back to the
    /// reason.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// One stretch of the division: from `from` up to but not including `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First second.
    pub from: Timestamp,
    /// The second after the last.
    pub to: Timestamp,
    /// What is known about it.
    pub coverage: Coverage,
}

impl Segment {
    /// Returns its length in seconds.
    pub fn seconds(&self) -> i64 {
        self.to.unix() - self.from.unix()
    }
}

/// The result of judging one digest, including its log files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Proven: it covers this interval, with this result. A starting digest covers nothing.
    Proven {
        /// Start of its interval.
        start: Timestamp,
        /// End of its interval.
        end: Timestamp,
        /// Whether it starts its chain.
        chain_start: bool,
        /// `Verified`, or the result of its log files.
        coverage: Coverage,
    },
    /// Not proven: the interval that it covered is unknown. Its end comes from its key.
    Unproven {
        /// End, according to its key.
        end: Timestamp,
        /// `Contradicted` or `Unverified`.
        coverage: Coverage,
    },
    /// The digest is missing. Its end comes from its successor's link.
    Missing {
        /// End, according to its key.
        end: Timestamp,
    },
}

/// Builds the division from the newest digest to the oldest.
///
/// # Examples
///
/// Of four hours, the digest of the second is missing, and the digest of the last was never delivered:
///
/// ```
/// use trailproof_core::coverage::{Coverage, CoverageBuilder, Standing};
/// use trailproof_core::vocab::time::{HOUR, Period, Timestamp};
///
/// let at = |hour: i64| Timestamp::from_unix(hour * HOUR);
/// let proven = |hour| Standing::Proven {
///     start: at(hour),
///     end: at(hour + 1),
///     chain_start: false,
///     coverage: Coverage::Verified,
/// };
/// let mut coverage = CoverageBuilder::new(Period { start: at(0), end: at(4) }, None);
/// coverage.take(proven(2));
/// coverage.take(Standing::Missing { end: at(2) });
/// coverage.take(proven(0));
/// assert!(coverage.is_complete());
///
/// let segments = coverage.finish(true);
/// let hours: Vec<(&str, i64)> =
///     segments.iter().map(|part| (part.coverage.code(), part.seconds() / HOUR)).collect();
/// assert_eq!(hours, [("verified", 1), ("digests-missing", 1), ("verified", 1), ("tail", 1)]);
/// ```
#[derive(Clone, Debug)]
pub struct CoverageBuilder {
    period: Period,
    /// Everything from this time on has been divided.
    cursor: Timestamp,
    /// The coverage below the cursor, up to the next proven digest.
    below: Coverage,
    segments: Vec<Segment>,
    /// The earliest end of the newest digest for which the tail is pending; `None` once a digest
    /// was taken, or if nothing is pending.
    tail_allowed_from: Option<Timestamp>,
}

impl CoverageBuilder {
    /// Creates a division in which the whole period is tail. The tail becomes pending if the newest
    /// digest is proven and ends at `tail_allowed_from` or later.
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

    /// Returns whether the whole period has been divided.
    pub fn is_complete(&self) -> bool {
        self.cursor <= self.period.start
    }

    /// Returns the division, oldest first. `older` is whether the chain has a digest before the
    /// period: time before a chain start is then a gap, and otherwise time before the first digest.
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

    /// Assigns `coverage` to the time from `from` to the cursor.
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
