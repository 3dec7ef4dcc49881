//! `trailproof mirror` from the outside: its copy verifies to the same record without a network,
//! over every deed; it continues where it left off; it reports what it does not have.
mod check;
mod custody;
mod dry_run;
mod hostile_keys;
mod left_out;
mod manifests;
mod not_the_store;

use crate::support::by_seed;
use crate::support::mirrors::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use trailproof_testkit::server::{
    AccessRules, Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::trail::dice::Dice;
use trailproof_testkit::trail::{BuiltTrail, DeedKind, LogPlan, LogSizes, TrailSpec};

/// The seeds of the random deeds: one test per seed.
const SEEDS: std::ops::Range<u64> = 0..8;
const ROUNDS: usize = 14;

/// Applies one to three random deeds to a trail and returns it with the deeds that could be
/// applied.
fn changed(clean: &BuiltTrail, round: usize, dice: &mut Dice) -> (BuiltTrail, Vec<DeedKind>) {
    let mut changed = clean.clone();
    let mut done = Vec::new();
    for _ in 0..=round % 3 {
        let deed = changed.random_deed(dice);
        if changed.apply(deed).is_ok() {
            done.push(DeedKind::from(deed));
        }
    }
    (changed, done)
}

/// Whatever was done to the trail, the mirror's own run gives the same events as `verify` over the
/// bucket, and the mirror verifies to the same record in an empty network namespace.
fn a_mirror_verifies_to_the_same_record_over_every_deed(seed: u64) {
    let clean = trail();
    let mut dice = Dice::new(seed, "mirror");
    let (mut compared, mut contradicted) = (0, 0);
    let mut wrong = Vec::new();
    for round in 0..ROUNDS {
        let (changed, _) = changed(&clean, round, &mut dice);
        let server = serve(&changed);
        let online = verify_bucket(&server, &changed);
        let at = fresh(&format!("deeds-{seed}"));
        let mirrored = mirror(&server, &changed, &at, &[]);
        let same = without_request_ids(&mirrored) == without_request_ids(&online);
        if !same || mirrored.status != online.status {
            wrong.push(format!("round {round}, mirror: {}", first(&mirrored, &online)));
        }
        if online.stdout.is_empty() {
            continue;
        }
        drop(server);
        compared += 1;
        contradicted += usize::from(online.status == 1);
        let offline = verify_offline(&changed, &at);
        if offline.events() != mirrored.events() || offline.status != mirrored.status {
            wrong.push(format!("round {round}, offline: {}", first(&offline, &mirrored)));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 10 && contradicted > 3, "{compared} {contradicted}");
}

by_seed!(a_mirror_verifies_to_the_same_record_over_every_deed: seed_0 = 0, seed_1 = 1,
    seed_2 = 2, seed_3 = 3, seed_4 = 4, seed_5 = 5, seed_6 = 6, seed_7 = 7);

#[test]
fn the_seeds_cover_most_deeds() {
    let clean = trail();
    let mut done = BTreeSet::new();
    for seed in SEEDS {
        let mut dice = Dice::new(seed, "mirror");
        (0..ROUNDS).for_each(|round| done.extend(changed(&clean, round, &mut dice).1));
    }
    assert!(done.len() > 36, "{done:?}");
}

/// A service numbers its answers, so no two runs get the same request ids.
fn without_request_ids(ran: &Ran) -> Vec<Value> {
    let mut events = ran.jsonl();
    for event in &mut events {
        if let Some(why) = event.get_mut("read_failure").and_then(Value::as_object_mut) {
            why.remove("request_id");
        }
    }
    events
}

fn first(one: &Ran, other: &Ran) -> String {
    let pairs = one.events().into_iter().zip(other.events());
    let differs = pairs.into_iter().find(|(one, other)| one != other);
    format!("{:?} {} {} {}", differs, one.status, other.status, one.stderr)
}

/// Prefixes, organizations, several accounts, a bucket that is a copy, and small pages.
#[test]
fn a_mirror_of_a_prefix_organization_or_replica_is_equivalent() {
    let mut replica = trail();
    let original = bucket(&replica);
    let objects = replica.world.buckets.remove(&original).unwrap();
    replica.world.buckets.insert("the-replica".to_owned(), objects);
    let prefixed = TrailSpec::new()
        .seed(4)
        .prefix("audit/logs")
        .regions(&["us-east-1", "eu-west-1"])
        .time(START, 9)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build();
    let organization = TrailSpec::new()
        .seed(5)
        .organization("o-a1b2c3d4e5")
        .accounts(&["111122223333", "444455556666", "777788889999"])
        .regions(&["us-east-1", "eu-west-1"])
        .time(START, 7)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build();
    for (name, trail, location) in [
        ("replica", &replica, "s3://the-replica".to_owned()),
        ("prefix", &prefixed, format!("s3://{}/audit", bucket(&prefixed))),
        ("bucket", &prefixed, format!("s3://{}", bucket(&prefixed))),
        ("organization", &organization, format!("s3://{}", bucket(&organization))),
    ] {
        for list_page_size in [1_000, 7] {
            let options = ServerOptions { list_page_size, ..ServerOptions::default() };
            let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
            let at = fresh("places");
            let whole = period(trail);
            let online =
                aws(&server, &[&["verify", &location][..], &slices(&whole), &JSONL].concat());
            let path = at.to_str().unwrap();
            let arguments = [&["mirror", &location, path][..], &slices(&whole), &JSONL].concat();
            let mirrored = aws(&server, &arguments);
            assert_eq!(mirrored.stdout, online.stdout, "{name}: {}", mirrored.stderr);
            drop(server);
            let offline = verify_offline(trail, &at);
            assert_eq!(
                offline.events(),
                online.events(),
                "{name}, {list_page_size} a page: {}",
                offline.stderr
            );
            assert_eq!(offline.status, 0, "{name}");
        }
    }
}

/// The second run fetches only what is missing, and the third nothing. Replaced objects are fetched
/// again, and their former content is kept.
#[test]
fn existing_files_are_not_fetched_again() {
    let mut trail = trail();
    let server = serve(&trail);
    let at = fresh("resume");
    let objects = u64::try_from(trail.world.buckets[&bucket(&trail)].objects.len()).unwrap();
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let gets = server.requests().of(Operation::GetObject);
    // One download for both, plus a few requests to find out what the bucket is a copy of.
    assert!(gets >= objects && gets <= objects + 12, "{gets} for {objects}");
    let before = tree(&at);

    server.forget();
    let again = mirror(&server, &trail, &at, &[]);
    assert_eq!(
        (again.status, server.requests().of(Operation::GetObject)),
        (0, 0),
        "{}",
        again.stderr
    );
    assert_eq!(tree(&at), before);
    assert_eq!(again.events(), verify_bucket(&server, &trail).events());

    // Files that vanished from the mirror or were damaged are fetched again, and no others.
    let logs: Vec<_> = trail.logs().map(|(_, log)| log.clone()).collect();
    fs::remove_file(at.join(&logs[0].bucket).join(&logs[0].key)).unwrap();
    fs::write(at.join(&logs[1].bucket).join(&logs[1].key), "damaged").unwrap();
    let flipped = at.join(&logs[4].bucket).join(&logs[4].key);
    let mut bytes = fs::read(&flipped).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&flipped, bytes).unwrap();
    server.forget();
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    assert_eq!(server.requests().of(Operation::GetObject), 3);
    assert_eq!(tree(&at), before);

    // The bucket's object is replaced: the report covers the current one, and the mirror keeps
    // both.
    drop(server);
    let body = fs::read(at.join(&logs[2].bucket).join(&logs[2].key)).unwrap();
    trail.put(&logs[2].bucket, &logs[2].key, object(b"replaced"));
    let server = serve(&trail);
    let replaced = mirror(&server, &trail, &at, &[]);
    assert_eq!(replaced.status, 1, "{}", replaced.stderr);
    assert_eq!(fs::read(at.join(&logs[2].bucket).join(&logs[2].key)).unwrap(), b"replaced");
    let record = record_of(&at, &logs[2].key);
    let kept = record["earlier"][0]["file"].as_str().unwrap();
    assert_eq!(fs::read(at.join(kept)).unwrap(), body);

    // It is deleted, and the mirror still has it.
    drop(server);
    trail.delete(&logs[3].bucket, &logs[3].key);
    let server = serve(&trail);
    let deleted = mirror(&server, &trail, &at, &[]);
    assert_eq!(deleted.findings()[&logs[3].key], "log-missing");
    assert!(at.join(&logs[3].bucket).join(&logs[3].key).exists());
    assert_eq!(record_of(&at, &logs[3].key)["absent"], true);
}
