//! How far a run is, and how long it will still take. The rules are pure: what was counted and when is
//! given to them.
use crate::cli::terminal::request_summary::float;
use std::collections::VecDeque;
use std::time::Duration;

/// Time over which the rate is measured: half of the run, so that a slow start and a throttled store
/// are forgotten, within these bounds.
const WINDOW: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// Time before which nothing is estimated: the first requests open connections.
const FIRST: Duration = Duration::from_secs(2);

/// Share of the digests that must have been read before the number of log files is estimated from
/// them: one in this many.
const READ_OF_LISTED: u64 = 200;

/// What a run has done and still has to do, counted in objects to read: digests and log files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Digests in the listing; zero before it is complete.
    pub(crate) listed: u64,
    /// Digests that were read in the walk.
    pub(crate) walked: u64,
    /// Log files that those name.
    pub(crate) named: u64,
    /// Log files among those that need not be read.
    pub(crate) skipped: u64,
    /// Objects that were read.
    pub(crate) done: u64,
}

impl Work {
    /// Returns the number of objects that the run reads in all. The log files of digests that were
    /// not read yet are estimated from those that were. `None` before there is anything to go by.
    pub(crate) fn expected(&self) -> Option<u64> {
        let enough = self.listed.div_ceil(READ_OF_LISTED).max(1);
        if self.listed == 0 || self.walked < enough {
            return None;
        }
        let walked = self.walked.min(self.listed);
        let named = self.named.saturating_sub(self.skipped);
        let logs = u128::from(named) * u128::from(self.listed) / u128::from(walked);
        let logs = u64::try_from(logs).unwrap_or(u64::MAX);
        Some(self.listed.saturating_add(logs).max(self.done))
    }
}

/// The rate of a run, from what was done at each look.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    looks: VecDeque<(Duration, u64)>,
}

impl Rate {
    /// Notes what is done by `now`.
    pub(crate) fn look(&mut self, now: Duration, done: u64) {
        self.looks.push_back((now, done));
        let window = (now / 2).clamp(WINDOW.0, WINDOW.1);
        let begins = now.saturating_sub(window);
        // The last look before the window is its beginning.
        while self.looks.get(1).is_some_and(|(at, _)| *at <= begins) {
            self.looks.pop_front();
        }
    }

    /// Returns the objects per second.
    pub(crate) fn per_second(&self) -> Option<f64> {
        let ((from, before), (to, done)) = (self.looks.front()?, self.looks.back()?);
        let took = to.checked_sub(*from)?.as_secs_f64();
        (*to >= FIRST && took > 0.0).then(|| float(done.saturating_sub(*before)) / took)
    }

    /// Returns the time that the rest takes at this rate.
    pub(crate) fn left(&self, work: &Work) -> Option<Duration> {
        let rest = work.expected()?.saturating_sub(work.done);
        let rate = self.per_second().filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(float(rest) / rate).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(listed: u64, walked: u64, named: u64, done: u64) -> Work {
        Work { listed, walked, named, skipped: 0, done }
    }

    #[test]
    fn the_log_files_follow_from_the_digests_that_were_read() {
        assert_eq!(work(0, 0, 0, 0).expected(), None, "nothing is listed yet");
        assert_eq!(work(1_000, 4, 20, 30).expected(), None, "too few were read");
        assert_eq!(work(1_000, 5, 25, 30).expected(), Some(6_000));
        assert_eq!(work(1_000, 1_000, 3_000, 4_000).expected(), Some(4_000));
        assert_eq!(work(10, 1, 0, 1).expected(), Some(10));
        // Digests just outside of the listing are read too, and retries count.
        assert_eq!(work(10, 12, 0, 12).expected(), Some(12));
        let resumed = Work { skipped: 2_900, ..work(1_000, 1_000, 3_000, 1_100) };
        assert_eq!(resumed.expected(), Some(1_100));
        assert_eq!(work(u64::MAX, 2, u64::MAX, 0).expected(), None);
        assert_eq!(work(100, 1, u64::MAX, 0).expected(), Some(u64::MAX));
    }

    /// Runs a script of rates, in objects per second and seconds, over a run of a known number of
    /// objects, and returns the worst error of the time left from a quarter of the run on.
    fn worst_error(script: &[(u64, u64)]) -> f64 {
        let total: u64 = script.iter().map(|(rate, seconds)| rate * seconds).sum();
        let length: u64 = script.iter().map(|(_, seconds)| seconds).sum();
        let (mut rate, mut done, mut now, mut worst) = (Rate::default(), 0, 0, 0.0_f64);
        rate.look(Duration::ZERO, 0);
        for (per_second, seconds) in script {
            for _ in 0..*seconds {
                now += 1;
                done += per_second;
                rate.look(Duration::from_secs(now), done);
                let left = length - now;
                // The last seconds are shown as "a few seconds".
                if now * 4 < length || left < 10 {
                    continue;
                }
                // One log file for each digest.
                let half = total / 2;
                let seen = rate.left(&Work { done, ..work(half, half, half, done) }).unwrap();
                worst = worst.max((seen.as_secs_f64() / float(left) - 1.0).abs());
            }
        }
        worst
    }

    #[test]
    fn the_time_left_is_within_thirty_per_cent_from_a_quarter_on() {
        for (name, script) in [
            ("steady", vec![(700, 120)]),
            // The limit of requests in flight grows.
            ("slow start", vec![(50, 10), (200, 10), (700, 180)]),
            // The store allows a tenth for the first seconds, then as much as before.
            ("short pause", vec![(700, 60), (70, 4), (700, 120)]),
            ("long run", vec![(300, 10), (1_000, 3_600)]),
        ] {
            let worst = worst_error(&script);
            assert!(worst <= 0.3, "{name}: off by {:.0} %", worst * 100.0);
        }
    }

    #[test]
    fn a_throttled_run_is_estimated_by_its_new_rate() {
        let mut rate = Rate::default();
        for second in 0..=300 {
            let done = if second <= 100 { second * 1_000 } else { 100_000 + (second - 100) * 100 };
            rate.look(Duration::from_secs(second), done);
        }
        assert_eq!(rate.per_second().map(|rate| rate.round()), Some(100.0));
        let rest = work(5_000, 5_000, 0, 4_000);
        assert_eq!(rate.left(&rest).map(|left| left.as_secs()), Some(10));
    }

    #[test]
    fn nothing_is_estimated_before_the_first_seconds_or_if_nothing_moves() {
        let mut rate = Rate::default();
        let rest = work(10, 10, 0, 5);
        assert_eq!(rate.left(&rest), None);
        rate.look(Duration::ZERO, 0);
        rate.look(Duration::from_secs(1), 5);
        assert_eq!(rate.left(&rest), None);
        let mut still = Rate::default();
        (0..20).for_each(|second| still.look(Duration::from_secs(second), 5));
        assert_eq!(still.left(&rest), None);
    }

    #[test]
    fn the_looks_that_are_kept_do_not_grow_with_the_run() {
        let mut rate = Rate::default();
        (0..10_000).for_each(|second| rate.look(Duration::from_secs(second), second));
        assert!(rate.looks.len() <= 62, "{}", rate.looks.len());
    }
}
