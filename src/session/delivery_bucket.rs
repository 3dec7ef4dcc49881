//! Which bucket a copy comes from, and the messages for when nothing shows it.
use super::location::folder;
use crate::aws::advice;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::locate::copy_mapping::CopyMapping;
use crate::locate::delivery::DeliverySample;
use crate::report::numbers::counted;
use crate::source::layer::relocate::Relocation;
use crate::source::{ListRequest, ObjectSource, Pages};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailproof_core::record::{PlaceDoubt, PlaceInDoubt, RunEvent};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::ids::{AccountId, OrganizationId};
use trailproof_core::vocab::key_layout::{DIGEST_FOLDER, ROOT};
use trailproof_core::vocab::location::{escape, excerpt};
use trailproof_core::vocab::log_key::log_key_time;

/// Parts of other buckets that links may lead to.
const OTHERS: usize = 32;

/// Folder names that a message lists.
pub(crate) const LISTED: usize = 10;

/// Returns the mapping that is assumed for a folder whose digests do not name their place of
/// delivery.
pub(crate) fn assumed(bucket: &str, path: &str) -> CopyMapping {
    let below = path.strip_prefix(&folder(bucket)).filter(|_| !bucket.is_empty());
    let lies = if below.is_some() { folder(bucket) } else { String::new() };
    let recorded = below.unwrap_or(path);
    let prefix = recorded.strip_suffix('/').unwrap_or(recorded);
    let prefix = prefix.strip_suffix(ROOT).unwrap_or(prefix).trim_end_matches('/');
    CopyMapping {
        bucket: bucket.to_owned(),
        recorded: String::new(),
        lies,
        prefix: prefix.to_owned(),
    }
}

/// The bucket that a copy comes from, and what in the copy comes from elsewhere.
pub(crate) struct DeliveryBucket {
    /// The bucket of delivery.
    pub(crate) bucket: String,
    /// Parts that come from other buckets. The links of a chain that moved may lead there.
    pub(crate) others: Vec<CopyMapping>,
    /// Places that the run does not look at.
    pub(crate) left_open: Vec<RunEvent>,
}

/// Chooses the bucket that the copy comes from: the one named on the command line, or the one that
/// most digests name. Only parts of that bucket are kept, each once. Whatever is left out is
/// reported.
///
/// Planted digests of a different bucket therefore neither stop the run nor hide what it leaves
/// out.
pub(crate) fn choose_bucket(
    recorded: &mut DeliverySample,
    named: Option<&str>,
    shown: &str,
) -> DeliveryBucket {
    let told = recorded.buckets();
    let most = told.iter().max_by_key(|(name, told)| (**told, Reverse(**name)));
    let bucket = named.or(most.map(|(name, _)| *name)).unwrap_or_default().to_owned();
    let others: Vec<String> = told
        .keys()
        .filter(|name| **name != bucket)
        .map(|name| format!("`s3://{}`", escape(name)))
        .collect();
    let is_there = told.contains_key(bucket.as_str());
    let mut parts: Vec<(CopyMapping, usize)> =
        std::mem::take(&mut recorded.parts).into_iter().collect();
    if !is_there {
        // The bucket was named on the command line, so digests are looked for under its name, and
        // will not be found where they were signed.
        parts.iter_mut().for_each(|(part, _)| part.bucket.clone_from(&bucket));
    } else if named.is_none() && !others.is_empty() {
        let others = others.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
        print_to_stderr(&format!(
            "warning: digests in `{shown}` were also delivered to {others}; only those delivered \
             to `s3://{}` are verified\n\nhint: choose the bucket with `--bucket`",
            escape(&bucket)
        ));
    }
    // What lies in a folder `AWSLogs` comes first: whoever can write beside it must not replace it. Then
    // comes the part that most digests name.
    let beside = |part: &CopyMapping| {
        !recorded.in_roots.contains(&(part.recorded.clone(), part.lies.clone()))
    };
    parts.sort_by(|(one, one_told), (other, other_told)| {
        let by_place = beside(one).cmp(&beside(other)).then(other_told.cmp(one_told));
        by_place.then_with(|| one.lies.len().cmp(&other.lies.len()))
    });
    let mut kept: BTreeMap<CopyMapping, usize> = BTreeMap::new();
    // By the folder that the delivered keys begin with, so that its parents are found by name.
    let mut recorded_in: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut left_out: Vec<CopyMapping> = Vec::new();
    let mut of_others: Vec<CopyMapping> = Vec::new();
    for (part, told) in parts {
        // Two parts must not give two places to one delivered key: one of them would hide the other.
        let elsewhere = |(folder, lies): (&str, &BTreeSet<String>)| {
            folder != part.recorded || lies.iter().any(|lies| *lies != part.lies)
        };
        let doubled = || {
            let mut above =
                above(&part.recorded).filter_map(|folder| Some((folder, recorded_in.get(folder)?)));
            let below = recorded_in.range(part.recorded.clone()..);
            let below = below.take_while(|(folder, _)| folder.starts_with(&part.recorded));
            above.any(elsewhere)
                || below.map(|(folder, lies)| (folder.as_str(), lies)).any(elsewhere)
        };
        if part.bucket != bucket {
            of_others.push(part);
        } else if doubled() {
            left_out.push(part);
        } else {
            recorded_in.entry(part.recorded.clone()).or_default().insert(part.lies.clone());
            kept.insert(part, told);
        }
    }
    recorded.parts = kept;
    let lies: BTreeSet<&str> = recorded.parts.keys().map(|part| part.lies.as_str()).collect();
    let is_covered = |folder: &str| above(folder).any(|above| lies.contains(above));
    let doubt = |why, folder: String| RunEvent::PlaceInDoubt(PlaceInDoubt::folder(why, folder));
    let mut doubts: Vec<RunEvent> = Vec::new();
    for (folder, why) in &recorded.unread {
        doubts.push(RunEvent::ListingUnread { folder: folder.clone(), why: why.clone() });
    }
    doubts.extend(recorded.left_out.iter().cloned().map(RunEvent::PlaceInDoubt));
    let uncovered = left_out.into_iter().map(|part| part.lies).filter(|lies| !is_covered(lies));
    let uncovered: BTreeSet<String> = uncovered.collect();
    doubts.extend(uncovered.into_iter().map(|lies| doubt(PlaceDoubt::NotLookedAt, lies)));
    let not_chosen: BTreeSet<&str> = of_others.iter().map(|part| part.lies.as_str()).collect();
    // What a digest claims is not proven: a forged one must not set a folder aside silently.
    let not_chosen = not_chosen.into_iter().filter(|lies| !is_covered(lies));
    doubts.extend(not_chosen.map(|lies| doubt(PlaceDoubt::NotLookedAt, lies.to_owned())));
    let silent = recorded.silent.iter().filter(|folder| !is_covered(folder)).cloned();
    doubts.extend(silent.map(|folder| doubt(PlaceDoubt::DigestsUnreadable, folder)));
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    // A complete copy of this bucket need not be complete for the others, and each part adds to the
    // cost of every read.
    of_others.truncate(OTHERS);
    of_others.retain(|part| seen.insert((part.bucket.clone(), part.recorded.clone())));
    DeliveryBucket { bucket, others: of_others, left_open: doubts }
}

/// Returns the prefixes below which the bucket has a folder `AWSLogs`: those that digests name, and
/// those of the folders that were found, whether or not a digest names them.
pub(crate) fn roots(recorded: &DeliverySample) -> Vec<String> {
    let mut roots: BTreeSet<String> =
        recorded.parts.keys().map(|part| part.prefix.clone()).collect();
    let outside =
        recorded.parts.keys().filter(|part| !part.recorded.split('/').any(|name| name == ROOT));
    let by_lies: BTreeMap<&str, &CopyMapping> =
        outside.map(|part| (part.lies.as_str(), part)).collect();
    for folder in &recorded.roots {
        let Some(part) = above(folder).filter_map(|above| by_lies.get(above)).last() else {
            continue;
        };
        let below = folder.get(part.lies.len()..).unwrap_or_default();
        let delivered = format!("{}{below}", part.recorded);
        let prefix = delivered.strip_suffix(&format!("{ROOT}/")).unwrap_or_default();
        roots.insert(prefix.strip_suffix('/').unwrap_or(prefix).to_owned());
    }
    roots.into_iter().collect()
}

/// Returns those of the folders of digests outside of `AWSLogs` that are not read under the name of a place:
/// no digest in them names one, or a different folder is read for it.
pub(crate) fn unread_folders(loose: &[String], recorded: &DeliverySample) -> Vec<String> {
    // What the folders of a part are below `AWSLogs`: how many names lead to them.
    let depths: BTreeSet<(&str, usize)> = recorded
        .parts
        .keys()
        .filter_map(|part| Some((part.lies.as_str(), depth(&part.recorded)?)))
        .collect();
    let is_read = |folder: &&String| {
        above(folder).any(|lies| {
            let below: Vec<&str> = match folder.strip_prefix(lies) {
                Some(below) => below.split('/').filter(|name| !name.is_empty()).collect(),
                None => return false,
            };
            match below.as_slice() {
                [account, DIGEST_FOLDER] if account.parse::<AccountId>().is_ok() => {
                    depths.contains(&(lies, 0))
                }
                [DIGEST_FOLDER] => depths.contains(&(lies, 1)),
                [] => depths.contains(&(lies, 2)),
                _ => false,
            }
        })
    };
    loose.iter().filter(|folder| !is_read(folder)).cloned().collect()
}

/// Returns how many names below `AWSLogs` and an organization a delivered folder has: 0 for the folder of
/// accounts, 1 for an account's, 2 for its folder of digests. `None` for any other folder.
fn depth(recorded: &str) -> Option<usize> {
    let names: Vec<&str> = recorded.strip_suffix('/')?.split('/').collect();
    let at = names.iter().rposition(|name| *name == ROOT)?;
    let below = names.get(at + 1..)?;
    let below = match below.split_first() {
        Some((first, rest)) if first.parse::<OrganizationId>().is_ok() => rest,
        _ => below,
    };
    match below {
        [] => Some(0),
        [account] if account.parse::<AccountId>().is_ok() => Some(1),
        [account, DIGEST_FOLDER] if account.parse::<AccountId>().is_ok() => Some(2),
        _ => None,
    }
}

/// Returns the folder and all its parents, from the outermost. The first is empty, the last is the
/// folder itself.
fn above(folder: &str) -> impl Iterator<Item = &str> {
    let slashes = folder.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
    let ends = std::iter::once(0).chain(slashes.map(|(at, _)| at + 1));
    ends.filter_map(|end| folder.get(..end))
}

/// Returns one relocation rule for each part. `complete` asserts that the copy is complete.
pub(crate) fn relocations<'p>(
    parts: impl Iterator<Item = &'p CopyMapping>,
    source: &Arc<dyn ObjectSource>,
    bucket: &str,
    complete: bool,
) -> Vec<Relocation> {
    let rule = |part: &CopyMapping| Relocation {
        bucket: part.bucket.clone(),
        prefix: part.recorded.clone(),
        source: Arc::clone(source),
        to_bucket: bucket.to_owned(),
        to_prefix: part.lies.clone(),
        // A part that lies where it was delivered is read from the bucket of record.
        complete: complete || (part.bucket == bucket && part.recorded == part.lies),
    };
    parts.map(rule).collect()
}

/// Returns the folder that holds digests by file name alone, and what their delivered keys begin
/// with, and removes both from the parts. If there are several, the one with the most digests is
/// returned and the others are reported.
pub(crate) fn flat_folder(
    recorded: &mut DeliverySample,
    doubts: &mut Vec<RunEvent>,
) -> Option<(String, String)> {
    let flat = |part: &CopyMapping| Some((part.lies.clone(), root_of(&part.recorded)?.to_owned()));
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (part, told) in &recorded.parts {
        if let Some(flat) = flat(part) {
            *found.entry(flat).or_default() += told;
        }
    }
    recorded.parts.retain(|part, _| flat(part).is_none());
    let most = found.iter().max_by_key(|(flat, told)| (**told, Reverse(*flat)));
    let most = most.map(|(flat, _)| flat.clone())?;
    for (lies, _) in found.into_keys().filter(|flat| *flat != most) {
        let doubt = PlaceInDoubt::folder(PlaceDoubt::NotLookedAt, lies);
        doubts.push(RunEvent::PlaceInDoubt(doubt));
    }
    Some(most)
}

/// Returns what precedes the account in a folder of one day's digests, with its slash; `None` for
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

/// Returns the number of log files in a directory without any digest; 0 if there is a digest.
pub(crate) async fn logs_alone(source: &dyn ObjectSource) -> u64 {
    let mut pages = Pages::new(source, ListRequest::names("", ""));
    let mut logs = 0;
    // The number only decides the wording of a refusal, so a failed listing is ignored.
    while let Ok(Some(page)) = pages.next().await {
        for object in page.objects {
            let name = object.key.rsplit('/').next().unwrap_or_default();
            if name.contains(DIGEST_FOLDER) {
                return 0;
            }
            logs += u64::from(is_log(name));
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

/// Explains why a directory or bucket holds no usable digest. `logs` is the number of log files in
/// it.
pub(crate) fn no_digest_refusal(recorded: &DeliverySample, logs: u64, shown: &str) -> Refusal {
    if logs > 0 {
        return Refusal::not_proven(format!(
            "{} and no digest in `{shown}`: nothing can be proven\n\nhint: copy the \
             bucket's `{DIGEST_FOLDER}` folders as well",
            counted(logs, "log file")
        ));
    }
    if let Some((folder, why)) = recorded.unread.first() {
        let folder = escape(folder);
        let words = format!("cannot read `{shown}/{folder}`: {}", advice::failure(why));
        return Refusal::bucket_unlisted(words, why);
    }
    let folders: Vec<String> =
        recorded.folders.iter().take(LISTED).map(|name| format!("`{}`", escape(name))).collect();
    Refusal::nothing_found(if folders.is_empty() {
        format!(
            "no evidence in `{shown}`: it contains no folder `{ROOT}` or `CloudTrail-Digest`, and \
             no digest named `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_REGION_TIME.json.gz`"
        )
    } else {
        format!(
            "no digest in `{shown}` names the bucket that it was delivered to; searched {}\n\n\
             hint: name the bucket with `--bucket`",
            folders.join(", ")
        )
    })
}

/// Returns the message for a location without evidence, with what exists instead: roots
/// `elsewhere`, or folders `there`.
pub(crate) fn no_root_message(
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
        (true, true) => format!("{nothing}, and no other folders"),
    }
}
