//! The file beside the copies that keeps what a file system cannot: the metadata of the objects.
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufReader, Read as _};
use std::path::Path;

/// Name of the file.
pub const INDEX: &str = "trailproof-objects.json";

/// The largest file that is read, in bytes. An entry takes about 1,000; this allows half a million
/// digests.
const LONGEST: u64 = 512 << 20;

/// The most entries that are read. Each takes some 350 bytes in memory.
const ENTRIES: usize = 1_000_000;

/// The user metadata of digests that is used. All other metadata is dropped.
const KEPT: [&str; 3] = ["signature", "signature-algorithm", "backfill-generation-timestamp"];

/// The values of one entry, stored compactly: a directory may have an entry for each of many
/// digests.
type Kept = [Option<Text>; KEPT.len()];

/// A value. Lower-case hex is stored as the bytes that it encodes, which halves the size of
/// signatures.
#[derive(Debug)]
enum Text {
    Hex(Box<[u8]>),
    Other(Box<str>),
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        match hex::decode(&text) {
            Ok(bytes) if hex::encode(&bytes) == text => Self::Hex(bytes.into()),
            _ => Self::Other(text.into()),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hex(bytes) => f.write_str(&hex::encode(bytes)),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// The number of buckets whose entries are also found by key alone, for a copy without a folder
/// named like the bucket.
const BUCKETS: usize = 8;

/// User metadata by the path of a file below the directory: bucket, slash, key; or the key alone.
///
/// None of it is trusted: it provides signatures, which either verify or do not. Paths are kept as
/// 64-bit hashes under a random key, so that they take little memory and nobody can construct a
/// collision.
#[derive(Debug, Default)]
pub(crate) struct Index {
    hasher: RandomState,
    kept: HashMap<u64, Kept>,
    /// The first buckets that it has entries for.
    buckets: Vec<String>,
}

impl Index {
    /// Reads the index of `directory`. A missing index is empty.
    ///
    /// # Errors
    ///
    /// The reason why the file cannot be used.
    pub(crate) fn read(directory: &Path) -> Result<Self, String> {
        let path = directory.join(INDEX);
        match std::fs::symlink_metadata(&path) {
            Err(_) => return Ok(Self::default()),
            Ok(about) if !about.is_file() => return Err("it is not a regular file".to_owned()),
            Ok(about) if about.len() > LONGEST => return Err("it is too large".to_owned()),
            Ok(_) => {}
        }
        let file = File::open(&path).map_err(|error| error.to_string())?;
        let text = BufReader::with_capacity(64 << 10, file.take(LONGEST));
        serde_json::from_reader(text).map_err(|error| error.to_string())
    }

    /// Returns the metadata of the file at this path.
    pub(crate) fn of(&self, key: &str) -> BTreeMap<String, String> {
        // Most directories have no metadata, and then no path needs to be hashed.
        if self.kept.is_empty() {
            return BTreeMap::new();
        }
        let in_bucket =
            |bucket: &String| self.kept.get(&self.hasher.hash_one([bucket, "/", key].concat()));
        let own = self.kept.get(&self.hasher.hash_one(key));
        let Some(kept) = own.or_else(|| self.buckets.iter().find_map(in_bucket)) else {
            return BTreeMap::new();
        };
        let named = KEPT.into_iter().zip(kept);
        named
            .filter_map(|(name, value)| Some((name.to_owned(), value.as_ref()?.to_string())))
            .collect()
    }
}

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut index = Self::default();
        deserializer.deserialize_map(Buckets(&mut index))?;
        Ok(index)
    }
}

/// Reads the objects of each bucket.
struct Buckets<'i>(&'i mut Index);

impl<'de> Visitor<'de> for Buckets<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects by bucket")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut buckets: A) -> Result<(), A::Error> {
        while let Some(bucket) = buckets.next_key::<String>()? {
            buckets.next_value_seed(Objects(&bucket, self.0))?;
            if self.0.buckets.len() < BUCKETS {
                self.0.buckets.push(bucket);
            }
        }
        Ok(())
    }
}

/// Reads the objects of one bucket into the index, one by one.
struct Objects<'i>(&'i str, &'i mut Index);

impl<'de> DeserializeSeed<'de> for Objects<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what is known of objects, by key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut objects: A) -> Result<(), A::Error> {
        let Self(bucket, Index { hasher, kept: index, .. }) = self;
        while let Some((key, entry)) = objects.next_entry::<String, Entry>()? {
            let mut kept = Kept::default();
            for (name, value) in entry.metadata {
                let name = name.to_ascii_lowercase();
                let place = KEPT.iter().position(|one| *one == name);
                if let Some(place) = place.and_then(|place| kept.get_mut(place)) {
                    *place = Some(value.into());
                }
            }
            if index.len() == ENTRIES {
                return Err(serde::de::Error::custom("it has too many entries"));
            }
            if kept.iter().any(Option::is_some) {
                index.insert(hasher.hash_one([bucket, "/", key.as_str()].concat()), kept);
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were_written() {
        let values = ["", "00ff", "00FF", "0", "SHA256withRSA", "ab\u{202e}", "0x00"];
        for value in values {
            let text = serde_json::json!({ "b": { "k/d": { "metadata": {
                "Signature": value, "signature-algorithm": value, "other": "x",
            } }, "k/none": { "metadata": { "other": "x" } }, "k/bare": {} } });
            let index: Index = serde_json::from_value(text).unwrap();
            let kept = index.of("b/k/d");
            assert_eq!(kept.get("signature").map(String::as_str), Some(value));
            assert_eq!(kept.get("signature-algorithm").map(String::as_str), Some(value));
            assert_eq!(kept.len(), 2);
            assert_eq!(index.of("k/d"), kept, "a copy may have no folder of the bucket's name");
            assert!(index.of("b/k/none").is_empty() && index.of("d").is_empty());
            assert!(index.of("c/k/d").is_empty());
            assert_eq!(index.kept.len(), 1);
        }
        for text in ["[]", "{\"b\":[]}", "{\"b\":{\"k\":7}}", "{"] {
            assert!(serde_json::from_str::<Index>(text).is_err(), "{text}");
        }
    }
}
