//! S3 and CloudTrail as sources, over the loopback server: the class of each fault, and that faults
//! within the budget stay invisible.
mod faults;
mod objects;
mod regions;
mod trails;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::Credentials;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use trailproof::aws::config::AwsConfig;
use trailproof::source::layer::count::{Counted, Counts};
use trailproof::source::layer::limit::{InFlight, Limited};
use trailproof::source::layer::retry::Retrying;
use trailproof::source::layer::retry_policy::RetryPolicy;
use trailproof::source::s3::{S3Source, Timeouts};
use trailproof::source::{
    ListPage, ListRequest, ObjectMetadata, ObjectSource, ReadError, ReadFrom,
};
use trailproof::trust::cloudtrail::CloudTrail;
use trailproof::trust::{KeyService, TrailService, TrailStatusRecord};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;
use trailproof_testkit::server::{
    AccessRules, Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::world::{Bucket, PublicKey, Trail, TrailStatus, Version, World};

const BUCKET: &str = "evidence";
const ARN: &str = "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit";
/// Keys that attackers could choose, in ascending byte order.
const ODD_KEYS: [&str; 9] = [
    "/odd/leading",
    "odd/\u{1}\u{1b}[31m\r\n",
    "odd/ a+b%2B&=?#;",
    "odd/../x/./y",
    "odd//double/",
    "odd/<script>\"'",
    "odd/\u{202e}ü日\u{1f600}",
    "odd\\back",
    "~",
];

fn version(body: impl Into<Bytes>) -> Version {
    Version {
        version_id: "v1".to_owned(),
        body: body.into(),
        metadata: BTreeMap::from([("signature".to_owned(), "abcd".to_owned())]),
        content_type: "application/json".to_owned(),
        content_encoding: Some("gzip".to_owned()),
        storage_class: "STANDARD".to_owned(),
        last_modified: 1_600_000_000,
        delete_marker: false,
        headers: Vec::new(),
    }
}

/// Returns 200 KB in which every offset is recognisable.
fn long_body() -> Bytes {
    (0..50_000_u32).flat_map(u32::to_be_bytes).collect::<Vec<u8>>().into()
}

fn world() -> World {
    let mut bucket = Bucket::new("eu-west-1");
    for folder in ["a", "b", "c"] {
        for number in 1..=3 {
            bucket.put(&format!("{folder}/{number}"), version(format!("{folder}{number}")));
        }
    }
    bucket.put("a/long", version(long_body()));
    bucket.put("a/empty", version(""));
    for key in ODD_KEYS {
        bucket.put(key, version(key));
    }
    World { buckets: BTreeMap::from([(BUCKET.to_owned(), bucket)]), ..World::default() }
}

fn serve(options: ServerOptions) -> LoopbackServer {
    LoopbackServer::start(world(), options).unwrap()
}

fn serve_faults(faults: FaultPlan) -> LoopbackServer {
    serve(ServerOptions { faults, ..ServerOptions::default() })
}

fn config(server: &LoopbackServer, region: Option<&'static str>) -> AwsConfig {
    let keys = Credentials::new("AKID", "secret", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(trailproof::aws::http::client(None))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .endpoint_url(server.endpoint())
        .region(region.map(Region::new));
    AwsConfig::from_sdk(sdk.build())
}

fn brief() -> Timeouts {
    let limit = Duration::from_millis(400);
    Timeouts { connect: limit, first_byte: limit, chunk: limit }
}

fn s3(server: &LoopbackServer) -> S3Source {
    S3Source::new(&config(server, Some("us-east-1")), brief())
}

fn retrying(server: &LoopbackServer) -> (Retrying<Limited<Counted<S3Source>>>, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let counted = Counted::new(s3(server), counts.clone());
    (Retrying::new(Limited::new(counted, InFlight::Fixed(4)), RetryPolicy::at_once(5)), counts)
}

fn at(key: &str) -> ObjectLocation {
    ObjectLocation::new(BUCKET, key)
}

async fn read_from(
    source: &dyn ObjectSource,
    key: &str,
    from: &ReadFrom,
) -> Result<(ObjectMetadata, Vec<u8>), ReadError> {
    let mut reader = source.open(&at(key), from).await?;
    let mut all = Vec::new();
    while let Some(bytes) = reader.chunk().await.map_err(ReadError::Failure)? {
        assert!(!bytes.is_empty());
        all.extend_from_slice(&bytes);
    }
    Ok((reader.metadata().clone(), all))
}

async fn read(source: &dyn ObjectSource, key: &str) -> Result<Vec<u8>, ReadError> {
    Ok(read_from(source, key, &ReadFrom::default()).await?.1)
}

async fn failure(source: &dyn ObjectSource, key: &str) -> ReadFailure {
    match read(source, key).await {
        Err(ReadError::Failure(failure)) => failure,
        other => panic!("{:?}", other.map(|body| body.len())),
    }
}

/// Returns all pages joined, and their number.
async fn list(
    source: &dyn ObjectSource,
    mut request: ListRequest,
) -> Result<(ListPage, usize), ReadFailure> {
    let mut all = ListPage::default();
    for pages in 1..1000 {
        let page = source.list(&request).await?;
        all.objects.extend(page.objects);
        all.folders.extend(page.folders);
        if page.next.is_none() {
            return Ok((all, pages));
        }
        request.continuation = page.next;
    }
    panic!("the listing must end")
}

fn keys(page: &ListPage) -> Vec<&str> {
    page.objects.iter().map(|object| object.key.as_str()).collect()
}
