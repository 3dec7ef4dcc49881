//! The summaries of chains and runs.
use super::parts::{ChainShape, SegmentShape, Text, Time};
use super::unreadable::Unreadable;
use crate::codes::unlisted::SetAside;
use crate::coverage::{Segment, Uncovered};
use crate::record::summary::{ChainSummary, Counts, CoverageTotals, Presence, RunSummary};
use crate::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The summary of a chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChainFinishedShape<'a> {
    #[serde(borrow)]
    chain: ChainShape<'a>,
    #[serde(borrow)]
    presence: Text<'a>,
    last_digest_before: Option<Time>,
    #[serde(borrow)]
    coverage: Vec<SegmentShape<'a>>,
    counts: Counts,
}

impl<'a> From<&'a ChainSummary> for ChainFinishedShape<'a> {
    fn from(summary: &'a ChainSummary) -> Self {
        let last = match &summary.presence {
            Presence::Present => None,
            Presence::Absent { last } => *last,
            Presence::Ended { last } => Some(*last),
        };
        Self {
            chain: (&summary.chain).into(),
            presence: summary.presence.code().into(),
            last_digest_before: last.map(Time),
            coverage: summary.segments.iter().map(SegmentShape::from).collect(),
            counts: summary.counts,
        }
    }
}

impl TryFrom<ChainFinishedShape<'_>> for ChainSummary {
    type Error = Unreadable;

    fn try_from(shape: ChainFinishedShape<'_>) -> Result<Self, Unreadable> {
        let last = shape.last_digest_before.map(|at| at.0);
        let presence = match (&*shape.presence, last) {
            ("present", None) => Presence::Present,
            ("absent", last) => Presence::Absent { last },
            ("ended", Some(last)) => Presence::Ended { last },
            ("present" | "ended", _) => {
                return Err(Unreadable::value("chain-finished", "last_digest_before"));
            }
            (other, _) => return Err(Unreadable::unknown("presence", other)),
        };
        Ok(Self {
            chain: shape.chain.try_into()?,
            presence,
            segments: shape
                .coverage
                .into_iter()
                .map(Segment::try_from)
                .collect::<Result<_, _>>()?,
            counts: shape.counts,
        })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct TotalsShape<'a> {
    verified: i64,
    contradicted: i64,
    unverified: i64,
    pending: i64,
    #[serde(borrow)]
    uncovered: BTreeMap<Text<'a>, i64>,
}

/// The summary of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunFinishedShape<'a> {
    #[serde(borrow)]
    verdict: Text<'a>,
    exit_status: u8,
    chains: u64,
    chains_ended: u64,
    counts: Counts,
    #[serde(borrow)]
    coverage_seconds: TotalsShape<'a>,
    log_files_unlisted: u64,
    listings_unread: u64,
    chains_not_joined: u64,
    places_in_doubt: u64,
    keys_passed_over: u64,
    #[serde(borrow)]
    set_aside: BTreeMap<Text<'a>, u64>,
}

impl From<&RunSummary> for RunFinishedShape<'_> {
    fn from(summary: &RunSummary) -> Self {
        let CoverageTotals { verified, contradicted, unverified, pending, uncovered } =
            &summary.coverage;
        Self {
            verdict: summary.verdict.words().into(),
            exit_status: summary.verdict.exit_status(),
            chains: summary.chains,
            chains_ended: summary.ended,
            counts: summary.counts,
            coverage_seconds: TotalsShape {
                verified: *verified,
                contradicted: *contradicted,
                unverified: *unverified,
                pending: *pending,
                uncovered: uncovered.iter().map(|(why, s)| (why.code().into(), *s)).collect(),
            },
            log_files_unlisted: summary.unlisted,
            listings_unread: summary.listings_unread,
            chains_not_joined: summary.not_joined,
            places_in_doubt: summary.places_in_doubt,
            keys_passed_over: summary.passed_over,
            set_aside: summary.set_aside.iter().map(|(why, n)| (why.code().into(), *n)).collect(),
        }
    }
}

impl TryFrom<RunFinishedShape<'_>> for RunSummary {
    type Error = Unreadable;

    fn try_from(shape: RunFinishedShape<'_>) -> Result<Self, Unreadable> {
        let verdict: Verdict =
            shape.verdict.parse().map_err(|_| Unreadable::unknown("verdict", &shape.verdict))?;
        if verdict.exit_status() != shape.exit_status {
            return Err(Unreadable::value("run-finished", "exit_status"));
        }
        let TotalsShape { verified, contradicted, unverified, pending, uncovered: by_code } =
            shape.coverage_seconds;
        let mut uncovered = BTreeMap::new();
        for (code, seconds) in by_code {
            let why: Uncovered =
                code.parse().map_err(|_| Unreadable::unknown("coverage", &code))?;
            uncovered.insert(why, seconds);
        }
        let mut set_aside = BTreeMap::new();
        for (code, count) in shape.set_aside {
            let why = code
                .parse::<SetAside>()
                .ok()
                .ok_or_else(|| Unreadable::unknown("set_aside", &code))?;
            set_aside.insert(why, count);
        }
        Ok(Self {
            verdict,
            counts: shape.counts,
            chains: shape.chains,
            ended: shape.chains_ended,
            coverage: CoverageTotals { verified, contradicted, unverified, pending, uncovered },
            unlisted: shape.log_files_unlisted,
            listings_unread: shape.listings_unread,
            not_joined: shape.chains_not_joined,
            places_in_doubt: shape.places_in_doubt,
            passed_over: shape.keys_passed_over,
            set_aside,
        })
    }
}
