//! Where a run is cut into shards.
use crate::verify::listed_ends::ListedEnds;
use crate::verify::part::{AccountRegion, Part};
use crate::verify::parts::Surveyed;
use std::collections::BTreeSet;
use trailproof_core::vocab::ids::AccountId;

/// A shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) part: Part,
    /// The number of digests that were listed.
    pub(crate) digests: u64,
    /// Accounts whose folders beside the regions are searched with this shard.
    pub(crate) accounts: BTreeSet<AccountId>,
    /// Whether the folders beside the accounts are.
    pub(crate) roots: bool,
}

/// Cuts a run between accounts and regions: into one shard each, or into at most `most` shards with
/// about the same number of digests.
pub(crate) fn cut(surveyed: &Surveyed, most: Option<usize>) -> Vec<Shard> {
    let regions: Vec<AccountRegion> = surveyed.regions().into_iter().collect();
    // A region without digests takes some listings.
    let weight = |at: &AccountRegion| 1 + surveyed.listed.get(at).map_or(0, ListedEnds::count);
    let all: u64 = regions.iter().map(weight).sum();
    let most = most.unwrap_or(regions.len()).clamp(1, regions.len().max(1));
    let parts = u64::try_from(most).unwrap_or(u64::MAX);
    let mut first_of: BTreeSet<&AccountId> = BTreeSet::new();
    let mut shards: Vec<Shard> = Vec::new();
    let mut before = 0_u64;
    for (number, at) in regions.iter().enumerate() {
        // The shard in whose share of the whole the region begins; no shard stays empty.
        let left = regions.len() - number;
        let begun = u64::try_from(shards.len()).unwrap_or(u64::MAX);
        let due = u128::from(before) * u128::from(parts) >= u128::from(begun) * u128::from(all);
        if shards.is_empty() || (due && shards.len() < most) || left <= most - shards.len() {
            if let Some(last) = shards.last_mut() {
                last.part.to = Some(at.clone());
            }
            let from = (!shards.is_empty()).then(|| at.clone());
            let roots = shards.is_empty();
            let part = Part { from, to: None };
            shards.push(Shard { part, digests: 0, accounts: BTreeSet::new(), roots });
        }
        before += weight(at);
        let Some(shard) = shards.last_mut() else { continue };
        shard.digests += weight(at) - 1;
        if first_of.insert(&at.0) {
            shard.accounts.insert(at.0.clone());
        }
    }
    if shards.is_empty() {
        let part = Part::default();
        shards.push(Shard { part, digests: 0, accounts: BTreeSet::new(), roots: true });
    }
    shards
}
