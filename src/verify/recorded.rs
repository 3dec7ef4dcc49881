//! Where the objects of a copy were delivered: read from what its digests name as their own place.
//!
//! What a digest claims here is not proven. It says under which name to verify and where to look
//! for what; a claim that is false leads to digests that are not where they were signed, never to a
//! proof.
use super::copied::{Copied, copied};
use super::fetch::{DigestFetch, fetch_digest};
use crate::locate::folders::{last_day, list_folders};
use crate::source::{ListRequest, ObjectSource};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::failure::ReadFailure;
use trailproof_core::key_layout::{DIGEST_FOLDER, ROOT};
use trailproof_core::location::ObjectLocation;

/// Levels of folders in which evidence is searched for: a bucket and a prefix of six parts.
const LEVELS: usize = 8;
/// Folders that are looked into in all.
const LOOKED_INTO: usize = 5_000;
/// Digests of one listing that are asked, from its first to its last: whoever plants a few beside the
/// others does not speak for all.
const ASKED: usize = 4;
/// Folders of one kind that are looked into for digests: the first ones and the last ones.
const EACH_END: usize = 2;

/// What was found out about a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Its parts.
    pub parts: BTreeSet<Copied>,
    /// Folders that look like evidence.
    pub folders: BTreeSet<String>,
    /// Listings that could not be read.
    pub unread: Vec<(String, ReadFailure)>,
}

impl Recorded {
    /// The buckets of delivery, with how many parts each has.
    pub fn buckets(&self) -> BTreeMap<&str, usize> {
        let mut buckets = BTreeMap::new();
        for part in &self.parts {
            *buckets.entry(part.bucket.as_str()).or_default() += 1;
        }
        buckets
    }
}

/// Searches everything below `above`, which is empty or ends in a slash, for digests and asks some
/// of each part where they were delivered.
pub async fn find_recorded(source: &dyn ObjectSource, bucket: &str, above: &str) -> Recorded {
    let mut found = Recorded::default();
    let mut level = vec![above.to_owned()];
    let mut looked_into = 0;
    for _ in 0..LEVELS {
        let mut below = Vec::new();
        for folder in level {
            looked_into += 1;
            if looked_into > LOOKED_INTO {
                break;
            }
            match list_folders(source, bucket, &folder).await {
                Ok(names) => {
                    for name in names {
                        let path = format!("{folder}{name}/");
                        if name == ROOT || name == DIGEST_FOLDER {
                            found.folders.insert(path);
                        } else {
                            below.push(path);
                        }
                    }
                }
                Err(why) => found.unread.push((folder, why)),
            }
        }
        // A folder of digests far below one of them is part of that.
        if !found.folders.is_empty() && below.len() > LOOKED_INTO / 10 {
            break;
        }
        level = below;
    }
    ask(source, bucket, &mut found, |_| false).await;
    if found.folders.is_empty() {
        // A copy of the inside of one region's folder has none of the names.
        let mut samples = Vec::new();
        if let Err(why) = sample_days(source, bucket, above, &mut samples, &|_| false).await {
            found.unread.push((above.to_owned(), why));
        }
        found.folders.extend(samples.first().map(|_| above.to_owned()));
        found.parts.extend(samples);
    }
    found
}

/// The same for a bucket and these folders in it, each of which is one of accounts, or an account's
/// folder of digests. Where a digest says that it was delivered right here, that is the answer,
/// whatever others claim: nobody can make a bucket pass for a copy by what he writes into it.
pub async fn recorded_below(
    source: &dyn ObjectSource,
    bucket: &str,
    folders: BTreeSet<String>,
) -> Recorded {
    let mut found = Recorded { folders, ..Recorded::default() };
    let here = |part: &Copied| part.bucket == bucket && part.recorded == part.lies;
    ask(source, bucket, &mut found, here).await;
    if found.parts.iter().any(here) {
        found.parts.retain(here);
    }
    found
}

/// Asks digests of each folder, until one is `enough`.
async fn ask(
    source: &dyn ObjectSource,
    bucket: &str,
    found: &mut Recorded,
    enough: impl Fn(&Copied) -> bool,
) {
    for folder in found.folders.clone() {
        let mut samples = Vec::new();
        if let Err(why) = sample(source, bucket, &folder, &mut samples, &enough).await {
            found.unread.push((folder, why));
        }
        found.parts.extend(samples);
        if found.parts.iter().any(&enough) {
            return;
        }
    }
}

/// Samples of a folder `AWSLogs` or `CloudTrail-Digest`: of its first and last accounts and
/// regions.
async fn sample(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    samples: &mut Vec<Copied>,
    enough: &impl Fn(&Copied) -> bool,
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
    // What one folder does not tell, others may.
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

fn ends(mut names: Vec<String>) -> Vec<String> {
    if names.len() > 2 * EACH_END {
        names.drain(EACH_END..names.len() - EACH_END);
    }
    names
}

/// Digests below a folder: some of the first ones and some of its last day.
async fn sample_days(
    source: &dyn ObjectSource,
    bucket: &str,
    folder: &str,
    samples: &mut Vec<Copied>,
    enough: &impl Fn(&Copied) -> bool,
) -> Result<(), ReadFailure> {
    let mut requests = vec![ListRequest::names(bucket, folder)];
    if let Some(day) = last_day(source, bucket, folder, "9999/12/31").await? {
        requests.push(ListRequest::names(bucket, &format!("{folder}{day}/")));
    }
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
            if let Some(part) = place(source, bucket, keys.swap_remove(at)).await {
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

/// Where the digest at `key` was delivered; `None` where it does not tell, or tells of a name that
/// it does not have: then it was moved, and says nothing of where the others were.
async fn place(source: &dyn ObjectSource, bucket: &str, key: String) -> Option<Copied> {
    let at = ObjectLocation::new(bucket, key);
    let DigestFetch::Read(read, ..) = fetch_digest(source, &at).await else { return None };
    let told = read.claim.ok()?.location;
    copied(&told, &at.key)
}
