//! Keeps a bounded number of events until all chains are read, with a share for each account.
use super::Cause;
use crate::vocab::ids::AccountId;
use std::collections::{BTreeMap, BTreeSet};

/// The events that a run keeps. They are taken in canonical order, so that the result is the same
/// at any concurrency.
///
/// When the bound is exceeded, an event is dropped from the account with the most events, and there
/// from the kind of event with the most. An account therefore keeps at least the bound divided by
/// the number of accounts, whatever the others do, and a thousand deletions do not hide the only
/// `StopLogging`.
#[derive(Clone, Debug)]
pub struct KeptEvents {
    most: usize,
    accounts: BTreeMap<AccountId, OfAccount>,
    /// Number of events of each account.
    by_count: BTreeSet<(usize, AccountId)>,
    total: usize,
    steps: u64,
}

#[derive(Clone, Debug, Default)]
struct OfAccount {
    by_name: BTreeMap<String, BTreeSet<Cause>>,
    count: usize,
}

impl KeptEvents {
    /// Creates a collection that keeps at most `most` events.
    pub fn new(most: usize) -> Self {
        let (accounts, by_count) = (BTreeMap::new(), BTreeSet::new());
        Self { most, accounts, by_count, total: 0, steps: 0 }
    }

    /// Takes the next event.
    pub fn take(&mut self, cause: Cause) {
        self.steps += 1;
        let account = cause.recorded_in.clone();
        let of = self.accounts.entry(account.clone()).or_default();
        if !of.by_name.entry(cause.event.name.clone()).or_default().insert(cause) {
            return;
        }
        self.by_count.remove(&(of.count, account.clone()));
        of.count += 1;
        self.by_count.insert((of.count, account));
        self.total += 1;
        while self.total > self.most {
            let Some((count, account)) = self.by_count.pop_last() else { return };
            let Some(of) = self.accounts.get_mut(&account) else { return };
            of.drop_one();
            self.total -= 1;
            self.steps += 1;
            self.by_count.insert((count - 1, account));
        }
    }

    /// Lists all kept events, account by account.
    pub fn iter(&self) -> impl Iterator<Item = &Cause> {
        self.accounts.values().flat_map(|of| of.by_name.values().flatten())
    }

    /// Returns all kept events. Events kept apart from each other can be taken together: those that
    /// are kept do not depend on the order in which they were taken.
    pub fn into_causes(self) -> impl Iterator<Item = Cause> {
        self.accounts.into_values().flat_map(|of| of.by_name.into_values().flatten())
    }

    /// Returns the number of kept events.
    pub fn len(&self) -> usize {
        self.total
    }

    /// Returns whether no events are kept.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Returns the number of events that were added and dropped, for tests of their cost.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

impl OfAccount {
    /// Drops the last event of the most frequent kind. There are as many kinds as the table has
    /// operations.
    fn drop_one(&mut self) {
        let most = self.by_name.values_mut().max_by_key(|events| events.len());
        if most.is_some_and(|events| events.pop_last().is_some()) {
            self.count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail_event::{Effect, ExplainingEvent, Subject};
    use crate::vocab::location::ObjectLocation;
    use crate::vocab::time::Timestamp;

    fn cause(account: u32, name: &str, number: u32) -> Cause {
        let event = ExplainingEvent {
            time: Timestamp::from_unix(i64::from(number)),
            name: name.to_owned(),
            id: format!("{account}-{name}-{number}"),
            principal: String::new(),
            address: String::new(),
            log: ObjectLocation::new("b", "log"),
        };
        let recorded_in: AccountId = format!("{account:012}").parse().unwrap();
        let (subject, effect) = (Subject::Account(recorded_in.clone()), Effect::Ends);
        Cause { subject, effect, event, recorded_in }
    }

    fn count(kept: &KeptEvents, account: u32, name: &str) -> usize {
        let account: AccountId = format!("{account:012}").parse().unwrap();
        kept.iter().filter(|cause| cause.recorded_in == account && cause.event.name == name).count()
    }

    #[test]
    fn one_noisy_account_does_not_displace_others() {
        // The noisy account comes first, in the middle and last.
        for noisy in [0, 2, 4] {
            let mut kept = KeptEvents::new(100);
            for account in 0..5 {
                let events = if account == noisy { 10_000 } else { 15 };
                (0..events).for_each(|number| kept.take(cause(account, "StopLogging", number)));
            }
            assert_eq!(kept.len(), 100);
            for account in 0..5 {
                let expected = if account == noisy { 40 } else { 15 };
                assert_eq!(count(&kept, account, "StopLogging"), expected, "{noisy} {account}");
            }
        }
    }

    /// What is kept does not depend on the order, and not on how the events were divided before.
    #[test]
    fn events_kept_apart_are_those_kept_together() {
        let (kinds, mut state) = (["StopLogging", "DeleteTrail", "DeleteObject"], 1_u32);
        let mut next = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for round in 0..200 {
            let most = 1 + usize::try_from(next(40)).unwrap();
            let many = next(120);
            let all: Vec<Cause> = (0..many)
                .map(|_| {
                    cause(next(4) * next(2), kinds[usize::try_from(next(3)).unwrap()], next(60))
                })
                .collect();
            let mut together = KeptEvents::new(most);
            all.iter().cloned().for_each(|cause| together.take(cause));
            let together: Vec<Cause> = together.into_causes().collect();
            let mut parts =
                vec![KeptEvents::new(most), KeptEvents::new(most), KeptEvents::new(most)];
            for cause in all {
                parts[usize::try_from(next(3)).unwrap()].take(cause);
            }
            let mut joined = KeptEvents::new(most);
            while !parts.is_empty() {
                let part = parts
                    .remove(usize::try_from(next(u32::try_from(parts.len()).unwrap())).unwrap());
                part.into_causes().for_each(|cause| joined.take(cause));
            }
            let joined: Vec<Cause> = joined.into_causes().collect();
            assert_eq!(joined, together, "round {round}, {many} events, at most {most}");
        }
    }

    #[test]
    fn one_noisy_kind_of_event_does_not_displace_others() {
        let mut kept = KeptEvents::new(50);
        (0..1_000).for_each(|number| kept.take(cause(1, "DeleteObject", number)));
        kept.take(cause(1, "StopLogging", 1));
        (0..1_000).for_each(|number| kept.take(cause(1, "DeleteObjects", number)));
        assert_eq!((kept.len(), count(&kept, 1, "StopLogging")), (50, 1));
        // The same event from a different log file is a separate citation; an exact duplicate is
        // not.
        kept.take(cause(1, "StopLogging", 1));
        assert_eq!(count(&kept, 1, "StopLogging"), 1);
    }
}
