//! How an object is stored: what the store reports with each read besides the bytes.
use crate::vocab::time::Timestamp;
use std::sync::Arc;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// How an object is stored, as the store reported it when the object was read. Whatever the store
/// did not report is absent: S3 reports a lock only to callers who may read it, and no storage class
/// for `STANDARD`.
///
/// It is what an object is like, where a bucket's configuration is only what new objects would be
/// like. It has no effect on any judgement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StoredAs {
    /// The encryption at rest (`x-amz-server-side-encryption`).
    pub encryption: Option<Encryption>,
    /// The ARN of the KMS key that encrypts it.
    pub kms_key: Option<Arc<str>>,
    /// Whether an S3 Bucket Key stands between the object and the KMS key.
    pub bucket_key: bool,
    /// The mode of its Object Lock.
    pub lock_mode: Option<LockMode>,
    /// The time until which the lock holds.
    pub retain_until: Option<Timestamp>,
    /// Whether a legal hold is on it.
    pub legal_hold: Option<bool>,
    /// Its storage class.
    pub storage_class: Option<StorageClass>,
    /// The state of its replication.
    pub replication: Option<Replication>,
    /// When it was written.
    pub last_modified: Option<Timestamp>,
}

impl StoredAs {
    /// Returns whether the store reported nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Encryption at rest.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
pub enum Encryption {
    /// With keys of S3 (SSE-S3).
    #[strum(serialize = "AES256")]
    S3,
    /// With a key of KMS (SSE-KMS).
    #[strum(serialize = "aws:kms")]
    Kms,
    /// Twice, with a key of KMS (DSSE-KMS).
    #[strum(serialize = "aws:kms:dsse")]
    KmsTwice,
    /// In a way that this version does not know.
    #[strum(serialize = "other")]
    Other,
}

/// The mode of an Object Lock.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
pub enum LockMode {
    /// Whoever has the permission can remove the lock.
    #[strum(serialize = "GOVERNANCE")]
    Governance,
    /// Nobody can remove the lock.
    #[strum(serialize = "COMPLIANCE")]
    Compliance,
    /// A mode that this version does not know.
    #[strum(serialize = "other")]
    Other,
}

/// A storage class of S3.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are those of S3")]
pub enum StorageClass {
    Standard,
    StandardIa,
    OnezoneIa,
    IntelligentTiering,
    ReducedRedundancy,
    GlacierIr,
    Glacier,
    DeepArchive,
    ExpressOnezone,
    Outposts,
    Snow,
    /// A class that this version does not know.
    #[strum(serialize = "other")]
    Other,
}

impl StorageClass {
    /// Returns whether an object of this class has to be restored before it can be read: S3 Glacier
    /// Flexible Retrieval and Deep Archive, and not Glacier Instant Retrieval. The archive tiers of
    /// Intelligent-Tiering are not shown in a listing.
    pub fn is_archive(self) -> bool {
        matches!(self, Self::Glacier | Self::DeepArchive)
    }
}

/// The state of an object's replication. S3 spells the third one in two ways.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
pub enum Replication {
    /// Not replicated yet.
    #[strum(serialize = "PENDING")]
    Pending,
    /// Replication failed.
    #[strum(serialize = "FAILED")]
    Failed,
    /// Replicated.
    #[strum(to_string = "COMPLETED", serialize = "COMPLETE")]
    Completed,
    /// It is itself a replica.
    #[strum(serialize = "REPLICA")]
    Replica,
    /// A state that this version does not know.
    #[strum(serialize = "other")]
    Other,
}

macro_rules! codes {
    ($($kind:ident)*) => {$(
        impl $kind {
            /// Returns S3's own code, or `other`.
            pub fn code(self) -> &'static str {
                self.into()
            }

            /// Parses S3's code. An unknown code is a value of its own, never an absent one: an
            /// object with it must not be counted among those without any.
            pub fn parse(code: &str) -> Self {
                code.parse().unwrap_or(Self::Other)
            }
        }
    )*};
}

codes! { Encryption LockMode StorageClass Replication }

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator as _;

    #[test]
    fn codes_are_read_back_and_unknown_ones_are_kept_apart() {
        assert!(Encryption::iter().all(|it| Encryption::parse(it.code()) == it));
        assert!(LockMode::iter().all(|it| LockMode::parse(it.code()) == it));
        assert!(StorageClass::iter().all(|it| StorageClass::parse(it.code()) == it));
        assert!(Replication::iter().all(|it| Replication::parse(it.code()) == it));
        // As S3's model spells them.
        for (code, class) in [
            ("STANDARD", StorageClass::Standard),
            ("STANDARD_IA", StorageClass::StandardIa),
            ("ONEZONE_IA", StorageClass::OnezoneIa),
            ("INTELLIGENT_TIERING", StorageClass::IntelligentTiering),
            ("DEEP_ARCHIVE", StorageClass::DeepArchive),
            ("GLACIER_IR", StorageClass::GlacierIr),
            ("FSX_OPENZFS", StorageClass::Other),
        ] {
            assert_eq!(StorageClass::parse(code), class);
        }
        assert_eq!(Replication::parse("COMPLETE"), Replication::Completed);
        assert_eq!(Encryption::parse("aws:fsx"), Encryption::Other);
    }
}
