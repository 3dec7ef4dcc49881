//! The table of accounts and regions: the chains of an organization at a glance.
use super::chains::Standing;
use super::shown::Shown;
use crate::report::ends::Ends;
use crate::report::text_lines::{per_cent, verified};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::record::ChainSummary;

/// Maximum number of rows. With 17 regions, a row takes about 700 bytes.
const ACCOUNTS: usize = 1_500;
/// Maximum number of columns. AWS has fewer than 40 regions.
const REGIONS: usize = 64;

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
    pub(super) accounts: Vec<Account>,
    pub(super) accounts_left_out: u64,
    pub(super) regions_left_out: u64,
}

impl Matrix {
    /// Returns the matrix, or `None` if there are fewer than two accounts. `numbers` are those of
    /// the chains' sections.
    pub(super) fn of(
        chains: &[ChainSummary],
        numbers: &[Option<usize>],
        ends: &Ends,
    ) -> Option<Self> {
        let mut regions: BTreeSet<&str> = BTreeSet::new();
        let mut accounts: BTreeMap<&str, BTreeMap<&str, Cell>> = BTreeMap::new();
        for (chain, section) in chains.iter().zip(numbers) {
            let (account, region) =
                (chain.chain.account.as_str(), chain.chain.source_region.as_str());
            regions.insert(region);
            let cells = accounts.entry(account).or_default();
            match cells.get_mut(region) {
                Some(cell) => cell.add(chain, *section, ends),
                None => {
                    cells.insert(region, Cell::of(chain, *section, ends));
                }
            }
        }
        if accounts.len() < 2 {
            return None;
        }
        let regions_left_out = regions.len().saturating_sub(REGIONS);
        let regions: Vec<&str> = regions.into_iter().take(REGIONS).collect();
        let all = accounts.len();
        // If not all accounts fit, those with exceptions come first.
        let exceptional =
            |cells: &BTreeMap<&str, Cell>| cells.values().any(|cell| cell.standing.is_exception());
        let mut kept: BTreeSet<&str> = accounts
            .iter()
            .filter(|(_, cells)| exceptional(cells))
            .map(|(account, _)| *account)
            .take(ACCOUNTS)
            .collect();
        for account in accounts.keys() {
            if kept.len() >= ACCOUNTS {
                break;
            }
            kept.insert(account);
        }
        let accounts: Vec<Account> = accounts
            .iter_mut()
            .filter(|(account, _)| kept.contains(**account))
            .map(|(account, cells)| Account {
                id: Shown::of(account),
                cells: regions.iter().map(|region| cells.remove(region)).collect(),
            })
            .collect();
        Some(Self {
            regions: regions.into_iter().map(Shown::of).collect(),
            accounts_left_out: u64::try_from(all - accounts.len()).unwrap_or(u64::MAX),
            regions_left_out: u64::try_from(regions_left_out).unwrap_or(u64::MAX),
            accounts,
        })
    }
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
