//! Roots: the folders of a bucket that hold a folder `AWSLogs`.
//!
//! The whole bucket is searched, level by level. A bucket may hold more folders than can be listed,
//! so the search has a budget. The folders that it leaves out are reported, and the run is not
//! proven.
use super::folders::{is_region, read_folders};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ObjectSource};
use std::collections::BTreeMap;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::{PlaceDoubt, PlaceInDoubt};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region};
use trailproof_core::vocab::key_layout::{DIGEST_FOLDER, ROOT};
use trailproof_core::vocab::log_key::is_log_folder;

/// The number of left-out folders that are reported individually. The rest are counted in a doubt about
/// everything that was searched.
const REPORTED: usize = 100;

/// The number of CloudTrail folders in unexpected places that are reported individually, so that each can
/// be reviewed. The rest are counted likewise.
const HIDDEN: usize = 10_000;

/// Folders that are listed concurrently. Their names are held until the last one is listed.
const AT_ONCE: usize = 64;

/// Folders directly below one folder that are searched: more than an organization has accounts. 64
/// times this number of names takes some 100 MB, but only in a bucket that was filled for this
/// purpose.
const IN_ONE: usize = 25_000;

/// The result of a search for roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// Prefixes below which there is a folder `AWSLogs`, without a trailing slash, ascending.
    pub prefixes: Vec<String>,
    /// Folders of digests outside of any folder `AWSLogs`, as in a copy of an account's folder.
    pub loose: Vec<String>,
    /// CloudTrail folders below `AWSLogs` that are outside of any account's folder, or anywhere outside of
    /// `AWSLogs`, so that nothing in them is read.
    pub hidden: Vec<String>,
    /// Listings that could not be read completely.
    pub unread: Vec<(String, ReadFailure)>,
    /// Folders that were not searched.
    pub left_out: Vec<PlaceInDoubt>,
}

/// How a folder is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// Nothing is known about it: `AWSLogs` may be anywhere below.
    Anything,
    /// The same, with the name of an account: a copy of an account's folder, or one below a folder
    /// that is named almost like `AWSLogs`.
    LooseAccount,
    /// The same, with a name like that of a folder of log files. It is one if there are regions in it, and
    /// may as well be the prefix of a trail.
    NamedAsLogs,
    /// `AWSLogs`, or an organization's folder in it: it holds accounts, and prefixes of other
    /// trails.
    Root,
    /// An account's folder, which holds a folder for each service that delivers.
    Account,
    /// A service's folder, which holds regions.
    Service,
    /// A folder below `AWSLogs` that is none of these.
    Odd,
}

/// Returns whether CloudTrail itself creates folders of log files with this name. Prefixes of trails have
/// similar ones.
fn is_delivered_log_folder(name: &str) -> bool {
    is_log_folder(name)
        && name
            .strip_prefix("CloudTrail")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

impl Inside {
    /// Returns whether it is outside of any folder `AWSLogs`.
    fn is_loose(self) -> bool {
        matches!(self, Self::Anything | Self::LooseAccount | Self::NamedAsLogs)
    }

    /// Returns what its subfolder `name` is; `None` if that is not searched for roots: a region's
    /// folder, below which each service has its own days.
    fn below(self, name: &str) -> Option<Self> {
        match self {
            _ if name == ROOT => Some(Self::Root),
            Self::Root if name.parse::<AccountId>().is_ok() => Some(Self::Account),
            Self::Root if name.parse::<OrganizationId>().is_ok() => Some(Self::Root),
            Self::Account if name == DIGEST_FOLDER || is_log_folder(name) => None,
            Self::Account if !name.is_empty() => Some(Self::Service),
            Self::Service if name.parse::<Region>().is_ok() => None,
            Self::Anything | Self::LooseAccount | Self::NamedAsLogs => {
                Some(if name.parse::<AccountId>().is_ok() {
                    Self::LooseAccount
                } else if is_delivered_log_folder(name) {
                    Self::NamedAsLogs
                } else {
                    Self::Anything
                })
            }
            Self::Root | Self::Account | Self::Service | Self::Odd => Some(Self::Odd),
        }
    }

    /// Returns whether its subfolder `name` looks like CloudTrail's but is not reached by the
    /// discovery of accounts.
    fn hides(self, name: &str) -> bool {
        let meant = name.to_ascii_lowercase().starts_with("cloudtrail");
        match self {
            Self::Anything | Self::NamedAsLogs => false,
            // Folders of digests are reported as such.
            Self::LooseAccount => is_log_folder(name),
            Self::Account => meant && name != DIGEST_FOLDER && !is_log_folder(name),
            Self::Root | Self::Service | Self::Odd => meant,
        }
    }
}

/// Searches for roots below `prefix`, which has no trailing slash, or everywhere if it is empty.
///
/// # Errors
///
/// The folder of the prefix itself could not be listed.
pub async fn find_roots(
    source: &dyn ObjectSource,
    bucket: &str,
    prefix: &str,
) -> Result<Roots, ReadFailure> {
    find_roots_within(source, bucket, prefix, budget::SEARCHED_FOLDERS).await
}

async fn find_roots_within(
    source: &dyn ObjectSource,
    bucket: &str,
    prefix: &str,
    mut budget: usize,
) -> Result<Roots, ReadFailure> {
    let mut found = Roots::default();
    let top = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let mut level = vec![(top.clone(), Inside::Anything)];
    let mut left_out = BTreeMap::new();
    let mut hidden_besides = 0;
    while !level.is_empty() {
        let mut below = Vec::new();
        for part in level.chunks(AT_ONCE) {
            let listings = in_order(part.iter().map(|(path, inside)| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let listed = read_folders(source, bucket, path, IN_ONE).await;
                    (path, *inside, listed)
                })
            }))
            .await;
            for (path, inside, (names, why)) in listings {
                if let Some(why) = why {
                    if *path == top && names.is_empty() {
                        return Err(why);
                    }
                    found.unread.push((path.clone(), why));
                }
                let is_loose = inside.is_loose();
                // What is beside a folder of digests is read with it, or left out with it.
                let copied = is_loose && names.iter().any(|name| name == DIGEST_FOLDER);
                if inside == Inside::NamedAsLogs && names.iter().any(|name| is_region(name)) {
                    hidden_besides += found.hide(path.clone());
                    continue;
                }
                for name in names {
                    if name == ROOT {
                        found.root(path);
                    }
                    if name == DIGEST_FOLDER && is_loose {
                        found.loose.push(format!("{path}{name}/"));
                    }
                    if inside.hides(&name) && !copied {
                        hidden_besides += found.hide(format!("{path}{name}/"));
                        continue;
                    }
                    let Some(mut inside) = inside.below(&name) else { continue };
                    if copied && inside == Inside::NamedAsLogs {
                        inside = Inside::Anything;
                    }
                    if budget == 0 {
                        *left_out.entry(path.clone()).or_default() += 1;
                        continue;
                    }
                    budget -= 1;
                    below.push((format!("{path}{name}/"), inside));
                }
            }
        }
        level = below;
    }
    found.prefixes.sort();
    found.loose.sort();
    found.hidden.sort();
    found.left_out.extend(reported(left_out, hidden_besides, &top));
    Ok(found)
}

impl Roots {
    /// Returns the folders `AWSLogs`, with a slash at their end.
    pub fn folders(&self) -> impl Iterator<Item = String> {
        self.prefixes.iter().map(|prefix| {
            let slash = if prefix.is_empty() { "" } else { "/" };
            format!("{prefix}{slash}{ROOT}/")
        })
    }

    /// Records a folder that nothing leads to. Returns how many were not recorded: 0 or 1.
    fn hide(&mut self, folder: String) -> u64 {
        if self.hidden.len() == HIDDEN {
            return 1;
        }
        self.hidden.push(folder);
        0
    }

    /// Records the folder `AWSLogs` in `path`.
    fn root(&mut self, path: &str) {
        match path.strip_suffix('/') {
            // A prefix of one empty name cannot be distinguished from no prefix.
            Some("") => {
                let folder = format!("{path}{ROOT}/");
                self.left_out.push(PlaceInDoubt::folder(PlaceDoubt::NotLookedAt, folder));
            }
            prefix => self.prefixes.push(prefix.unwrap_or_default().to_owned()),
        }
    }
}

/// Reports the folders that were not searched, by the folder that they are in. Those for which there is no
/// room, and `besides` further ones, are reported as being anywhere below `top`.
fn reported(left_out: BTreeMap<String, u64>, besides: u64, top: &str) -> Vec<PlaceInDoubt> {
    let others = left_out.values().skip(REPORTED).sum::<u64>() + besides;
    let doubt = |(folder, count)| PlaceInDoubt {
        folders: Some(count),
        ..PlaceInDoubt::folder(PlaceDoubt::NotLookedAt, folder)
    };
    let anywhere = (others > 0).then(|| (top.to_owned(), others));
    left_out.into_iter().take(REPORTED).chain(anywhere).map(doubt).collect()
}

#[cfg(test)]
#[path = "roots_tests.rs"]
mod tests;
