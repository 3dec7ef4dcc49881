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
        covered: known_from(keys, requested).into_iter().collect(),
        all_since: None,
    };
    bundle_text(&keys.iter().map(|(region, keys)| (region.clone(), of(keys))).collect())
}

/// Returns the part of the requested span for which these keys are certainly all: all of it if one of
/// them was valid at its beginning already. Otherwise it begins where the first of them ends. AWS
/// does not document for how long it returns old keys, so keys that ended before that may be missing.
/// Either way, no digest is called contradicted because its key is too old to be listed.
fn known_from(keys: &[KeyRecord], (from, to): Stretch) -> Option<Stretch> {
    let valid = || keys.iter().filter_map(|key| key.valid_from.zip(key.valid_to));
    let first_end = valid().map(|(_, to)| to).min();
    let begins = match first_end {
        Some(first_end) if valid().all(|(start, _)| start > from) => first_end,
        _ => from,
    };
    (begins <= to).then_some((begins, to))
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

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::vocab::time::{DAY, Timestamp};

    fn day(number: i64) -> Timestamp {
        Timestamp::from_unix(number * DAY)
    }

    /// Whichever old keys AWS leaves out, by their beginning or by their end: no time is called
    /// complete that lacks a key.
    #[test]
    fn a_history_that_begins_late_is_complete_only_where_no_key_can_be_missing() {
        let all: Vec<i64> = (0..20).map(|number| number * 19).collect();
        for oldest in 0..200 {
            for by_end in [false, true] {
                let kept = |start: &i64| *start + if by_end { 30 } else { 0 } >= oldest;
                let key = |start: i64| KeyRecord {
                    fingerprint: String::new(),
                    der: Vec::new(),
                    valid_from: Some(day(start)),
                    valid_to: Some(day(start + 30)),
                };
                let keys: Vec<KeyRecord> = all.iter().copied().filter(kept).map(key).collect();
                let missing = all.iter().filter(|start| !kept(start)).map(|start| start + 30);
                let missing_to = missing.max().unwrap_or(-1);
                let (from, to) = known_from(&keys, (day(-100), day(400))).unwrap();
                assert!(day(missing_to) < from, "{oldest} {by_end}");
                assert_eq!(to, day(400));
            }
        }
        // A key that was valid at the beginning shows that the list reaches back to it.
        let key = |start, end| KeyRecord {
            fingerprint: String::new(),
            der: Vec::new(),
            valid_from: Some(day(start)),
            valid_to: Some(day(end)),
        };
        let span = (day(10), day(90));
        assert_eq!(known_from(&[key(0, 30), key(19, 49)], span), Some(span));
        assert_eq!(known_from(&[], span), Some(span), "no key, so nothing is contradicted");
        assert_eq!(known_from(&[key(80, 110)], span), None);
    }
}
