//! The events of `validate-logs`, and the tallies that close the stream.
use crate::bytes::content::Hash;
use crate::codes::failure::ReadFailure;
use crate::codes::finding::Outcome;
use crate::log_file::LogProof;
use crate::vocab::key_layout::DigestKind;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{InclusivePeriod, Timestamp};
use serde::{Deserialize, Serialize};

/// One fact about the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Always the first event.
    RunStarted {
        /// ARN of the trail that is validated.
        trail_arn: String,
        /// The requested period.
        period: InclusivePeriod,
    },
    /// One digest was judged.
    DigestJudged {
        /// Location of the digest.
        at: ObjectLocation,
        /// Standard or backfill.
        kind: DigestKind,
        /// The outcome.
        outcome: Outcome<DigestFacts>,
    },
    /// One log file was judged. Follows its digest, in the order of the digest's list.
    LogJudged {
        /// Location of the log file.
        at: ObjectLocation,
        /// The outcome.
        outcome: Outcome<LogProof>,
    },
    /// A chain starts although there is an older digest.
    GapFound {
        /// Standard or backfill.
        kind: DigestKind,
        /// End of the older digest.
        from: Timestamp,
        /// Start of the digest that starts the chain.
        to: Timestamp,
    },
    /// A bucket that a chain leads to could not be listed.
    ListingUnread {
        /// The bucket.
        bucket: String,
        /// Standard or backfill.
        kind: DigestKind,
        /// The reason.
        why: ReadFailure,
    },
    /// Always the last event; if it is missing, the stream was cut short.
    RunFinished {
        /// The counts.
        tallies: Tallies,
        /// The part of the period that proven digests cover, from the earliest to the latest of
        /// them.
        found: Option<InclusivePeriod>,
    },
}

/// The facts about a proven digest that a report shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestFacts {
    /// Start of its interval.
    pub start: Timestamp,
    /// End of its interval.
    pub end: Timestamp,
    /// SHA-256 of its inflated bytes.
    pub hash: Hash,
    /// Number of log files that it names.
    pub logs: usize,
}

/// Counts of one kind of object. Records have them in this form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Checked and proven.
    pub valid: u64,
    /// Checked and contradicted.
    pub invalid: u64,
    /// Not checked.
    pub unverified: u64,
}

impl Tally {
    /// Counts one outcome.
    pub fn count<P>(&mut self, outcome: &Outcome<P>) {
        match outcome {
            Outcome::Valid(_) => self.valid += 1,
            Outcome::Invalid(_) => self.invalid += 1,
            Outcome::Unverified(_) => self.unverified += 1,
        }
    }

    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        self.valid += other.valid;
        self.invalid += other.invalid;
        self.unverified += other.unverified;
    }

    /// Returns the number of objects that were counted.
    pub fn total(&self) -> u64 {
        self.valid + self.invalid + self.unverified
    }
}

/// The counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Standard digests.
    pub digests: Tally,
    /// Backfill digests.
    pub backfill: Tally,
    /// Log files.
    pub logs: Tally,
    /// Listings that could not be read.
    pub listings_unread: u64,
}

impl Tallies {
    /// Returns whether the evidence contradicts anything.
    pub fn contradicted(&self) -> bool {
        [self.digests, self.backfill, self.logs].iter().any(|tally| tally.invalid > 0)
    }

    /// Returns whether anything could not be read.
    pub fn incomplete(&self) -> bool {
        self.listings_unread > 0
            || [self.digests, self.backfill, self.logs].iter().any(|tally| tally.unverified > 0)
    }
}
