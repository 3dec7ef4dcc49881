//! The loopback server against the genuine AWS clients, and against raw TCP where those are too polite.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use aws_sdk_cloudtrail::error::ProvideErrorMetadata;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use trailproof::test_support::server::{
    AccessRules, Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Operation, Schedule,
    ServerOptions, Throttling,
};
use trailproof::test_support::world::{Bucket, PublicKey, Trail, TrailStatus, Version, World};

const ARN: &str = "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit";
const BUCKET: &str = "evidence";
/// A key as an attacker could choose it.
const ODD_KEY: &str = "odd/../<script>&\u{1b}[31m %2e+ü\u{1}";

fn version(body: &str) -> Version {
    Version {
        version_id: String::new(),
        body: Bytes::from(body.to_owned()),
        metadata: BTreeMap::from([("signature".to_owned(), "abcd".to_owned())]),
        content_type: "application/json".to_owned(),
        content_encoding: Some("gzip".to_owned()),
        storage_class: "STANDARD".to_owned(),
        last_modified: 1_600_000_000,
        delete_marker: false,
    }
}

fn with_id(id: &str, body: &str) -> Version {
    Version { version_id: id.to_owned(), ..version(body) }
}

fn marker(id: &str) -> Version {
    Version { delete_marker: true, ..with_id(id, "") }
}

/// Folders `a` to `c` of three keys each, an odd key, and nothing else.
fn world() -> World {
    let mut bucket = Bucket::new("eu-west-1");
    for folder in ["a", "b", "c"] {
        for number in 1..=3 {
            bucket.put(&format!("{folder}/{number}"), version(&format!("{folder}{number}")));
        }
    }
    bucket.put(ODD_KEY, version("odd"));
    World { buckets: BTreeMap::from([(BUCKET.to_owned(), bucket)]), ..World::default() }
}

fn serve(options: ServerOptions) -> LoopbackServer {
    LoopbackServer::start(world(), options).unwrap()
}

fn serve_faults(faults: FaultPlan) -> LoopbackServer {
    serve(ServerOptions { faults, ..ServerOptions::default() })
}

fn s3_with_retries(server: &LoopbackServer, attempts: u32) -> aws_sdk_s3::Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(attempts)
        .with_initial_backoff(Duration::from_millis(1));
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .region(Region::new("eu-west-1"))
        .endpoint_url(server.endpoint())
        .force_path_style(true)
        .retry_config(retries)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

fn s3(server: &LoopbackServer) -> aws_sdk_s3::Client {
    s3_with_retries(server, 1)
}

fn cloudtrail(server: &LoopbackServer, region: &'static str) -> aws_sdk_cloudtrail::Client {
    let config = aws_sdk_cloudtrail::Config::builder()
        .behavior_version(aws_sdk_cloudtrail::config::BehaviorVersion::latest())
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .region(aws_sdk_cloudtrail::config::Region::new(region))
        .endpoint_url(server.endpoint())
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_cloudtrail::Client::from_conf(config)
}

async fn get(
    client: &aws_sdk_s3::Client,
    key: &str,
) -> Result<GetObjectOutput, SdkError<GetObjectError>> {
    client.get_object().bucket(BUCKET).key(key).send().await
}

async fn body(output: GetObjectOutput) -> Vec<u8> {
    output.body.collect().await.unwrap().to_vec()
}

async fn get_body(client: &aws_sdk_s3::Client, key: &str) -> Vec<u8> {
    body(get(client, key).await.unwrap()).await
}

/// Status and error code of a refused GET.
fn refusal(error: &SdkError<GetObjectError>) -> (u16, Option<&str>) {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.code())
}

async fn refusal_of(fault: Fault) -> (u16, Option<String>) {
    let server = serve_faults(FaultPlan::new().with(Matcher::get("a/1"), Schedule::always(fault)));
    let error = get(&s3(&server), "a/1").await.unwrap_err();
    let (status, code) = refusal(&error);
    (status, code.map(str::to_owned))
}

/// Sends bytes as they are, and reads until the server closes.
fn raw(server: &LoopbackServer, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

// ---- objects

#[tokio::test]
async fn an_object_comes_as_it_was_put() {
    let server = serve(ServerOptions::default());
    let output = get(&s3(&server), "a/1").await.unwrap();
    assert_eq!(output.e_tag(), Some("\"8a8bb7cd343aa2ad99b7d762030857a2\""));
    assert_eq!(output.content_encoding(), Some("gzip"));
    assert_eq!(output.content_type(), Some("application/json"));
    assert_eq!(output.content_length(), Some(2));
    assert_eq!(output.last_modified().map(DateTime::secs), Some(1_600_000_000));
    assert_eq!(output.metadata().unwrap().get("signature").map(String::as_str), Some("abcd"));
    assert_eq!(output.version_id(), None);
    assert_eq!(body(output).await, b"a1");
    let head = s3(&server).head_object().bucket(BUCKET).key("a/1").send().await.unwrap();
    assert_eq!(head.content_length(), Some(2));
    assert_eq!(head.metadata().unwrap().get("signature").map(String::as_str), Some("abcd"));
}

// Keys are opaque: dots, escapes and percent signs in them are neither resolved nor decoded.
#[tokio::test]
async fn an_odd_key_is_listed_and_read() {
    let server = serve(ServerOptions::default());
    let client = s3(&server);
    let page = client.list_objects_v2().bucket(BUCKET).prefix("odd").send().await.unwrap();
    assert_eq!(page.contents().first().unwrap().key(), Some(ODD_KEY));
    assert_eq!(get_body(&client, ODD_KEY).await, b"odd");
}

#[tokio::test]
async fn ranges_and_conditions_hold() {
    let server = serve(ServerOptions::default());
    server.alter_world(|world| {
        world.buckets.get_mut(BUCKET).unwrap().put("long", version("0123456789"));
    });
    let client = s3(&server);
    let request = || client.get_object().bucket(BUCKET).key("long");
    for (range, part, told) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
    ] {
        let output = request().range(range).send().await.unwrap();
        assert_eq!(output.content_range(), Some(told));
        assert_eq!(body(output).await, part.as_bytes());
    }
    let error = request().range("bytes=10-").send().await.unwrap_err();
    assert_eq!(refusal(&error), (416, Some("InvalidRange")));
    let etag = request().send().await.unwrap().e_tag().unwrap().to_owned();
    assert!(request().if_match(&etag).send().await.is_ok());
    let error = request().if_match("\"other\"").send().await.unwrap_err();
    assert_eq!(refusal(&error), (412, Some("PreconditionFailed")));
    let error = request().if_none_match(&etag).send().await.unwrap_err();
    assert_eq!(refusal(&error).0, 304);
}

#[tokio::test]
async fn what_is_absent_is_told_apart() {
    let server = serve(ServerOptions::default());
    let client = s3(&server);
    let error = get(&client, "a/9").await.unwrap_err();
    assert_eq!(refusal(&error), (404, Some("NoSuchKey")));
    let other = client.get_object().bucket("elsewhere").key("a/1").send().await.unwrap_err();
    assert_eq!(refusal(&other), (404, Some("NoSuchBucket")));
    let version = client.get_object().bucket(BUCKET).key("a/1").version_id("v9").send().await;
    assert_eq!(refusal(&version.unwrap_err()), (404, Some("NoSuchVersion")));
    let head = client.head_object().bucket(BUCKET).key("a/9").send().await.unwrap_err();
    assert_eq!(head.raw_response().unwrap().status().as_u16(), 404);
    assert_eq!(head.raw_response().unwrap().body().bytes(), Some(&b""[..]));
}

#[tokio::test]
async fn an_archived_object_is_refused() {
    let server = serve(ServerOptions::default());
    server.alter_world(|world| {
        let cold = Version { storage_class: "DEEP_ARCHIVE".to_owned(), ..version("cold") };
        world.buckets.get_mut(BUCKET).unwrap().put("cold", cold);
    });
    let client = s3(&server);
    let error = get(&client, "cold").await.unwrap_err();
    assert_eq!(refusal(&error), (403, Some("InvalidObjectState")));
    let head = client.head_object().bucket(BUCKET).key("cold").send().await.unwrap();
    assert_eq!(head.storage_class().map(|class| class.as_str()), Some("DEEP_ARCHIVE"));
}

#[tokio::test]
async fn a_bucket_tells_its_region() {
    let server = serve(ServerOptions::default());
    let client = s3(&server);
    let head = client.head_bucket().bucket(BUCKET).send().await.unwrap();
    assert_eq!(head.bucket_region(), Some("eu-west-1"));
    let location = client.get_bucket_location().bucket(BUCKET).send().await.unwrap();
    assert_eq!(location.location_constraint().map(|it| it.as_str()), Some("eu-west-1"));
    server.alter_world(|world| {
        world.buckets.insert("classic".to_owned(), Bucket::new("us-east-1"));
    });
    let location = client.get_bucket_location().bucket("classic").send().await.unwrap();
    assert!(location.location_constraint().is_none_or(|it| it.as_str().is_empty()));
    assert!(client.head_bucket().bucket("elsewhere").send().await.is_err());
    let policy = client.get_bucket_policy().bucket(BUCKET).send().await.unwrap_err();
    assert_eq!(policy.code(), Some("NoSuchBucketPolicy"));
    let names = client.list_buckets().send().await.unwrap();
    assert_eq!(names.buckets().len(), 2);
}

#[tokio::test]
async fn a_bucket_of_another_region_redirects_where_asked_to() {
    let server = serve(ServerOptions { enforce_bucket_region: true, ..ServerOptions::default() });
    server.alter_world(|world| {
        world.buckets.get_mut(BUCKET).unwrap().region = "us-west-2".to_owned();
    });
    let error = get(&s3(&server), "a/1").await.unwrap_err();
    assert_eq!(refusal(&error), (301, Some("PermanentRedirect")));
    let headers = error.raw_response().unwrap().headers();
    assert_eq!(headers.get("x-amz-bucket-region"), Some("us-west-2"));
}

// ---- listings

#[tokio::test]
async fn both_listings_page_through_all_keys_at_any_page_size() {
    for list_page_size in [1, 2, 3, 1000] {
        let server = serve(ServerOptions { list_page_size, ..ServerOptions::default() });
        let client = s3(&server);
        let expected: Vec<String> =
            server.world().buckets[BUCKET].objects.keys().cloned().collect();
        let mut second = Vec::new();
        let mut pages = client.list_objects_v2().bucket(BUCKET).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            assert!(page.contents().len() <= list_page_size);
            assert_eq!(page.key_count(), i32::try_from(page.contents().len()).ok());
            second.extend(page.contents().iter().filter_map(|it| it.key().map(str::to_owned)));
        }
        assert_eq!(second, expected);
        let mut first: Vec<String> = Vec::new();
        loop {
            let request = client.list_objects().bucket(BUCKET).set_marker(first.last().cloned());
            let page = request.send().await.unwrap();
            assert_eq!(page.next_marker(), None, "S3 sends it only with a delimiter");
            first.extend(page.contents().iter().filter_map(|it| it.key().map(str::to_owned)));
            if page.is_truncated() == Some(false) {
                break;
            }
        }
        assert_eq!(first, expected);
    }
}

#[tokio::test]
async fn folders_are_rolled_up_over_pages() {
    let server = serve(ServerOptions { list_page_size: 2, ..ServerOptions::default() });
    let client = s3(&server);
    let mut found = Vec::new();
    let mut pages = client.list_objects_v2().bucket(BUCKET).delimiter("/").into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        found.extend(page.common_prefixes().iter().filter_map(|it| it.prefix().map(str::to_owned)));
    }
    assert_eq!(found, ["a/", "b/", "c/", "odd/"]);
    let page = client.list_objects().bucket(BUCKET).delimiter("/").send().await.unwrap();
    assert_eq!(page.next_marker(), Some("b/"));
    let rest = client.list_objects().bucket(BUCKET).delimiter("/").marker("b/").send().await;
    let rest = rest.unwrap();
    let rest: Vec<_> = rest.common_prefixes().iter().filter_map(|it| it.prefix()).collect();
    assert_eq!(rest, ["c/", "odd/"]);
}

#[tokio::test]
async fn a_listing_starts_after_a_name_that_is_no_key() {
    let server = serve(ServerOptions::default());
    let client = s3(&server);
    let page = client.list_objects_v2().bucket(BUCKET).prefix("b/").start_after("b/15").send();
    let page = page.await.unwrap();
    let keys: Vec<_> = page.contents().iter().filter_map(|it| it.key()).collect();
    assert_eq!(keys, ["b/2", "b/3"]);
    let none = client.list_objects_v2().bucket(BUCKET).prefix("b/").start_after("z").send().await;
    assert_eq!(none.unwrap().key_count(), Some(0));
    let all = client.list_objects_v2().bucket(BUCKET).prefix("b/").start_after("a").send().await;
    assert_eq!(all.unwrap().key_count(), Some(3));
}

#[tokio::test]
async fn encoded_listings_decode_to_the_keys() {
    let server = serve(ServerOptions::default());
    let answer = raw(
        &server,
        "GET /evidence?list-type=2&encoding-type=url&prefix=odd HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.contains("<Key>odd/../%3Cscript%3E%26%1B%5B31m+%252e%2B%C3%BC%01</Key>"));
    assert!(answer.contains("<EncodingType>url</EncodingType>"));
}

#[tokio::test]
async fn versions_and_delete_markers_are_listed_newest_first() {
    let server = serve(ServerOptions::default());
    server.alter_world(|world| {
        let bucket = world.buckets.get_mut(BUCKET).unwrap();
        for version in [with_id("v1", "one"), with_id("v2", "two"), marker("v3")] {
            bucket.put("d/gone", version);
        }
        bucket.put("d/kept", with_id("v4", "four"));
    });
    let client = s3(&server);
    let gone = get(&client, "d/gone").await.unwrap_err();
    assert_eq!(refusal(&gone), (404, Some("NoSuchKey")));
    let headers = gone.raw_response().unwrap().headers();
    assert_eq!(headers.get("x-amz-delete-marker"), Some("true"));
    let old = client.get_object().bucket(BUCKET).key("d/gone").version_id("v1").send().await;
    let old = old.unwrap();
    assert_eq!(old.version_id(), Some("v1"));
    assert_eq!(body(old).await, b"one");
    let dead = client.get_object().bucket(BUCKET).key("d/gone").version_id("v3").send().await;
    assert_eq!(refusal(&dead.unwrap_err()), (405, Some("MethodNotAllowed")));
    let listed = client.list_objects_v2().bucket(BUCKET).prefix("d/").send().await.unwrap();
    assert_eq!(listed.contents().len(), 1);

    let expected = [
        ("d/gone".to_owned(), "v3".to_owned(), true),
        ("d/gone".to_owned(), "v2".to_owned(), false),
        ("d/gone".to_owned(), "v1".to_owned(), false),
        ("d/kept".to_owned(), "v4".to_owned(), true),
    ];
    for size in 1..=4 {
        assert_eq!(all_versions(&client, size).await, expected);
    }
}

/// Every version under `d/`, in order, from pages of `size`.
async fn all_versions(client: &aws_sdk_s3::Client, size: i32) -> Vec<(String, String, bool)> {
    let mut rows = Vec::new();
    let (mut key, mut id) = (None, None);
    loop {
        let request = client.list_object_versions().bucket(BUCKET).prefix("d/").max_keys(size);
        let page = request.set_key_marker(key).set_version_id_marker(id).send().await.unwrap();
        let mut on_page = Vec::new();
        for it in page.versions() {
            on_page.push((it.key(), it.version_id(), it.is_latest()));
        }
        for it in page.delete_markers() {
            on_page.push((it.key(), it.version_id(), it.is_latest()));
        }
        let mut on_page: Vec<(String, String, bool)> = on_page
            .into_iter()
            .map(|(key, id, latest)| {
                (key.unwrap().to_owned(), id.unwrap().to_owned(), latest.unwrap())
            })
            .collect();
        // The client puts markers and versions into two lists; ids here fall as versions get older.
        on_page.sort_by(|one, other| one.0.cmp(&other.0).then(other.1.cmp(&one.1)));
        rows.extend(on_page);
        (key, id) = (
            page.next_key_marker().map(str::to_owned),
            page.next_version_id_marker().map(str::to_owned),
        );
        if page.is_truncated() != Some(true) {
            return rows;
        }
    }
}

// ---- faults

#[tokio::test]
async fn refusals_come_in_the_words_of_s3() {
    let told = |status, code: &str| (status, Some(code.to_owned()));
    assert_eq!(refusal_of(Fault::AccessDenied).await, told(403, "AccessDenied"));
    assert_eq!(refusal_of(Fault::KmsDenied).await, told(403, "AccessDenied"));
    assert_eq!(refusal_of(Fault::KmsDisabled).await, told(400, "KMS.DisabledException"));
    assert_eq!(refusal_of(Fault::SlowDown).await, told(503, "SlowDown"));
    assert_eq!(refusal_of(Fault::InternalError).await, told(500, "InternalError"));
    assert_eq!(refusal_of(Fault::NoSuchKey).await, told(404, "NoSuchKey"));
    assert_eq!(refusal_of(Fault::NoSuchBucket).await, told(404, "NoSuchBucket"));
    assert_eq!(refusal_of(Fault::Archived).await, told(403, "InvalidObjectState"));
    assert_eq!(refusal_of(Fault::ExpiredToken).await, told(400, "ExpiredToken"));
    let redirect = Fault::PermanentRedirect { region: "us-west-2".to_owned() };
    assert_eq!(refusal_of(redirect).await, told(301, "PermanentRedirect"));
    // The Rust SDK makes up a code of its own here, which must not be taken for NoSuchKey.
    assert_eq!(refusal_of(Fault::NotFoundWithoutBody).await, told(404, "NotFound"));
    assert_eq!(refusal_of(Fault::ForbiddenWithoutBody).await, (403, None));
    let (content_type, body) = ("text/html".to_owned(), "<html>502".to_owned());
    let garbage = Fault::Answer { status: 502, content_type, body };
    assert_eq!(refusal_of(garbage).await, (502, None));
}

#[tokio::test]
async fn connections_break_as_scripted() {
    for fault in [Fault::Reset, Fault::HangUp] {
        assert_eq!(refusal_of(fault).await, (0, None));
    }
    for fault in
        [Fault::BodyCut { after: 1 }, Fault::BodyReset { after: 1 }, Fault::WrongContentLength(5)]
    {
        let plan = FaultPlan::new().with(Matcher::get("a/1"), Schedule::first(1, fault));
        let server = serve_faults(plan);
        let client = s3(&server);
        let output = get(&client, "a/1").await.unwrap();
        assert!(output.body.collect().await.is_err());
        assert_eq!(get_body(&client, "a/1").await, b"a1");
    }
}

#[tokio::test]
async fn faults_follow_the_attempts_of_each_key() {
    let plan = FaultPlan::new()
        .with(Matcher::get("a/1"), Schedule::first(2, Fault::SlowDown))
        .with(Matcher::get("a/2"), Schedule::on(2, Fault::InternalError))
        .with(Matcher::get("a/3"), Schedule::from(2, Fault::NoSuchKey));
    let server = serve_faults(plan);
    let client = s3_with_retries(&server, 3);
    // Asked at once: what happens to one key does not hang on when the others are asked for.
    let (one, two, three) =
        tokio::join!(get(&client, "a/1"), get(&client, "a/2"), get(&client, "a/3"));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!(get_body(&client, "a/2").await, b"a2");
    let error = get(&client, "a/3").await.unwrap_err();
    assert_eq!(refusal(&error), (404, Some("NoSuchKey")));
    // Three for the first key, one and two for the second, one and one for the third.
    assert_eq!(server.requests().of(Operation::GetObject), 8);
    server.forget();
    assert!(get(&client, "a/3").await.is_ok(), "attempts are counted anew");
}

#[tokio::test]
async fn bodies_and_metadata_change_as_scripted() {
    let always = |fault| FaultPlan::new().with(Matcher::any(), Schedule::always(fault));
    let server = serve_faults(always(Fault::BitFlipped { at: 1 }));
    let client = s3(&server);
    assert_eq!(get_body(&client, "a/1").await, b"a0");
    server.replace_faults(always(Fault::ByteLost { at: 0 }));
    assert_eq!(get_body(&client, "a/1").await, b"1");
    server.replace_faults(always(Fault::MetadataDropped));
    let output = get(&client, "a/1").await.unwrap();
    assert!(output.metadata().is_none_or(|metadata| metadata.is_empty()));
    server.replace_faults(always(Fault::RangeIgnored));
    let request = client.get_object().bucket(BUCKET).key("a/1").range("bytes=1-");
    assert_eq!(body(request.send().await.unwrap()).await, b"a1");
    server.replace_faults(always(Fault::MetadataInOtherCase));
    let answer = raw(&server, "GET /evidence/a/1 HTTP/1.0\r\n\r\n");
    assert!(answer.contains("\r\nX-Amz-Meta-Signature: abcd\r\n"));
}

#[tokio::test]
async fn an_object_that_is_replaced_in_mid_read_fails_the_condition() {
    let plan = FaultPlan::new().with(Matcher::get("a/1"), Schedule::from(2, Fault::EtagChanged));
    let server = serve_faults(plan);
    let client = s3(&server);
    let etag = get(&client, "a/1").await.unwrap().e_tag().unwrap().to_owned();
    let request = client.get_object().bucket(BUCKET).key("a/1").range("bytes=1-").if_match(&etag);
    assert_eq!(refusal(&request.send().await.unwrap_err()), (412, Some("PreconditionFailed")));
    assert_ne!(get(&client, "a/1").await.unwrap().e_tag(), Some(etag.as_str()));
}

#[tokio::test]
async fn stalls_and_trickles_arrive_whole_and_late() {
    let time = Duration::from_millis(60);
    for fault in [
        Fault::StallBeforeHeaders(time),
        Fault::StallInBody { after: 1, time },
        Fault::Trickle(time),
    ] {
        let plan = FaultPlan::new().with(Matcher::get("a/1"), Schedule::always(fault));
        let server = serve_faults(plan);
        let client = s3(&server);
        let started = Instant::now();
        assert_eq!(get_body(&client, "a/1").await, b"a1");
        assert!(started.elapsed() >= time);
    }
}

#[tokio::test]
async fn a_sample_of_keys_is_the_same_every_time() {
    let sample = |seed| {
        let keys = KeyMatcher::Sample { per_mille: 500, seed };
        let plan =
            FaultPlan::new().with(Matcher::any().key(keys), Schedule::always(Fault::SlowDown));
        serve_faults(plan)
    };
    let mut seen = Vec::new();
    for seed in [1, 1, 2] {
        let server = sample(seed);
        let client = s3(&server);
        let mut failed = Vec::new();
        for key in server.world().buckets[BUCKET].objects.keys() {
            failed.push(get(&client, key).await.is_err());
        }
        assert!(failed.contains(&true) && failed.contains(&false));
        seen.push(failed);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}

// ---- access, throttling, latency

#[tokio::test]
async fn access_rules_refuse_as_iam_does() {
    let access = AccessRules {
        denied_get_prefixes: vec!["b/".to_owned()],
        denied_list_prefixes: vec!["c/".to_owned()],
        ..AccessRules::default()
    };
    let server = serve(ServerOptions { access, ..ServerOptions::default() });
    let client = s3(&server);
    let error = get(&client, "b/1").await.unwrap_err();
    assert_eq!(refusal(&error), (403, Some("AccessDenied")));
    assert!(get(&client, "c/1").await.is_ok());
    let list = client.list_objects_v2().bucket(BUCKET).prefix("c/").send().await.unwrap_err();
    assert_eq!(list.code(), Some("AccessDenied"));
    assert!(client.list_objects_v2().bucket(BUCKET).prefix("b/").send().await.is_ok());

    let access = AccessRules { no_list_bucket: true, ..AccessRules::default() };
    let server = serve(ServerOptions { access, ..ServerOptions::default() });
    let client = s3(&server);
    let absent = get(&client, "a/9").await.unwrap_err();
    assert_eq!(refusal(&absent), (403, Some("AccessDenied")));
    assert!(get(&client, "a/1").await.is_ok());
    assert!(client.list_objects_v2().bucket(BUCKET).send().await.is_err());
}

#[tokio::test]
async fn requests_above_the_rate_are_told_to_slow_down() {
    let throttling = Some(Throttling { requests_per_second: 0.001, burst: 2.0 });
    let server = serve(ServerOptions { throttling, ..ServerOptions::default() });
    let client = s3(&server);
    assert!(get(&client, "a/1").await.is_ok());
    assert!(get(&client, "a/2").await.is_ok());
    let error = get(&client, "a/3").await.unwrap_err();
    assert_eq!(refusal(&error), (503, Some("SlowDown")));
    assert_eq!(server.requests().throttled, 1);
}

#[tokio::test]
async fn latency_holds_up_nobody_else() {
    let latency = Duration::from_millis(100);
    let server = serve(ServerOptions { latency, log_requests: true, ..ServerOptions::default() });
    let client = s3(&server);
    let started = Instant::now();
    let tasks: Vec<_> = (0..30)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { get(&client, &format!("a/{}", number % 3 + 1)).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert!(started.elapsed() >= latency && started.elapsed() < latency * 15);
    let requests = server.requests();
    assert_eq!((requests.total, requests.of(Operation::GetObject)), (30, 30));
    assert!(requests.max_in_flight > 1 && requests.connections > 1);
    let mut attempts: Vec<_> = server
        .log()
        .into_iter()
        .filter(|request| request.key == "a/1")
        .map(|request| request.attempt)
        .collect();
    attempts.sort_unstable();
    assert_eq!(attempts, (1..=10).collect::<Vec<_>>());
}

// ---- CloudTrail

/// Keys of 30 days, one every 20 days, in us-east-1; one of another fingerprint in eu-west-1.
fn world_of_trails() -> World {
    const DAY: i64 = 86_400;
    let key = |index: i64| PublicKey {
        der: vec![0x30, u8::try_from(index).unwrap()],
        fingerprint: format!("{index:032x}"),
        valid_from: index * 20 * DAY,
        valid_to: (index * 20 + 30) * DAY,
    };
    let status = TrailStatus {
        is_logging: true,
        latest_digest_delivery: Some(1_600_000_000),
        latest_digest_error: Some("AccessDenied".to_owned()),
        latest_delivery: Some(1_600_000_300),
    };
    let trail = |arn: &str, multi_region| Trail {
        arn: arn.to_owned(),
        name: arn.rsplit('/').next().unwrap().to_owned(),
        bucket: BUCKET.to_owned(),
        prefix: Some("logs".to_owned()),
        multi_region,
        organization: false,
        status: BTreeMap::from([("us-east-1".to_owned(), status.clone())]),
    };
    World {
        trails: vec![
            trail(ARN, true),
            trail("arn:aws:cloudtrail:eu-west-1:123456789012:trail/local", false),
        ],
        public_keys: BTreeMap::from([
            ("us-east-1".to_owned(), (0..7).map(key).collect()),
            ("eu-west-1".to_owned(), vec![key(99)]),
        ]),
        ..World::default()
    }
}

async fn fingerprints(client: &aws_sdk_cloudtrail::Client, from: i64, to: i64) -> Vec<String> {
    let mut found = Vec::new();
    let mut pages = client
        .list_public_keys()
        .start_time(DateTime::from_secs(from))
        .end_time(DateTime::from_secs(to))
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        for key in page.unwrap().public_key_list() {
            assert_eq!(key.value().unwrap().as_ref().first(), Some(&0x30));
            assert!(key.validity_start_time() < key.validity_end_time());
            found.push(key.fingerprint().unwrap().trim_start_matches('0').to_owned());
        }
    }
    found
}

#[tokio::test]
async fn public_keys_come_by_region_and_time_over_pages() {
    const DAY: i64 = 86_400;
    for key_page_size in [1, 2, 50] {
        let options = ServerOptions { key_page_size, ..ServerOptions::default() };
        let server = LoopbackServer::start(world_of_trails(), options).unwrap();
        let east = cloudtrail(&server, "us-east-1");
        assert_eq!(fingerprints(&east, 35 * DAY, 65 * DAY).await, ["1", "2", "3"]);
        assert_eq!(fingerprints(&east, 55 * DAY, 55 * DAY).await, ["2"]);
        assert_eq!(fingerprints(&east, 900 * DAY, 901 * DAY).await, [""; 0]);
        let west = cloudtrail(&server, "eu-west-1");
        assert_eq!(fingerprints(&west, 0, 9000 * DAY).await, ["63"]);
        let nowhere = cloudtrail(&server, "sa-east-1");
        assert_eq!(fingerprints(&nowhere, 0, 9000 * DAY).await, [""; 0]);
    }
}

#[tokio::test]
async fn wrong_requests_for_keys_are_refused() {
    let server = LoopbackServer::start(world_of_trails(), ServerOptions::default()).unwrap();
    let client = cloudtrail(&server, "us-east-1");
    let request = client.list_public_keys();
    let times = request.start_time(DateTime::from_secs(9)).end_time(DateTime::from_secs(8));
    let error = times.send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidTimeRangeException"));
    let error = client.list_public_keys().next_token("!").send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidTokenException"));
}

#[tokio::test]
async fn trails_are_described_where_they_are_visible() {
    let server = LoopbackServer::start(world_of_trails(), ServerOptions::default()).unwrap();
    let names = async |region, name: Option<&str>| {
        let client = cloudtrail(&server, region);
        let request = client.describe_trails().set_trail_name_list(name.map(|it| vec![it.into()]));
        let answer = request.send().await.unwrap();
        answer
            .trail_list()
            .iter()
            .map(|trail| format!("{}@{}", trail.name().unwrap(), trail.home_region().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("us-east-1", None).await, ["audit@us-east-1"]);
    assert_eq!(names("eu-west-1", None).await, ["audit@us-east-1", "local@eu-west-1"]);
    assert_eq!(names("ap-south-1", Some(ARN)).await, ["audit@us-east-1"]);
    assert_eq!(names("us-east-1", Some("local")).await, [""; 0]);
    let trail = cloudtrail(&server, "us-east-1").get_trail().name("audit").send().await.unwrap();
    let trail = trail.trail().unwrap();
    assert_eq!((trail.trail_arn(), trail.s3_key_prefix()), (Some(ARN), Some("logs")));
    assert_eq!(trail.is_multi_region_trail(), Some(true));
}

#[tokio::test]
async fn trail_status_is_told_by_region() {
    let server = LoopbackServer::start(world_of_trails(), ServerOptions::default()).unwrap();
    let status = async |region| {
        cloudtrail(&server, region).get_trail_status().name(ARN).send().await.unwrap()
    };
    let home = status("us-east-1").await;
    assert_eq!(home.is_logging(), Some(true));
    assert_eq!(home.latest_digest_delivery_time().map(DateTime::secs), Some(1_600_000_000));
    assert_eq!(home.latest_digest_delivery_error(), Some("AccessDenied"));
    assert_eq!(home.latest_delivery_time().map(DateTime::secs), Some(1_600_000_300));
    let away = status("ap-south-1").await;
    assert_eq!((away.is_logging(), away.latest_digest_delivery_time()), (Some(true), None));
    let client = cloudtrail(&server, "us-east-1");
    let error = client.get_trail_status().name("nothing").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_trail_not_found_exception());
}

#[tokio::test]
async fn faults_reach_cloudtrail_by_region_and_trail() {
    let plan = FaultPlan::new()
        .with(
            Matcher::operation(Operation::ListPublicKeys).bucket("eu-west-1"),
            Schedule::always(Fault::AccessDenied),
        )
        .with(
            Matcher::operation(Operation::GetTrailStatus).key(KeyMatcher::Exact(ARN.to_owned())),
            Schedule::first(1, Fault::SlowDown),
        );
    let options = ServerOptions { faults: plan, ..ServerOptions::default() };
    let server = LoopbackServer::start(world_of_trails(), options).unwrap();
    let east = cloudtrail(&server, "us-east-1");
    let west = cloudtrail(&server, "eu-west-1");
    assert!(east.list_public_keys().send().await.is_ok());
    let error = west.list_public_keys().send().await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    let error = east.get_trail_status().name(ARN).send().await.unwrap_err();
    assert_eq!(error.code(), Some("ThrottlingException"));
    assert!(east.get_trail_status().name(ARN).send().await.is_ok());
}

#[tokio::test]
async fn the_organization_is_told() {
    let server = LoopbackServer::start(world_of_trails(), ServerOptions::default()).unwrap();
    let config = aws_sdk_organizations::Config::builder()
        .behavior_version(aws_sdk_organizations::config::BehaviorVersion::latest())
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .region(aws_sdk_organizations::config::Region::new("us-east-1"))
        .endpoint_url(server.endpoint())
        .build();
    let client = aws_sdk_organizations::Client::from_conf(config);
    let error = client.describe_organization().send().await.unwrap_err();
    let error = error.as_service_error().unwrap();
    assert!(error.is_aws_organizations_not_in_use_exception());
    server.alter_world(|world| world.organization_id = Some("o-abcdef1234".to_owned()));
    let answer = client.describe_organization().send().await.unwrap();
    assert_eq!(answer.organization().unwrap().id(), Some("o-abcdef1234"));
}

// ---- the wire

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = serve(ServerOptions::default());
    let answer = raw(
        &server,
        "GET /evidence/a/1 HTTP/1.1\r\n\r\nHEAD /evidence/a/2 HTTP/1.1\r\n\r\n\
         GET /evidence/a/3?x-id=GetObject HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3);
    assert!(answer.contains("\r\n\r\na1HTTP/1.1 200 OK"));
    assert!(answer.ends_with("\r\n\r\na3"));
    assert_eq!(server.requests().connections, 1);
}

#[test]
fn malformed_requests_are_refused_and_end_the_connection() {
    let server = serve(ServerOptions::default());
    assert!(raw(&server, "NONSENSE\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let not_utf8 = "GET /evidence/%FF HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(raw(&server, not_utf8).contains("<Code>InvalidURI</Code>"));
    let put = "PUT /evidence/x HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
    assert!(raw(&server, put).contains("<Code>NotImplemented</Code>"));
    let bare = "GET /evidence/a/1 HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(raw(&server, bare).ends_with("a1"), "the server is well");
}

#[test]
fn unsigned_requests_are_refused_where_asked_to() {
    let server = serve(ServerOptions { require_authorization: true, ..ServerOptions::default() });
    let bare = "GET /evidence/a/1 HTTP/1.1\r\nConnection: close\r\n\r\n";
    let answer = raw(&server, bare);
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("<Code>AccessDenied</Code>"));
}

// Reports tell request ids, and must not differ from run to run.
#[test]
fn request_ids_depend_on_the_request_alone() {
    let id = |server: &LoopbackServer, key: &str| {
        let request = format!("GET /evidence/{key} HTTP/1.1\r\nConnection: close\r\n\r\n");
        let answer = raw(server, &request);
        let (_, rest) = answer.split_once("<RequestId>").unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let (one, other) = (serve(ServerOptions::default()), serve(ServerOptions::default()));
    assert_eq!(id(&one, "x"), id(&other, "x"), "the first attempt");
    assert_eq!(id(&one, "x"), id(&other, "x"), "the second attempt");
    assert_ne!(id(&one, "z"), id(&one, "w"));
}

#[test]
fn the_server_stops_when_dropped_also_with_requests_in_hand() {
    let latency = Duration::from_secs(600);
    let server = serve(ServerOptions { latency, ..ServerOptions::default() });
    let port = server.port();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /evidence/a/1 HTTP/1.1\r\n\r\n").unwrap();
    while server.requests().total == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let started = Instant::now();
    drop(server);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
