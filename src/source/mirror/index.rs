//! The file beside the copies that keeps what a file system cannot: the objects' metadata.
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Name of the file.
pub const INDEX: &str = "trailproof-objects.json";

/// Bytes of the file. An entry takes about 1,000; this allows half a million digests.
const LONGEST: u64 = 512 << 20;

/// User metadata that means something for a digest; of all else nothing is kept.
const KEPT: [&str; 3] = ["signature", "signature-algorithm", "backfill-generation-timestamp"];

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// User metadata by the path of a file below the directory: bucket, slash, key.
///
/// Nothing of it is believed. It brings signatures, and these hold or they do not.
#[derive(Debug, Default)]
pub(super) struct Index(HashMap<String, BTreeMap<String, String>>);

impl Index {
    /// Reads the index of `directory`; one that is not there is empty.
    ///
    /// # Errors
    ///
    /// Why the file cannot be used.
    pub(super) fn read(directory: &Path) -> Result<Self, String> {
        let path = directory.join(INDEX);
        match std::fs::symlink_metadata(&path) {
            Err(_) => return Ok(Self::default()),
            Ok(about) if !about.is_file() => return Err("it is no regular file".to_owned()),
            Ok(about) if about.len() > LONGEST => return Err("it is too large".to_owned()),
            Ok(_) => {}
        }
        let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
        let read: HashMap<String, HashMap<String, Entry>> =
            serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let mut index = HashMap::new();
        for (bucket, objects) in read {
            for (key, entry) in objects {
                let kept: BTreeMap<String, String> = entry
                    .metadata
                    .into_iter()
                    .map(|(name, value)| (name.to_ascii_lowercase(), value))
                    .filter(|(name, _)| KEPT.contains(&name.as_str()))
                    .collect();
                if !kept.is_empty() {
                    index.insert(format!("{bucket}/{key}"), kept);
                }
            }
        }
        Ok(Self(index))
    }

    /// The metadata of the file at this path.
    pub(super) fn of(&self, key: &str) -> BTreeMap<String, String> {
        self.0.get(key).cloned().unwrap_or_default()
    }
}
