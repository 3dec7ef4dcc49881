//! A view of a bucket that shows, of each object, one of its versions instead of the current one:
//! the oldest that is left, or the one that was current at a time.
//!
//! CloudTrail writes a key once. So the oldest version that is not a delete marker is what it
//! delivered, and whatever came later is somebody else's. The names of digests are predictable, so
//! an object can also have been planted before CloudTrail wrote its own. Only who judges the bytes
//! can find that out, and then tells the view to [show](VersionsView::prefer) a different version.
//! The code that judges sees an ordinary source.
use crate::source::version::{
    ListedVersion, VersionContent, VersionListRequest, VersionMark, VersionPage, VersionSource,
};
use crate::source::{BoxFuture, ListPage, ListRequest, Listed, ObjectMetadata, ObjectReader};
use crate::source::{ObjectSource, ReadError, ReadFrom, TakePiece};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::record::{ReadVersions, StorageClass};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::ObjectLocation;

/// Folders whose chosen versions are kept: each chain reads one day at a time, and about a hundred
/// chains run at once.
const FOLDERS_KEPT: usize = 256;

/// Objects of one folder that are kept; those of a larger folder are looked up one by one. A day of
/// one account and region with a log file every second.
const FOLDER: usize = 86_400;

/// Objects of all kept folders, at some 250 bytes each.
const KEPT: usize = 200_000;

/// The chosen version of each object of a folder, by the rest of its key; `None` if there are too
/// many.
type Folder = Arc<OnceCell<Option<HashMap<Box<str>, Choice>>>>;

/// Which version of an object is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    /// The one with this id.
    Version(Box<str>),
    /// None: it was deleted, or all that is left of it is a delete marker.
    Absent,
    /// No version from then is left.
    Unknown,
}

/// A view of the versions of a source.
#[derive(Debug)]
pub struct VersionsView {
    below: Arc<dyn VersionSource>,
    show: ReadVersions,
    folders: Mutex<Folders>,
    /// Versions to show instead of the chosen ones, by their ids.
    preferred: Mutex<BTreeMap<ObjectLocation, String>>,
    /// What a copy of the view leaves out; `None` if it is read for itself.
    left_out: Mutex<Option<LeftOut>>,
}

/// What a copy of a view does not have.
#[derive(Clone, Debug, Default)]
pub struct LeftOut {
    /// Objects that are not shown, as if they had never been there.
    pub hidden: BTreeSet<ObjectLocation>,
    /// Why objects are not in the copy, as far as there is more to say than that.
    pub why: BTreeMap<ObjectLocation, String>,
}

#[derive(Debug, Default)]
struct Folders {
    kept: HashMap<ObjectLocation, Folder>,
    /// Folders in the order in which they were first requested.
    order: VecDeque<ObjectLocation>,
}

impl VersionsView {
    /// Shows these versions of the objects of `below`.
    pub fn new(below: Arc<dyn VersionSource>, show: ReadVersions) -> Self {
        Self {
            below,
            show,
            folders: Mutex::default(),
            preferred: Mutex::default(),
            left_out: Mutex::default(),
        }
    }

    /// Returns the source whose versions are shown.
    pub fn below(&self) -> &Arc<dyn VersionSource> {
        &self.below
    }

    /// Shows this version of an object from now on.
    pub fn prefer(&self, at: &ObjectLocation, version_id: &str) {
        locked(&self.preferred).insert(at.clone(), version_id.to_owned());
    }

    /// Shows the chosen version of an object again.
    pub fn prefer_none(&self, at: &ObjectLocation) {
        locked(&self.preferred).remove(at);
    }

    /// From now on, shows what a copy has. What is not shown is absent from the copy, which says nothing
    /// about the bucket.
    pub fn show_as_copy(&self, left_out: LeftOut) {
        *locked(&self.left_out) = Some(left_out);
    }

    /// Returns the version of an object to show, given all of its versions, the newest first.
    fn choice(&self, versions: &[ListedVersion]) -> Choice {
        let is_at = |version: &&ListedVersion| match self.show {
            ReadVersions::Oldest => version.content.is_some(),
            ReadVersions::AsOf(time) => version.last_modified <= time,
        };
        let chosen = match self.show {
            ReadVersions::Oldest => versions.iter().rfind(is_at),
            ReadVersions::AsOf(_) => versions.iter().find(is_at),
        };
        match chosen {
            Some(version) if version.content.is_some() => {
                Choice::Version(version.version_id.as_str().into())
            }
            Some(_) => Choice::Absent,
            None => self.unlisted(),
        }
    }

    /// Returns what is known about an object without any version that could be shown.
    fn unlisted(&self) -> Choice {
        match self.show {
            // The store itself reports that nothing is left of it.
            ReadVersions::Oldest => Choice::Absent,
            // It may have existed then, and have been removed for good since.
            ReadVersions::AsOf(_) => Choice::Unknown,
        }
    }

    fn is_hidden(&self, at: &ObjectLocation) -> bool {
        locked(&self.left_out).as_ref().is_some_and(|left_out| left_out.hidden.contains(at))
    }

    /// Returns how an object that is not shown fails.
    fn absent(&self, at: &ObjectLocation) -> ReadError {
        let left_out = locked(&self.left_out);
        let Some(left_out) = left_out.as_ref() else { return ReadError::Missing };
        let why = left_out.why.get(at).map_or("no version of it is left", String::as_str);
        let words = format!("not among the versions of which this copy was made: {why}");
        ReadError::Failure(ReadFailure::new(ReadFailureKind::AbsentFromCopy, words))
    }

    async fn page(&self, request: &ListRequest) -> Result<ListPage, ReadFailure> {
        let start = request.continuation.as_ref().or(request.start_after.as_ref());
        let mut after = start.map(|key| VersionMark { key: key.clone(), version_id: None });
        let (mut versions, mut folders) = (Vec::new(), Vec::new());
        let mut read = 0;
        let next = loop {
            read += 1;
            if read > budget::PAGES || versions.len() > budget::VERSIONS_OF_KEY + PAGE {
                return Err(too_many(&request.prefix));
            }
            let (bucket, prefix) = (request.bucket.clone(), request.prefix.clone());
            let request = VersionListRequest { bucket, prefix, folders: request.folders, after };
            let page = self.below.list_versions(&request).await?;
            versions.extend(page.versions);
            folders.extend(page.folders);
            let Some(next) = page.next else { break None };
            // The last key may continue on the next page, so the page ends before it. A key that
            // fills whole pages is read to its end.
            let keep = versions.iter().rposition(|version: &ListedVersion| version.key != next.key);
            let keep = keep.map_or(0, |last| last + 1);
            if keep > 0 || !folders.is_empty() {
                let reached = versions.get(..keep).and_then(<[_]>::last);
                let reached = reached.map(|version| version.key.as_str());
                let last = reached.max(folders.last().map(String::as_str)).map(str::to_owned);
                versions.truncate(keep);
                break last;
            }
            after = Some(next);
        };
        let start = start.map_or("", String::as_str);
        folders.retain(|folder: &String| folder != start);
        let objects = versions
            .chunk_by(|one, other| one.key == other.key)
            .filter_map(|of_key| self.listed(&request.bucket, of_key));
        Ok(ListPage { objects: objects.collect(), folders, next })
    }

    /// Returns the object with these versions as it appears in a listing.
    fn listed(&self, bucket: &str, versions: &[ListedVersion]) -> Option<Listed> {
        let key = versions.first()?.key.clone();
        let at = ObjectLocation::new(bucket, key);
        if self.is_hidden(&at) {
            return None;
        }
        let preferred = locked(&self.preferred).get(&at).cloned();
        let id = match (preferred, self.choice(versions)) {
            (Some(preferred), _) => preferred,
            (None, Choice::Version(id)) => id.into(),
            (None, Choice::Absent | Choice::Unknown) => return None,
        };
        let shown = versions.iter().find(|version| version.version_id == id)?;
        let VersionContent { size, etag, storage_class } = shown.content.clone()?;
        let last_modified = Some(shown.last_modified);
        let archived = storage_class.is_some_and(StorageClass::is_archive);
        Some(Listed { key: at.key, size, etag, last_modified, archived })
    }

    /// Returns the version of one object to show. The versions of its folder are listed once.
    async fn chosen(&self, at: &ObjectLocation) -> Result<Choice, ReadFailure> {
        if let Some(id) = locked(&self.preferred).get(at) {
            return Ok(Choice::Version(id.as_str().into()));
        }
        let end = at.key.rfind('/').map_or(0, |slash| slash + 1);
        let (folder, rest) = at.key.split_at(end);
        let folder = ObjectLocation::new(at.bucket.as_str(), folder);
        let kept = self.kept(&folder);
        let listed = kept.get_or_try_init(|| self.choices(&folder)).await?;
        if let Some(choices) = listed {
            return Ok(choices.get(rest).cloned().unwrap_or_else(|| self.unlisted()));
        }
        let versions = versions_of(self.below.as_ref(), at).await?;
        Ok(if versions.is_empty() { self.unlisted() } else { self.choice(&versions) })
    }

    async fn choices(
        &self,
        folder: &ObjectLocation,
    ) -> Result<Option<HashMap<Box<str>, Choice>>, ReadFailure> {
        let mut choices = HashMap::new();
        let mut in_full = true;
        each_key(self.below.as_ref(), folder, None, &mut |versions| {
            let key = versions.first().map_or("", |version| version.key.as_str());
            let rest = key.strip_prefix(&folder.key).unwrap_or(key);
            choices.insert(rest.into(), self.choice(versions));
            in_full = choices.len() <= FOLDER;
            if in_full { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await?;
        Ok(in_full.then_some(choices))
    }

    /// Returns the slot of a folder, and evicts the oldest ones to make room for it.
    fn kept(&self, folder: &ObjectLocation) -> Folder {
        let mut folders = locked(&self.folders);
        let Folders { kept, order } = &mut *folders;
        if let Some(there) = kept.get(folder) {
            return Arc::clone(there);
        }
        let size = |kept: &Folder| kept.get().and_then(Option::as_ref).map_or(0, HashMap::len);
        let mut all: usize = kept.values().map(size).sum();
        while order.len() >= FOLDERS_KEPT || all > KEPT {
            let Some(oldest) = order.pop_front().and_then(|oldest| kept.remove(&oldest)) else {
                break;
            };
            all -= size(&oldest).min(all);
        }
        order.push_back(folder.clone());
        Arc::clone(kept.entry(folder.clone()).or_default())
    }

    fn forget(&self, at: &ObjectLocation) {
        let end = at.key.rfind('/').map_or(0, |slash| slash + 1);
        let folder = at.key.get(..end).unwrap_or_default();
        let folder = ObjectLocation::new(at.bucket.as_str(), folder);
        let mut folders = locked(&self.folders);
        folders.kept.remove(&folder);
        folders.order.retain(|kept| *kept != folder);
    }
}

/// Versions on a page of S3.
const PAGE: usize = 1_000;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn too_many(prefix: &str) -> ReadFailure {
    let words = format!("too many versions of one key below `{prefix}`");
    ReadFailure::new(ReadFailureKind::OverBudget, words)
}

/// Passes all versions of each key below a prefix to `take`, the newest first, until it breaks.
/// `first` is a key to begin at.
///
/// # Errors
///
/// The listing could not be read to its end.
pub async fn each_key(
    source: &dyn VersionSource,
    below: &ObjectLocation,
    first: Option<&str>,
    take: &mut (dyn FnMut(&[ListedVersion]) -> ControlFlow<()> + Send),
) -> Result<(), ReadFailure> {
    // A mark excludes its own key, so it is set before the first one.
    let before = first.and_then(|key| {
        let (last, _) = key.char_indices().next_back()?;
        key.get(..last).filter(|before| before.len() > below.key.len())
    });
    let mut after = before.map(|key| VersionMark { key: key.to_owned(), version_id: None });
    let mut of_key: Vec<ListedVersion> = Vec::new();
    for _ in 0..budget::PAGES {
        let (bucket, prefix) = (below.bucket.clone(), below.key.clone());
        let request = VersionListRequest { bucket, prefix, folders: false, after };
        let VersionPage { versions, next, .. } = source.list_versions(&request).await?;
        for version in versions {
            if of_key.first().is_some_and(|of| of.key != version.key) {
                if take(&of_key).is_break() {
                    return Ok(());
                }
                of_key.clear();
            }
            if of_key.len() >= budget::VERSIONS_OF_KEY {
                return Err(too_many(&below.key));
            }
            of_key.push(version);
        }
        match next {
            Some(next) => after = Some(next),
            None => {
                if !of_key.is_empty() {
                    // There is nothing after the last key to break off.
                    let _ = take(&of_key);
                }
                return Ok(());
            }
        }
    }
    Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many pages in one listing"))
}

/// Returns all versions of one object, the newest first.
///
/// # Errors
///
/// They could not be listed.
pub async fn versions_of(
    source: &dyn VersionSource,
    at: &ObjectLocation,
) -> Result<Vec<ListedVersion>, ReadFailure> {
    let mut found = Vec::new();
    each_key(source, at, None, &mut |versions| {
        // The prefix is also that of longer keys, which come after it.
        if versions.first().is_some_and(|version| version.key == at.key) {
            found = versions.to_vec();
        }
        ControlFlow::Break(())
    })
    .await?;
    Ok(found)
}

#[deny(clippy::missing_trait_methods)]
impl ObjectSource for VersionsView {
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
            if self.is_hidden(at) {
                return Err(self.absent(at));
            }
            let id = match self.chosen(at).await.map_err(ReadError::Failure)? {
                Choice::Version(id) => id,
                Choice::Absent => return Err(self.absent(at)),
                Choice::Unknown => {
                    let words = "no version from that time is left: it may have been removed since";
                    let why = ReadFailure::new(ReadFailureKind::VersionUnknown, words);
                    return Err(ReadError::Failure(why));
                }
            };
            match self.below.open_version(at, &id, from).await {
                Err(ReadError::Missing) => {
                    self.forget(at);
                    let words = "the version was listed and is gone";
                    let why = ReadFailure::new(ReadFailureKind::ChangedWhileReading, words);
                    Err(ReadError::Failure(why))
                }
                opened => opened,
            }
        })
    }

    /// A store has no entries that are passed over, and is not local.
    fn passed_over(&self) -> Vec<ObjectLocation> {
        Vec::new()
    }

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
