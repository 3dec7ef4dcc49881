//! What a mirror was made for, held against what is asked of it.
use super::evidence::Evidence;
use super::location::LocationScope;
use crate::source::mirror::{Header, MirrorRun};
use std::collections::BTreeSet;
use std::path::Path;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::record::{PlaceDoubt, PlaceInDoubt, RunEvent};
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region};
use trailproof_core::vocab::key_layout::ROOT;
use trailproof_core::vocab::time::Period;

impl Evidence {
    /// Adds a doubt if the evidence is read from a mirror that was not made for all of `period`
    /// and `scope`.
    pub(crate) fn doubt_beyond_mirror(&mut self, period: Period, scope: &Scope) {
        let is_wide_enough = |run: &MirrorRun, scope: &Scope| {
            holds(&run.trails, &scope.trails)
                && holds(&run.accounts, &scope.accounts)
                && holds(&run.regions, &scope.regions)
                && run.below.as_deref().is_none_or(|below| is_below(scope, below))
        };
        let was_asked_for = |header: &Header| match single(scope) {
            Some(each) => each.iter().all(|one| {
                header.was_asked_for(period, |run: &MirrorRun| is_wide_enough(run, one))
            }),
            None => header.was_asked_for(period, |run: &MirrorRun| is_wide_enough(run, scope)),
        };
        if !self.mirrors.iter().all(was_asked_for) {
            let words = "the mirror was not made for all of this period and scope";
            let why = ReadFailure::new(ReadFailureKind::NotCopied, words);
            self.left_open.push(RunEvent::ListingUnread { folder: format!("{ROOT}/"), why });
        }
    }
}

/// Number of single places of a scope above which a mirror must have been made for all of it at once.
const SINGLE: usize = 20_000;

/// Returns the scope as one for each trail, account and region that it names, since a mirror may have
/// been made of one after the other; `None` if they are too many.
fn single(scope: &Scope) -> Option<Vec<Scope>> {
    fn each<T: Clone>(names: &[T]) -> Vec<Vec<T>> {
        match names {
            [] => vec![Vec::new()],
            names => names.iter().map(|name| vec![name.clone()]).collect(),
        }
    }
    let (trails, accounts, regions) =
        (each(&scope.trails), each(&scope.accounts), each(&scope.regions));
    let number = trails.len().checked_mul(accounts.len())?.checked_mul(regions.len())?;
    if number > SINGLE {
        return None;
    }
    let mut single = Vec::with_capacity(number);
    for trail in &trails {
        for account in &accounts {
            for region in &regions {
                single.push(Scope {
                    trails: trail.clone(),
                    accounts: account.clone(),
                    regions: region.clone(),
                    organization: scope.organization.clone(),
                });
            }
        }
    }
    Some(single)
}

/// Returns whether everything in the scope lies below a folder of `AWSLogs`.
fn is_below(scope: &Scope, folder: &str) -> bool {
    let Some(folder) = LocationScope::parse(folder) else { return false };
    let only = |names: &[String], name: Option<String>| {
        name.is_none_or(|name| !names.is_empty() && names.iter().all(|asked| *asked == name))
    };
    let text = |names: &[AccountId]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let regions: Vec<String> = scope.regions.iter().map(ToString::to_string).collect();
    let no_path = folder.organization.is_none() && folder.account.is_none();
    (no_path || scope.organization.as_ref() == Some(&folder.organization))
        && only(&text(&scope.accounts), folder.account.map(|account| account.to_string()))
        && only(&regions, folder.region.map(|region| region.to_string()))
}

/// Returns whether a run whose scope has these names includes everything that is asked for. Without
/// a name, everything is.
fn holds(names: &[String], asked: &[impl ToString]) -> bool {
    let is_named = |asked: &dyn ToString| names.contains(&asked.to_string());
    names.is_empty() || (!asked.is_empty() && asked.iter().all(|asked| is_named(asked)))
}

/// Number of folders outside of a mirror's scope that are named.
const OUTSIDE: usize = 1_000;

/// Folders of an account that hold evidence, and the number of files above which one that is outside of
/// the scope was not copied on the way. A run reads single digests of other regions to find out where the
/// evidence was delivered and how chains ended, and the log files of the hours around an end.
const KINDS: [(&str, usize); 2] = [("CloudTrail", 48), ("CloudTrail-Digest", 12)];

/// Depth of the folders of a region: year, month and day.
const DEPTH: usize = 3;

impl Evidence {
    /// Adds a doubt about each account and region that lies in the mirror in this directory and outside
    /// of the scope. It is for a scope that comes from the mirror's own header: a changed header must not
    /// hide what lies there.
    pub(crate) fn doubt_outside_scope(&mut self, directory: &Path, scope: &Scope) {
        let mut outside = BTreeSet::new();
        for root in &self.roots {
            let at = directory.join(&self.bucket).join(root).join(ROOT);
            let below = format!("{root}{ROOT}/");
            for name in names(&at) {
                if name.parse::<OrganizationId>().is_ok() {
                    accounts(&at.join(&name), &format!("{below}{name}/"), scope, &mut outside);
                }
            }
            accounts(&at, &below, scope, &mut outside);
        }
        let doubt = |folder| PlaceInDoubt::folder(PlaceDoubt::NotLookedAt, folder);
        self.left_open.extend(outside.into_iter().map(doubt).map(RunEvent::PlaceInDoubt));
    }
}

/// Adds the folders of accounts and regions that are outside of the scope.
fn accounts(at: &Path, below: &str, scope: &Scope, outside: &mut BTreeSet<String>) {
    for name in names(at) {
        let Ok(account) = name.parse::<AccountId>() else { continue };
        for (kind, on_the_way) in KINDS {
            let of_kind = at.join(&name).join(kind);
            let regions = names(&of_kind);
            let is_inside = |region: &String| {
                let Ok(region) = region.parse::<Region>() else { return true };
                scope.has_account(&account)
                    && (scope.regions.is_empty() || scope.regions.contains(&region))
            };
            for region in regions.iter().filter(|region| !is_inside(region)) {
                let mut left = on_the_way;
                let is_more = has_more(&of_kind.join(region), DEPTH, &mut left);
                if is_more && outside.len() < OUTSIDE {
                    outside.insert(format!("{below}{name}/{kind}/{region}/"));
                }
            }
        }
    }
}

/// Returns whether a folder and those in it have more files than are `left`.
fn has_more(folder: &Path, depth: usize, left: &mut usize) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    for entry in entries.filter_map(Result::ok) {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_more = match (is_folder, *left) {
            (true, _) => depth > 0 && has_more(&entry.path(), depth - 1, left),
            (false, 0) => true,
            (false, _) => {
                *left -= 1;
                false
            }
        };
        if is_more {
            return true;
        }
    }
    false
}

/// Returns the names of the folders in a folder; none if it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let entries = entries.filter_map(Result::ok).filter(is_folder);
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
