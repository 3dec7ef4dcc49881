//! What is to be done about one chain.
use super::known::KnownLogs;
use super::seam::Seam;
use crate::locate::listed::ListedChain;
use std::collections::BTreeSet;
use std::sync::Arc;
use trailproof_core::chain_id::ChainId;
use trailproof_core::content::Hash;
use trailproof_core::event::Presence;
use trailproof_core::key_layout::{ChainKey, DigestKind};
use trailproof_core::log_key::log_key_time;
use trailproof_core::time::{Period, Timestamp};

/// What a chain is run with.
#[derive(Clone, Debug)]
pub(super) struct ChainJob {
    pub(super) chain: ChainId,
    /// The same chain's names under the paths that its trail had before.
    pub(super) also: Vec<ChainId>,
    pub(super) bucket: String,
    pub(super) period: Period,
    /// From when on the newest digest must end for what follows it to be pending.
    pub(super) tail_allowed_from: Option<Timestamp>,
    pub(super) listed: ListedChain,
    pub(super) older: Option<Timestamp>,
    /// What the key of that digest has beside its end.
    pub(super) older_key: Option<ChainKey>,
    pub(super) presence: Presence,
    /// The log files to look at, by the hash that a digest names; all of them where there is none.
    pub(super) only: Option<Arc<BTreeSet<Hash>>>,
    /// Log files that need not be read again.
    pub(super) known: Option<Arc<KnownLogs>>,
    /// Whether the scope leaves the chain out: its digests are walked for the names of its log files,
    /// and nothing is told of it.
    pub(super) names_only: bool,
    /// Where the chain joins on to the record before.
    pub(super) seam: Option<Seam>,
}

impl ChainJob {
    /// Whether a log file is of the oldest day of which a digest is listed, or an older one: a
    /// lifecycle rule expires by the day, and a log file can be made a day before its digest.
    pub(super) fn is_at_the_old_edge(&self, key: &str) -> bool {
        let made = log_key_time(key, &self.chain.account, &self.chain.source_region);
        let oldest = self.listed.oldest().filter(|_| self.older.is_none());
        made.zip(oldest).is_some_and(|(made, oldest)| made.date_folder() <= oldest.date_folder())
    }

    /// Listed digests of both kinds.
    pub(super) fn digests(&self) -> u64 {
        let of_kind = |kind| u64::try_from(self.listed.count(kind)).unwrap_or(u64::MAX);
        of_kind(DigestKind::Standard) + of_kind(DigestKind::Backfill)
    }
}
