//! The period and scope that the names of files give.
use super::files::LookupFile;
use std::collections::BTreeSet;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::time::{DAY, Timestamp};

/// What the names of files say about where and when they were delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedScope {
    /// The beginning of the day before the earliest name.
    pub(crate) start: Timestamp,
    /// The end of the day after the latest name: a digest may name a file late.
    pub(crate) end: Timestamp,
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) regions: Vec<Region>,
}

impl NamedScope {
    /// Returns what the names say.
    ///
    /// # Errors
    ///
    /// Returns the first file whose name is not that of a delivered file.
    pub(crate) fn of(files: &[LookupFile]) -> Result<Self, &str> {
        let (mut accounts, mut regions) = (BTreeSet::new(), BTreeSet::new());
        let mut times = BTreeSet::new();
        for file in files {
            let name = file.name.as_ref().ok_or(file.file.as_str())?;
            accounts.insert(name.account.clone());
            regions.insert(name.region.clone());
            times.insert(name.time);
        }
        let day = |at: Option<&Timestamp>| {
            let at = at.copied().unwrap_or(Timestamp::from_unix(0));
            Timestamp::from_unix(at.unix().div_euclid(DAY).saturating_mul(DAY))
        };
        Ok(Self {
            start: day(times.first()).plus(-DAY),
            end: day(times.last()).plus(2 * DAY),
            accounts: accounts.into_iter().collect(),
            regions: regions.into_iter().collect(),
        })
    }
}
