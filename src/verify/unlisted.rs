//! Log files that lie in verified time and that no proven digest names.
use crate::locate::place::Place;
use crate::source::{ListRequest, ObjectSource};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::sync::Arc;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use trailproof_core::budget;
use trailproof_core::chain_id::ChainId;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::ids::{AccountId, Region};
use trailproof_core::location::ObjectLocation;
use trailproof_core::log_key::log_key_time;
use trailproof_core::time::{DAY, Period, Timestamp};

/// A log file's key tells when it was made, to five minutes; it is delivered, and so named by a
/// digest, a little later. In real digests the time of the key and the interval that names it
/// differ by less than five minutes; three times that is allowed. Nearer to the end of verified
/// time nothing can be said.
const DELIVERY: i64 = 15 * 60;

/// The time in a key is rounded down, so that it may lie before the interval that names it.
const ROUNDED: i64 = 10 * 60;

/// What is known of the log files of one account and region.
///
/// Names are kept as 64-bit hashes under a random key, so that they take little room and nobody can
/// choose a key that hides behind another.
#[derive(Debug)]
pub(super) struct NamedLogs {
    names: HashSet<u64, BuildHasherDefault<Hashed>>,
    hasher: RandomState,
    /// Verified stretches by account and region, of all trails.
    covered: BTreeMap<(AccountId, Region), Vec<(Timestamp, Timestamp)>>,
}

/// Takes what is a hash already as it is.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        // Only whole numbers come here; anything else is mixed in as well as may be.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl NamedLogs {
    fn new(hasher: RandomState) -> Self {
        Self { names: HashSet::default(), hasher, covered: BTreeMap::new() }
    }

    /// Adds names that were hashed by the search's own [hasher](UnlistedSearch::hasher).
    pub(super) fn add(&mut self, names: Vec<u64>) {
        self.names.extend(names);
    }

    pub(super) fn covered(&mut self, chain: &ChainId, segments: &[Segment]) {
        let place = (chain.account.clone(), chain.source_region.clone());
        // A stretch with a contradicted log file has a proven digest all the same.
        let named = |segment: &&Segment| {
            matches!(segment.coverage, Coverage::Verified | Coverage::Contradicted)
        };
        let stretches = segments.iter().filter(named).map(|segment| (segment.from, segment.to));
        let covered = self.covered.entry(place).or_default();
        // Neighbours are joined, so that an edge within covered time is none.
        for (from, to) in stretches {
            match covered.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => covered.push((from, to)),
            }
        }
    }

    /// Whether an object in the folder of a day that has verified time is one that nothing names.
    fn is_unlisted(&self, place: &Place, day: &str, at: &ObjectLocation) -> bool {
        if self.names.contains(&self.hasher.hash_one(at)) || at.key.ends_with('/') {
            return false;
        }
        let made = log_key_time(&at.key, &place.account, &place.region)
            .filter(|made| made.date_folder() == day);
        // What is read by folder is read whatever its name says: an object that does not bear a
        // time of its folder's day was not delivered there, and lies in verified time all the same.
        let Some(made) = made else { return true };
        let (first, last) = (made.plus(-ROUNDED), made.plus(DELIVERY));
        let key = (place.account.clone(), place.region.clone());
        self.covered.get(&key).is_some_and(|stretches| {
            stretches.iter().any(|(from, to)| *from <= first && last <= *to)
        })
    }

    /// The days that have verified time.
    fn days(&self, place: &Place) -> BTreeSet<String> {
        let key = (place.account.clone(), place.region.clone());
        let mut days = BTreeSet::new();
        for (from, to) in self.covered.get(&key).into_iter().flatten() {
            let mut day = *from;
            while day < *to {
                days.insert(day.date_folder());
                day = day.plus(DAY);
            }
            // The last second counts, not the one after it.
            days.insert(to.plus(-1).date_folder());
        }
        days
    }
}

/// What a search brought, by folder: log files that nothing names, and why it is not known whether
/// these are all.
pub(super) type Unlisted = BTreeMap<String, (Vec<ObjectLocation>, Option<ReadFailure>)>;

/// The search over a whole run. Chains are told by account and region, so that a place is searched
/// as soon as the last chain of its account and region is told, and the names of its log files are
/// then forgotten: memory grows with one account's region and not with the run.
#[derive(Debug)]
pub(super) struct UnlistedSearch {
    source: Arc<dyn ObjectSource>,
    bucket: String,
    places: BTreeSet<Place>,
    hasher: RandomState,
    current: Option<(AccountId, Region, NamedLogs)>,
    under_way: Vec<JoinHandle<Unlisted>>,
}

impl UnlistedSearch {
    /// A search in these places.
    pub(super) fn new(
        source: &Arc<dyn ObjectSource>,
        bucket: &str,
        places: &BTreeSet<Place>,
    ) -> Self {
        let (source, bucket, places) = (Arc::clone(source), bucket.to_owned(), places.clone());
        let hasher = RandomState::new();
        Self { source, bucket, places, hasher, current: None, under_way: Vec::new() }
    }

    /// What the names of log files are hashed with.
    pub(super) fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    /// Where to note what the present chain names and covers.
    pub(super) fn of(&mut self, chain: &ChainId) -> &mut NamedLogs {
        let same = self.current.as_ref().is_some_and(|(account, region, _)| {
            *account == chain.account && *region == chain.source_region
        });
        if !same {
            self.begin();
        }
        let (account, region) = (chain.account.clone(), chain.source_region.clone());
        let named = || (account, region, NamedLogs::new(self.hasher.clone()));
        &mut self.current.get_or_insert_with(named).2
    }

    /// Begins to search the present account and region, of which no more chain is to come.
    fn begin(&mut self) {
        let Some((account, region, named)) = self.current.take() else { return };
        let here = |place: &&Place| place.account == account && place.region == region;
        let places: Vec<Place> = self.places.iter().filter(here).cloned().collect();
        let (source, bucket) = (Arc::clone(&self.source), self.bucket.clone());
        self.under_way.push(tokio::spawn(async move {
            find_unlisted(&source, &bucket, &places, named).await
        }));
    }

    /// Everything that was found, in canonical order.
    pub(super) async fn finish(mut self) -> Unlisted {
        self.begin();
        let mut all = Unlisted::new();
        for search in self.under_way {
            all.extend(
                search.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())),
            );
        }
        all
    }
}

/// The log files in covered time that no proven digest names, by folder.
async fn find_unlisted(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    places: &[Place],
    named: NamedLogs,
) -> Unlisted {
    let named = Arc::new(named);
    let mut listings = JoinSet::new();
    let mut results = Unlisted::new();
    let mut take = |done: Result<(String, Vec<ObjectLocation>, Option<ReadFailure>), JoinError>| {
        let (folder, unlisted, why) =
            done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        if !unlisted.is_empty() || why.is_some() {
            results.insert(folder, (unlisted, why));
        }
    };
    for place in places {
        for day in named.days(place) {
            let (source, bucket, place) = (Arc::clone(source), bucket.to_owned(), place.clone());
            let named = Arc::clone(&named);
            // Bounds what waits, not what is in flight: that is the source's to bound.
            while listings.len() >= 1_024 {
                if let Some(done) = listings.join_next().await {
                    take(done);
                }
            }
            listings.spawn(async move {
                let folder = format!("{}{day}/", place.log_folder());
                let mut unlisted = Vec::new();
                let is_unlisted = |at: &ObjectLocation| named.is_unlisted(&place, &day, at);
                let listed =
                    list_unlisted(source.as_ref(), &bucket, &folder, is_unlisted, &mut unlisted);
                let why = listed.await.err();
                (folder, unlisted, why)
            });
        }
    }
    while let Some(done) = listings.join_next().await {
        take(done);
    }
    results
}

/// Lists one day's folder and keeps what `is_unlisted`, page by page: a folder may hold a million
/// keys.
async fn list_unlisted(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    is_unlisted: impl Fn(&ObjectLocation) -> bool,
    unlisted: &mut Vec<ObjectLocation>,
) -> Result<(), ReadFailure> {
    let over = |words| Err(ReadFailure::new(ReadFailureKind::OverBudget, words));
    let mut request = ListRequest::names(bucket, folder);
    for _ in 0..budget::PAGES {
        let page = source.list(&request).await?;
        for object in page.objects {
            let at = ObjectLocation::new(bucket, object.key);
            if !is_unlisted(&at) {
                continue;
            }
            if unlisted.len() >= budget::UNLISTED {
                return over("too many log files in one day that no digest names");
            }
            unlisted.push(at);
        }
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return Ok(()),
        }
    }
    over("too many log files in one day")
}

/// Whether a folder of log files has any object in the days of the period.
pub(super) async fn has_logs(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    period: Period,
) -> Result<bool, ReadFailure> {
    let mut request = ListRequest::names(bucket, folder);
    request.start_after = Some(format!("{folder}{}", period.first_day()));
    let last = format!("{folder}{}/\u{10ffff}", period.last_day());
    let page = source.list(&request).await?;
    Ok(page.objects.first().is_some_and(|object| object.key <= last))
}
