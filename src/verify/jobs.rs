//! Which chains a run walks, and with what: those that were found, and those that should be there.
use super::chain_job::ChainJob;
use super::discover::{Found, FoundChain, find_chains};
use super::plan::VerifyPlan;
use crate::source::ObjectSource;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailproof_core::chain_id::{ChainId, Scope};
use trailproof_core::content::Hash;
use trailproof_core::coverage::TAIL_ALLOWANCE;
use trailproof_core::event::Presence;

/// What goes on outside of the scope, for telling whether a chain in it should have gone on too.
#[derive(Clone, Debug, Default)]
pub(super) struct Outside {
    /// Chains that have digests in the period.
    go_on: Vec<ChainId>,
    /// Whether some of it could not be listed, so that nobody can say that a chain ended.
    unread: bool,
}

impl Outside {
    /// Looks outside of the scope where a chain in it seems to have ended and nobody named it.
    pub(super) async fn look(
        plan: &VerifyPlan,
        source: &Arc<dyn ObjectSource>,
        found: &Found,
    ) -> Self {
        let scope = &plan.scope;
        let in_doubt = found.chains.iter().any(|(id, chain)| {
            chain.listed.newest().is_none() && chain.older.is_some() && !scope.names_trail(id)
        });
        if !in_doubt || (scope.regions.is_empty() && scope.accounts.is_empty()) {
            return Self::default();
        }
        let wide = Scope { trails: scope.trails.clone(), ..Scope::default() };
        let found = find_chains(source, &plan.bucket, &plan.roots, &wide, plan.period).await;
        let go_on = found.chains.into_iter().filter(|(_, chain)| chain.listed.newest().is_some());
        Self { go_on: go_on.map(|(id, _)| id).collect(), unread: !found.unread.is_empty() }
    }
}

/// One job a chain, in canonical order. A region that other accounts of a trail have a chain in,
/// and a region that has log files and no digests, get a job without digests: their period is
/// uncovered.
pub(super) fn jobs(
    plan: &VerifyPlan,
    found: &mut Found,
    outside: &Outside,
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
    // What was there when the run before ended does not end without a word.
    let before = plan.since.as_ref().map(|since| &since.chains);
    for chain in before.into_iter().flat_map(BTreeMap::keys).filter(|chain| plan.scope.has(chain)) {
        chains.entry(chain.clone()).or_default();
    }
    chains
        .into_iter()
        .map(|(id, chain)| {
            let seam = before.and_then(|chains| chains.get(&id));
            // A region or an account that is named says where to look, and not what is there.
            let named = plan.scope.names_trail(&id) || seam.is_some();
            let mut others = goes_on.iter().chain(&outside.go_on).filter(|other| **other != id);
            let sibling = outside.unread || others.any(|other| id.is_sibling(other));
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
                known: plan.known.clone(),
                names_only: false,
                seam: seam.cloned().flatten(),
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
