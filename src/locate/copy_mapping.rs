//! A part of a copy: the prefix of its keys now, and the prefix that they had when they were
//! delivered.
use trailproof_core::vocab::key_layout::DigestKey;
use trailproof_core::vocab::location::ObjectLocation;

/// A part of a copy, and where it was delivered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CopyMapping {
    /// The bucket of delivery.
    pub bucket: String,
    /// The prefix of the delivered keys, which `lies` replaces in the copy. Empty, or a folder with
    /// its slash.
    pub recorded: String,
    /// The prefix of the keys in the copy.
    pub lies: String,
    /// The prefix of the trail: what precedes `AWSLogs` in the delivered keys.
    pub prefix: String,
}

/// Compares the place that a digest names with the key where it is now, and returns the part of the
/// copy that both imply.
pub(crate) fn copied(told: &ObjectLocation, lies: &str) -> Option<CopyMapping> {
    let parsed = DigestKey::parse(&told.key)?;
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if told.bucket.is_empty() || told.bucket.len() > 255 || !told.bucket.bytes().all(named) {
        return None;
    }
    let mut same = 0;
    let both = told.key.rsplit('/').zip(lies.rsplit('/'));
    for (one, other) in both {
        if one != other {
            break;
        }
        // The slash before a part belongs to what precedes it.
        same += one.len() + usize::from(same > 0);
    }
    let front =
        |key: &str| key.len().checked_sub(same).and_then(|end| key.get(..end)).map(str::to_owned);
    let (recorded, lies) = (front(&told.key)?, front(lies)?);
    (same > 0).then_some(CopyMapping {
        bucket: told.bucket.clone(),
        recorded,
        lies,
        prefix: parsed.chain.root.prefix,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "p/q/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/111122223333_CloudTrail-Digest_us-east-1_t-1_us-east-1_20260301T000411Z.json.gz";

    fn fronts(lies: &str) -> Option<(String, String)> {
        let told = ObjectLocation::new("bucket", KEY);
        copied(&told, lies).map(|part| (part.recorded, part.lies))
    }

    #[test]
    fn leading_folders_that_differ_make_the_mapping() {
        let pair = |recorded: &str, lies: &str| Some((recorded.to_owned(), lies.to_owned()));
        let inside = KEY.strip_prefix("p/q/AWSLogs/").unwrap_or_default();
        assert_eq!(fronts(KEY), pair("", ""));
        assert_eq!(fronts(&format!("bucket/{KEY}")), pair("", "bucket/"));
        assert_eq!(fronts(inside), pair("p/q/AWSLogs/", ""));
        assert_eq!(fronts(&format!("x/{inside}")), pair("p/q/AWSLogs/", "x/"));
        assert_eq!(
            fronts(KEY.rsplit('/').next().unwrap_or_default()).map(|(_, lies)| lies),
            Some(String::new())
        );
        assert_eq!(fronts("other.json.gz"), None);
    }

    #[test]
    fn an_invalid_place_is_not_looked_for() {
        for (bucket, key) in [("bucket", "x"), ("", KEY), ("b/c", KEY), ("\u{1b}", KEY)] {
            assert_eq!(copied(&ObjectLocation::new(bucket, key), KEY), None);
        }
    }
}
