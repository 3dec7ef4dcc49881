//! What became of each affected object, and which of its versions proves.
use super::affected::{AffectedObject, Fault};
use super::facts::VersionTrace;
use super::second::{Judged, Second};
use super::tried::Tried;
use crate::source::BoxFuture;
use crate::source::layer::overlay::each_key;
use crate::source::many::in_order;
use crate::source::version::{ListedVersion, VersionSource, Versioning};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::location::ObjectLocation;

/// Versions of one object that are reported, besides the one that proves; all of them count.
const REPORTED: usize = 1_000;

/// What became of an affected object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum VersionClass {
    /// It was deleted, and a version proves.
    DeletedRecoverable,
    /// It was replaced, and a version proves.
    ReplacedRecoverable,
    /// It was deleted, and no version is left.
    DeletedForGood,
    /// Versions are left, and none proves.
    ReplacedForGood,
    /// The version that may prove is in an archive.
    Archived,
    /// The version that may prove cannot be read.
    Unreadable,
    /// The bucket never kept versions.
    NotVersioned,
    /// The current version proves now: the first run could not read it.
    Intact,
    /// It is not known: the versions could not be listed, or not all of them were tried, or no proven
    /// digest names the object.
    Unknown,
}

impl VersionClass {
    /// Returns the stable code for machines; never renamed once released.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::DeletedRecoverable => "deleted-recoverable",
            Self::ReplacedRecoverable => "replaced-recoverable",
            Self::DeletedForGood => "deleted-for-good",
            Self::ReplacedForGood => "replaced-for-good",
            Self::Archived => "archived",
            Self::Unreadable => "unreadable",
            Self::NotVersioned => "not-versioned",
            Self::Intact => "intact",
            Self::Unknown => "unknown",
        }
    }

    /// Returns whether it is known that no version proves.
    pub(crate) fn is_lost(self) -> bool {
        matches!(self, Self::DeletedForGood | Self::ReplacedForGood | Self::NotVersioned)
    }

    /// Returns whether a version proves that is not the current one.
    pub(crate) fn is_recoverable(self) -> bool {
        matches!(self, Self::DeletedRecoverable | Self::ReplacedRecoverable)
    }
}

/// What is known about an affected object.
#[derive(Clone, Debug)]
pub(crate) struct ObjectVersions {
    /// The object.
    pub(crate) object: AffectedObject,
    /// What became of it.
    pub(crate) class: VersionClass,
    /// Its versions and delete markers, the newest first: the first thousand, and the one that
    /// proves.
    pub(crate) versions: Vec<ListedVersion>,
    /// The number of all of them.
    pub(crate) count: usize,
    /// The id of the version that proves.
    pub(crate) proven: Option<String>,
    /// Why the versions could not be listed.
    pub(crate) unlisted: Option<ReadFailure>,
    /// How many versions were tried and do not prove, if some were not tried.
    pub(crate) untried: Option<usize>,
}

impl ObjectVersions {
    /// Returns what the versions show: nothing but their class if they could not be listed.
    pub(crate) fn trace(&self) -> VersionTrace {
        let hiding = self.versions.iter().take_while(|it| it.content.is_none());
        VersionTrace {
            class: self.class.code(),
            oldest_proves: self.class.is_recoverable(),
            marker: hiding.last().map(|it| it.last_modified),
            none_left: self.class == VersionClass::DeletedForGood && self.count == 0,
        }
    }
}

/// Returns what became of each object, in the order of the objects.
pub(crate) async fn classes(
    source: &dyn VersionSource,
    objects: &[AffectedObject],
    second: &Second,
) -> Vec<ObjectVersions> {
    let mut folders: BTreeMap<ObjectLocation, BTreeSet<&str>> = BTreeMap::new();
    let mut buckets = BTreeSet::new();
    for object in objects {
        let key = object.at.key.as_str();
        let end = key.rfind('/').map_or(0, |slash| slash + 1);
        let folder = key.get(..end).unwrap_or_default();
        let folder = ObjectLocation::new(object.at.bucket.as_str(), folder);
        folders.entry(folder).or_default().insert(key);
        buckets.insert(object.at.bucket.as_str());
    }
    let mut versioning = BTreeMap::new();
    for bucket in buckets {
        versioning.insert(bucket, source.versioning(bucket).await.ok());
    }
    let listed = in_order(folders.iter().map(|(folder, keys)| -> BoxFuture<'_, _> {
        Box::pin(async move { (folder, listed(source, folder, keys).await) })
    }))
    .await;
    let listed: BTreeMap<&ObjectLocation, _> = listed.into_iter().collect();
    let of = |object: &AffectedObject| {
        let end = object.at.key.rfind('/').map_or(0, |slash| slash + 1);
        let folder = object.at.key.get(..end).unwrap_or_default();
        let folder = ObjectLocation::new(object.at.bucket.as_str(), folder);
        let (versions, unlisted) = match listed.get(&folder) {
            Some(Ok(of_folder)) => {
                let versions = of_folder.get(object.at.key.as_str());
                (versions.cloned().unwrap_or_default(), None)
            }
            Some(Err(why)) => (Vec::new(), Some(why.clone())),
            None => (Vec::new(), None),
        };
        let kept = versioning.get(object.at.bucket.as_str()).copied().flatten();
        let judged = second.judged.get(&object.at);
        let tried = second.tried.get(&object.at).copied();
        let untried = unlisted.is_none().then(|| untried(&versions, judged, tried)).flatten();
        let class = match unlisted {
            Some(_) => VersionClass::Unknown,
            None => match class(&versions, judged, kept, untried) {
                // It lies there: nothing says that it is lost.
                VersionClass::NotVersioned if matches!(object.fault, Fault::Unread(_)) => {
                    VersionClass::Unreadable
                }
                class => class,
            },
        };
        let proven = match judged {
            Some(Judged::Proven(id)) => Some(id.clone().unwrap_or_else(|| "null".to_owned())),
            _ => None,
        };
        let count = versions.len();
        let is_reported = |(at, version): &(usize, ListedVersion)| {
            *at < REPORTED || proven.as_ref() == Some(&version.version_id)
        };
        let versions = versions.into_iter().enumerate().filter(is_reported);
        let versions = versions.map(|(_, version)| version).collect();
        let object = object.clone();
        ObjectVersions { object, class, versions, count, proven, unlisted, untried }
    };
    objects.iter().map(of).collect()
}

/// Returns the versions of these keys of a folder.
async fn listed(
    source: &dyn VersionSource,
    folder: &ObjectLocation,
    keys: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Vec<ListedVersion>>, ReadFailure> {
    let mut found = BTreeMap::new();
    let (first, last) = (keys.first().copied(), keys.last().copied().unwrap_or_default());
    each_key(source, folder, first, &mut |versions| {
        let key = versions.first().map_or("", |version| version.key.as_str());
        if keys.contains(key) {
            found.insert(key.to_owned(), versions.to_vec());
        }
        if key >= last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await?;
    Ok(found)
}

/// Returns how many versions of an object were tried in vain, if some of them were not.
fn untried(
    versions: &[ListedVersion],
    judged: Option<&Judged>,
    tried: Option<Tried>,
) -> Option<usize> {
    let contents = versions.iter().filter(|version| version.content.is_some()).count();
    // The engine itself judged the oldest one.
    let tried = tried.unwrap_or(Tried { versions: contents.min(1), all: contents <= 1 });
    let in_vain = matches!(judged, Some(Judged::Finding(_) | Judged::Unread(_)));
    // What was written since the search is not tried either.
    (in_vain && !(tried.all && tried.versions >= contents)).then_some(tried.versions)
}

/// Returns what became of an object with these versions, the newest first. `untried` is set if not all of
/// them were tried.
fn class(
    versions: &[ListedVersion],
    judged: Option<&Judged>,
    versioning: Option<Versioning>,
    untried: Option<usize>,
) -> VersionClass {
    let current = versions.first();
    let is_there = current.is_some_and(|version| version.content.is_some());
    match judged {
        Some(Judged::Proven(id)) => {
            let id = id.as_deref().unwrap_or("null");
            match current {
                Some(current) if is_there && current.version_id == id => VersionClass::Intact,
                Some(_) if is_there => VersionClass::ReplacedRecoverable,
                _ => VersionClass::DeletedRecoverable,
            }
        }
        Some(Judged::Unread(ReadFailureKind::Archived)) => VersionClass::Archived,
        Some(Judged::Unread(_)) => VersionClass::Unreadable,
        _ if versioning == Some(Versioning::NeverOn) => VersionClass::NotVersioned,
        _ if untried.is_some() => VersionClass::Unknown,
        Some(Judged::Finding(_)) if versions.iter().any(|version| version.content.is_some()) => {
            VersionClass::ReplacedForGood
        }
        Some(Judged::Finding(_)) => VersionClass::DeletedForGood,
        None => VersionClass::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::version::VersionContent;
    use trailproof_core::codes::finding::FindingCode;
    use trailproof_core::vocab::time::Timestamp;

    fn versions(ids: &[&str]) -> Vec<ListedVersion> {
        let version = |(at, id): (usize, &&str)| ListedVersion {
            key: "k".to_owned(),
            version_id: (*id).to_owned(),
            is_latest: at == 0,
            last_modified: Timestamp::from_unix(0),
            owner: None,
            content: (!id.starts_with("marker")).then_some(VersionContent {
                size: 1,
                etag: None,
                storage_class: None,
            }),
        };
        ids.iter().enumerate().map(version).collect()
    }

    #[test]
    fn every_class_has_its_case() {
        use VersionClass::*;
        let proven = |id: &str| Some(Judged::Proven(Some(id.to_owned())));
        let missing = || Some(Judged::Finding(FindingCode::LogMissing));
        let differs = || Some(Judged::Finding(FindingCode::LogHashMismatch));
        let unread = |kind| Some(Judged::Unread(kind));
        let (on, never) = (Some(Versioning::Enabled), Some(Versioning::NeverOn));
        for (ids, judged, versioning, expected) in [
            (&["marker", "a"][..], proven("a"), on, DeletedRecoverable),
            (&["marker2", "marker1", "b", "a"], proven("a"), on, DeletedRecoverable),
            (&["b", "a"], proven("a"), on, ReplacedRecoverable),
            (&["b", "marker", "a"], proven("a"), on, ReplacedRecoverable),
            (&["b", "a"], proven("b"), on, Intact),
            (&["null"], Some(Judged::Proven(None)), never, Intact),
            (&[], missing(), on, DeletedForGood),
            (&["marker"], missing(), on, DeletedForGood),
            (&["b"], differs(), on, ReplacedForGood),
            (&["marker", "b"], differs(), on, ReplacedForGood),
            (&["null"], differs(), never, NotVersioned),
            (&[], missing(), never, NotVersioned),
            (&["a"], unread(ReadFailureKind::Archived), on, Archived),
            (&["a"], unread(ReadFailureKind::KmsDenied), on, Unreadable),
            (&["a"], None, on, Unknown),
        ] {
            let found = class(&versions(ids), judged.as_ref(), versioning, None);
            assert_eq!(found, expected, "{ids:?} {judged:?}");
        }
        // As long as a version was not tried, nothing is lost for good.
        assert_eq!(class(&versions(&["b", "a"]), differs().as_ref(), on, Some(1)), Unknown);
    }

    #[test]
    fn only_versions_that_were_all_tried_are_tried_in_vain() {
        let differs = Some(Judged::Finding(FindingCode::LogHashMismatch));
        let of = |ids: &[&str], tried| untried(&versions(ids), differs.as_ref(), tried);
        let tried = |versions, all| Some(Tried { versions, all });
        assert_eq!(of(&["a"], None), None);
        assert_eq!(of(&["marker", "a"], None), None);
        assert_eq!(of(&["b", "a"], None), Some(1), "nobody looked at the second one");
        assert_eq!(of(&["b", "a"], tried(2, true)), None);
        assert_eq!(of(&["c", "b", "a"], tried(2, false)), Some(2));
        assert_eq!(of(&["c", "b", "a"], tried(2, true)), Some(2), "one was written since");
        assert_eq!(of(&["a"], tried(0, false)), Some(0), "they could not be listed then");
        let proven = Some(Judged::Proven(None));
        assert_eq!(untried(&versions(&["b", "a"]), proven.as_ref(), None), None);
    }
}
