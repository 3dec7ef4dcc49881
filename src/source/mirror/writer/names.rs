//! The name under which a key is stored.
//!
//! A key that every common file system can hold keeps its own name. Any other key is stored under
//! the hash of its place, on all systems, so that a mirror can be moved from one to another.
use crate::source::directory::INDEX;
use crate::source::directory::key_path::listed_name;
use crate::source::mirror::header::{
    CHECKSUMS, CUSTODY, EARLIER, ESCAPED, HEADER, KEYS_BESIDE, WORK,
};
use crate::source::mirror::ledger::MANIFEST;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use trailproof_core::vocab::budget;

/// Bytes of a name: the limit of ext4, XFS, NTFS, APFS and others.
const NAME: usize = 255;

/// Names at the top of a mirror that are not a bucket's.
const OWN: [&str; 9] =
    [WORK, ESCAPED, EARLIER, HEADER, MANIFEST, INDEX, KEYS_BESIDE, CHECKSUMS, CUSTODY];

/// Names of devices on Windows, with any extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Returns the path below the directory, `BUCKET/KEY`, if every file system can hold it.
pub(super) fn plain(bucket: &str, key: &str) -> Option<String> {
    let own = OWN.iter().any(|own| own.eq_ignore_ascii_case(bucket));
    let short = bucket.len() + 1 + key.len() <= budget::KEY_LENGTH;
    let holds = !own && short && is_plain(bucket) && key.split('/').all(is_plain);
    // A reader would take it for an inflated copy of a different key.
    let last = key.rsplit('/').next().unwrap_or_default();
    (holds && listed_name(last).is_none()).then(|| format!("{bucket}/{key}"))
}

fn is_plain(name: &str) -> bool {
    let odd = |c: char| c.is_control() || "<>:\"\\|?*".contains(c);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = |word: &str| {
        stem.strip_prefix(word)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let device = DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt");
    !name.is_empty()
        && name.len() <= NAME
        && !name.contains(odd)
        && !name.ends_with(['.', ' '])
        && !device
}

/// Returns the path for an earlier copy of a key that was replaced.
pub(super) fn earlier(bucket: &str, key: &str, sha256: &str) -> String {
    let hash = hex::encode(Sha256::digest(format!("{bucket}/{key}")));
    let content = sha256.get(..32).unwrap_or(sha256);
    format!("{EARLIER}/{}/{hash}-{content}", hash.get(..2).unwrap_or_default())
}

/// Names that are in use, on a file system that treats `a` and `A` as the same name. Sixteen bytes
/// for every file and folder, as hashes under a random key.
#[derive(Debug, Default)]
pub(super) struct Claims {
    folded: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Claims {
    /// Claims this path and its folders. Returns false if a different spelling of one of them is in
    /// use, or may be.
    pub(super) fn claim(&mut self, path: &str) -> bool {
        if !path.is_ascii() {
            return false;
        }
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let mut mine = Vec::new();
        for part in ends.filter_map(|end| path.get(..end)) {
            let folded = self.hasher.hash_one(part.to_ascii_lowercase());
            let exact = self.hasher.hash_one(part);
            match self.folded.get(&folded) {
                Some(other) if *other != exact => return false,
                _ => mine.push((folded, exact)),
            }
        }
        self.folded.extend(mine);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::mirror::header::escaped;

    #[test]
    fn cloudtrail_keys_keep_their_own_names() {
        let key = "p q/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_CloudTrail_us-east-1_20260301T0005Z_aBcDeFgHiJkLmNoP.json.gz";
        assert_eq!(plain("example-trail-logs", key), Some(format!("example-trail-logs/{key}")));
        assert_eq!(plain("b", "\u{fc}/\u{65e5}").as_deref(), Some("b/\u{fc}/\u{65e5}"));
    }

    #[test]
    fn what_a_file_system_cannot_hold_is_escaped_and_stays_inside() {
        let long = "x".repeat(256);
        // As long as S3 allows, and longer than a path here together with the bucket.
        let longest = ["x".repeat(127).as_str(); 8].join("/");
        for (bucket, key) in [
            ("b", ""),
            ("b", "a/"),
            ("b", "a//b"),
            ("b", "../a"),
            ("b", "a/../../b"),
            ("b", "."),
            ("b", "/etc/passwd"),
            ("b", "a\0b"),
            ("b", "a\nb"),
            ("b", "c:/x"),
            ("b", "a\\b"),
            ("b", "what?"),
            ("b", "trailing."),
            ("b", "trailing "),
            ("b", "NUL"),
            ("b", "com1.json.gz"),
            ("b", long.as_str()),
            ("b", longest.as_str()),
            ("b", "1_CloudTrail_x.json"),
            ("..", "a"),
            (".trailproof", "a"),
            ("trailproof-escaped", "a"),
            ("public-keys.json", "a"),
            ("trailproof-custody.jsonl", "a"),
            ("a/b", "a/"),
            ("", "a"),
        ] {
            assert_eq!(plain(bucket, key), None, "{bucket} {key}");
            let path = escaped(&format!("{bucket}/{key}"));
            let parts: Vec<&str> = path.split('/').collect();
            assert_eq!(parts.len(), 3);
            assert_eq!(parts.first(), Some(&ESCAPED));
            assert!(parts.iter().all(|part| is_plain(part)), "{path}");
        }
        assert_ne!(escaped("b/A"), escaped("b/a"));
    }

    #[test]
    fn names_that_differ_only_in_case_collide() {
        let mut claims = Claims::default();
        for (path, free) in [
            ("b/x/Log", true),
            ("b/x/Log", true),
            ("b/x/log", false),
            ("b/X/other", false),
            ("b/x/other", true),
            ("b/x/\u{e9}", false),
            ("B", false),
        ] {
            assert_eq!(claims.claim(path), free, "{path}");
        }
    }
}
