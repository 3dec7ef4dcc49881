//! The results of the search for unlisted objects, up to a budget and in canonical order.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::unlisted::{SetAside, UnlistedReason};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::ids::AccountId;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// The kind of an object that no verified digest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stray {
    /// An object of unknown origin.
    Unlisted {
        /// When it was last written.
        last_modified: Option<Timestamp>,
        /// Likely reason why it is there.
        reason: UnlistedReason,
    },
    /// A copy: a verified digest names this content under a different key.
    CopyOf(Hash),
}

/// An object that no verified digest names, and the folder in whose listing it was.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) folder: Arc<str>,
    pub(crate) stray: Stray,
}

/// The first objects by key, as many as the budget allows. The selection does not depend on the
/// order in which folders are listed.
#[derive(Debug, Default)]
pub(crate) struct Results {
    strays: BTreeMap<String, Entry>,
    doubts: BTreeMap<String, ReadFailure>,
    set_aside: BTreeMap<SetAside, u64>,
}

impl Results {
    pub(crate) fn take(&mut self, entries: impl IntoIterator<Item = (String, Entry)>) {
        self.strays.extend(entries);
        while self.strays.len() > budget::UNLISTED {
            let Some((_, Entry { folder, .. })) = self.strays.pop_last() else { break };
            if !self.doubts.contains_key(&*folder) {
                let words = "too many objects that no digest names";
                self.doubt(&folder, ReadFailure::new(ReadFailureKind::OverBudget, words));
            }
        }
    }

    /// Notes why the objects of a folder may be incomplete. The first reason of a folder is kept; a
    /// read failure takes precedence over an exceeded budget.
    pub(crate) fn doubt(&mut self, folder: &str, why: ReadFailure) {
        match self.doubts.get(folder) {
            Some(known) if known.kind != ReadFailureKind::OverBudget => {}
            _ => {
                self.doubts.insert(folder.to_owned(), why);
            }
        }
    }

    pub(crate) fn set_aside(&mut self, aside: impl IntoIterator<Item = SetAside>) {
        for why in aside {
            *self.set_aside.entry(why).or_default() += 1;
        }
    }

    /// Adds a number of ignored objects.
    pub(crate) fn add_set_aside(&mut self, why: SetAside, count: u64) {
        *self.set_aside.entry(why).or_default() += count;
    }

    /// Adds the results of a different search.
    pub(crate) fn join(&mut self, other: Self) {
        for (folder, why) in other.doubts {
            self.doubt(&folder, why);
        }
        for (why, count) in other.set_aside {
            self.add_set_aside(why, count);
        }
        self.take(other.strays);
    }

    /// Returns objects by key, doubts by folder, and the counts of ignored objects.
    pub(crate) fn into_parts(
        self,
    ) -> (BTreeMap<String, Entry>, BTreeMap<String, ReadFailure>, BTreeMap<SetAside, u64>) {
        (self.strays, self.doubts, self.set_aside)
    }
}

/// What the searches of a run, or of a part of it, found.
#[derive(Debug, Default)]
pub(crate) struct SearchResults {
    /// Objects that count.
    pub(crate) results: Results,
    /// What lies beside the places. It counts if any place has verified time.
    pub(crate) beside: Results,
    /// What lies beside the verified days of accounts, as long as it is not known what the digests
    /// of all their regions name. It counts as `beside` does.
    pub(crate) accounts: BTreeMap<AccountId, BesideRegions>,
    /// Whether any place has verified time.
    pub(crate) any_covered: bool,
}

/// What the regions of one account contribute to the search of the levels above them, and what was
/// found there.
#[derive(Debug, Default)]
pub(crate) struct BesideRegions {
    /// Log files that verified digests name outside the folders of their region. They are not
    /// unlisted, wherever they are.
    pub(crate) elsewhere: BTreeSet<ObjectLocation>,
    /// What was found.
    pub(crate) results: Results,
}

impl SearchResults {
    /// Returns why listings were not read to their end.
    pub(crate) fn doubts(&self) -> impl Iterator<Item = &ReadFailure> {
        let accounts = self.accounts.values().map(|beside| &beside.results);
        let all = [&self.results, &self.beside].into_iter().chain(accounts);
        all.flat_map(|results| results.doubts.values())
    }

    /// Adds the results of the next part of the run.
    pub(crate) fn join(&mut self, other: Self) {
        self.results.join(other.results);
        self.beside.join(other.beside);
        self.any_covered |= other.any_covered;
        for (account, beside) in other.accounts {
            let known = self.accounts.entry(account).or_default();
            known.elsewhere.extend(beside.elsewhere);
            known.results.join(beside.results);
        }
    }

    /// Decides what digests name for every account before `next`: nothing more is known about them.
    /// This bounds memory in a run over many accounts.
    pub(crate) fn settle(&mut self, bucket: &str, next: Option<&AccountId>) {
        while let Some(first) = self.accounts.first_entry() {
            if next.is_some_and(|next| first.key() >= next) {
                return;
            }
            let BesideRegions { elsewhere, mut results } = first.remove();
            results.strays.retain(|key, _| {
                elsewhere.is_empty()
                    || !elsewhere.contains(&ObjectLocation::new(bucket, key.as_str()))
            });
            self.beside.join(results);
        }
    }

    /// Returns everything that counts.
    pub(crate) fn finish(mut self, bucket: &str) -> Results {
        self.settle(bucket, None);
        if self.any_covered {
            self.results.join(self.beside);
        }
        self.results
    }
}
