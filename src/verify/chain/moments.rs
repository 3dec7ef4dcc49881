//! When chains begin and end within a run, by the listing alone: the log files of those hours may
//! tell why, whatever chain names them.
//!
//! What ends a chain is often recorded elsewhere: in the trail's account and home region, in the
//! account that owns the bucket or the key, or in the management account.
use super::job::ChainJob;
use trailproof_core::trail_event::REACH;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// Two listed digests that are further apart than this have something between them that an event
/// may explain: an hour is what a digest covers, and a few minutes are what they are off.
pub(crate) const APART: i64 = HOUR + HOUR / 2;

/// From an event to the end of the digest that names its log file: delivery takes up to a quarter
/// of an hour, and then up to an hour passes.
const NAMED: i64 = HOUR + HOUR / 2;

/// The moments of a run, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments(Vec<Timestamp>);

impl Moments {
    /// Of all chains.
    pub(crate) fn of(jobs: &[ChainJob]) -> Self {
        let mut all = Vec::new();
        for job in jobs {
            let mut before: Option<Timestamp> = job.older;
            for end in job.listed.ends_of(DigestKind::Standard) {
                match before {
                    Some(before) if end.unix() - before.unix() <= APART => {}
                    // What the listing did not look for lies before the period.
                    Some(before) => all.extend([before.max(job.period.start), end]),
                    None => all.push(end),
                }
                before = Some(end);
            }
            // A digest that is still to come is no end.
            all.extend(before.filter(|end| {
                job.tail_allowed_from.is_none_or(|from| *end < from) && *end < job.period.end
            }));
        }
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// Whether a digest that ends here may name a log file that tells of one of them.
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
