//! The limits that the program is measured against: a client that only fetches, and a loop that
//! only inflates and hashes.
use crate::Outcome;
use crate::measure::thread_cpu;
use crate::world::{BUCKET, REGION};
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    Builder, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use flate2::{Decompress, FlushDecompress, Status};
use sha2::{Digest as _, Sha256};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use trailproof_testkit::world::World;

/// Requests in flight to a nearby server: more would only add connections.
const NEAR: usize = 32;

/// Requests in flight to a server with latency: the program's default maximum.
const FAR: usize = 256;

/// A response that takes longer than this counts as coming from a distant server.
const SLOW: Duration = Duration::from_millis(5);

/// Lists the bucket, fetches every object and discards it: `--bare ENDPOINT`.
pub(crate) fn fetch(mut arguments: impl Iterator<Item = String>) -> Outcome<()> {
    let endpoint = arguments.next().ok_or("too few arguments of `--bare`")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let fetched = runtime.block_on(fetch_all(endpoint))?;
    println!("{fetched}");
    Ok(())
}

async fn fetch_all(endpoint: String) -> Outcome<u64> {
    let http = trailproof::aws::http::client(None);
    let sdk = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .region(Region::new(REGION))
        .load()
        .await;
    let config = Builder::from(&sdk)
        .force_path_style(true)
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build();
    let client = Client::from_conf(config);
    let begun = Instant::now();
    client.head_bucket().bucket(BUCKET).send().await.map_err(|error| error.to_string())?;
    // Of the first response, only the server's own share counts.
    let first = begun.elapsed();
    let begun = Instant::now();
    client.head_bucket().bucket(BUCKET).send().await.map_err(|error| error.to_string())?;
    let far = first.min(begun.elapsed()) > SLOW;
    let places = Arc::new(Semaphore::new(if far { FAR } else { NEAR }));
    let mut tasks = JoinSet::new();
    let mut pages = client.list_objects_v2().bucket(BUCKET).into_paginator().send();
    while let Some(page) = pages.next().await {
        for object in page?.contents.unwrap_or_default() {
            let place = Arc::clone(&places).acquire_owned().await?;
            let get = client.get_object().bucket(BUCKET).set_key(object.key);
            tasks.spawn(async move {
                let mut body = get.send().await.map_err(|error| error.to_string())?.body;
                while let Some(bytes) = body.try_next().await.map_err(|error| error.to_string())? {
                    black_box(bytes);
                }
                drop(place);
                Ok::<(), String>(())
            });
        }
    }
    let mut fetched = 0;
    while let Some(done) = tasks.join_next().await {
        done??;
        fetched += 1;
    }
    Ok(fetched)
}

/// Inflates and hashes every object. Returns the number of objects, inflated bytes and nanoseconds
/// of CPU time.
///
/// Uses the program's own decoder, reuses its state and buffer, and checks nothing: no header, no
/// CRC, no length.
pub(crate) fn inflate_and_hash(world: &World) -> Outcome<(u64, u64, u128)> {
    let mut inflater = Decompress::new(false);
    let mut block = vec![0; 256 << 10];
    let (mut objects, mut inflated) = (0, 0);
    let versions = world.buckets.values().flat_map(|bucket| bucket.objects.values().flatten());
    let begun = thread_cpu()?;
    for version in versions {
        // A ten-byte header without optional fields and an eight-byte trailer.
        let mut input = version.body.get(10..).unwrap_or_default();
        let mut hasher = Sha256::new();
        inflater.reset(false);
        loop {
            let (read, written) = (inflater.total_in(), inflater.total_out());
            let status = inflater.decompress(input, &mut block, FlushDecompress::None)?;
            let came = usize::try_from(inflater.total_out() - written)?;
            hasher.update(block.get(..came).unwrap_or_default());
            input = input.get(usize::try_from(inflater.total_in() - read)?..).unwrap_or_default();
            if status == Status::StreamEnd {
                break;
            }
        }
        black_box(hasher.finalize());
        objects += 1;
        inflated += inflater.total_out();
    }
    Ok((objects, inflated, (thread_cpu()? - begun).as_nanos()))
}
