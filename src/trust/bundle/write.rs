//! Writes a bundle in trailproof's own format.
use super::coverage::Stretch;
use super::document::{FORMAT, RegionKeys, SCHEMA};
use crate::trust::KeyRecord;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use trailproof_core::vocab::ids::Region;

/// Returns the document of the keys that were obtained for `requested`.
pub fn fetched(keys: &BTreeMap<Region, Vec<KeyRecord>>, requested: Stretch) -> String {
    let of = |keys: &Vec<KeyRecord>| RegionKeys {
        keys: keys.clone(),
        covered: vec![requested],
        all_since: None,
    };
    bundle_text(&keys.iter().map(|(region, keys)| (region.clone(), of(keys))).collect())
}

/// Returns the document of these keys and of the stretches for which they are complete.
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
