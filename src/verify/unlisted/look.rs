//! Lists folders that may hold log files, and compares each object that no verified digest names
//! with what is known.
use super::found::{Entry, Results, Stray};
use super::named_logs::NamedLogs;
use super::unvalidated::Unvalidated;
use crate::locate::place::Place;
use crate::source::fetch::content_hash;
use crate::source::many::in_order;
use crate::source::{BoxFuture, ListRequest, Listed, ObjectSource, Pages};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::unlisted::{SetAside, UnlistedReason};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::location::ObjectLocation;

/// State that all searches of a run share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) source: Arc<dyn ObjectSource>,
    pub(crate) bucket: String,
    pub(crate) scope: Scope,
    pub(crate) unvalidated: Arc<Unvalidated>,
    pub(crate) results: Mutex<Results>,
}

/// What the objects of a folder are compared with.
#[derive(Clone, Copy)]
pub(crate) struct Comparison<'s> {
    /// Prefix of the trail whose folders are searched.
    pub(crate) prefix: &'s str,
    /// Place of the folder, if it belongs to one.
    pub(crate) place: Option<&'s Place>,
    /// Names from the digests of the place, if they are known.
    pub(crate) named: Option<&'s NamedLogs>,
    /// Whether an object is stray: a verified digest should name it, but none does.
    pub(crate) is_stray: &'s (dyn Fn(&ObjectLocation) -> bool + Sync),
}

impl Shared {
    /// Returns the state of searches whose results are kept apart.
    pub(crate) fn apart(&self) -> Self {
        Self {
            source: Arc::clone(&self.source),
            bucket: self.bucket.clone(),
            scope: self.scope.clone(),
            unvalidated: Arc::clone(&self.unvalidated),
            results: Mutex::default(),
        }
    }

    pub(crate) fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn doubt(&self, folder: &str, why: ReadFailure) {
        self.results().doubt(folder, why);
    }

    /// Lists everything below `folder` page by page, because a folder may hold a million keys.
    pub(crate) async fn whole(&self, folder: &str, against: Comparison<'_>) {
        let request = ListRequest::names(&self.bucket, folder);
        if let Err(why) = self.pages(request, folder, against).await {
            self.doubt(folder, why);
        }
    }

    /// Lists what is directly below `folder`. Returns the names of the folders there, or `None` if
    /// it could not be listed.
    pub(crate) async fn level(&self, folder: &str, against: Comparison<'_>) -> Option<Vec<String>> {
        let request = ListRequest { folders: true, ..ListRequest::names(&self.bucket, folder) };
        match self.pages(request, folder, against).await {
            Ok(names) => Some(names),
            Err(why) => {
                self.doubt(folder, why);
                None
            }
        }
    }

    async fn pages(
        &self,
        request: ListRequest,
        folder: &str,
        against: Comparison<'_>,
    ) -> Result<Vec<String>, ReadFailure> {
        let shared_folder: Arc<str> = folder.into();
        let (mut names, mut strays, mut read) = (Vec::new(), 0, 0);
        let mut pages = Pages::new(self.source.as_ref(), request);
        while let Some(asked) = pages.request().cloned()
            && let Some(page) = pages.next().await?
        {
            for below in &page.folders {
                let name = below.strip_prefix(folder).and_then(|name| name.strip_suffix('/'));
                names.extend(name.map(str::to_owned));
            }
            if names.len() > budget::FOLDERS {
                return Err(over_budget("too many folders in one place"));
            }
            let mut found: Vec<Listed> = page.objects;
            found.retain(|object| {
                (against.is_stray)(&ObjectLocation::new(&*self.bucket, object.key.as_str()))
            });
            self.set_aside(&asked, &mut found).await?;
            let all = strays + found.len();
            found.truncate(budget::UNLISTED - strays);
            strays += found.len();
            self.take(&shared_folder, found, &mut read, against).await;
            if all > strays {
                return Err(over_budget("too many log files in one folder that no digest names"));
            }
        }
        Ok(names)
    }

    /// Removes objects that no reader takes for data, and counts them.
    async fn set_aside(
        &self,
        request: &ListRequest,
        found: &mut Vec<Listed>,
    ) -> Result<(), ReadFailure> {
        let mut aside = Vec::new();
        found.retain(|object| {
            let at = ObjectLocation::new(&*self.bucket, object.key.as_str());
            let why = SetAside::by_name(&object.key, self.source.is_local(&at));
            aside.extend(why);
            why.is_none()
        });
        // Sources that would have to stat each object leave out the sizes.
        let unknown = |object: &Listed| {
            object.size == 0 && object.etag.is_none() && object.last_modified.is_none()
        };
        if found.iter().any(unknown) {
            let page = self.source.list(&ListRequest { sizes: true, ..request.clone() }).await?;
            let sizes: BTreeMap<&str, u64> =
                page.objects.iter().map(|object| (object.key.as_str(), object.size)).collect();
            for object in found.iter_mut() {
                // An object that has disappeared since counts as not empty.
                object.size = sizes.get(object.key.as_str()).copied().unwrap_or(1);
            }
        }
        found.retain(|object| {
            let empty = object.size == 0;
            aside.extend(empty.then_some(SetAside::Empty));
            !empty
        });
        if !aside.is_empty() {
            self.results().set_aside(aside);
        }
        Ok(())
    }

    /// Adds stray objects of one folder. `read` counts those read to find out whether they are
    /// copies.
    async fn take(
        &self,
        folder: &Arc<str>,
        found: Vec<Listed>,
        read: &mut usize,
        against: Comparison<'_>,
    ) {
        if found.is_empty() {
            return;
        }
        let reason = self.unvalidated.reason(against.prefix, against.place).await;
        // Log files of a trail without validation are its own, not copies of other log files.
        let named = against.named.filter(|_| reason == UnlistedReason::None);
        let reads = budget::COPIES_READ.saturating_sub(*read).min(found.len());
        let copies = match named {
            Some(named) => {
                *read += reads;
                let mut looks = Vec::new();
                for object in found.iter().take(reads) {
                    looks.push(self.copied(&object.key, named));
                }
                in_order(looks).await
            }
            None => Vec::new(),
        };
        let mut copies = copies.into_iter();
        let entries = found.into_iter().map(|object| {
            let Listed { key, last_modified, .. } = object;
            let stray = match copies.next().flatten() {
                Some(hash) => Stray::CopyOf(hash),
                None => Stray::Unlisted { last_modified, reason },
            };
            (key, Entry { folder: Arc::clone(folder), stray })
        });
        let entries: Vec<_> = entries.collect();
        self.results().take(entries);
    }

    /// Returns the hash of the object's content, if a verified digest names it under a different
    /// key.
    fn copied<'a>(&'a self, key: &'a str, named: &'a NamedLogs) -> BoxFuture<'a, Option<Hash>> {
        Box::pin(async move {
            let at = ObjectLocation::new(&*self.bucket, key);
            let hash = content_hash(self.source.as_ref(), &at).await;
            hash.filter(|hash| named.has_content(hash))
        })
    }

    /// Searches folders below `above` whose names are not those of regions or days.
    pub(crate) async fn search_irregular(
        &self,
        above: &str,
        names: &[String],
        against: Comparison<'_>,
    ) {
        if names.len() > budget::ODD_FOLDERS {
            self.doubt(above, over_budget("too many folders that are not a region's or a day's"));
        }
        let mut searches: Vec<BoxFuture<'_, ()>> = Vec::new();
        for name in names.iter().take(budget::ODD_FOLDERS) {
            let folder = format!("{above}{name}/");
            searches.push(Box::pin(async move { self.whole(&folder, against).await }));
        }
        in_order(searches).await;
    }
}

pub(crate) fn over_budget(words: &str) -> ReadFailure {
    ReadFailure::new(ReadFailureKind::OverBudget, words)
}
