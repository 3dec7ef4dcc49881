//! What a lookup searches for.
use std::collections::BTreeSet;
use trailproof_core::bytes::content::Hash;
use trailproof_core::digest::document::LogFile;

/// The log files that a lookup searches for in the digests: by content, or by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupTargets {
    /// SHA-256 hashes of inflated content.
    pub hashes: BTreeSet<Hash>,
    /// Names without folders.
    pub names: BTreeSet<String>,
    /// Whether every log file is named, and none is read: its content is read later.
    pub all_unread: bool,
}

impl LookupTargets {
    /// Returns whether a log file that a digest names has one of the hashes or names.
    pub(crate) fn has(&self, log: &LogFile) -> bool {
        self.all_unread || self.hashes.contains(&log.hash) || self.has_name(&log.location.key)
    }

    fn has_name(&self, key: &str) -> bool {
        let name = key.rsplit('/').next().unwrap_or_default();
        self.names.contains(name)
    }
}
