//! The times at which chains begin and end within a run, according to the listing. The log files of
//! those hours may explain why, whichever chain names them.
//!
//! The event that ends a chain is often recorded elsewhere: in the trail's account and home region,
//! in the account that owns the bucket or the key, or in the management account.
use super::job::ChainJob;
use trailproof_core::trail_event::REACH;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// If two consecutive listed digests are further apart than this, there is a gap between them that
/// an event may explain. A digest covers an hour, and its end may deviate by a few minutes.
pub(crate) const APART: i64 = HOUR + HOUR / 2;

/// Maximum time from an event to the end of the digest that names its log file: delivery takes up
/// to a quarter of an hour, and the digest follows within an hour.
const NAMED: i64 = HOUR + HOUR / 2;

/// The moments of a run, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments(Vec<Timestamp>);

impl Moments {
    /// Returns the moments of all chains.
    pub(crate) fn of(jobs: &[ChainJob]) -> Self {
        let mut all = Vec::new();
        for job in jobs {
            let mut before: Option<Timestamp> = job.older;
            for end in job.listed.ends_of(DigestKind::Standard) {
                match before {
                    Some(before) if end.unix() - before.unix() <= APART => {}
                    // The time before the period was not listed completely.
                    Some(before) => all.extend([before.max(job.period.start), end]),
                    None => all.push(end),
                }
                before = Some(end);
            }
            // A chain whose next digest is not due yet has not ended.
            all.extend(before.filter(|end| {
                job.tail_allowed_from.is_none_or(|from| *end < from) && *end < job.period.end
            }));
        }
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// Returns whether a digest that ends here may name a log file that records one of the moments.
    pub(crate) fn are_near(&self, end: Timestamp) -> bool {
        let first = self.0.partition_point(|moment| *moment < end.plus(-(REACH + NAMED)));
        self.0.get(first).is_some_and(|moment| *moment <= end.plus(REACH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hours_around_a_moment_are_near() {
        let at = |minutes: i64| Timestamp::from_unix(1_780_000_000 + minutes * 60);
        let moments = Moments(vec![at(0), at(1_000)]);
        for (minutes, near) in [
            (-61, false),
            (-60, true),
            (0, true),
            (150, true),
            (151, false),
            (939, false),
            (940, true),
            (1_150, true),
            (1_151, false),
        ] {
            assert_eq!(moments.are_near(at(minutes)), near, "{minutes}");
        }
        assert!(!Moments::default().are_near(at(0)));
    }
}
