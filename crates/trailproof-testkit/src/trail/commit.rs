//! Signs digests and puts objects into the world.
use super::built::{BuiltChain, BuiltDigest, BuiltLog, BuiltTrail, DigestKind};
use super::digest_json::{sha256, string_to_sign};
use super::gzip;
use super::key_ring::KeyRing;
use super::location::iso;
use super::signer::Signer;
use crate::world::{Bucket, Version};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Signs digest `index` again, over the current content of its chain.
pub(super) fn sign(chain: &mut BuiltChain, index: usize, ring: &KeyRing) {
    let Some(digest) = chain.digests.get_mut(index) else { return };
    let key = ring.at(&chain.id.region, digest.generated.unwrap_or(digest.delivered));
    digest.slot = key.slot;
    digest.fingerprint.clone_from(&key.fingerprint);
    let Some(fields) = chain.fields(index) else { return };
    let json = fields.to_json();
    let previous = fields.previous.as_ref().map(|link| link.signature.as_str());
    let text = string_to_sign(&fields.end, &fields.bucket, &fields.key, &json, previous);
    let signature = Signer::pool(key.slot).sign(text.as_bytes(), chain.sign_with);
    if let Some(digest) = chain.digests.get_mut(index) {
        digest.hash = sha256(&json);
        digest.json = Bytes::from(json);
        digest.signature = hex::encode(signature);
    }
}

/// Creates the object of a digest as CloudTrail delivers it.
pub(super) fn digest_version(digest: &BuiltDigest) -> Version {
    let mut metadata = BTreeMap::from([
        ("signature".to_owned(), digest.signature.clone()),
        ("signature-algorithm".to_owned(), "SHA256withRSA".to_owned()),
    ]);
    if let (DigestKind::Backfill, Some(generated)) = (digest.kind, digest.generated) {
        metadata.insert("backfill-generation-timestamp".to_owned(), iso(generated));
    }
    Version { metadata, ..version(gzip::member(&digest.json), digest.delivered) }
}

/// Creates an object as CloudTrail delivers it, without metadata and version id.
pub(super) fn version(body: impl Into<Bytes>, last_modified: i64) -> Version {
    Version {
        version_id: String::new(),
        body: body.into(),
        metadata: BTreeMap::new(),
        content_type: "application/json".to_owned(),
        content_encoding: Some("gzip".to_owned()),
        storage_class: "STANDARD".to_owned(),
        last_modified,
        delete_marker: false,
        headers: Vec::new(),
    }
}

/// Puts a version into a bucket, on top of the older ones if versions are kept.
pub(super) fn put(bucket: &mut Bucket, versioned: bool, key: &str, mut version: Version) {
    let older = bucket.objects.get(key).map_or(0, Vec::len);
    let mut id = sha256(format!("{key}#{older}").as_bytes());
    id.truncate(32);
    version.version_id = if versioned { id } else { "null".to_owned() };
    if !versioned {
        bucket.objects.remove(key);
    }
    bucket.put(key, version);
}

impl BuiltTrail {
    /// Returns the object that a plain GET reads.
    pub fn current(&self, bucket: &str, key: &str) -> Option<&Version> {
        self.world.buckets.get(bucket)?.current(key)
    }

    /// Puts `version`, as a writer with access to the bucket would.
    pub fn put(&mut self, bucket: &str, key: &str, version: Version) {
        let versioned = self.versioned.contains(bucket);
        if let Some(bucket) = self.world.buckets.get_mut(bucket) {
            put(bucket, versioned, key, version);
        }
    }

    /// Sends these headers with each read of every version that is there now, as S3 does for
    /// objects with such encryption, lock or replication.
    pub fn set_headers(&mut self, headers: &[(&str, &str)]) {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        for bucket in self.world.buckets.values_mut() {
            for version in bucket.objects.values_mut().flatten() {
                version.headers.clone_from(&headers);
            }
        }
    }

    /// Deletes an object, as a writer with access to the bucket would: leaves a delete marker if
    /// versions are kept. Returns whether there was an object.
    pub fn delete(&mut self, bucket: &str, key: &str) -> bool {
        let Some(current) = self.current(bucket, key) else { return false };
        let deleted = current.last_modified + 86_400;
        self.delete_at(bucket, key, deleted)
    }

    /// Deletes an object at a time, in seconds since the epoch, like [`Self::delete`].
    pub fn delete_at(&mut self, bucket: &str, key: &str, deleted: i64) -> bool {
        if self.current(bucket, key).is_none() {
            return false;
        }
        if self.versioned.contains(bucket) {
            let marker = Version { delete_marker: true, ..version(Vec::new(), deleted) };
            self.put(bucket, key, marker);
        } else if let Some(bucket) = self.world.buckets.get_mut(bucket) {
            bucket.objects.remove(key);
        }
        true
    }

    /// Signs digest `index` of a chain and all that link to it, directly or not, and delivers them
    /// in place of what is there: only the holder of AWS's keys can do this.
    pub(super) fn sign_from(&mut self, chain: usize, index: usize) {
        let mut changed = Vec::new();
        if let Some(built) = self.chains.get_mut(chain) {
            let mut again = vec![false; built.digests.len()];
            for at in index..built.digests.len() {
                let previous = built.digests.get(at).and_then(|digest| digest.previous);
                let linked = previous.and_then(|before| again.get(before)) == Some(&true);
                if at == index || linked {
                    sign(built, at, &self.ring);
                    again.get_mut(at).into_iter().for_each(|again| *again = true);
                    changed.extend(built.digests.get(at).map(|digest| {
                        (digest.bucket.clone(), digest.key.clone(), digest_version(digest))
                    }));
                }
            }
        }
        for (bucket, key, version) in changed {
            // CloudTrail wrote it this way in the first place: no older version remains.
            if let Some(objects) = self.world.buckets.get_mut(&bucket) {
                objects.objects.remove(&key);
            }
            self.put(&bucket, &key, version);
        }
    }

    /// Returns the log file `log` of a digest.
    pub(super) fn log(&self, chain: usize, digest: usize, log: usize) -> Option<&BuiltLog> {
        self.chains.get(chain)?.digests.get(digest)?.logs.get(log)
    }
}
