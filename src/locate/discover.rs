//! Discovers what a bucket holds of CloudTrail: accounts, regions and chains. They are found by
//! listing and never taken from a list of regions.
//!
//! A chain counts if a digest of it is found in the period or next to it, so that deleting all
//! digests of the period does not make the chain disappear.
use super::folders::list_folders;
use super::listed_chain::ListedChain;
use super::place::{LOG_FOLDER, Place};
use super::place_listing::{Listing, goes_on, list_place};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ObjectSource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::chain_id::{ChainId, Scope};
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region};
use trailproof_core::vocab::key_layout::{ChainKey, DIGEST_FOLDER, KeyRoot};
use trailproof_core::vocab::log_key::is_log_folder;
use trailproof_core::vocab::time::{Period, Timestamp};

/// Accounts or places that are listed at once. The source limits their requests; each that waits for one
/// takes memory.
const AT_ONCE: usize = 512;

/// What was found of one chain.
#[derive(Clone, Debug, Default)]
pub struct FoundChain {
    /// The standard digests of the period and its anchors, and the backfill digests of the period.
    pub listed: ListedChain,
    /// The end of the newest digest before the period, as far as that was searched.
    pub older: Option<Timestamp>,
    /// The parts of that digest's key that do not depend on its end.
    pub older_key: Option<ChainKey>,
    /// The ids of the same chain under earlier paths of its trail, which are joined to it.
    pub also: Vec<ChainId>,
}

/// What was found in the bucket.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The chains in scope, in canonical order.
    pub chains: BTreeMap<ChainId, FoundChain>,
    /// The places with folders of log files or digests, to search for log files that no digest
    /// names.
    pub places: BTreeSet<Place>,
    /// For each place, the names of the account's folders that hold log files.
    pub log_folders: BTreeMap<Place, Vec<String>>,
    /// Places that have log files and no folder of digests.
    pub without_digests: BTreeSet<Place>,
    /// The chains with digests in the period or next to it, by the place that they are in,
    /// regardless of their trail.
    pub covering: BTreeMap<Place, BTreeSet<ChainId>>,
    /// The chains with digests before the period, by place, if no chain covers the place.
    pub older: BTreeMap<Place, BTreeSet<ChainId>>,
    /// Places whose folder of digests holds objects, but no key that names a digest.
    pub unreadable: BTreeSet<Place>,
    /// Places whose digests could not be listed, with the reason.
    pub unlisted: BTreeMap<Place, ReadFailure>,
    /// Listings that could not be read: the folder and the reason.
    pub unread: Vec<(String, ReadFailure)>,
    /// Trails in the bucket that the scope leaves out.
    pub left_out: BTreeSet<String>,
    /// The chains of these trails.
    pub beside: BTreeMap<ChainId, FoundChain>,
    /// The number of keys in folders of digests that do not name a digest.
    pub passed_over: u64,
}

/// The CloudTrail folders below some roots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folders {
    /// The accounts, each with the root that it is in.
    accounts: BTreeSet<(KeyRoot, AccountId)>,
    /// The places that have a folder of digests.
    pub(crate) digests: BTreeSet<Place>,
    /// For each place, the names of the account's folders that hold log files.
    pub(crate) logs: BTreeMap<Place, Vec<String>>,
    /// Listings that could not be read: the folder and the reason.
    pub(crate) unread: Vec<(String, ReadFailure)>,
}

impl Folders {
    fn add(&mut self, other: Self) {
        self.digests.extend(other.digests);
        self.logs.extend(other.logs);
        self.unread.extend(other.unread);
    }

    /// Returns the folders of digests and of log files of every place.
    pub(crate) fn folders(&self) -> Vec<String> {
        let logs = self.logs.iter().flat_map(|(place, names)| {
            names.iter().map(|name| place.folder(name)).collect::<Vec<_>>()
        });
        self.digests.iter().map(Place::digest_folder).chain(logs).collect()
    }

    /// Returns the listings that could not be read: the folder and the reason.
    pub(crate) fn into_unread(self) -> Vec<(String, ReadFailure)> {
        self.unread
    }
}

/// Finds all chains below these roots.
pub async fn find_chains(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    roots: &[String],
    scope: &Scope,
    period: Period,
) -> Found {
    let folders = find_places(source, bucket, roots, scope).await;
    list_chains(source, bucket, folders, BTreeMap::new(), scope, period).await
}

/// Lists the digests in these folders. `unreadable` names those places whose digests could not be
/// listed before: they are not listed again.
pub(crate) async fn list_chains(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    folders: Folders,
    unreadable: BTreeMap<Place, ReadFailure>,
    scope: &Scope,
    period: Period,
) -> Found {
    let mut found = Found {
        places: folders.digests.iter().chain(folders.logs.keys()).cloned().collect(),
        without_digests: folders
            .logs
            .keys()
            .filter(|place| !folders.digests.contains(*place))
            .cloned()
            .collect(),
        log_folders: folders.logs,
        unread: folders.unread,
        ..Found::default()
    };
    let mut listings = JoinSet::new();
    let mut take = |(place, listed): (Place, Result<Listing, ReadFailure>)| match listed {
        Ok(listed) => found.take(&place, listed, scope),
        Err(why) => {
            found.unread.push((place.digest_folder(), why.clone()));
            found.unlisted.insert(place, why);
        }
    };
    for place in folders.digests {
        if listings.len() >= AT_ONCE
            && let Some(done) = listings.join_next().await
        {
            take(finished(done));
        }
        let (source, bucket) = (Arc::clone(source), bucket.to_owned());
        let before = unreadable.get(&place).cloned();
        listings.spawn(async move {
            let listed = match before {
                Some(why) => Err(why),
                None => list_place(source.as_ref(), &bucket, &place, period).await,
            };
            (place, listed)
        });
    }
    while let Some(done) = listings.join_next().await {
        take(finished(done));
    }
    found.unread.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

/// Returns the chains of trails in scope that continue into the period outside of the scope, as far
/// as one listing of each place shows.
///
/// # Errors
///
/// A folder outside of the scope could not be listed, so it is not known what continues there.
pub(crate) async fn find_outside(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    roots: &[String],
    scope: &Scope,
    period: Period,
) -> Result<BTreeSet<ChainId>, ReadFailure> {
    let wide = Scope {
        trails: scope.trails.clone(),
        organization: scope.organization.clone(),
        ..Scope::default()
    };
    let folders = find_places(source, bucket, roots, &wide).await;
    if let Some((_, why)) = folders.unread.into_iter().next() {
        return Err(why);
    }
    let outside = folders
        .digests
        .into_iter()
        .filter(|place| !scope.has_account(&place.account) || !scope.has_region(&place.region));
    let source = source.as_ref();
    let looks = in_order(outside.map(|place| -> BoxFuture<'_, _> {
        Box::pin(async move {
            let chains = goes_on(source, bucket, &place, period).await;
            (place, chains)
        })
    }))
    .await;
    let mut found = BTreeSet::new();
    for (place, keys) in looks {
        for key in keys? {
            let id = ChainId::from(&key);
            if key.root == place.root && id.account == place.account && wide.has_trail(&id) {
                found.insert(id);
            }
        }
    }
    Ok(found)
}

/// Returns the accounts and regions in scope that have a folder.
///
/// If the scope names organization and account, nothing above the account is listed, so that a
/// caller who may list only there can run.
pub(crate) async fn find_places(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    roots: &[String],
    scope: &Scope,
) -> Folders {
    let mut found = Folders::default();
    let root = |prefix: &String, organization: Option<OrganizationId>| KeyRoot {
        prefix: prefix.clone(),
        organization,
    };
    match &scope.organization {
        Some(organization) if !scope.accounts.is_empty() => {
            for prefix in roots {
                let root = root(prefix, organization.clone());
                let accounts = scope.accounts.iter().cloned();
                found.accounts.extend(accounts.map(|account| (root.clone(), account)));
            }
        }
        Some(Some(organization)) => {
            let only = roots.iter().map(|prefix| root(prefix, Some(organization.clone())));
            find_accounts(source, bucket, only.collect(), scope, &mut found).await;
        }
        _ => {
            let all = roots.iter().map(|prefix| root(prefix, None)).collect();
            find_accounts(source, bucket, all, scope, &mut found).await;
        }
    }
    let mut listings = JoinSet::new();
    for (root, account) in found.accounts.clone() {
        if listings.len() >= AT_ONCE
            && let Some(done) = listings.join_next().await
        {
            found.add(finished(done));
        }
        let (source, bucket, scope) = (Arc::clone(source), bucket.to_owned(), scope.clone());
        listings.spawn(async move {
            let mut folders = Folders::default();
            find_regions(source.as_ref(), &bucket, &root, &account, &scope, &mut folders).await;
            folders
        });
    }
    while let Some(done) = listings.join_next().await {
        found.add(finished(done));
    }
    found
}

/// Returns what a task returned, or panics as it did.
fn finished<T>(done: Result<T, JoinError>) -> T {
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Finds the accounts in these roots, and in the folders of organizations in them.
async fn find_accounts(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    mut roots: Vec<KeyRoot>,
    scope: &Scope,
    found: &mut Folders,
) {
    let organizations = scope.organization.is_none();
    while !roots.is_empty() {
        let listings = in_order(roots.into_iter().map(|root| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let names = list_folders(source.as_ref(), bucket, &root.folder()).await;
                (root, names)
            })
        }))
        .await;
        roots = Vec::new();
        for (root, names) in listings {
            let names = match names {
                Ok(names) => names,
                Err(why) => {
                    found.unread.push((root.folder(), why));
                    // A named account can be searched without listing what is beside it.
                    let accounts = scope.accounts.iter().cloned();
                    found.accounts.extend(accounts.map(|account| (root.clone(), account)));
                    continue;
                }
            };
            for name in names {
                if let Ok(account) = name.parse::<AccountId>() {
                    if scope.has_account(&account) {
                        found.accounts.insert((root.clone(), account));
                    }
                } else if let Ok(organization) = name.parse::<OrganizationId>()
                    && root.organization.is_none()
                    && organizations
                {
                    let organization = Some(organization);
                    roots.push(KeyRoot { prefix: root.prefix.clone(), organization });
                }
            }
        }
    }
}

/// Finds the regions of one account, by the folders of digests and of log files that have them.
async fn find_regions(
    source: &dyn ObjectSource,
    bucket: &str,
    root: &KeyRoot,
    account: &AccountId,
    scope: &Scope,
    found: &mut Folders,
) {
    let above = format!("{}{account}/", root.folder());
    let names = match list_folders(source, bucket, &above).await {
        Ok(names) => names,
        Err(why) => {
            found.unread.push((above.clone(), why));
            [DIGEST_FOLDER, LOG_FOLDER].map(str::to_owned).to_vec()
        }
    };
    let kinds = names.into_iter().filter(|name| name == DIGEST_FOLDER || is_log_folder(name));
    let listings = in_order(kinds.map(|kind| -> BoxFuture<'_, _> {
        let folder = format!("{above}{kind}/");
        Box::pin(async move {
            let regions = list_folders(source, bucket, &folder).await;
            (kind, folder, regions)
        })
    }))
    .await;
    for (kind, folder, regions) in listings {
        let regions = match regions {
            Ok(regions) => regions,
            Err(why) => {
                found.unread.push((folder, why));
                continue;
            }
        };
        for region in regions.iter().filter_map(|name| name.parse::<Region>().ok()) {
            if !scope.has_region(&region) {
                continue;
            }
            let place = Place { root: root.clone(), account: account.clone(), region };
            if kind == DIGEST_FOLDER {
                found.digests.insert(place);
            } else {
                found.logs.entry(place).or_default().push(kind.clone());
            }
        }
    }
}

impl Found {
    fn take(&mut self, place: &Place, listing: Listing, scope: &Scope) {
        self.passed_over += listing.passed_over;
        if listing.digests.is_empty() && listing.older.is_empty() && listing.junk {
            self.unreadable.insert(place.clone());
        }
        for ((key, kind), ends) in listing.digests {
            if !is_of(place, &key) {
                continue;
            }
            self.covering.entry(place.clone()).or_default().insert(ChainId::from(&key));
            self.chain(&key, scope).listed.add(&key, kind, &ends);
        }
        for (key, end) in listing.older {
            if !is_of(place, &key) {
                continue;
            }
            self.older.entry(place.clone()).or_default().insert(ChainId::from(&key));
            let chain = self.chain(&key, scope);
            if chain.older.is_none_or(|older| older < end) {
                (chain.older, chain.older_key) = (Some(end), Some(key));
            }
        }
    }

    /// Returns the entry of a digest's chain, in scope or beside it.
    fn chain(&mut self, key: &ChainKey, scope: &Scope) -> &mut FoundChain {
        let id = ChainId::from(key);
        if !scope.has_trail(&id) {
            self.left_out.insert(id.trail.to_string());
            return self.beside.entry(id).or_default();
        }
        self.chains.entry(id).or_default()
    }
}

/// Returns whether a key belongs to the folder that it is in.
pub(crate) fn is_of(place: &Place, key: &ChainKey) -> bool {
    key.root == place.root && key.account == place.account && key.source_region == place.region
}
