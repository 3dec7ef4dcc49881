//! One line: an object or a folder, and what became of it.
use super::ranges::{Range, join};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};

/// Earlier contents of one object that are told: it was replaced so often between two runs.
const EARLIER: usize = 1_024;

/// Where a record stands among all: by the path `BUCKET/KEY`, and a folder after an object of the
/// same name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::source::mirror) struct Order {
    pub(in crate::source::mirror) path: String,
    pub(in crate::source::mirror) folder: bool,
}

impl Order {
    /// The first that is not before this path.
    pub(in crate::source::mirror) fn at(path: impl Into<String>) -> Self {
        Self { path: path.into(), folder: false }
    }
}

/// What is known of one object, or of the listing of one folder.
///
/// In a journal, what has changed: a field that is absent says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::source::mirror) struct Record {
    pub(in crate::source::mirror) bucket: String,
    pub(in crate::source::mirror) key: String,
    /// As it was listed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) listed: Option<ListedAs>,
    /// The copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) copied: Option<Copied>,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) failed: Option<FailedAs>,
    /// The store said that it is not there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(in crate::source::mirror) absent: bool,
    /// A listing of its place does not have it any more. In journals only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(in crate::source::mirror) unlisted: bool,
    /// What was copied before the object was replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::source::mirror) earlier: Vec<Earlier>,
    /// What is known of the listing of this folder; the key is then a prefix.
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

/// A whole copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::source::mirror) struct Copied {
    pub(in crate::source::mirror) size: u64,
    /// Of the bytes as stored, in hex.
    pub(in crate::source::mirror) sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) version_id: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::source::mirror) metadata: BTreeMap<String, String>,
    /// Whether the store told neither its length nor its end, so that it may be cut short.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(in crate::source::mirror) end_unknown: bool,
    /// Where the file lies below the directory, if not at `BUCKET/KEY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) file: Option<String>,
}

/// A copy of what the object was before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::source::mirror) struct Earlier {
    pub(in crate::source::mirror) file: String,
    pub(in crate::source::mirror) sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) etag: Option<String>,
}

/// A read failure, as it was.
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

    /// The failure again. A code that is none is not believed.
    pub(in crate::source::mirror) fn failure(&self) -> ReadFailure {
        ReadFailure {
            kind: self.code.parse().unwrap_or(ReadFailureKind::NotCopied),
            attempts: self.attempts.max(1),
            detail: self.detail.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

/// Which parts of a folder's listing are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::source::mirror) struct FolderAs {
    /// It was told as a folder, whether or not anything in it was listed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(in crate::source::mirror) seen: bool,
    /// Stretches of keys that were listed whole, at any depth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::source::mirror) deep: Vec<Range>,
    /// Stretches of which the folders right below were listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::source::mirror) folders: Vec<Range>,
    /// Why its listing could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) failed: Option<FailedAs>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Record {
    pub(in crate::source::mirror) fn new(bucket: &str, key: &str) -> Self {
        Self { bucket: bucket.to_owned(), key: key.to_owned(), ..Self::default() }
    }

    pub(in crate::source::mirror) fn order(&self) -> Order {
        Order { path: format!("{}/{}", self.bucket, self.key), folder: self.folder.is_some() }
    }

    /// Takes over what a later record of the same object says.
    pub(in crate::source::mirror) fn absorb(&mut self, later: Self) {
        // What two records say together must be what they say one after the other, for journals
        // are joined before they reach the manifest.
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

    /// Whether the copy is of what the last listing tells.
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
    fn what_came_later_counts_and_a_copy_is_never_forgotten() {
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
        // Told twice, as after a crash, it is the same.
        let mut twice = record.clone();
        twice.absorb(record.clone());
        assert_eq!(twice, record);
    }

    #[test]
    fn a_failure_is_read_again_as_it_was() {
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
