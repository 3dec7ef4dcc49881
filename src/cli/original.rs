//! Which bucket a copy is of, and what to say where nothing tells.
use super::place::folder;
use super::refusal::Refusal;
use crate::report::text_lines::counted;
use crate::source::relocate::Relocation;
use crate::source::{ListRequest, ObjectSource};
use crate::verify::copied::Copied;
use crate::verify::recorded::Recorded;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailproof_core::budget::{self, SHOWN};
use trailproof_core::key_layout::{DIGEST_FOLDER, ROOT};
use trailproof_core::location::{escape, excerpt};
use trailproof_core::log_key::log_key_time;

/// Names of folders that a message lists.
pub(super) const LISTED: usize = 10;

/// What is assumed of a folder whose digests do not say where they were delivered.
pub(super) fn assumed(bucket: &str, path: &str) -> Copied {
    let below = path.strip_prefix(&folder(bucket)).filter(|_| !bucket.is_empty());
    let lies = if below.is_some() { folder(bucket) } else { String::new() };
    let recorded = below.unwrap_or(path);
    let prefix = recorded.strip_suffix('/').unwrap_or(recorded);
    let prefix = prefix.strip_suffix(ROOT).unwrap_or(prefix).trim_end_matches('/');
    Copied { bucket: bucket.to_owned(), recorded: String::new(), lies, prefix: prefix.to_owned() }
}

/// The bucket that the copy is of: the one that all digests name, or the one that was typed.
pub(super) fn choose(
    recorded: &mut Recorded,
    named: Option<&str>,
    shown: &str,
) -> Result<String, Refusal> {
    let buckets: BTreeMap<String, usize> =
        recorded.buckets().into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    let list: Vec<String> = buckets.keys().map(|name| format!("`s3://{}`", escape(name))).collect();
    let bucket = match (named, list.as_slice()) {
        (Some(named), _) => {
            if !buckets.contains_key(named) {
                // It was typed, so it is looked for; the digests will not be where they were signed.
                let parts = std::mem::take(&mut recorded.parts).into_iter();
                let parts = parts.map(|part| Copied { bucket: named.to_owned(), ..part });
                recorded.parts = parts.collect();
            }
            named.to_owned()
        }
        (None, [_]) => buckets.into_keys().next().unwrap_or_default(),
        (None, _) => {
            return Err(Refusal::usage(format!(
                "the digests in `{shown}` were delivered to several buckets: {}\n\nhint: \
                 `--bucket` names the one to verify",
                list.join(", ")
            )));
        }
    };
    let of_it: Vec<&Copied> = recorded.parts.iter().filter(|part| part.bucket == bucket).collect();
    for (at, one) in of_it.iter().enumerate() {
        for other in of_it.iter().skip(at + 1) {
            let (a, b) = (&one.recorded, &other.recorded);
            if one.lies != other.lies && (a.starts_with(b.as_str()) || b.starts_with(a.as_str())) {
                return Err(Refusal::usage(format!(
                    "`{shown}` has two copies of `s3://{}/{}`: in `{}` and in `{}`\n\nhint: name \
                     the one to verify",
                    escape(&bucket),
                    escape(if a.len() > b.len() { a } else { b }),
                    escape(&one.lies),
                    escape(&other.lies),
                )));
            }
        }
    }
    Ok(bucket)
}

pub(super) fn roots(recorded: &Recorded, bucket: &str) -> Vec<String> {
    let of_it = recorded.parts.iter().filter(|part| part.bucket == bucket);
    let roots: BTreeSet<String> = of_it.map(|part| part.prefix.clone()).collect();
    roots.into_iter().collect()
}

pub(super) fn relocations(
    parts: &BTreeSet<Copied>,
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    complete: bool,
) -> Vec<Relocation> {
    let rule = |part: &Copied| Relocation {
        bucket: part.bucket.clone(),
        prefix: part.recorded.clone(),
        source: Arc::clone(source),
        to_bucket: bucket.to_owned(),
        to_prefix: part.lies.clone(),
        // A part that lies where it was delivered is read from the bucket of record.
        complete: complete || (part.bucket == bucket && part.recorded == part.lies),
    };
    parts.iter().map(rule).collect()
}

/// The folder in which digests of `bucket` lie by their names alone, and what their keys began
/// with; takes them out of the parts.
pub(super) fn flat_folder(
    recorded: &mut Recorded,
    bucket: &str,
    shown: &str,
) -> Result<Option<(String, String)>, Refusal> {
    let flat = |part: &Copied| Some((part.lies.clone(), root_of(&part.recorded)?.to_owned()));
    let of_bucket = recorded.parts.iter().filter(|part| part.bucket == bucket);
    let found: BTreeSet<(String, String)> = of_bucket.filter_map(flat).collect();
    recorded.parts.retain(|part| part.bucket != bucket || flat(part).is_none());
    if found.len() > 1 {
        return Err(Refusal::usage(format!(
            "`{shown}` has digests of several trails or folders without the folders that they lay \
             in\n\nhint: lay the files out as in the bucket, or name one folder of them"
        )));
    }
    Ok(found.into_iter().next())
}

/// What stands in front of the account in a folder of one day's digests, with its slash; `None` for
/// any other folder.
fn root_of(folder: &str) -> Option<&str> {
    let mut above = folder.strip_suffix('/')?;
    for digits in [2, 2, 4] {
        let (rest, part) = above.rsplit_once('/')?;
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        above = rest;
    }
    let (above, _) = above.rsplit_once('/')?;
    let above = above.strip_suffix(DIGEST_FOLDER)?.strip_suffix('/')?;
    let (root, _) = above.rsplit_once('/')?;
    folder.get(..=root.len())
}

/// How many log files lie in a directory without any digest; none where there is a digest.
pub(super) async fn logs_alone(source: &dyn ObjectSource) -> u64 {
    let mut request = ListRequest::names("", "");
    let mut logs = 0;
    for _ in 0..budget::PAGES {
        let Ok(page) = source.list(&request).await else { break };
        for object in page.objects {
            let name = object.key.rsplit('/').next().unwrap_or_default();
            if name.contains(DIGEST_FOLDER) {
                return 0;
            }
            logs += u64::from(is_log(name));
        }
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => break,
        }
    }
    logs
}

fn is_log(name: &str) -> bool {
    let mut parts = name.split('_');
    let account = parts.next().and_then(|account| account.parse().ok());
    let region = parts.nth(1).and_then(|region| region.parse().ok());
    account
        .zip(region)
        .is_some_and(|(account, region)| log_key_time(name, &account, &region).is_some())
}

pub(super) fn nothing_in(recorded: &Recorded, logs: u64, shown: &str) -> Refusal {
    if logs > 0 {
        return Refusal::not_proven(format!(
            "{} and no digest in `{shown}`: nothing can be proven\n\nhint: copy the folders \
             `{DIGEST_FOLDER}` of the bucket too",
            counted(logs, "log file")
        ));
    }
    if let Some((folder, why)) = recorded.unread.first() {
        let folder = escape(folder);
        return Refusal::not_started(format!("cannot read `{shown}/{folder}`: {why}"));
    }
    let folders: Vec<String> =
        recorded.folders.iter().take(LISTED).map(|name| format!("`{}`", escape(name))).collect();
    Refusal::nothing_found(if folders.is_empty() {
        format!(
            "no evidence in `{shown}`: no folder `{ROOT}` or `CloudTrail-Digest` lies in it, nor \
             a digest `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_REGION_TIME.json.gz`"
        )
    } else {
        format!(
            "no digest in `{shown}` says to which bucket it was delivered; looked into {}\n\nhint: \
             `--bucket` names the bucket",
            folders.join(", ")
        )
    })
}

/// Says that there is nothing, and what there is instead: a root `elsewhere`, or folders `there`.
pub(super) fn nothing_there(
    bucket: &str,
    prefix: &str,
    elsewhere: &[String],
    there: &[String],
) -> String {
    let named = |prefix: &str| {
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("`s3://{}{slash}{}`", escape(bucket), escape(prefix))
    };
    let place = named(prefix);
    let found: Vec<String> = elsewhere.iter().take(LISTED).map(|root| named(root)).collect();
    let nothing = format!("no folder `{ROOT}` in {place}");
    let names: Vec<String> = there.iter().take(LISTED).map(|name| excerpt(name, SHOWN)).collect();
    match (found.is_empty(), names.is_empty()) {
        (false, _) => format!("{nothing}\n\nhint: there is one in {}", found.join(", ")),
        (true, false) => format!("{nothing}\n\nhint: its folders are `{}`", names.join("`, `")),
        (true, true) => format!("{nothing}: nothing of CloudTrail's lies there"),
    }
}
