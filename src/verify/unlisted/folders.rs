//! The folders that are searched for unlisted log files: days, the levels above them, and folders
//! beside the regions.
use super::look::{Comparison, Shared, over_budget};
use super::named_logs::NamedLogs;
use crate::locate::folders::is_region;
use crate::locate::place::Place;
use crate::source::many::in_order;
use crate::source::{BoxFuture, ListRequest, ObjectSource, Pages};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::unlisted::SetAside;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::ids::{AccountId, OrganizationId};
use trailproof_core::vocab::key_layout::{DIGEST_FOLDER, KeyRoot};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::log_key::{
    is_log_folder, is_named_as_log, is_of_other_service, log_key_time,
};
use trailproof_core::vocab::time::{Period, Timestamp};

pub(crate) fn join_result(done: Result<(), JoinError>) {
    if let Err(error) = done {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Searches the levels of one place's folder of log files; returns which of these days have a
/// folder there.
pub(crate) async fn search_levels(
    shared: &Shared,
    named: &NamedLogs,
    place: &Place,
    name: &str,
    days: &BTreeSet<String>,
) -> Vec<String> {
    let is_stray = |at: &ObjectLocation| !named.names(at);
    let prefix = place.root.prefix.as_str();
    let against =
        Comparison { prefix, place: Some(place), named: Some(named), is_stray: &is_stray };
    let above = place.folder(name);
    let mut wanted = vec![String::new()];
    // Years, months and days: each level leads to the requested folders of the next.
    for (level, length) in [(0, 5), (1, 8), (2, 11)] {
        let mut levels: Vec<BoxFuture<'_, Vec<String>>> = Vec::new();
        for path in wanted {
            levels.push(Box::pin(next_level(shared, against, &above, path, days, (level, length))));
        }
        wanted = in_order(levels).await.into_iter().flatten().collect();
    }
    wanted
}

/// Searches the folders of days.
pub(crate) async fn search_days(
    shared: &Arc<Shared>,
    named: &Arc<NamedLogs>,
    place: &Place,
    name: &str,
    days: Vec<String>,
) {
    let above = place.folder(name);
    let mut listings = JoinSet::new();
    for day in days {
        // Limits the waiting tasks. The source limits the requests in flight.
        while listings.len() >= 1_024 {
            if let Some(done) = listings.join_next().await {
                join_result(done);
            }
        }
        let (shared, named, place) = (Arc::clone(shared), Arc::clone(named), place.clone());
        let folder = format!("{above}{day}");
        listings.spawn(async move {
            let day = day.trim_end_matches('/');
            let is_stray =
                |at: &ObjectLocation| !named.names(at) && named.must_name(&place, day, &at.key);
            let prefix = place.root.prefix.as_str();
            let (place, named) = (Some(&place), Some(named.as_ref()));
            shared.whole(&folder, Comparison { prefix, place, named, is_stray: &is_stray }).await;
        });
    }
    while let Some(done) = listings.join_next().await {
        join_result(done);
    }
}

/// Searches one level; returns the folders directly below it that have verified time.
async fn next_level(
    shared: &Shared,
    against: Comparison<'_>,
    above: &str,
    path: String,
    days: &BTreeSet<String>,
    (level, length): (usize, usize),
) -> Vec<String> {
    let below = |day: &String| format!("{day}/").get(..length).map(str::to_owned);
    let mut wanted: BTreeSet<String> = days.iter().filter_map(below).collect();
    wanted.retain(|below| below.starts_with(&path));
    let folder = format!("{above}{path}");
    let Some(names) = shared.level(&folder, against).await else {
        // If the level could not be listed, all of its requested folders are searched.
        return wanted.into_iter().collect();
    };
    let (known, search_irregular): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| is_of_level(&path, name, level));
    shared.search_irregular(&folder, &search_irregular, against).await;
    let known = known.into_iter().map(|name| format!("{path}{name}/"));
    known.filter(|below| wanted.contains(below)).collect()
}

/// Returns whether CloudTrail creates a folder of this name below `path`, which is a year and a
/// month or the beginning of that.
fn is_of_level(path: &str, name: &str, level: usize) -> bool {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    let rest = match level {
        0 => "0101T000000Z",
        1 => "01T000000Z",
        _ => "T000000Z",
    };
    let day: String = path.split('/').chain([name, rest]).collect();
    let length = if level == 0 { 4 } else { 2 };
    // CloudTrail started in 2013, and folders of later centuries do not exist yet.
    let is_real = level > 0 || ("2013".."2100").contains(&name);
    digits && is_real && name.len() == length && Timestamp::parse_key(&day).is_some()
}

/// The levels of folders of accounts and organizations that are searched below a folder that is
/// neither of a place. CloudTrail itself nests two: an organization and an account.
const NESTED: usize = 4;

/// Searches what is beside the places of a root: objects directly in `AWSLogs` or an organization's
/// folder, and folders that are not those of a place. `is_known` returns whether a name in the root
/// is the folder of an account with a place, or an organization's folder that is searched itself.
pub(crate) async fn search_root(
    shared: &Shared,
    root: &KeyRoot,
    is_known: &(dyn Fn(&str) -> bool + Sync),
) {
    let prefix = root.prefix.as_str();
    search_beside(shared, prefix, root.folder(), NESTED, is_known).await;
}

/// Searches one folder in which there may be folders of accounts and organizations, of log files,
/// and of other services, which are left out. Any other folder is searched for names of log files.
fn search_beside<'a>(
    shared: &'a Shared,
    prefix: &'a str,
    folder: String,
    nested: usize,
    is_known: &'a (dyn Fn(&str) -> bool + Sync),
) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let is_log = |at: &ObjectLocation| may_hold_events(&at.key);
        let beside = Comparison { prefix, place: None, named: None, is_stray: &is_log };
        let every = Comparison { is_stray: &|_| true, ..beside };
        let Some(names) = shared.level(&folder, beside).await else { return };
        let mut odd = 0;
        let mut searches: Vec<BoxFuture<'_, ()>> = Vec::new();
        for name in names.iter().filter(|name| !is_known(name)) {
            let below = format!("{folder}{name}/");
            let holds_accounts =
                name.parse::<AccountId>().is_ok() || name.parse::<OrganizationId>().is_ok();
            if is_of_other_service(name) || name == DIGEST_FOLDER {
                continue;
            }
            odd += usize::from(!holds_accounts);
            if odd > budget::ODD_FOLDERS {
                shared.doubt(&folder, over_budget("too many folders that are not an account's"));
                break;
            }
            searches.push(if is_log_folder(name) {
                Box::pin(async move { search_log_folder(shared, &below, every).await })
            } else if !holds_accounts {
                Box::pin(async move { shared.whole(&below, named_as_logs(beside)).await })
            } else if nested > 0 {
                search_beside(shared, prefix, below, nested - 1, &|_| false)
            } else {
                shared.doubt(&below, over_budget("folders of accounts nest too deeply"));
                continue;
            });
        }
        in_order(searches).await;
    })
}

/// Searches a folder of log files of an account that has no place in scope. Regions out of scope are left
/// out: nothing says what their digests name.
async fn search_log_folder(shared: &Shared, folder: &str, against: Comparison<'_>) {
    if shared.scope.regions.is_empty() {
        return shared.whole(folder, against).await;
    }
    let mut names = shared.level(folder, against).await.unwrap_or_default();
    names.retain(|name| !is_left_out(shared, name));
    shared.search_irregular(folder, &names, against).await;
}

/// Returns whether a folder is that of a region out of scope, however it is spelled.
fn is_left_out(shared: &Shared, name: &str) -> bool {
    let meant = name.to_ascii_lowercase();
    is_region(&meant) && meant.parse().is_ok_and(|region| !shared.scope.has_region(&region))
}

/// Returns whether an object beside the folders of services may hold events, by its name: readers of log
/// files take inflated ones too.
fn may_hold_events(key: &str) -> bool {
    [".json", ".json.gz"].iter().any(|end| key.ends_with(end))
}

/// Returns the comparison that takes only objects with the name of a log file.
fn named_as_logs(against: Comparison<'_>) -> Comparison<'_> {
    Comparison { is_stray: &|at| is_named_as_log(&at.key), ..against }
}

/// Searches what is beside the folders of regions, in every folder of log files of an account.
pub(crate) async fn search_account(
    shared: &Shared,
    root: &KeyRoot,
    account: &AccountId,
    is_named: &(dyn Fn(&ObjectLocation) -> bool + Sync),
    has_digests: &(dyn Fn(&str) -> bool + Sync),
) {
    let is_stray = |at: &ObjectLocation| !is_named(at);
    let against =
        Comparison { prefix: &root.prefix, place: None, named: None, is_stray: &is_stray };
    let above = format!("{}{account}/", root.folder());
    // Other services write their own files beside these folders.
    let is_log = |at: &ObjectLocation| may_hold_events(&at.key) && is_stray(at);
    let beside = Comparison { is_stray: &is_log, ..against };
    let Some(names) = shared.level(&above, beside).await else { return };
    let (log_folders, others): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| is_log_folder(name));
    let others = others.into_iter();
    let others: Vec<String> =
        others.filter(|name| !is_of_other_service(name) && name != DIGEST_FOLDER).collect();
    let is_strange = |at: &ObjectLocation| is_named_as_log(&at.key) && is_stray(at);
    let strange = Comparison { is_stray: &is_strange, ..against };
    let mut searches: Vec<BoxFuture<'_, ()>> =
        vec![Box::pin(shared.search_irregular(&above, &others, strange))];
    for name in log_folders {
        let folder = format!("{above}{name}/");
        searches.push(Box::pin(async move {
            let mut names = shared.level(&folder, against).await.unwrap_or_default();
            // A correctly spelled region is its own place.
            names.retain(|name| {
                !is_region(name) && !has_digests(name) && !is_left_out(shared, name)
            });
            shared.search_irregular(&folder, &names, against).await;
        }));
    }
    in_order(searches).await;
}

/// Returns whether a folder of log files has any object of the period: one whose name contains a
/// time in the period, or one without a time in its name in a folder of the period's days.
///
/// Objects that no reader takes for data do not count, except those that have the name of a log file:
/// a log file that somebody emptied, hid or made a folder of was delivered.
pub(crate) async fn has_logs(
    source: &dyn ObjectSource,
    bucket: &str,
    place: &Place,
    name: &str,
    period: Period,
) -> Result<bool, ReadFailure> {
    let folder = place.folder(name);
    let mut request = ListRequest::all(bucket, &folder);
    request.start_after = Some(format!("{folder}{}", period.start.date_folder()));
    let last = format!("{folder}{}/\u{10ffff}", period.end.plus(-1).date_folder());
    let mut pages = Pages::new(source, request);
    while let Some(page) = pages.next().await? {
        for object in page.objects {
            if object.key > last {
                return Ok(false);
            }
            let at = ObjectLocation::new(bucket, object.key.as_str());
            let aside =
                object.size == 0 || SetAside::by_name(&object.key, source.is_local(&at)).is_some();
            let name = delivered_name(&object.key);
            let made = log_key_time(name, &place.account, &place.region);
            let within = made.is_none_or(|made| period.start <= made && made < period.end);
            if within && (!aside || is_named_as_log(name)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Returns the name in a key, without what hides it from readers: a leading `.` or `_`, or the slash of
/// a folder at its end.
fn delivered_name(key: &str) -> &str {
    let key = key.trim_end_matches('/');
    let name = key.rsplit('/').next().unwrap_or(key);
    name.trim_start_matches(['.', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_log_file_keeps_its_name() {
        let name = "111122223333_CloudTrail_us-east-1_20260301T0005Z_x.json.gz";
        for key in [name, &format!("_{name}"), &format!("a/._{name}"), &format!("a/{name}/")] {
            assert_eq!(delivered_name(key), name, "{key}");
        }
        assert_eq!(delivered_name("a/"), "a");
        assert!(!is_named_as_log(delivered_name("2026/03/01/")));
    }

    #[test]
    fn only_folders_that_cloudtrail_creates_belong_to_a_level() {
        for (path, name, level) in
            [("", "2026", 0), ("2026/", "03", 1), ("2026/03/", "01", 2), ("2024/02/", "29", 2)]
        {
            assert!(is_of_level(path, name, level), "{path}{name}");
        }
        for (path, name, level) in [
            ("", "26", 0),
            ("", "0000", 0),
            ("", "2012", 0),
            ("", "9999", 0),
            ("", "+026", 0),
            ("", "02026", 0),
            ("", "", 0),
            ("2026/", "3", 1),
            ("2026/", "13", 1),
            ("2026/", "00", 1),
            ("2026/03/", "1", 2),
            ("2026/03/", "001", 2),
            ("2026/02/", "29", 2),
            ("2026/03/", "32", 2),
        ] {
            assert!(!is_of_level(path, name, level), "{path}{name}");
        }
    }
}
