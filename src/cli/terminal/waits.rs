//! Reports what a run is waiting for if it has to wait long.
use crate::console::stream::print_to_stderr;
use crate::source::layer::count::Counts;
use crate::source::layer::waiting::Waiting;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::excerpt;

/// Interval at which the state is checked.
const LOOK: Duration = Duration::from_millis(500);

/// Time without an answer after which the first line is due. A busy S3 answers within a second or
/// two.
const FIRST: Duration = Duration::from_secs(5);

/// Maximum time between two lines of one long wait.
const LONGEST: Duration = Duration::from_secs(60);

/// Decides when a line is due: after five seconds without an answer, then at intervals that double,
/// so that a slow store does not fill a log.
#[derive(Debug)]
pub(crate) struct Waits {
    /// Number of answers at the last change, and the time of that change.
    last: (u64, Duration),
    /// Numbers of refused and failed requests up to that time.
    before: (u64, u64),
    due: Duration,
    gap: Duration,
}

impl Waits {
    pub(crate) fn new() -> Self {
        Self { last: (0, Duration::ZERO), before: (0, 0), due: FIRST, gap: FIRST }
    }

    /// Describes the wait. Returns `None` before [`FIRST`], or if nothing is being waited for.
    pub(crate) fn words(&mut self, now: Duration, waiting: &Waiting) -> Option<String> {
        if waiting.answered != self.last.0 {
            self.last = (waiting.answered, now);
            self.before = (waiting.refused, waiting.broken);
        }
        let silent = now.saturating_sub(self.last.1);
        if silent < FIRST {
            return None;
        }
        let refused = waiting.refused.saturating_sub(self.before.0);
        let broken = waiting.broken.saturating_sub(self.before.1);
        let mut words = format!("no answer for {} s", silent.as_secs());
        if refused > 0 {
            words += &format!(
                ", the store is throttling ({refused} requests refused meanwhile), so requests are \
                 sent more slowly"
            );
        }
        if broken > 0 {
            words += &format!(", {broken} requests failed meanwhile and are retried");
        }
        if let Some((what, age)) = &waiting.oldest {
            let others = match waiting.under_way {
                0 | 1 => String::new(),
                more => format!(" and {} others", more - 1),
            };
            let what = excerpt(what, SHOWN);
            words += &format!(", waiting for {what}{others}, requested {} s ago", age.as_secs());
        } else if refused == 0 && broken == 0 {
            // No request is under way: the run is busy itself.
            return None;
        }
        Some(words)
    }

    /// Describes the wait if a line is due.
    fn line(&mut self, now: Duration, waiting: &Waiting) -> Option<String> {
        let words = self.words(now, waiting)?;
        if now < self.due {
            return None;
        }
        self.due = now + self.gap;
        self.gap = (self.gap * 2).min(LONGEST);
        Some(words)
    }
}

/// Starts a task that prints lines to stderr until it is aborted.
pub(crate) fn watch(counts: Arc<Counts>) -> JoinHandle<()> {
    let begun = Instant::now();
    tokio::spawn(async move {
        let mut waits = Waits::new();
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(words) = waits.line(begun.elapsed(), &counts.waiting()) {
                print_to_stderr(&format!("waiting: {words}"));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(answered: u64, refused: u64) -> Waiting {
        let oldest = Some(("s3://b/key\u{1b}[2J".to_owned(), Duration::from_secs(7)));
        Waiting { oldest, under_way: 3, answered, refused, broken: 0 }
    }

    #[test]
    fn a_line_comes_after_five_seconds_and_then_less_and_less_often() {
        let mut waits = Waits::new();
        let said: Vec<u64> = (0..200)
            .filter(|at| waits.line(Duration::from_secs(*at), &waiting(0, 0)).is_some())
            .collect();
        assert_eq!(said, [5, 10, 20, 40, 80, 140]);
    }

    #[test]
    fn a_store_that_answers_is_not_reported() {
        let mut waits = Waits::new();
        for at in 0..200 {
            assert_eq!(waits.line(Duration::from_secs(at), &waiting(at / 4, at)), None, "{at}");
        }
    }

    #[test]
    fn the_line_names_the_object_and_the_cause_and_is_escaped() {
        let mut waits = Waits::new();
        assert_eq!(waits.words(Duration::from_secs(1), &waiting(1, 2)), None);
        let words = waits.words(Duration::from_secs(8), &waiting(1, 36)).unwrap();
        for part in ["7 s", "s3://b/key", "2 others", "34 requests refused", "throttling"] {
            assert!(words.contains(part), "{words}");
        }
        assert!(!words.contains('\u{1b}'), "{words:?}");
    }

    #[test]
    fn a_run_without_pending_requests_is_not_waiting() {
        let mut waits = Waits::new();
        assert_eq!(waits.line(Duration::from_secs(9), &Waiting::default()), None);
    }
}
