//! Room for results that wait until their chain is told.
//!
//! Chains run at once and are told one after another. The chain that is being told takes as much as
//! its own queue holds; all others together have a common room, so that memory does not grow with
//! the number of chains.
use super::ordered::Place;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Semaphore, watch};

/// Digests and log files of chains that are not being told yet, fetched or about to be. Each takes
/// two to three kilobytes while it is fetched, and half of one after; this many keep any store busy.
const RESULTS: usize = 4_096;

/// Digests fetched ahead by all chains together. A digest of twenty log files takes some 10 KB.
const DIGESTS: usize = 2_048;

/// Digests fetched ahead of one walk at most: more than one walk needs, and at least: what keeps a
/// walk from waiting for each one.
const DIGESTS_OF_ONE: (usize, usize) = (8, 64);

/// The room that all chains of a run share.
#[derive(Clone, Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    digests_ahead: usize,
    /// Digests of all chains that were read ahead and not needed.
    unneeded: Arc<AtomicU64>,
}

/// A chain's own view of the room: it knows when the chain is told.
#[derive(Debug)]
pub(super) struct Turn {
    room: Room,
    told: watch::Receiver<bool>,
}

impl Room {
    /// For a run in which so many chains run at once.
    pub(super) fn new(chains: usize, unneeded: &Arc<AtomicU64>) -> Self {
        let (least, most) = DIGESTS_OF_ONE;
        let digests_ahead = (DIGESTS / chains.max(1)).clamp(least, most);
        let places = Arc::new(Semaphore::new(RESULTS));
        Self { places, digests_ahead, unneeded: Arc::clone(unneeded) }
    }

    /// A chain that is not told yet, and what says that it is.
    pub(super) fn turn(&self) -> (watch::Sender<bool>, Turn) {
        let (tell, told) = watch::channel(false);
        (tell, Turn { room: self.clone(), told })
    }
}

impl Turn {
    /// Digests to fetch ahead of the chain's walk.
    pub(super) fn digests_ahead(&self) -> usize {
        self.room.digests_ahead
    }

    /// Where those are counted that turn out not to be needed.
    pub(super) fn unneeded(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.room.unneeded)
    }

    /// Waits for the place of so many results, which is kept until they are told; the chain that is
    /// being told needs none.
    pub(super) async fn place(&self, results: usize) -> Place {
        if *self.told.borrow() {
            return None;
        }
        let results = u32::try_from(results.min(RESULTS)).unwrap_or(u32::MAX);
        let mut told = self.told.clone();
        tokio::select! {
            place = Arc::clone(&self.room.places).acquire_many_owned(results) => place.ok(),
            _ = told.wait_for(|told| *told) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_chain_that_is_told_never_waits() {
        let room = Room::new(96, &Arc::default());
        let (_waits, waiting) = room.turn();
        let mut places = Vec::new();
        for _ in 0..RESULTS {
            places.push(waiting.place(1).await.unwrap());
        }
        let (tell, turn) = room.turn();
        let place = tokio::spawn(async move { turn.place(1).await });
        tokio::task::yield_now().await;
        tell.send_replace(true);
        assert!(place.await.unwrap().is_none());
    }
}
