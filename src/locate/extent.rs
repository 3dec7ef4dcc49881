//! The time that the digests and log files of a copy are of, for a run over all that is there.
//!
//! It comes from the keys of digests, for the first ones from what they claim, and from the names of
//! log files: where digests at an end were deleted, the log files show that the time is there. None of
//! it is proven. A false claim changes the period that a run states, and never what is proven of it: who
//! can write a claim that shortens the period can also delete the digest and its log files, with the
//! same result.
use super::discover::{Folders, find_places, is_of};
use super::log_extent::log_times;
use super::place::Place;
use crate::source::fetch::{DigestFetch, fetch_digest};
use crate::source::many::{AT_ONCE, in_order};
use crate::source::{BoxFuture, ListRequest, ObjectSource, Pages};
use std::collections::BTreeSet;
use std::sync::Arc;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::chain_id::{ChainId, Scope};
use trailproof_core::vocab::key_layout::{DigestKey, DigestKind};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// One minute, in seconds.
const MINUTE: i64 = 60;

/// 2013-01-01T00:00:00Z, in seconds since the Unix epoch. CloudTrail began in that year, so no digest is
/// older.
const EARLIEST: i64 = 1_356_998_400;

/// Returns the time before which no digest ended.
pub(crate) fn earliest_time() -> Timestamp {
    Timestamp::from_unix(EARLIEST)
}

/// Time from the last digest to a log file that the next digest may still name. A digest covers an hour,
/// and comes up to an hour later.
const NOT_YET_NAMED: i64 = 2 * HOUR;

/// The time that the evidence in scope is of, as far as the listings could be read.
#[derive(Debug, Default)]
pub(crate) struct Extent {
    /// The first second that a digest covers or a log file is from, and the latest end of a digest, or
    /// the last log file if it is later than one that the next digest would name; `None` if there is
    /// neither.
    pub(crate) times: Option<(Timestamp, Timestamp)>,
    /// Listings that could not be read: the folder and the reason.
    pub(crate) unread: Vec<(String, ReadFailure)>,
}

/// Finds out which time the evidence in scope is of. Times before [`earliest_time`] and after
/// `now` do not count: a key can claim any time.
pub(crate) async fn find_extent(
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    roots: &[String],
    scope: &Scope,
    now: Timestamp,
) -> Extent {
    let Folders { digests, logs, mut unread, .. } = find_places(source, bucket, roots, scope).await;
    let source = source.as_ref();
    let listings = in_order(digests.iter().map(|place| -> BoxFuture<'_, _> {
        Box::pin(async move { (place, list_ends(source, bucket, place, scope).await) })
    }))
    .await;
    let mut ends = Ends::default();
    for (place, listed) in listings {
        match listed {
            Ok(of_place) => ends.join(of_place),
            Err(why) => unread.push((place.digest_folder(), why)),
        }
    }
    let covered = match ends.first().zip(ends.last) {
        Some((first, last)) => {
            let from = covered_from(source, bucket, first, &ends.earliest).await;
            // A chain start alone covers nothing. The hour before its end is what it claims.
            Some((if from < last { from } else { first.plus(-HOUR) }, last))
        }
        None => None,
    };
    let folders =
        logs.iter().flat_map(|(place, names)| names.iter().map(move |name| (place, name)));
    let looks = in_order(folders.map(|(place, name)| -> BoxFuture<'_, _> {
        Box::pin(async move { (place.folder(name), log_times(source, bucket, place, name).await) })
    }))
    .await;
    let mut of_logs: Option<(Timestamp, Timestamp)> = None;
    for (folder, times) in looks {
        match times {
            Ok(None) => {}
            Ok(Some((first, last))) => {
                let (from, to) = of_logs.unwrap_or((first, last));
                of_logs = Some((from.min(first), to.max(last)));
            }
            Err(why) => unread.push((folder, why)),
        }
    }
    // The name has the minute.
    let of_logs = of_logs.map(|(first, last)| (first, last.plus(MINUTE)));
    let times = match (covered, of_logs) {
        (Some((from, to)), Some((first, last))) => {
            let to = if last > to.plus(NOT_YET_NAMED) { last } else { to };
            Some((from.min(first), to))
        }
        (covered, of_logs) => covered.or(of_logs),
    };
    let times = times.map(|(from, to)| (from.max(earliest_time()), to.min(now)));
    Extent { times, unread }
}

/// The ends of standard digests.
#[derive(Debug, Default)]
struct Ends {
    /// The ends and keys of the digests that end within an hour of the first one.
    earliest: BTreeSet<(Timestamp, String)>,
    /// The latest end.
    last: Option<Timestamp>,
}

impl Ends {
    fn first(&self) -> Option<Timestamp> {
        self.earliest.first().map(|(end, _)| *end)
    }

    fn take(&mut self, end: Timestamp, key: String) {
        self.last = self.last.max(Some(end));
        if self.first().is_some_and(|first| end >= first.plus(HOUR)) {
            return;
        }
        self.earliest.insert((end, key));
        let Some(first) = self.first() else { return };
        while self.earliest.last().is_some_and(|(end, _)| *end >= first.plus(HOUR)) {
            self.earliest.pop_last();
        }
    }

    fn join(&mut self, other: Self) {
        for (end, key) in other.earliest {
            self.take(end, key);
        }
        self.last = self.last.max(other.last);
    }
}

/// Lists all digests of one place.
async fn list_ends(
    source: &dyn ObjectSource,
    bucket: &str,
    place: &Place,
    scope: &Scope,
) -> Result<Ends, ReadFailure> {
    let mut pages = Pages::new(source, ListRequest::names(bucket, &place.digest_folder()));
    let mut ends = Ends::default();
    while let Some(page) = pages.next().await? {
        for object in page.objects {
            if let Some(key) = DigestKey::parse(&object.key)
                && key.kind == DigestKind::Standard
                && is_of(place, &key.chain)
                && scope.has_trail(&ChainId::from(&key.chain))
            {
                ends.take(key.end, object.key);
            }
        }
    }
    Ok(ends)
}

/// Returns the first second that one of the `earliest` digests covers, of which the first ends at
/// `first`. A digest covers the hour before its end, but a chain start covers nothing: if all are chain
/// starts, the result is `first`, so that complete evidence has no gap at its beginning.
async fn covered_from(
    source: &dyn ObjectSource,
    bucket: &str,
    first: Timestamp,
    earliest: &BTreeSet<(Timestamp, String)>,
) -> Timestamp {
    let mut earliest = earliest.iter();
    loop {
        let group: Vec<_> = earliest.by_ref().take(AT_ONCE).collect();
        if group.is_empty() {
            return first;
        }
        let looks = in_order(group.into_iter().map(|(end, key)| -> BoxFuture<'_, _> {
            let at = ObjectLocation::new(bucket, key.as_str());
            Box::pin(async move { (*end, is_chain_start(source, &at).await) })
        }))
        .await;
        // They come in the order of their ends: the first that is not a chain start begins first.
        if let Some((end, _)) = looks.into_iter().find(|(_, is_start)| !is_start) {
            return first.min(end.plus(-HOUR));
        }
    }
}

/// Returns whether the digest claims to start a chain. One that cannot be read or parsed does not: it
/// belongs into the period, which then reports it.
async fn is_chain_start(source: &dyn ObjectSource, at: &ObjectLocation) -> bool {
    match fetch_digest(source, at).await {
        DigestFetch::Read(read, ..) => read.claim.is_ok_and(|claim| claim.previous().is_none()),
        DigestFetch::Missing | DigestFetch::Unreadable(_) => false,
    }
}
