//! What a run counts: of a chain at its end, and of the run at its end.
use crate::codes::unlisted::SetAside;
use crate::compat::event::Tally;
use crate::coverage::{Segment, Uncovered};
use crate::verdict::Verdict;
use crate::vocab::chain_id::ChainId;
use crate::vocab::time::Timestamp;
use std::collections::BTreeMap;
use strum::{IntoStaticStr, VariantNames};

/// Whether a chain has evidence in the period.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Presence {
    /// It has digests in the period or anchors after it, or its newest digest before the period
    /// is so young that the next one is still to come.
    Present,
    /// It has none in the period and counts all the same: it was named, or its trail goes on
    /// elsewhere.
    Absent {
        /// End of its newest digest before the period, where there is one.
        last: Option<Timestamp>,
    },
    /// It ended before the period, and nothing says that it should have gone on.
    Ended {
        /// End of its newest digest.
        last: Timestamp,
    },
}

impl Presence {
    /// Stable code for machines; never renamed once released.
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

/// A chain at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSummary {
    /// The chain.
    pub chain: ChainId,
    /// Whether it has evidence in the period.
    pub presence: Presence,
    /// The period, divided without remainder, oldest first. Empty for a chain that ended.
    pub segments: Vec<Segment>,
    /// Its counts.
    pub counts: Counts,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Standard digests.
    pub digests: Tally,
    /// Backfill digests.
    pub backfill: Tally,
    /// Log files.
    pub logs: Tally,
    /// Findings about a chain as a whole.
    pub chain_findings: u64,
    /// Bytes of proven log files as stored.
    pub stored_bytes: u64,
    /// Bytes of proven log files, inflated.
    pub inflated_bytes: u64,
}

impl Counts {
    /// Adds what another chain counted.
    pub fn add(&mut self, other: &Self) {
        self.digests.add(&other.digests);
        self.backfill.add(&other.backfill);
        self.logs.add(&other.logs);
        self.chain_findings += other.chain_findings;
        self.stored_bytes = self.stored_bytes.saturating_add(other.stored_bytes);
        self.inflated_bytes = self.inflated_bytes.saturating_add(other.inflated_bytes);
    }

    /// Findings among what was counted.
    pub fn findings(&self) -> u64 {
        self.digests.invalid + self.backfill.invalid + self.logs.invalid + self.chain_findings
    }

    /// What could not be checked.
    pub fn unverified(&self) -> u64 {
        self.digests.unverified + self.backfill.unverified + self.logs.unverified
    }
}

/// Seconds of chain time by what is known of them. They add up to the period times the chains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageTotals {
    /// Verified.
    pub verified: i64,
    /// Contradicted.
    pub contradicted: i64,
    /// Unverified.
    pub unverified: i64,
    /// After the newest digest, where the next one is still to come.
    pub pending: i64,
    /// Uncovered, by reason.
    pub uncovered: BTreeMap<Uncovered, i64>,
}

impl CoverageTotals {
    /// All seconds.
    pub fn total(&self) -> i64 {
        let judged = self.verified + self.contradicted + self.unverified;
        judged + self.pending + self.uncovered.values().sum::<i64>()
    }
}

/// The run at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The answer.
    pub verdict: Verdict,
    /// Counts over all chains.
    pub counts: Counts,
    /// Chains that count.
    pub chains: u64,
    /// Chains that ended before the period.
    pub ended: u64,
    /// The period of every chain, added up.
    pub coverage: CoverageTotals,
    /// Log files that no verified digest names.
    pub unlisted: u64,
    /// Listings that could not be read.
    pub listings_unread: u64,
    /// Chains that do not join on to the record before.
    pub not_joined: u64,
    /// Places that were named, expected or found, and could not be answered for.
    pub places_in_doubt: u64,
    /// Keys in folders of digests that are no digest's.
    pub passed_over: u64,
    /// Objects in folders of log files that no reader takes for data, by why.
    pub set_aside: BTreeMap<SetAside, u64>,
}
