//! The chains that a run walks: those that were found, and those that should be there.
use super::places::Uncovered;
use crate::locate::discover::{Found, FoundChain, find_outside};
use crate::locate::place::Place;
use crate::source::ObjectSource;
use crate::verify::chain::job::ChainJob;
use crate::verify::plan::VerifyPlan;
use crate::verify::targets::LookupTargets;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::record::Presence;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region, TrailName};
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::time::Timestamp;

/// Chains outside the scope, which show which chains should be in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
    /// Chains that have digests in the period or after it.
    go_on: BTreeSet<ChainId>,
    /// Reason why the chains outside the scope are not known.
    pub(crate) unknown: Option<ReadFailure>,
}

impl Outside {
    /// Lists chains outside the scope, if the scope leaves out accounts or regions.
    pub(crate) async fn look(plan: &VerifyPlan, source: &Arc<dyn ObjectSource>) -> Self {
        if plan.scope.accounts.is_empty() && plan.scope.regions.is_empty() {
            return Self::default();
        }
        match find_outside(source, &plan.bucket, &plan.roots, &plan.scope, plan.period).await {
            Ok(go_on) => Self { go_on, unknown: None },
            Err(why) => Self { go_on: BTreeSet::new(), unknown: Some(why) },
        }
    }
}

impl FoundChain {
    /// Adds the newest digest before the period to those that are walked, if none ends after the
    /// period's start and it is so recent that the next one is not due yet.
    fn reach_back(&mut self, tail_allowed_from: Option<Timestamp>) {
        let Some((older, from)) = self.older.zip(tail_allowed_from) else { return };
        if self.listed.newest().is_none()
            && older >= from
            && let Some(key) = &self.older_key
        {
            self.listed.add(key, DigestKind::Standard, &[older]);
        }
    }
}

/// One trail, over all of its accounts and regions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Trail {
    name: TrailName,
    home_region: Region,
    organization: Option<OrganizationId>,
    /// Account of the trail, unless it is an organization trail.
    account: Option<AccountId>,
}

impl From<&ChainId> for Trail {
    fn from(chain: &ChainId) -> Self {
        Self {
            name: chain.trail.clone(),
            home_region: chain.home_region.clone(),
            organization: chain.organization.clone(),
            account: chain.organization.is_none().then(|| chain.account.clone()),
        }
    }
}

/// Accounts and regions in which a trail continues.
#[derive(Clone, Debug, Default)]
struct TrailExtent {
    accounts: BTreeSet<AccountId>,
    regions: BTreeSet<Region>,
}

/// Where each trail continues in the period, within the scope and outside it.
#[derive(Clone, Debug, Default)]
struct Continuing(BTreeMap<Trail, TrailExtent>);

impl Continuing {
    fn new<'a>(chains: impl Iterator<Item = &'a ChainId>) -> Self {
        let mut trails: BTreeMap<Trail, TrailExtent> = BTreeMap::new();
        for chain in chains {
            let extent = trails.entry(Trail::from(chain)).or_default();
            extent.accounts.insert(chain.account.clone());
            extent.regions.insert(chain.source_region.clone());
            // A trail that has a chain anywhere also has one in its home region.
            extent.regions.insert(chain.home_region.clone());
        }
        Self(trails)
    }

    /// Returns whether the trail of this chain continues anywhere.
    fn has(&self, chain: &ChainId) -> bool {
        self.0.contains_key(&Trail::from(chain))
    }

    /// Returns the chains in scope that should be there: for each trail, one in every account and
    /// region in which the trail continues, and one in each of these places, which have log files
    /// of the period. Chains that were found are left out.
    fn expected<'a>(
        &self,
        plan: &VerifyPlan,
        found: &BTreeMap<ChainId, FoundChain>,
        with_logs: impl Iterator<Item = &'a Place>,
    ) -> Result<BTreeSet<ChainId>, ReadFailure> {
        let mut expected = BTreeSet::new();
        let mut add = |trail: &Trail, account: &AccountId, region: &Region| {
            let chain = ChainId {
                account: account.clone(),
                source_region: region.clone(),
                trail: trail.name.clone(),
                home_region: trail.home_region.clone(),
                organization: trail.organization.clone(),
            };
            if plan.scope.has(&chain) && !found.contains_key(&chain) {
                expected.insert(chain);
            }
            if expected.len() > budget::ABSENT_CHAINS {
                let words = "too many expected chains have no digest";
                return Err(ReadFailure::new(ReadFailureKind::OverBudget, words));
            }
            Ok(())
        };
        for (trail, extent) in &self.0 {
            let accounts = extent.accounts.iter().filter(|one| plan.scope.has_account(one));
            for account in accounts {
                let regions = extent.regions.iter().filter(|one| plan.scope.has_region(one));
                for region in regions {
                    add(trail, account, region)?;
                }
            }
        }
        // An organization trail covers every account; any other trail covers only its own.
        let mut of_organization: BTreeMap<&OrganizationId, Vec<&Trail>> = BTreeMap::new();
        let mut of_account: BTreeMap<&AccountId, Vec<&Trail>> = BTreeMap::new();
        for trail in self.0.keys() {
            match (&trail.organization, &trail.account) {
                (Some(organization), _) => {
                    of_organization.entry(organization).or_default().push(trail);
                }
                (None, Some(account)) => of_account.entry(account).or_default().push(trail),
                (None, None) => {}
            }
        }
        for place in with_logs {
            let trails = match &place.root.organization {
                Some(organization) => of_organization.get(organization),
                None => of_account.get(&place.account),
            };
            for trail in trails.into_iter().flatten() {
                add(trail, &place.account, &place.region)?;
            }
        }
        Ok(expected)
    }
}

/// Returns one job per chain, in canonical order, and the reason why expected chains may be left
/// out. A region in which a trail should continue, and a region with log files but no digests, get
/// a job without digests, so that their period is uncovered.
pub(crate) fn jobs(
    plan: &VerifyPlan,
    found: &mut Found,
    outside: &Outside,
    uncovered: &Uncovered,
    only: Option<&Arc<LookupTargets>>,
) -> (Vec<ChainJob>, Option<ReadFailure>) {
    let tail_allowed_from = plan.tail_allowed_from();
    // The listings take most of the memory, so they are moved and not copied.
    let mut chains: BTreeMap<ChainId, FoundChain> = std::mem::take(&mut found.chains);
    for chain in chains.values_mut() {
        chain.reach_back(tail_allowed_from);
    }
    let present = chains.iter().filter(|(_, chain)| chain.listed.newest().is_some());
    let goes_on = Continuing::new(present.map(|(id, _)| id).chain(&outside.go_on));
    let over = match goes_on.expected(plan, &chains, uncovered.with_logs()) {
        Ok(expected) => {
            for chain in expected {
                chains.entry(chain).or_default();
            }
            None
        }
        Err(why) => Some(why),
    };
    // Chains of the previous record must not disappear silently.
    let before = plan.since.as_ref().map(|since| &since.chains);
    let joined: BTreeSet<ChainId> =
        chains.values().flat_map(|chain| &chain.also).cloned().collect();
    for chain in before.into_iter().flat_map(BTreeMap::keys).filter(|chain| plan.scope.has(chain)) {
        if !joined.contains(chain) {
            chains.entry(chain.clone()).or_default();
        }
    }
    let is_known =
        |id: &ChainId, last| plan.expected.known_ends.iter().any(|known| known.explains(id, last));
    let jobs = chains
        .into_iter()
        .map(|(id, chain)| {
            let names = || std::iter::once(&id).chain(&chain.also);
            let seam = before.and_then(|chains| names().find_map(|id| chains.get(id)));
            // A named region or account shows where to look, not what is there.
            let named = plan.scope.names_trail(&id) || seam.is_some();
            let sibling = outside.unknown.is_some() || goes_on.has(&id);
            let presence = match chain.older {
                _ if chain.listed.newest().is_some() => Presence::Present,
                Some(last) if (!named && !sibling) || is_known(&id, last) => {
                    Presence::Ended { last }
                }
                last => Presence::Absent { last },
            };
            ChainJob {
                bucket: plan.bucket.clone(),
                period: plan.period,
                tail_allowed_from,
                listed: chain.listed,
                older: chain.older,
                older_key: chain.older_key,
                presence,
                only: only.cloned(),
                known: plan.known.clone(),
                names_only: false,
                seam: seam.cloned().flatten(),
                also: chain.also,
                chain: id,
            }
        })
        .collect();
    (jobs, over)
}
