//! The requests to which a fault applies.
use super::operation::Operation;
use super::route::{Call, mix};

/// The requests to which a fault applies: all conditions must hold.
///
/// For listings the key is the prefix. For CloudTrail operations the bucket is the region of the
/// request, and the key is the trail's name or ARN as requested.
#[derive(Clone, Debug, PartialEq)]
pub struct Matcher {
    operation: Option<Operation>,
    bucket: Option<String>,
    key: KeyMatcher,
    /// The subresource.
    setting: Option<String>,
}

/// The keys to which a fault applies.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyMatcher {
    /// Every key.
    Any,
    /// This key.
    Exact(String),
    /// Keys with this prefix.
    Prefix(String),
    /// Keys with this suffix.
    Suffix(String),
    /// Keys that contain this.
    Contains(String),
    /// A sample of keys, derived from the seed and the key alone.
    Sample {
        /// Number of keys in a thousand.
        per_mille: u64,
        /// The seed.
        seed: u64,
    },
}

impl Matcher {
    /// Matches every request.
    pub fn any() -> Self {
        Self { operation: None, bucket: None, key: KeyMatcher::Any, setting: None }
    }

    /// Matches every request of one operation.
    pub fn operation(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::any() }
    }

    /// Matches GetObject of exactly this key.
    pub fn get(key: &str) -> Self {
        Self::operation(Operation::GetObject).key(KeyMatcher::Exact(key.to_owned()))
    }

    /// Matches GETs of one subresource of a bucket, such as `encryption`.
    pub fn setting(name: &str) -> Self {
        Self { setting: Some(name.to_owned()), ..Self::operation(Operation::GetSetting) }
    }

    /// Restricts it to these keys.
    pub fn key(mut self, key: KeyMatcher) -> Self {
        self.key = key;
        self
    }

    /// Restricts it to keys with this prefix.
    pub fn key_prefix(self, prefix: &str) -> Self {
        self.key(KeyMatcher::Prefix(prefix.to_owned()))
    }

    /// Restricts it to keys with this suffix.
    pub fn key_suffix(self, suffix: &str) -> Self {
        self.key(KeyMatcher::Suffix(suffix.to_owned()))
    }

    /// Restricts it to this bucket, or for CloudTrail operations to this region.
    pub fn bucket(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self
    }

    /// Returns the only key that this can match, if there is just one.
    pub(super) fn exact_key(&self) -> Option<&str> {
        match &self.key {
            KeyMatcher::Exact(key) => Some(key),
            _ => None,
        }
    }

    pub(super) fn matches(&self, call: &Call) -> bool {
        self.operation.is_none_or(|operation| operation == call.operation)
            && self.bucket.as_ref().is_none_or(|bucket| *bucket == call.bucket)
            && self.setting.as_ref().is_none_or(|setting| *setting == call.page)
            && match &self.key {
                KeyMatcher::Any => true,
                KeyMatcher::Exact(key) => *key == call.key,
                KeyMatcher::Prefix(prefix) => call.key.starts_with(prefix.as_str()),
                KeyMatcher::Suffix(suffix) => call.key.ends_with(suffix.as_str()),
                KeyMatcher::Contains(part) => call.key.contains(part.as_str()),
                KeyMatcher::Sample { per_mille, seed } => {
                    mix(*seed, &[&call.bucket, &call.key]) % 1000 < *per_mille
                }
            }
    }
}
