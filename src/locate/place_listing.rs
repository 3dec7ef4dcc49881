//! Lists the digests of one region's folder: those of a period, those that anchor its walk, and the
//! last ones before it.
use super::folders::last_day;
use super::place::Place;
use super::slices::{Slice, slices};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ListRequest, ObjectSource, Pages};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::{ChainKey, DigestKey, DigestKind};
use trailproof_core::vocab::time::{DAY, HOUR, Period, Timestamp};

/// Digests after the period that are read to anchor the walk, so that a link covers the end of the
/// period: the digest that covers the period's end, and the one after it.
const ANCHORS: usize = 2;

/// Pages that are searched for anchors beyond the day after the period: 32,000 keys, more than
/// three years of one chain.
const PAGES_BEYOND: usize = 32;

/// The number of keys beyond the period that are not digest keys above which a search without
/// anchors is not taken as the end of the chain. It is half of the keys on the pages that are
/// searched. Folder markers occur once a day.
const JUNK_BEYOND: usize = 16_000;

/// Days that are searched backwards one by one for the last digest before the period, before the
/// whole folder is listed. A trail writes digests every hour, so even one day is a long gap.
const DAYS_BACK: usize = 8;

/// The longest time from the end of the last digest before a period to the period's start, in
/// seconds, if the chain continues: digests come every hour, and one may be late.
const NEAR: i64 = 2 * HOUR;

/// The largest number of keys before the period that are counted although they are not digest keys.
const COUNTED: usize = 10_000;

/// Ends of digests, by the parts that their keys have in common.
type Ends = BTreeMap<(ChainKey, DigestKind), Vec<Timestamp>>;

/// The digests of one place: those of the period and its anchors, and the last ones before it.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The ends of the digests, in the order of their keys.
    pub(crate) digests: Ends,
    /// The newest end before the period, for each chain.
    pub(crate) older: BTreeMap<ChainKey, Timestamp>,
    pub(crate) passed_over: u64,
    /// Whether any object does not have a digest's key. Folder markers do not count.
    pub(crate) junk: bool,
}

/// Lists one place. What precedes the period is listed concurrently with the period, and a long
/// period in concurrent parts.
pub(crate) async fn list_place(
    source: &dyn ObjectSource,
    bucket: &str,
    place: &Place,
    period: Period,
) -> Result<Listing, ReadFailure> {
    let folder = place.digest_folder();
    let (parts, older) = tokio::join!(
        list_period(source, bucket, &folder, period),
        list_older(source, bucket, &folder, period)
    );
    let mut listing = parts?;
    let older = older?;
    listing.older = older.ends;
    listing.passed_over += u64::try_from(older.passed_over.len()).unwrap_or(u64::MAX);
    listing.junk |= older.passed_over.iter().any(|key| !key.ends_with('/'));
    Ok(listing)
}

async fn list_period(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    period: Period,
) -> Result<Listing, ReadFailure> {
    let parts = slices(folder, period.start, period.end);
    let mut parts = in_order(parts.into_iter().map(|slice| -> BoxFuture<'_, _> {
        let part = Part::new(source, bucket, folder, slice, period);
        Box::pin(part.read())
    }))
    .await
    .into_iter();
    let mut tail = match parts.next_back() {
        Some(part) => part?,
        None => return Ok(Listing::default()),
    };
    let mut listing = Listing::default();
    let mut count = 0;
    for part in parts {
        let part = part?;
        // A chain that is missing from the last part is still searched for beyond it.
        for chain in part.anchors.into_keys() {
            tail.anchors.entry(chain).or_default();
        }
        count += part.count;
        check_budget(count)?;
        add(&mut listing.digests, part.digests);
        listing.passed_over += part.passed_over;
        listing.junk |= part.junk;
    }
    let tail = tail.read().await?;
    check_budget(count + tail.count)?;
    add(&mut listing.digests, tail.digests);
    listing.passed_over += tail.passed_over;
    listing.junk |= tail.junk;
    Ok(listing)
}

/// One part of the period's keys, as far as it has been read.
#[derive(Debug)]
struct Part<'s> {
    period: Period,
    slice: Slice,
    /// Keys that sort after this one are after the period.
    day_after: String,
    /// The pages still to be read; `None` if there is nothing more to read.
    pages: Option<Pages<'s>>,
    /// The number of digests after the period, for every chain found.
    anchors: BTreeMap<ChainId, usize>,
    pages_beyond: usize,
    /// The number of keys after the period that are not digest keys.
    junk_beyond: usize,
    past: bool,
    digests: Ends,
    /// The number of digests.
    count: usize,
    passed_over: u64,
    /// Whether any key is neither a digest's nor a folder marker's.
    junk: bool,
}

impl<'s> Part<'s> {
    fn new(
        source: &'s dyn ObjectSource,
        bucket: &str,
        folder: &str,
        slice: Slice,
        period: Period,
    ) -> Self {
        let mut request = ListRequest::names(bucket, folder);
        request.start_after = Some(slice.after.clone());
        Self {
            period,
            slice,
            day_after: format!("{folder}{}", period.end.plus(DAY).date_folder()),
            pages: Some(Pages::new(source, request)),
            anchors: BTreeMap::new(),
            pages_beyond: 0,
            junk_beyond: 0,
            past: false,
            digests: Ends::new(),
            count: 0,
            passed_over: 0,
            junk: false,
        }
    }

    /// Reads until the part ends; reads the last part until every chain is anchored. If called
    /// again, it continues where it stopped, if there is more to look for.
    async fn read(mut self) -> Result<Self, ReadFailure> {
        while !self.past || !self.is_anchored() {
            let Some(mut pages) = self.pages.take() else { break };
            let Some(page) = pages.next().await? else { break };
            let mut ended = false;
            for object in page.objects {
                if !self.slice.has(&object.key) {
                    ended = true;
                    break;
                }
                self.take(&object.key);
            }
            check_budget(self.count)?;
            self.pages_beyond += usize::from(self.past);
            if self.pages_beyond > PAGES_BEYOND {
                // Years of digests without one of this chain show that the chain ended. Pages that
                // are filled with other keys show nothing.
                if self.junk_beyond > JUNK_BEYOND {
                    let words = "too many keys after the period that are not digest keys";
                    return Err(ReadFailure::new(ReadFailureKind::OverBudget, words));
                }
                ended = true;
            }
            if !ended {
                self.pages = Some(pages);
            }
        }
        Ok(self)
    }

    fn is_anchored(&self) -> bool {
        self.anchors.values().all(|count| *count >= ANCHORS)
    }

    fn take(&mut self, key: &str) {
        let past = key > self.day_after.as_str();
        self.past |= past;
        let Some(key) = DigestKey::parse(key) else {
            // How many keys follow the period on the last page depends only on the page size, so
            // they are not counted.
            self.passed_over += u64::from(!past);
            self.junk_beyond += usize::from(past);
            self.junk |= !key.ends_with('/');
            return;
        };
        let period = self.period;
        let anchored = self.anchors.entry(ChainId::from(&key.chain)).or_default();
        if key.end > period.end && key.kind == DigestKind::Standard {
            *anchored += 1;
        }
        let needed = match key.kind {
            DigestKind::Standard => key.end > period.start && *anchored <= ANCHORS,
            // Backfill digests of the anchors' hours name log files that were made at the end of
            // the period.
            DigestKind::Backfill => {
                let beside = *anchored <= ANCHORS && key.end <= period.end.plus(DAY);
                key.end > period.start && (key.end <= period.end || beside)
            }
        };
        if needed {
            self.count += 1;
            self.digests.entry((key.chain, key.kind)).or_default().push(key.end);
        }
    }
}

/// Appends a part. Parts come in the order of their keys, and so do the ends in each.
fn add(all: &mut Ends, part: Ends) {
    for (key, ends) in part {
        all.entry(key).or_default().extend(ends);
    }
}

fn check_budget(listed: usize) -> Result<(), ReadFailure> {
    if listed <= budget::LISTED_DIGESTS {
        return Ok(());
    }
    Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many digests listed"))
}

/// Returns the digests before the period, and the keys that are not digest keys: from the last day
/// that has digests, and from the first page of all, so that a chain that ended long ago is not
/// missed.
///
/// Days without a digest are searched backwards. If many days have none, the whole folder is listed
/// up to the start of the period, so filling a few days with other keys hides nothing.
async fn list_older(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    period: Period,
) -> Result<Older, ReadFailure> {
    let day = period.start.date_folder();
    let none = || Older {
        period,
        day: format!("{folder}{day}"),
        ends: BTreeMap::new(),
        passed_over: BTreeSet::new(),
    };
    let mut older = none();
    let mut first = Pages::new(source, ListRequest::names(bucket, folder));
    // A chain that continues has its last digest before the period in one of these days.
    let near = BTreeSet::from([day.clone(), period.start.plus(-NEAR).date_folder()]);
    let near = in_order(near.into_iter().map(|day| -> BoxFuture<'_, _> {
        let mut of_day = none();
        Box::pin(async move {
            of_day.take_day(source, bucket, &format!("{folder}{day}/")).await?;
            Ok::<_, ReadFailure>(of_day)
        })
    }));
    let (page, near) = tokio::join!(first.next(), near);
    let mut page = page?;
    for of_day in near {
        older.join(of_day?);
    }
    let mut before = Some(day.clone());
    for _ in 0..DAYS_BACK {
        let Some(from) = before.take().filter(|_| older.ends.is_empty()) else { break };
        let Some(day) = last_day(source, bucket, folder, &from).await? else { break };
        older.take_day(source, bucket, &format!("{folder}{day}/")).await?;
        before = day_before(&day);
    }
    // The first page, and all pages if nothing has been found yet.
    while let Some(objects) = page.take().map(|page| page.objects) {
        let past = objects.last().is_some_and(|object| object.key > older.day);
        objects.iter().for_each(|object| older.take(&object.key));
        if past || (!older.ends.is_empty() && !objects.is_empty()) {
            break;
        }
        page = first.next().await?;
    }
    Ok(older)
}

/// What was found before the period.
#[derive(Debug)]
struct Older {
    period: Period,
    /// Keys that sort after this one are in the period or after it.
    day: String,
    ends: BTreeMap<ChainKey, Timestamp>,
    /// Keys that are not digest keys. It is a set because a page may be read twice.
    passed_over: BTreeSet<String>,
}

impl Older {
    /// Takes the keys in the folder of one day.
    async fn take_day(
        &mut self,
        source: &dyn ObjectSource,
        bucket: &str,
        folder: &str,
    ) -> Result<(), ReadFailure> {
        let mut pages = Pages::new(source, ListRequest::names(bucket, folder));
        while let Some(page) = pages.next().await? {
            page.objects.iter().for_each(|object| self.take(&object.key));
        }
        Ok(())
    }

    /// Merges what was found in a different day's folder.
    fn join(&mut self, other: Self) {
        for (chain, end) in other.ends {
            let newest = self.ends.entry(chain).or_insert(end);
            *newest = end.max(*newest);
        }
        let room = COUNTED.saturating_sub(self.passed_over.len());
        self.passed_over.extend(other.passed_over.into_iter().take(room));
    }

    fn take(&mut self, key: &str) {
        match DigestKey::parse(key) {
            Some(digest) if digest.end <= self.period.start => {
                let newest = self.ends.entry(digest.chain).or_insert(digest.end);
                *newest = digest.end.max(*newest);
            }
            Some(_) => {}
            None if *key < *self.day && self.passed_over.len() < COUNTED => {
                self.passed_over.insert(key.to_owned());
            }
            None => {}
        }
    }
}

/// Returns the day before a day in the form `YYYY/MM/DD`; `None` if the text is not a day.
fn day_before(day: &str) -> Option<String> {
    let at = Timestamp::parse(&format!("{}T00:00:00Z", day.replace('/', "-")))?;
    Some(at.plus(-DAY).date_folder())
}

/// Returns the chains that have a digest in the period or after it in one place, as far as the
/// first pages with any digest show.
pub(crate) async fn goes_on(
    source: &dyn ObjectSource,
    bucket: &str,
    place: &Place,
    period: Period,
) -> Result<BTreeSet<ChainKey>, ReadFailure> {
    let folder = place.digest_folder();
    let mut request = ListRequest::names(bucket, &folder);
    request.start_after = Some(format!("{folder}{}", period.start.date_folder()));
    let mut pages = Pages::new(source, request);
    let mut found = BTreeSet::new();
    while let Some(page) = pages.next().await? {
        let digests = page.objects.iter().filter_map(|object| DigestKey::parse(&object.key));
        found.extend(digests.filter(|key| key.end > period.start).map(|key| key.chain));
        if !found.is_empty() {
            break;
        }
    }
    Ok(found)
}
