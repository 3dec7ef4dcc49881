//! Reads a directory that [`super::export`] wrote back into a world.
//!
//! It reads the files on disk and uses no builder, so that what is served is what is committed.
use super::export::{KEYS, OBJECTS};
use super::location::seconds;
use crate::world::{Bucket, PublicKey, Version, World};
use base64::Engine;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The region of a bucket that was read: it is not in the directory, and no request depends on it
/// unless [`crate::server::ServerOptions::enforce_bucket_region`] is set.
const REGION: &str = "us-east-1";

impl World {
    /// Reads the buckets and the public keys of a directory. The world has no trails, because a
    /// directory does not hold any.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read or is not in the format of the export.
    pub fn read_from(directory: &Path) -> io::Result<Self> {
        let mut world = Self::default();
        for (name, objects) in document(&directory.join(OBJECTS))? {
            let mut bucket = Bucket::new(REGION);
            for (key, properties) in fields(&objects)? {
                let body = std::fs::read(directory.join(&name).join(key))?;
                bucket.put(key, version(body, properties)?);
            }
            world.buckets.insert(name, bucket);
        }
        for (region, listed) in document(&directory.join(KEYS))? {
            let keys = listed.get("PublicKeyList").and_then(Value::as_array);
            let keys = keys.ok_or_else(|| wrong("PublicKeyList"))?;
            let keys: io::Result<Vec<PublicKey>> = keys.iter().map(public_key).collect();
            world.public_keys.insert(region, keys?);
        }
        Ok(world)
    }
}

fn version(body: Vec<u8>, properties: &Value) -> io::Result<Version> {
    let metadata = properties.get("metadata").ok_or_else(|| wrong("metadata"))?;
    let mut named = BTreeMap::new();
    for (name, value) in fields(metadata)? {
        let value = value.as_str().ok_or_else(|| wrong("metadata"))?;
        named.insert(name.clone(), value.to_owned());
    }
    Ok(Version {
        version_id: String::new(),
        body: body.into(),
        metadata: named,
        content_type: text(properties, "content_type")?.to_owned(),
        content_encoding: properties
            .get("content_encoding")
            .and_then(Value::as_str)
            .map(str::to_owned),
        storage_class: "STANDARD".to_owned(),
        last_modified: seconds(text(properties, "last_modified")?),
        delete_marker: false,
        headers: Vec::new(),
    })
}

fn public_key(properties: &Value) -> io::Result<PublicKey> {
    let value = text(properties, "Value")?;
    let der = base64::engine::general_purpose::STANDARD.decode(value);
    Ok(PublicKey {
        der: der.map_err(|_| wrong("Value"))?,
        fingerprint: text(properties, "Fingerprint")?.to_owned(),
        valid_from: seconds(text(properties, "ValidityStartTime")?),
        valid_to: seconds(text(properties, "ValidityEndTime")?),
    })
}

fn document(path: &Path) -> io::Result<Map<String, Value>> {
    let document: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    match document {
        Value::Object(fields) => Ok(fields),
        _ => Err(wrong("the document")),
    }
}

fn fields(value: &Value) -> io::Result<&Map<String, Value>> {
    value.as_object().ok_or_else(|| wrong("an object"))
}

fn text<'v>(value: &'v Value, name: &str) -> io::Result<&'v str> {
    value.get(name).and_then(Value::as_str).ok_or_else(|| wrong(name))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("`{what}` is absent or has the wrong type"))
}
