//! Identity of a chain of digests, and the part of a bucket to verify.
use super::ids::{AccountId, NotAnId, OrganizationId, Region, TrailArn, TrailName};
use super::key_layout::ChainKey;
use std::fmt;
use std::str::FromStr;

/// One chain: all digests of one trail for one account and region. The prefix is not part of its
/// identity, because a trail's prefix can change in the middle of its chain.
///
/// The order is the canonical one of every output: account, region, trail.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId {
    /// Account whose log files the digests name.
    pub account: AccountId,
    /// Region whose log files the digests name.
    pub source_region: Region,
    /// Name of the trail.
    pub trail: TrailName,
    /// Region in the trail's ARN.
    pub home_region: Region,
    /// Organization of an organization trail.
    pub organization: Option<OrganizationId>,
}

/// What tells chains apart that have account, region and trail name in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainHome {
    /// Region in the trail's ARN.
    pub region: Region,
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
    /// Returns what tells it apart from chains of the same account, region and trail name.
    pub fn home(&self) -> ChainHome {
        ChainHome { region: self.home_region.clone(), organization: self.organization.clone() }
    }

    /// Returns whether both ids are the same except for the organization in their path.
    pub fn differs_only_in_path(&self, other: &Self) -> bool {
        self.account == other.account
            && self.source_region == other.source_region
            && self.trail == other.trail
            && self.home_region == other.home_region
    }

    /// Returns whether both are chains of one trail, in different accounts or regions.
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
    /// The trail with this ARN.
    Arn(TrailArn),
}

impl TrailFilter {
    /// Returns whether the filter matches the chain's trail. The ARN of an organization trail has
    /// the account that owns it, so its chains match by name and home region.
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

impl FromStr for TrailFilter {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        match text.starts_with("arn:") {
            true => text.parse().map(Self::Arn),
            false => text.parse().map(Self::Name),
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

/// The part of a bucket to verify; an empty list means everything that the bucket holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Trails to verify.
    pub trails: Vec<TrailFilter>,
    /// Accounts to verify.
    pub accounts: Vec<AccountId>,
    /// Source regions to verify.
    pub regions: Vec<Region>,
    /// The organization whose folder to verify, or `Some(None)` for accounts outside of any; set
    /// when a location continues below `AWSLogs`.
    pub organization: Option<Option<OrganizationId>>,
}

impl Scope {
    /// Returns whether the account is in scope.
    pub fn has_account(&self, account: &AccountId) -> bool {
        self.accounts.is_empty() || self.accounts.contains(account)
    }

    /// Returns whether the source region is in scope.
    pub fn has_region(&self, region: &Region) -> bool {
        self.regions.is_empty() || self.regions.contains(region)
    }

    /// Returns whether the folder of this organization, or of accounts without one, is in scope.
    pub fn has_organization(&self, organization: Option<&OrganizationId>) -> bool {
        self.organization.as_ref().is_none_or(|only| only.as_ref() == organization)
    }

    /// Returns whether the scope leaves out accounts, regions or organizations of a bucket.
    pub fn is_narrow(&self) -> bool {
        !self.accounts.is_empty() || !self.regions.is_empty() || self.organization.is_some()
    }

    /// Returns whether the chain's trail is in scope.
    pub fn has_trail(&self, chain: &ChainId) -> bool {
        self.trails.is_empty() || self.names_trail(chain)
    }

    /// Returns whether the chain is in scope.
    pub fn has(&self, chain: &ChainId) -> bool {
        self.has_account(&chain.account)
            && self.has_region(&chain.source_region)
            && self.has_organization(chain.organization.as_ref())
            && self.has_trail(chain)
    }

    /// Returns whether a filter names the chain's trail; false if the scope names no trails.
    pub fn names_trail(&self, chain: &ChainId) -> bool {
        self.trails.iter().any(|filter| filter.names(chain))
    }
}
