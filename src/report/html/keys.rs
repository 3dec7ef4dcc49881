//! The public keys that the result relies on.
use super::shown::Shown;
use crate::report::collect::Collected;
use sha2::{Digest as _, Sha256};
use trailproof_core::record::PublicKeyUsed;

/// Maximum number of keys shown; the rest is counted. One takes about 400 bytes.
const SHOWN: usize = 1_000;

/// One public key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) region: Shown,
    pub(super) fingerprint: Shown,
    /// SHA-256 of its bytes as obtained, to compare with the same key from another source.
    pub(super) sha256: String,
    pub(super) valid: Shown,
    pub(super) source: Shown,
}

/// The keys of a run, as the page shows them.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) shown: Vec<Key>,
    pub(super) left_out: u64,
    /// Whether any key came from a file that the caller named.
    pub(super) from_files: bool,
}

impl Keys {
    pub(super) fn of(run: &Collected) -> Self {
        let shown: Vec<Key> = run.keys.entries.iter().take(SHOWN).map(key).collect();
        let count = u64::try_from(shown.len()).unwrap_or(u64::MAX);
        Self {
            left_out: run.keys.total.saturating_sub(count),
            from_files: run.keys.entries.iter().any(|key| key.source != "ListPublicKeys"),
            shown,
        }
    }
}

fn key(key: &PublicKeyUsed) -> Key {
    let valid = match (key.valid_from, key.valid_to) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        (Some(from), None) => format!("from {from}"),
        (None, Some(to)) => format!("up to {to}"),
        (None, None) => "not recorded".to_owned(),
    };
    Key {
        region: Shown::of(&key.region),
        fingerprint: Shown::of(&key.fingerprint),
        sha256: hex::encode(Sha256::digest(&key.der)),
        valid: Shown::of(valid),
        source: Shown::of(&key.source),
    }
}
