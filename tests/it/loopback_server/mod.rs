//! The loopback server, tested with the genuine AWS clients, and over raw TCP for requests that
//! they do not send.
mod connections;
mod faults;
mod listings;
mod objects;
mod trails;

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
use trailproof_testkit::server::{
    AccessRules, Fault, FaultPlan, KeyMatcher, LoopbackServer, Matcher, Operation, Schedule,
    ServerOptions, Throttling,
};
use trailproof_testkit::world::{Bucket, PublicKey, Trail, TrailStatus, Version, World};

const ARN: &str = "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit";
const BUCKET: &str = "evidence";
/// A key that an attacker could choose.
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
        headers: Vec::new(),
    }
}

fn with_id(id: &str, body: &str) -> Version {
    Version { version_id: id.to_owned(), ..version(body) }
}

fn marker(id: &str) -> Version {
    Version { delete_marker: true, ..with_id(id, "") }
}

/// Returns folders `a` to `c` with three keys each, and one odd key.
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

/// Returns the status and error code of a rejected GET.
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

/// Sends raw bytes and reads until the server closes the connection.
fn raw(server: &LoopbackServer, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
