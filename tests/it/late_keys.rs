//! Before a key is called unknown, every key that could match is requested. The answer is the same
//! for the bucket, a directory and a mirror.
use crate::support::mirrors::{offline as run_offline, *};
use std::path::PathBuf;
use trailproof_testkit::server::{LoopbackServer, ServerOptions};
use trailproof_testkit::trail::digest_json::string_to_sign;
use trailproof_testkit::trail::signer::{Signer, fingerprint};
use trailproof_testkit::trail::spec::SignWith;
use trailproof_testkit::trail::{BuiltTrail, Deed, DigestAt, LogPlan, LogSizes, TrailSpec, gzip};
use trailproof_testkit::world::PublicKey;

const HOUR: i64 = 3_600;

/// Returns a trail whose newest digest is signed four hours after its end, by a key that became
/// valid one hour earlier.
fn signed_late() -> BuiltTrail {
    let mut trail = trail();
    let chain = &trail.chains[0];
    let newest = chain.standard().len() - 1;
    let digest = chain.standard()[newest].clone();
    let region = chain.id.region.clone();
    let key = Signer::pool(5);
    let mut fields = chain.fields(newest).unwrap();
    fields.fingerprint = fingerprint(&key.pkcs1);
    let json = fields.to_json();
    let previous = fields.previous.as_ref().map(|link| link.signature.as_str());
    let text = string_to_sign(&fields.end, &fields.bucket, &fields.key, &json, previous);
    let signature = key.sign(text.as_bytes(), SignWith::Reference);
    let from = digest.end + 3 * HOUR;
    trail.world.public_keys.get_mut(&region).unwrap().push(PublicKey {
        der: key.pkcs1.clone(),
        fingerprint: fields.fingerprint,
        valid_from: from,
        valid_to: from + 30 * 24 * HOUR,
    });
    let objects = &mut trail.world.buckets.get_mut(&digest.bucket).unwrap().objects;
    let version = objects.get_mut(&digest.key).unwrap().last_mut().unwrap();
    version.body = gzip::member(&json).into();
    version.metadata.insert("signature".to_owned(), hex::encode(signature));
    trail
}

/// Returns a trail with a backfill digest whose unsigned metadata holds this creation time.
fn backfill_made(when: &str) -> BuiltTrail {
    let mut trail = TrailSpec::new()
        .seed(9)
        .time(START, 14)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .backfill(3, 2, 24 * 40)
        .build();
    let digest = trail.chains[0].backfills()[0].clone();
    let objects = &mut trail.world.buckets.get_mut(&digest.bucket).unwrap().objects;
    let version = objects.get_mut(&digest.key).unwrap().last_mut().unwrap();
    version.metadata.insert("backfill-generation-timestamp".to_owned(), when.to_owned());
    trail
}

fn codes(ran: &Ran) -> Vec<String> {
    let mut codes: Vec<String> = ran
        .jsonl()
        .iter()
        .filter_map(|event| {
            let code = event["finding"]["code"].as_str().or(event["read_failure"]["code"].as_str());
            code.map(str::to_owned)
        })
        .collect();
    codes.sort();
    codes.dedup();
    codes
}

/// Returns exit status and codes over the bucket, over a mirror during its creation and without a
/// network, and over a directory with the mirror's keys.
fn everywhere(name: &str, trail: &BuiltTrail) -> Vec<(i32, Vec<String>)> {
    let server = LoopbackServer::start(trail.world.clone(), ServerOptions::default()).unwrap();
    let bucket = verify_bucket(&server, trail);
    let at: PathBuf = fresh(&format!("late-keys-{name}"));
    trail.write_to(&at.join("copy")).unwrap();
    let copy = at.join("copy");
    let mirrored = mirror(&server, trail, &at.join("mirror"), &[]);
    drop(server);
    let offline = verify_offline(trail, &at.join("mirror"));
    let keys = at.join("mirror/public-keys.json");
    // A mirror for which no keys were listed has no key file.
    let trusted: &[&str] =
        if keys.exists() { &["--public-keys", keys.to_str().unwrap()] } else { &[] };
    let directory = run_offline(
        &[&["verify", copy.to_str().unwrap()], trusted, &slices(&period(trail)), &JSONL].concat(),
    );
    [bucket, mirrored, offline, directory].iter().map(|ran| (ran.status, codes(ran))).collect()
}

#[test]
fn a_key_that_became_valid_after_the_digests_end_is_found() {
    assert_eq!(everywhere("late", &signed_late()), vec![(0, vec![]); 4]);
}

#[test]
fn the_unsigned_time_of_a_backfill_digest_never_causes_a_finding() {
    for when in ["2026-03-01T05:00:00Z", "2019-01-01T00:00:00Z", "never"] {
        assert_eq!(everywhere("backfill", &backfill_made(when)), vec![(0, vec![]); 4], "{when}");
    }
}

/// If keys of that time are listed and the digest's key is not among them, that is a finding. If
/// none are listed, it is not.
#[test]
fn an_unknown_key_is_a_finding_only_beside_known_ones() {
    let mut forged = trail();
    forged.apply(Deed::DigestForged(DigestAt { chain: 0, index: 5 })).unwrap();
    for reported in everywhere("forged", &forged) {
        assert_eq!(reported, (1, vec!["digest-key-unknown".to_owned()]));
    }
    let mut keyless = trail();
    keyless.world.public_keys.values_mut().for_each(Vec::clear);
    for (status, codes) in everywhere("keyless", &keyless) {
        assert_eq!(status, 3, "{codes:?}");
        assert_eq!(codes, ["keys-unavailable"]);
    }
}
