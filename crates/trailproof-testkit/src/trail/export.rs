//! Writes a built trail to a directory, as a copy with its evidence beside it.
use super::built::BuiltTrail;
use super::location::iso;
use crate::world::{Bucket, PublicKey};
use base64::Engine;
use serde_json::{Map, Value, json};
use std::io;
use std::path::{Component, Path};

/// The file, beside the buckets' directories, with what a file system cannot hold: for every bucket
/// and key, metadata, content type, content encoding and time.
pub const OBJECTS: &str = "trailproof-objects.json";
/// The file with the public keys by region, each in the format printed by `aws cloudtrail
/// list-public-keys`.
pub const KEYS: &str = "public-keys.json";

impl BuiltTrail {
    /// Writes `directory/BUCKET/KEY` for every object that a plain GET reads, [`OBJECTS`] and
    /// [`KEYS`]. Returns an error for keys that are not safe paths, such as those of hostile deeds.
    pub fn write_to(&self, directory: &Path) -> io::Result<()> {
        let mut index = Map::new();
        for (name, bucket) in &self.world.buckets {
            for key in bucket.objects.keys() {
                let Some(version) = bucket.current(key) else { continue };
                let path = directory.join(safe(name)?).join(safe(key)?);
                std::fs::create_dir_all(path.parent().unwrap_or(directory))?;
                std::fs::write(path, &version.body)?;
            }
            index.insert(name.clone(), Value::Object(objects(bucket)));
        }
        std::fs::create_dir_all(directory)?;
        std::fs::write(directory.join(OBJECTS), pretty(&Value::Object(index)))?;
        std::fs::write(directory.join(KEYS), pretty(&self.public_keys()))
    }

    /// Returns the public keys as `{region: {"PublicKeyList": […]}}`.
    pub fn public_keys(&self) -> Value {
        let listed = |keys: &Vec<PublicKey>| {
            let keys: Vec<_> = keys.iter().map(public_key).collect();
            json!({ "PublicKeyList": keys })
        };
        let regions = self.world.public_keys.iter();
        Value::Object(regions.map(|(region, keys)| (region.clone(), listed(keys))).collect())
    }
}

fn public_key(key: &PublicKey) -> Value {
    json!({
        "Value": base64::engine::general_purpose::STANDARD.encode(&key.der),
        "ValidityStartTime": iso(key.valid_from),
        "ValidityEndTime": iso(key.valid_to),
        "Fingerprint": key.fingerprint,
    })
}

fn objects(bucket: &Bucket) -> Map<String, Value> {
    let mut objects = Map::new();
    for key in bucket.objects.keys() {
        if let Some(version) = bucket.current(key) {
            let properties = json!({
                "metadata": version.metadata,
                "content_type": version.content_type,
                "content_encoding": version.content_encoding,
                "last_modified": iso(version.last_modified),
            });
            objects.insert(key.clone(), properties);
        }
    }
    objects
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn safe(text: &str) -> io::Result<&Path> {
    let path = Path::new(text);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if plain && !text.contains(char::is_control) {
        return Ok(path);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{text:?} is not a safe path")))
}
