//! How many requests a second to make once a store has throttled.
//!
//! While a store refuses some requests, those that it answers show its capacity. Their share is
//! measured in windows of a tenth of a second and sets the rate of all requests: a refusal slows
//! the whole run once, and the refused request waits its turn with the others.
//!
//! The code is pure: times are passed in as durations since the beginning of the run.
use std::time::Duration;

/// How long a run tolerates a store that refuses every request. S3 splits a busy partition within
/// minutes, and answers some requests during that time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Length of a measurement: long enough for a hundred responses of a store that answers a thousand
/// a second, short enough to reach its rate within half a second.
const WINDOW: Duration = Duration::from_millis(100);

/// Responses and refusals that a window needs. With fewer it continues, up to [`LONGEST`].
const ENOUGH: u32 = 4;

/// The longest window.
const LONGEST: Duration = Duration::from_secs(1);

/// Factor that a window without a refusal applies to the rate, if a request had to wait in it.
/// Together with [`RateEstimate::roll`] it results in one refusal in forty requests if the store has a
/// fixed rate.
const GROWTH: f64 = 1.05;

/// The same factor while the rate is a guess, which is on the low side.
const GUESS_GROWTH: f64 = 1.5;

/// The rate, in requests a second, below which it does not fall while at least half of the requests
/// are answered: some stores refuse for reasons other than a rate, and slowing down does not help
/// there.
const FLOOR: f64 = 50.0;

/// The lowest possible rate: one request a second.
const LOWEST: f64 = 1.0;

/// Requests that may start at once after a pause, as time: the timer's resolution is a millisecond.
const BURST: Duration = Duration::from_millis(5);

/// Whether a request may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Now.
    Now,
    /// Not before this much time has passed.
    After(Duration),
    /// Never: the store has refused everything for too long.
    Never,
}

/// The rate of all requests together.
#[derive(Debug)]
pub(crate) struct RateEstimate {
    patience: Duration,
    /// Requests a second; `None` while the store has never refused one.
    rate: Option<f64>,
    floor: f64,
    /// Whether the store's rate has not been measured yet, so that the rate is a guess.
    guessed: bool,
    window: Window,
    /// Responses and length of the previous window, which show how fast the store was until a
    /// refusal.
    before: (u32, Duration),
    /// Requests that were in flight at the first refusal: their refusals show nothing new.
    stale: u32,
    /// When the next request may start.
    due: Duration,
    /// Since when there have been only refusals.
    refused_since: Option<Duration>,
    given_up: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    begun: Duration,
    answered: u32,
    refused: u32,
    /// Whether the rate made any request wait.
    held: bool,
}

impl RateEstimate {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            patience,
            rate: None,
            floor: FLOOR,
            guessed: true,
            window: Window::default(),
            before: (0, Duration::ZERO),
            stale: 0,
            due: Duration::ZERO,
            refused_since: None,
            given_up: false,
        }
    }

    /// Returns whether requests keep to a rate.
    pub(crate) fn holds(&self) -> bool {
        self.rate.is_some()
    }

    /// Records a response that is not a refusal.
    pub(crate) fn answered(&mut self, now: Duration) {
        self.refused_since = None;
        self.stale = self.stale.saturating_sub(1);
        self.roll(now);
        self.window.answered = self.window.answered.saturating_add(1);
    }

    /// Records a refusal, with the number of other requests in flight.
    pub(crate) fn refused(&mut self, now: Duration, under_way: u32) {
        let since = *self.refused_since.get_or_insert(now);
        if now.saturating_sub(since) >= self.patience {
            self.given_up = true;
        }
        self.roll(now);
        if self.stale > 0 {
            self.stale -= 1;
            return;
        }
        self.window.refused = self.window.refused.saturating_add(1);
        if self.rate.is_none() {
            // Half of what was answered a second until now: the requests in flight will be refused
            // too, and repeated.
            let (answers, time) = self.before;
            let time = now.saturating_sub(self.window.begun) + time;
            let answers = answers.saturating_add(self.window.answered);
            let was = f64::from(answers) / time.max(WINDOW / 2).as_secs_f64();
            self.rate = Some((was / 2.0).max(self.floor));
            self.window = Window { begun: now, ..Window::default() };
            self.stale = under_way;
            self.due = now;
        }
    }

    /// Returns whether a request may start now. If so, it counts as started.
    pub(crate) fn admission(&mut self, now: Duration) -> Admission {
        if self.given_up {
            return Admission::Never;
        }
        self.roll(now);
        let Some(rate) = self.rate else { return Admission::Now };
        if self.due > now {
            self.window.held = true;
            return Admission::After(self.due - now);
        }
        let each = Duration::from_secs_f64(1.0 / rate);
        // Unused time is not saved up, except for what the timer cannot resolve.
        self.due = self.due.max(now.saturating_sub(BURST)) + each;
        Admission::Now
    }

    /// Ends the window if it is due, and sets the rate by its result.
    fn roll(&mut self, now: Duration) {
        let Window { begun, answered, refused, held } = self.window;
        let length = now.saturating_sub(begun);
        let telling = answered.saturating_add(refused) >= ENOUGH || length >= LONGEST;
        if length < WINDOW || !telling {
            return;
        }
        self.before = (answered, length);
        self.window = Window { begun: now, ..Window::default() };
        let Some(rate) = self.rate else { return };
        let share = f64::from(refused) / f64::from(answered.saturating_add(refused).max(1));
        let next = if refused == 0 && !held {
            rate
        } else if refused == 0 {
            // A guess is left quickly; a measured rate is only probed.
            rate * if self.guessed { GUESS_GROWTH } else { GROWTH }
        } else if answered == 0 {
            self.floor = LOWEST;
            rate / 2.0
        } else {
            self.guessed = false;
            if share > 0.5 && rate <= self.floor {
                self.floor = (self.floor / 2.0).max(LOWEST);
            }
            // The answered share of what was requested at this rate is what the store can handle.
            // The requests made may be fewer, where the walk waits. With few refusals a little more
            // is requested, so that a store that gets faster is noticed.
            rate * (1.0 - share) * if share > 0.05 { 0.97 } else { GROWTH - share }
        };
        self.rate = Some(next.max(self.floor));
    }
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
