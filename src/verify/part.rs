//! A part of a run: the accounts and regions from one to another, in canonical order.
//!
//! The walk of a chain needs the whole chain, so a run is cut between accounts and regions and never
//! within one. What the chains of all parts must know of each other is found out before the first
//! is walked ([`super::discover::jobs::Across`]), and what they contribute to the end of the run is
//! joined after the last ([`super::after_chains::AfterChains`]).
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, Region};

/// An account and one of its regions.
pub(crate) type AccountRegion = (AccountId, Region);

/// A part of a run. The parts of a run leave nothing out: every account and region is in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// The first account and region; `None` for the first part.
    pub(crate) from: Option<AccountRegion>,
    /// The first account and region of the next part; `None` for the last part.
    pub(crate) to: Option<AccountRegion>,
}

impl Part {
    /// Returns whether an account's region is in this part.
    pub(crate) fn has(&self, account: &AccountId, region: &Region) -> bool {
        let at = (account, region);
        let same = |bound: &AccountRegion| at.cmp(&(&bound.0, &bound.1));
        self.from.as_ref().is_none_or(|from| same(from).is_ge())
            && self.to.as_ref().is_none_or(|to| same(to).is_lt())
    }

    /// Returns whether a chain is in this part.
    pub(crate) fn has_chain(&self, chain: &ChainId) -> bool {
        self.has(&chain.account, &chain.source_region)
    }
}
