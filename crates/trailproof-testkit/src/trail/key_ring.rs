//! The key that signs in each region at each time.
#![expect(clippy::panic, reason = "too many regions for the pool is a mistake in a test")]
use super::signer::{POOL, Signer, fingerprint};
use crate::world::PublicKey;
use std::collections::BTreeMap;

const DAY: i64 = 86_400;
/// Length of a key's validity, in seconds (exact for 1,598 of 1,598 real keys).
pub const VALIDITY: i64 = 30 * DAY;

/// One key of one region.
#[derive(Clone, Debug)]
pub struct RingKey {
    /// Index in the pool of checked-in keys.
    pub slot: usize,
    /// Start of validity.
    pub from: i64,
    /// The DER bytes that ListPublicKeys returns.
    pub der: Vec<u8>,
    /// The fingerprint that ListPublicKeys returns and digests name.
    pub fingerprint: String,
}

/// All keys by region.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    regions: BTreeMap<String, Vec<RingKey>>,
}

/// The requirements that a ring must meet.
#[derive(Clone, Debug)]
pub struct Demand<'a> {
    /// Every region of every trail.
    pub regions: &'a [String],
    /// The first moment at which something is signed.
    pub from: i64,
    /// The last moment at which something is signed.
    pub until: i64,
    /// Moments at which an extra key becomes valid.
    pub rotations: &'a [i64],
    /// Whether keys are returned as SubjectPublicKeyInfo.
    pub spki: bool,
    /// Whether two regions may share a key, which AWS never does.
    pub reuse: bool,
}

impl KeyRing {
    /// Assigns keys from the pool: regions in order, each with a new key every 18 to 20 days.
    pub fn deal(demand: &Demand<'_>) -> Self {
        let mut ring = Self::default();
        let mut dealt = 0;
        for (region, number) in demand.regions.iter().zip(0i64..) {
            // Ten days earlier, so that short trails are in the middle of a key's validity.
            let mut from = demand.from - 10 * DAY - number * 3607;
            let mut starts = demand.rotations.to_vec();
            while from <= demand.until {
                starts.push(from);
                let days = 18 + (number + i64::try_from(starts.len()).unwrap_or(0)) % 3;
                from += days * DAY;
            }
            starts.sort_unstable();
            starts.dedup();
            let keys = ring.regions.entry(region.clone()).or_default();
            for from in starts {
                if dealt >= POOL && !demand.reuse {
                    panic!("{POOL} checked-in keys are not enough: allow reuse across regions");
                }
                let slot = dealt % POOL;
                dealt += 1;
                let signer = Signer::pool(slot);
                let der = if demand.spki { &signer.spki } else { &signer.pkcs1 }.clone();
                let fingerprint = fingerprint(&der);
                keys.push(RingKey { slot, from, der, fingerprint });
            }
        }
        ring
    }

    /// Returns the key with which CloudTrail signs at `time`: the newest that is valid then.
    pub fn at(&self, region: &str, time: i64) -> &RingKey {
        self.regions
            .get(region)
            .and_then(|keys| keys.iter().rev().find(|key| key.from <= time))
            .unwrap_or_else(|| panic!("no key for {region} at {time}"))
    }

    /// Returns the ring as ListPublicKeys lists it.
    pub fn listed(&self) -> BTreeMap<String, Vec<PublicKey>> {
        let listed = |key: &RingKey| PublicKey {
            der: key.der.clone(),
            fingerprint: key.fingerprint.clone(),
            valid_from: key.from,
            valid_to: key.from + VALIDITY,
        };
        let keys = |keys: &Vec<RingKey>| keys.iter().map(listed).collect();
        self.regions.iter().map(|(region, ring)| (region.clone(), keys(ring))).collect()
    }
}
