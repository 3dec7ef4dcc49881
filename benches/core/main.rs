//! The cost of the rules alone, without I/O: `cargo bench --bench core`.
mod long_chain;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use libdeflater::Decompressor;
use long_chain::LongChain;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;
use trailproof_core::bytes::content::{Content, ContentReader, Form, Hash, Joined, read_whole};
use trailproof_core::bytes::whole::WholeReader;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::compat::judge::DigestRead;
use trailproof_core::digest::document::DigestClaim;
use trailproof_core::digest::signing::{KeyRing, PublicKey};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::key_layout::{ChainKey, DigestKey, DigestKind};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{HOUR, Period, Timestamp};
use trailproof_core::walk::facts::{Fact, ListedDigest, Need};
use trailproof_core::walk::standard::ChainWalk;
use trailproof_testkit::trail::signer::{Signer, fingerprint};
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, SignWith, TrailBuilder, TrailSpec};

fn trail(hours: u32, logs: u32, sizes: LogSizes) -> BuiltTrail {
    let spec = TrailSpec::new()
        .seed(7)
        .hours(hours)
        .logs(LogPlan::Constant(logs), sizes)
        .sign_with(SignWith::Fast);
    // A year needs more keys than are checked in.
    TrailBuilder::new().trail(spec).reuse_keys().build()
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Inflates and hashes log files of realistic sizes, as a run does for those up to 256 KB.
fn content(criterion: &mut Criterion) {
    let trail = trail(48, 20, LogSizes::Realistic);
    let bodies: Vec<_> = trail
        .logs()
        .filter_map(|(_, log)| trail.current(&log.bucket, &log.key))
        .map(|version| version.body.clone())
        .collect();
    let inflated = |body: &[u8]| {
        read_whole(body, budget::LOG_INFLATED, None).map_or(0, |content| content.inflated)
    };
    let mut group = criterion.benchmark_group("content");
    group.throughput(Throughput::Bytes(bodies.iter().map(|body| inflated(body)).sum()));
    group.bench_function("log files of real sizes", |bencher| {
        let mut reader = WholeReader::default();
        bencher.iter(|| {
            for body in &bodies {
                let _ = black_box(reader.read(&[body], budget::LOG_INFLATED, None));
            }
        });
    });
    for (name, mut reader) in [
        ("in pieces, quickly", ContentReader::quick(0)),
        ("in pieces, exactly", ContentReader::new(0)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for body in &bodies {
                    reader.reset(budget::LOG_INFLATED);
                    for piece in body.chunks(16 << 10) {
                        let _ = black_box(reader.push(piece, None));
                    }
                    black_box(reader.finish());
                }
            });
        });
    }
    // The upper bound: nothing is checked, and bytes after a member are not even noticed.
    group.bench_function("libdeflate and SHA-256 alone", |bencher| {
        let mut inflater = Decompressor::new();
        let mut out = vec![0; 4 << 20];
        bencher.iter(|| {
            for body in &bodies {
                let made = inflater.gzip_decompress(body, &mut out).unwrap_or(0);
                black_box(Sha256::digest(out.get(..made).unwrap_or_default()));
            }
        });
    });
    group.finish();
}

/// Parses digests that name different numbers of log files.
fn digests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("digest");
    for logs in [0, 20, 80, 1_000] {
        let trail = trail(1, logs, LogSizes::Small);
        let Some((_, digest)) = trail.digests().last() else { continue };
        let Some(version) = trail.current(&digest.bucket, &digest.key) else { continue };
        let Ok(content) = read_whole(&version.body, budget::DIGEST_INFLATED, None) else {
            continue;
        };
        group.throughput(Throughput::Bytes(length(digest.json.len())));
        group.bench_function(BenchmarkId::new("parse", logs), |bencher| {
            bencher.iter(|| DigestClaim::parse(&content, black_box(&digest.json)));
        });
    }
    group.finish();
}

fn keys(trail: &BuiltTrail) -> KeyRing {
    let mut ring = KeyRing::default();
    for key in trail.world.public_keys.values().flatten() {
        ring.add(PublicKey::new(key.fingerprint.clone(), &key.der));
    }
    ring
}

fn signatures(criterion: &mut Criterion) {
    let trail = trail(1, 20, LogSizes::Small);
    let ring = keys(&trail);
    let Some((_, digest)) = trail.digests().last() else { return };
    let Some(read) = read(&trail, &digest.bucket, &digest.key) else { return };
    let (Ok(claim), Some(signature)) = (&read.claim, &read.signature) else { return };
    let Some(key) = ring.get(&claim.fingerprint) else { return };
    let signature = hex::decode(signature).unwrap_or_default();
    criterion.bench_function("signature/RSA-2048", |bencher| {
        let text = claim.string_to_sign();
        bencher.iter(|| key.verifies(black_box(text.as_bytes()), &signature));
    });
}

fn key_layout(criterion: &mut Criterion) {
    let trail = trail(1, 0, LogSizes::Small);
    let Some((_, digest)) = trail.digests().last() else { return };
    let Some(parsed) = DigestKey::parse(&digest.key) else { return };
    criterion.bench_function("key/parse", |bencher| {
        bencher.iter(|| DigestKey::parse(black_box(&digest.key)));
    });
    criterion.bench_function("key/build", |bencher| bencher.iter(|| black_box(&parsed).build()));
}

fn read(trail: &BuiltTrail, bucket: &str, key: &str) -> Option<DigestRead> {
    let version = trail.current(bucket, key)?;
    let mut bytes = Vec::new();
    let content = read_whole(&version.body, budget::DIGEST_INFLATED, Some(&mut bytes)).ok()?;
    let claim = DigestClaim::parse(&content, &bytes);
    let user = |name: &str| version.metadata.get(name).cloned();
    Some(DigestRead {
        content,
        claim,
        signature: user("signature"),
        signature_algorithm: user("signature-algorithm"),
        backfill_generated: None,
    })
}

/// Walks a chain of one year with all facts in memory. Most of the time goes into signatures: each
/// digest's own, and the one that its successor records.
fn walk(criterion: &mut Criterion) {
    const HOURS: u32 = 8_760;
    let trail = trail(HOURS, 0, LogSizes::Small);
    let mut facts = BTreeMap::new();
    let mut listed = Vec::new();
    for (_, digest) in trail.digests() {
        let at = ObjectLocation::new(&digest.bucket, &digest.key);
        if let Some(read) = read(&trail, &digest.bucket, &digest.key) {
            listed.push(ListedDigest { end: Timestamp::from_unix(digest.end), at: at.clone() });
            facts.insert(at, read);
        }
    }
    let (from, to) = trail.span();
    let period = Period { start: Timestamp::from_unix(from), end: Timestamp::from_unix(to) };
    let ring = keys(&trail);
    let mut group = criterion.benchmark_group("walk");
    group.throughput(Throughput::Elements(length(listed.len())));
    group.bench_function("a year of digests", |bencher| {
        let walk_over = |(mut walk, mut facts): (ChainWalk, BTreeMap<_, DigestRead>)| {
            let mut steps = 0;
            loop {
                let fact = match walk.need() {
                    Need::Nothing => return steps,
                    Need::Older(_) => Fact::Older(false),
                    Need::Keys { .. } | Need::KeysSince(_) => Fact::Keys(ring.clone()),
                    Need::Digest(at) => match facts.remove(at) {
                        Some(read) => Fact::Read(Box::new(read)),
                        None => Fact::Missing,
                    },
                };
                steps += walk.feed(fact).len();
            }
        };
        let set_up = || (ChainWalk::new(period, listed.clone()), facts.clone());
        bencher.iter_batched(set_up, walk_over, BatchSize::PerIteration);
    });
    group.finish();
}

/// Walks a chain of a million digests (more than a century), each proven by the hash that its
/// successor records. Documents are generated on demand and parsed, which takes most of the time;
/// the cost of the walk itself must not grow with the number of digests already walked.
fn long_walk(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("walk");
    group.sample_size(10);
    for count in [10_000, 1_000_000] {
        let chain = LongChain::new(count);
        group.throughput(Throughput::Elements(u64::from(count)));
        group.bench_function(BenchmarkId::new("proven by hash", count), |bencher| {
            bencher.iter(|| assert_eq!(chain.walk(), count));
        });
    }
    group.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
}

criterion_group! {
    name = benches;
    config = short();
    targets = content, digests, signatures, key_layout, walk, long_walk
}
criterion_main!(benches);
