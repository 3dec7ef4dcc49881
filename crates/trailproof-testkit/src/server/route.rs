//! The operation and target of a request.
use super::http::Request;
use super::operation::Operation;
use super::percent;

/// The operation and target of a request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    /// The bucket; for operations that have none, the region of the request.
    pub(super) bucket: String,
    /// The key; for listings the prefix; for operations on a trail its name as requested.
    pub(super) key: String,
    /// Everything else that distinguishes requests that are not attempts at the same one: the start
    /// of a page, the version to read, the body of a control-plane request.
    pub(super) page: String,
    /// The region that the request was signed for.
    pub(super) region: String,
}

/// Parameters that distinguish the pages of a listing.
const PAGE_PARAMETERS: [&str; 6] =
    ["marker", "start-after", "continuation-token", "key-marker", "version-id-marker", "delimiter"];

/// Query parameters that name a subresource of a bucket or an object.
pub(super) const SETTINGS: [&str; 24] = [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "retention",
    "tagging",
    "torrent",
    "uploads",
    "versioning",
];

/// Returns the operation and target of `request`, or `None` if its path is not UTF-8.
pub(super) fn route(request: &Request, default_region: &str) -> Option<Call> {
    let region = request.region().unwrap_or(default_region).to_owned();
    if request.target.is_some() || (request.method == "POST" && request.path == "/") {
        return Some(control_plane(request, region));
    }
    let path = request.path.strip_prefix('/').unwrap_or(&request.path);
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let bucket = percent::decode(bucket)?.into_owned();
    let key = percent::decode(key)?.into_owned();
    let operation = s3_operation(request, &bucket, &key);
    let (key, page) = match operation {
        _ if operation.is_listing() => (
            request.query("prefix").unwrap_or_default().to_owned(),
            PAGE_PARAMETERS.map(|name| request.query(name).unwrap_or_default()).join("\n"),
        ),
        Operation::GetSetting => {
            (key, request.first_query_of(&SETTINGS).unwrap_or_default().to_owned())
        }
        _ => (key, request.query("versionId").unwrap_or_default().to_owned()),
    };
    Some(Call { operation, bucket, key, page, region })
}

fn s3_operation(request: &Request, bucket: &str, key: &str) -> Operation {
    let setting = request.first_query_of(&SETTINGS).is_some();
    match (request.method.as_str(), bucket.is_empty(), key.is_empty()) {
        ("GET", true, true) => Operation::ListBuckets,
        ("HEAD", false, true) => Operation::HeadBucket,
        ("HEAD", false, false) => Operation::HeadObject,
        ("GET", false, _) if setting => Operation::GetSetting,
        ("GET", false, false) => Operation::GetObject,
        ("PUT", false, false) if !setting => Operation::PutObject,
        ("GET", false, true) if request.query("location").is_some() => Operation::GetBucketLocation,
        ("GET", false, true) if request.query("versions").is_some() => {
            Operation::ListObjectVersions
        }
        ("GET", false, true) if request.query("list-type") == Some("2") => Operation::ListObjectsV2,
        ("GET", false, true) => Operation::ListObjects,
        _ => Operation::Unknown,
    }
}

fn control_plane(request: &Request, region: String) -> Call {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let operation = match request.target.as_deref() {
        // The AWS CLI writes `com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.X` and the
        // Rust SDK `CloudTrail_20131101.X`; both have the same ending.
        Some(target) => Operation::of_target(target.rsplit('.').next().unwrap_or_default()),
        None if percent::query_parameters(&body)
            .contains(&("Action".to_owned(), "GetCallerIdentity".to_owned())) =>
        {
            Operation::GetCallerIdentity
        }
        None => Operation::Unknown,
    };
    let name = request.target.as_deref().and_then(|it| it.rsplit('.').next()).unwrap_or_default();
    let key = match operation {
        Operation::GetConfiguration => format!("{name} {}", configured_target(&body)),
        Operation::GetTrail | Operation::GetTrailStatus => {
            serde_json::from_str::<serde_json::Value>(&body)
                .ok()
                .and_then(|body| Some(body.get("Name")?.as_str()?.to_owned()))
                .unwrap_or_default()
        }
        _ => String::new(),
    };
    Call { operation, bucket: region.clone(), key, page: body, region }
}

/// Returns what a request about configuration is about, and the page that it asks for; empty if it names
/// nothing.
fn configured_target(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let fields = ["KeyId", "TrailName", "ChildId", "TargetId", "PolicyId", "ServicePrincipal"];
    let named = fields.iter().find_map(|name| body.get(name)?.as_str()).unwrap_or_default();
    match body.get("NextToken").and_then(serde_json::Value::as_str) {
        Some(page) => format!("{named} {page}"),
        None => named.to_owned(),
    }
}

impl Call {
    /// Returns the key under which a world configures the answer.
    pub(super) fn configured(&self) -> String {
        match self.operation {
            Operation::GetConfiguration => self.key.clone(),
            Operation::GetTrailStatus => format!("GetTrailStatus {}", self.region),
            other => format!("{other:?} "),
        }
    }

    /// Returns a number that is the same for all attempts at this request, and for no other
    /// request.
    pub(super) fn identity(&self) -> u64 {
        let operation = format!("{:?}", self.operation);
        mix(0, &[&operation, &self.bucket, &self.key, &self.page])
    }
}

/// Mixes `seed` and `parts` into a number that looks random and depends on nothing else: 64-bit
/// FNV-1a, followed by the finalizer of SplitMix64, whose low bits are random enough to use
/// directly.
pub(super) fn mix(seed: u64, parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ seed;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
