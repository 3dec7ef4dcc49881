//! Checks the trail builder against the facts of the format, and against an implementation of RSA
//! that it does not sign with.
mod digests;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use trailproof_testkit::trail::demo;
use trailproof_testkit::trail::gzip::{self, Body};
use trailproof_testkit::trail::scale::Scale;
use trailproof_testkit::trail::signer::{POOL, Signer, fingerprint};
use trailproof_testkit::trail::{
    BuiltLog, BuiltTrail, ChainId, Deed, DigestAt, DigestKind, EventSpec, Hostile, LogAt, LogPlan,
    LogSizes, SignWith, TrailBuilder, TrailSpec,
};

/// Checks that every signature verifies with aws-lc-rs over the string to sign that FORMAT.md
/// defines, under the key of the region that the digest names, which is valid at the time.
fn assert_signed(trail: &BuiltTrail) {
    for (id, digest) in trail.digests() {
        let version = trail.current(&digest.bucket, &digest.key).unwrap();
        let bytes = inflated(trail, &digest.bucket, &digest.key);
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let string_to_sign = [
            text("digestEndTime").unwrap(),
            format!("{}/{}", text("digestS3Bucket").unwrap(), text("digestS3Object").unwrap()),
            hex::encode(Sha256::digest(&bytes)),
            text("previousDigestSignature").unwrap_or_else(|| "null".to_owned()),
        ]
        .join("\n");
        assert_eq!(version.metadata["signature-algorithm"], "SHA256withRSA");
        assert_eq!(version.content_encoding.as_deref(), Some("gzip"));
        let named = text("digestPublicKeyFingerprint").unwrap();
        let keys = &trail.world.public_keys[&id.region];
        let key = keys.iter().find(|key| key.fingerprint == named).unwrap();
        assert_eq!(named, fingerprint(&key.der));
        assert_eq!(key.valid_to - key.valid_from, 30 * 86_400);
        let about = digest.generated.unwrap_or(digest.end);
        assert!(key.valid_from < about + 7200 && about < key.valid_to);
        let signature = hex::decode(&version.metadata["signature"]).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.der)
            .verify(string_to_sign.as_bytes(), &signature)
            .unwrap();
        let backfill = digest.kind == DigestKind::Backfill;
        assert_eq!(version.metadata.contains_key("backfill-generation-timestamp"), backfill);
        assert_eq!(digest.key.ends_with("Z_backfill.json.gz"), backfill);
    }
}

/// Returns a trail with everything at once: restarts, backfill, a new bucket, rotation, two
/// regions.
fn eventful(hours: u32) -> TrailSpec {
    TrailSpec::new()
        .organization("o-a1b2c3d4e5")
        .accounts(&["111122223333", "444455556666"])
        .regions(&["us-east-1", "eu-west-1"])
        .trail("my_trail_eu-west-1_x", "us-east-1")
        .prefix("some/old.prefix")
        .own_phases()
        .hours(hours)
        .empty_hours([3])
        .pause(8, 10, 1043)
        .rotation(5)
        .backfill(2, 2, 30)
        .backfill(6, 1, 31)
        .linked_backfills()
        .relocated(14, "second-bucket", "eu-west-1", None)
}

fn inflated(trail: &BuiltTrail, bucket: &str, key: &str) -> Vec<u8> {
    let object = trail.current(bucket, key).unwrap();
    let Body::Inflated { bytes, trailer: true, more: false } = gzip::read(&object.body) else {
        panic!("{key} is one whole member");
    };
    bytes
}

/// Log files are where their digest names them, have the recorded hash, are delivered within its
/// interval, and hold the requested events, including hostile text.
#[test]
fn log_files_are_what_their_digest_records() {
    let principal = "<b>\"mallory\"</b>\u{1b}[2J";
    let event = EventSpec::new("kms.amazonaws.com", "DisableKey").id("e-1").by(principal);
    let trail = eventful(20).event(4, event).build();
    let (mut names, mut early) = (BTreeMap::<String, usize>::new(), 0);
    for (id, digest) in trail.digests() {
        for log in &digest.logs {
            let bytes = inflated(&trail, &log.bucket, &log.key);
            assert_eq!(log.hash, hex::encode(Sha256::digest(&bytes)));
            if digest.kind != DigestKind::Backfill {
                assert!(digest.start < log.delivered && log.delivered <= digest.end);
            }
            early += usize::from(log.oldest < digest.start);
            assert!(log.key.contains(&format!("/{}/CloudTrail/{}/", id.account, id.region)));
            let value: Value = serde_json::from_slice(&bytes).unwrap();
            for record in value["Records"].as_array().unwrap() {
                let name = record["eventName"].as_str().unwrap();
                *names.entry(name.to_owned()).or_default() += 1;
                if record["eventID"] == "e-1" {
                    assert_eq!(record["userIdentity"]["arn"], principal);
                }
            }
        }
    }
    assert_eq!((names["DisableKey"], names["StopLogging"], names["StartLogging"]), (1, 1, 1));
    assert!(early > 0, "events can precede the interval of delivery");
}

type Objects = Vec<(String, Vec<u8>, String)>;

/// Returns everything in the buckets, with all that a server reports about it.
fn objects(trail: &BuiltTrail) -> Objects {
    let mut all = Vec::new();
    for bucket in trail.world.buckets.values() {
        for (key, versions) in &bucket.objects {
            for version in versions {
                let mut version = version.clone();
                let body = std::mem::take(&mut version.body).to_vec();
                all.push((key.clone(), body, format!("{version:?}")));
            }
        }
    }
    all
}

#[test]
fn one_seed_gives_one_trail() {
    let reference = objects(&eventful(20).build());
    assert_eq!(reference, objects(&eventful(20).build()));
    assert_eq!(reference, objects(&eventful(20).sign_with(SignWith::Fast).build()));
    assert_ne!(reference, objects(&eventful(20).seed(2).build()));
    assert_eq!(objects(&demo::demo().trail), objects(&demo::demo().trail));
}

const AT: DigestAt = DigestAt { chain: 0, index: 5 };
const LOG: LogAt = LogAt { digest: AT, log: 1 };

/// Forged, moved and hostile content is in the bucket as intended, while the ground truth stays
/// unchanged.
#[test]
fn deeds_change_what_they_describe() {
    let untouched = TrailSpec::new().build();
    let after = |deed| {
        let mut trail = untouched.clone();
        trail.apply(deed).unwrap();
        let digest = trail.chains[0].digests[5].clone();
        assert_eq!(digest.hash, untouched.chains[0].digests[5].hash, "{deed:?}");
        (trail.current(&digest.bucket, &digest.key).unwrap().clone(), digest, trail)
    };
    let differences = |one: &[u8], other: &[u8]| {
        assert_eq!(one.len(), other.len());
        one.iter().zip(other).filter(|(one, other)| one != other).count()
    };
    let (object, digest, trail) = after(Deed::DigestByteFlipped(AT));
    assert_eq!(differences(&inflated(&trail, &digest.bucket, &digest.key), &digest.json), 1);
    assert_eq!(object.metadata["signature"], digest.signature);
    // A forged digest is correctly signed, by a key that does not belong to AWS.
    for deed in [Deed::DigestForged(AT), Deed::DigestForgedKnownFingerprint(AT)] {
        let (object, digest, trail) = after(deed);
        let bytes = inflated(&trail, &digest.bucket, &digest.key);
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["logFiles"].as_array().unwrap().len(), 1);
        let known = value["digestPublicKeyFingerprint"] == digest.fingerprint;
        assert_eq!(known, deed == Deed::DigestForgedKnownFingerprint(AT));
        let text = format!(
            "{}\n{}/{}\n{}\n{}",
            value["digestEndTime"].as_str().unwrap(),
            digest.bucket,
            digest.key,
            hex::encode(Sha256::digest(&bytes)),
            value["previousDigestSignature"].as_str().unwrap(),
        );
        let signature = hex::decode(&object.metadata["signature"]).unwrap();
        let key = &Signer::forger().pkcs1;
        let forger = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
        forger.verify(text.as_bytes(), &signature).unwrap();
        assert!(!trail.world.public_keys["us-east-1"].iter().any(|listed| listed.der == *key));
    }
    let (object, ..) = after(Deed::DigestMetadataMissing(AT));
    assert!(object.metadata.is_empty());
    let (object, digest, _) = after(Deed::DigestStoredInflated(AT));
    assert_eq!((object.body, object.content_encoding), (digest.json, None));
    let (object, digest, _) = after(Deed::DigestSignatureOddHex(AT));
    assert_eq!(object.metadata["signature"].len() + 1, digest.signature.len());
    let (object, ..) = after(Deed::DigestSignatureNonHex(AT));
    hex::decode(&object.metadata["signature"]).unwrap_err();
    let (_, digest, trail) = after(Deed::LogTrailerMissing(LOG));
    let log = &digest.logs[1];
    let read = gzip::read(&trail.current(&log.bucket, &log.key).unwrap().body);
    assert!(matches!(read, Body::Inflated { trailer: false, more: false, .. }));
    let (_, _, trail) = after(Deed::HostileKey(AT, Hostile::Terminal));
    let keys = || trail.world.buckets["example-trail-logs"].objects.keys();
    assert_eq!(keys().filter(|key| key.contains('\u{1b}')).count(), 1);
    assert!(trail.write_to(&std::env::temp_dir().join("trailproof-never")).is_err());
    // What AWS itself signs has a valid signature, and so does everything that links to it.
    for deed in [Deed::DigestWithoutLogFiles(AT), Deed::DigestLoop { at: AT, to: 9 }] {
        let mut trail = untouched.clone();
        trail.apply(deed).unwrap();
        assert_signed(&trail);
        assert_ne!(
            trail.chains[0].digests[24].signature,
            untouched.chains[0].digests[24].signature
        );
    }
}

/// Two trails share folders and do not affect each other, although the name of one is the beginning
/// of the other's.
#[test]
fn two_trails_share_a_prefix() {
    let second = TrailSpec::new().trail("management-events_us-east-1", "us-east-1").seed(9);
    let mut trail = TrailBuilder::new().trail(TrailSpec::new()).trail(second).build();
    assert_signed(&trail);
    assert_eq!((trail.chains.len(), trail.world.trails.len()), (2, 2));
    assert_eq!(trail.world.public_keys["us-east-1"].len(), 1, "the keys must belong to the region");
    let swap = Deed::DigestSwapped { one: AT, other: DigestAt { chain: 1, index: 5 } };
    let before = trail.clone();
    trail.apply(swap).unwrap();
    assert_eq!(trail.expected_for_verify(&trail.whole()).required.len(), 2);
    let mut trail = before;
    trail.apply(Deed::DigestDeleted(DigestAt { chain: 1, index: 5 })).unwrap();
    let first = trail.expected_for_verify(&trail.whole().of_trail("management-events"));
    assert!(first.required.is_empty() && first.chains.len() == 1);
}

/// If versions are kept, deeds leave what they replaced.
#[test]
fn deeds_keep_old_versions_in_a_versioned_bucket() {
    let mut trail = TrailSpec::new().versioned().build();
    trail.apply_all(&[Deed::LogDeleted(LOG), Deed::DigestForged(AT)]).unwrap();
    let digest = &trail.chains[0].digests[5];
    let versions = |key: &str| &trail.world.buckets["example-trail-logs"].objects[key];
    assert!(versions(&digest.logs[1].key)[1].delete_marker);
    assert_eq!(versions(&digest.key)[0].metadata["signature"], digest.signature);
    assert_ne!(versions(&digest.key)[1].metadata["signature"], digest.signature);
}

#[test]
fn the_demo_is_written_to_a_directory() {
    let directory = std::env::temp_dir().join(format!("trailproof-demo-{}", std::process::id()));
    let demo = demo::write_demo(&directory).unwrap();
    assert_signed(&demo::untouched());
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(directory.join(name)).unwrap()).unwrap()
    };
    let (metadata, keys) = (read("trailproof-objects.json"), read("public-keys.json"));
    let metadata = metadata["example-trail-logs"].as_object().unwrap();
    assert!(
        !metadata.contains_key(&demo.deleted_digest) && metadata.contains_key(&demo.changed_log)
    );
    for (key, metadata) in metadata {
        assert!(directory.join("example-trail-logs").join(key).is_file());
        assert_eq!(key.contains("-Digest"), metadata["metadata"]["signature"].is_string(), "{key}");
    }
    for (region, built) in &demo.trail.world.public_keys {
        let key = &keys[region]["PublicKeyList"][0];
        let value = key["Value"].as_str().unwrap();
        let der = base64::engine::general_purpose::STANDARD.decode(value).unwrap();
        assert_eq!(der, built[0].der);
        assert_eq!(key["Fingerprint"], *built[0].fingerprint);
    }
    let expected = demo.trail.expected_for_verify(&demo.trail.whole());
    let required: BTreeSet<_> = expected.required.iter().flat_map(|one| one.keys.clone()).collect();
    assert_eq!(required, BTreeSet::from([demo.changed_log, demo.deleted_digest]));
    std::fs::remove_dir_all(directory).unwrap();
}

/// Sizes are as in real corpora, and worlds with more regions than keys can be built.
#[test]
fn large_worlds_have_real_sizes() {
    let trail = Scale::busy_week().build();
    let count: usize = trail.world.buckets.values().map(|bucket| bucket.objects.len()).sum();
    assert!((3_300..3_700).contains(&count), "{count}");
    let size = |log: &BuiltLog| trail.current(&log.bucket, &log.key).unwrap().body.len();
    let mut sizes: Vec<_> = trail.logs().map(|(_, log)| size(log)).collect();
    sizes.sort_unstable();
    let (median, high) = (sizes[sizes.len() / 2], sizes[sizes.len() * 95 / 100]);
    assert!((1_700..3_000).contains(&median), "median {median}");
    assert!((11_000..18_000).contains(&high), "95th percentile {high}");
    let small = Scale { accounts: 2, hours: 3, ..Scale::organization_week() }.build();
    assert_eq!(small.chains.len(), 34);
    assert_signed(&small);
}
