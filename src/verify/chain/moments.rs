//! The times at which chains begin and end within a run, according to the listing. The log files of
//! those hours may explain why, whichever chain names them.
//!
//! The event that ends a chain is often recorded elsewhere: in the trail's account and home region,
//! in the account that owns the bucket or the key, or in the management account.
use super::job::ChainJob;
use std::collections::BTreeSet;
use trailproof_core::record::Presence;
use trailproof_core::trail_event::REACH;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// If two consecutive listed digests are further apart than this, there is a gap between them that
/// an event may explain. A digest covers an hour, and its end may deviate by a few minutes.
pub(crate) const APART: i64 = HOUR + HOUR / 2;

/// Maximum time from an event to the end of the digest that names its log file: delivery takes up
/// to a quarter of an hour, and the digest follows within an hour.
const NAMED: i64 = HOUR + HOUR / 2;

/// The moments of a run, and the places in which a chain that ended may have been started again at
/// any time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments {
    /// In order.
    times: Vec<Timestamp>,
    /// The account and home region of each trail with an ended chain; the account is `None` for the
    /// trail of an organization, because no chain names its owner.
    ended: BTreeSet<(Option<AccountId>, Region)>,
}

impl Moments {
    /// Returns the moments of all chains.
    pub(crate) fn of(jobs: &[ChainJob]) -> Self {
        let mut all = Vec::new();
        let mut ended = BTreeSet::new();
        for job in jobs {
            if matches!(job.presence, Presence::Ended { .. }) {
                let ChainId { account, home_region, organization, .. } = &job.chain;
                let owner = organization.is_none().then(|| account.clone());
                ended.insert((owner, home_region.clone()));
            }
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
        Self { times: all, ended }
    }

    /// Returns whether a digest that ends here may name a log file that records one of the moments.
    pub(crate) fn are_near(&self, end: Timestamp) -> bool {
        let first = self.times.partition_point(|moment| *moment < end.plus(-(REACH + NAMED)));
        self.times.get(first).is_some_and(|moment| *moment <= end.plus(REACH))
    }

    /// Returns whether log files of this chain may record, at any time, that a chain that ended was
    /// started again. Then its end explains nothing: what it delivered since is missing.
    pub(crate) fn may_restart(&self, chain: &ChainId) -> bool {
        let ChainId { account, source_region, .. } = chain;
        [Some(account.clone()), None]
            .into_iter()
            .any(|owner| self.ended.contains(&(owner, source_region.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hours_around_a_moment_are_near() {
        let at = |minutes: i64| Timestamp::from_unix(1_780_000_000 + minutes * 60);
        let moments = Moments { times: vec![at(0), at(1_000)], ..Moments::default() };
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
