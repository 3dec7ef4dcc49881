//! Where a run's evidence was delivered, and where it was read.
use crate::vocab::time::Timestamp;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The places where the evidence was delivered and where it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidencePlace {
    /// The bucket and prefix to which CloudTrail delivered it.
    pub delivered_to: DeliveredTo,
    /// The places where it was read: the one that was named first, followed by those of relocated
    /// parts.
    pub read_from: Vec<ReadPlace>,
}

/// A delivery bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveredTo {
    /// The bucket.
    pub bucket: String,
    /// The common beginning of all keys in scope, without a trailing slash; empty for the whole
    /// bucket.
    pub prefix: String,
}

/// A place from which evidence was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPlace {
    /// Kind of the place.
    pub kind: ReadKind,
    /// `s3://BUCKET/PREFIX`, or the path of a directory.
    pub place: String,
    /// For versions: the time as of which they were read; `None` for the oldest ones.
    pub as_of: Option<Timestamp>,
}

/// The kind of a place from which evidence was read.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum ReadKind {
    /// The delivery bucket itself.
    Bucket,
    /// A copy in a bucket.
    Replica,
    /// A copy in a directory.
    Directory,
    /// A mirror that trailproof made, in a directory.
    Mirror,
    /// The delivery bucket, but other versions of its objects than the current ones: those as of a
    /// time, or the oldest ones.
    Versions,
}

/// Which versions of its objects a run reads in the delivery bucket, if not the current ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadVersions {
    /// The oldest version of each object that is left: CloudTrail writes a key once, so whatever
    /// came later is not CloudTrail's.
    Oldest,
    /// The version that was current at this time.
    AsOf(Timestamp),
}

impl ReadKind {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Returns whether requests to this place go to S3.
    pub fn is_s3(self) -> bool {
        matches!(self, Self::Bucket | Self::Replica | Self::Versions)
    }
}

impl EvidencePlace {
    /// Creates the places of a run that reads the delivery bucket itself.
    pub fn original(bucket: &str, prefix: &str) -> Self {
        Self {
            delivered_to: DeliveredTo { bucket: bucket.to_owned(), prefix: prefix.to_owned() },
            read_from: vec![ReadPlace::in_bucket(ReadKind::Bucket, bucket, prefix)],
        }
    }

    /// Returns whether a copy of any part of the delivery bucket was read.
    pub fn is_copy(&self) -> bool {
        let is_copy = |at: &ReadPlace| !matches!(at.kind, ReadKind::Bucket | ReadKind::Versions);
        self.read_from.iter().any(is_copy)
    }

    /// Returns which versions of the delivery bucket were read, if not the current ones.
    pub fn versions(&self) -> Option<ReadVersions> {
        let read = self.read_from.iter().find(|at| at.kind == ReadKind::Versions)?;
        Some(read.as_of.map_or(ReadVersions::Oldest, ReadVersions::AsOf))
    }

    /// Returns whether the current objects of the delivery bucket were read, and no copy of them.
    pub fn is_original(&self) -> bool {
        !self.read_from.is_empty() && self.read_from.iter().all(|at| at.kind == ReadKind::Bucket)
    }
}

impl ReadPlace {
    /// Creates a place in a bucket.
    pub fn in_bucket(kind: ReadKind, bucket: &str, prefix: &str) -> Self {
        let slash = if prefix.is_empty() { "" } else { "/" };
        Self { kind, place: format!("s3://{bucket}{slash}{prefix}"), as_of: None }
    }
}
