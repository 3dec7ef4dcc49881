//! Lists the digests of one region's folder: those of a period, those that anchor its walk, and the
//! last ones before it.
use super::place::Place;
use super::slices::{Slice, slices};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ListRequest, Listed, ObjectSource, Pages};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::{ChainKey, DigestKey, DigestKind};
use trailproof_core::vocab::time::{DAY, Period, Timestamp};

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

/// Maximum number of chains with digests before the period in one digest folder. Real folders have a
/// few: an account has at most five trails in a region at a time.
const CHAINS: usize = 100_000;

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
    listing.passed_over += older.passed_over;
    listing.junk |= older.junk;
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
        check_budget(count, tail.anchors.len())?;
        add(&mut listing.digests, part.digests);
        listing.passed_over += part.passed_over;
        listing.junk |= part.junk;
    }
    let tail = tail.read().await?;
    check_budget(count + tail.count, tail.anchors.len())?;
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
            check_budget(self.count, self.anchors.len())?;
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

fn check_budget(listed: usize, chains: usize) -> Result<(), ReadFailure> {
    if chains > CHAINS {
        return Err(too_many_chains());
    }
    if listed <= budget::LISTED_DIGESTS {
        return Ok(());
    }
    Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many digests listed"))
}

/// Returns the newest digest before the period of every chain in the folder, and the keys that are
/// not digest keys.
///
/// The folder is listed from its beginning to the start of the period. Nothing less shows every
/// chain: a trail that ended long ago may lie beside one that continues. What lies behind the first
/// page is listed in parts at once.
async fn list_older(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    period: Period,
) -> Result<Older, ReadFailure> {
    let mut older = Older::new(folder, period);
    let edge = format!("{}/\u{10ffff}", older.day);
    let mut first = Pages::new(source, ListRequest::names(bucket, folder));
    let mut last = None;
    while let Some(page) = first.next().await? {
        older.take_all(&page.objects)?;
        last = page.objects.into_iter().next_back().map(|object| object.key);
        if last.is_some() {
            break;
        }
    }
    let Some(last) = last.filter(|last| *last <= edge && first.request().is_some()) else {
        return Ok(older);
    };
    let day = last.get(folder.len()..).and_then(|below| below.get(..10));
    let from =
        day.and_then(|day| Timestamp::parse(&format!("{}T00:00:00Z", day.replace('/', "-"))));
    // CloudTrail began in 2013. A key that claims an earlier day must not make a part of each month.
    let real = |from: &Timestamp| from.date_folder().as_str() >= "2013" && *from < period.start;
    let mut parts = match from.filter(real) {
        Some(from) => slices(folder, from, period.start),
        None => vec![Slice { after: last.clone(), until: None }],
    };
    for part in &mut parts {
        part.after = std::mem::take(&mut part.after).max(last.clone());
        part.until.get_or_insert_with(|| edge.clone());
    }
    let parts = in_order(parts.into_iter().map(|slice| -> BoxFuture<'_, _> {
        Box::pin(async move {
            let mut request = ListRequest::names(bucket, folder);
            request.start_after = Some(slice.after.clone());
            let mut pages = Pages::new(source, request);
            let mut part = Older::new(folder, period);
            while let Some(mut page) = pages.next().await? {
                let listed = page.objects.len();
                page.objects.retain(|object| slice.has(&object.key));
                part.take_all(&page.objects)?;
                if page.objects.len() < listed {
                    break;
                }
            }
            Ok::<_, ReadFailure>(part)
        })
    }))
    .await;
    for part in parts {
        older.join(part?)?;
    }
    Ok(older)
}

fn too_many_chains() -> ReadFailure {
    let words = "too many chains in the digest folder of one region";
    ReadFailure::new(ReadFailureKind::OverBudget, words)
}

/// What was found before the period.
#[derive(Debug)]
struct Older {
    period: Period,
    /// Keys that sort after this one are in the period or after it.
    day: String,
    ends: BTreeMap<ChainKey, Timestamp>,
    /// Number of keys that are not digest keys.
    passed_over: u64,
    /// Whether any of them is an object and not a folder marker.
    junk: bool,
}

impl Older {
    fn new(folder: &str, period: Period) -> Self {
        Self {
            period,
            day: format!("{folder}{}", period.start.date_folder()),
            ends: BTreeMap::new(),
            passed_over: 0,
            junk: false,
        }
    }

    fn take_all(&mut self, objects: &[Listed]) -> Result<(), ReadFailure> {
        objects.iter().for_each(|object| self.take(&object.key));
        self.check()
    }

    /// Merges what was found in a different part of the folder.
    fn join(&mut self, other: Self) -> Result<(), ReadFailure> {
        for (chain, end) in other.ends {
            let newest = self.ends.entry(chain).or_insert(end);
            *newest = end.max(*newest);
        }
        self.passed_over += other.passed_over;
        self.junk |= other.junk;
        self.check()
    }

    fn check(&self) -> Result<(), ReadFailure> {
        if self.ends.len() <= CHAINS { Ok(()) } else { Err(too_many_chains()) }
    }

    fn take(&mut self, key: &str) {
        match DigestKey::parse(key) {
            Some(digest) if digest.end <= self.period.start => {
                let newest = self.ends.entry(digest.chain).or_insert(digest.end);
                *newest = digest.end.max(*newest);
            }
            Some(_) => {}
            None if *key < *self.day => {
                self.passed_over += 1;
                self.junk |= !key.ends_with('/');
            }
            None => {}
        }
    }
}

/// Returns the chains that have a digest in the period in one place, or after it as far as the pages
/// up to the first digest show.
pub(crate) async fn goes_on(
    source: &dyn ObjectSource,
    bucket: &str,
    place: &Place,
    period: Period,
) -> Result<BTreeSet<ChainKey>, ReadFailure> {
    let folder = place.digest_folder();
    let mut request = ListRequest::names(bucket, &folder);
    request.start_after = Some(format!("{folder}{}", period.start.date_folder()));
    let edge = format!("{folder}{}/\u{10ffff}", period.end.date_folder());
    let mut pages = Pages::new(source, request);
    let mut found = BTreeSet::new();
    while let Some(page) = pages.next().await? {
        // The period is listed to its end: other keys must not hide a chain.
        let past = page.objects.last().is_some_and(|object| object.key > edge);
        let digests = page.objects.iter().filter_map(|object| DigestKey::parse(&object.key));
        found.extend(digests.filter(|key| key.end > period.start).map(|key| key.chain));
        if found.len() > CHAINS {
            return Err(too_many_chains());
        }
        if past && !found.is_empty() {
            break;
        }
    }
    Ok(found)
}
