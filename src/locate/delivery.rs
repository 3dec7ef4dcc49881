//! Where the objects of a copy were delivered, as read from the places that its digests name.
//!
//! These claims are not proven. They decide under which names to verify and where to look. A false
//! claim leads to digests that are not where they were signed, never to a proof.
use super::copy_mapping::{CopyMapping, copied};
use crate::locate::folders::{last_day, list_folders};
use crate::locate::roots::{Roots, find_roots};
use crate::source::fetch::{DigestFetch, fetch_digest};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ListRequest, ObjectSource};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::{PlaceDoubt, PlaceInDoubt};
use trailproof_core::vocab::key_layout::DIGEST_FOLDER;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::log_key::is_log_folder;

/// Digests sampled from one listing, spread from its first to its last, so that a few planted
/// digests do not decide for all.
const ASKED: usize = 8;
/// Folders of one kind that are searched for digests at each end: the first ones and the last ones.
const EACH_END: usize = 2;

/// What is known about a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliverySample {
    /// The parts of the copy, each with the number of digests that name it.
    pub parts: BTreeMap<CopyMapping, usize>,
    /// Folders whose digests were sampled.
    pub folders: BTreeSet<String>,
    /// The folders `AWSLogs`.
    pub roots: BTreeSet<String>,
    /// Folders of digests outside of these.
    pub loose: Vec<String>,
    /// What digests in a folder `AWSLogs` name: `recorded` and `lies` of their parts.
    pub in_roots: BTreeSet<(String, String)>,
    /// Those of `roots` that hold digests or log files of CloudTrail, but in which no digest names
    /// its place.
    pub silent: BTreeSet<String>,
    /// Listings that could not be read.
    pub unread: Vec<(String, ReadFailure)>,
    /// Folders that were not searched.
    pub left_out: Vec<PlaceInDoubt>,
}

impl DeliverySample {
    /// Returns the buckets of delivery, each with the number of digests that name it.
    pub fn buckets(&self) -> BTreeMap<&str, usize> {
        let mut buckets = BTreeMap::new();
        for (part, told) in &self.parts {
            *buckets.entry(part.bucket.as_str()).or_default() += told;
        }
        buckets
    }

    fn take(&mut self, samples: Vec<CopyMapping>) {
        for part in samples {
            *self.parts.entry(part).or_default() += 1;
        }
    }
}

/// Searches all of `bucket` for digests, and samples each folder for where its digests were
/// delivered.
pub async fn sample_bucket(source: &dyn ObjectSource, bucket: &str) -> DeliverySample {
    let found = match find_roots(source, bucket, "").await {
        Ok(found) => found,
        Err(why) => Roots { unread: vec![(String::new(), why)], ..Roots::default() },
    };
    let roots: BTreeSet<String> = found.folders().collect();
    let hidden: Vec<PlaceInDoubt> = found
        .hidden
        .iter()
        .map(|folder| PlaceInDoubt::folder(PlaceDoubt::NotLookedAt, folder))
        .collect();
    let mut recorded = DeliverySample {
        folders: roots.iter().chain(&found.loose).cloned().collect(),
        roots,
        loose: found.loose,
        unread: found.unread,
        left_out: found.left_out.into_iter().chain(hidden).collect(),
        ..DeliverySample::default()
    };
    ask(source, bucket, &mut recorded, |_| false).await;
    if recorded.folders.is_empty() {
        // A copy of what is inside one region's folder has none of these folder names.
        let mut samples = Vec::new();
        if let Err(why) = sample_days(source, bucket, "", &mut samples, &|_| false).await {
            recorded.unread.push((String::new(), why));
        }
        recorded.folders.extend(samples.first().map(|_| String::new()));
        recorded.take(samples);
    }
    recorded
}

/// Samples these folders of a bucket. Each is a folder of accounts, or an account's folder of
/// digests. If a digest names exactly the place where it is, that is the result, regardless of what
/// others claim: nobody can make a bucket look like a copy by writing into it.
pub async fn sample_folders(
    source: &dyn ObjectSource,
    bucket: &str,
    folders: BTreeSet<String>,
    roots: BTreeSet<String>,
) -> DeliverySample {
    let mut found = DeliverySample { folders, roots, ..DeliverySample::default() };
    let here = |part: &CopyMapping| part.bucket == bucket && part.recorded == part.lies;
    ask(source, bucket, &mut found, here).await;
    if found.parts.keys().any(here) {
        found.parts.retain(|part, _| here(part));
    }
    found
}

/// Samples digests of each folder, until one is `enough`.
async fn ask(
    source: &dyn ObjectSource,
    bucket: &str,
    found: &mut DeliverySample,
    enough: impl Fn(&CopyMapping) -> bool,
) {
    for folder in found.folders.clone() {
        let mut samples = Vec::new();
        if let Err(why) = sample(source, bucket, &folder, &mut samples, &enough).await {
            found.unread.push((folder.clone(), why));
        }
        if samples.is_empty()
            && found.roots.contains(&folder)
            && has_cloudtrail(source, bucket, &folder).await
        {
            found.silent.insert(folder.clone());
        }
        if found.roots.contains(&folder) {
            let parts = samples.iter().map(|part| (part.recorded.clone(), part.lies.clone()));
            found.in_roots.extend(parts);
        }
        found.take(samples);
        if found.parts.keys().any(&enough) {
            return;
        }
    }
}

/// Returns whether an account in this folder `AWSLogs` has a CloudTrail folder. A folder that
/// cannot be listed may have one.
async fn has_cloudtrail(source: &dyn ObjectSource, bucket: &str, folder: &str) -> bool {
    let mut above = vec![folder.to_owned()];
    // Accounts, or organizations with accounts in them.
    for _ in 0..2 {
        let listings = in_order(above.iter().map(|path| -> BoxFuture<'_, _> {
            Box::pin(async move { (path, list_folders(source, bucket, path).await) })
        }))
        .await;
        let mut below = Vec::new();
        for (path, names) in listings {
            let Ok(names) = names else { return true };
            if names.iter().any(|name| name == DIGEST_FOLDER || is_log_folder(name)) {
                return true;
            }
            below.extend(names.iter().map(|name| format!("{path}{name}/")));
        }
        above = below;
    }
    let looks = in_order(above.iter().map(|path| -> BoxFuture<'_, _> {
        Box::pin(async move { list_folders(source, bucket, path).await })
    }))
    .await;
    looks.into_iter().any(|names| match names {
        Ok(names) => names.iter().any(|name| name == DIGEST_FOLDER || is_log_folder(name)),
        Err(_) => true,
    })
}

/// Samples a folder `AWSLogs` or `CloudTrail-Digest`: its first and last accounts and regions.
async fn sample(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    samples: &mut Vec<CopyMapping>,
    enough: &impl Fn(&CopyMapping) -> bool,
) -> Result<(), ReadFailure> {
    let mut regions = Vec::new();
    if !folder.ends_with(&format!("{DIGEST_FOLDER}/")) {
        let mut accounts = Vec::new();
        for name in list_folders(source, bucket, folder).await? {
            let path = format!("{folder}{name}/");
            if name.starts_with("o-") {
                let members = list_folders(source, bucket, &path).await?;
                accounts.extend(ends(members).into_iter().map(|name| format!("{path}{name}/")));
            } else {
                accounts.push(path);
            }
        }
        for account in ends(accounts) {
            regions.push(format!("{account}{DIGEST_FOLDER}/"));
        }
    } else {
        regions.push(folder.to_owned());
    }
    // If one folder fails, the others may still have digests.
    let mut failed = Ok(());
    for above in regions {
        let names = match list_folders(source, bucket, &above).await {
            Ok(names) => names,
            Err(why) => {
                failed = Err(why);
                continue;
            }
        };
        for region in ends(names) {
            let folder = format!("{above}{region}/");
            let sampled = sample_days(source, bucket, &folder, samples, enough).await;
            if samples.iter().any(enough) {
                return Ok(());
            }
            failed = failed.and(sampled);
        }
    }
    failed
}

/// Returns the first and last names, [`EACH_END`] of each.
fn ends(mut names: Vec<String>) -> Vec<String> {
    if names.len() > 2 * EACH_END {
        names.drain(EACH_END..names.len() - EACH_END);
    }
    names
}

/// Samples digests below a folder: some from the first page and some from its last day.
async fn sample_days(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    samples: &mut Vec<CopyMapping>,
    enough: &impl Fn(&CopyMapping) -> bool,
) -> Result<(), ReadFailure> {
    let mut requests = vec![ListRequest::names(bucket, folder)];
    if let Some(day) = last_day(source, bucket, folder, "9999/12/31").await? {
        requests.push(ListRequest::names(bucket, &format!("{folder}{day}/")));
    }
    let mut asked_before = BTreeSet::new();
    for request in requests {
        let mut keys: Vec<String> = source
            .list(&request)
            .await?
            .objects
            .into_iter()
            .map(|object| object.key)
            .filter(|key| key.contains(DIGEST_FOLDER))
            .collect();
        let last = keys.len().saturating_sub(1);
        let asked: BTreeSet<usize> = (0..ASKED).map(|part| last * part / (ASKED - 1)).collect();
        for at in asked.into_iter().rev() {
            if at >= keys.len() {
                continue;
            }
            let key = keys.swap_remove(at);
            if !asked_before.insert(key.clone()) {
                continue;
            }
            if let Some(part) = place(source, bucket, key).await {
                let is_enough = enough(&part);
                samples.push(part);
                if is_enough {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Returns where the digest at `key` was delivered. Returns `None` if the digest names no place, or
/// names a file name that it does not have: then it was moved, and shows nothing about the others.
async fn place(source: &dyn ObjectSource, bucket: &str, key: String) -> Option<CopyMapping> {
    let at = ObjectLocation::new(bucket, key);
    let DigestFetch::Read(read, ..) = fetch_digest(source, &at).await else { return None };
    let told = read.claim.ok()?.location;
    copied(&told, &at.key)
}
