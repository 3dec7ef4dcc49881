//! Time that no digest covers, grouped by cause: what nothing explains first, what is usual last.
//! Stretches of equal time and cause are one entry for all of their chains.
use super::links::{ChainRef, FIRST, Mark, Numbers};
use super::shown::Shown;
use crate::report::collect::{Collected, Gap};
use crate::report::names::ChainNames;
use crate::report::numbers::{hours_and_days, length};
use crate::report::words::uncovered;
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::trail_event::ExplainingEvent;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::time::Timestamp;

/// Maximum number of entries shown of one group; the rest is counted. One takes about 400 bytes.
const SHOWN_OF_A_GROUP: usize = 300;
/// Number of chains that an entry names unfolded.
const CHAINS_NAMED: usize = 3;
/// Maximum number of chains that an entry names.
const CHAINS_SHOWN: usize = 500;

/// Why time is not covered, in the order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Absent,
    Unexplained,
    DigestsMissing,
    Hole,
    Tail,
    Explained,
    BeforeFirstDigest,
}

impl Cause {
    fn of(why: Uncovered, explained: bool) -> Self {
        match why {
            Uncovered::Absent => Self::Absent,
            Uncovered::Gap if explained => Self::Explained,
            Uncovered::Gap => Self::Unexplained,
            Uncovered::DigestsMissing => Self::DigestsMissing,
            Uncovered::Hole => Self::Hole,
            Uncovered::Tail => Self::Tail,
            Uncovered::BeforeFirstDigest => Self::BeforeFirstDigest,
        }
    }

    fn why(self) -> Uncovered {
        match self {
            Self::Absent => Uncovered::Absent,
            Self::Unexplained | Self::Explained => Uncovered::Gap,
            Self::DigestsMissing => Uncovered::DigestsMissing,
            Self::Hole => Uncovered::Hole,
            Self::Tail => Uncovered::Tail,
            Self::BeforeFirstDigest => Uncovered::BeforeFirstDigest,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Unexplained => "no event in a verified log file explains it",
            Self::Explained => "verified events explain it; they do not prove what happened then",
            other => uncovered(other.why()),
        }
    }
}

/// All time without digests for one cause.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) code: &'static str,
    pub(super) means: &'static str,
    /// Number of stretches, of chains and of hours.
    pub(super) stretches: u64,
    pub(super) chains: u64,
    pub(super) time: String,
    pub(super) first: Vec<Entry>,
    pub(super) folded: Vec<Entry>,
    /// Stretches that no entry shows.
    pub(super) left_out: u64,
    /// Whether the entries have a column for what explains them.
    pub(super) explained: bool,
}

/// A stretch of time without digests, of one chain or of several.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) number: usize,
    pub(super) chains: Vec<ChainRef>,
    pub(super) more_chains: Vec<ChainRef>,
    pub(super) total_chains: usize,
    pub(super) from: Shown,
    pub(super) to: Shown,
    pub(super) length: String,
    pub(super) explained: Vec<Explanation>,
    /// End of the newest earlier digest of an absent chain.
    pub(super) last: Option<Shown>,
    /// Whether GetTrailStatus reports that the trail of an absent chain is logging.
    pub(super) logging: Option<&'static str>,
    /// Findings about the digests that are missing here.
    pub(super) findings: Vec<usize>,
}

impl Entry {
    pub(super) fn chains_left_out(&self) -> usize {
        self.total_chains - self.chains.len() - self.more_chains.len()
    }
}

/// An event that explains a gap.
#[derive(Clone, Debug)]
pub(super) struct Explanation {
    pub(super) name: Shown,
    pub(super) id: Shown,
    pub(super) time: Shown,
    pub(super) principal: Shown,
    pub(super) address: Shown,
    pub(super) log: Shown,
}

impl Explanation {
    fn of(event: &ExplainingEvent) -> Self {
        Self {
            name: Shown::of(&event.name),
            id: Shown::of(&event.id),
            time: Shown::of(event.time),
            principal: Shown::of(&event.principal),
            address: Shown::of(&event.address),
            log: Shown::of(&event.log),
        }
    }
}

/// Time without digests, as the page shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps {
    pub(super) total: u64,
    pub(super) groups: Vec<Group>,
    /// Beginning and number of the entries that are shown of each chain.
    pub(super) by_chain: BTreeMap<ChainId, Vec<(Timestamp, usize)>>,
    /// Number of the entry for each finding about a digest that is missing there.
    pub(super) of_findings: BTreeMap<usize, usize>,
}

impl Gaps {
    pub(super) fn of(
        run: &Collected,
        marks: &BTreeMap<ChainId, Vec<Mark>>,
        numbers: &Numbers,
        names: &ChainNames,
    ) -> Self {
        let mut made = Self { total: run.gaps.total, ..Self::default() };
        let mut kept: BTreeMap<Cause, Vec<&Gap>> = BTreeMap::new();
        for gap in &run.gaps.entries {
            if let Coverage::Uncovered(why) = gap.segment.coverage {
                kept.entry(Cause::of(why, !gap.explained.is_empty())).or_default().push(gap);
            }
        }
        let totals = Totals::of(run, kept.get(&Cause::Explained).map_or(&[], Vec::as_slice));
        let mut number = 0;
        for (cause, gaps) in kept {
            let Some((stretches, seconds, chains)) = totals.0.get(&cause) else { continue };
            let mut entries = Vec::new();
            let mut shown = 0;
            for alike in clusters(&gaps).into_iter().take(SHOWN_OF_A_GROUP) {
                number += 1;
                shown += alike.len();
                entries.push(made.entry(number, &alike, run, marks, numbers, names));
            }
            let folded = entries.split_off(entries.len().min(FIRST));
            made.groups.push(Group {
                code: cause.why().code(),
                means: cause.words(),
                stretches: *stretches,
                chains: *chains,
                time: hours_and_days(*seconds),
                first: entries,
                folded,
                left_out: stretches.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX)),
                explained: cause == Cause::Explained,
            });
        }
        made
    }

    fn entry(
        &mut self,
        number: usize,
        alike: &[&Gap],
        run: &Collected,
        marks: &BTreeMap<ChainId, Vec<Mark>>,
        numbers: &Numbers,
        names: &ChainNames,
    ) -> Entry {
        let mut findings = Vec::new();
        for gap in alike {
            let segment = gap.segment;
            self.by_chain.entry(gap.chain.clone()).or_default().push((segment.from, number));
            let is_here = |mark: &&Mark| {
                mark.code == "digest-missing"
                    && segment.coverage == Coverage::Uncovered(Uncovered::DigestsMissing)
                    && mark.time.is_some_and(|time| segment.from <= time && time < segment.to)
            };
            for mark in marks.get(&gap.chain).into_iter().flatten().filter(is_here) {
                self.of_findings.insert(mark.number, number);
                findings.push(mark.number);
            }
        }
        findings.truncate(FIRST);
        let mut chains: Vec<ChainRef> = alike
            .iter()
            .take(CHAINS_SHOWN)
            .map(|gap| ChainRef::of(&gap.chain, numbers, names))
            .collect();
        let more_chains = chains.split_off(chains.len().min(CHAINS_NAMED));
        let Some(first) = alike.first() else { unreachable!("a cluster has an entry") };
        let is_absent = first.segment.coverage == Coverage::Uncovered(Uncovered::Absent);
        let logging = run.logging.get(&first.chain).filter(|_| is_absent && alike.len() == 1);
        Entry {
            number,
            chains,
            more_chains,
            total_chains: alike.len(),
            from: Shown::of(first.segment.from),
            to: Shown::of(first.segment.to),
            length: length(first.segment.seconds()),
            explained: first.explained.iter().map(Explanation::of).collect(),
            last: first.last.map(Shown::of),
            logging: logging.map(|logging| if *logging { "on" } else { "off" }),
            findings,
        }
    }
}

/// Joins stretches of equal time that the same events explain, in the order of the first of each.
fn clusters<'g>(gaps: &[&'g Gap]) -> Vec<Vec<&'g Gap>> {
    let mut clusters: Vec<Vec<&Gap>> = Vec::new();
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    for gap in gaps {
        let events: Vec<&str> = gap.explained.iter().map(|event| event.id.as_str()).collect();
        let key = (gap.segment.from, gap.segment.to, gap.last, events);
        let at = *known.entry(key).or_insert(clusters.len());
        match clusters.get_mut(at) {
            Some(cluster) => cluster.push(gap),
            None => clusters.push(vec![gap]),
        }
    }
    clusters
}

/// Number of stretches, seconds and number of chains of each cause, of the whole run.
struct Totals(BTreeMap<Cause, (u64, i64, u64)>);

impl Totals {
    fn of(run: &Collected, explained: &[&Gap]) -> Self {
        let explained: BTreeSet<(&ChainId, Timestamp)> =
            explained.iter().map(|gap| (&gap.chain, gap.segment.from)).collect();
        let mut totals: BTreeMap<Cause, (u64, i64, u64)> = BTreeMap::new();
        for chain in &run.chains {
            let mut causes = BTreeSet::new();
            for segment in &chain.segments {
                let Coverage::Uncovered(why) = segment.coverage else { continue };
                let cause = Cause::of(why, explained.contains(&(&chain.chain, segment.from)));
                let (stretches, seconds, _) = totals.entry(cause).or_default();
                *stretches += 1;
                *seconds += segment.seconds();
                causes.insert(cause);
            }
            for cause in causes {
                totals.entry(cause).or_default().2 += 1;
            }
        }
        Self(totals)
    }
}
