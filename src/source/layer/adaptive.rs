//! Controls how many requests are in flight. It starts with few, adds more while responses come
//! quickly, removes some while requests only wait for each other, and halves the number when the
//! store throttles. From then on, requests also keep to the rate at which the store answers
//! ([`RateEstimate`]). Later refusals change only that rate, as long as the store answers at all.
//!
//! This controls timing and nothing else. What a run finds does not depend on it, unless the store
//! refuses everything for minutes.
use super::rate::{Admission, PATIENCE, RateEstimate};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex as Queue, OwnedSemaphorePermit, Semaphore};

/// The most requests in flight. At 30 ms a request, 256 fetch 7,000 objects a second. That is more
/// than two cores can hash, and about the 5,500 a second and prefix at which S3 begins to throttle.
const MAX_IN_FLIGHT: usize = 256;

/// Requests in flight at the beginning. They keep two cores busy if the store is near; if it is 30
/// ms away, two rounds of responses raise them to the maximum.
const INITIAL: usize = 32;

/// Permits that a quick response adds before the store has throttled for the first time. A response
/// that is not quick removes one, so that with a third of quick responses the number stays the
/// same.
const GAIN: usize = 2;

/// A response is quick if it takes at most this many times as long as the quickest one. Responses
/// of S3 vary by this much without any queue, so only requests that wait for each other exceed it.
const SPREAD: u32 = 4;

/// What a quick response may take beyond that: shorter times depend on this machine's own
/// scheduling. A larger value would give a nearby store 250 connections where 60 are enough, and
/// each costs as much CPU as an object or two.
const SLACK: Duration = Duration::from_millis(2);

/// How many requests may be in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFlight {
    /// As many as the store answers well, up to 256.
    Adaptive,
    /// A fixed number, at least one, regardless of how the store responds.
    Fixed(usize),
}

/// What a response shows about the load of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// A response came after this time.
    Answered(Duration),
    /// A page of a listing came after this time. Large pages take longer, so only a quick one is
    /// informative: it shows spare capacity.
    Listed(Duration),
    /// The store throttled the request.
    Refused,
    /// The response shows nothing, for example because the connection broke.
    Unknown,
}

/// Issues permits for requests.
#[derive(Debug)]
pub(crate) struct AdaptiveLimit {
    permits: Arc<Semaphore>,
    /// The maximum that the number may grow to; `None` if the number is fixed.
    most: Option<usize>,
    state: Mutex<State>,
    begun: Instant,
    /// Whether requests keep to a rate. Few runs have to, and the others should not pay for it.
    held: AtomicBool,
    /// Requests that wait for their turn, in order of arrival.
    admission: Queue<()>,
}

/// No more requests are made: the store has refused all of them for this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GivenUp(pub(crate) Duration);

#[derive(Debug)]
struct State {
    /// The target number of permits.
    limit: usize,
    /// The number of permits to withdraw once they are returned.
    owed: usize,
    quickest: Duration,
    quickest_page: Duration,
    /// Whether the store has never throttled.
    fresh: bool,
    /// Responses to requests that were in flight when the limit was halved: they show nothing new.
    stale: usize,
    /// Quick responses since the limit last grew.
    quick: usize,
    /// Whether there was any response since the limit was last halved.
    answered: bool,
    patience: Duration,
    /// `None` if only the number in flight is limited.
    rate: Option<RateEstimate>,
}

/// The permit for one request in flight.
#[derive(Debug)]
pub(crate) struct Permit {
    limit: Arc<AdaptiveLimit>,
    permit: Option<OwnedSemaphorePermit>,
}

impl AdaptiveLimit {
    pub(crate) fn new(in_flight: InFlight) -> Arc<Self> {
        let limit = match in_flight {
            InFlight::Adaptive => Self::with(INITIAL, Some(MAX_IN_FLIGHT)),
            InFlight::Fixed(number) => Self::with(number.clamp(1, Semaphore::MAX_PERMITS), None),
        };
        limit.set_patience(PATIENCE);
        limit
    }

    fn with(limit: usize, most: Option<usize>) -> Arc<Self> {
        let state = State {
            limit,
            owed: 0,
            quickest: Duration::MAX,
            quickest_page: Duration::MAX,
            fresh: true,
            stale: 0,
            quick: 0,
            answered: false,
            patience: PATIENCE,
            rate: None,
        };
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(limit)),
            most,
            state: Mutex::new(state),
            begun: Instant::now(),
            held: AtomicBool::new(false),
            admission: Queue::new(()),
        })
    }

    /// Keeps to the store's rate, and gives up on a store that refuses everything for this long.
    pub(crate) fn set_patience(&self, patience: Duration) {
        let mut state = self.state();
        state.patience = patience;
        state.rate = Some(RateEstimate::new(patience));
    }

    /// Waits for a permit, and for the time that the store's rate allows.
    pub(crate) async fn permit(self: &Arc<Self>) -> Result<Permit, GivenUp> {
        // The semaphore is never closed; if it were, no request could be made.
        let never = |_| GivenUp(Duration::ZERO);
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(never)?;
        let permit = Permit { limit: Arc::clone(self), permit: Some(permit) };
        if self.held.load(Ordering::Relaxed) {
            let _first = self.admission.lock().await;
            loop {
                let admission = self.state().admission(self.begun.elapsed());
                match admission {
                    Admission::Now => break,
                    Admission::After(wait) => tokio::time::sleep(wait).await,
                    Admission::Never => return Err(GivenUp(self.state().patience)),
                }
            }
        }
        Ok(permit)
    }

    /// Adjusts the limits to a response.
    pub(crate) fn note(&self, load: Load) {
        let now = self.begun.elapsed();
        let free = self.permits.available_permits();
        let wanted = free == 0;
        let mut state = self.state();
        let under_way: usize = state.limit.saturating_add(state.owed).saturating_sub(free);
        if let Some(rate) = &mut state.rate {
            match load {
                Load::Answered(_) | Load::Listed(_) => rate.answered(now),
                Load::Refused => rate.refused(now, u32::try_from(under_way).unwrap_or(u32::MAX)),
                Load::Unknown => {}
            }
            if rate.holds() {
                self.held.store(true, Ordering::Relaxed);
            }
        }
        let Some(most) = self.most else { return };
        let gained = state.note(load, most, wanted);
        drop(state);
        if gained > 0 {
            self.permits.add_permits(gained);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admission(&mut self, now: Duration) -> Admission {
        self.rate.as_mut().map_or(Admission::Now, |rate| rate.admission(now))
    }

    /// Returns the number of permits to add. None is added unless a request waits for it.
    fn note(&mut self, load: Load, most: usize, wanted: bool) -> usize {
        let stale = self.stale > 0;
        self.stale = self.stale.saturating_sub(1);
        match load {
            Load::Unknown => 0,
            Load::Refused if stale => 0,
            // If the store answers at all, it answers at a rate, and requests already keep to that.
            Load::Refused if !self.fresh && self.answered => 0,
            Load::Refused => {
                let half = (self.limit / 2).max(1);
                self.owed += self.limit - half;
                self.stale = self.limit;
                self.limit = half;
                self.fresh = false;
                self.answered = false;
                self.quick = 0;
                0
            }
            Load::Answered(time) | Load::Listed(time) => {
                self.answered = true;
                let is_page = matches!(load, Load::Listed(_));
                let quickest = if is_page { &mut self.quickest_page } else { &mut self.quickest };
                *quickest = time.min(*quickest);
                let quick = time <= quickest.saturating_mul(SPREAD).saturating_add(SLACK);
                if !quick && !is_page && self.fresh && self.limit > INITIAL {
                    self.limit -= 1;
                    self.owed += 1;
                }
                if !wanted || !quick {
                    return 0;
                }
                self.quick += 1;
                let gain = match self.fresh {
                    true => GAIN,
                    // Add one for each round of responses.
                    false if self.quick >= self.limit => 1,
                    false => 0,
                };
                let gain = gain.min(most.saturating_sub(self.limit));
                if gain == 0 {
                    return 0;
                }
                self.quick = 0;
                self.limit += gain;
                let kept = gain.min(self.owed);
                self.owed -= kept;
                gain - kept
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.limit.state();
        if state.owed > 0
            && let Some(permit) = self.permit.take()
        {
            state.owed -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
impl AdaptiveLimit {
    /// Returns the number of unused permits.
    pub(crate) fn free(&self) -> usize {
        self.permits.available_permits()
    }
}

#[cfg(test)]
#[path = "adaptive_tests.rs"]
mod tests;
