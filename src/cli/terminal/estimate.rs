//! How far a run is, and how long it will still take. The rules are pure: what was counted and when is
//! given to them.
use crate::cli::terminal::request_summary::float;
use std::collections::VecDeque;
use std::time::Duration;

/// Time over which the rate is measured: two fifths of the time since reading began, so that a slow
/// start and a throttled store are forgotten, within these bounds. In a run of 20 seconds, requests in flight grow
/// for the first two or three, which at a quarter of the run must be forgotten already.
const WINDOW: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(60));

/// Time after the beginning of reading before which nothing is estimated: the first requests open
/// connections.
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

/// The rate at which a run reads, from what was done at each look. Listing reads nothing, so the first
/// look is made when reading begins: time before it would make the rate too low.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    began: Option<Duration>,
    looks: VecDeque<(Duration, u64)>,
}

impl Rate {
    /// Notes what is done by `now`.
    pub(crate) fn look(&mut self, now: Duration, done: u64) {
        self.looks.push_back((now, done));
        let began = *self.began.get_or_insert(now);
        let window = (now.saturating_sub(began) * 2 / 5).clamp(WINDOW.0, WINDOW.1);
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
        let reading = to.checked_sub(self.began?)?;
        (reading >= FIRST && took > 0.0).then(|| float(done.saturating_sub(*before)) / took)
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

    /// A stretch of a run: objects per second, tenths of a second, and whether the time left is judged
    /// in it.
    type Stretch = (u64, u64, bool);

    /// Runs a script on a simulated clock, after listing for some tenths of a second. Looks are made at
    /// each `tick`-th tenth. Returns the worst error of the time left in the stretches where it is
    /// judged, once a quarter of the reading is over: before, nobody knows how long a listing takes.
    fn worst_error(listing: u64, script: &[Stretch], tick: u64) -> f64 {
        let total: u64 = script.iter().map(|(rate, tenths, _)| rate * tenths).sum::<u64>() / 10;
        let length: u64 = listing + script.iter().map(|(_, tenths, _)| tenths).sum::<u64>();
        let at = |tenths: u64| Duration::from_millis(tenths * 100);
        let (mut rate, mut done, mut now, mut worst) = (Rate::default(), 0, listing, 0.0_f64);
        rate.look(at(now), 0);
        for (per_second, tenths, judged) in script {
            for _ in 0..*tenths {
                now += 1;
                done += per_second;
                if now % tick != 0 {
                    continue;
                }
                rate.look(at(now), done / 10);
                let left = length - now;
                // The last seconds are shown as "a few seconds".
                if (now - listing) * 4 < length - listing || left < 50 || !judged {
                    continue;
                }
                // One log file for each digest.
                let half = total / 2;
                let seen = rate.left(&Work { done: done / 10, ..work(half, half, half, 0) });
                let seen = seen.expect("an estimate from a quarter of the run on");
                worst = worst.max((seen.as_secs_f64() * 10.0 / float(left) - 1.0).abs());
            }
        }
        worst
    }

    #[test]
    fn the_time_left_is_within_thirty_per_cent_from_a_quarter_on() {
        let ramp = |tenths: u64| -> Vec<Stretch> {
            vec![(50, 10, true), (150, 10, true), (400, 10, true), (700, tenths, true)]
        };
        for (name, listing, script) in [
            ("steady", 0, vec![(700, 1_200, true)]),
            // The limit of requests in flight grows.
            ("slow start", 0, vec![(50, 100, true), (200, 100, true), (700, 1_800, true)]),
            ("slow start of 20 seconds", 0, ramp(170)),
            // Nothing is read while the bucket is listed.
            ("long listing", 80, vec![(700, 160, true)]),
            ("long listing and slow start", 100, ramp(170)),
            // The store allows a tenth for the first seconds, then as much as before.
            ("short pause", 0, vec![(700, 600, true), (70, 40, true), (700, 1_200, true)]),
            (
                "short pause of 30 seconds",
                0,
                vec![(700, 100, true), (70, 10, true), (700, 190, true)],
            ),
            // The store throttles for a while, which nobody could know before. Then the run is
            // estimated as it was before.
            (
                "throttled in the middle",
                20,
                vec![(700, 400, true), (200, 300, false), (700, 350, false), (700, 1_200, true)],
            ),
            // Small objects first, then larger ones.
            ("two phases", 20, vec![(700, 300, true), (550, 600, true)]),
            ("long run", 300, vec![(300, 100, true), (1_000, 36_000, true)]),
        ] {
            // A terminal is looked at five times a second, and lines are printed each second.
            for tick in [2, 10] {
                let worst = worst_error(listing, &script, tick);
                assert!(worst <= 0.3, "{name}, {tick}: off by {:.0} %", worst * 100.0);
            }
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
        rate.look(Duration::from_secs(100), 0);
        rate.look(Duration::from_secs(101), 5);
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
