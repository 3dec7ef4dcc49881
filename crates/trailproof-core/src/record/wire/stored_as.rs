//! How an object is stored. The manifests of mirrors have the same shape.
use super::parts::{Text, Time};
use crate::record::stored_as::{Encryption, LockMode, Replication, StorageClass, StoredAs};
use serde::{Deserialize, Serialize};

/// How an object is stored. What the store did not report is not written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAsShape<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    encryption: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    kms_key: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "is_false")]
    bucket_key: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    lock_mode: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retain_until: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    legal_hold: Option<bool>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    storage_class: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    replication: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<Time>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl<'a> From<&'a StoredAs> for StoredAsShape<'a> {
    fn from(stored_as: &'a StoredAs) -> Self {
        Self {
            encryption: stored_as.encryption.map(|it| it.code().into()),
            kms_key: stored_as.kms_key.as_deref().map(Text::Borrowed),
            bucket_key: stored_as.bucket_key,
            lock_mode: stored_as.lock_mode.map(|it| it.code().into()),
            retain_until: stored_as.retain_until.map(Time),
            legal_hold: stored_as.legal_hold,
            storage_class: stored_as.storage_class.map(|it| it.code().into()),
            replication: stored_as.replication.map(|it| it.code().into()),
            last_modified: stored_as.last_modified.map(Time),
        }
    }
}

impl From<StoredAsShape<'_>> for StoredAs {
    fn from(shape: StoredAsShape<'_>) -> Self {
        Self {
            encryption: shape.encryption.as_deref().map(Encryption::parse),
            kms_key: shape.kms_key.as_deref().map(Into::into),
            bucket_key: shape.bucket_key,
            lock_mode: shape.lock_mode.as_deref().map(LockMode::parse),
            retain_until: shape.retain_until.map(|at| at.0),
            legal_hold: shape.legal_hold,
            storage_class: shape.storage_class.as_deref().map(StorageClass::parse),
            replication: shape.replication.as_deref().map(Replication::parse),
            last_modified: shape.last_modified.map(|at| at.0),
        }
    }
}
