//! How many requests a second, once a store has said that it is asked too much.
//!
//! While a store refuses some requests, the others are what it is able to answer. Their share is
//! measured, in windows of a tenth of a second, and sets the pace of everybody: a refusal slows the
//! whole run once, and the request that was refused takes its turn with the others.
//!
//! Pure: the time is given as what has passed since the run began.
use std::time::Duration;

/// How long a run bears with a store that refuses every request. S3 splits a busy partition within
/// minutes, and answers some requests all the while.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What is measured at once: long enough for a hundred answers of a store that gives a thousand a
/// second, short enough to be at its pace within half a second.
const WINDOW: Duration = Duration::from_millis(100);

/// Answers and refusals that a window needs, or else it goes on, up to [`LONGEST`].
const TELLING: u32 = 4;

/// The longest window.
const LONGEST: Duration = Duration::from_secs(1);

/// What a window without a refusal adds to the rate, in which somebody had to wait. Together with
/// [`Tempo::roll`] it makes for one refusal in forty requests where the store has a fixed rate.
const GROWTH: f64 = 1.05;

/// The same while the rate is a guess, on the low side.
const GUESS_GROWTH: f64 = 1.5;

/// The rate below which it does not fall while at least half of the requests are answered: there
/// are stores that refuse for reasons other than a rate, which no slowness helps.
const FLOOR: f64 = 50.0;

/// The lowest rate of all: one request a second.
const LOWEST: f64 = 1.0;

/// Requests that may begin at once after a rest, as time: the timer's own grain is a millisecond.
const BURST: Duration = Duration::from_millis(5);

/// Whether a request may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Now.
    Now,
    /// Not before so much time has passed.
    After(Duration),
    /// Never: the store has refused everything for too long.
    Never,
}

/// The pace of all requests together.
#[derive(Debug)]
pub(crate) struct Tempo {
    patience: Duration,
    /// Requests a second; `None` while the store has never refused one.
    rate: Option<f64>,
    floor: f64,
    /// Whether the store's rate was never measured, so that the pace is a guess.
    guessed: bool,
    window: Window,
    /// Answers of the window before, which show how fast the store was until a refusal.
    before: (u32, Duration),
    /// Requests that were under way when the first was refused: their refusals are old news.
    stale: u32,
    /// When the next request is due.
    due: Duration,
    /// Since when nothing but refusals came.
    refused_since: Option<Duration>,
    given_up: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    begun: Duration,
    answered: u32,
    refused: u32,
    /// Whether the rate made anybody wait.
    held: bool,
}

impl Tempo {
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

    /// Whether requests are held to a rate.
    pub(crate) fn holds(&self) -> bool {
        self.rate.is_some()
    }

    /// Takes note of an answer that is no refusal.
    pub(crate) fn answered(&mut self, now: Duration) {
        self.refused_since = None;
        self.stale = self.stale.saturating_sub(1);
        self.roll(now);
        self.window.answered = self.window.answered.saturating_add(1);
    }

    /// Takes note of a refusal, with so many requests under way beside it.
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
            // Half of what was answered a second until now: requests that are under way will be
            // refused too, and come again.
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

    /// Whether a request may begin now; where it may, it is taken to have begun.
    pub(crate) fn turn(&mut self, now: Duration) -> Turn {
        if self.given_up {
            return Turn::Never;
        }
        self.roll(now);
        let Some(rate) = self.rate else { return Turn::Now };
        if self.due > now {
            self.window.held = true;
            return Turn::After(self.due - now);
        }
        let each = Duration::from_secs_f64(1.0 / rate);
        // What nobody used is not saved up, but for what the timer cannot tell apart.
        self.due = self.due.max(now.saturating_sub(BURST)) + each;
        Turn::Now
    }

    /// Ends the window where it is time, and sets the rate by what it brought.
    fn roll(&mut self, now: Duration) {
        let Window { begun, answered, refused, held } = self.window;
        let length = now.saturating_sub(begun);
        let telling = answered.saturating_add(refused) >= TELLING || length >= LONGEST;
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
            // A guess is left quickly, a measurement is only probed.
            rate * if self.guessed { GUESS_GROWTH } else { GROWTH }
        } else if answered == 0 {
            self.floor = LOWEST;
            rate / 2.0
        } else {
            self.guessed = false;
            if share > 0.5 && rate <= self.floor {
                self.floor = (self.floor / 2.0).max(LOWEST);
            }
            // Of what was asked at this rate, the store answered what it is able to; what was asked
            // at all may be less, where the walk waits. With few refusals a little more is asked,
            // so that a store which grows is noticed.
            rate * (1.0 - share) * if share > 0.05 { 0.97 } else { GROWTH - share }
        };
        self.rate = Some(next.max(self.floor));
    }
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
