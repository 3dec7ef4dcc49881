//! `trailproof mirror` from outside: what it copies verifies to the same record without a network,
//! over every deed; it goes on where it left off; it says what it does not have.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
#[path = "mirror_common/mod.rs"]
mod mirror_common;

use mirror_common::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use trailproof::test_support::server::{
    AccessRules, Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof::test_support::trail::dice::Dice;
use trailproof::test_support::trail::{LogPlan, LogSizes, TrailSpec};

/// Whatever was done to the trail, the mirror's own run tells what `verify` tells of the bucket, and
/// the mirror verifies to the same record in an empty network namespace.
#[test]
fn a_mirror_verifies_to_the_same_record_over_every_deed() {
    let clean = trail();
    let mut dice = Dice::new(11, "mirror");
    let (mut compared, mut contradicted, mut tried) = (0, 0, BTreeSet::new());
    let mut wrong = Vec::new();
    for round in 0..110 {
        let mut changed = clean.clone();
        for _ in 0..=round % 3 {
            let deed = changed.random_deed(&mut dice);
            if changed.apply(deed).is_ok() {
                let name = format!("{deed:?}");
                tried.insert(name.split(['(', ' ']).next().unwrap_or_default().to_owned());
            }
        }
        let server = serve(&changed);
        let online = verify_bucket(&server, &changed);
        let at = fresh("deeds");
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
    assert!(
        compared > 90 && contradicted > 40 && tried.len() > 36,
        "{compared} {contradicted} {tried:?}"
    );
}

/// A service numbers its answers, so that two runs are never told the same.
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

/// Prefixes, organizations, several accounts, a bucket that is a copy, small pages.
#[test]
fn a_mirror_of_a_prefix_an_organization_or_a_replica_is_the_same() {
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

/// The second run gets only what is missing, the third nothing; objects that were replaced are
/// fetched again and what they were is kept.
#[test]
fn what_is_there_is_not_fetched_again() {
    let mut trail = trail();
    let server = serve(&trail);
    let at = fresh("resume");
    let objects = u64::try_from(trail.world.buckets[&bucket(&trail)].objects.len()).unwrap();
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let gets = server.requests().of(Operation::GetObject);
    // One download for both, and some more for the one that asks what the bucket is a copy of.
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

    // Files that vanished or were damaged in the mirror are fetched again, and no others.
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

    // The bucket's object is replaced: the report is of what it is now, the mirror keeps both.
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

    // It is deleted: the mirror still has it.
    drop(server);
    trail.delete(&logs[3].bucket, &logs[3].key);
    let server = serve(&trail);
    let deleted = mirror(&server, &trail, &at, &[]);
    assert_eq!(deleted.findings()[&logs[3].key], "log-missing");
    assert!(at.join(&logs[3].bucket).join(&logs[3].key).exists());
    assert_eq!(record_of(&at, &logs[3].key)["absent"], true);
}

/// What no digest names is copied too, by period and scope, and what is left out is in the manifest.
#[test]
fn a_scope_copies_its_part_and_the_manifest_says_what_is_not_there() {
    let mut trail = trail();
    let name = bucket(&trail);
    let here = |key: &&str| key.contains("/us-east-1/");
    let log = trail.logs().map(|(_, log)| log.key.as_str()).find(here).unwrap().to_owned();
    let added = log.replace(".json.gz", "x.json.gz");
    trail.put(&name, &added, object(b"added"));
    trail.put(&name, "other/things", object(b"nothing of CloudTrail's"));
    let server = serve(&trail);
    let at = fresh("scope");
    let ran = mirror(&server, &trail, &at, &["--region", "us-east-1"]);
    assert!(ran.stderr.contains("0 could not be read"), "{}", ran.stderr);
    let manifest = manifest(&at);
    let copied =
        |key: &str| manifest.iter().any(|line| line["key"] == key && line["copied"].is_object());
    assert!(copied(&added), "what no digest names");
    assert!(trail.logs().all(|(_, log)| copied(&log.key) == log.key.contains("/us-east-1/")));
    assert!(!copied("other/things"));
    drop(server);
    let scoped = verify_more(&trail, &at, &["--region", "us-east-1"]);
    assert_eq!(scoped.events(), ran.events());
    // Without the scope the mirror does not pass for the whole bucket.
    let all = verify_more(&trail, &at, &[]);
    assert_eq!(all.status, 3, "{}", all.stderr);
    let unread: Vec<Value> =
        all.jsonl().into_iter().filter(|event| !event["read_failure"].is_null()).collect();
    let code = |event: &Value| event["read_failure"]["code"].as_str().unwrap().to_owned();
    assert!(unread.iter().filter(|event| code(event) == "not-copied").count() >= 12, "{unread:?}");
    assert!(unread.iter().all(|event| event["key"].as_str().unwrap().contains("/eu-west-1/")));
    assert!(all.findings().is_empty());
}

/// A wider period: what was not mirrored is not said to be missing.
#[test]
fn another_period_accuses_nobody() {
    let trail =
        TrailSpec::new().seed(6).time(START, 120).logs(LogPlan::Constant(1), LogSizes::Small);
    let trail = trail.build();
    let server = serve(&trail);
    let at = fresh("period");
    let whole = trail.whole();
    let (from, to) = (iso(whole.from + 50 * 3_600), iso(whole.from + 70 * 3_600));
    let location = format!("s3://{}", bucket(&trail));
    let path = at.to_str().unwrap();
    let part = aws(&server, &["mirror", &location, path, "--start-time", &from, "--end-time", &to]);
    assert_eq!(part.status, 0, "{}", part.stderr);
    drop(server);
    let wide = verify_offline(&trail, &at);
    assert_eq!(wide.status, 3, "{}", wide.stderr);
    assert!(wide.findings().is_empty(), "{:?}", wide.findings());
    let narrow = |from: i64, to: i64| {
        let arguments = ["--start-time", &iso(from), "--end-time", &iso(to)];
        offline(&[&["verify", path, "--public-keys", &keys(&at)][..], &arguments, &JSONL].concat())
    };
    let narrow = narrow(whole.from + 55 * 3_600, whole.from + 60 * 3_600);
    assert_eq!(narrow.status, 0, "{}", narrow.stderr);
}

/// What could not be read is told offline as it was, and retried by the next run.
#[test]
fn what_could_not_be_read_is_told_and_fetched_next_time() {
    let mut trail = trail();
    let name = bucket(&trail);
    let logs: Vec<String> = trail.logs().map(|(_, log)| log.key.clone()).collect();
    let added = logs[0].replace(".json.gz", "x.json.gz");
    trail.put(&name, &added, object(b"added"));
    let faults = FaultPlan::new()
        .with(Matcher::get(&logs[3]), Schedule::always(Fault::SlowDown))
        .with(Matcher::get(&logs[4]), Schedule::always(Fault::BodyCut { after: 100 }));
    let access = AccessRules {
        denied_get_prefixes: vec![logs[2].clone(), added.clone()],
        ..AccessRules::default()
    };
    let options = ServerOptions { access, faults, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let at = fresh("unread");
    let ran = mirror(&server, &trail, &at, &[]);
    assert_eq!(ran.status, 3);
    drop(server);
    let offline = verify_offline(&trail, &at);
    assert_eq!(offline.events(), ran.events());
    let codes: BTreeMap<String, String> = manifest(&at)
        .iter()
        .filter_map(|line| {
            let code = line["failed"]["code"].as_str()?;
            Some((line["key"].as_str()?.to_owned(), code.to_owned()))
        })
        .collect();
    let expected = [
        (&logs[2], "denied"),
        (&logs[3], "throttled"),
        (&logs[4], "truncated"),
        (&added, "denied"),
    ];
    let expected = expected.map(|(key, code)| (key.clone(), code.to_owned()));
    assert_eq!(codes, BTreeMap::from(expected));
    let server = serve(&trail);
    let again = mirror(&server, &trail, &at, &[]);
    assert_eq!(server.requests().of(Operation::GetObject), 4);
    assert_eq!(again.events(), verify_bucket(&server, &trail).events());
    assert!(manifest(&at).iter().all(|line| line["failed"].is_null()));
}

/// A file that vanished from the mirror was not deleted by anybody in AWS.
#[test]
fn a_file_that_left_the_mirror_is_not_missing_from_the_bucket() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("left");
    mirror(&server, &trail, &at, &[]);
    drop(server);
    let log = trail.logs().next().unwrap().1.clone();
    let digest = trail.chains[0].digests[5].clone();
    for (bucket, key) in [(&log.bucket, &log.key), (&digest.bucket, &digest.key)] {
        fs::remove_file(at.join(bucket).join(key)).unwrap();
    }
    let ran = verify_offline(&trail, &at);
    assert_eq!(ran.status, 3);
    assert!(ran.findings().is_empty(), "{:?}", ran.findings());
    let failures: Vec<Value> =
        ran.jsonl().into_iter().filter(|event| !event["read_failure"].is_null()).collect();
    assert!(failures.len() >= 2);
    for event in failures {
        assert_eq!(event["read_failure"]["code"], "not-copied");
        let detail = event["read_failure"]["detail"].as_str().unwrap();
        assert!(detail.contains("is not in the mirror any more"), "{detail}");
    }
    // A file that somebody added is seen.
    let log = trail.chains[1].digests[7].logs[0].clone();
    let added = at.join(&log.bucket).join(log.key.replace(".json.gz", "x.json.gz"));
    fs::write(added, "x").unwrap();
    assert_eq!(verify_offline(&trail, &at).of_kind("log-unlisted").len(), 1);
}

/// A header says which bucket is looked at; what else lies there is not passed over in silence.
#[test]
fn folders_beside_the_mirror_are_named() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("beside");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    assert!(!verify_offline(&trail, &at).stderr.contains("not looked at"));
    let other = at.join("victim-bucket/AWSLogs");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("x"), "").unwrap();
    let ran = verify_offline(&trail, &at);
    assert!(ran.stderr.contains("not looked at: `victim-bucket`"), "{}", ran.stderr);
}

/// A manifest that was cut is not taken for the whole one, wherever it was cut: what it lacks would
/// be taken for what the bucket did not have.
#[test]
fn a_manifest_that_was_cut_is_refused() {
    let trail = trail();
    let server = serve(&trail);
    let at = fresh("cut");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let path = at.join("trailproof-manifest.jsonl");
    let manifest = fs::read_to_string(&path).unwrap();
    let line = manifest.trim_end().rfind('\n').unwrap() + 1;
    for (cut, header_too) in [(manifest.len() - 20, false), (line, false), (line + 9, true)] {
        match header_too {
            true => write_manifest(&at, &manifest[..cut]),
            false => fs::write(&path, &manifest[..cut]).unwrap(),
        }
        let ran = verify_offline(&trail, &at);
        assert_ne!(ran.status, 0, "{cut}: {}", ran.stderr);
    }
}

/// Writes a manifest, and its length where that is told.
fn write_manifest(at: &Path, manifest: &str) {
    fs::write(at.join("trailproof-manifest.jsonl"), manifest).unwrap();
    let path = at.join("trailproof-mirror.json");
    let mut header: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(header["manifest_bytes"].is_u64());
    header["manifest_bytes"] = manifest.len().into();
    fs::write(&path, header.to_string()).unwrap();
}

/// Whoever can write to the directory can make a mirror that proves less, and none that proves what
/// is not so; nothing outside is read for him, and nothing panics.
#[test]
fn a_manifest_is_not_believed() {
    let mut trail = trail();
    let name = bucket(&trail);
    let log = trail.logs().next().unwrap().1.clone();
    let server = serve(&trail);
    let at = fresh("forged");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    let path = at.join("trailproof-manifest.jsonl");
    let manifest = fs::read_to_string(&path).unwrap();
    let key = format!("\"key\":\"{}\"", log.key);
    let line = manifest.lines().find(|line| line.contains(&key) && line.contains("copied"));
    let line = line.unwrap();
    let secret = at.with_extension("secret");
    fs::copy(at.join(&name).join(&log.key), &secret).unwrap();
    let file =
        |file: &str| line.replace("\"copied\":{", &format!("\"copied\":{{\"file\":{file:?},"));
    let outside = format!("../{}", secret.file_name().unwrap().to_str().unwrap());
    for (forged, status, code) in [
        (file(&outside), 3, Some("denied")),
        (file(secret.to_str().unwrap()), 3, Some("denied")),
        // What lies there counts, whatever is said of it.
        (line.replace("copied", "other"), 0, None),
        (line.replace("\"copied\":{", "\"absent\":true,\"other\":{"), 0, None),
        (line.replace(&name, "zz"), 5, None),
        ("{".to_owned(), 5, None),
        (format!("{line}\n{line}"), 5, None),
        ("null".to_owned(), 5, None),
    ] {
        write_manifest(&at, &manifest.replace(line, &forged));
        let ran = verify_offline(&trail, &at);
        let codes: Vec<String> = ran
            .jsonl()
            .iter()
            .filter(|event| event["key"] == log.key)
            .flat_map(|event| {
                [&event["finding"]["code"], &event["read_failure"]["code"]].map(Value::clone)
            })
            .filter_map(|code| code.as_str().map(str::to_owned))
            .collect();
        // A damaged line is met when it is needed, or at once.
        let expected = status == ran.status || (status == 5 && ran.status == 3);
        assert!(expected, "{forged}: {} {}", ran.status, ran.stderr);
        if let Some(code) = code {
            assert_eq!(codes, [code], "{forged}");
        }
    }
    // A run that goes on neither reads nor moves what lies outside.
    write_manifest(&at, &manifest.replace(line, &file(&outside)));
    trail.put(&name, &log.key, object(b"replaced"));
    server.replace_world(trail.world.clone());
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 1);
    assert!(secret.exists());
}
