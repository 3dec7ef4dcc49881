//! Estimates the work of a run from listings: no object is opened or verified.
use super::jobs::{Contribution, Outside, jobs};
use super::places::Uncovered;
use crate::locate::discover::find_chains;
use crate::locate::place::Place;
use crate::locate::slices::{Slice, slices};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ListRequest, ObjectSource, Pages};
use crate::verify::chain::job::ChainJob;
use crate::verify::part::Part;
use crate::verify::plan::VerifyPlan;
use crate::verify::unlisted::unvalidated::Unvalidated;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::time::{HOUR, Period};

/// Entries per page of a listing, as in S3.
const PAGE: u64 = 1_000;

/// The amount of work of a run, according to listings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Number of chains in scope, including absent ones that should be there.
    pub chains: u64,
    /// Number of digests to read: those of the period and those that anchor it.
    pub digests: u64,
    /// Number of these digests that may cover part of the period; a distant anchor does not.
    pub covering: u64,
    /// Number of log files in the folders of the period's days.
    pub logs: u64,
    /// Size of these log files as stored, in bytes.
    pub log_bytes: u64,
    /// Number of LIST requests that the search for unlisted log files would make.
    pub search: u64,
    /// Number of pages listed to count the log files. A run does not list these.
    pub pages: u64,
    /// Folders that could not be listed, with the reason.
    pub unread: Vec<(String, ReadFailure)>,
}

/// Lists the evidence of the plan and returns the amount of work.
pub async fn survey(plan: &VerifyPlan, source: &Arc<dyn ObjectSource>) -> Survey {
    let mut found = find_chains(source, &plan.bucket, &plan.roots, &plan.scope, plan.period).await;
    let outside = Outside::look(plan, source).await;
    let unvalidated = Unvalidated::new(&plan.bucket, plan.status.clone());
    let uncovered = Uncovered::look(plan, source.as_ref(), &found, &unvalidated).await;
    let across = Contribution::of(plan, &mut found, &uncovered).across(plan, outside);
    let jobs = jobs(plan, &mut found, &across, &Part::default(), None);
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut survey = Survey {
        chains: count(jobs.len()),
        digests: jobs.iter().map(ChainJob::digests).sum(),
        covering: jobs
            .iter()
            .map(|job| job.listed.ended_by(plan.period.end.plus(HOUR)))
            .fold(0, |sum, number| sum + count(number)),
        unread: std::mem::take(&mut found.unread),
        ..Survey::default()
    };
    // Log files count if there is a chain of their account and region to name them.
    let named = |place: &&Place| {
        jobs.iter().any(|job| {
            job.chain.account == place.account && job.chain.source_region == place.region
        })
    };
    let listings = found.places.iter().filter(named).map(|place| -> BoxFuture<'_, _> {
        Box::pin(async move {
            let folder = place.log_folder();
            let logs = list_logs(source.as_ref(), &plan.bucket, &folder, plan.period).await;
            (folder, logs)
        })
    });
    for (folder, logs) in in_order(listings).await {
        match logs {
            Ok((days, pages)) => {
                survey.pages += pages;
                for (files, bytes) in days.values() {
                    survey.logs += files;
                    survey.log_bytes += bytes;
                    survey.search += files / PAGE;
                }
                survey.search += levels(&days);
            }
            Err(why) => survey.unread.push((folder, why)),
        }
    }
    // One listing for each account's folder, and one for each of its folders of log files.
    let mut accounts: BTreeMap<_, BTreeSet<&String>> = BTreeMap::new();
    for (place, names) in found.log_folders.iter().filter(|(place, _)| named(place)) {
        accounts.entry((&place.root, &place.account)).or_default().extend(names);
    }
    survey.search += accounts.values().map(|names| 1 + count(names.len())).sum::<u64>();
    // One listing for each root's folder, unless accounts are named.
    let mut roots: BTreeSet<_> =
        found.places.iter().map(|place| (&place.root.prefix, &place.root.organization)).collect();
    if plan.scope.organization.is_none() {
        roots.extend(found.places.iter().map(|place| (&place.root.prefix, &None)));
    }
    survey.search += if plan.scope.accounts.is_empty() { count(roots.len()) } else { 0 };
    survey
}

/// Returns the number of listings that search one region's folder: one each for the folder itself,
/// its years, months and days.
fn levels(days: &Days) -> u64 {
    let of = |length: usize| {
        let paths: BTreeSet<_> = days.keys().filter_map(|day| day.get(..length)).collect();
        u64::try_from(paths.len()).unwrap_or(u64::MAX)
    };
    1 + of(4) + of(7) + of(10)
}

/// Counts log files and bytes by day.
type Days = BTreeMap<String, (u64, u64)>;

async fn list_logs(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    period: Period,
) -> Result<(Days, u64), ReadFailure> {
    let parts = slices(folder, period.start, period.end);
    let last = format!("{folder}{}/\u{10ffff}", period.last_day());
    let last = last.as_str();
    let parts = in_order(parts.into_iter().map(|slice| -> BoxFuture<'_, _> {
        Box::pin(list_part(source, bucket, folder, slice, last))
    }))
    .await;
    let (mut days, mut pages) = (Days::new(), 0);
    for part in parts {
        let (of_part, read) = part?;
        // Each day is in one part only.
        days.extend(of_part);
        pages += read;
    }
    Ok((days, pages))
}

async fn list_part(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    slice: Slice,
    last: &str,
) -> Result<(Days, u64), ReadFailure> {
    let mut request = ListRequest::all(bucket, folder);
    request.start_after = Some(slice.after.clone());
    let mut days = Days::new();
    let mut pages = Pages::new(source, request);
    while let Some(page) = pages.next().await? {
        for object in page.objects {
            if !slice.has(&object.key) || object.key.as_str() > last {
                return Ok((days, u64::try_from(pages.read()).unwrap_or(u64::MAX)));
            }
            // `YYYY/MM/DD/`; a folder of any other form is not one of log files.
            let day = object.key.get(folder.len()..).and_then(|rest| rest.get(..10));
            if let Some(day) = day.filter(|_| !object.key.ends_with('/')) {
                let (files, bytes) = days.entry(day.to_owned()).or_default();
                *files += 1;
                *bytes += object.size;
            }
            if days.len() > budget::FOLDERS {
                let words = "too many days of log files";
                return Err(ReadFailure::new(ReadFailureKind::OverBudget, words));
            }
        }
    }
    Ok((days, u64::try_from(pages.read()).unwrap_or(u64::MAX)))
}
