//! What is to be done about one chain.
use crate::locate::listed_chain::ListedChain;
use crate::verify::resume::proven_logs::KnownLogs;
use crate::verify::resume::seam::Seam;
use std::collections::BTreeSet;
use std::sync::Arc;
use trailproof_core::bytes::content::Hash;
use trailproof_core::record::Presence;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::{ChainKey, DigestKind};
use trailproof_core::vocab::log_key::log_key_time;
use trailproof_core::vocab::time::{Period, Timestamp};

/// What a chain is run with.
#[derive(Clone, Debug)]
pub(crate) struct ChainJob {
    pub(crate) chain: ChainId,
    /// The same chain's names under the paths that its trail had before.
    pub(crate) also: Vec<ChainId>,
    pub(crate) bucket: String,
    pub(crate) period: Period,
    /// From when on the newest digest must end for what follows it to be pending.
    pub(crate) tail_allowed_from: Option<Timestamp>,
    pub(crate) listed: ListedChain,
    pub(crate) older: Option<Timestamp>,
    /// What the key of that digest has beside its end.
    pub(crate) older_key: Option<ChainKey>,
    pub(crate) presence: Presence,
    /// The log files to look at, by the hash that a digest names; all of them where there is none.
    pub(crate) only: Option<Arc<BTreeSet<Hash>>>,
    /// Log files that need not be read again.
    pub(crate) known: Option<Arc<KnownLogs>>,
    /// Whether the scope leaves the chain out: its digests are walked for the names of its log files,
    /// and nothing is told of it.
    pub(crate) names_only: bool,
    /// Where the chain joins on to the record before.
    pub(crate) seam: Option<Seam>,
}

impl ChainJob {
    /// Whether a log file is of the oldest day of which a digest is listed, or an older one: a
    /// lifecycle rule expires by the day, and a log file can be made a day before its digest.
    pub(crate) fn is_at_the_old_edge(&self, key: &str) -> bool {
        let made = log_key_time(key, &self.chain.account, &self.chain.source_region);
        let oldest = self.listed.oldest().filter(|_| self.older.is_none());
        made.zip(oldest).is_some_and(|(made, oldest)| made.date_folder() <= oldest.date_folder())
    }

    /// Listed digests of both kinds.
    pub(crate) fn digests(&self) -> u64 {
        let of_kind = |kind| u64::try_from(self.listed.count(kind)).unwrap_or(u64::MAX);
        of_kind(DigestKind::Standard) + of_kind(DigestKind::Backfill)
    }
}
