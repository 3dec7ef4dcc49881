//! The world that the loopback server serves: buckets with their objects, trails, keys.
//!
//! Plain data without behaviour. The trail builder creates worlds, the server serves them.
use bytes::Bytes;
use std::collections::BTreeMap;

/// Everything that one loopback server serves.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Buckets by name.
    pub buckets: BTreeMap<String, Bucket>,
    /// Trails, as DescribeTrails and GetTrail return them.
    pub trails: Vec<Trail>,
    /// Public keys by region, as ListPublicKeys returns them.
    pub public_keys: BTreeMap<String, Vec<PublicKey>>,
    /// The organization that DescribeOrganization returns, if there is one.
    pub organization_id: Option<String>,
    /// The organization's accounts, as ListAccounts returns them.
    pub accounts: Vec<Member>,
    /// Event history by region, as LookupEvents returns it: events in JSON, the newest first.
    pub history: BTreeMap<String, Vec<String>>,
    /// Answers of operations of CloudTrail, KMS and Organizations about configuration, in JSON, by
    /// `OPERATION TARGET`; the target of GetTrailStatus is the region of the request. They take precedence
    /// over what the other fields give. Without one, the operation answers as for something that is not
    /// there.
    pub configuration: BTreeMap<String, String>,
}

/// An account of an organization.
#[derive(Clone, Debug)]
pub struct Member {
    /// Account id: twelve digits.
    pub id: String,
    /// Name; empty for none.
    pub name: String,
    /// `ACTIVE`, `SUSPENDED`, `CLOSED`, …
    pub state: String,
    /// When it joined, in seconds since the Unix epoch.
    pub joined: i64,
}

/// One bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Region of the bucket, as GetBucketLocation and HeadBucket return it.
    pub region: String,
    /// Versions by key, the newest last. A key whose newest version is a delete marker is absent.
    pub objects: BTreeMap<String, Vec<Version>>,
    /// Answers of GETs of subresources, such as `encryption`, as S3 writes them: XML, or JSON for `policy`.
    pub settings: BTreeMap<String, String>,
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
    /// Content-Encoding, if the object has one.
    pub content_encoding: Option<String>,
    /// Storage class, usually `STANDARD`. `GLACIER` and `DEEP_ARCHIVE` are archived.
    pub storage_class: String,
    /// Last-Modified, in seconds since the Unix epoch.
    pub last_modified: i64,
    /// Whether this version is a delete marker.
    pub delete_marker: bool,
    /// Further headers that S3 sends with each read of it: encryption, lock, replication.
    pub headers: Vec<(String, String)>,
}

/// One trail.
#[derive(Clone, Debug)]
pub struct Trail {
    /// ARN; its region is the home region.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Bucket to which it delivers.
    pub bucket: String,
    /// Key prefix, without a trailing slash.
    pub prefix: Option<String>,
    /// Whether it delivers from every region.
    pub multi_region: bool,
    /// Whether it is an organization's trail.
    pub organization: bool,
    /// Whether log file validation is on.
    pub validates: bool,
    /// Responses of GetTrailStatus by region of the request.
    pub status: BTreeMap<String, TrailStatus>,
}

/// The response of GetTrailStatus in one region. Times are in seconds since the Unix epoch.
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

/// One public key, as ListPublicKeys returns it.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// DER bytes (PKCS#1 or SubjectPublicKeyInfo).
    pub der: Vec<u8>,
    /// Fingerprint: lowercase hex MD5 of `der`, unless a test sets it wrong.
    pub fingerprint: String,
    /// Start of validity, in seconds since the Unix epoch.
    pub valid_from: i64,
    /// End of validity, in seconds since the Unix epoch.
    pub valid_to: i64,
}

impl Bucket {
    /// Creates an empty bucket in `region`.
    pub fn new(region: &str) -> Self {
        Self { region: region.to_owned(), objects: BTreeMap::new(), settings: BTreeMap::new() }
    }

    /// Puts `version` on top of the versions of `key`.
    pub fn put(&mut self, key: &str, version: Version) {
        self.objects.entry(key.to_owned()).or_default().push(version);
    }

    /// Returns the version that a plain GET of `key` reads, if there is one.
    pub fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last().filter(|version| !version.delete_marker)
    }
}
