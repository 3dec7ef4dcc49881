//! Errors, oddities and gaps in a bundle.
use super::coverage::{Stretch, joined, left_out};
use super::document::Bundle;
use crate::trust::KeyRecord;
use der::Decode as _;
use pkcs1::RsaPublicKey;
use pkcs8::SubjectPublicKeyInfoRef;
use std::collections::BTreeMap;
use trailproof_core::digest::signing::{PublicKey, signed_in};
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::excerpt;
use trailproof_core::vocab::time::DAY;

/// How long a real key is valid, in seconds.
const VALID: i64 = 30 * DAY;

/// The result of checking a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The number of usable keys.
    pub keys: usize,
    /// Errors: unusable keys, or a bundle that has to be fetched again.
    pub wrong: Vec<String>,
    /// Oddities: properties that CloudTrail's own keys do not have, which may still be right.
    pub odd: Vec<String>,
    /// The results by region.
    pub regions: BTreeMap<Region, CheckedRegion>,
    /// The largest number of keys that are valid at the same time.
    pub overlap: usize,
}

/// The keys that a bundle has for one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedRegion {
    /// The number of keys, usable or not.
    pub keys: usize,
    /// Times for which all keys are in the bundle. A digest that ends in them and names a missing
    /// key is contradicted.
    pub covered: Vec<Stretch>,
    /// Times without all keys, between the first and the last validity or requested time.
    pub open: Vec<Stretch>,
    /// Times at which any of the usable keys is valid. In other times nothing can be proven, even if
    /// the bundle has all keys of them: CloudTrail signs at any time.
    pub signed: Vec<Stretch>,
}

/// Checks every key, and finds the times that the bundle does not cover.
pub fn check(bundle: &Bundle) -> Checked {
    let mut checked = Checked { wrong: bundle.unusable.clone(), ..Checked::default() };
    if bundle.cut {
        checked
            .wrong
            .push("a response has a `NextToken`: the keys of the next page are missing".to_owned());
    }
    let mut region_of: BTreeMap<&str, Option<&Region>> = BTreeMap::new();
    let of_regions = bundle.regions.iter().map(|(region, told)| (Some(region), &told.keys));
    for (region, keys) in of_regions.chain([(None, &bundle.of_any_region)]) {
        for key in keys {
            one(key, &mut checked);
            if let Some(other) = region_of.insert(&key.fingerprint, region)
                && other != region
            {
                checked.odd.push(format!("{} is listed under two regions", name(key)));
            }
        }
        checked.overlap = checked.overlap.max(most_at_once(keys));
    }
    for (region, told) in &bundle.regions {
        let ends = told.keys.iter().filter_map(|key| key.valid_from.zip(key.valid_to));
        let ends: Vec<Stretch> = ends.chain(told.covered.iter().copied()).collect();
        let from = ends.iter().map(|(from, _)| *from).min();
        let to = ends.iter().map(|(_, to)| *to).max();
        let covered = joined(signed_in(&told.covered).into_iter().chain(told.all_since).collect());
        let open = from.zip(to).map(|span| left_out(&covered, span)).unwrap_or_default();
        let keys = told.keys.len();
        let usable = told.keys.iter().filter(|key| rsa(&key.der).is_some());
        let signed = joined(usable.filter_map(|key| key.valid_from.zip(key.valid_to)).collect());
        checked.regions.insert(region.clone(), CheckedRegion { keys, covered, open, signed });
    }
    checked
}

fn name(key: &KeyRecord) -> String {
    format!("key `{}`", excerpt(&key.fingerprint, 64))
}

fn one(record: &KeyRecord, checked: &mut Checked) {
    let key = PublicKey::new(record.fingerprint.clone(), &record.der);
    let name = name(record);
    match rsa(&record.der) {
        Some((bits, exponent)) if key.is_readable() => {
            checked.keys += 1;
            if bits != 2_048 {
                checked.odd.push(format!("{name} has {bits} bits; CloudTrail keys have 2048"));
            }
            if exponent != [1, 0, 1] {
                let exponent = hex::encode(exponent);
                checked.odd.push(format!("{name} has the exponent 0x{exponent}, not 65537"));
            }
        }
        _ => checked.wrong.push(format!("{name} is not an RSA key of 2048 to 8192 bits")),
    }
    if !key.fingerprint_is_exact() {
        checked.wrong.push(format!(
            "fingerprint-mismatch: {name} has a fingerprint that is not the MD5 of its value"
        ));
    }
    match record.valid_from.zip(record.valid_to) {
        None => checked.odd.push(format!("{name} has no validity period")),
        Some((from, to)) if to.unix() - from.unix() != VALID => {
            checked.odd.push(format!("{name} is valid from {from} to {to}, not for 30 days"));
        }
        Some(_) => {}
    }
}

/// Returns the largest number of keys that are valid at the same time. It is reached when one of
/// them becomes valid.
fn most_at_once(keys: &[KeyRecord]) -> usize {
    let valid: Vec<Stretch> =
        keys.iter().filter_map(|key| key.valid_from.zip(key.valid_to)).collect();
    let mut turns: Vec<(i64, i64)> = Vec::new();
    for (from, to) in valid {
        turns.push((from.unix(), 1));
        turns.push((to.unix().saturating_add(1), -1));
    }
    turns.sort_unstable();
    let mut now = 0_i64;
    let mut most = 0;
    for (_, turn) in turns {
        now += turn;
        most = most.max(now);
    }
    usize::try_from(most).unwrap_or(0)
}

/// Returns the bits of the modulus and the bytes of the exponent of a PKCS#1 key, or of one in
/// SubjectPublicKeyInfo.
fn rsa(der: &[u8]) -> Option<(usize, &[u8])> {
    let inner = match SubjectPublicKeyInfoRef::from_der(der) {
        Ok(info) => info.subject_public_key.as_bytes()?,
        Err(_) => der,
    };
    let key = RsaPublicKey::from_der(inner).ok()?;
    let modulus = key.modulus.as_bytes();
    let leading = modulus.first()?.leading_zeros();
    let bits = modulus.len() * 8 - usize::try_from(leading).ok()?;
    Some((bits, key.public_exponent.as_bytes()))
}
