//! The digests of one region's folder: those of a period, those that anchor its walk, and the last
//! ones before it.
use super::folders::last_day;
use super::many::in_order;
use super::slices::{Slice, slices};
use crate::source::{BoxFuture, ListRequest, ObjectSource};
use std::collections::BTreeMap;
use trailproof_core::budget;
use trailproof_core::chain_id::ChainId;
use trailproof_core::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::ids::{AccountId, Region};
use trailproof_core::key_layout::{ChainKey, DIGEST_FOLDER, DigestKey, DigestKind, KeyRoot};
use trailproof_core::time::{DAY, Period, Timestamp};

/// Digests after the period that are read to anchor the walk, so that the period's own tail hangs
/// on a link: the one that covers the period's end, and the one after it.
const ANCHORS: usize = 2;

/// Pages that are searched for anchors beyond the day after the period: 32,000 keys, more than
/// three years of one chain.
const PAGES_BEYOND: usize = 32;

/// The usual folder of log files.
pub(super) const LOG_FOLDER: &str = "CloudTrail";

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
    pub(super) fn digest_folder(&self) -> String {
        format!("{}{}/{DIGEST_FOLDER}/{}/", self.root.folder(), self.account, self.region)
    }

    /// The folder of log files, with the slash at its end.
    pub fn log_folder(&self) -> String {
        self.log_folder_in(LOG_FOLDER)
    }

    /// The region's folder in a folder of log files of this name, with the slash at its end.
    pub(super) fn log_folder_in(&self, name: &str) -> String {
        format!("{}{}/{name}/{}/", self.root.folder(), self.account, self.region)
    }
}

/// Ends of digests by what their keys have in common.
type Ends = BTreeMap<(ChainKey, DigestKind), Vec<Timestamp>>;

/// The digests of one place: those of the period and its anchors, and the last day before it.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Ends of the digests, in the order of their keys.
    pub(super) digests: Ends,
    /// The newest end before the period.
    pub(super) older: BTreeMap<ChainKey, Timestamp>,
    pub(super) passed_over: u64,
}

/// Lists one place: what lies before the period beside the period itself, and a long period in
/// parts at once.
pub(super) async fn list_place(
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
    let (older, passed_over) = older?;
    listing.older = older;
    listing.passed_over += passed_over;
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
        let part = Part::new(bucket, folder, slice, period);
        Box::pin(part.read(source))
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
        // A chain that the last part does not show is looked for beyond it all the same.
        for chain in part.anchors.into_keys() {
            tail.anchors.entry(chain).or_default();
        }
        count += part.count;
        check_budget(count)?;
        add(&mut listing.digests, part.digests);
        listing.passed_over += part.passed_over;
    }
    let tail = tail.read(source).await?;
    check_budget(count + tail.count)?;
    add(&mut listing.digests, tail.digests);
    listing.passed_over += tail.passed_over;
    Ok(listing)
}

/// One part of the period's keys, as far as it has been read.
#[derive(Debug)]
struct Part {
    period: Period,
    slice: Slice,
    /// Keys beyond this one lie after the period.
    day_after: String,
    /// The next page; `None` once there is none.
    request: Option<ListRequest>,
    /// Digests after the period, of every chain that was seen.
    anchors: BTreeMap<ChainId, usize>,
    pages: usize,
    pages_beyond: usize,
    past: bool,
    digests: Ends,
    /// How many they are.
    count: usize,
    passed_over: u64,
}

impl Part {
    fn new(bucket: &str, folder: &str, slice: Slice, period: Period) -> Self {
        let mut request = ListRequest::names(bucket, folder);
        request.start_after = Some(slice.after.clone());
        Self {
            period,
            slice,
            day_after: format!("{folder}{}", period.end.plus(DAY).date_folder()),
            request: Some(request),
            anchors: BTreeMap::new(),
            pages: 0,
            pages_beyond: 0,
            past: false,
            digests: Ends::new(),
            count: 0,
            passed_over: 0,
        }
    }

    /// Reads on until the part is read, and the last part until every chain is anchored. Called
    /// again, it goes on where it left off, if there is more to look for.
    async fn read(mut self, source: &dyn ObjectSource) -> Result<Self, ReadFailure> {
        while !self.past || !self.is_anchored() {
            let Some(request) = self.request.take() else { break };
            self.pages += 1;
            if self.pages > budget::PAGES {
                let words = "too many pages in one listing";
                return Err(ReadFailure::new(ReadFailureKind::OverBudget, words));
            }
            let page = source.list(&request).await?;
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
            if !ended && self.pages_beyond <= PAGES_BEYOND {
                self.request =
                    page.next.map(|next| ListRequest { continuation: Some(next), ..request });
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
            // How much lies behind the period on the last page is the page's affair.
            self.passed_over += u64::from(!past);
            return;
        };
        let period = self.period;
        let anchored = self.anchors.entry(ChainId::from(&key.chain)).or_default();
        if key.end > period.end && key.kind == DigestKind::Standard {
            *anchored += 1;
        }
        let wanted = match key.kind {
            DigestKind::Standard => key.end > period.start && *anchored <= ANCHORS,
            // Those of the anchors' hours name log files that were made at the period's end.
            DigestKind::Backfill => {
                let beside = *anchored <= ANCHORS && key.end <= period.end.plus(DAY);
                key.end > period.start && (key.end <= period.end || beside)
            }
        };
        if wanted {
            self.count += 1;
            self.digests.entry((key.chain, key.kind)).or_default().push(key.end);
        }
    }
}

/// Parts come in the order of their keys, and so do the ends in each.
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

/// Digests before the period, and how many keys were passed over: those of the last day that has
/// any, and the first page of all, so that a chain which ended long ago is not forgotten.
async fn list_older(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    period: Period,
) -> Result<(BTreeMap<ChainKey, Timestamp>, u64), ReadFailure> {
    let day = period.start.date_folder();
    let first = ListRequest::names(bucket, folder);
    let last = async {
        match last_day(source, bucket, folder, &day).await? {
            Some(day) => {
                let request = ListRequest::names(bucket, &format!("{folder}{day}/"));
                source.list(&request).await.map(|page| page.objects)
            }
            None => Ok(Vec::new()),
        }
    };
    let (first, last) = tokio::join!(source.list(&first), last);
    let (mut older, mut passed_over) = (BTreeMap::new(), 0);
    for object in first?.objects.into_iter().chain(last?) {
        match DigestKey::parse(&object.key) {
            Some(key) if key.end <= period.start => {
                let newest = older.entry(key.chain).or_insert(key.end);
                *newest = key.end.max(*newest);
            }
            Some(_) => {}
            None if object.key < format!("{folder}{day}") => passed_over += 1,
            None => {}
        }
    }
    Ok((older, passed_over))
}
