//! The memory budget for results that wait until their chain is reported.
//!
//! Chains run concurrently but are reported one after another. The chain that is being reported may
//! fill its own queue. Every other chain has a share of a common budget, which it receives before
//! it starts. As many chains run as there are shares, memory does not grow with the number of
//! chains, and a chain that was started can finish. If the budget were granted result by result, it
//! would fill up with the first results of many chains, and only the chain that is being reported
//! would make progress.
use super::ordered::Permit;
use crate::verify::plan::Workload;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Maximum number of digests and log files, fetched or about to be, of chains that are not being
/// reported yet. Each takes two to three kilobytes while it is fetched, and half a kilobyte
/// afterwards. This many keep any store busy.
const RESULTS: usize = 4_096;

/// Results that a share allows for each digest of a chain: the digest and some log files. If
/// digests name more log files, few chains keep a store busy. If they name none, most of the budget
/// stays unused, and the rest is enough.
const RESULTS_OF_A_DIGEST: usize = 8;

/// Minimum and maximum share of a chain. The minimum is two full digests, so that chains over an
/// hour or two finish before their turn. The maximum is what a chain's own queues hold.
const SHARE: (usize, usize) = (48, 768);

/// Maximum number of digests fetched ahead of one walk. It is at most half of the chain's share, so
/// that all of them together take half of the budget (a digest of twenty log files takes about
/// 10 KB). 128 are enough that a walk never waits: at 30 ms they are 4,000 per second.
const DIGESTS_AHEAD: usize = 128;

/// [`RESULTS`] for evidence on a local disk: enough to keep every core busy.
const RESULTS_HERE: usize = 1_024;

/// [`DIGESTS_AHEAD`] for evidence on a local disk.
const DIGESTS_AHEAD_HERE: usize = 8;

/// The budget that all chains of a run share.
#[derive(Clone, Debug)]
pub(crate) struct ResultBudget {
    places: Arc<Semaphore>,
    digests_ahead: usize,
    /// Number of digests of all chains that were read ahead but not needed.
    unneeded: Arc<AtomicU64>,
    workload: Arc<Workload>,
}

/// A chain's share of the budget, held until the chain is being reported.
#[derive(Debug)]
pub(crate) struct ChainQuota {
    emit: watch::Sender<bool>,
    _places: Option<OwnedSemaphorePermit>,
}

/// A chain's view of its share. It knows when the chain is being reported.
#[derive(Debug)]
pub(crate) struct ChainPermit {
    places: Arc<Semaphore>,
    share: usize,
    digests_ahead: usize,
    unneeded: Arc<AtomicU64>,
    workload: Arc<Workload>,
    told: watch::Receiver<bool>,
}

impl ResultBudget {
    /// Returns an unused budget. `here` is true for evidence on a local disk.
    pub(crate) fn new(here: bool, unneeded: &Arc<AtomicU64>, workload: &Arc<Workload>) -> Self {
        let (results, digests_ahead) = match here {
            true => (RESULTS_HERE, DIGESTS_AHEAD_HERE),
            false => (RESULTS, DIGESTS_AHEAD),
        };
        let places = Arc::new(Semaphore::new(results));
        let (unneeded, workload) = (Arc::clone(unneeded), Arc::clone(workload));
        Self { places, digests_ahead, unneeded, workload }
    }

    /// Waits for the share of a chain with this many listed digests. Chains ask in the order in
    /// which they are reported, so that the chain whose turn it is has its share.
    pub(crate) async fn share(&self, digests: usize) -> (ChainQuota, ChainPermit) {
        let (least, most) = SHARE;
        let share = digests.saturating_mul(RESULTS_OF_A_DIGEST).clamp(least, most);
        let wanted = u32::try_from(share).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let _places = Arc::clone(&self.places).acquire_many_owned(wanted).await.ok();
        let (emit, told) = watch::channel(false);
        let places = Arc::new(Semaphore::new(share));
        let permit = ChainPermit {
            places,
            share,
            digests_ahead: self.digests_ahead,
            unneeded: Arc::clone(&self.unneeded),
            workload: Arc::clone(&self.workload),
            told,
        };
        (ChainQuota { emit, _places }, permit)
    }
}

impl ChainQuota {
    /// Releases the share because the chain is being reported and needs none any more.
    pub(crate) fn give_back(self) {
        self.emit.send_replace(true);
    }
}

impl ChainPermit {
    /// Returns the number of digests to fetch ahead of the chain's walk.
    pub(crate) fn digests_ahead(&self) -> usize {
        (self.share / 2).min(self.digests_ahead)
    }

    /// Returns the counter of digests that were read ahead but not needed.
    pub(crate) fn unneeded(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.unneeded)
    }

    /// Returns the counters of what the run found to read.
    pub(crate) fn workload(&self) -> &Workload {
        &self.workload
    }

    /// Waits for a permit for this many results, which is held until they are reported. The chain
    /// that is being reported needs no permit.
    pub(crate) async fn permit(&self, results: usize) -> Permit {
        if *self.told.borrow() {
            return None;
        }
        let results = u32::try_from(results.min(self.share)).unwrap_or(u32::MAX);
        let mut told = self.told.clone();
        tokio::select! {
            permit = Arc::clone(&self.places).acquire_many_owned(results) => permit.ok(),
            _ = told.wait_for(|told| *told) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn waits<T>(what: impl Future<Output = T>) -> bool {
        tokio::time::timeout(Duration::from_millis(20), what).await.is_err()
    }

    #[tokio::test]
    async fn a_chain_waits_at_the_end_of_its_share_until_it_is_reported() {
        let budget = ResultBudget::new(false, &Arc::default(), &Arc::default());
        let (share, turn) = budget.share(10).await;
        let places = [turn.permit(1).await, turn.permit(turn.share - 1).await];
        assert!(places.iter().all(Option::is_some));
        assert!(waits(turn.permit(1)).await);
        share.give_back();
        assert!(turn.permit(1).await.is_none());
    }

    /// Otherwise a run over many chains with few log files would run one chain at a time.
    #[tokio::test]
    async fn a_chain_without_log_files_ends_before_it_is_reported() {
        assert!(!waits(none_waits()).await);
    }

    async fn none_waits() {
        for (digests, chains) in [(1, 80), (24, 20), (168, 5), (700, 5)] {
            let budget = ResultBudget::new(false, &Arc::default(), &Arc::default());
            let mut begun = Vec::new();
            for _ in 0..chains {
                let (share, turn) = budget.share(digests).await;
                let places = turn.permit(digests).await;
                assert!(turn.digests_ahead() >= digests.min(DIGESTS_AHEAD), "{digests}");
                begun.push((share, turn, places));
            }
            assert_eq!(begun.len(), chains);
        }
    }

    #[tokio::test]
    async fn chains_begin_while_there_are_shares() {
        let budget = ResultBudget::new(false, &Arc::default(), &Arc::default());
        let mut shares = Vec::new();
        for _ in 0..RESULTS / 768 {
            shares.push(budget.share(10_000).await.0);
        }
        assert!(waits(budget.share(10_000)).await);
        shares.remove(0).give_back();
        assert!(!waits(budget.share(10_000)).await);
    }

    #[tokio::test]
    async fn a_result_holds_its_permit_until_it_is_dropped() {
        let budget = ResultBudget::new(false, &Arc::default(), &Arc::default());
        let (_share, turn) = budget.share(0).await;
        let permit = turn.permit(1_000).await;
        assert!(waits(turn.permit(1)).await);
        drop(permit);
        assert!(!waits(turn.permit(1)).await);
    }
}
