//! What a run must account for because it was named or is expected: each account, region and trail
//! has a chain with evidence, or a line that says that it has none.
//!
//! The run reports by this rule, and a reader of its record checks by the same one.
use super::event::RunStart;
use super::place_doubt::{PlaceDoubt, PlaceInDoubt};
use crate::vocab::chain_id::{ChainId, Scope, TrailFilter};
use crate::vocab::ids::{AccountId, NotAnId, OrganizationId, Region, TrailName};
use std::collections::BTreeSet;
use std::str::FromStr;

/// The accounts, regions and trails for which a run must account.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    named: Places,
    expected: Places,
    trails: Vec<TrailFilter>,
    /// The same trails, to look up.
    filters: Filters,
    organization: Option<Option<OrganizationId>>,
}

/// Accounts and regions; an empty set means all.
#[derive(Clone, Debug, Default)]
struct Places {
    accounts: BTreeSet<AccountId>,
    regions: BTreeSet<Region>,
}

/// Names of trails, and home regions and accounts of those that are named by ARN.
#[derive(Clone, Debug, Default)]
struct Filters {
    names: BTreeSet<TrailName>,
    arns: BTreeSet<(TrailName, Region, AccountId)>,
    homes: BTreeSet<(TrailName, Region)>,
}

/// The chains that have evidence, or that are reported as absent.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    accounts: BTreeSet<AccountId>,
    regions: BTreeSet<Region>,
    places: BTreeSet<(AccountId, Region)>,
    trails: BTreeSet<TrailName>,
    of_accounts: BTreeSet<(TrailName, Region, AccountId)>,
    of_organizations: BTreeSet<(TrailName, Region)>,
}

impl Asked {
    /// Returns what a scope names, and what of these expected accounts and regions is in it.
    pub fn new(scope: &Scope, accounts: &[AccountId], regions: &[Region]) -> Self {
        let named = Places {
            accounts: scope.accounts.iter().cloned().collect(),
            regions: scope.regions.iter().cloned().collect(),
        };
        let expected = Places {
            accounts: accounts.iter().filter(|one| named.has_account(one)).cloned().collect(),
            regions: regions.iter().filter(|one| named.has_region(one)).cloned().collect(),
        };
        let mut filters = Filters::default();
        for filter in &scope.trails {
            match filter {
                TrailFilter::Name(name) => _ = filters.names.insert(name.clone()),
                TrailFilter::Arn(arn) => {
                    let (name, home) = (&arn.name, &arn.home_region);
                    filters.homes.insert((name.clone(), home.clone()));
                    filters.arns.insert((name.clone(), home.clone(), arn.account.clone()));
                }
            }
        }
        Self {
            named,
            expected,
            trails: scope.trails.clone(),
            filters,
            organization: scope.organization.clone(),
        }
    }

    /// Returns what a recorded run had to account for.
    ///
    /// # Errors
    ///
    /// An account, region, trail or organization is not one.
    pub fn of_start(start: &RunStart) -> Result<Self, NotAnId> {
        let organization = start.organization.as_deref().map(|id| match id {
            "" => Ok(None),
            id => id.parse().map(Some),
        });
        let scope = Scope {
            trails: all(&start.trails)?,
            accounts: all(&start.accounts)?,
            regions: all(&start.regions)?,
            organization: organization.transpose()?,
        };
        let accounts: Vec<_> = all(start.expected_accounts.as_deref().unwrap_or_default())?;
        let regions: Vec<_> = all(start.expected_regions.as_deref().unwrap_or_default())?;
        Ok(Self::new(&scope, &accounts, &regions))
    }

    /// Returns whether the chain is in scope, as [`Scope::has`] does.
    pub fn has(&self, chain: &ChainId) -> bool {
        let organization = self.organization.as_ref();
        self.named.has_account(&chain.account)
            && self.named.has_region(&chain.source_region)
            && organization.is_none_or(|only| *only == chain.organization)
            && (self.trails.is_empty() || self.filters.names(chain))
    }

    /// Returns the named accounts and regions, and pairs of them if both are named, that have no
    /// evidence, in order. Pairs are not stored: whoever stops at the first one that should not be there
    /// takes no more steps than there are chains, answers and accounts.
    pub fn named_absent<'a>(
        &'a self,
        evidence: &'a Evidence,
    ) -> impl Iterator<Item = PlaceInDoubt> + 'a {
        // If both are named, the account may have evidence in other regions.
        let whole = self.named.regions.is_empty();
        self.named.absent(PlaceDoubt::NamedNotFound, whole, evidence)
    }

    /// Returns the expected accounts and regions, and pairs of them if both are expected, that have no
    /// evidence, in order.
    pub fn expected_absent<'a>(
        &'a self,
        evidence: &'a Evidence,
    ) -> impl Iterator<Item = PlaceInDoubt> + 'a {
        self.expected.absent(PlaceDoubt::ExpectedNotFound, true, evidence)
    }

    /// Returns the named trails that have no evidence.
    pub fn trails_absent<'a>(
        &'a self,
        evidence: &'a Evidence,
    ) -> impl Iterator<Item = PlaceInDoubt> + 'a {
        let absent = self.trails.iter().filter(|filter| !evidence.has_trail(filter));
        absent.map(|filter| {
            let trail = Some(filter.to_string());
            PlaceInDoubt { trail, ..PlaceInDoubt::of_place(PlaceDoubt::NamedNotFound, None, None) }
        })
    }
}

fn all<T: FromStr<Err = NotAnId>>(texts: &[String]) -> Result<Vec<T>, NotAnId> {
    texts.iter().map(|text| text.parse()).collect()
}

impl Places {
    fn has_account(&self, account: &AccountId) -> bool {
        self.accounts.is_empty() || self.accounts.contains(account)
    }

    fn has_region(&self, region: &Region) -> bool {
        self.regions.is_empty() || self.regions.contains(region)
    }

    /// Returns the places that have no evidence. If it is a `whole` account that has none, its regions
    /// are not returned.
    fn absent<'a>(
        &'a self,
        why: PlaceDoubt,
        whole: bool,
        evidence: &'a Evidence,
    ) -> impl Iterator<Item = PlaceInDoubt> + 'a {
        let of_accounts = self.accounts.iter().flat_map(move |account| {
            let no_account = whole && !evidence.accounts.contains(account);
            let regions = self.regions.iter().take(if no_account { 0 } else { usize::MAX });
            let regions = regions.filter(move |region| {
                let pair = (account.clone(), Region::clone(region));
                !evidence.places.contains(&pair)
            });
            let absent = no_account.then_some((Some(account), None));
            absent.into_iter().chain(regions.map(move |region| (Some(account), Some(region))))
        });
        let alone = self.accounts.is_empty();
        let regions = self.regions.iter();
        let regions = regions.filter(move |region| alone && !evidence.regions.contains(*region));
        of_accounts
            .chain(regions.map(|region| (None, Some(region))))
            .map(move |(account, region)| PlaceInDoubt::of_place(why, account, region))
    }
}

impl Filters {
    fn names(&self, chain: &ChainId) -> bool {
        let (name, home) = (&chain.trail, &chain.home_region);
        self.names.contains(name)
            || match &chain.organization {
                Some(_) => self.homes.contains(&(name.clone(), home.clone())),
                None => self.arns.contains(&(name.clone(), home.clone(), chain.account.clone())),
            }
    }
}

impl Evidence {
    /// Takes a chain that has evidence or is reported as absent.
    pub fn take(&mut self, chain: &ChainId) {
        let (name, home) = (chain.trail.clone(), chain.home_region.clone());
        self.accounts.insert(chain.account.clone());
        self.regions.insert(chain.source_region.clone());
        self.places.insert((chain.account.clone(), chain.source_region.clone()));
        self.trails.insert(name.clone());
        match chain.organization {
            Some(_) => _ = self.of_organizations.insert((name, home)),
            None => _ = self.of_accounts.insert((name, home, chain.account.clone())),
        }
    }

    /// Returns whether a filter names the trail of a chain, as [`TrailFilter::names`] does.
    fn has_trail(&self, filter: &TrailFilter) -> bool {
        match filter {
            TrailFilter::Name(name) => self.trails.contains(name),
            TrailFilter::Arn(arn) => {
                let (name, home) = (arn.name.clone(), arn.home_region.clone());
                self.of_organizations.contains(&(name.clone(), home.clone()))
                    || self.of_accounts.contains(&(name, home, arn.account.clone()))
            }
        }
    }
}

impl<'a> FromIterator<&'a ChainId> for Evidence {
    fn from_iter<I: IntoIterator<Item = &'a ChainId>>(chains: I) -> Self {
        let mut evidence = Self::default();
        chains.into_iter().for_each(|chain| evidence.take(chain));
        evidence
    }
}
