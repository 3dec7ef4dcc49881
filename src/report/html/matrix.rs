//! Account by region: the chains of an organization at one glance.
use super::chains::Standing;
use super::shown::Shown;
use crate::report::ends::Ends;
use crate::report::text_lines::{per_cent, verified};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::record::ChainSummary;

/// Accounts with a row. With 17 regions, a row takes about 700 bytes.
const ACCOUNTS: usize = 1_500;
/// Regions with a column. AWS has fewer than 40.
const REGIONS: usize = 64;

/// What is shown of one account and region.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) standing: Standing,
    /// Number of the section of the worst chain here, where it has one.
    pub(super) section: Option<usize>,
    /// What of the period is verified, where not all is.
    pub(super) verified: String,
    /// Chains here: one for each trail.
    pub(super) chains: u64,
    seconds: (i64, i64),
}

/// One account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: Shown,
    /// By region; `None` where it has no chain.
    pub(super) cells: Vec<Option<Cell>>,
}

/// See the module's words.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) regions: Vec<Shown>,
    pub(super) accounts: Vec<Account>,
    pub(super) accounts_left_out: u64,
    pub(super) regions_left_out: u64,
}

impl Matrix {
    /// The matrix, where there is more than one account. `numbers` are those of the chains'
    /// sections.
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
        // Where there is no room for all, those with exceptions come first.
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

    /// What is shown of it beside its colour: a mark, and what of the period is verified.
    pub(super) fn text(&self) -> String {
        match self.standing {
            Standing::Verified => "✓".to_owned(),
            Standing::Ended => "–".to_owned(),
            Standing::NotProven => format!("? {}", self.verified),
            Standing::Contradicted => format!("✗ {}", self.verified),
        }
    }
}
