//! How many requests are in flight: few at first, more while answers come quickly, fewer again while
//! requests only wait for each other, half as many when the store says that it is asked too much.
//! From then on they also keep to the rate at which the store answers ([`Tempo`]), and it is that
//! which later refusals change, for as long as the store answers anything.
//!
//! It steers time and nothing else. What a run finds does not depend on it, unless the store
//! refuses everything for minutes.
use super::rate::{PATIENCE, Tempo, Turn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex as Queue, OwnedSemaphorePermit, Semaphore};

/// Requests in flight at the most. At 30 ms a request, 256 bring 7,000 objects a second, which is
/// more than two cores hash, and about the 5,500 a second and prefix at which S3 begins to throttle.
const AT_MOST: usize = 256;

/// Requests in flight at the beginning. They fill two cores where the store is next door; where it
/// is 30 ms away, two rounds of answers bring them to the most that is allowed.
const AT_FIRST: usize = 32;

/// Permits that a quick answer adds before the store was ever asked too much. One that is not quick
/// takes one away, so that where a third of the answers are quick, it stays as it is.
const GAIN: usize = 2;

/// An answer is quick while it takes at most so many times what the quickest one took. Answers of
/// S3 differ by this much without any queue, so only requests that wait for each other fail it.
const SPREAD: u32 = 4;

/// What an answer may take on top of that: less is a matter of this machine's own scheduling. With
/// more, a store next door is given 250 connections where 60 do, and each costs as much CPU as an
/// object or two.
const SLACK: Duration = Duration::from_millis(2);

/// How many requests may be in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFlight {
    /// As many as the store answers well, up to 256.
    Adaptive,
    /// So many, at least one, whatever the store says.
    Fixed(usize),
}

/// What an answer tells about the store's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// It came after this time.
    Answered(Duration),
    /// A page of a listing came after this time. A page takes as long as it is large, so that only a
    /// quick one tells anything: there is room for more.
    Listed(Duration),
    /// The store said that it is asked too much.
    Refused,
    /// Nothing: a broken connection, say.
    Unknown,
}

/// Gives out permits.
#[derive(Debug)]
pub(crate) struct Pace {
    permits: Arc<Semaphore>,
    /// Up to how many the number may grow; `None` where it stays as it is.
    most: Option<usize>,
    state: Mutex<State>,
    begun: Instant,
    /// Whether requests keep to a rate. Nearly no run has to, and none should pay for it.
    held: AtomicBool,
    /// Requests that wait for their turn, in the order in which they came.
    turn: Queue<()>,
}

/// Requests are not made any more: the store has refused all of them for this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GivenUp(pub(crate) Duration);

#[derive(Debug)]
struct State {
    /// Permits that there are to be.
    limit: usize,
    /// Permits that are withdrawn once they are given back.
    owed: usize,
    quickest: Duration,
    quickest_page: Duration,
    /// Whether the store was never asked too much.
    fresh: bool,
    /// Answers to requests that were under way when the limit was halved: they tell nothing new.
    stale: usize,
    /// Quick answers since the limit last grew.
    quick: usize,
    /// Whether anything was answered since the limit was last halved.
    answered: bool,
    patience: Duration,
    /// `None` where only the number in flight is bounded.
    tempo: Option<Tempo>,
}

/// One request that may be in flight.
#[derive(Debug)]
pub(crate) struct Permit {
    pace: Arc<Pace>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Pace {
    pub(crate) fn new(in_flight: InFlight) -> Arc<Self> {
        let pace = match in_flight {
            InFlight::Adaptive => Self::with(AT_FIRST, Some(AT_MOST)),
            InFlight::Fixed(number) => Self::with(number.clamp(1, Semaphore::MAX_PERMITS), None),
        };
        pace.set_patience(PATIENCE);
        pace
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
            tempo: None,
        };
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(limit)),
            most,
            state: Mutex::new(state),
            begun: Instant::now(),
            held: AtomicBool::new(false),
            turn: Queue::new(()),
        })
    }

    /// Keeps to the store's rate, and gives up a store that refuses everything for so long.
    pub(crate) fn set_patience(&self, patience: Duration) {
        let mut state = self.state();
        state.patience = patience;
        state.tempo = Some(Tempo::new(patience));
    }

    /// Waits for a permit, and for the turn that the store's rate allows.
    pub(crate) async fn permit(self: &Arc<Self>) -> Result<Permit, GivenUp> {
        // The semaphore is ours and never closed; were it, nobody would ask any more.
        let never = |_| GivenUp(Duration::ZERO);
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(never)?;
        let permit = Permit { pace: Arc::clone(self), permit: Some(permit) };
        if self.held.load(Ordering::Relaxed) {
            let _first = self.turn.lock().await;
            loop {
                let turn = self.state().turn(self.begun.elapsed());
                match turn {
                    Turn::Now => break,
                    Turn::After(wait) => tokio::time::sleep(wait).await,
                    Turn::Never => return Err(GivenUp(self.state().patience)),
                }
            }
        }
        Ok(permit)
    }

    /// Learns from an answer.
    pub(crate) fn note(&self, load: Load) {
        let now = self.begun.elapsed();
        let free = self.permits.available_permits();
        let wanted = free == 0;
        let mut state = self.state();
        let under_way: usize = state.limit.saturating_add(state.owed).saturating_sub(free);
        if let Some(tempo) = &mut state.tempo {
            match load {
                Load::Answered(_) | Load::Listed(_) => tempo.answered(now),
                Load::Refused => tempo.refused(now, u32::try_from(under_way).unwrap_or(u32::MAX)),
                Load::Unknown => {}
            }
            if tempo.holds() {
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
    fn turn(&mut self, now: Duration) -> Turn {
        self.tempo.as_mut().map_or(Turn::Now, |tempo| tempo.turn(now))
    }

    /// Permits that are to be added. None is added that nobody waits for.
    fn note(&mut self, load: Load, most: usize, wanted: bool) -> usize {
        let stale = self.stale > 0;
        self.stale = self.stale.saturating_sub(1);
        match load {
            Load::Unknown => 0,
            Load::Refused if stale => 0,
            // What is answered at all is answered at a rate, and that is kept to already.
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
                if !quick && !is_page && self.fresh && self.limit > AT_FIRST {
                    self.limit -= 1;
                    self.owed += 1;
                }
                if !wanted || !quick {
                    return 0;
                }
                self.quick += 1;
                let gain = match self.fresh {
                    true => GAIN,
                    // One more for each round of answers.
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
        let mut state = self.pace.state();
        if state.owed > 0
            && let Some(permit) = self.permit.take()
        {
            state.owed -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
impl Pace {
    /// Permits that nobody has.
    pub(crate) fn free(&self) -> usize {
        self.permits.available_permits()
    }
}

#[cfg(test)]
#[path = "adaptive_tests.rs"]
mod tests;
