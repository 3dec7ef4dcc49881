//! What a bucket holds of CloudTrail: roots, accounts, regions and chains, found by listing and
//! never from a list of regions.
//!
//! A chain counts when a digest of it is found in the period or next to it, so that deleting all
//! digests of the period does not make a chain disappear.
use super::folders::{last_day, list_folders};
use super::listed::ListedChain;
use crate::core::budget;
use crate::core::chain_id::{ChainId, Scope};
use crate::core::failure::{ReadFailure, ReadFailureKind};
use crate::core::ids::{AccountId, OrganizationId, Region};
use crate::core::key_layout::{ChainKey, DIGEST_FOLDER, DigestKey, DigestKind, KeyRoot, ROOT};
use crate::core::time::{DAY, Period, Timestamp};
use crate::source::{ListRequest, ObjectSource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Digests after the period that are read to anchor the walk, so that the period's own tail hangs
/// on a link: the one that covers the period's end, and the one after it.
const ANCHORS: usize = 2;

/// Pages that are searched for anchors beyond the day after the period: 32,000 keys, more than
/// three years of one chain.
const PAGES_BEYOND: usize = 32;

/// One region's folder of one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Prefix and organization.
    pub root: KeyRoot,
    /// Account.
    pub account: AccountId,
    /// Source region.
    pub region: Region,
}

impl Place {
    /// The folder of digests, with the slash at its end.
    fn digest_folder(&self) -> String {
        format!("{}{}/{DIGEST_FOLDER}/{}/", self.root.folder(), self.account, self.region)
    }

    /// The folder of log files, with the slash at its end.
    pub fn log_folder(&self) -> String {
        format!("{}{}/CloudTrail/{}/", self.root.folder(), self.account, self.region)
    }
}

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
        let mut below = Vec::new();
        for path in level.iter().take(LOOKED_INTO) {
            let above = if path.is_empty() { String::new() } else { format!("{path}/") };
            for name in list_folders(source, bucket, &above).await? {
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
    for prefix in roots {
        let root = KeyRoot { prefix: prefix.clone(), organization: None };
        let mut roots = vec![root];
        let mut at = 0;
        while let Some(root) = roots.get(at).cloned() {
            at += 1;
            match list_folders(source.as_ref(), bucket, &root.folder()).await {
                Ok(names) => {
                    for name in names {
                        if let Ok(account) = name.parse::<AccountId>() {
                            accounts.push((root.clone(), account));
                        } else if let Ok(organization) = name.parse::<OrganizationId>()
                            && root.organization.is_none()
                        {
                            let organization = Some(organization);
                            roots.push(KeyRoot { prefix: prefix.clone(), organization });
                        }
                    }
                }
                Err(why) => found.unread.push((root.folder(), why)),
            }
        }
    }
    accounts.retain(|(_, account)| scope.has_account(account));
    let mut listings = JoinSet::new();
    for (root, account) in accounts {
        for folder in [DIGEST_FOLDER, "CloudTrail"] {
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
                        let into = if folder == DIGEST_FOLDER { &mut places } else { &mut logs };
                        into.insert(place);
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

/// The digests of one place: those of the period and its anchors, and the last day before it.
#[derive(Debug, Default)]
struct Listing {
    /// Ends of the digests, in the order of their keys.
    digests: BTreeMap<(ChainKey, DigestKind), Vec<Timestamp>>,
    /// The newest end before the period.
    older: BTreeMap<ChainKey, Timestamp>,
    passed_over: u64,
}

async fn list_place(
    source: &dyn ObjectSource,
    bucket: &str,
    place: &Place,
    period: Period,
) -> Result<Listing, ReadFailure> {
    let folder = place.digest_folder();
    let mut listing = Listing::default();
    let mut request = ListRequest::all(bucket, &folder);
    request.start_after = Some(format!("{folder}{}", period.start.date_folder()));
    let day_after = format!("{folder}{}", period.end.plus(DAY).date_folder());
    let mut anchors: BTreeMap<ChainId, usize> = BTreeMap::new();
    let (mut beyond, mut count) = (0, 0);
    for _ in 0..budget::PAGES {
        let page = source.list(&request).await?;
        let mut past = false;
        for object in page.objects {
            past |= object.key > day_after;
            let Some(key) = DigestKey::parse(&object.key) else {
                listing.passed_over += 1;
                continue;
            };
            let chain = ChainId::from(&key.chain);
            let anchored = anchors.entry(chain).or_default();
            if key.end > period.end && key.kind == DigestKind::Standard {
                *anchored += 1;
            }
            let wanted = match key.kind {
                DigestKind::Standard => key.end > period.start && *anchored <= ANCHORS,
                DigestKind::Backfill => key.end > period.start && key.end <= period.end,
            };
            if wanted {
                count += 1;
                listing.digests.entry((key.chain, key.kind)).or_default().push(key.end);
            }
        }
        if count > budget::LISTED_DIGESTS {
            return Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many digests listed"));
        }
        beyond += usize::from(past);
        let anchored = past && anchors.values().all(|count| *count >= ANCHORS);
        match page.next {
            Some(next) if !anchored && beyond <= PAGES_BEYOND => request.continuation = Some(next),
            _ => break,
        }
    }
    listing.older = list_older(source, bucket, &folder, period, &mut listing.passed_over).await?;
    Ok(listing)
}

/// Digests before the period: those of the last day that has any, and the first page of all, so
/// that a chain which ended long ago is not forgotten.
async fn list_older(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    period: Period,
    passed_over: &mut u64,
) -> Result<BTreeMap<ChainKey, Timestamp>, ReadFailure> {
    let mut requests = vec![ListRequest::all(bucket, folder)];
    let day = period.start.date_folder();
    if let Some(day) = last_day(source, bucket, folder, &day).await? {
        requests.push(ListRequest::all(bucket, &format!("{folder}{day}/")));
    }
    let mut older = BTreeMap::new();
    for request in requests {
        for object in source.list(&request).await?.objects {
            match DigestKey::parse(&object.key) {
                Some(key) if key.end <= period.start => {
                    let newest = older.entry(key.chain).or_insert(key.end);
                    *newest = key.end.max(*newest);
                }
                Some(_) => {}
                None if object.key < format!("{folder}{day}") => *passed_over += 1,
                None => {}
            }
        }
    }
    Ok(older)
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

    /// The chain of a digest that lies in this place, where the scope has it.
    fn chain(&mut self, place: &Place, key: &ChainKey, scope: &Scope) -> Option<&mut FoundChain> {
        let id = ChainId::from(key);
        // A key is believed to be of the folder that it lies in, and of no other.
        if key.root != place.root || id.account != place.account {
            return None;
        }
        if !scope.has_trail(&id) {
            self.left_out.insert(id.trail.to_string());
            return None;
        }
        Some(self.chains.entry(id).or_default())
    }
}
