//! The counts of a chain and of a run, each at its end.
use crate::codes::unlisted::SetAside;
use crate::compat::event::Tally;
use crate::coverage::{Segment, Uncovered};
use crate::verdict::Verdict;
use crate::vocab::chain_id::ChainId;
use crate::vocab::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use strum::{IntoStaticStr, VariantNames};

/// Whether a chain has evidence in the period.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Presence {
    /// It has digests in the period or anchors after it, or its newest digest before the period is
    /// so recent that the next one is still to come.
    Present,
    /// It has no digest in the period and counts nevertheless: it was named, or its trail continues
    /// elsewhere.
    Absent {
        /// End of its newest digest before the period, if there is one.
        last: Option<Timestamp>,
    },
    /// It ended before the period, and nothing indicates that it should have continued.
    Ended {
        /// End of its newest digest.
        last: Timestamp,
    },
}

impl Presence {
    /// Returns the stable code for machines; never renamed once released.
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

/// The summary of a chain.
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

/// Counts of objects, findings and bytes. Records have them in this form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Standard digests.
    pub digests: Tally,
    /// Backfill digests.
    #[serde(rename = "backfill_digests")]
    pub backfill: Tally,
    /// Log files.
    #[serde(rename = "log_files")]
    pub logs: Tally,
    /// Findings that concern a chain as a whole.
    pub chain_findings: u64,
    /// Bytes of proven log files as stored.
    pub stored_bytes: u64,
    /// Bytes of proven log files after inflating.
    pub inflated_bytes: u64,
}

impl Counts {
    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        self.digests.add(&other.digests);
        self.backfill.add(&other.backfill);
        self.logs.add(&other.logs);
        self.chain_findings += other.chain_findings;
        self.stored_bytes = self.stored_bytes.saturating_add(other.stored_bytes);
        self.inflated_bytes = self.inflated_bytes.saturating_add(other.inflated_bytes);
    }

    /// Returns the number of findings.
    pub fn findings(&self) -> u64 {
        self.digests.invalid + self.backfill.invalid + self.logs.invalid + self.chain_findings
    }

    /// Returns the number of objects that could not be checked.
    pub fn unverified(&self) -> u64 {
        self.digests.unverified + self.backfill.unverified + self.logs.unverified
    }
}

/// Seconds of chain time by coverage. They add up to the period times the number of chains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageTotals {
    /// Seconds that are verified.
    pub verified: i64,
    /// Seconds that are contradicted.
    pub contradicted: i64,
    /// Seconds that are unverified.
    pub unverified: i64,
    /// Seconds after the newest digest, where the next one is still to come.
    pub pending: i64,
    /// Uncovered seconds, by reason.
    pub uncovered: BTreeMap<Uncovered, i64>,
}

impl CoverageTotals {
    /// Adds the seconds of `other`.
    pub fn add(&mut self, other: &Self) {
        self.verified += other.verified;
        self.contradicted += other.contradicted;
        self.unverified += other.unverified;
        self.pending += other.pending;
        for (why, seconds) in &other.uncovered {
            *self.uncovered.entry(*why).or_default() += seconds;
        }
    }

    /// Returns the total number of seconds.
    pub fn total(&self) -> i64 {
        let judged = self.verified + self.contradicted + self.unverified;
        judged + self.pending + self.uncovered.values().sum::<i64>()
    }
}

/// The summary of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The verdict.
    pub verdict: Verdict,
    /// Counts over all chains.
    pub counts: Counts,
    /// Number of chains that count.
    pub chains: u64,
    /// Number of chains that ended before the period.
    pub ended: u64,
    /// Coverage of the period, added up over all chains.
    pub coverage: CoverageTotals,
    /// Log files that no verified digest names.
    pub unlisted: u64,
    /// Listings that could not be read.
    pub listings_unread: u64,
    /// Chains that do not continue those of the preceding record.
    pub not_joined: u64,
    /// Places that were named, expected or found and could not be accounted for.
    pub places_in_doubt: u64,
    /// Keys in folders of digests that are not a digest's key.
    pub passed_over: u64,
    /// Objects in folders of log files that no reader treats as data, by reason.
    pub set_aside: BTreeMap<SetAside, u64>,
}
