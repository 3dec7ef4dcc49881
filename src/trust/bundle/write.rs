//! Writes a bundle of our own form.
use super::coverage::Stretch;
use super::document::{FORMAT, RegionKeys, SCHEMA};
use crate::trust::KeyRecord;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use trailproof_core::ids::Region;

/// The document of the keys that were obtained for `requested`.
pub fn fetched(keys: &BTreeMap<Region, Vec<KeyRecord>>, requested: Stretch) -> String {
    let of = |keys: &Vec<KeyRecord>| RegionKeys {
        keys: keys.clone(),
        covered: vec![requested],
        all_since: None,
    };
    bundle_text(&keys.iter().map(|(region, keys)| (region.clone(), of(keys))).collect())
}

/// The document of these keys and of the stretches of which they are all.
pub fn bundle_text(keys: &BTreeMap<Region, RegionKeys>) -> String {
    let mut regions = Map::new();
    for (region, RegionKeys { keys, covered, all_since }) in keys {
        let mut keys: Vec<&KeyRecord> = keys.iter().collect();
        keys.sort_by_key(|key| (key.valid_from, &key.fingerprint));
        let listed: Vec<Value> = keys.into_iter().map(record).collect();
        let requested: Vec<Value> = covered
            .iter()
            .map(|(from, to)| json!({ "from": from.to_string(), "to": to.to_string() }))
            .collect();
        let mut told = json!({ "requested": requested, "PublicKeyList": listed });
        if let (Some((from, asked)), Some(fields)) = (all_since, told.as_object_mut()) {
            let since = json!({ "from": from.to_string(), "asked": asked.to_string() });
            fields.insert("all_since".to_owned(), since);
        }
        regions.insert(region.as_str().to_owned(), told);
    }
    let document = json!({ "format": FORMAT, "schema": SCHEMA, "regions": regions });
    format!("{document:#}\n")
}

fn record(key: &KeyRecord) -> Value {
    json!({
        "Fingerprint": key.fingerprint,
        "Value": STANDARD.encode(&key.der),
        "ValidityStartTime": key.valid_from.map(|at| at.to_string()),
        "ValidityEndTime": key.valid_to.map(|at| at.to_string()),
    })
}

/// Writes `text` to `path`: whole and synced under another name first, so that whoever reads
/// `path` reads the old file or the new one.
///
/// # Errors
///
/// What the system says; the old file is then as it was.
pub fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let mut beside = name.to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let part: PathBuf = folder.join(beside);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&part, path));
    if let Err(error) = written {
        if error.kind() != io::ErrorKind::AlreadyExists {
            let _ = std::fs::remove_file(&part);
        }
        return Err(error);
    }
    // The name itself is durable once its folder is.
    File::open(folder)?.sync_all()
}
