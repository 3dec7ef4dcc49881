//! One line: an object or a folder, and its state.
use super::ranges::{Range, join};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::record::StoredAs;
use trailproof_core::record::wire::StoredAsShape;
use trailproof_core::vocab::budget::KMS_KEY;

/// The most earlier contents of one object that are recorded: those replaced between two runs.
const EARLIER: usize = 1_024;

/// The position of a record among all records: by the path `BUCKET/KEY`, with a folder after an
/// object of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::source::mirror) struct Order {
    pub(in crate::source::mirror) path: String,
    pub(in crate::source::mirror) folder: bool,
}

impl Order {
    /// Returns the first position that is not before this path.
    pub(in crate::source::mirror) fn at(path: impl Into<String>) -> Self {
        Self { path: path.into(), folder: false }
    }
}

/// What is known about one object, or about the listing of one folder.
///
/// In a journal, a record contains changes: an absent field is unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::source::mirror) struct Record {
    pub(in crate::source::mirror) bucket: String,
    pub(in crate::source::mirror) key: String,
    /// The object as it was last listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) listed: Option<ListedAs>,
    /// The copy of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) copied: Option<Copied>,
    /// Why the object could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) failed: Option<FailedAs>,
    /// Whether the store reported that it does not exist.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(in crate::source::mirror) absent: bool,
    /// Whether a listing of its place no longer contains it. Used only in journals.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(in crate::source::mirror) unlisted: bool,
    /// Copies that were made before the object was replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::source::mirror) earlier: Vec<Earlier>,
    /// What is known about the listing of this folder; the key is then a prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) folder: Option<FolderAs>,
}

/// An object in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::source::mirror) struct ListedAs {
    pub(in crate::source::mirror) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) last_modified: Option<String>,
}

/// A complete copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::source::mirror) struct Copied {
    pub(in crate::source::mirror) size: u64,
    /// SHA-256 of the bytes as stored, in hex.
    pub(in crate::source::mirror) sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) version_id: Option<String>,
    /// How it is stored in the bucket. Mirrors of older versions do not have it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_stored_as",
        deserialize_with = "read_stored_as"
    )]
    pub(in crate::source::mirror) stored_as: Option<Box<StoredAs>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::source::mirror) metadata: BTreeMap<String, String>,
    /// Whether the store reported neither length nor end, so that the copy may be cut short.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(in crate::source::mirror) end_unknown: bool,
    /// The path of the file below the directory, if it is not `BUCKET/KEY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) file: Option<String>,
}

/// A copy of an earlier content of the object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::source::mirror) struct Earlier {
    pub(in crate::source::mirror) file: String,
    pub(in crate::source::mirror) sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) etag: Option<String>,
}

/// A read failure, as it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::source::mirror) struct FailedAs {
    pub(in crate::source::mirror) code: String,
    #[serde(default)]
    pub(in crate::source::mirror) detail: String,
    #[serde(default)]
    pub(in crate::source::mirror) attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) request_id: Option<String>,
}

impl FailedAs {
    pub(in crate::source::mirror) fn of(why: &ReadFailure) -> Self {
        Self {
            code: why.kind.code().to_owned(),
            detail: why.detail.clone(),
            attempts: why.attempts,
            request_id: why.request_id.clone(),
        }
    }

    /// Returns the failure again. An unknown code becomes `not-copied`.
    pub(in crate::source::mirror) fn failure(&self) -> ReadFailure {
        ReadFailure {
            kind: self.code.parse().unwrap_or(ReadFailureKind::NotCopied),
            attempts: self.attempts.max(1),
            detail: self.detail.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

/// The parts of a folder's listing that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::source::mirror) struct FolderAs {
    /// Whether it was listed as a folder, whether or not anything in it was listed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(in crate::source::mirror) seen: bool,
    /// Stretches of keys that were listed completely, at any depth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::source::mirror) deep: Vec<Range>,
    /// Stretches in which the direct subfolders were listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::source::mirror) folders: Vec<Range>,
    /// Why its listing could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) failed: Option<FailedAs>,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::ref_option, reason = "serde passes the field")]
fn write_stored_as<S: Serializer>(
    stored_as: &Option<Box<StoredAs>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    stored_as.as_deref().map(StoredAsShape::from).serialize(to)
}

fn read_stored_as<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<StoredAs>>, D::Error> {
    Ok(Option::<StoredAsShape<'de>>::deserialize(from)?.and_then(bounded))
}

/// Returns how an object is stored; `None` if that is longer than it can be: whoever can write the
/// manifest can write anything there.
pub(super) fn bounded(shape: StoredAsShape<'_>) -> Option<Box<StoredAs>> {
    let stored_as = StoredAs::from(shape);
    let is_bounded = stored_as.kms_key.as_ref().is_none_or(|key| key.len() <= KMS_KEY);
    is_bounded.then(|| Box::new(stored_as))
}

impl Record {
    pub(in crate::source::mirror) fn new(bucket: &str, key: &str) -> Self {
        Self { bucket: bucket.to_owned(), key: key.to_owned(), ..Self::default() }
    }

    pub(in crate::source::mirror) fn order(&self) -> Order {
        Order { path: format!("{}/{}", self.bucket, self.key), folder: self.folder.is_some() }
    }

    /// Merges a later record of the same object into this one.
    pub(in crate::source::mirror) fn absorb(&mut self, later: Self) {
        // Merging must be associative: two merged records must have the same effect as one after
        // the other, because journals are merged before they reach the manifest.
        if later.unlisted {
            self.listed = None;
            self.unlisted = true;
        }
        if later.listed.is_some() {
            self.listed = later.listed;
            self.unlisted = false;
            self.absent = false;
        }
        if later.copied.is_some() {
            self.copied = later.copied;
            self.failed = None;
            self.absent = false;
        }
        if later.failed.is_some() {
            self.failed = later.failed;
            self.absent = false;
        }
        if later.absent {
            self.absent = true;
            self.failed = None;
        }
        for earlier in later.earlier {
            if self.earlier.len() < EARLIER && !self.earlier.contains(&earlier) {
                self.earlier.push(earlier);
            }
        }
        if let Some(later) = later.folder {
            let folder = self.folder.get_or_insert_default();
            folder.seen |= later.seen;
            if later.failed.is_some() || !later.deep.is_empty() || !later.folders.is_empty() {
                folder.failed = later.failed;
            }
            folder.deep = join(folder.deep.drain(..).chain(later.deep));
            folder.folders = join(folder.folders.drain(..).chain(later.folders));
        }
    }

    /// Returns whether the copy matches the latest listing.
    pub(in crate::source::mirror) fn is_whole(&self) -> bool {
        match (&self.copied, &self.listed) {
            (Some(copied), Some(listed)) => {
                copied.size == listed.size
                    && (copied.etag.is_none()
                        || listed.etag.is_none()
                        || copied.etag == listed.etag)
            }
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_records_take_precedence_and_copies_are_kept() {
        let listed = |size| Record {
            listed: Some(ListedAs { size, ..ListedAs::default() }),
            ..Record::new("b", "k")
        };
        let copied = Record {
            copied: Some(Copied { size: 1, ..Copied::default() }),
            ..Record::new("b", "k")
        };
        let failed = Record {
            failed: Some(FailedAs { code: "denied".to_owned(), ..FailedAs::default() }),
            ..Record::new("b", "k")
        };
        let absent = Record { absent: true, unlisted: true, ..Record::new("b", "k") };
        let mut record = listed(1);
        record.absorb(failed.clone());
        assert!(record.failed.is_some() && !record.is_whole());
        record.absorb(copied.clone());
        assert!(record.failed.is_none() && record.is_whole());
        record.absorb(listed(2));
        assert!(!record.is_whole(), "it was replaced");
        record.absorb(absent);
        assert!(record.absent && record.copied.is_some() && record.listed.is_none());
        // Merged twice, as after a crash, it stays the same.
        let mut twice = record.clone();
        twice.absorb(record.clone());
        assert_eq!(twice, record);
    }

    #[test]
    fn a_failure_is_restored_as_recorded() {
        let why = ReadFailure {
            kind: ReadFailureKind::Archived,
            attempts: 3,
            detail: "\u{1b}".to_owned(),
            request_id: Some("r".to_owned()),
        };
        assert_eq!(FailedAs::of(&why).failure(), why);
        let none = FailedAs { code: "missing".to_owned(), ..FailedAs::default() };
        assert_eq!(none.failure().kind, ReadFailureKind::NotCopied);
    }
}
