//! The demo's digests and keys, read from disk: the targets use them as the truth, and the first
//! inputs are made from them.
#![expect(clippy::unwrap_used, reason = "the demo is committed; without it there is no fuzzing")]
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use trailproof_core::bytes::content::read_whole;
use trailproof_core::compat::judge::DigestRead;
use trailproof_core::digest::document::DigestClaim;
use trailproof_core::digest::signing::{KeyRing, PublicKey};
use trailproof_core::vocab::key_layout::DigestKey;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// One digest of the demo, as it is read.
pub(crate) struct Known {
    /// Its parsed key.
    pub(crate) key: DigestKey,
    /// Its location.
    pub(crate) at: ObjectLocation,
    /// The result of reading it.
    pub(crate) read: DigestRead,
    /// Its bytes as stored.
    pub(crate) stored: Vec<u8>,
    /// Its bytes inflated.
    pub(crate) inflated: Vec<u8>,
}

/// The content of the demo.
pub(crate) struct Pool {
    /// The bucket.
    pub(crate) bucket: String,
    /// Digests of both regions.
    pub(crate) digests: Vec<Known>,
    /// All keys in the bucket.
    pub(crate) objects: Vec<String>,
    /// Public keys, as in their records.
    pub(crate) public_keys: Vec<Vec<u8>>,
    /// The same keys in a ring.
    pub(crate) keys: KeyRing,
}

/// Returns `testdata/demo`, as seen from this package or from the fuzzer's.
pub(crate) fn demo() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let at = here.join("testdata/demo");
    if at.is_dir() { at } else { here.join("../testdata/demo") }
}

fn document(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

impl Pool {
    /// Returns the pool, which is read once.
    pub(crate) fn get() -> &'static Self {
        static POOL: OnceLock<Pool> = OnceLock::new();
        POOL.get_or_init(Self::read)
    }

    fn read() -> Self {
        let directory = demo();
        let index = document(&directory.join("trailproof-objects.json"));
        let (bucket, objects) = index.as_object().unwrap().iter().next().unwrap();
        let objects = objects.as_object().unwrap();
        let mut digests = Vec::new();
        for (name, properties) in objects {
            let Some(key) = DigestKey::parse(name) else { continue };
            let stored = fs::read(directory.join(bucket).join(name)).unwrap();
            let mut inflated = Vec::new();
            let content = read_whole(&stored, 1 << 20, Some(&mut inflated)).unwrap();
            let metadata = |name: &str| properties["metadata"][name].as_str().map(str::to_owned);
            let read = DigestRead {
                claim: DigestClaim::parse(&content, &inflated),
                content,
                signature: metadata("signature"),
                signature_algorithm: metadata("signature-algorithm"),
                backfill_generated: metadata("backfill-generation-timestamp"),
            };
            let at = ObjectLocation::new(bucket.clone(), name.clone());
            digests.push(Known { key, at, read, stored, inflated });
        }
        let mut keys = KeyRing::default();
        let mut public_keys = Vec::new();
        for region in document(&directory.join("public-keys.json")).as_object().unwrap().values() {
            for record in region["PublicKeyList"].as_array().unwrap() {
                let der = STANDARD.decode(record["Value"].as_str().unwrap()).unwrap();
                keys.add(PublicKey::new(record["Fingerprint"].as_str().unwrap(), &der));
                public_keys.push(der);
            }
        }
        let objects = objects.keys().cloned().collect();
        Self { bucket: bucket.clone(), digests, objects, public_keys, keys }
    }

    /// Returns the digest at this location.
    pub(crate) fn find(&self, at: &ObjectLocation) -> Option<&Known> {
        self.digests.iter().find(|digest| digest.at == *at)
    }

    /// Lists the keys of one region's digests.
    pub(crate) fn keys_of(&self, region: &str) -> impl Iterator<Item = &DigestKey> {
        let keys = self.digests.iter().map(|digest| &digest.key);
        keys.filter(move |key| key.chain.source_region.as_str() == region)
    }

    /// Returns the ends of the oldest and the newest digest.
    pub(crate) fn span(&self) -> (Timestamp, Timestamp) {
        let ends = || self.digests.iter().map(|digest| digest.key.end);
        (ends().min().unwrap(), ends().max().unwrap())
    }
}
