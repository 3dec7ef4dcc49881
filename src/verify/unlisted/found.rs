//! What the search for unlisted objects found, up to a budget and in canonical order.
use std::collections::BTreeMap;
use std::sync::Arc;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::unlisted::{SetAside, UnlistedReason};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::time::Timestamp;

/// What an object is that no verified digest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stray {
    /// Nobody knows.
    Unlisted {
        /// When it was put there last.
        last_modified: Option<Timestamp>,
        /// Why it may lie there.
        reason: UnlistedReason,
    },
    /// It has this content, which a verified digest names under another key.
    CopyOf(Hash),
}

/// An object that no verified digest names, and the folder that was listed.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) folder: Arc<str>,
    pub(crate) stray: Stray,
}

/// The first objects by key, as many as the budget allows: which these are does not depend on the
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

    /// Notes why it is not known whether these are all; the first reason of a folder counts, and
    /// what could not be read counts before what was too much.
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

    /// Objects by key, doubts by folder, and how much was set aside.
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
