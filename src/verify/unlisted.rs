//! The search for objects in folders of log files that no verified digest names.
//!
//! The folders of days that have verified time are listed whole. Of each level above them, from the
//! folder of log files down, one folded listing shows what is not a region, year, month or day there:
//! that is searched too, as readers of the folder read it.
use super::fetch::content_hash;
use super::named_logs::{Hashes, NamedLogs, Names, days_of};
use super::plan::VerifyPlan;
use super::unlisted_found::{Entry, Results, Stray};
use super::unvalidated::Unvalidated;
use crate::locate::chains::Found;
use crate::locate::folders::list_folders;
use crate::locate::place::{LOG_FOLDER, Place};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ListRequest, Listed, ObjectSource};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use trailproof_core::budget;
use trailproof_core::chain_id::{ChainId, Scope};
use trailproof_core::content::Hash;
use trailproof_core::coverage::Segment;
use trailproof_core::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::ids::{AccountId, Region};
use trailproof_core::key_layout::KeyRoot;
use trailproof_core::location::ObjectLocation;
use trailproof_core::log_key::{is_log_folder, log_key_time};
use trailproof_core::time::{Period, Timestamp};
use trailproof_core::unlisted::{SetAside, UnlistedReason};

/// The search over a whole run. Chains are told by account and region, so that a place is searched
/// as soon as the last chain of its account and region is told, and the names of its log files are
/// then forgotten: memory grows with one account's region and not with the run.
#[derive(Debug)]
pub(super) struct UnlistedSearch {
    shared: Arc<Shared>,
    period: Period,
    places: BTreeSet<Place>,
    log_folders: BTreeMap<Place, Vec<String>>,
    /// Places that have log files and no folder of digests.
    without_digests: BTreeSet<Place>,
    hasher: RandomState,
    current: Option<(AccountId, Region, NamedLogs)>,
    account: Option<OfAccount>,
    under_way: Vec<JoinHandle<()>>,
}

/// What all regions of one account leave for the search above them.
#[derive(Debug)]
struct OfAccount {
    account: AccountId,
    /// Names that lie in no folder of their region.
    elsewhere: Hashes,
    covered: bool,
}

#[derive(Debug)]
struct Shared {
    source: Arc<dyn ObjectSource>,
    bucket: String,
    scope: Scope,
    unvalidated: Unvalidated,
    results: Mutex<Results>,
}

impl UnlistedSearch {
    /// A search in the places that were found.
    pub(super) fn new(source: &Arc<dyn ObjectSource>, plan: &VerifyPlan, found: &Found) -> Self {
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
        }
    }

    /// What the names of log files are hashed with.
    pub(super) fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    /// Notes what a verified digest of the present chain names.
    pub(super) fn add(&mut self, chain: &ChainId, names: Names) {
        let elsewhere = names.elsewhere().to_vec();
        self.of(chain).add(names);
        if let Some(account) = &mut self.account {
            account.elsewhere.extend(elsewhere);
        }
    }

    /// Notes the interval of a proven digest of the present chain.
    pub(super) fn proven(&mut self, chain: &ChainId, start: Timestamp, end: Timestamp) {
        let Period { start: from, end: to } = self.period;
        if start < from || end > to {
            self.of(chain).anchor(start, end);
        }
    }

    /// Notes what the present chain covers, at its end.
    pub(super) fn covered(&mut self, chain: &ChainId, segments: &[Segment]) {
        let period = self.period;
        let named = self.of(chain);
        named.covered(segments, period);
        let covered = named.is_covered();
        if let Some(account) = &mut self.account {
            account.covered |= covered;
        }
    }

    /// Where to note what the present chain names and covers.
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

    /// Begins to search the present account and region, of which no more chain is to come.
    fn begin(&mut self) {
        let Some((account, region, mut named)) = self.current.take() else { return };
        if !named.is_covered() {
            return;
        }
        let here = |place: &&Place| place.account == account && place.region == region;
        let mut folders = Vec::new();
        for place in self.places.iter().filter(here) {
            let usual = || vec![LOG_FOLDER.to_owned()];
            let names = self.log_folders.get(place).cloned().unwrap_or_else(usual);
            // Of a place without digests nothing but its levels is searched, with its account.
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
                ended(done);
            }
        }));
    }

    /// Begins to search what lies beside the regions of the present account.
    fn begin_account(&mut self) {
        let Some(OfAccount { account, elsewhere, covered }) = self.account.take() else { return };
        if !covered {
            return;
        }
        let here = self.places.iter().filter(|place| place.account == account);
        let roots: BTreeSet<KeyRoot> = here.map(|place| place.root.clone()).collect();
        let elsewhere = Arc::new((elsewhere, self.hasher.clone()));
        let days = Arc::new(days_of((self.period.start, self.period.end)));
        let mut regions = BTreeSet::new();
        for place in self.places.iter().filter(|place| place.account == account) {
            if !self.without_digests.contains(place) {
                regions.insert((place.root.clone(), place.region.to_string()));
                continue;
            }
            if !is_region(place.region.as_str()) {
                continue;
            }
            for name in self.log_folders.get(place).into_iter().flatten() {
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

    /// Everything that was found.
    pub(super) async fn finish(mut self) -> Results {
        self.begin();
        self.begin_account();
        for search in self.under_way {
            ended(search.await);
        }
        std::mem::take(&mut *self.shared.results())
    }
}

fn ended(done: Result<(), JoinError>) {
    if let Err(error) = done {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// What an object is held against.
#[derive(Clone, Copy)]
struct Against<'s> {
    /// Prefix of the trail whose folders are searched.
    prefix: &'s str,
    /// The place, where it is one's.
    place: Option<&'s Place>,
    /// What the digests of the place name, where its contents are known.
    named: Option<&'s NamedLogs>,
    /// Whether no verified digest names what lies here.
    is_stray: &'s (dyn Fn(&ObjectLocation) -> bool + Sync),
}

impl Shared {
    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn doubt(&self, folder: &str, why: ReadFailure) {
        self.results().doubt(folder, why);
    }

    /// Lists everything below `folder`, page by page: a folder may hold a million keys.
    async fn whole(&self, folder: &str, against: Against<'_>) {
        let request = ListRequest::names(&self.bucket, folder);
        if let Err(why) = self.pages(request, folder, against).await {
            self.doubt(folder, why);
        }
    }

    /// Lists what lies right below `folder`; returns the names of the folders there, or `None` where
    /// it could not be read.
    async fn level(&self, folder: &str, against: Against<'_>) -> Option<Vec<String>> {
        let request = ListRequest { folders: true, ..ListRequest::names(&self.bucket, folder) };
        match self.pages(request, folder, against).await {
            Ok(names) => Some(names),
            Err(why) => {
                self.doubt(folder, why);
                None
            }
        }
    }

    async fn pages(
        &self,
        mut request: ListRequest,
        folder: &str,
        against: Against<'_>,
    ) -> Result<Vec<String>, ReadFailure> {
        let shared_folder: Arc<str> = folder.into();
        let (mut names, mut strays, mut read) = (Vec::new(), 0, 0);
        for _ in 0..budget::PAGES {
            let page = self.source.list(&request).await?;
            for below in &page.folders {
                let name = below.strip_prefix(folder).and_then(|name| name.strip_suffix('/'));
                names.extend(name.map(str::to_owned));
            }
            if names.len() > budget::FOLDERS {
                return Err(over("too many folders in one place"));
            }
            let mut found: Vec<Listed> = page.objects;
            found.retain(|object| {
                (against.is_stray)(&ObjectLocation::new(&*self.bucket, object.key.as_str()))
            });
            self.set_aside(&request, &mut found).await?;
            let all = strays + found.len();
            found.truncate(budget::UNLISTED - strays);
            strays += found.len();
            self.take(&shared_folder, found, &mut read, against).await;
            if all > strays {
                return Err(over("too many log files in one folder that no digest names"));
            }
            match page.next {
                Some(next) => request.continuation = Some(next),
                None => return Ok(names),
            }
        }
        Err(over("too many pages in one listing"))
    }

    /// Takes out what no reader takes for data, and counts it.
    async fn set_aside(
        &self,
        request: &ListRequest,
        found: &mut Vec<Listed>,
    ) -> Result<(), ReadFailure> {
        let mut aside = Vec::new();
        found.retain(|object| {
            let at = ObjectLocation::new(&*self.bucket, object.key.as_str());
            let why = SetAside::by_name(&object.key, self.source.is_here(&at));
            aside.extend(why);
            why.is_none()
        });
        // A source that has to look at each object for its size has left it out.
        let unknown = |object: &Listed| {
            object.size == 0 && object.etag.is_none() && object.last_modified.is_none()
        };
        if found.iter().any(unknown) {
            let page = self.source.list(&ListRequest { sizes: true, ..request.clone() }).await?;
            let sizes: BTreeMap<&str, u64> =
                page.objects.iter().map(|object| (object.key.as_str(), object.size)).collect();
            for object in found.iter_mut() {
                // One that is gone since had some size.
                object.size = sizes.get(object.key.as_str()).copied().unwrap_or(1);
            }
        }
        found.retain(|object| {
            let empty = object.size == 0;
            aside.extend(empty.then_some(SetAside::Empty));
            !empty
        });
        if !aside.is_empty() {
            self.results().set_aside(aside);
        }
        Ok(())
    }

    /// Takes strays of one folder, of which `read` were read to see whether they are copies.
    async fn take(
        &self,
        folder: &Arc<str>,
        found: Vec<Listed>,
        read: &mut usize,
        against: Against<'_>,
    ) {
        if found.is_empty() {
            return;
        }
        let reason = self.unvalidated.reason(against.prefix, against.place).await;
        // What a trail without validation delivers is a trail's own, and not a copy of another's.
        let named = against.named.filter(|_| reason == UnlistedReason::None);
        let reads = budget::COPIES_READ.saturating_sub(*read).min(found.len());
        let copies = match named {
            Some(named) => {
                *read += reads;
                let mut looks = Vec::new();
                for object in found.iter().take(reads) {
                    looks.push(self.copied(&object.key, named));
                }
                in_order(looks).await
            }
            None => Vec::new(),
        };
        let mut copies = copies.into_iter();
        let entries = found.into_iter().map(|object| {
            let Listed { key, last_modified, .. } = object;
            let stray = match copies.next().flatten() {
                Some(hash) => Stray::CopyOf(hash),
                None => Stray::Unlisted { last_modified, reason },
            };
            (key, Entry { folder: Arc::clone(folder), stray })
        });
        let entries: Vec<_> = entries.collect();
        self.results().take(entries);
    }

    /// The content of the object with this key, where a verified digest names it elsewhere.
    fn copied<'a>(&'a self, key: &'a str, named: &'a NamedLogs) -> BoxFuture<'a, Option<Hash>> {
        Box::pin(async move {
            let at = ObjectLocation::new(&*self.bucket, key);
            let hash = content_hash(self.source.as_ref(), &at).await;
            hash.filter(|hash| named.has_content(hash))
        })
    }

    /// Searches folders below `above` that are none of a kind's whole.
    async fn odd(&self, above: &str, names: &[String], against: Against<'_>) {
        if names.len() > budget::ODD_FOLDERS {
            self.doubt(above, over("too many folders that are not a region's or a day's"));
        }
        let mut searches: Vec<BoxFuture<'_, ()>> = Vec::new();
        for name in names.iter().take(budget::ODD_FOLDERS) {
            let folder = format!("{above}{name}/");
            searches.push(Box::pin(async move { self.whole(&folder, against).await }));
        }
        in_order(searches).await;
    }
}

fn over(words: &str) -> ReadFailure {
    ReadFailure::new(ReadFailureKind::OverBudget, words)
}

/// Searches the levels of one folder of log files of one place; returns which of these days have a
/// folder there.
async fn search_levels(
    shared: &Shared,
    named: &NamedLogs,
    place: &Place,
    name: &str,
    days: &BTreeSet<String>,
) -> Vec<String> {
    let is_stray = |at: &ObjectLocation| !named.names(at);
    let prefix = place.root.prefix.as_str();
    let against = Against { prefix, place: Some(place), named: Some(named), is_stray: &is_stray };
    let above = place.folder(name);
    let mut wanted = vec![String::new()];
    // Years, months and days: each level leads on to those that are asked for.
    for (level, length) in [(0, 5), (1, 8), (2, 11)] {
        let mut levels: Vec<BoxFuture<'_, Vec<String>>> = Vec::new();
        for path in wanted {
            levels.push(Box::pin(next_level(shared, against, &above, path, days, (level, length))));
        }
        wanted = in_order(levels).await.into_iter().flatten().collect();
    }
    wanted
}

/// Searches the folders of days.
async fn search_days(
    shared: &Arc<Shared>,
    named: &Arc<NamedLogs>,
    place: &Place,
    name: &str,
    days: Vec<String>,
) {
    let above = place.folder(name);
    let mut listings = JoinSet::new();
    for day in days {
        // Bounds what waits, not what is in flight: that is the source's to bound.
        while listings.len() >= 1_024 {
            if let Some(done) = listings.join_next().await {
                ended(done);
            }
        }
        let (shared, named, place) = (Arc::clone(shared), Arc::clone(named), place.clone());
        let folder = format!("{above}{day}");
        listings.spawn(async move {
            let day = day.trim_end_matches('/');
            let is_stray =
                |at: &ObjectLocation| !named.names(at) && named.must_name(&place, day, &at.key);
            let prefix = place.root.prefix.as_str();
            let (place, named) = (Some(&place), Some(named.as_ref()));
            shared.whole(&folder, Against { prefix, place, named, is_stray: &is_stray }).await;
        });
    }
    while let Some(done) = listings.join_next().await {
        ended(done);
    }
}

/// Searches one level; returns the folders right below it that have verified time.
async fn next_level(
    shared: &Shared,
    against: Against<'_>,
    above: &str,
    path: String,
    days: &BTreeSet<String>,
    (level, length): (usize, usize),
) -> Vec<String> {
    let below = |day: &String| format!("{day}/").get(..length).map(str::to_owned);
    let mut wanted: BTreeSet<String> = days.iter().filter_map(below).collect();
    wanted.retain(|below| below.starts_with(&path));
    let folder = format!("{above}{path}");
    let Some(names) = shared.level(&folder, against).await else {
        // What is not known to be absent is looked into.
        return wanted.into_iter().collect();
    };
    let (known, odd): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| is_of_level(&path, name, level));
    shared.odd(&folder, &odd, against).await;
    let known = known.into_iter().map(|name| format!("{path}{name}/"));
    known.filter(|below| wanted.contains(below)).collect()
}

/// Whether a folder of this name below `path`, which is a year and a month or the beginning of that,
/// is one that CloudTrail makes.
fn is_of_level(path: &str, name: &str, level: usize) -> bool {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    let rest = match level {
        0 => "0101T000000Z",
        1 => "01T000000Z",
        _ => "T000000Z",
    };
    let day: String = path.split('/').chain([name, rest]).collect();
    let length = if level == 0 { 4 } else { 2 };
    digits && name.len() == length && Timestamp::parse_key(&day).is_some()
}

/// Whether a folder of this name is one of a region's: `us-east-1`, `us-gov-west-1`. Which regions
/// there are nobody knows, but all have names of this form.
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, words)) => {
            words.len() >= 2
                && words.iter().all(letters)
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => false,
    }
}

/// Searches what lies beside the folders of regions, in every folder of log files of an account.
async fn search_account(
    shared: &Shared,
    root: &KeyRoot,
    account: &AccountId,
    is_named: &(dyn Fn(&ObjectLocation) -> bool + Sync),
    has_digests: &(dyn Fn(&str) -> bool + Sync),
) {
    let is_stray = |at: &ObjectLocation| !is_named(at);
    let against = Against { prefix: &root.prefix, place: None, named: None, is_stray: &is_stray };
    let above = format!("{}{account}/", root.folder());
    let names = match list_folders(shared.source.as_ref(), &shared.bucket, &above).await {
        Ok(names) => names,
        Err(why) => return shared.doubt(&above, why),
    };
    let mut searches: Vec<BoxFuture<'_, ()>> = Vec::new();
    for name in names.into_iter().filter(|name| is_log_folder(name)) {
        let folder = format!("{above}{name}/");
        searches.push(Box::pin(async move {
            let mut names = shared.level(&folder, against).await.unwrap_or_default();
            // A region that is spelt right is a place of its own; one that the scope leaves out is
            // left out however it is spelt.
            names.retain(|name| {
                let meant = name.to_ascii_lowercase();
                let left_out = is_region(&meant)
                    && meant.parse().is_ok_and(|region| !shared.scope.has_region(&region));
                !is_region(name) && !has_digests(name) && !left_out
            });
            shared.odd(&folder, &names, against).await;
        }));
    }
    in_order(searches).await;
}

/// Whether a folder of log files has any object of the period: one whose name bears a time of it, or
/// one in a folder of its days whose name bears none. What no reader takes for data is none.
pub(super) async fn has_logs(
    source: &dyn ObjectSource,
    bucket: &str,
    place: &Place,
    name: &str,
    period: Period,
) -> Result<bool, ReadFailure> {
    let folder = place.folder(name);
    let mut request = ListRequest::all(bucket, &folder);
    request.start_after = Some(format!("{folder}{}", period.start.date_folder()));
    let last = format!("{folder}{}/\u{10ffff}", period.end.plus(-1).date_folder());
    for _ in 0..budget::PAGES {
        let page = source.list(&request).await?;
        for object in page.objects {
            if object.key > last {
                return Ok(false);
            }
            let at = ObjectLocation::new(bucket, object.key.as_str());
            let aside =
                object.size == 0 || SetAside::by_name(&object.key, source.is_here(&at)).is_some();
            let made = log_key_time(&object.key, &place.account, &place.region);
            let within = made.is_none_or(|made| period.start <= made && made < period.end);
            if !aside && within {
                return Ok(true);
            }
        }
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return Ok(false),
        }
    }
    Err(over("too many pages in one listing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_told_by_their_form() {
        for name in ["us-east-1", "ap-southeast-12", "us-gov-west-1", "us-isob-east-1"] {
            assert!(is_region(name), "{name}");
        }
        for name in ["", "backup", "EU-WEST-1", "eu-west", "eu--1", "2026", "1-1-1", "us-east-1a"] {
            assert!(!is_region(name), "{name}");
        }
    }

    #[test]
    fn only_the_folders_that_cloudtrail_makes_are_of_their_level() {
        for (path, name, level) in
            [("", "2026", 0), ("2026/", "03", 1), ("2026/03/", "01", 2), ("2024/02/", "29", 2)]
        {
            assert!(is_of_level(path, name, level), "{path}{name}");
        }
        for (path, name, level) in [
            ("", "26", 0),
            ("", "+026", 0),
            ("", "02026", 0),
            ("", "", 0),
            ("2026/", "3", 1),
            ("2026/", "13", 1),
            ("2026/", "00", 1),
            ("2026/03/", "1", 2),
            ("2026/03/", "001", 2),
            ("2026/02/", "29", 2),
            ("2026/03/", "32", 2),
        ] {
            assert!(!is_of_level(path, name, level), "{path}{name}");
        }
    }
}
