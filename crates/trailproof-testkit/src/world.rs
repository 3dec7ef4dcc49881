//! The world that the loopback server serves: buckets with their objects, trails, keys.
//!
//! Plain data without behaviour. The trail builder makes worlds, the server answers from them.
use bytes::Bytes;
use std::collections::BTreeMap;

/// Everything one loopback server knows.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Buckets by name.
    pub buckets: BTreeMap<String, Bucket>,
    /// Trails, as DescribeTrails and GetTrail tell them.
    pub trails: Vec<Trail>,
    /// Public keys by region, as ListPublicKeys tells them.
    pub public_keys: BTreeMap<String, Vec<PublicKey>>,
    /// The organization that DescribeOrganization answers with, if there is one.
    pub organization_id: Option<String>,
    /// The organization's accounts, as ListAccounts tells them.
    pub accounts: Vec<Member>,
}

/// An account of an organization.
#[derive(Clone, Debug)]
pub struct Member {
    /// Twelve digits.
    pub id: String,
    /// `ACTIVE`, `SUSPENDED`, `CLOSED`, …
    pub state: String,
    /// When it joined, in seconds since 1970.
    pub joined: i64,
}

/// One bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The region it lies in, as GetBucketLocation and HeadBucket tell it.
    pub region: String,
    /// Versions by key, the newest last. A key whose newest version is a delete marker is absent.
    pub objects: BTreeMap<String, Vec<Version>>,
}

/// One version of one object.
#[derive(Clone, Debug)]
pub struct Version {
    /// Version id, opaque.
    pub version_id: String,
    /// Bytes as stored.
    pub body: Bytes,
    /// User metadata without the `x-amz-meta-` prefix.
    pub metadata: BTreeMap<String, String>,
    /// Content-Type.
    pub content_type: String,
    /// Content-Encoding, where the object carries one.
    pub content_encoding: Option<String>,
    /// Storage class, `STANDARD` unless told otherwise. `GLACIER` and `DEEP_ARCHIVE` are archived.
    pub storage_class: String,
    /// Last-Modified, in seconds since the Unix epoch.
    pub last_modified: i64,
    /// Whether this version is a delete marker.
    pub delete_marker: bool,
}

/// One trail.
#[derive(Clone, Debug)]
pub struct Trail {
    /// ARN; its region is the home region.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Bucket it delivers into.
    pub bucket: String,
    /// Key prefix, without a slash at the end.
    pub prefix: Option<String>,
    /// Whether it delivers from every region.
    pub multi_region: bool,
    /// Whether it is an organization's trail.
    pub organization: bool,
    /// Whether log file validation is on.
    pub validates: bool,
    /// Answers of GetTrailStatus by region of the request.
    pub status: BTreeMap<String, TrailStatus>,
}

/// What GetTrailStatus answers in one region. Times in seconds since the Unix epoch.
#[derive(Clone, Debug, Default)]
pub struct TrailStatus {
    /// IsLogging.
    pub is_logging: bool,
    /// LatestDigestDeliveryTime.
    pub latest_digest_delivery: Option<i64>,
    /// LatestDigestDeliveryError.
    pub latest_digest_error: Option<String>,
    /// LatestDeliveryTime.
    pub latest_delivery: Option<i64>,
}

/// One public key, as ListPublicKeys tells it.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// DER bytes (PKCS#1 or SubjectPublicKeyInfo).
    pub der: Vec<u8>,
    /// Fingerprint: lowercase hex MD5 of `der`, unless a test wants it wrong.
    pub fingerprint: String,
    /// Start of validity, in seconds since the Unix epoch.
    pub valid_from: i64,
    /// End of validity, in seconds since the Unix epoch.
    pub valid_to: i64,
}

impl Bucket {
    /// An empty bucket in `region`.
    pub fn new(region: &str) -> Self {
        Self { region: region.to_owned(), objects: BTreeMap::new() }
    }

    /// Puts `version` on top of the versions of `key`.
    pub fn put(&mut self, key: &str, version: Version) {
        self.objects.entry(key.to_owned()).or_default().push(version);
    }

    /// The version that a plain GET of `key` reads, if there is one.
    pub fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last().filter(|version| !version.delete_marker)
    }
}
