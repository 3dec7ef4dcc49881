//! The times at which chains begin and end within a run, according to the listing. The log files of
//! those hours may explain why, whichever chain names them.
//!
//! The event that ends a chain is often recorded elsewhere: in the trail's account and home region,
//! in the account that owns the bucket or the key, or in the management account.
use crate::locate::listed_chain::ListedChain;
use std::collections::BTreeSet;
use trailproof_core::trail_event::REACH;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::time::{HOUR, Period, Timestamp};

/// If two consecutive listed digests are further apart than this, there is a gap between them that
/// an event may explain. A digest covers an hour, and its end may deviate by a few minutes.
pub(crate) const APART: i64 = HOUR + HOUR / 2;

/// Maximum time from an event to the end of the digest that names its log file: delivery takes up
/// to a quarter of an hour, and the digest follows within an hour.
const NAMED: i64 = HOUR + HOUR / 2;

/// The home region of a trail with an ended chain, and its account; `None` for the trail of an
/// organization, because no chain names its owner.
pub(crate) type EndedIn = (Option<AccountId>, Region);

/// The moments of a run, and the places in which a chain that ended may have been started again at
/// any time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moments {
    /// The times around the moments, as disjoint closed intervals of digest ends, in order. How many
    /// there are depends on the length of the period and not on the number of chains.
    times: Vec<(Timestamp, Timestamp)>,
    ended: BTreeSet<EndedIn>,
}

impl Moments {
    /// Returns the times around the moments of all chains, each with the end of its newest digest
    /// before the period.
    pub(crate) fn of<'a>(
        chains: impl Iterator<Item = (&'a ListedChain, Option<Timestamp>)>,
        period: Period,
        tail_allowed_from: Option<Timestamp>,
    ) -> Self {
        let mut all = Vec::new();
        for (listed, older) in chains {
            let mut before: Option<Timestamp> = older;
            for end in listed.ends_of(DigestKind::Standard) {
                match before {
                    Some(before) if end.unix() - before.unix() <= APART => {}
                    // The time before the period was not listed completely.
                    Some(before) => all.extend([before.max(period.start), end]),
                    None => all.push(end),
                }
                before = Some(end);
            }
            // A chain whose next digest is not due yet has not ended.
            all.extend(before.filter(|end| {
                tail_allowed_from.is_none_or(|from| *end < from) && *end < period.end
            }));
        }
        let around = |moment: Timestamp| (moment.plus(-REACH), moment.plus(REACH + NAMED));
        all.into_iter().map(around).collect()
    }

    /// Returns whether a digest that ends here may name a log file that records one of the moments.
    pub(crate) fn are_near(&self, end: Timestamp) -> bool {
        let first = self.times.partition_point(|(_, to)| *to < end);
        self.times.get(first).is_some_and(|(from, _)| *from <= end)
    }

    /// Returns whether log files of this chain may record, at any time, that a chain that ended was
    /// started again. Then its end explains nothing: what it delivered since is missing.
    pub(crate) fn may_restart(&self, chain: &ChainId) -> bool {
        let ChainId { account, source_region, .. } = chain;
        [Some(account.clone()), None]
            .into_iter()
            .any(|owner| self.ended.contains(&(owner, source_region.clone())))
    }

    /// Notes that a chain ended.
    pub(crate) fn end_of(&mut self, chain: &ChainId) {
        let ChainId { account, home_region, organization, .. } = chain;
        self.ended_in((organization.is_none().then(|| account.clone()), home_region.clone()));
    }

    /// Notes where a trail with an ended chain has its home.
    pub(crate) fn ended_in(&mut self, place: EndedIn) {
        self.ended.insert(place);
    }

    /// Adds the moments of other chains.
    pub(crate) fn join(&mut self, other: Self) {
        let times = std::mem::take(&mut self.times).into_iter().chain(other.times);
        self.times = disjoint(times.collect());
        self.ended.extend(other.ended);
    }

    /// Returns the intervals.
    pub(crate) fn intervals(&self) -> &[(Timestamp, Timestamp)] {
        &self.times
    }

    /// Returns where trails with ended chains have their homes.
    pub(crate) fn ended(&self) -> &BTreeSet<EndedIn> {
        &self.ended
    }
}

impl FromIterator<(Timestamp, Timestamp)> for Moments {
    fn from_iter<I: IntoIterator<Item = (Timestamp, Timestamp)>>(intervals: I) -> Self {
        Self { times: disjoint(intervals.into_iter().collect()), ended: BTreeSet::new() }
    }
}

fn disjoint(mut all: Vec<(Timestamp, Timestamp)>) -> Vec<(Timestamp, Timestamp)> {
    all.sort_unstable();
    let mut disjoint: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (from, to) in all {
        match disjoint.last_mut() {
            Some(last) if from <= last.1.plus(1) => last.1 = last.1.max(to),
            _ => disjoint.push((from, to)),
        }
    }
    disjoint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hours_around_a_moment_are_near() {
        let at = |minutes: i64| Timestamp::from_unix(1_780_000_000 + minutes * 60);
        let around = |moment: i64| (at(moment).plus(-REACH), at(moment).plus(REACH + NAMED));
        let moments: Moments = [around(1_000), around(0)].into_iter().collect();
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
        let mut joined: Moments = [around(0)].into_iter().collect();
        joined.join([around(1_000), around(120)].into_iter().collect());
        assert_eq!(joined.intervals().len(), 2);
        assert!(joined.are_near(at(200)) && !joined.are_near(at(300)));
    }
}
