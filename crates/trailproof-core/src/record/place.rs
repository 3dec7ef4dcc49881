//! Where a run's evidence was delivered, and where it was read.
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
}

impl ReadKind {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Returns whether requests to this place go to S3.
    pub fn is_s3(self) -> bool {
        matches!(self, Self::Bucket | Self::Replica)
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

    /// Returns whether the delivery bucket was read, and no copy of any part of it.
    pub fn is_original(&self) -> bool {
        !self.read_from.is_empty() && self.read_from.iter().all(|at| at.kind == ReadKind::Bucket)
    }
}

impl ReadPlace {
    /// Creates a place in a bucket.
    pub fn in_bucket(kind: ReadKind, bucket: &str, prefix: &str) -> Self {
        let slash = if prefix.is_empty() { "" } else { "/" };
        Self { kind, place: format!("s3://{bucket}{slash}{prefix}") }
    }
}
