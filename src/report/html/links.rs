//! What the parts of the page need to know of each other: which chains have a section, and which
//! findings their calendars mark.
use super::shown::Shown;
use crate::report::collect::Collected;
use crate::report::ends::Ends;
use crate::report::names::ChainNames;
use crate::report::numbers::verified;
use std::collections::BTreeMap;
use trailproof_core::coverage::Coverage;
use trailproof_core::record::{ChainSummary, Presence};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::time::Timestamp;

/// Number of examples of a group that are shown unfolded.
pub(super) const FIRST: usize = 5;
/// Maximum number of sections. With calendars and stretches, one takes 2 to 5 kB.
const SECTIONS: usize = 400;

/// The result of a chain, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Verified for the whole period, except for pending time.
    Verified,
    /// Ended before the period.
    Ended,
    /// Something is not proven.
    NotProven,
    /// Something is contradicted.
    Contradicted,
}

impl Standing {
    pub(super) fn of(chain: &ChainSummary, ends: &Ends) -> Self {
        let (all, verified) = verified(&chain.segments);
        if chain.counts.findings() > 0
            || chain.segments.iter().any(|segment| segment.coverage == Coverage::Contradicted)
        {
            Self::Contradicted
        } else if chain.counts.unverified() > 0 || all > verified || ends.is_doubted(&chain.chain) {
            Self::NotProven
        } else if matches!(chain.presence, Presence::Ended { .. }) {
            Self::Ended
        } else {
            Self::Verified
        }
    }

    /// Returns whether an auditor must look at the chain.
    pub(super) fn is_exception(self) -> bool {
        matches!(self, Self::NotProven | Self::Contradicted)
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Ended => "ended before the period",
            Self::NotProven => "not proven",
            Self::Contradicted => "contradicted",
        }
    }

    /// Returns the class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Verified => "ok",
            Self::Ended => "none",
            Self::NotProven => "open",
            Self::Contradicted => "bad",
        }
    }
}

/// A chain as other parts of the page refer to it.
#[derive(Clone, Debug)]
pub(super) struct ChainRef {
    pub(super) name: Shown,
    /// Number of its section, if it has one.
    pub(super) section: Option<usize>,
}

impl ChainRef {
    pub(super) fn of(chain: &ChainId, numbers: &Numbers, names: &ChainNames) -> Self {
        Self { name: Shown::of(names.name(chain)), section: numbers.get(chain) }
    }
}

/// The numbers of the chains that have a section, and how many have none although they should.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    of: BTreeMap<ChainId, usize>,
    left_out: u64,
}

impl Numbers {
    pub(super) fn of(run: &Collected) -> Self {
        let mut made = Self::default();
        for (at, chain) in run.chains.iter().enumerate() {
            if !Standing::of(chain, &run.ends).is_exception() {
                continue;
            }
            if made.of.len() < SECTIONS {
                made.of.insert(chain.chain.clone(), at + 1);
            } else {
                made.left_out += 1;
            }
        }
        made
    }

    /// Returns how many chains have no section although they should.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(super) fn get(&self, chain: &ChainId) -> Option<usize> {
        self.of.get(chain).copied()
    }
}

/// A finding as its chain's calendar marks it.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) number: usize,
    pub(super) code: &'static str,
    /// A time in the interval of its digest, if the object's key has one.
    pub(super) time: Option<Timestamp>,
}
