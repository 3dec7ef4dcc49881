//! The table of accounts and regions, for accounts with exceptions; and which accounts and regions were
//! found.
use super::links::{Numbers, Standing};
use super::shown::Shown;
use crate::report::ends::Ends;
use crate::report::names::AccountNames;
use crate::report::numbers::{grouped, per_cent, verified};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::record::ChainSummary;

/// Maximum number of rows. With 17 regions, a row takes about 700 bytes.
const ACCOUNTS: usize = 1_500;
/// Maximum number of columns. AWS has fewer than 40 regions.
const REGIONS: usize = 64;
/// Maximum number of groups of accounts that were found in the same regions.
const GROUPS_FOUND: usize = 100;

/// The chains of one account and region.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) standing: Standing,
    /// Number of the section of the worst chain here, if it has one.
    pub(super) section: Option<usize>,
    /// Verified share of the period, in percent.
    pub(super) verified: String,
    /// Number of chains here: one for each trail.
    pub(super) chains: u64,
    seconds: (i64, i64),
}

/// One account's row.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: Shown,
    /// One cell per region; `None` if the account has no chain there.
    pub(super) cells: Vec<Option<Cell>>,
}

/// The table of accounts and regions.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) regions: Vec<Shown>,
    /// Accounts with exceptions.
    pub(super) accounts: Vec<Account>,
    /// Number of all accounts, and of those without exceptions.
    pub(super) all: String,
    pub(super) clean: String,
    pub(super) accounts_left_out: usize,
    pub(super) regions_left_out: usize,
}

impl Matrix {
    /// Returns the matrix, or `None` if there are fewer than two accounts.
    pub(super) fn of(
        chains: &[ChainSummary],
        numbers: &Numbers,
        ends: &Ends,
        names: &AccountNames,
    ) -> Option<Self> {
        let mut regions: BTreeSet<&str> = BTreeSet::new();
        let mut accounts: BTreeMap<&str, BTreeMap<&str, Cell>> = BTreeMap::new();
        for chain in chains {
            let section = numbers.get(&chain.chain);
            let (account, region) =
                (chain.chain.account.as_str(), chain.chain.source_region.as_str());
            regions.insert(region);
            let cells = accounts.entry(account).or_default();
            match cells.get_mut(region) {
                Some(cell) => cell.add(chain, section, ends),
                None => {
                    cells.insert(region, Cell::of(chain, section, ends));
                }
            }
        }
        if accounts.len() < 2 {
            return None;
        }
        let regions_left_out = regions.len().saturating_sub(REGIONS);
        let regions: Vec<&str> = regions.into_iter().take(REGIONS).collect();
        let all = accounts.len();
        accounts.retain(|_, cells| cells.values().any(|cell| cell.standing.is_exception()));
        let exceptional = accounts.len();
        let accounts: Vec<Account> = accounts
            .iter_mut()
            .take(ACCOUNTS)
            .map(|(account, cells)| Account {
                id: Shown::of(names.label(account)),
                cells: regions.iter().map(|region| cells.remove(region)).collect(),
            })
            .collect();
        let number = |count: usize| grouped(count);
        Some(Self {
            regions: regions.into_iter().map(Shown::of).collect(),
            all: number(all),
            clean: number(all - exceptional),
            accounts_left_out: exceptional - accounts.len(),
            regions_left_out,
            accounts,
        })
    }
}

/// Accounts that were found in the same regions.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) accounts: Vec<Shown>,
    pub(super) accounts_left_out: usize,
    pub(super) regions: Vec<Shown>,
}

/// Returns which accounts and regions were found, largest groups first, and how many groups are left
/// out.
pub(super) fn found(chains: &[ChainSummary], names: &AccountNames) -> (Vec<Found>, usize) {
    let mut accounts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for chain in chains {
        let region = chain.chain.source_region.as_str();
        accounts.entry(chain.chain.account.as_str()).or_default().insert(region);
    }
    let mut alike: BTreeMap<BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
    for (account, regions) in accounts {
        alike.entry(regions).or_default().push(account);
    }
    let mut alike: Vec<_> = alike.into_iter().collect();
    alike.sort_by_key(|(_, accounts)| std::cmp::Reverse(accounts.len()));
    let left_out = alike.len().saturating_sub(GROUPS_FOUND);
    let mut budget = ACCOUNTS;
    let mut groups = Vec::new();
    for (regions, accounts) in alike.into_iter().take(GROUPS_FOUND) {
        let shown: Vec<Shown> =
            accounts.iter().take(budget).map(|account| Shown::of(names.label(account))).collect();
        budget -= shown.len();
        groups.push(Found {
            accounts_left_out: accounts.len() - shown.len(),
            accounts: shown,
            regions: regions.into_iter().take(REGIONS).map(Shown::of).collect(),
        });
    }
    (groups, left_out)
}

impl Cell {
    fn of(chain: &ChainSummary, section: Option<usize>, ends: &Ends) -> Self {
        let seconds = verified(&chain.segments);
        Self {
            standing: Standing::of(chain, ends),
            section,
            verified: per_cent(seconds.1, seconds.0),
            chains: 1,
            seconds,
        }
    }

    fn add(&mut self, chain: &ChainSummary, section: Option<usize>, ends: &Ends) {
        let other = Self::of(chain, section, ends);
        self.chains += 1;
        self.seconds = (self.seconds.0 + other.seconds.0, self.seconds.1 + other.seconds.1);
        self.verified = per_cent(self.seconds.1, self.seconds.0);
        if other.standing > self.standing {
            self.standing = other.standing;
            self.section = other.section;
        }
    }

    /// Returns the text of the cell: a mark and, for exceptions, the verified share of the period.
    pub(super) fn text(&self) -> String {
        match self.standing {
            Standing::Verified => "✓".to_owned(),
            Standing::Ended => "–".to_owned(),
            Standing::NotProven => format!("? {}", self.verified),
            Standing::Contradicted => format!("✗ {}", self.verified),
        }
    }
}
