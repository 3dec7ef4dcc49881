//! What is wrong, odd or wanting in a bundle.
use super::coverage::{Stretch, joined, left_out};
use super::document::Bundle;
use crate::trust::KeyRecord;
use std::collections::BTreeMap;
use trailproof_core::digest::signing::{PublicKey, signed_in};
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::excerpt;
use trailproof_core::vocab::time::DAY;

/// What a real key is valid for.
const VALID: i64 = 30 * DAY;

/// What was found out about a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Keys that can be used.
    pub keys: usize,
    /// What makes a key unusable, or the bundle one to ask for again.
    pub wrong: Vec<String>,
    /// What is unlike CloudTrail's own keys and may be right all the same.
    pub odd: Vec<String>,
    /// By region.
    pub regions: BTreeMap<Region, CheckedRegion>,
    /// The largest number of keys that are valid at once.
    pub overlap: usize,
}

/// What a bundle has of one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedRegion {
    /// Keys, usable or not.
    pub keys: usize,
    /// Times of which all keys are there: a digest that ends then and names another is accused.
    pub covered: Vec<Stretch>,
    /// What that leaves out, from the first validity or time asked for to the last.
    pub open: Vec<Stretch>,
}

/// Checks every key, and what the bundle leaves out.
pub fn check(bundle: &Bundle) -> Checked {
    let mut checked = Checked { wrong: bundle.unusable.clone(), ..Checked::default() };
    if bundle.cut {
        checked.wrong.push("an answer has a `NextToken`: it is not all of it".to_owned());
    }
    let mut region_of: BTreeMap<&str, Option<&Region>> = BTreeMap::new();
    let of_regions = bundle.regions.iter().map(|(region, told)| (Some(region), &told.keys));
    for (region, keys) in of_regions.chain([(None, &bundle.of_any_region)]) {
        for key in keys {
            one(key, &mut checked);
            if let Some(other) = region_of.insert(&key.fingerprint, region)
                && other != region
            {
                checked.odd.push(format!("{} stands under two regions", name(key)));
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
        checked.regions.insert(region.clone(), CheckedRegion { keys, covered, open });
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
                checked.odd.push(format!("{name} has {bits} bits; CloudTrail's have 2048"));
            }
            if exponent != [1, 0, 1] {
                let exponent = hex::encode(exponent);
                checked.odd.push(format!("{name} has the exponent 0x{exponent}, not 65537"));
            }
        }
        _ => checked.wrong.push(format!("{name} is no RSA key of 2048 to 8192 bits")),
    }
    if !key.fingerprint_agrees() {
        checked.wrong.push(format!("fingerprint-mismatch: {name} is not the MD5 of its value"));
    }
    match record.valid_from.zip(record.valid_to) {
        None => checked.odd.push(format!("{name} does not tell when it is valid")),
        Some((from, to)) if to.unix() - from.unix() != VALID => {
            checked.odd.push(format!("{name} is valid from {from} to {to}, not for 30 days"));
        }
        Some(_) => {}
    }
}

/// The largest number of keys that are valid at one time; it is reached when one of them begins.
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

/// Bits of the modulus, and the exponent's bytes, of a PKCS#1 key or one in SubjectPublicKeyInfo.
fn rsa(der: &[u8]) -> Option<(usize, &[u8])> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const BIT_STRING: u8 = 0x03;
    let (inner, _) = element(SEQUENCE, der)?;
    if inner.first() == Some(&SEQUENCE) {
        let (_, rest) = element(SEQUENCE, inner)?;
        let (bits, _) = element(BIT_STRING, rest)?;
        return rsa(bits.strip_prefix(&[0])?);
    }
    let (modulus, rest) = element(INTEGER, inner)?;
    let (exponent, _) = element(INTEGER, rest)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let leading = modulus.first()?.leading_zeros();
    let bits = modulus.len() * 8 - usize::try_from(leading).ok()?;
    Some((bits, exponent))
}

/// The content of a DER element of this kind that begins `der`, and what follows it.
fn element(kind: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if first != kind {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => rest.split_first().map(|(one, rest)| (usize::from(*one), rest))?,
        0x82 => {
            let (two, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*two)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
