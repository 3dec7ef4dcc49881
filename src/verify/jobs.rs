//! Which chains a run walks, and with what: those that were found, and those that should be there.
use super::chain_run::ChainJob;
use super::discover::{Found, FoundChain};
use super::verify_run::{TAIL_ALLOWANCE, VerifyPlan};
use crate::core::chain_id::ChainId;
use crate::core::content::Hash;
use crate::event::Presence;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One job a chain, in canonical order. A region that other accounts of a trail have a chain in,
/// and a region that has log files and no digests, get a job without digests: their period is
/// uncovered.
pub(super) fn jobs(
    plan: &VerifyPlan,
    found: &mut Found,
    only: Option<&Arc<BTreeSet<Hash>>>,
) -> Vec<ChainJob> {
    // The listings are most of what was found, and are not needed twice.
    let mut chains: BTreeMap<ChainId, FoundChain> = std::mem::take(&mut found.chains);
    let goes_on: Vec<ChainId> = chains
        .iter()
        .filter(|(_, chain)| chain.listed.newest().is_some())
        .map(|(id, _)| id.clone())
        .collect();
    for expected in expected_chains(plan, found, &goes_on) {
        chains.entry(expected).or_default();
    }
    chains
        .into_iter()
        .map(|(id, chain)| {
            let named = plan.scope.names_trail(&id) || !plan.scope.regions.is_empty();
            let sibling = goes_on.iter().any(|other| *other != id && id.is_sibling(other));
            let presence = match chain.older {
                _ if chain.listed.newest().is_some() => Presence::Present,
                Some(last) if !named && !sibling => Presence::Ended { last },
                last => Presence::Absent { last },
            };
            ChainJob {
                bucket: plan.bucket.clone(),
                period: plan.period,
                tail_from: plan.now.plus(-TAIL_ALLOWANCE),
                listed: chain.listed,
                older: chain.older,
                presence,
                only: only.cloned(),
                chain: id,
            }
        })
        .collect()
}

/// Chains that should be there: of each trail in each region where it goes on in another account,
/// and where an account has log files in a region without any digest.
fn expected_chains(plan: &VerifyPlan, found: &Found, goes_on: &[ChainId]) -> Vec<ChainId> {
    let mut expected = BTreeSet::new();
    for one in goes_on {
        for other in goes_on {
            if one.is_sibling(other) {
                expected
                    .insert(ChainId { source_region: other.source_region.clone(), ..one.clone() });
            }
        }
        for place in &found.without_digests {
            // An organization's trail covers every account; any other trail only its own.
            let same = place.root.organization == one.organization
                && (one.organization.is_some() || place.account == one.account);
            if same {
                expected.insert(ChainId {
                    account: place.account.clone(),
                    source_region: place.region.clone(),
                    ..one.clone()
                });
            }
        }
    }
    expected
        .into_iter()
        .filter(|chain| plan.scope.has_region(&chain.source_region) && plan.scope.has_trail(chain))
        .collect()
}
