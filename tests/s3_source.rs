//! S3 and CloudTrail as sources, over the loopback server: what each fault becomes, and that faults
//! within the budget are not seen.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::Credentials;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use trailproof::aws::config::AwsConfig;
use trailproof::core::failure::{ReadFailure, ReadFailureKind};
use trailproof::core::location::ObjectLocation;
use trailproof::core::time::Timestamp;
use trailproof::source::count::{Counted, Counts};
use trailproof::source::limit::{InFlight, Limited};
use trailproof::source::retry::Retrying;
use trailproof::source::retry_policy::RetryPolicy;
use trailproof::source::s3::classify::code_and_message;
use trailproof::source::s3::{S3Source, Timeouts};
use trailproof::source::{
    ListPage, ListRequest, ObjectMetadata, ObjectSource, ReadError, ReadFrom,
};
use trailproof::test_support::server::{
    AccessRules, Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof::test_support::world::{Bucket, PublicKey, Trail, TrailStatus, Version, World};
use trailproof::trust::cloudtrail::CloudTrail;
use trailproof::trust::{KeyService, TrailService, TrailStatusRecord};

const BUCKET: &str = "evidence";
const ARN: &str = "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit";
/// Keys as attackers could choose them; ascending by bytes.
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
    }
}

/// 200 KB in which every offset is recognisable.
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
    (Retrying::new(Limited::new(counted, InFlight::Fixed(4)), RetryPolicy::at_once(5), 1), counts)
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

/// All pages joined, and how many there were.
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
    panic!("the listing does not end")
}

fn keys(page: &ListPage) -> Vec<&str> {
    page.objects.iter().map(|object| object.key.as_str()).collect()
}

#[tokio::test]
async fn page_sizes_do_not_matter() {
    for list_page_size in [1, 2, 3, 1000] {
        let server = serve(ServerOptions { list_page_size, ..ServerOptions::default() });
        let source = s3(&server);
        let (all, pages) = list(&source, ListRequest::all(BUCKET, "")).await.unwrap();
        assert_eq!(all.objects.len(), 20);
        assert_eq!(pages, 20_usize.div_ceil(list_page_size));
        assert!(all.objects.is_sorted_by(|one, two| one.key < two.key));
        let long = all.objects.iter().find(|object| object.key == "a/long").unwrap();
        assert_eq!(long.size, 200_000);
        assert!(long.etag.as_ref().is_some_and(|etag| !etag.contains('"')));
        let mut folders = ListRequest::all(BUCKET, "");
        folders.folders = true;
        let (page, _) = list(&source, folders).await.unwrap();
        assert_eq!(page.folders, ["/", "a/", "b/", "c/", "odd/"]);
        assert_eq!(keys(&page), ["odd\\back", "~"]);
        let mut after = ListRequest::all(BUCKET, "b");
        after.start_after = Some("b/1x".to_owned());
        let (page, _) = list(&source, after).await.unwrap();
        assert_eq!(keys(&page), ["b/2", "b/3"]);
    }
}

/// The signature is over these very bytes: keys go in and come out as they are.
#[tokio::test]
async fn odd_keys_are_listed_and_read_byte_for_byte() {
    let server = serve(ServerOptions::default());
    let source = s3(&server);
    let (all, _) = list(&source, ListRequest::all(BUCKET, "")).await.unwrap();
    for key in ODD_KEYS {
        assert!(keys(&all).contains(&key), "{key:?}");
        assert_eq!(read(&source, key).await.unwrap(), key.as_bytes(), "{key:?}");
    }
}

#[tokio::test]
async fn an_object_comes_as_it_is_stored() {
    let server = serve(ServerOptions::default());
    let source = s3(&server);
    let (metadata, body) = read_from(&source, "a/long", &ReadFrom::default()).await.unwrap();
    // `Content-Encoding: gzip` is not undone: these bytes are no gzip at all.
    assert_eq!(body, long_body());
    assert_eq!(metadata.size, Some(200_000));
    assert_eq!(metadata.user.get("signature").unwrap(), "abcd");
    assert_eq!(read(&source, "a/empty").await.unwrap(), b"");
    let from = ReadFrom { offset: 199_996, if_etag: metadata.etag.clone() };
    let (part, body) = read_from(&source, "a/long", &from).await.unwrap();
    assert_eq!(body, 49_999_u32.to_be_bytes());
    assert_eq!(part.size, Some(200_000));
    let from = ReadFrom { offset: 4, if_etag: Some("another".to_owned()) };
    let Err(ReadError::Failure(changed)) = read_from(&source, "a/long", &from).await else {
        panic!()
    };
    assert_eq!(changed.kind, ReadFailureKind::ChangedWhileReading);
}

#[tokio::test]
async fn names_of_metadata_are_lower_case_whatever_the_store_does() {
    let plan = FaultPlan::new().with(Matcher::any(), Schedule::always(Fault::MetadataInOtherCase));
    let server = serve_faults(plan);
    let source = s3(&server);
    let (metadata, _) = read_from(&source, "a/1", &ReadFrom::default()).await.unwrap();
    assert_eq!(metadata.user.get("signature").unwrap(), "abcd");
}

/// One source, not retried: what each fault of a GET is.
#[tokio::test]
async fn each_fault_has_its_class() {
    use ReadFailureKind as Kind;
    let html = Fault::Answer {
        status: 404,
        content_type: "text/html".to_owned(),
        body: "<html>not here</html>".to_owned(),
    };
    let rows = [
        (Fault::AccessDenied, Kind::Denied),
        (Fault::ForbiddenWithoutBody, Kind::Denied),
        (Fault::ExpiredToken, Kind::Denied),
        (Fault::KmsDenied, Kind::KmsDenied),
        (Fault::KmsDisabled, Kind::KmsDenied),
        (Fault::SlowDown, Kind::Throttled),
        (Fault::InternalError, Kind::Network),
        (Fault::NoSuchBucket, Kind::NoSuchBucket),
        (Fault::NotFoundWithoutBody, Kind::Network),
        (html, Kind::Network),
        (Fault::Archived, Kind::Archived),
        (Fault::Reset, Kind::Network),
        (Fault::HangUp, Kind::Network),
        (Fault::BodyCut { after: 1000 }, Kind::Truncated),
        (Fault::BodyReset { after: 1000 }, Kind::Network),
        (Fault::WrongContentLength(7), Kind::Truncated),
        (Fault::StallBeforeHeaders(Duration::from_secs(5)), Kind::Timeout),
        (Fault::StallInBody { after: 10, time: Duration::from_secs(5) }, Kind::Timeout),
    ];
    for (fault, kind) in rows {
        let shown = format!("{fault:?}");
        let plan = FaultPlan::new().with(Matcher::get("a/long"), Schedule::always(fault));
        let server = serve_faults(plan);
        let failure = failure(&s3(&server), "a/long").await;
        assert_eq!((failure.kind, failure.attempts), (kind, 1), "{shown}: {failure}");
        assert!(!failure.detail.is_empty(), "{shown}");
    }
}

#[tokio::test]
async fn missing_is_only_what_s3_says_is() {
    let server = serve(ServerOptions::default());
    let source = s3(&server);
    assert_eq!(read(&source, "a/none").await, Err(ReadError::Missing));
    let access = AccessRules { no_list_bucket: true, ..AccessRules::default() };
    let server = serve(ServerOptions { access, ..ServerOptions::default() });
    let source = s3(&server);
    let denied = failure(&source, "a/none").await;
    assert_eq!(denied.kind, ReadFailureKind::Denied);
    assert!(denied.detail.contains("absent keys"), "{denied}");
    assert!(denied.request_id.is_some());
    let denied = source.list(&ListRequest::all(BUCKET, "")).await.unwrap_err();
    assert_eq!(denied.kind, ReadFailureKind::Denied);
}

/// The AWS CLI's words for this case can be made from the failure.
#[tokio::test]
async fn a_bucket_that_is_not_there() {
    let server = serve(ServerOptions::default());
    let source = s3(&server);
    for _ in 0..2 {
        let gone = source.list(&ListRequest::all("no-such-bucket", "")).await.unwrap_err();
        assert_eq!(gone.kind, ReadFailureKind::NoSuchBucket);
        assert_eq!(
            code_and_message(&gone),
            Some(("NoSuchBucket", "The specified bucket does not exist"))
        );
    }
}

#[tokio::test]
async fn faults_within_the_budget_are_not_seen_and_attempts_are_exact() {
    for fault in [
        Fault::Reset,
        Fault::SlowDown,
        Fault::InternalError,
        Fault::BodyCut { after: 30_000 },
        Fault::BodyReset { after: 30_000 },
        Fault::StallInBody { after: 10, time: Duration::from_secs(5) },
        Fault::NotFoundWithoutBody,
    ] {
        let shown = format!("{fault:?}");
        for faulty in [1, 4] {
            let plan = FaultPlan::new()
                .with(Matcher::get("a/long"), Schedule::first(faulty, fault.clone()));
            let server = serve_faults(plan);
            let (source, counts) = retrying(&server);
            let body = read(&source, "a/long").await.unwrap();
            assert!(body == long_body(), "{shown}");
            let attempts = u64::try_from(faulty).unwrap() + 1;
            assert_eq!(server.requests().of(Operation::GetObject), attempts, "{shown}");
            assert_eq!(counts.now().gets, attempts);
            assert_eq!(counts.now().in_flight, 0);
        }
        let plan = FaultPlan::new().with(Matcher::get("a/long"), Schedule::always(fault));
        let server = serve_faults(plan);
        let (source, _) = retrying(&server);
        assert_eq!(failure(&source, "a/long").await.attempts, 5, "{shown}");
        assert_eq!(server.requests().of(Operation::GetObject), 5, "{shown}");
    }
}

#[tokio::test]
async fn a_body_is_gone_on_with_from_the_byte_reached() {
    let plan = FaultPlan::new()
        .with(Matcher::get("a/long"), Schedule::first(2, Fault::BodyCut { after: 60_000 }));
    let server = serve(ServerOptions { faults: plan, log_requests: true, ..Default::default() });
    let (source, counts) = retrying(&server);
    assert!(read(&source, "a/long").await.unwrap() == long_body());
    let ranges: Vec<_> = server
        .log()
        .into_iter()
        .filter(|request| request.operation == Operation::GetObject)
        .map(|request| request.range)
        .collect();
    assert_eq!(ranges.len(), 3);
    assert_eq!(ranges[0], None);
    assert!(ranges[1].as_ref().is_some_and(|range| range.ends_with('-')), "{ranges:?}");
    assert_eq!(counts.now().bytes, 200_000);
}

#[tokio::test]
async fn a_store_that_ignores_ranges_is_read_all_the_same() {
    let plan = FaultPlan::new()
        .with(Matcher::get("a/long"), Schedule::on(1, Fault::BodyReset { after: 99_999 }))
        .with(Matcher::get("a/long"), Schedule::from(2, Fault::RangeIgnored));
    let server = serve_faults(plan);
    let (source, _) = retrying(&server);
    assert!(read(&source, "a/long").await.unwrap() == long_body());
}

#[tokio::test]
async fn an_object_that_is_replaced_in_mid_body_is_not_joined() {
    let plan = FaultPlan::new()
        .with(Matcher::get("a/long"), Schedule::on(1, Fault::BodyCut { after: 1000 }))
        .with(Matcher::get("a/long"), Schedule::from(2, Fault::EtagChanged));
    let server = serve_faults(plan);
    let (source, _) = retrying(&server);
    let changed = failure(&source, "a/long").await;
    assert_eq!(changed.kind, ReadFailureKind::ChangedWhileReading);
    assert_eq!(changed.attempts, 2);
}

/// Buckets of other regions are found, and a redirect is followed once and remembered.
#[tokio::test]
async fn the_region_is_found_once_for_each_bucket() {
    let options = ServerOptions { enforce_bucket_region: true, ..ServerOptions::default() };
    let server = serve(options);
    let source = Arc::new(s3(&server));
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { read(source.as_ref(), "a/1").await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap(), b"a1");
    }
    assert_eq!(source.bucket_region(BUCKET).await.unwrap().as_str(), "eu-west-1");
    assert_eq!(server.requests().of(Operation::HeadBucket), 1);
}

#[tokio::test]
async fn a_refused_head_is_followed_by_the_location() {
    let plan = FaultPlan::new().with(
        Matcher::operation(Operation::HeadBucket),
        Schedule::always(Fault::Answer {
            status: 403,
            content_type: "application/xml".to_owned(),
            body: String::new(),
        }),
    );
    let server = serve_faults(plan);
    assert_eq!(s3(&server).bucket_region(BUCKET).await.unwrap().as_str(), "eu-west-1");
    let plan = FaultPlan::new()
        .with(
            Matcher::operation(Operation::HeadBucket),
            Schedule::always(Fault::ForbiddenWithoutBody),
        )
        .with(
            Matcher::operation(Operation::GetBucketLocation),
            Schedule::always(Fault::AccessDenied),
        );
    let server = serve_faults(plan);
    let region = s3(&server).bucket_region(BUCKET).await.unwrap();
    assert!(["us-east-1", "eu-west-1"].contains(&region.as_str()));
    assert_eq!(read(&s3(&server), "a/1").await.unwrap(), b"a1");
}

#[tokio::test]
async fn a_redirect_is_followed_once() {
    let redirect = Fault::PermanentRedirect { region: "ap-south-1".to_owned() };
    let plan = FaultPlan::new().with(Matcher::get("a/1"), Schedule::on(1, redirect.clone()));
    let server = serve_faults(plan);
    let source = s3(&server);
    assert_eq!(read(&source, "a/1").await.unwrap(), b"a1");
    assert_eq!(source.bucket_region(BUCKET).await.unwrap().as_str(), "ap-south-1");
    let plan = FaultPlan::new().with(Matcher::get("a/1"), Schedule::always(redirect));
    let server = serve_faults(plan);
    assert_eq!(failure(&s3(&server), "a/1").await.kind, ReadFailureKind::Network);
    assert_eq!(server.requests().of(Operation::GetObject), 2);
}

/// A proxy's page, a broken document: a listing is evidence, so it is taken whole or not at all.
#[tokio::test]
async fn garbage_for_a_listing_is_a_failure() {
    for body in [
        "",
        "<html></html>",
        "<ListBucketResult></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>2</KeyCount>\
         <Contents><Key>a</Key><Size>1</Size></Contents>",
        "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message>\
         </Error>",
    ] {
        let answer = Fault::Answer {
            status: 200,
            content_type: "application/xml".to_owned(),
            body: body.to_owned(),
        };
        let plan = FaultPlan::new()
            .with(Matcher::operation(Operation::ListObjectsV2), Schedule::always(answer));
        let server = serve_faults(plan);
        let failure = s3(&server).list(&ListRequest::all(BUCKET, "")).await.unwrap_err();
        assert_eq!(failure.kind, ReadFailureKind::Network, "{body}: {failure}");
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = serve(ServerOptions::default());
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(server.endpoint())
        .region(Region::new("us-east-1"))
        .build();
    let config = AwsConfig::from_sdk(sdk);
    let words = r#"Unable to locate credentials. You can configure credentials by running "aws configure"."#;
    assert_eq!(config.check_credentials().await.unwrap_err().to_string(), words);
    let failure = failure(&S3Source::new(&config, brief()), "a/1").await;
    assert_eq!((failure.kind, failure.detail.as_str()), (ReadFailureKind::Denied, words));
    let error = CloudTrail::new(&config).trail(&ARN.parse().unwrap()).await.unwrap_err();
    assert!(error.no_credentials);
    assert_eq!(error.to_string(), words);
    assert_eq!(server.requests().total, 0);
}

/// One byte in an object's metadata, which whoever may write objects can put there, must not make
/// the object unreadable.
#[tokio::test]
async fn headers_that_are_not_utf8_do_no_harm() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let read = stream.read(&mut [0; 8192]).unwrap();
            assert!(read > 0);
            let answer = b"HTTP/1.1 200 OK\r\nx-amz-bucket-region: eu-west-1\r\n\
                x-amz-meta-signature: abcd\r\nx-amz-meta-spoilt: \xff\xfe\r\n\
                cache-control: \xff\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).unwrap();
        }
    });
    let keys = Credentials::new("AKID", "secret", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"));
    let source = S3Source::new(&AwsConfig::from_sdk(sdk.build()), brief());
    let (metadata, body) = read_from(&source, "k", &ReadFrom::default()).await.unwrap();
    assert_eq!(body, b"");
    assert_eq!(metadata.user.get("signature").unwrap(), "abcd");
}

fn public_key(name: u8) -> PublicKey {
    let fingerprint = format!("{name:032x}");
    PublicKey { der: vec![name; 16], fingerprint, valid_from: 1_000, valid_to: 5_000 }
}

fn trails_world() -> World {
    let trail = |arn: &str, organization| Trail {
        arn: arn.to_owned(),
        name: "audit".to_owned(),
        bucket: BUCKET.to_owned(),
        prefix: Some("p".to_owned()),
        multi_region: true,
        organization,
        status: BTreeMap::from([(
            "eu-west-1".to_owned(),
            TrailStatus {
                is_logging: true,
                latest_digest_delivery: Some(1_700_000_000),
                latest_digest_error: Some("AccessDenied".to_owned()),
                latest_delivery: None,
            },
        )]),
    };
    World {
        trails: vec![
            trail("arn:aws:cloudtrail:us-east-1:123456789012:trail/other", false),
            trail(ARN, true),
        ],
        public_keys: BTreeMap::from([
            ("us-east-1".to_owned(), (0..7).map(public_key).collect()),
            ("eu-west-1".to_owned(), vec![public_key(99)]),
        ]),
        organization_id: Some("o-a1b2c3d4e5".to_owned()),
        ..world()
    }
}

#[tokio::test]
async fn keys_come_of_every_page_and_of_the_region_asked_for() {
    let options = ServerOptions { key_page_size: 2, ..ServerOptions::default() };
    let server = LoopbackServer::start(trails_world(), options).unwrap();
    let service = CloudTrail::new(&config(&server, Some("us-east-1")));
    let (from, to) = (Timestamp::from_unix(2_000), Timestamp::from_unix(3_000));
    let keys = service.keys(None, from, to).await.unwrap();
    assert_eq!(keys.len(), 7);
    assert_eq!(keys[6].der, [6; 16]);
    assert_eq!(keys[6].valid_from, Some(Timestamp::from_unix(1_000)));
    let ireland = "eu-west-1".parse().unwrap();
    let keys = service.keys(Some(&ireland), from, to).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].fingerprint, format!("{:032x}", 99));
}

#[tokio::test]
async fn trails_their_status_and_the_organization() {
    let server = LoopbackServer::start(trails_world(), ServerOptions::default()).unwrap();
    let service = CloudTrail::new(&config(&server, Some("us-east-1")));
    let arn = ARN.parse().unwrap();
    let trail = service.trail(&arn).await.unwrap().unwrap();
    assert_eq!((trail.arn.as_str(), trail.bucket.as_str()), (ARN, BUCKET));
    assert!(trail.organization && trail.multi_region);
    let unknown = "arn:aws:cloudtrail:us-east-1:123456789012:trail/none".parse().unwrap();
    assert_eq!(service.trail(&unknown).await.unwrap(), None);
    assert_eq!(service.organization().await.unwrap().as_str(), "o-a1b2c3d4e5");
    let ireland = "eu-west-1".parse().unwrap();
    assert_eq!(
        service.status(&arn, Some(&ireland)).await.unwrap(),
        TrailStatusRecord {
            is_logging: true,
            latest_digest_delivery: Some(Timestamp::from_unix(1_700_000_000)),
            latest_digest_error: Some("AccessDenied".to_owned()),
        }
    );
}

#[tokio::test]
async fn refusals_of_services_read_as_the_aws_cli_has_them() {
    let server = LoopbackServer::start(trails_world(), ServerOptions::default()).unwrap();
    server.replace_faults(FaultPlan::new().with(
        Matcher::operation(Operation::ListPublicKeys),
        Schedule::always(Fault::AccessDenied),
    ));
    let service = CloudTrail::new(&config(&server, Some("us-east-1")));
    let at = Timestamp::from_unix(2_000);
    let error = service.keys(None, at, at).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("AccessDeniedException"));
    assert!(
        error.to_string().starts_with(
            "An error occurred (AccessDeniedException) when calling the ListPublicKeys operation: "
        ),
        "{error}"
    );
    let homeless = CloudTrail::new(&config(&server, None));
    assert_eq!(
        homeless.keys(None, at, at).await.unwrap_err().to_string(),
        r#"You must specify a region. You can also configure your region by running "aws configure"."#
    );
    let gone = config(&server, Some("us-east-1"));
    drop(server);
    let error = CloudTrail::new(&gone).with_attempts(1).keys(None, at, at).await.unwrap_err();
    assert_eq!(error.code, None);
    assert!(!error.no_credentials);
}
