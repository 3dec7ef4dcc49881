//! The search for objects in folders of log files that no verified digest names.
//!
//! The folders of days with verified time are listed completely. For each level above them, from
//! the folder of log files down, one listing with a delimiter shows the names that are not a
//! region, year, month or day. These are searched too, because readers of the folder read them.
use super::folders::{
    is_region, join_result, search_account, search_days, search_levels, search_root,
};
use super::found::Results;
use super::look::Shared;
use super::named_logs::{Hashes, NamedLogs, Names, days_of};
use super::unvalidated::Unvalidated;
use crate::locate::discover::Found;
use crate::locate::place::{LOG_FOLDER, Place};
use crate::source::ObjectSource;
use crate::verify::plan::VerifyPlan;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex};
use tokio::task::{JoinHandle, JoinSet};
use trailproof_core::coverage::Segment;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::key_layout::KeyRoot;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{Period, Timestamp};

/// The search over a whole run. Chains are reported by account and region, so a place is searched
/// as soon as the last chain of its account and region has been reported. The names of its log
/// files are then dropped: memory grows with one region of one account and not with the run.
#[derive(Debug)]
pub(crate) struct UnlistedSearch {
    shared: Arc<Shared>,
    period: Period,
    places: BTreeSet<Place>,
    log_folders: BTreeMap<Place, Vec<String>>,
    /// Places that have log files but no folder of digests.
    without_digests: BTreeSet<Place>,
    hasher: RandomState,
    current: Option<(AccountId, Region, NamedLogs)>,
    account: Option<OfAccount>,
    under_way: Vec<JoinHandle<()>>,
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
    /// Names of log files outside the folders of their region.
    elsewhere: Hashes,
    covered: bool,
}

impl UnlistedSearch {
    /// Returns a search of the places that were found.
    pub(crate) fn new(source: &Arc<dyn ObjectSource>, plan: &VerifyPlan, found: &Found) -> Self {
        let shared = Shared {
            source: Arc::clone(source),
            bucket: plan.bucket.clone(),
            scope: plan.scope.clone(),
            unvalidated: Unvalidated::new(&plan.bucket, plan.status.clone()),
            results: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            period: plan.period,
            places: found.places.clone(),
            log_folders: found.log_folders.clone(),
            without_digests: found.without_digests.clone(),
            hasher: RandomState::new(),
            current: None,
            account: None,
            under_way: Vec::new(),
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
                elsewhere: Hashes::default(),
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
        for place in self.places.iter().filter(here) {
            let usual = || vec![LOG_FOLDER.to_owned()];
            let names = self.log_folders.get(place).cloned().unwrap_or_else(usual);
            // For a place without digests, only its levels are searched, together with its account.
            if !self.without_digests.contains(place) {
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

    /// Starts to search what is beside the regions of the current account.
    fn begin_account(&mut self) {
        let Some(OfAccount { account, elsewhere, covered }) = self.account.take() else { return };
        if covered {
            self.search_account(&account, elsewhere);
        }
    }

    /// Starts to search what is beside the regions of an account, and the levels of its places that
    /// have no verified time: their days are answered for in a different way.
    fn search_account(&mut self, account: &AccountId, elsewhere: Hashes) {
        self.searched_accounts.insert(account.clone());
        let here: Vec<Place> =
            self.places.iter().filter(|place| place.account == *account).cloned().collect();
        let roots: BTreeSet<KeyRoot> = here.iter().map(|place| place.root.clone()).collect();
        let elsewhere = Arc::new((elsewhere, self.hasher.clone()));
        let days = Arc::new(days_of((self.period.start, self.period.end)));
        let mut regions = BTreeSet::new();
        for place in here {
            if !self.without_digests.contains(&place) {
                regions.insert((place.root.clone(), place.region.to_string()));
                if self.searched.contains(&(account.clone(), place.region.clone())) {
                    continue;
                }
            } else if !is_region(place.region.as_str()) {
                continue;
            }
            for name in self.log_folders.get(&place).into_iter().flatten() {
                let (shared, days) = (Arc::clone(&self.shared), Arc::clone(&days));
                let named = NamedLogs::new(self.hasher.clone());
                let (place, name) = (place.clone(), name.clone());
                self.under_way.push(tokio::spawn(async move {
                    search_levels(&shared, &named, &place, &name, &days).await;
                }));
            }
        }
        let regions = Arc::new(regions);
        for root in roots {
            let regions = Arc::clone(&regions);
            let (shared, elsewhere) = (Arc::clone(&self.shared), Arc::clone(&elsewhere));
            let account = account.clone();
            self.under_way.push(tokio::spawn(async move {
                let (hashes, hasher) = elsewhere.as_ref();
                let named = |at: &ObjectLocation| hashes.contains(&hasher.hash_one(at));
                let has_digests = |name: &str| regions.contains(&(root.clone(), name.to_owned()));
                search_account(&shared, &root, &account, &named, &has_digests).await;
            }));
        }
    }

    /// Waits for all searches and returns the results.
    pub(crate) async fn finish(mut self) -> Results {
        self.begin();
        self.begin_account();
        if self.any_covered {
            // Accounts without verified time are answered for by their days alone.
            let accounts: BTreeSet<AccountId> =
                self.places.iter().map(|place| place.account.clone()).collect();
            for account in accounts.difference(&self.searched_accounts.clone()) {
                self.search_account(account, Hashes::default());
            }
        }
        // If accounts are named, nothing above them is listed.
        if self.any_covered && self.shared.scope.accounts.is_empty() {
            let mut roots: BTreeSet<KeyRoot> =
                self.places.iter().map(|place| place.root.clone()).collect();
            if self.shared.scope.organization.is_none() {
                // An organization's folder is inside one that holds accounts.
                let above = roots.iter().map(|root| root.prefix.clone());
                let above = above.map(|prefix| KeyRoot { prefix, organization: None });
                roots.extend(above.collect::<Vec<_>>());
            }
            let accounts = self.places.iter().map(|place| {
                let Place { root, account, .. } = place;
                format!("{}{account}", root.folder())
            });
            let organizations = roots.iter().filter(|root| root.organization.is_some());
            let organizations =
                organizations.map(|root| root.folder().trim_end_matches('/').to_owned());
            let known: Arc<BTreeSet<String>> = Arc::new(accounts.chain(organizations).collect());
            for root in roots {
                let (shared, known) = (Arc::clone(&self.shared), Arc::clone(&known));
                self.under_way.push(tokio::spawn(async move {
                    let above = root.folder();
                    let is_known = |name: &str| known.contains(&format!("{above}{name}"));
                    search_root(&shared, &root, &is_known).await;
                }));
            }
        }
        for search in self.under_way {
            join_result(search.await);
        }
        std::mem::take(&mut *self.shared.results())
    }
}
