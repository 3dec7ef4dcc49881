//! The results of the search for unlisted objects, up to a budget and in canonical order.
use std::collections::BTreeMap;
use std::sync::Arc;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::unlisted::{SetAside, UnlistedReason};
use trailproof_core::vocab::budget;
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

    /// Returns objects by key, doubts by folder, and the counts of ignored objects.
    pub(crate) fn into_parts(
        self,
    ) -> (
        impl Iterator<Item = (String, Stray)>,
        BTreeMap<String, ReadFailure>,
        BTreeMap<SetAside, u64>,
    ) {
        let strays = self.strays.into_iter().map(|(key, entry)| (key, entry.stray));
        (strays, self.doubts, self.set_aside)
    }
}
