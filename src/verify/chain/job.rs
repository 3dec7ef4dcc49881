//! The job of verifying one chain.
use crate::locate::listed_chain::ListedChain;
use crate::verify::resume::proven_logs::ProvenLogs;
use crate::verify::resume::seam::Seam;
use crate::verify::targets::LookupTargets;
use std::sync::Arc;
use trailproof_core::record::Presence;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::{ChainKey, DigestKind};
use trailproof_core::vocab::log_key::log_key_time;
use trailproof_core::vocab::time::{Period, Timestamp};

/// One chain to walk, with its listed digests and options.
#[derive(Clone, Debug)]
pub(crate) struct ChainJob {
    pub(crate) chain: ChainId,
    /// Names of the same chain under earlier paths of its trail.
    pub(crate) also: Vec<ChainId>,
    pub(crate) bucket: String,
    pub(crate) period: Period,
    /// Earliest end of the newest digest after which time counts as pending.
    pub(crate) tail_allowed_from: Option<Timestamp>,
    pub(crate) listed: ListedChain,
    pub(crate) older: Option<Timestamp>,
    /// Parts of that digest's key other than its end.
    pub(crate) older_key: Option<ChainKey>,
    pub(crate) presence: Presence,
    /// The log files to read; `None` for all that digests name.
    pub(crate) only: Option<Arc<LookupTargets>>,
    /// Log files that need not be read again.
    pub(crate) known: Option<Arc<ProvenLogs>>,
    /// Whether the chain is out of scope: its digests are walked for the names of its log files,
    /// but nothing about it is reported.
    pub(crate) names_only: bool,
    /// Newest digest of the chain in the previous record, from which the chain must continue.
    pub(crate) seam: Option<Seam>,
}

impl ChainJob {
    /// Returns whether a log file is of the oldest day with a listed digest, or older. A lifecycle
    /// rule expires by the day, and a log file may be created a day before its digest.
    pub(crate) fn is_at_the_old_edge(&self, key: &str) -> bool {
        let made = log_key_time(key, &self.chain.account, &self.chain.source_region);
        let oldest = self.listed.oldest().filter(|_| self.older.is_none());
        made.zip(oldest).is_some_and(|(made, oldest)| made.date_folder() <= oldest.date_folder())
    }

    /// Returns the number of listed digests of both kinds.
    pub(crate) fn digests(&self) -> u64 {
        let of_kind = |kind| u64::try_from(self.listed.count(kind)).unwrap_or(u64::MAX);
        of_kind(DigestKind::Standard) + of_kind(DigestKind::Backfill)
    }
}
