//! Real AWS keys, digests and signatures, read from outside of this tree.
//!
//! If they are absent, these tests print that and pass. `.ci/run` requires them where the folder
//! exists and fails if they were skipped.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use trailproof_core::bytes::content::read_whole;
use trailproof_core::digest::document::DigestClaim;
use trailproof_core::digest::signing::{KeyRing, PublicKey};
use trailproof_core::vocab::key_layout::DigestKey;

/// Returns the folder of real data, or `None` after printing that there is none.
fn real_data() -> Option<PathBuf> {
    let at = std::env::var_os("TRAILPROOF_REALDATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/realdata"),
        PathBuf::from,
    );
    if at.is_dir() {
        return Some(at);
    }
    println!("skipped: no real data at `{}`", at.display());
    assert!(std::env::var_os("TRAILPROOF_REQUIRE_REALDATA").is_none(), "real data is required");
    None
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

/// Collects every key record of a JSON document, with the region that contains it, if any.
fn records(value: &Value, region: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) if fields.contains_key("Fingerprint") => {
            found.push((region.to_owned(), value.clone()));
        }
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            let region = if name.contains('-') { name } else { region };
            records(value, region, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| records(item, region, found)),
        _ => {}
    }
}

fn keys(path: PathBuf) -> Vec<(String, PublicKey)> {
    let mut found = Vec::new();
    records(&json(path), "", &mut found);
    found
        .into_iter()
        .map(|(region, record)| {
            let der = STANDARD.decode(text(&record, "Value")).unwrap();
            (region, PublicKey::new(text(&record, "Fingerprint"), &der))
        })
        .collect()
}

#[test]
fn every_real_key_parses_and_its_fingerprint_agrees() {
    let Some(at) = real_data() else { return };
    let listed = keys(at.join("list_public_keys_by_region.json"));
    let documented = keys(at.join("docs_public_keys.json"));
    assert_eq!((listed.len(), documented.len()), (1_594, 4));
    let mut region_of = BTreeMap::new();
    for (region, key) in listed.iter().chain(&documented) {
        assert!(key.is_readable(), "{}", key.fingerprint());
        assert!(key.fingerprint_is_exact(), "{}", key.fingerprint());
        if let Some(other) = region_of.insert(key.fingerprint().to_owned(), region) {
            assert_eq!(other, region, "one fingerprint in two regions");
        }
    }
    // One of the documented keys is a SubjectPublicKeyInfo, the only form that names the algorithm,
    // as an OID.
    let rsa_oid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let spki = |key: &PublicKey| key.der().windows(rsa_oid.len()).any(|part| part == rsa_oid);
    assert_eq!(documented.iter().filter(|(_, key)| spki(key)).count(), 1);
}

#[test]
fn every_real_digest_parses() {
    let Some(at) = real_data() else { return };
    let mut logs = Vec::new();
    for entry in fs::read_dir(at.join("digests")).unwrap() {
        let path = entry.unwrap().path();
        let stored = fs::read(&path).unwrap();
        let mut inflated = Vec::new();
        let content = read_whole(&stored, 1 << 24, Some(&mut inflated)).unwrap();
        let claim = DigestClaim::parse(&content, &inflated).unwrap();
        // Both spellings of slashes, `/` and `\/`, give the same key, which is a digest key.
        let key = DigestKey::parse(&claim.location.key).unwrap();
        assert_eq!(key.build(), claim.location.key);
        assert_eq!(key.end.to_string(), claim.end_text);
        assert!(claim.string_to_sign().starts_with(&claim.end_text));
        let document: Value = serde_json::from_slice(&inflated).unwrap();
        logs.push(document["logFiles"].as_array().unwrap().len());
    }
    logs.sort_unstable();
    assert_eq!(logs.len(), 3);
    assert!(logs.contains(&12) && logs.contains(&33), "{logs:?}");
}

/// The hash was extracted from the signature. This shows that keys and RSA are right, but nothing
/// about how the string to sign is built.
#[test]
fn every_real_signature_opens_unless_one_bit_is_changed() {
    let Some(at) = real_data() else { return };
    let mut ring = KeyRing::default();
    for name in ["list_public_keys_by_region.json", "docs_public_keys.json"] {
        keys(at.join(name)).into_iter().for_each(|(_, key)| ring.add(key));
    }
    let document = json(at.join("vectors.json"));
    let vectors = document.as_array().unwrap();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        check_vector(vector, &ring);
    }
}

fn check_vector(vector: &Value, ring: &KeyRing) {
    let key = ring.get(text(vector, "fingerprint")).expect("its key must be among the real ones");
    assert_eq!(key.der(), STANDARD.decode(text(vector, "key_value_b64")).unwrap());
    let hash: [u8; 32] =
        hex::decode(text(vector, "signing_string_sha256")).unwrap().try_into().unwrap();
    let signature = hex::decode(text(vector, "signature_hex")).unwrap();
    assert!(key.verifies_hash(&hash, &signature));
    for bit in 0..256 {
        let mut changed = hash;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!key.verifies_hash(&changed, &signature), "bit {bit} of the hash");
    }
    for bit in 0..signature.len() * 8 {
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!key.verifies_hash(&hash, &changed), "bit {bit} of the signature");
    }
}
