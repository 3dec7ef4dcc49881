//! Which chain of digests is meant, and what to look at of a bucket.
use super::ids::{AccountId, OrganizationId, Region, TrailArn, TrailName};
use super::key_layout::ChainKey;
use std::fmt;

/// One chain: all digests of one trail for one account and region. The prefix is not part of it,
/// as a trail's prefix can change in the middle of its chain.
///
/// The order is the canonical one of every output: account, region, trail.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId {
    /// Account whose log files the chain covers.
    pub account: AccountId,
    /// Region whose log files the chain covers.
    pub source_region: Region,
    /// The trail's name.
    pub trail: TrailName,
    /// Region in the trail's ARN.
    pub home_region: Region,
    /// Organization of an organization trail.
    pub organization: Option<OrganizationId>,
}

impl From<&ChainKey> for ChainId {
    fn from(key: &ChainKey) -> Self {
        Self {
            account: key.account.clone(),
            source_region: key.source_region.clone(),
            trail: key.trail.clone(),
            home_region: key.home_region.clone(),
            organization: key.root.organization.clone(),
        }
    }
}

impl ChainId {
    /// Whether both lie under the same names, but for the organization in their path.
    pub fn is_same_but_for_path(&self, other: &Self) -> bool {
        self.account == other.account
            && self.source_region == other.source_region
            && self.trail == other.trail
            && self.home_region == other.home_region
    }

    /// Whether both are chains of one trail, in other accounts or regions.
    pub fn is_sibling(&self, other: &Self) -> bool {
        self.trail == other.trail
            && self.home_region == other.home_region
            && self.organization == other.organization
            && (self.organization.is_some() || self.account == other.account)
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.account, self.source_region, self.trail)
    }
}

/// A trail as the caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrailFilter {
    /// Any trail of this name.
    Name(TrailName),
    /// This very trail.
    Arn(TrailArn),
}

impl TrailFilter {
    /// Whether the chain's trail is meant. An organization's trail has an ARN of the account that
    /// owns it, so its chains match by name and home region.
    pub fn names(&self, chain: &ChainId) -> bool {
        match self {
            Self::Name(name) => *name == chain.trail,
            Self::Arn(arn) => {
                arn.name == chain.trail
                    && arn.home_region == chain.home_region
                    && (chain.organization.is_some() || arn.account == chain.account)
            }
        }
    }
}

impl fmt::Display for TrailFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Arn(arn) => arn.fmt(f),
        }
    }
}

/// What to look at; an empty list means everything that the bucket holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Trails.
    pub trails: Vec<TrailFilter>,
    /// Accounts.
    pub accounts: Vec<AccountId>,
    /// Source regions.
    pub regions: Vec<Region>,
    /// The organization's folder, or, as `Some(None)`, accounts outside of any: what a location
    /// names that goes on below `AWSLogs`.
    pub organization: Option<Option<OrganizationId>>,
}

impl Scope {
    /// Whether the account is meant.
    pub fn has_account(&self, account: &AccountId) -> bool {
        self.accounts.is_empty() || self.accounts.contains(account)
    }

    /// Whether the source region is meant.
    pub fn has_region(&self, region: &Region) -> bool {
        self.regions.is_empty() || self.regions.contains(region)
    }

    /// Whether what lies in the folder of this organization, or in none, is meant.
    pub fn has_organization(&self, organization: Option<&OrganizationId>) -> bool {
        self.organization.as_ref().is_none_or(|only| only.as_ref() == organization)
    }

    /// Whether it leaves out accounts, regions or organizations of a bucket.
    pub fn is_narrow(&self) -> bool {
        !self.accounts.is_empty() || !self.regions.is_empty() || self.organization.is_some()
    }

    /// Whether the chain's trail is meant.
    pub fn has_trail(&self, chain: &ChainId) -> bool {
        self.trails.is_empty() || self.names_trail(chain)
    }

    /// Whether the chain is meant.
    pub fn has(&self, chain: &ChainId) -> bool {
        self.has_account(&chain.account)
            && self.has_region(&chain.source_region)
            && self.has_organization(chain.organization.as_ref())
            && self.has_trail(chain)
    }

    /// Whether the chain's trail is named, and not only not left out.
    pub fn names_trail(&self, chain: &ChainId) -> bool {
        self.trails.iter().any(|filter| filter.names(chain))
    }
}
