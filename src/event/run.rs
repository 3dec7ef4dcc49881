//! The events of a `verify` run.
use super::stream::Tally;
use crate::core::chain_id::ChainId;
use crate::core::content::Hash;
use crate::core::coverage::{Segment, Uncovered};
use crate::core::explain::ExplainingEvent;
use crate::core::failure::ReadFailure;
use crate::core::finding::{Finding, Outcome};
use crate::core::judge::Proofs;
use crate::core::key_layout::DigestKind;
use crate::core::location::ObjectLocation;
use crate::core::log_check::LogProof;
use crate::core::notice::Notice;
use crate::core::time::{Period, Timestamp};
use crate::core::verdict::Verdict;
use std::collections::BTreeMap;

/// One fact about a `verify` run, in canonical order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// First event, always.
    RunStarted {
        /// Where the evidence lies: `s3://bucket/prefix` or a directory.
        location: String,
        /// The period that is judged.
        period: Period,
        /// Whether the period was cut short because its end lies in the future.
        end_was_future: bool,
    },
    /// The bucket was listed: what the run is going to look at.
    BucketListed {
        /// Chains.
        chains: u64,
        /// Digests in the listing, those that only anchor a walk included.
        digests: u64,
        /// Trails that lie here and that the scope leaves out.
        left_out: Vec<String>,
    },
    /// A listing could not be read, so that chains may be missing.
    ListingUnread {
        /// The folder.
        folder: String,
        /// Why.
        why: ReadFailure,
    },
    /// What follows is about this chain, up to its `ChainFinished`.
    ChainStarted {
        /// The chain.
        chain: ChainId,
    },
    /// One digest of the present chain was judged.
    DigestJudged(DigestJudged),
    /// One log file was judged. Follows its digest, in the digest's own order.
    LogJudged {
        /// Where it was delivered.
        at: ObjectLocation,
        /// How it was judged.
        outcome: Outcome<LogProof>,
    },
    /// A proven digest names a log file that was looked for. Its `LogJudged` follows.
    LogNamed(LogNamed),
    /// The chain was walked to its end.
    ChainFinished(ChainSummary),
    /// What CloudTrail itself says of the present chain's delivery.
    TrailStatus {
        /// The chain.
        chain: ChainId,
        /// Whether the trail is logging now.
        is_logging: bool,
        /// When the newest digest was delivered.
        latest_digest_delivery: Option<Timestamp>,
        /// Why the newest attempt failed, in S3's words.
        latest_digest_error: Option<String>,
        /// That the bucket contradicts it.
        finding: Option<Finding>,
    },
    /// A verified event explains a stretch that no digest covers.
    GapExplained {
        /// The chain with the gap.
        chain: ChainId,
        /// Start of the stretch.
        from: Timestamp,
        /// End of it.
        to: Timestamp,
        /// The event.
        event: ExplainingEvent,
    },
    /// A log file lies in verified time and no verified digest names it.
    LogUnlisted {
        /// Where it lies.
        at: ObjectLocation,
    },
    /// A folder holds log files of the period, and no digest of any trail covers their account and
    /// region.
    LogsWithoutDigests {
        /// The folder.
        folder: String,
    },
    /// A check was not made.
    CheckNotPerformed {
        /// Which.
        check: &'static str,
        /// Why.
        why: String,
    },
    /// Last event, always; its absence means that the stream was cut.
    RunFinished(RunSummary),
}

/// A log file that was looked for, and the proven digest that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogNamed {
    /// Where it was delivered.
    pub at: ObjectLocation,
    /// SHA-256 of its inflated content.
    pub hash: Hash,
    /// The digest.
    pub digest: ObjectLocation,
    /// Start of the interval in which it was delivered.
    pub start: Timestamp,
    /// End of it.
    pub end: Timestamp,
    /// Fingerprint of the key that the digest names as its own.
    pub fingerprint: String,
}

/// How one digest was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestJudged {
    /// Where it was delivered.
    pub at: ObjectLocation,
    /// Standard or backfill.
    pub kind: DigestKind,
    /// Its end: its own where it is proven, else its key's.
    pub end: Timestamp,
    /// The judgement.
    pub outcome: Outcome<DigestProof>,
    /// What is worth knowing beside it.
    pub notices: Vec<Notice>,
    /// Whether the judgement counts: a digest that only anchors the walk does not.
    pub counts: bool,
}

/// What is told of a proven digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestProof {
    /// Start of its interval.
    pub start: Timestamp,
    /// SHA-256 of its inflated bytes.
    pub hash: Hash,
    /// The proofs that held.
    pub proofs: Proofs,
    /// How many log files it names.
    pub logs: usize,
}

/// Whether a chain has evidence in the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has digests in the period or anchors after it.
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

/// A chain at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSummary {
    /// The chain.
    pub chain: ChainId,
    /// Whether it has evidence in the period.
    pub presence: Presence,
    /// The period, divided without remainder, oldest first. Empty for a chain that ended.
    pub segments: Vec<Segment>,
    /// Seconds of tail that the newest digest may still take to come.
    pub tail_allowed: i64,
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
    /// Uncovered, by reason.
    pub uncovered: BTreeMap<Uncovered, i64>,
}

impl CoverageTotals {
    /// All seconds.
    pub fn total(&self) -> i64 {
        self.verified + self.contradicted + self.unverified + self.uncovered.values().sum::<i64>()
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
    /// Keys in folders of digests that are no digest's.
    pub passed_over: u64,
}
