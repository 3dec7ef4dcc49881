//! The chains that a run walks: those that were found, and those that should be there.
use super::places::Uncovered;
use crate::locate::discover::{Found, FoundChain, find_outside};
use crate::locate::place::Place;
use crate::source::ObjectSource;
use crate::verify::chain::job::ChainJob;
use crate::verify::chain::moments::Moments;
use crate::verify::part::Part;
use crate::verify::plan::VerifyPlan;
use crate::verify::resume::seam::Seam;
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
    pub(crate) go_on: BTreeSet<ChainId>,
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
pub(crate) struct Trail {
    pub(crate) name: TrailName,
    pub(crate) home_region: Region,
    pub(crate) organization: Option<OrganizationId>,
    /// Account of the trail, unless it is an organization trail.
    pub(crate) account: Option<AccountId>,
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

    /// Returns the chains in scope that should be there: for each trail, one in every account and
    /// region in which the trail continues, and one in each of these places, which have log files
    /// of the period. Chains that were found are left out.
    fn expected<'a>(
        &self,
        plan: &VerifyPlan,
        found: &BTreeSet<ChainId>,
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
            if plan.scope.has(&chain) && !found.contains(&chain) {
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

/// What the chains of a run must know of each other, wherever in the bucket they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Across {
    /// The trails that continue anywhere.
    pub(crate) continuing: BTreeSet<Trail>,
    /// Chains that should be there and were not found.
    pub(crate) expected: BTreeSet<ChainId>,
    /// Reason why expected chains are left out.
    pub(crate) over: Option<ReadFailure>,
    /// Reason why the chains outside the scope are not known.
    pub(crate) outside_unknown: Option<ReadFailure>,
    /// Times at which log files may hold events that explain where chains begin and end.
    pub(crate) moments: Moments,
}

/// What one part of the bucket contributes to [`Across`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Contribution {
    /// Chains that were found.
    pub(crate) found: BTreeSet<ChainId>,
    /// Those of them that have digests.
    pub(crate) present: BTreeSet<ChainId>,
    /// Chains that have digests only before the period, with the other paths of each and the end of
    /// its newest digest.
    pub(crate) older: BTreeMap<ChainId, (Vec<ChainId>, Timestamp)>,
    /// Places without digests of the period that have log files of it.
    pub(crate) with_logs: BTreeSet<Place>,
    pub(crate) moments: Moments,
}

impl Contribution {
    /// Returns the contribution of what was found. The newest digest before the period counts as
    /// listed if the next one is not due yet.
    pub(crate) fn of(plan: &VerifyPlan, found: &mut Found, uncovered: &Uncovered) -> Self {
        let tail_allowed_from = plan.tail_allowed_from();
        for chain in found.chains.values_mut() {
            chain.reach_back(tail_allowed_from);
        }
        let chains = || found.chains.iter();
        let present = chains().filter(|(_, chain)| chain.listed.newest().is_some());
        let older = |(id, chain): (&ChainId, &FoundChain)| {
            let last = chain.older.filter(|_| chain.listed.newest().is_none())?;
            Some((id.clone(), (chain.also.clone(), last)))
        };
        let listed = found.chains.values().map(|chain| (&chain.listed, chain.older));
        Self {
            found: chains().map(|(id, _)| id.clone()).collect(),
            present: present.map(|(id, _)| id.clone()).collect(),
            older: chains().filter_map(older).collect(),
            with_logs: uncovered.with_logs().cloned().collect(),
            moments: Moments::of(listed, plan.period, tail_allowed_from),
        }
    }

    /// Adds the contribution of a different part.
    pub(crate) fn join(&mut self, other: Self) {
        self.found.extend(other.found);
        self.present.extend(other.present);
        self.older.extend(other.older);
        self.with_logs.extend(other.with_logs);
        self.moments.join(other.moments);
    }

    /// Returns what follows from all parts together.
    ///
    /// A chain that continues under a different path counts as ended here: that it goes on is known
    /// only once its last digest is proven. Then too much is searched, and never too little.
    pub(crate) fn across(self, plan: &VerifyPlan, outside: Outside) -> Across {
        let continuing = Continuing::new(self.present.iter().chain(&outside.go_on));
        let expected = continuing.expected(plan, &self.found, self.with_logs.iter());
        let (expected, over) = match expected {
            Ok(expected) => (expected, None),
            Err(why) => (BTreeSet::new(), Some(why)),
        };
        let mut across = Across {
            continuing: continuing.0.into_keys().collect(),
            expected,
            over,
            outside_unknown: outside.unknown,
            moments: self.moments,
        };
        for (id, (also, last)) in &self.older {
            if let Presence::Ended { .. } = across.without_digests(plan, (id, also), Some(*last)) {
                across.moments.end_of(id);
            }
        }
        across
    }
}

impl Across {
    /// Returns whether a chain without a digest in the period counts as ended or as absent.
    fn without_digests(
        &self,
        plan: &VerifyPlan,
        (id, also): (&ChainId, &[ChainId]),
        last: Option<Timestamp>,
    ) -> Presence {
        // A named region or account shows where to look, not what is there.
        let named = plan.scope.names_trail(id)
            || before(plan, id, also).is_some()
            || plan.copied_earlier.contains(id);
        let sibling = self.outside_unknown.is_some() || self.continuing.contains(&Trail::from(id));
        let known = &plan.expected.known_ends;
        let is_known = |last| known.iter().any(|known| known.explains(id, last));
        match last {
            Some(last) if (!named && !sibling) || is_known(last) => Presence::Ended { last },
            last => Presence::Absent { last },
        }
    }
}

/// Returns from where a chain must continue, if the previous record has it.
fn before<'p>(plan: &'p VerifyPlan, id: &ChainId, also: &[ChainId]) -> Option<&'p Option<Seam>> {
    let chains = &plan.since.as_ref()?.chains;
    std::iter::once(id).chain(also).find_map(|id| chains.get(id))
}

/// Returns one job per chain, in canonical order. A region in which a trail should continue, and a
/// region with log files but no digests, get a job without digests, so that their period is
/// uncovered. Chains that are expected, or that the previous record has, are added if they are in
/// `part`.
pub(crate) fn jobs(
    plan: &VerifyPlan,
    found: &mut Found,
    across: &Across,
    part: &Part,
    only: Option<&Arc<LookupTargets>>,
) -> Vec<ChainJob> {
    let tail_allowed_from = plan.tail_allowed_from();
    // The listings take most of the memory, so they are moved and not copied.
    let mut chains: BTreeMap<ChainId, FoundChain> = std::mem::take(&mut found.chains);
    for chain in across.expected.iter().filter(|chain| part.has_chain(chain)) {
        chains.entry(chain.clone()).or_default();
    }
    // Chains of the previous record, and of an earlier copy, must not disappear silently.
    let recorded = plan.since.iter().flat_map(|since| since.chains.keys());
    let joined: BTreeSet<ChainId> =
        chains.values().flat_map(|chain| &chain.also).cloned().collect();
    let is_meant = |chain: &&ChainId| plan.scope.has(chain) && part.has_chain(chain);
    for chain in recorded.chain(&plan.copied_earlier).filter(is_meant) {
        if !joined.contains(chain) {
            chains.entry(chain.clone()).or_default();
        }
    }
    let job = |(id, chain): (ChainId, FoundChain)| {
        let seam = before(plan, &id, &chain.also);
        let presence = match chain.listed.newest() {
            Some(_) => Presence::Present,
            None => across.without_digests(plan, (&id, &chain.also), chain.older),
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
    };
    chains.into_iter().map(job).collect()
}
