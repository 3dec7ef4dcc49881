//! What a bucket holds of CloudTrail: roots, accounts, regions and chains, found by listing and
//! never from a list of regions.
//!
//! A chain counts when a digest of it is found in the period or next to it, so that deleting all
//! digests of the period does not make a chain disappear.
use super::folders::list_folders;
use super::listed::ListedChain;
use super::many::in_order;
use super::place_listing::{LOG_FOLDER, Listing, Place, list_place};
use crate::source::{BoxFuture, ObjectSource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::task::JoinSet;
use trailproof_core::chain_id::{ChainId, Scope};
use trailproof_core::failure::ReadFailure;
use trailproof_core::ids::{AccountId, OrganizationId, Region};
use trailproof_core::key_layout::{ChainKey, DIGEST_FOLDER, KeyRoot, ROOT};
use trailproof_core::log_key::is_log_folder;
use trailproof_core::time::{Period, Timestamp};

/// What was found of one chain.
#[derive(Clone, Debug, Default)]
pub struct FoundChain {
    /// Standard digests of the period and its anchors, and backfill digests of the period.
    pub listed: ListedChain,
    /// End of the newest digest before the period, as far as that was looked for.
    pub older: Option<Timestamp>,
}

/// What was found in the bucket.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Chains in scope, in canonical order.
    pub chains: BTreeMap<ChainId, FoundChain>,
    /// Folders of log files and digests, for the search for log files that no digest names.
    pub places: BTreeSet<Place>,
    /// Places that have log files and no folder of digests.
    pub without_digests: BTreeSet<Place>,
    /// Listings that could not be read: what, and why.
    pub unread: Vec<(String, ReadFailure)>,
    /// Trails that lie here and that the scope leaves out.
    pub left_out: BTreeSet<String>,
    /// Chains of these trails.
    pub beside: BTreeMap<ChainId, FoundChain>,
    /// Names of the folders of log files that an account has a region's folder in.
    pub log_folders: BTreeMap<Place, BTreeSet<String>>,
    /// Keys in folders of digests that are no digest's.
    pub passed_over: u64,
}

/// Finds the roots: folders that hold a folder `AWSLogs`, as prefixes without a slash at the end.
/// Below the named prefix only, or anywhere in the first levels of the bucket.
///
/// # Errors
///
/// That the bucket could not be listed.
pub async fn find_roots(
    source: &dyn ObjectSource,
    bucket: &str,
    prefix: &str,
) -> Result<Vec<String>, ReadFailure> {
    const LEVELS: usize = 3;
    const LOOKED_INTO: usize = 200;
    let mut roots = Vec::new();
    let mut level = vec![prefix.to_owned()];
    for _ in 0..LEVELS {
        level.truncate(LOOKED_INTO);
        let listings = in_order(level.into_iter().map(|path| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let above = if path.is_empty() { String::new() } else { format!("{path}/") };
                let names = list_folders(source, bucket, &above).await;
                (path, above, names)
            })
        }))
        .await;
        let mut below = Vec::new();
        for (path, above, names) in listings {
            for name in names? {
                if name == ROOT {
                    roots.push(path.clone());
                } else if !name.is_empty() {
                    below.push(format!("{above}{name}"));
                }
            }
        }
        level = below;
    }
    roots.sort();
    Ok(roots)
}

/// Finds all chains below these roots.
pub async fn find_chains(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    roots: &[String],
    scope: &Scope,
    period: Period,
) -> Found {
    let mut found = Found::default();
    let places = find_places(source, bucket, roots, scope, &mut found).await;
    let mut listings = JoinSet::new();
    for place in places {
        let (source, bucket) = (Arc::clone(source), bucket.to_owned());
        listings.spawn(async move {
            let listed = list_place(source.as_ref(), &bucket, &place, period).await;
            (place, listed)
        });
    }
    while let Some(done) = listings.join_next().await {
        let (place, listed) = match done {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        match listed {
            Ok(listed) => found.take(&place, listed, scope),
            Err(why) => found.unread.push((place.digest_folder(), why)),
        }
    }
    found.unread.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

/// Accounts and regions that have a folder, in scope.
async fn find_places(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    roots: &[String],
    scope: &Scope,
    found: &mut Found,
) -> BTreeSet<Place> {
    let mut accounts: Vec<(KeyRoot, AccountId)> = Vec::new();
    let root = |prefix: &String| KeyRoot { prefix: prefix.clone(), organization: None };
    let mut roots: Vec<KeyRoot> = roots.iter().map(root).collect();
    // First the roots, then the organizations that lie in them.
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
            match names {
                Ok(names) => {
                    for name in names {
                        if let Ok(account) = name.parse::<AccountId>() {
                            accounts.push((root.clone(), account));
                        } else if let Ok(organization) = name.parse::<OrganizationId>()
                            && root.organization.is_none()
                        {
                            let organization = Some(organization);
                            roots.push(KeyRoot { prefix: root.prefix.clone(), organization });
                        }
                    }
                }
                Err(why) => found.unread.push((root.folder(), why)),
            }
        }
    }
    accounts.retain(|(_, account)| scope.has_account(account));
    let folders = in_order(accounts.into_iter().map(|(root, account)| -> BoxFuture<'_, _> {
        Box::pin(async move {
            let above = format!("{}{account}/", root.folder());
            let names = list_folders(source.as_ref(), bucket, &above).await;
            (root, account, above, names)
        })
    }))
    .await;
    let mut listings = JoinSet::new();
    for (root, account, above, names) in folders {
        let mut names = names.unwrap_or_else(|why| {
            found.unread.push((above, why));
            vec![DIGEST_FOLDER.to_owned(), LOG_FOLDER.to_owned()]
        });
        names.retain(|name| name == DIGEST_FOLDER || is_log_folder(name));
        for folder in names {
            let (source, bucket) = (Arc::clone(source), bucket.to_owned());
            let (root, account) = (root.clone(), account.clone());
            listings.spawn(async move {
                let above = format!("{}{account}/{folder}/", root.folder());
                let names = list_folders(source.as_ref(), &bucket, &above).await;
                (root, account, folder, above, names)
            });
        }
    }
    let mut places = BTreeSet::new();
    let mut logs = BTreeSet::new();
    while let Some(done) = listings.join_next().await {
        let (root, account, folder, above, names) = match done {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        match names {
            Ok(names) => {
                for region in names.iter().filter_map(|name| name.parse::<Region>().ok()) {
                    if scope.has_region(&region) {
                        let place = Place { root: root.clone(), account: account.clone(), region };
                        if folder == DIGEST_FOLDER {
                            places.insert(place);
                        } else {
                            found
                                .log_folders
                                .entry(place.clone())
                                .or_default()
                                .insert(folder.clone());
                            logs.insert(place);
                        }
                    }
                }
            }
            Err(why) => found.unread.push((above, why)),
        }
    }
    found.without_digests = logs.difference(&places).cloned().collect();
    found.places = logs.union(&places).cloned().collect();
    places
}

impl Found {
    fn take(&mut self, place: &Place, listing: Listing, scope: &Scope) {
        self.passed_over += listing.passed_over;
        for ((key, kind), ends) in listing.digests {
            if let Some(chain) = self.chain(place, &key, scope) {
                chain.listed.add(&key, kind, &ends);
            }
        }
        for (key, end) in listing.older {
            if let Some(chain) = self.chain(place, &key, scope) {
                chain.older = chain.older.max(Some(end));
            }
        }
    }

    /// The chain of a digest that lies in this place.
    fn chain(&mut self, place: &Place, key: &ChainKey, scope: &Scope) -> Option<&mut FoundChain> {
        let id = ChainId::from(key);
        // A key is believed to be of the folder that it lies in, and of no other.
        if key.root != place.root || id.account != place.account {
            return None;
        }
        if !scope.has_trail(&id) {
            self.left_out.insert(id.trail.to_string());
            return Some(self.beside.entry(id).or_default());
        }
        Some(self.chains.entry(id).or_default())
    }
}
