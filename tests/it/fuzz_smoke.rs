//! The fuzz targets on stable Rust: each runs over seeds from the demo and over a fixed number of
//! mutations of them, the same in every run.
//!
//! It does not replace a fuzzer (`fuzz/README.md` describes how to run one). It keeps the targets
//! compiling and their claims true for inputs that are close to real data. `TRAILPROOF_FUZZ_RUNS`
//! multiplies the number of inputs.
#[path = "../../fuzz/pool.rs"]
mod pool;
#[path = "../../fuzz/targets.rs"]
mod targets;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;
use pool::Pool;
use std::io::Write as _;

fn bytes(dice: &mut Rng, length: usize) -> Vec<u8> {
    (0..length).map(|_| dice.u8(..)).collect()
}

/// Changes `data` in one of the ways in which fuzzers do.
fn mutate(data: &mut Vec<u8>, other: &[u8], dice: &mut Rng) {
    let at = dice.usize(..data.len() + 1);
    let until = (at + dice.usize(..16)).min(data.len());
    match dice.usize(..8) {
        0 if at < data.len() => data[at] ^= 1 << dice.usize(..8),
        1 if at < data.len() => data[at] = [0, 0x7f, 0xff, b'/', b'_', b'"'][dice.usize(..6)],
        2 => data.insert(at, dice.u8(..)),
        3 => drop(data.drain(at..until)),
        4 => {
            let copied = data[at..until].to_vec();
            let to = dice.usize(..data.len() + 1);
            data.splice(to..to, copied);
        }
        5 => data.truncate(at),
        6 => {
            let from = dice.usize(..other.len() + 1);
            data.splice(at.., other[from..].iter().copied());
        }
        _ if at < data.len() => data[at] = dice.u8(..),
        _ => data.push(dice.u8(..)),
    }
}

/// Runs `target` over the seeds and over `runs` mutations of them. Both accepted and rejected
/// inputs must occur.
fn smoke(target: fn(&[u8]) -> bool, seeds: &[Vec<u8>], runs: usize) {
    let more = std::env::var("TRAILPROOF_FUZZ_RUNS").ok().map_or(1, |times| times.parse().unwrap());
    let (mut taken, mut refused) = (0, 0);
    let mut run = |data: &[u8]| if target(data) { taken += 1 } else { refused += 1 };
    seeds.iter().for_each(|seed| run(seed));
    run(&[]);
    let mut dice = Rng::with_seed(42);
    for _ in 0..runs * more {
        let mut data = seeds[dice.usize(..seeds.len())].clone();
        for _ in 0..=dice.usize(..4) {
            let other = &seeds[dice.usize(..seeds.len())];
            mutate(&mut data, other, &mut dice);
        }
        run(&data);
    }
    assert!(taken > runs / 100 && refused > runs / 100, "{taken} accepted, {refused} rejected");
}

#[test]
fn inflate() {
    let sizes = [1, 7, 255];
    let stored = Pool::get().digests.iter().map(|digest| &digest.stored).take(24);
    let seeds: Vec<_> =
        stored.flat_map(|stored| sizes.map(|size| [&[size][..], stored].concat())).collect();
    smoke(targets::inflation::inflate, &seeds, 2_000);
}

/// Members built by hand, complete and broken in every way that a decoder can detect: inputs on
/// which the quick and the exact decoder might disagree.
#[test]
fn inflate_handmade_members() {
    let text: Vec<u8> = (0..40_000_u32).flat_map(|n| (n * n % 977).to_le_bytes()).collect();
    let stored = {
        let length = u16::try_from(text.len().min(9_999)).unwrap();
        let mut body = vec![1];
        body.extend(length.to_le_bytes());
        body.extend((!length).to_le_bytes());
        body.extend(&text[..usize::from(length)]);
        gzip_of(&body, &text[..usize::from(length)])
    };
    let mut members = vec![
        member(b""),
        member(b"{"),
        member(&text),
        member(&vec![0; 300_000]),
        // More than the limit.
        member(&vec![0; (1 << 20) + 1]),
        stored,
        // No block at all, a block of the invalid type, and a length that does not match its
        // complement.
        gzip_of(&[], b""),
        gzip_of(&[7], b""),
        gzip_of(&[1, 1, 0, 0, 0, 9], b""),
        vec![],
        b"{}".to_vec(),
        vec![0x1f],
        vec![0x1f, 0x8b],
    ];
    for whole in [member(&text[..999]), member(b"")] {
        for cut in 0..whole.len() {
            members.push(whole[..cut].to_vec());
        }
        for at in whole.len() - 8..whole.len() {
            let mut wrong = whole.clone();
            wrong[at] ^= 0x41;
            members.push(wrong);
        }
        // The same member twice, so that the same trailer is at the end, and trailers alone after
        // it.
        let trailer = &whole[whole.len() - 8..];
        for after in [&whole[..], &[0][..], trailer, &[trailer, trailer].concat()[..]] {
            members.push([&whole[..], after].concat());
        }
    }
    let mut dice = Rng::with_seed(11);
    for _ in 0..400 {
        members.push(gzip_of(&dynamic_block(&mut dice), b""));
    }
    let seeds: Vec<_> = members
        .iter()
        .flat_map(|stored| [1, 7, 255].map(|size| [&[size][..], stored].concat()))
        .collect();
    smoke(targets::inflation::inflate, &seeds, 2_000);
}

fn member(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Returns a member with this deflate stream and the trailer of `text`.
fn gzip_of(body: &[u8], text: &[u8]) -> Vec<u8> {
    let whole = member(text);
    [&whole[..10], body, &whole[whole.len() - 8..]].concat()
}

/// Returns a dynamic block whose code lengths are nearly right: complete, or off by one, with
/// counts up to more than the maximum. Decoders differ in which of these they accept.
fn dynamic_block(dice: &mut Rng) -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let mut put = |value: usize, length: usize| {
        bits.extend((0..length).map(|bit| value >> bit & 1 == 1));
    };
    put(1, 1);
    put(2, 2);
    let (lengths, distances) = (257 + dice.usize(..32), 1 + dice.usize(..32));
    put(lengths - 257, 5);
    put(distances - 1, 5);
    put(15, 4);
    // The code of code lengths: sixteen of 4 bits each, 0 to 15 in order; sometimes off by one.
    let odd = dice.usize(..60);
    for (at, symbol) in
        [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].into_iter().enumerate()
    {
        put(if at == odd { dice.usize(..8) } else { [4, 0][usize::from(symbol > 15)] }, 3);
    }
    let mut code = |symbol: usize| {
        // Codes are written with their first bit first.
        put((0..4).fold(0, |turned, bit| turned | (symbol >> bit & 1) << (3 - bit)), 4);
    };
    let mut lens = vec![0; lengths + distances];
    let kind = dice.usize(..4);
    let used = if kind == 0 { 1 } else { 1 << kind };
    for at in 0..used {
        lens[256 - at] = kind.max(1);
    }
    let far = [0, 1, 1, 2, 4][dice.usize(..5)];
    for at in 0..far {
        let at = lengths + distances.saturating_sub(1 + at);
        lens[at] = [1, 1, 1, 2, 2][far];
    }
    if dice.usize(..3) == 0 {
        let at = dice.usize(..lens.len());
        lens[at] = dice.usize(..16);
    }
    lens.into_iter().for_each(&mut code);
    bits.extend((0..dice.usize(..64)).map(|_| dice.usize(..2) == 1));
    bits.chunks(8)
        .map(|byte| byte.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit)))
        .collect()
}

#[test]
fn digest_parse() {
    let digests = Pool::get().digests.iter().take(24);
    let seeds: Vec<_> =
        digests.flat_map(|digest| [digest.stored.clone(), digest.inflated.clone()]).collect();
    smoke(targets::digest_parse, &seeds, 5_000);
}

#[test]
fn key_layout() {
    let prefixes = ["", "p/", "a b+c/AWSLogs/", "../", "AWSLogs/o-a1b2c3d4e5/"];
    let keys = Pool::get().objects.iter();
    let mut seeds: Vec<String> =
        keys.flat_map(|key| prefixes.map(|prefix| format!("{prefix}{key}"))).collect();
    let backfill = |key: &String| key.replace(".json.gz", "_backfill.json.gz");
    seeds.extend(seeds.iter().map(backfill).collect::<Vec<_>>());
    let seeds: Vec<_> = seeds.into_iter().map(String::into_bytes).collect();
    smoke(targets::key_layout, &seeds, 20_000);
}

#[test]
fn public_key() {
    // The SubjectPublicKeyInfo of an RSA key of 2,048 bits consists of these bytes before the
    // PKCS#1 ones.
    let before = hex::decode("30820122300d06092a864886f70d01010105000382010f00").unwrap();
    let mut seeds = Pool::get().public_keys.clone();
    seeds.extend(seeds.iter().map(|key| [before.as_slice(), key].concat()).collect::<Vec<_>>());
    smoke(targets::public_key, &seeds, 5_000);
}

#[test]
fn key_bundle() {
    let demo = include_str!("../../testdata/demo/public-keys.json");
    let answers: serde_json::Value = serde_json::from_str(demo).unwrap();
    let (region, answer) = answers.as_object().unwrap().iter().next().unwrap();
    let one = &answer["PublicKeyList"][0];
    let own = serde_json::json!({ "format": "trailproof-public-keys", "schema": 1, "regions": {
        region: { "requested": [{ "from": "2026-02-01T00:00:00Z", "to": "2026-04-01T00:00:00Z" }],
            "PublicKeyList": [one] } } });
    let mut odd = one.clone();
    odd["ValidityStartTime"] = serde_json::json!(i64::MIN);
    odd["ValidityEndTime"] = serde_json::json!(i64::MAX);
    let seeds = [
        answers.clone(),
        answer.clone(),
        serde_json::json!([one, odd]),
        serde_json::json!({ region: [one, odd] }),
        own,
    ];
    let seeds: Vec<_> = seeds.iter().map(|seed| seed.to_string().into_bytes()).collect();
    smoke(targets::key_bundle, &seeds, 3_000);
}

#[test]
fn aws_walk() {
    let mut dice = Rng::with_seed(7);
    let mut seeds: Vec<_> = (0..200).map(|length| bytes(&mut dice, length)).collect();
    // Mostly true facts, with a false one now and then.
    for _ in 0..100 {
        let lies = (0..160).map(|_| if dice.usize(..12) == 0 { dice.u8(..) } else { 0 }).collect();
        seeds.push(lies);
    }
    smoke(targets::aws_walk, &seeds, 300);
}

#[test]
fn terraform() {
    let plan = include_str!("../../testdata/trail-config/plan.json");
    let state = include_str!("../../testdata/trail-config/state.json");
    smoke(targets::documents::terraform, &[plan.into(), state.into()], 300);
}

#[test]
fn policy() {
    let named = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "a", "Effect": "Allow", "Principal": { "Service": ["cloudtrail.amazonaws.com"] },
          "Action": ["s3:PutObject", "s3:Get??????*"], "Resource": "arn:aws:s3:::b/AWSLogs/*",
          "Condition": { "StringEquals": { "aws:SourceArn": "arn:aws:cloudtrail:*:1:trail/t",
              "s3:x-amz-acl": ["bucket-owner-full-control"] },
              "ForAllValues:StringLikeIfExists": { "aws:PrincipalOrgPaths": "o-1/*" } } },
        { "Effect": "Deny", "NotPrincipal": { "AWS": "arn:aws:iam::111122223333:root" },
          "NotAction": "s3:*", "NotResource": ["*"], "Condition": { "Null": { "aws:x": "true" } } },
    ] });
    let plain = serde_json::json!({ "Statement": { "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": "*", "Condition": { "Bool": { "aws:SecureTransport": "false" },
            "NumericLessThan": { "s3:TlsVersion": 1.2 }, "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } } } });
    let seeds: Vec<_> = [named, plain].iter().map(|seed| seed.to_string().into_bytes()).collect();
    smoke(targets::documents::policy, &seeds, 5_000);
}

#[test]
fn trail_events() {
    let event = |name: &str, more: serde_json::Value| {
        let mut event = serde_json::json!({ "eventVersion": "1.09", "eventName": name, "eventID": name,
            "eventSource": "cloudtrail.amazonaws.com", "eventTime": "2026-03-01T00:00:00Z",
            "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7",
            "userIdentity": { "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/u" } });
        event["requestParameters"] = more;
        event
    };
    let events = [
        event("StopLogging", serde_json::json!({ "name": "audit" })),
        event("DeleteObject", serde_json::json!({ "bucketName": "b", "key": "AWSLogs/x.json.gz" })),
        event(
            "PutSecretValue",
            serde_json::json!({ "password": "hunter2", "a": "{\"token\":\"x\"}" }),
        ),
        event(
            "PutBucketLifecycle",
            serde_json::json!({ "bucketName": "b", "LifecycleConfiguration": {
            "Rule": { "ID": "r", "Status": "Enabled", "Expiration": { "Days": 1 } } } }),
        ),
    ];
    let each = events.iter().map(|event| serde_json::json!({ "Records": [event] }));
    let all = serde_json::json!({ "Records": events, "more": [1, "\u{1b}", null] });
    let seeds: Vec<_> = each.chain([all]).map(|seed| seed.to_string().into_bytes()).collect();
    smoke(targets::documents::trail_events, &seeds, 5_000);
}

#[test]
fn bag_manifest() {
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let other = sum.replace('e', "0");
    let seeds = [
        format!("\0{sum}  data/index.html\n{other}  data/2-integrity/record.jsonl.zst\n"),
        format!("\u{1}{sum}  bagit.txt\n{other}  bag-info.txt\n{sum}  manifest-sha256.txt\n"),
        format!("\0{sum}  data/x\n{other}  data/x\n{sum}  data/../y\n"),
    ];
    smoke(targets::documents::bag_manifest, &seeds.map(String::into_bytes), 5_000);
}

#[test]
fn shard_plan() {
    let made = targets::documents::InShards::get();
    smoke(targets::documents::shard_plan, &[made.plan.clone(), made.first.clone()], 600);
}

#[test]
fn shard_survey() {
    let survey = targets::documents::InShards::get().survey.clone();
    smoke(targets::documents::shard_survey, &[survey], 600);
}

#[test]
fn shard_record() {
    let record = targets::documents::InShards::get().record.clone();
    smoke(targets::documents::shard_record, &[record], 300);
}
