//! Room for results that wait until their chain is told.
//!
//! Chains run at once and are told one after another. The chain that is being told takes as much as
//! its own queue holds. Each of the others has a share of a common room, which it is given before it
//! is begun: so many chains run at once as there are shares for, memory does not grow with their
//! number, and a chain that was begun comes to its end. Were the room given out result by result, it
//! would fill up with beginnings, and only the chain that is being told would go on.
use super::ordered::Place;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Digests and log files of chains that are not being told yet, fetched or about to be. Each takes
/// two to three kilobytes while it is fetched, and half of one after; this many keep any store busy.
const RESULTS: usize = 4_096;

/// What a chain's share is made for: each of its digests and some log files. Where they have more,
/// few chains keep a store busy; where they have none, most of the room is left empty, and the rest
/// does.
const RESULTS_OF_A_DIGEST: usize = 8;

/// A chain's share at least: two full digests, so that chains over an hour or two end before it is
/// their turn; and at most: what a chain's own queues hold.
const SHARE: (usize, usize) = (48, 768);

/// Digests fetched ahead of one walk: half of its share at most, so that together they are half of
/// the room (a digest of twenty log files takes some 10 KB), and no more than keep a walk from waiting: 128
/// in 30 ms are 4,000 a second.
const DIGESTS_AHEAD: usize = 128;

/// The same where nothing is waited for but a disk: enough to keep every core at work.
const RESULTS_HERE: usize = 1_024;

/// The same.
const DIGESTS_AHEAD_HERE: usize = 8;

/// The room that all chains of a run have in common.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    places: Arc<Semaphore>,
    digests_ahead: usize,
    /// Digests of all chains that were read ahead and not needed.
    unneeded: Arc<AtomicU64>,
}

/// A chain's share of the room, kept until it is told.
#[derive(Debug)]
pub(crate) struct Share {
    tell: watch::Sender<bool>,
    _places: Option<OwnedSemaphorePermit>,
}

/// A chain's own view of its share: it knows when the chain is told.
#[derive(Debug)]
pub(crate) struct Turn {
    places: Arc<Semaphore>,
    share: usize,
    digests_ahead: usize,
    unneeded: Arc<AtomicU64>,
    told: watch::Receiver<bool>,
}

impl Room {
    /// An empty one, for evidence that lies on this machine or does not.
    pub(crate) fn new(here: bool, unneeded: &Arc<AtomicU64>) -> Self {
        let (results, digests_ahead) = match here {
            true => (RESULTS_HERE, DIGESTS_AHEAD_HERE),
            false => (RESULTS, DIGESTS_AHEAD),
        };
        let places = Arc::new(Semaphore::new(results));
        Self { places, digests_ahead, unneeded: Arc::clone(unneeded) }
    }

    /// Waits for the share of a chain of which so many digests are listed. Chains ask in the order
    /// in which they are told, so that the one whose turn it is has its share.
    pub(crate) async fn share(&self, digests: usize) -> (Share, Turn) {
        let (least, most) = SHARE;
        let share = digests.saturating_mul(RESULTS_OF_A_DIGEST).clamp(least, most);
        let wanted = u32::try_from(share).unwrap_or(u32::MAX);
        // It is never closed.
        let _places = Arc::clone(&self.places).acquire_many_owned(wanted).await.ok();
        let (tell, told) = watch::channel(false);
        let places = Arc::new(Semaphore::new(share));
        let (digests_ahead, unneeded) = (self.digests_ahead, Arc::clone(&self.unneeded));
        (Share { tell, _places }, Turn { places, share, digests_ahead, unneeded, told })
    }
}

impl Share {
    /// It is the chain's turn to be told: it gives its share back and needs none any more.
    pub(crate) fn give_back(self) {
        self.tell.send_replace(true);
    }
}

impl Turn {
    /// Digests to fetch ahead of the chain's walk.
    pub(crate) fn digests_ahead(&self) -> usize {
        (self.share / 2).min(self.digests_ahead)
    }

    /// Where those are counted that turn out not to be needed.
    pub(crate) fn unneeded(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.unneeded)
    }

    /// Waits for the place of so many results, which is kept until they are told; the chain that is
    /// being told needs none.
    pub(crate) async fn place(&self, results: usize) -> Place {
        if *self.told.borrow() {
            return None;
        }
        let results = u32::try_from(results.min(self.share)).unwrap_or(u32::MAX);
        let mut told = self.told.clone();
        tokio::select! {
            place = Arc::clone(&self.places).acquire_many_owned(results) => place.ok(),
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
    async fn a_chain_waits_at_the_end_of_its_share_until_it_is_told() {
        let room = Room::new(false, &Arc::default());
        let (share, turn) = room.share(10).await;
        let places = [turn.place(1).await, turn.place(turn.share - 1).await];
        assert!(places.iter().all(Option::is_some));
        assert!(waits(turn.place(1)).await);
        share.give_back();
        assert!(turn.place(1).await.is_none());
    }

    /// Or a run over many chains of few log files would go on with one chain at a time.
    #[tokio::test]
    async fn a_chain_without_log_files_ends_before_it_is_told() {
        assert!(!waits(none_waits()).await);
    }

    async fn none_waits() {
        for (digests, chains) in [(1, 80), (24, 20), (168, 5), (700, 5)] {
            let room = Room::new(false, &Arc::default());
            let mut begun = Vec::new();
            for _ in 0..chains {
                let (share, turn) = room.share(digests).await;
                let places = turn.place(digests).await;
                assert!(turn.digests_ahead() >= digests.min(DIGESTS_AHEAD), "{digests}");
                begun.push((share, turn, places));
            }
            assert_eq!(begun.len(), chains);
        }
    }

    #[tokio::test]
    async fn chains_begin_while_there_are_shares() {
        let room = Room::new(false, &Arc::default());
        let mut shares = Vec::new();
        for _ in 0..RESULTS / 768 {
            shares.push(room.share(10_000).await.0);
        }
        assert!(waits(room.share(10_000)).await);
        shares.remove(0).give_back();
        assert!(!waits(room.share(10_000)).await);
    }

    #[tokio::test]
    async fn a_result_takes_its_place_until_it_is_dropped() {
        let room = Room::new(false, &Arc::default());
        let (_share, turn) = room.share(0).await;
        let place = turn.place(1_000).await;
        assert!(waits(turn.place(1)).await);
        drop(place);
        assert!(!waits(turn.place(1)).await);
    }
}
