//! A source that keeps every response in a mirror.
use super::copier::Copier;
use super::saved::saved;
use super::tee::Tee;
use crate::source::mirror::ledger::page::end_of;
use crate::source::mirror::ledger::{FailedAs, FolderAs, ListedAs, Order, Range, Record};
use crate::source::{
    BoxFuture, ListPage, ListRequest, ObjectMetadata, ObjectReader, ObjectSource, ReadError,
    ReadFrom, TakePiece,
};
use std::collections::HashMap;
use std::sync::Arc;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::location::ObjectLocation;

/// Pages that are listed to determine whether one copy still matches the bucket.
const PAGES: usize = 100;

/// Reads from the source below, and keeps what it returns. Clones belong to the same mirror.
#[derive(Clone, Debug)]
pub struct MirroringSource {
    below: Arc<dyn ObjectSource>,
    pub(super) copier: Copier,
}

impl MirroringSource {
    pub(super) fn new(below: Arc<dyn ObjectSource>, copier: Copier) -> Self {
        Self { below, copier }
    }

    /// Forgets which copies of earlier runs were read, because nothing was judged by them.
    pub fn begin_judging(&self) {
        self.copier.seen().resumed.clear();
    }

    /// Returns the number of objects for which the copy of an earlier run was read.
    pub fn resumed_objects(&self) -> usize {
        self.copier.seen().resumed.len()
    }

    async fn page(&self, request: &ListRequest) -> Result<ListPage, ReadFailure> {
        let began = match &request.continuation {
            None => Some(request.start_after.clone().unwrap_or_default()),
            Some(_) => self.copier.seen().pages.get(request).cloned(),
        };
        let page = match self.below.list(request).await {
            Ok(page) => page,
            Err(why) => {
                let failed = Some(FailedAs::of(&why));
                let folder = Some(FolderAs { failed, ..FolderAs::default() });
                let of = Record::new(&request.bucket, &request.prefix);
                self.copier.shared.note(vec![Record { folder, ..of }]);
                return Err(why);
            }
        };
        // If the previous page was not read here, the start of this page is not known.
        let Some(began) = began else { return Ok(page) };
        let folder = page.folders.last().map(|folder| end_of(folder));
        let last = page.objects.last().map(|object| object.key.clone()).max(folder);
        let last = last.unwrap_or_else(|| began.clone());
        if let Some(next) = &page.next {
            let next = ListRequest { continuation: Some(next.clone()), ..request.clone() };
            self.copier.seen().pages.insert(next, last.clone());
        }
        let to = page.next.is_some().then_some(last);
        self.keep_page(request, &page, Range { after: began, to });
        Ok(page)
    }

    /// Records what a page contains, and what it no longer contains.
    fn keep_page(&self, request: &ListRequest, page: &ListPage, range: Range) {
        let bucket = &request.bucket;
        let mut records = Vec::new();
        let mut known = self.known(request, &range);
        {
            let mut seen = self.copier.seen();
            for object in &page.objects {
                let listed = ListedAs {
                    size: object.size,
                    etag: object.etag.clone(),
                    last_modified: object.last_modified.map(|at| at.to_string()),
                };
                let path = format!("{bucket}/{}", object.key);
                let hash = seen.hash_listed(&path, &listed);
                let new = seen.listed.insert(hash);
                let before = known.remove(&object.key);
                let same = before.as_ref().is_some_and(|record| {
                    record.listed.as_ref() == Some(&listed) && !record.absent
                });
                // Folders are listed several times, and only listings of all keys have their sizes.
                if new && !request.folders && !before.is_some_and(|it| same && it.is_whole()) {
                    seen.to_copy.add(object.size);
                }
                if new && !same {
                    let listed = Some(listed);
                    records.push(Record { listed, ..Record::new(bucket, &object.key) });
                }
            }
        }
        for gone in known.into_keys() {
            records.push(Record { absent: true, unlisted: true, ..Record::new(bucket, &gone) });
        }
        for folder in &page.folders {
            let folder_as = Some(FolderAs { seen: true, ..FolderAs::default() });
            records.push(Record { folder: folder_as, ..Record::new(bucket, folder) });
        }
        let mut folder = FolderAs::default();
        if request.folders { &mut folder.folders } else { &mut folder.deep }.push(range);
        let of = Record::new(bucket, &request.prefix);
        records.push(Record { folder: Some(folder), ..of });
        self.copier.shared.note(records);
    }

    /// Returns what earlier runs recorded for this stretch of a listing.
    fn known(&self, request: &ListRequest, range: &Range) -> HashMap<String, Record> {
        let mut known = HashMap::new();
        if self.copier.shared.before.is_empty() || request.folders {
            return known;
        }
        let bucket = format!("{}/", request.bucket);
        let prefix = format!("{bucket}{}", request.prefix);
        let from = prefix.clone().max(format!("{bucket}{}", range.after));
        let read_known = || -> std::io::Result<()> {
            let mut records = self.copier.shared.before.scan(&Order::at(from))?;
            while let Some((order, record)) = records.next()? {
                if !order.path.starts_with(&prefix)
                    || range.to.as_ref().is_some_and(|to| record.key > *to)
                {
                    break;
                }
                let listed = record.folder.is_none() && record.listed.is_some();
                if listed && record.key > range.after {
                    known.insert(record.key.clone(), record);
                }
            }
            Ok(())
        };
        if let Err(error) = read_known() {
            self.copier.shared.lose(&error, 1);
        }
        known
    }

    /// Returns the copy of an earlier run, if a listing of this run has the same size and ETag.
    ///
    /// Only once for each object: who reads it again found it wrong, and the bucket must answer before it is
    /// accused.
    async fn resumed(&self, at: &ObjectLocation) -> Option<Box<dyn ObjectReader>> {
        if self.copier.shared.before.is_empty() {
            return None;
        }
        let path = format!("{}/{}", at.bucket, at.key);
        let copied = self.copier.shared.before.get(&Order::at(path.clone())).ok()??.copied?;
        // Without an ETag, two objects of the same size cannot be distinguished.
        copied.etag.as_ref()?;
        let listed = ListedAs { size: copied.size, etag: copied.etag.clone(), last_modified: None };
        let is_listed = || {
            let seen = self.copier.seen();
            seen.listed.contains(&seen.hash_listed(&path, &listed))
        };
        if !is_listed() {
            self.list_folder_of(at).await;
            if !is_listed() {
                return None;
            }
        }
        {
            let mut seen = self.copier.seen();
            let hash = seen.hash(at);
            if !seen.resumed.insert(hash) {
                return None;
            }
        }
        saved(&self.copier.shared.store.root, at, copied)
    }

    /// Lists the folder of an object, once.
    async fn list_folder_of(&self, at: &ObjectLocation) {
        let folder = at.key.rfind('/').and_then(|slash| at.key.get(..=slash)).unwrap_or_default();
        {
            let mut seen = self.copier.seen();
            let hash = seen.hash(&ObjectLocation::new(at.bucket.clone(), folder));
            if !seen.folders.insert(hash) {
                return;
            }
        }
        let mut request = ListRequest::all(&at.bucket, folder);
        for _ in 0..PAGES {
            match self.page(&request).await {
                Ok(ListPage { next: Some(next), .. }) => request.continuation = Some(next),
                _ => return,
            }
        }
    }

    pub(super) async fn copy(&self, at: &ObjectLocation) -> Result<(), ReadError> {
        let mut reader = self.open(at, &ReadFrom::default()).await?;
        while reader.chunk().await.map_err(ReadError::Failure)?.is_some() {}
        Ok(())
    }
}

#[deny(clippy::missing_trait_methods)]
impl ObjectSource for MirroringSource {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(self.page(request))
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(async move {
            if *from != ReadFrom::default() {
                return self.below.open(at, from).await;
            }
            if let Some(reader) = self.resumed(at).await {
                return Ok(reader);
            }
            match self.below.open(at, from).await {
                Ok(reader) => {
                    let tee: Box<dyn ObjectReader> =
                        Box::new(Tee::new(reader, at.clone(), self.copier.clone()));
                    Ok(tee)
                }
                Err(ReadError::Missing) => {
                    let absent = Record { absent: true, ..Record::new(&at.bucket, &at.key) };
                    self.copier.shared.note(vec![absent]);
                    Err(ReadError::Missing)
                }
                Err(ReadError::Failure(why)) => {
                    self.copier.failed(at, &why);
                    Err(ReadError::Failure(why))
                }
            }
        })
    }

    fn passed_over(&self) -> Vec<ObjectLocation> {
        self.below.passed_over()
    }

    /// Objects have to pass through here to be copied, so nothing is read in place.
    fn is_local(&self, _at: &ObjectLocation) -> bool {
        false
    }

    fn read_in_place(
        &self,
        _at: &ObjectLocation,
        _take: &mut TakePiece<'_>,
    ) -> Option<Result<ObjectMetadata, ReadError>> {
        None
    }
}
