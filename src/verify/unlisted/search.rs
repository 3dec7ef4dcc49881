//! The search for objects in folders of log files that no verified digest names.
//!
//! The folders of days with verified time are listed completely. For each level above them, from
//! the folder of log files down, one listing with a delimiter shows the names that are not a
//! region, year, month or day. These are searched too, because readers of the folder read them.
use super::folders::{join_result, search_account, search_days, search_levels, search_root};
use super::found::{BesideRegions, SearchResults};
use super::look::Shared;
use super::named_logs::{NamedLogs, Names, days_of};
use super::unvalidated::Unvalidated;
use crate::locate::discover::Found;
use crate::locate::folders::is_region;
use crate::locate::place::{LOG_FOLDER, Place};
use crate::source::ObjectSource;
use crate::verify::part::Part;
use crate::verify::plan::VerifyPlan;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;
use std::sync::{Arc, Mutex};
use tokio::task::{JoinHandle, JoinSet};
use trailproof_core::coverage::Segment;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::key_layout::KeyRoot;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{Period, Timestamp};

/// The places of a run, as far as folders show them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SearchedPlaces {
    pub(crate) places: BTreeSet<Place>,
    /// For each place, the names of the account's folders that hold log files.
    pub(crate) log_folders: BTreeMap<Place, Vec<String>>,
    /// Places that have log files but no folder of digests.
    pub(crate) without_digests: BTreeSet<Place>,
}

impl From<&Found> for SearchedPlaces {
    fn from(found: &Found) -> Self {
        Self {
            places: found.places.clone(),
            log_folders: found.log_folders.clone(),
            without_digests: found.without_digests.clone(),
        }
    }
}

/// Which folders beside the verified days are searched: levels of places without verified time, and
/// what lies beside regions and accounts. All of it counts only if any place has verified time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// All of them, if any place has verified time.
    All,
    /// Those that fall to a part of the run. Other parts walk regions of the same accounts, so it is
    /// decided later what counts. Until then, what a digest of a different region names counts
    /// against the budgets, too.
    Part {
        /// Whose places with digests are searched if they have no verified time.
        part: Part,
        /// Accounts whose folders beside such places are searched.
        accounts: BTreeSet<AccountId>,
        /// Whether what lies beside the accounts is.
        roots: bool,
    },
}

/// The search over a run. Chains are reported by account and region, so a place is searched as soon
/// as the last chain of its account and region has been reported. The names of its log files are
/// then dropped: memory grows with one region of one account and not with the run.
#[derive(Debug)]
pub(crate) struct UnlistedSearch {
    shared: Arc<Shared>,
    period: Period,
    known: SearchedPlaces,
    beside: Beside,
    hasher: RandomState,
    current: Option<(AccountId, Region, NamedLogs)>,
    account: Option<OfAccount>,
    under_way: Vec<JoinHandle<()>>,
    /// What digests of accounts that are searched later name outside the folders of their region.
    elsewhere: BTreeMap<AccountId, BTreeSet<ObjectLocation>>,
    /// Whether any place has verified time.
    any_covered: bool,
    /// Accounts whose levels are searched.
    searched_accounts: BTreeSet<AccountId>,
    /// Accounts and regions whose days are searched.
    searched: BTreeSet<(AccountId, Region)>,
}

/// What the regions of one account contribute to the search of the levels above them.
#[derive(Debug)]
struct OfAccount {
    account: AccountId,
    /// Log files outside the folders of their region.
    elsewhere: BTreeSet<ObjectLocation>,
    covered: bool,
}

impl UnlistedSearch {
    /// Returns a search of these places.
    pub(crate) fn new(
        source: &Arc<dyn ObjectSource>,
        plan: &VerifyPlan,
        known: SearchedPlaces,
        beside: Beside,
        unvalidated: Arc<Unvalidated>,
    ) -> Self {
        let shared = Shared {
            source: Arc::clone(source),
            bucket: plan.bucket.clone(),
            scope: plan.scope.clone(),
            unvalidated,
            results: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            period: plan.period,
            known,
            beside,
            hasher: RandomState::new(),
            current: None,
            account: None,
            under_way: Vec::new(),
            elsewhere: BTreeMap::new(),
            any_covered: false,
            searched_accounts: BTreeSet::new(),
            searched: BTreeSet::new(),
        }
    }

    /// Returns the hasher for the names of log files.
    pub(crate) fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    /// Notes the names in a verified digest of the current chain.
    pub(crate) fn add(&mut self, chain: &ChainId, names: Names) {
        let elsewhere = names.elsewhere().to_vec();
        self.of(chain).add(names);
        if let Some(account) = &mut self.account {
            account.elsewhere.extend(elsewhere);
        }
    }

    /// Notes the interval of a proven digest of the current chain.
    pub(crate) fn proven(&mut self, chain: &ChainId, start: Timestamp, end: Timestamp) {
        let Period { start: from, end: to } = self.period;
        if start < from || end > to {
            self.of(chain).anchor(start, end);
        }
    }

    /// Notes what the current chain covers, at its end.
    pub(crate) fn covered(&mut self, chain: &ChainId, segments: &[Segment]) {
        let period = self.period;
        let named = self.of(chain);
        named.covered(segments, period);
        let covered = named.is_covered();
        self.any_covered |= covered;
        if let Some(account) = &mut self.account {
            account.covered |= covered;
        }
    }

    /// Notes how far the digests of an out-of-scope chain reach, at its end.
    pub(crate) fn reached(&mut self, chain: &ChainId, segments: &[Segment]) {
        let period = self.period;
        let _ = self.of(chain).reached(segments, period);
    }

    /// Returns the names and coverage of the current chain's account and region.
    fn of(&mut self, chain: &ChainId) -> &mut NamedLogs {
        let same = self.current.as_ref().is_some_and(|(account, region, _)| {
            *account == chain.account && *region == chain.source_region
        });
        if !same {
            self.begin();
        }
        if self.account.as_ref().is_none_or(|of| of.account != chain.account) {
            self.begin_account();
            self.account = Some(OfAccount {
                account: chain.account.clone(),
                elsewhere: BTreeSet::new(),
                covered: false,
            });
        }
        let (account, region) = (chain.account.clone(), chain.source_region.clone());
        let named = || (account, region, NamedLogs::new(self.hasher.clone()));
        &mut self.current.get_or_insert_with(named).2
    }

    /// Starts to search the current account and region, after the last of its chains.
    fn begin(&mut self) {
        let Some((account, region, mut named)) = self.current.take() else { return };
        if !named.is_covered() {
            return;
        }
        self.searched.insert((account.clone(), region.clone()));
        let here = |place: &&Place| place.account == account && place.region == region;
        let mut folders = Vec::new();
        for place in self.known.places.iter().filter(here) {
            let usual = || vec![LOG_FOLDER.to_owned()];
            let names = self.known.log_folders.get(place).cloned().unwrap_or_else(usual);
            // For a place without digests, only its levels are searched, together with its account.
            if !self.known.without_digests.contains(place) {
                folders.extend(names.into_iter().map(|name| (place.clone(), name)));
            }
        }
        let shared = Arc::clone(&self.shared);
        self.under_way.push(tokio::spawn(async move {
            named.settle();
            let named = Arc::new(named);
            let mut at_once = JoinSet::new();
            for (place, name) in folders {
                let (shared, named) = (Arc::clone(&shared), Arc::clone(&named));
                at_once.spawn(async move {
                    let days = named.all_days();
                    let days = search_levels(&shared, &named, &place, &name, &days).await;
                    search_days(&shared, &named, &place, &name, days).await;
                });
            }
            while let Some(done) = at_once.join_next().await {
                join_result(done);
            }
        }));
    }

    /// Starts to search what is beside the regions of the current account, after the last of them.
    fn begin_account(&mut self) {
        let Some(OfAccount { account, elsewhere, covered }) = self.account.take() else { return };
        if covered && self.beside == Beside::All {
            let shared = Arc::clone(&self.shared);
            self.all_of_account(&account, &elsewhere, &shared);
        } else if !elsewhere.is_empty() {
            self.elsewhere.insert(account, elsewhere);
        }
    }

    /// Starts to search everything of an account beside its verified days.
    fn all_of_account(
        &mut self,
        account: &AccountId,
        elsewhere: &BTreeSet<ObjectLocation>,
        shared: &Arc<Shared>,
    ) {
        self.searched_accounts.insert(account.clone());
        let is_here = |place: &&Place| place.account == *account;
        let places: Vec<Place> = self
            .known
            .places
            .iter()
            .filter(is_here)
            .filter(|at| self.is_open(at))
            .cloned()
            .collect();
        places.iter().for_each(|place| self.levels(place, elsewhere, shared));
        self.beside_regions(account, elsewhere, shared);
    }

    /// Returns whether a place has digests and no verified time.
    fn is_open(&self, place: &Place) -> bool {
        !self.known.without_digests.contains(place)
            && !self.searched.contains(&(place.account.clone(), place.region.clone()))
    }

    /// Starts to search the levels of a place that has no verified time: its days are answered for
    /// in a different way.
    fn levels(
        &mut self,
        place: &Place,
        elsewhere: &BTreeSet<ObjectLocation>,
        shared: &Arc<Shared>,
    ) {
        let days = Arc::new(days_of((self.period.start, self.period.end)));
        for name in self.known.log_folders.get(place).into_iter().flatten() {
            let (shared, days) = (Arc::clone(shared), Arc::clone(&days));
            let mut named = NamedLogs::new(self.hasher.clone());
            named.add_elsewhere(elsewhere);
            let (place, name) = (place.clone(), name.clone());
            self.under_way.push(tokio::spawn(async move {
                search_levels(&shared, &named, &place, &name, &days).await;
            }));
        }
    }

    /// Starts to search what is beside the regions of an account that have digests.
    fn beside_regions(
        &mut self,
        account: &AccountId,
        elsewhere: &BTreeSet<ObjectLocation>,
        shared: &Arc<Shared>,
    ) {
        let here = self.known.places.iter().filter(|place| place.account == *account);
        let (without_digests, with): (Vec<Place>, Vec<Place>) =
            here.cloned().partition(|place| self.known.without_digests.contains(place));
        let without = without_digests.iter().filter(|place| is_region(place.region.as_str()));
        without.for_each(|place| self.levels(place, elsewhere, shared));
        let roots: BTreeSet<KeyRoot> =
            with.iter().chain(&without_digests).map(|place| place.root.clone()).collect();
        let regions: BTreeSet<(KeyRoot, String)> =
            with.into_iter().map(|place| (place.root, place.region.to_string())).collect();
        let (regions, elsewhere) = (Arc::new(regions), Arc::new(elsewhere.clone()));
        for root in roots {
            let (regions, elsewhere) = (Arc::clone(&regions), Arc::clone(&elsewhere));
            let (shared, account) = (Arc::clone(shared), account.clone());
            self.under_way.push(tokio::spawn(async move {
                let named = |at: &ObjectLocation| elsewhere.contains(at);
                let has_digests = |name: &str| regions.contains(&(root.clone(), name.to_owned()));
                search_account(&shared, &root, &account, &named, &has_digests).await;
            }));
        }
    }

    /// Starts to search what is beside the accounts, unless accounts are named.
    fn beside_accounts(&mut self, shared: &Arc<Shared>) {
        if !self.shared.scope.accounts.is_empty() {
            return;
        }
        let places = &self.known.places;
        let mut roots: BTreeSet<KeyRoot> = places.iter().map(|place| place.root.clone()).collect();
        if self.shared.scope.organization.is_none() {
            // An organization's folder is inside one that holds accounts.
            let above = roots.iter().map(|root| root.prefix.clone());
            let above = above.map(|prefix| KeyRoot { prefix, organization: None });
            roots.extend(above.collect::<Vec<_>>());
        }
        let accounts = places.iter().map(|place| {
            let Place { root, account, .. } = place;
            format!("{}{account}", root.folder())
        });
        let organizations = roots.iter().filter(|root| root.organization.is_some());
        let organizations =
            organizations.map(|root| root.folder().trim_end_matches('/').to_owned());
        let known: Arc<BTreeSet<String>> = Arc::new(accounts.chain(organizations).collect());
        for root in roots {
            let (shared, known) = (Arc::clone(shared), Arc::clone(&known));
            self.under_way.push(tokio::spawn(async move {
                let above = root.folder();
                let is_known = |name: &str| known.contains(&format!("{above}{name}"));
                search_root(&shared, &root, &is_known).await;
            }));
        }
    }

    /// Waits for all searches and returns the results.
    pub(crate) async fn finish(mut self) -> SearchResults {
        self.begin();
        self.begin_account();
        let elsewhere = std::mem::take(&mut self.elsewhere);
        let named_by = |account| elsewhere.get(account).cloned().unwrap_or_default();
        let mut apart: BTreeMap<AccountId, Arc<Shared>> = BTreeMap::new();
        let of_roots = Arc::new(self.shared.apart());
        match self.beside.clone() {
            Beside::All if self.any_covered => {
                let shared = Arc::clone(&self.shared);
                let accounts: BTreeSet<AccountId> =
                    self.known.places.iter().map(|place| place.account.clone()).collect();
                for account in accounts.difference(&self.searched_accounts.clone()) {
                    self.all_of_account(account, &named_by(account), &shared);
                }
                self.beside_accounts(&shared);
            }
            Beside::All => {}
            Beside::Part { part, accounts, roots } => {
                let is_here = |place: &&Place| part.has(&place.account, &place.region);
                let open = self.known.places.iter().filter(is_here).filter(|at| self.is_open(at));
                for place in open.cloned().collect::<Vec<_>>() {
                    let shared = apart.entry(place.account.clone());
                    let shared = Arc::clone(shared.or_insert_with(|| self.shared.apart().into()));
                    self.levels(&place, &BTreeSet::new(), &shared);
                }
                for account in &accounts {
                    let shared = apart.entry(account.clone());
                    let shared = Arc::clone(shared.or_insert_with(|| self.shared.apart().into()));
                    self.beside_regions(account, &BTreeSet::new(), &shared);
                }
                if roots {
                    self.beside_accounts(&of_roots);
                }
            }
        }
        for search in self.under_way {
            join_result(search.await);
        }
        let found = |shared: &Shared| std::mem::take(&mut *shared.results());
        let mut accounts: BTreeMap<AccountId, BesideRegions> = BTreeMap::new();
        if self.beside != Beside::All {
            for (account, elsewhere) in elsewhere {
                accounts.entry(account).or_default().elsewhere = elsewhere;
            }
        }
        for (account, shared) in apart {
            accounts.entry(account).or_default().results = found(&shared);
        }
        SearchResults {
            results: found(&self.shared),
            beside: found(&of_roots),
            accounts,
            any_covered: self.any_covered,
        }
    }
}
