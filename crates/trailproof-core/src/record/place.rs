//! Where a run's evidence was delivered, and where it was read.

/// Where the evidence was delivered, and where it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidencePlace {
    /// Where CloudTrail delivered it.
    pub delivered_to: DeliveredTo,
    /// Where it was read, the place that was named first, and then the parts that lie elsewhere.
    pub read_from: Vec<ReadPlace>,
}

/// A bucket of delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveredTo {
    /// The bucket.
    pub bucket: String,
    /// What all keys that are looked at begin with, without a slash at its end; empty for all of
    /// the bucket.
    pub prefix: String,
}

/// A place that evidence was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPlace {
    /// What the place is.
    pub kind: ReadKind,
    /// `s3://BUCKET/PREFIX`, or the path of a directory.
    pub place: String,
}

/// What a place is that evidence was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReadKind {
    /// The bucket of delivery itself.
    Bucket,
    /// A copy in a bucket.
    Replica,
    /// A copy in a directory.
    Directory,
    /// A mirror that trailproof made, in a directory.
    Mirror,
}

impl ReadKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Bucket, Self::Replica, Self::Directory, Self::Mirror];

    /// Stable code for machines; never renamed once released.
    pub fn code(self) -> &'static str {
        match self {
            Self::Bucket => "bucket",
            Self::Replica => "replica",
            Self::Directory => "directory",
            Self::Mirror => "mirror",
        }
    }

    /// The one with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// Whether S3 is asked there.
    pub fn is_s3(self) -> bool {
        matches!(self, Self::Bucket | Self::Replica)
    }
}

impl EvidencePlace {
    /// A bucket of delivery that is read itself.
    pub fn original(bucket: &str, prefix: &str) -> Self {
        Self {
            delivered_to: DeliveredTo { bucket: bucket.to_owned(), prefix: prefix.to_owned() },
            read_from: vec![ReadPlace::in_bucket(ReadKind::Bucket, bucket, prefix)],
        }
    }

    /// Whether the bucket of delivery was read, and no copy of any part of it.
    pub fn is_original(&self) -> bool {
        !self.read_from.is_empty() && self.read_from.iter().all(|at| at.kind == ReadKind::Bucket)
    }
}

impl ReadPlace {
    /// A place in a bucket.
    pub fn in_bucket(kind: ReadKind, bucket: &str, prefix: &str) -> Self {
        let slash = if prefix.is_empty() { "" } else { "/" };
        Self { kind, place: format!("s3://{bucket}{slash}{prefix}") }
    }
}
