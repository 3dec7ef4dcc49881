//! Places whose evidence is in doubt, and the account of all places that were found.
use crate::vocab::chain_id::{ChainHome, ChainId};
use crate::vocab::ids::{AccountId, Region};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// A place that a run must account for and cannot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlaceInDoubt {
    /// The reason.
    pub why: PlaceDoubt,
    /// The folder, if the place is one that was found.
    pub folder: Option<String>,
    /// The number of folders below it that are affected, if not the folder itself.
    pub folders: Option<u64>,
    /// Account that was named or expected.
    pub account: Option<AccountId>,
    /// Region that was named or expected.
    pub region: Option<Region>,
    /// Trail that was named, by name or ARN.
    pub trail: Option<String>,
    /// Home of the trail, if the place is a chain.
    pub home: Option<ChainHome>,
}

impl PlaceInDoubt {
    /// Creates a doubt about a chain.
    pub fn chain(why: PlaceDoubt, chain: &ChainId) -> Self {
        Self {
            why,
            folder: None,
            folders: None,
            account: Some(chain.account.clone()),
            region: Some(chain.source_region.clone()),
            trail: Some(chain.trail.to_string()),
            home: Some(chain.home()),
        }
    }

    /// Returns the chain, if the place is one.
    pub fn as_chain(&self) -> Option<ChainId> {
        let ChainHome { region, organization } = self.home.clone()?;
        Some(ChainId {
            account: self.account.clone()?,
            source_region: self.region.clone()?,
            trail: self.trail.as_ref()?.parse().ok()?,
            home_region: region,
            organization,
        })
    }

    /// Creates a doubt about an account, a region, or one in the other.
    pub fn of_place(why: PlaceDoubt, account: Option<&AccountId>, region: Option<&Region>) -> Self {
        Self {
            why,
            folder: None,
            folders: None,
            account: account.cloned(),
            region: region.cloned(),
            trail: None,
            home: None,
        }
    }

    /// Creates a doubt about a folder.
    pub fn folder(why: PlaceDoubt, folder: impl Into<String>) -> Self {
        Self {
            why,
            folder: Some(folder.into()),
            folders: None,
            account: None,
            region: None,
            trail: None,
            home: None,
        }
    }
}

/// Why a place is in doubt.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum PlaceDoubt {
    /// An account, region or trail that the user named has no chain with evidence in the period.
    NamedNotFound,
    /// An account or region that the user expects has no chain with evidence in the period.
    ExpectedNotFound,
    /// A folder of digests has objects, and none of their keys is a digest's key.
    DigestsUnreadable,
    /// These folders were not searched: a budget ended the search, or no chain leads to them although
    /// they look like CloudTrail's.
    NotLookedAt,
    /// A chain ended before the period, and nothing verified explains it.
    EndedUnexplained,
}

impl PlaceDoubt {
    /// Returns the stable code for machines; never renamed once released. It parses back to the
    /// reason.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Returns whether the place is completely absent, so that its whole period is uncovered.
    pub fn is_absence(self) -> bool {
        matches!(self, Self::NamedNotFound | Self::ExpectedNotFound)
    }
}

/// Totals of the places that were found. Each place is one account's folders in one region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlacesAnswered {
    /// Places that hold any object.
    pub found: u64,
    /// Places in which a chain has digests of the period.
    pub covered: u64,
    /// Places that hold no object of the period, and no chain that ended.
    pub empty: u64,
    /// Places that hold no object of the period, and a chain that ended before it.
    pub ended: u64,
    /// Places that are reported as in doubt or could not be listed.
    pub doubtful: u64,
    /// Places in which only trails outside of the scope have digests.
    pub left_out: u64,
}

impl PlacesAnswered {
    /// Returns whether every place that was found has exactly one answer.
    pub fn adds_up(&self) -> bool {
        let answers =
            [self.covered, self.empty, self.ended, self.doubtful, self.left_out].into_iter();
        answers.fold(0_u64, u64::saturating_add) == self.found
    }
}
