//! Which requests a fault is for.
use super::operation::Operation;
use super::route::{Call, mix};

/// Which requests a fault is for: all conditions must hold.
///
/// For listings the key is the prefix. For operations of CloudTrail the bucket is the region of the
/// request, and the key is the trail's name or ARN as asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Matcher {
    operation: Option<Operation>,
    bucket: Option<String>,
    key: KeyMatcher,
}

/// Which keys a fault is for.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyMatcher {
    /// Every key.
    Any,
    /// This key.
    Exact(String),
    /// Keys that begin so.
    Prefix(String),
    /// Keys that end so.
    Suffix(String),
    /// Keys that contain this.
    Contains(String),
    /// So many of a thousand keys, drawn from the seed and the key alone.
    Sample {
        /// How many of a thousand.
        per_mille: u64,
        /// The seed.
        seed: u64,
    },
}

impl Matcher {
    /// Every request.
    pub fn any() -> Self {
        Self { operation: None, bucket: None, key: KeyMatcher::Any }
    }

    /// Every request of one operation.
    pub fn operation(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::any() }
    }

    /// GetObject of exactly this key.
    pub fn get(key: &str) -> Self {
        Self::operation(Operation::GetObject).key(KeyMatcher::Exact(key.to_owned()))
    }

    /// Only these keys.
    pub fn key(mut self, key: KeyMatcher) -> Self {
        self.key = key;
        self
    }

    /// Only keys that begin so.
    pub fn key_prefix(self, prefix: &str) -> Self {
        self.key(KeyMatcher::Prefix(prefix.to_owned()))
    }

    /// Only keys that end so.
    pub fn key_suffix(self, suffix: &str) -> Self {
        self.key(KeyMatcher::Suffix(suffix.to_owned()))
    }

    /// Only this bucket, or for operations of CloudTrail only this region.
    pub fn bucket(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self
    }

    /// The one key that this can match, where it is one.
    pub(super) fn exact_key(&self) -> Option<&str> {
        match &self.key {
            KeyMatcher::Exact(key) => Some(key),
            _ => None,
        }
    }

    pub(super) fn matches(&self, call: &Call) -> bool {
        self.operation.is_none_or(|operation| operation == call.operation)
            && self.bucket.as_ref().is_none_or(|bucket| *bucket == call.bucket)
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
