//! Log files that lie in verified time and that no proven digest names.
use super::discover::Place;
use crate::core::budget;
use crate::core::chain_id::ChainId;
use crate::core::coverage::{Coverage, Segment};
use crate::core::failure::{ReadFailure, ReadFailureKind};
use crate::core::ids::{AccountId, Region};
use crate::core::location::ObjectLocation;
use crate::core::log_key::log_key_time;
use crate::core::time::{DAY, Timestamp};
use crate::source::{ListRequest, ObjectSource};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use tokio::task::JoinSet;

/// A log file's key tells when it was made, to five minutes; it is delivered, and so named by a
/// digest, a little later. In real digests the time of the key and the interval that names it
/// differ by less than five minutes; three times that is allowed. Nearer to the end of verified
/// time nothing can be said.
const DELIVERY: i64 = 15 * 60;

/// The time in a key is rounded down, so that it may lie before the interval that names it.
const ROUNDED: i64 = 10 * 60;

/// What is known of log files after all chains were told.
///
/// Names are kept as 64-bit hashes under a random key, so that a million of them take 16 MB and
/// nobody can choose a key that hides behind another.
#[derive(Debug, Default)]
pub(super) struct NamedLogs {
    names: HashSet<u64>,
    hasher: RandomState,
    /// Verified stretches by account and region, of all trails.
    covered: BTreeMap<(AccountId, Region), Vec<(Timestamp, Timestamp)>>,
}

impl NamedLogs {
    pub(super) fn add(&mut self, names: Vec<ObjectLocation>) {
        for name in names {
            self.names.insert(self.hasher.hash_one(&name));
        }
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

    fn is_unlisted(&self, place: &Place, at: &ObjectLocation) -> bool {
        let Some(made) = log_key_time(&at.key, &place.account, &place.region) else { return false };
        let (first, last) = (made.plus(-ROUNDED), made.plus(DELIVERY));
        let key = (place.account.clone(), place.region.clone());
        let covered = self.covered.get(&key).is_some_and(|stretches| {
            stretches.iter().any(|(from, to)| *from <= first && last <= *to)
        });
        covered && !self.names.contains(&self.hasher.hash_one(at))
    }

    /// The days that have verified time.
    fn days(&self, place: &Place) -> BTreeSet<String> {
        let key = (place.account.clone(), place.region.clone());
        let mut days = BTreeSet::new();
        for (from, to) in self.covered.get(&key).into_iter().flatten() {
            let mut day = *from;
            while day < to.plus(DAY) {
                days.insert(day.min(*to).date_folder());
                day = day.plus(DAY);
            }
        }
        days
    }
}

/// The keys in one day's folder of log files.
struct ListedDay {
    place: Place,
    folder: String,
    keys: Result<Vec<String>, ReadFailure>,
}

/// The log files in covered time that no proven digest names, by folder, in canonical order.
pub(super) async fn find_unlisted(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    places: &BTreeSet<Place>,
    named: &NamedLogs,
) -> BTreeMap<String, Result<Vec<ObjectLocation>, ReadFailure>> {
    let mut listings = JoinSet::new();
    let mut results = BTreeMap::new();
    let mut take = |listed: ListedDay| {
        let unlisted = listed.keys.map(|keys| {
            let at = |key| ObjectLocation::new(bucket, key);
            keys.into_iter().map(at).filter(|at| named.is_unlisted(&listed.place, at)).collect()
        });
        let empty = matches!(&unlisted, Ok(found) if Vec::is_empty(found));
        if !empty {
            results.insert(listed.folder, unlisted);
        }
    };
    for place in places {
        for day in named.days(place) {
            let folder = format!("{}{day}/", place.log_folder());
            let (source, bucket, place) = (Arc::clone(source), bucket.to_owned(), place.clone());
            // Bounds what waits, not what is in flight: that is the source's to bound.
            while listings.len() >= 1_024 {
                if let Some(done) = listings.join_next().await {
                    take(
                        done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())),
                    );
                }
            }
            listings.spawn(async move {
                let keys = list_keys(source.as_ref(), &bucket, &folder).await;
                ListedDay { place, folder, keys }
            });
        }
    }
    while let Some(done) = listings.join_next().await {
        take(done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
    }
    results
}

async fn list_keys(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
) -> Result<Vec<String>, ReadFailure> {
    let mut request = ListRequest::all(bucket, folder);
    let mut keys = Vec::new();
    for _ in 0..budget::PAGES {
        let page = source.list(&request).await?;
        keys.extend(page.objects.into_iter().map(|object| object.key));
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return Ok(keys),
        }
        if keys.len() > budget::LISTED_DIGESTS {
            break;
        }
    }
    Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many log files in one day"))
}
