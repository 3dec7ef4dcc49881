//! Which digests a listing showed, in little space: chains have a digest every hour, so their ends
//! are a few runs of equal steps. Two listings of one place are compared, to name what changed.
use crate::locate::discover::{Found, FoundChain};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::vocab::key_layout::{ChainKey, DigestKind};
use trailproof_core::vocab::time::Timestamp;

/// Runs of one chain above which only their number is kept: 512 restarts or changes of phase.
const RUNS: usize = 512;

/// Differences that are named.
const NAMED: usize = 1_000;

/// Ends of digests at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndRun {
    /// The first end.
    pub(crate) first: Timestamp,
    /// Seconds from one to the next.
    pub(crate) step: i64,
    /// The number of digests.
    pub(crate) count: u64,
}

impl EndRun {
    fn ends(self) -> impl Iterator<Item = Timestamp> {
        let at = move |number: u64| {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            self.first.plus(self.step.saturating_mul(number))
        };
        (0..self.count).map(at)
    }
}

/// A digest that only one of two listings has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangedDigest {
    /// Its key.
    pub(crate) key: String,
    /// Whether the first listing has it, so that it is gone.
    pub(crate) gone: bool,
}

/// The digests that a listing showed, by the parts of their keys that do not depend on their end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListedEnds(BTreeMap<(ChainKey, DigestKind), Vec<EndRun>>);

impl ListedEnds {
    /// Returns the digests that were found, of every trail. A chain whose digests have too many
    /// different distances is left out.
    pub(crate) fn of(found: &Found) -> Self {
        let mut all = BTreeMap::new();
        for chain in found.chains.values().chain(found.beside.values()) {
            for (key, kind, ends) in by_key(chain) {
                let runs = runs(ends);
                if runs.len() <= RUNS {
                    all.insert((key, kind), runs);
                }
            }
        }
        Self(all)
    }

    /// Adds the digests of different chains.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Adds the runs of one chain.
    pub(crate) fn add(&mut self, key: ChainKey, kind: DigestKind, runs: Vec<EndRun>) {
        self.0.insert((key, kind), runs);
    }

    /// Returns the runs of each chain.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ChainKey, DigestKind, &[EndRun])> {
        self.0.iter().map(|((key, kind), runs)| (key, *kind, runs.as_slice()))
    }

    /// Returns the number of digests.
    pub(crate) fn count(&self) -> u64 {
        self.0.values().flatten().fold(0, |sum, run| sum.saturating_add(run.count))
    }

    /// Returns the digests that only one of the two has, in order, up to a limit.
    pub(crate) fn differences(&self, other: &Self) -> Vec<ChangedDigest> {
        let mut found = Vec::new();
        let chains: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        for chain in chains {
            let (one, two) = (self.0.get(chain), other.0.get(chain));
            if one == two {
                continue;
            }
            let ends = |runs: Option<&Vec<EndRun>>| -> BTreeSet<Timestamp> {
                runs.into_iter().flatten().flat_map(|run| run.ends()).collect()
            };
            let (one, two) = (ends(one), ends(two));
            let (key, kind) = chain;
            let differ = one.symmetric_difference(&two).take(NAMED);
            found.extend(differ.map(|end| ChangedDigest {
                key: key.digest_key(*end, *kind),
                gone: one.contains(end),
            }));
            if found.len() >= NAMED {
                break;
            }
        }
        found.truncate(NAMED);
        found
    }
}

/// Returns the ends of a chain's digests by their key and kind.
fn by_key(chain: &FoundChain) -> Vec<(ChainKey, DigestKind, Vec<Timestamp>)> {
    let mut all = Vec::new();
    for kind in [DigestKind::Standard, DigestKind::Backfill] {
        all.extend(chain.listed.by_key(kind).into_iter().map(|(key, ends)| (key, kind, ends)));
    }
    all
}

/// Returns ascending ends as runs.
fn runs(ends: Vec<Timestamp>) -> Vec<EndRun> {
    let mut runs: Vec<EndRun> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for end in ends {
        let step = last.map_or(0, |last| end.unix() - last.unix());
        last = Some(end);
        match runs.last_mut() {
            Some(run) if run.count == 1 => {
                run.step = step;
                run.count = 2;
            }
            Some(run) if run.step == step => run.count += 1,
            _ => runs.push(EndRun { first: end, step: 0, count: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::vocab::key_layout::DigestKey;
    use trailproof_core::vocab::time::HOUR;

    const KEY: &str = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_20260301T000411Z.json.gz";

    fn listed(hours: impl IntoIterator<Item = i64>) -> ListedEnds {
        let key = DigestKey::parse(KEY).unwrap();
        let ends = hours.into_iter().map(|hour| key.end.plus(hour * HOUR)).collect();
        let mut listed = ListedEnds::default();
        listed.add(key.chain, key.kind, runs(ends));
        listed
    }

    #[test]
    fn regular_hours_are_one_run_and_every_difference_is_named() {
        let all = listed(0..60_000);
        assert_eq!(all.0.values().map(Vec::len).collect::<Vec<_>>(), [1]);
        assert_eq!(all.count(), 60_000);
        for absent in [0, 1, 2, 30_000, 59_998, 59_999] {
            let less = listed((0..60_000).filter(|hour| *hour != absent));
            let key = DigestKey::parse(KEY).unwrap();
            let named = key.chain.digest_key(key.end.plus(absent * HOUR), key.kind);
            let changed = |gone| [ChangedDigest { key: named.clone(), gone }];
            assert_eq!(all.differences(&less), changed(true), "{absent}");
            assert_eq!(less.differences(&all), changed(false), "{absent}");
            assert_eq!(less.count(), 59_999);
        }
        assert_eq!(all.differences(&all), Vec::new());
        assert_eq!(all.differences(&ListedEnds::default()).len(), NAMED);
    }

    #[test]
    fn runs_have_the_ends_that_they_were_made_of() {
        for hours in [vec![], vec![3], vec![0, 1, 2, 5, 6, 9, 20, 21, 22, 22 + 24]] {
            let key = DigestKey::parse(KEY).unwrap();
            let ends: Vec<Timestamp> = hours.iter().map(|hour| key.end.plus(hour * HOUR)).collect();
            let back: Vec<Timestamp> =
                runs(ends.clone()).into_iter().flat_map(EndRun::ends).collect();
            assert_eq!(back, ends);
        }
    }
}
