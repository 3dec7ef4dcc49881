//! Versions: what `--as-of` and `recover` see of a bucket in which somebody deleted, replaced and
//! planted objects.
use crate::support::by_seed;
use crate::support::mirrors::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use trailproof_testkit::server::{
    AccessRules, Fault, FaultPlan, LoopbackServer, Matcher, Schedule, ServerOptions,
};
use trailproof_testkit::trail::dice::Dice;
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};
use trailproof_testkit::world::Version;

type At = (String, String);

fn versioned() -> BuiltTrail {
    TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 14)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .versioned()
        .build()
}

fn digests(trail: &BuiltTrail) -> Vec<At> {
    trail.digests().map(|(_, digest)| (digest.bucket.clone(), digest.key.clone())).collect()
}

fn logs(trail: &BuiltTrail) -> Vec<At> {
    trail.logs().map(|(_, log)| (log.bucket.clone(), log.key.clone())).collect()
}

/// Returns an object with these bytes, written at this time.
fn written(body: &[u8], at: i64) -> Version {
    Version { last_modified: at, ..object(body) }
}

/// Returns the time of the last version of an object.
fn time_of(trail: &BuiltTrail, (bucket, key): &At) -> i64 {
    trail.world.buckets[bucket].objects[key].last().unwrap().last_modified
}

fn replace(trail: &mut BuiltTrail, at: &At, body: &[u8]) {
    let later = time_of(trail, at) + 3_600;
    trail.put(&at.0, &at.1, written(body, later));
}

fn remove(trail: &mut BuiltTrail, at: &At) {
    assert!(trail.delete(&at.0, &at.1), "{at:?}");
}

/// Removes all versions of an object, as a delete by version id does.
fn remove_for_good(trail: &mut BuiltTrail, at: &At) {
    trail.world.buckets.get_mut(&at.0).unwrap().objects.remove(&at.1).unwrap();
}

/// Serves the world and keeps a log of the requests.
fn logging(trail: &BuiltTrail) -> LoopbackServer {
    let options = ServerOptions { log_requests: true, ..ServerOptions::default() };
    LoopbackServer::start(trail.world.clone(), options).unwrap()
}

fn verify(server: &LoopbackServer, trail: &BuiltTrail, more: &[&str]) -> Ran {
    let location = format!("s3://{}", bucket(trail));
    aws(server, &[&["verify", &location, "-q"][..], &slices(&period(trail)), more].concat())
}

/// Verifies the bucket into a record, and recovers what it does not prove.
fn recover(server: &LoopbackServer, trail: &BuiltTrail, to: &Path, more: &[&str]) -> Ran {
    let record = to.with_extension("record.jsonl");
    let _ = fs::remove_file(&record);
    let path = record.to_str().unwrap();
    verify(server, trail, &["--record", path]);
    let to = to.to_str().unwrap();
    aws(server, &[&["recover", path, "--to", to, "-q", "--format", "json"][..], more].concat())
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{} {}", ran.stdout, ran.stderr))
}

/// Returns the class of an object in a report of `recover`.
fn class(report: &Value, at: &At) -> String {
    let objects = report["objects"].as_array().unwrap();
    let found = objects.iter().find(|object| object["key"] == at.1.as_str());
    found.unwrap_or_else(|| panic!("{at:?} in {report}"))["class"].as_str().unwrap().to_owned()
}

/// Returns the files of a mirror below its bucket, with their bytes.
fn files(at: &Path, bucket: &str) -> Vec<(String, Vec<u8>)> {
    let below = |path: &Path| path.strip_prefix(bucket).ok()?.to_str().map(str::to_owned);
    tree(at).into_iter().filter_map(|(path, bytes)| Some((below(&path)?, bytes))).collect()
}

/// Verifies what was recovered, in the period and scope that its header names.
fn verify_mirror(at: &Path) -> Ran {
    offline(&["verify", at.to_str().unwrap(), "-q"])
}

#[test]
fn what_was_deleted_replaced_and_planted_is_recovered_byte_for_byte() {
    let clean = versioned();
    let mut trail = clean.clone();
    let (digests, logs) = (digests(&clean), logs(&clean));
    let (deleted, twice, replaced, log) = (&digests[3], &logs[4], &logs[7], &logs[9]);
    remove(&mut trail, deleted);
    remove(&mut trail, twice);
    let marker = trail.world.buckets[&twice.0].objects[&twice.1].last().unwrap().clone();
    trail.put(&twice.0, &twice.1, marker);
    replace(&mut trail, replaced, b"{}");
    replace(&mut trail, log, b"other");
    remove(&mut trail, log);
    let planted = replaced.1.replace("Z_", "Z_planted");
    trail.put(&replaced.0, &planted, written(b"planted", time_of(&trail, replaced)));

    let server = logging(&trail);
    let at = fresh("recovered");
    fs::remove_dir_all(&at).unwrap_or_default();
    let ran = recover(&server, &trail, &at, &[]);
    let report = document(&ran);
    assert_eq!(report["verdict"], "contradicted", "{report}");
    assert_eq!(report["written"]["verdict"], "proven", "{report}");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for (at, expected) in [
        (deleted, "deleted-recoverable"),
        (twice, "deleted-recoverable"),
        (replaced, "replaced-recoverable"),
        (log, "deleted-recoverable"),
    ] {
        assert_eq!(class(&report, at), expected, "{at:?}");
    }
    // The evidence bucket was only read.
    for request in server.log() {
        let is_read = ["GET", "HEAD"].contains(&request.method.as_str());
        // The services of the control plane are asked with POST, and only asked.
        let is_asked = ["List", "Describe", "Get"].iter().any(|verb| {
            request.bucket != bucket(&trail) && format!("{:?}", request.operation).starts_with(verb)
        });
        assert!(is_read || is_asked, "{request:?}");
    }
    drop(server);
    let found = files(&at, &bucket(&trail));
    // The digest that ends where the period begins is not part of it.
    let all = digests.iter().chain(&logs).map(|at| at.1.clone());
    let all: BTreeSet<String> = all.filter(|key| !key.ends_with("000411Z.json.gz")).collect();
    assert_eq!(found.iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>(), all);
    for (key, bytes) in found {
        let before = clean.current(&bucket(&clean), &key).unwrap();
        assert_eq!(bytes, before.body, "{key}");
    }
    let offline = verify_mirror(&at);
    assert_eq!(offline.status, 0, "{}", offline.stdout);
}

#[test]
fn repair_commands_restore_the_bucket() {
    let mut trail = versioned();
    let (log, other) = (logs(&trail)[4].clone(), logs(&trail)[7].clone());
    remove(&mut trail, &log);
    replace(&mut trail, &other, b"{}");
    let server = serve(&trail);
    let at = fresh("repair");
    fs::remove_dir_all(&at).unwrap_or_default();
    let report = document(&recover(&server, &trail, &at, &[]));
    let of = |at: &At| {
        let objects = report["objects"].as_array().unwrap();
        let found = objects.iter().find(|object| object["key"] == at.1.as_str()).unwrap();
        found["repair"].as_array().unwrap().clone()
    };
    let versions = |at: &At| &trail.world.buckets[&at.0].objects[&at.1];
    let marker = &versions(&log).last().unwrap().version_id;
    let first = &versions(&other).first().unwrap().version_id;
    let (bucket, key) = (&log.0, &log.1);
    assert_eq!(
        of(&log),
        [format!("aws s3api delete-object --bucket {bucket} --key {key} --version-id {marker}")]
    );
    let copy = of(&other)[0].as_str().unwrap().to_owned();
    assert!(copy.starts_with("aws s3api copy-object ") && copy.contains(first), "{copy}");
}

/// A digest's name is predictable: the oldest version is the planted one, and does not prove.
#[test]
fn an_object_planted_before_cloudtrail_wrote_it_is_passed_over() {
    let mut trail = versioned();
    let (digest, log) = (digests(&trail)[5].clone(), logs(&trail)[8].clone());
    for at in [&digest, &log] {
        let objects = &mut trail.world.buckets.get_mut(&at.0).unwrap().objects;
        let versions = objects.get_mut(&at.1).unwrap();
        let early = versions[0].last_modified - 600;
        for (number, id) in ["early1", "early2", "early3"].into_iter().enumerate() {
            let planted = Version { version_id: id.to_owned(), ..written(b"planted", early) };
            versions.insert(number, planted);
        }
    }
    remove(&mut trail, &digest);
    remove(&mut trail, &log);
    let server = serve(&trail);
    let at = fresh("planted-early");
    fs::remove_dir_all(&at).unwrap_or_default();
    let ran = recover(&server, &trail, &at, &[]);
    let report = document(&ran);
    assert_eq!(report["verdict_with_versions"], "proven", "{report}");
    assert_eq!(class(&report, &digest), "deleted-recoverable");
    assert_eq!((ran.status, verify_mirror(&at).status), (0, 0));
}

/// Puts versions of an object before the first one.
fn plant_early(trail: &mut BuiltTrail, at: &At, planted: &[Version]) {
    let objects = &mut trail.world.buckets.get_mut(&at.0).unwrap().objects;
    let versions = objects.get_mut(&at.1).unwrap();
    let early = versions[0].last_modified - 600;
    for (number, version) in planted.iter().enumerate() {
        let version_id = format!("early{number}");
        versions.insert(number, Version { version_id, last_modified: early, ..version.clone() });
    }
}

/// Plants a digest without a signature that claims to be the one at this place.
fn forged(trail: &BuiltTrail, at: &At) -> Version {
    let mut forged = trail.current(&at.0, &at.1).unwrap().clone();
    let mut json = trailproof_testkit::trail::gzip::joined(&forged.body).unwrap();
    json.push(b' ');
    forged.body = trailproof_testkit::trail::gzip::member(&json).into();
    forged.metadata.clear();
    forged
}

/// Far more versions than an engine can try one after the other lie before the true one.
#[test]
fn a_flood_of_planted_versions_hides_nothing() {
    let mut trail = versioned();
    let (digest, other, log) =
        (digests(&trail)[5].clone(), digests(&trail)[7].clone(), logs(&trail)[8].clone());
    let junk: Vec<Version> = (0..300).map(|it| written(format!("{it}").as_bytes(), 0)).collect();
    let forged = vec![forged(&trail, &other); 60];
    plant_early(&mut trail, &digest, &junk);
    plant_early(&mut trail, &log, &junk);
    plant_early(&mut trail, &other, &forged);
    for at in [&digest, &other, &log] {
        remove(&mut trail, at);
    }
    let server = serve(&trail);
    let at = fresh("planted-flood");
    fs::remove_dir_all(&at).unwrap_or_default();
    let ran = recover(&server, &trail, &at, &[]);
    let report = document(&ran);
    assert_eq!(report["verdict_with_versions"], "proven", "{report}");
    for at in [&digest, &other, &log] {
        assert_eq!(class(&report, at), "deleted-recoverable");
    }
    assert_eq!((ran.status, verify_mirror(&at).status), (0, 0));

    // Versions that were not tried may be the true ones.
    for limit in ["1", "299", "300"] {
        fs::remove_dir_all(&at).unwrap_or_default();
        let ran = recover(&server, &trail, &at, &["--try-versions", limit]);
        let report = document(&ran);
        assert_eq!(report["verdict_with_versions"], "not proven", "{limit}: {report}");
        assert_eq!(ran.status, 3, "{limit}: {}", ran.stderr);
        let objects = report["objects"].as_array().unwrap();
        let found = objects.iter().find(|it| it["key"] == log.1.as_str()).unwrap();
        assert_eq!((&found["class"], &found["repair"]), (&"unknown".into(), &Value::Array(vec![])));
        assert_eq!(found["versions_tried"].as_u64().unwrap().to_string(), limit);
    }
    let record = at.with_extension("record.jsonl");
    let arguments =
        ["recover", record.to_str().unwrap(), "--dry-run", "--try-versions", "20", "-q"];
    let text = aws(&server, &arguments).stdout;
    assert!(text.contains("20 of its 302 versions and delete markers were tried"), "{text}");
    assert!(text.contains("`--try-versions 302`") && !text.contains("for-good"), "{text}");
    for wrong in ["0", "100001", "x"] {
        let arguments = ["recover", record.to_str().unwrap(), "--dry-run", "--try-versions", wrong];
        assert_eq!(aws(&server, &arguments).status, 2, "{wrong}");
    }
}

/// Whoever can write may put something unreadable before the true version too. It hides that no more
/// than junk does.
#[test]
fn what_cannot_be_read_is_passed_over_if_a_later_version_proves() {
    let clean = versioned();
    let log = logs(&clean)[8].clone();
    let archived = Version { storage_class: "DEEP_ARCHIVE".to_owned(), ..written(b"x", 0) };
    for (proves, expected) in [(true, "deleted-recoverable"), (false, "archived")] {
        let mut trail = clean.clone();
        if !proves {
            trail.world.buckets.get_mut(&log.0).unwrap().objects.get_mut(&log.1).unwrap()[0].body =
                b"junk".as_slice().into();
        }
        plant_early(&mut trail, &log, std::slice::from_ref(&archived));
        remove(&mut trail, &log);
        let server = serve(&trail);
        let at = fresh("unreadable-first");
        fs::remove_dir_all(&at).unwrap_or_default();
        let report = document(&recover(&server, &trail, &at, &[]));
        assert_eq!(class(&report, &log), expected, "{report}");
    }
}

#[test]
fn what_is_lost_for_good_is_said_and_the_rest_is_recovered() {
    let mut trail = versioned();
    let (gone, overwritten, kept) =
        (logs(&trail)[4].clone(), logs(&trail)[7].clone(), logs(&trail)[9].clone());
    remove_for_good(&mut trail, &gone);
    replace(&mut trail, &overwritten, b"{}");
    let objects = &mut trail.world.buckets.get_mut(&overwritten.0).unwrap().objects;
    objects.get_mut(&overwritten.1).unwrap().remove(0);
    remove(&mut trail, &kept);
    let server = serve(&trail);
    let at = fresh("lost");
    fs::remove_dir_all(&at).unwrap_or_default();
    let ran = recover(&server, &trail, &at, &[]);
    let report = document(&ran);
    assert_eq!(class(&report, &gone), "deleted-for-good");
    assert_eq!(class(&report, &overwritten), "replaced-for-good");
    assert_eq!(class(&report, &kept), "deleted-recoverable");
    assert_eq!(ran.status, 1, "what is lost is still a contradiction: {}", ran.stderr);
    let lost = report["objects"].as_array().unwrap().iter();
    let lost = lost.clone().find(|object| object["key"] == gone.1.as_str()).unwrap();
    assert_eq!(lost["expected_sha256"].as_str().unwrap().len(), 64);
    // No file holds what nothing proves.
    let names: Vec<String> = files(&at, &bucket(&trail)).into_iter().map(|(key, _)| key).collect();
    assert!(names.contains(&kept.1) && !names.contains(&overwritten.1) && !names.contains(&gone.1));
    // The copy accuses nobody of what it does not have, and says what became of it.
    let ran = offline(&["verify", at.to_str().unwrap(), "-q", "--format", "jsonl"]);
    assert_eq!(ran.status, 3, "{}", ran.stdout);
    for (lost, why) in [(&gone, "deleted-for-good"), (&overwritten, "replaced-for-good")] {
        let line = ran.stdout.lines().find(|line| line.contains(&lost.1)).unwrap();
        assert!(line.contains("absent-from-copy") && line.contains(why), "{line}");
    }
    let text = verify_mirror(&at);
    assert!(!text.stdout.contains("no such object"), "{}", text.stdout);
    assert!(text.stdout.contains("deleted-for-good"), "{}", text.stdout);
}

#[test]
fn a_bucket_without_versions_and_a_refused_listing_are_told_apart() {
    let mut trail = trail();
    let gone = logs(&trail)[4].clone();
    remove(&mut trail, &gone);
    let server = serve(&trail);
    let at = fresh("not-versioned");
    fs::remove_dir_all(&at).unwrap_or_default();
    let report = document(&recover(&server, &trail, &at, &[]));
    assert_eq!(class(&report, &gone), "not-versioned");

    let mut trail = versioned();
    remove(&mut trail, &gone);
    let access = AccessRules { no_versions: true, ..AccessRules::default() };
    let options = ServerOptions { access, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    fs::remove_dir_all(&at).unwrap_or_default();
    let ran = recover(&server, &trail, &at, &[]);
    assert_ne!(ran.status, 0);
    assert!(ran.stderr.contains("s3:ListBucketVersions"), "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn an_existing_directory_is_refused_before_anything_is_read() {
    let trail = versioned();
    let server = logging(&trail);
    let at = fresh("existing");
    fs::create_dir_all(&at).unwrap();
    let ran = aws(&server, &["recover", "s3://b", "--last", "1d", "--to", at.to_str().unwrap()]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    assert!(server.log().is_empty());
}

#[test]
fn as_of_a_time_the_bucket_is_what_it_was_then() {
    let mut trail = versioned();
    let (log, gone) = (logs(&trail)[4].clone(), logs(&trail)[6].clone());
    let written_at = time_of(&trail, &log);
    remove(&mut trail, &log);
    let deleted_at = time_of(&trail, &log);
    let server = serve(&trail);
    let whole = period(&trail);
    let end = &whole[3];
    let run = |time: &str| verify(&server, &trail, &["--as-of", time, "--format", "jsonl"]);
    let now = verify(&server, &trail, &["--format", "jsonl"]);
    assert_eq!(now.status, 1);
    let before = run(&iso(deleted_at - 1));
    assert_eq!(before.status, 0, "{} {}", before.stdout, before.stderr);
    assert_eq!(run(&iso(deleted_at)).status, 1);
    let start = &before.of_kind("run-started")[0];
    assert_eq!(start["read_from"][0]["kind"], "versions");
    assert_eq!(start["read_from"][0]["as_of"], iso(deleted_at - 1));
    assert!(start["to"].as_str().unwrap() <= end.as_str());
    let text = verify(&server, &trail, &["--as-of", &iso(deleted_at - 1)]);
    assert!(text.stdout.contains(&format!("as of {}", iso(deleted_at - 1))), "{}", text.stdout);
    drop(server);

    // What was removed for good may have existed then: that is no contradiction.
    remove_for_good(&mut trail, &gone);
    let server = serve(&trail);
    let time = iso(deleted_at - 1);
    let ran = verify(&server, &trail, &["--as-of", &time, "--format", "jsonl"]);
    assert_eq!(ran.status, 3, "{}", ran.stdout);
    let unknown = ran.stdout.lines().filter(|line| line.contains("version-unknown")).count();
    assert!(unknown >= 1 && written_at < deleted_at);
}

#[test]
fn as_of_is_refused_where_there_is_no_such_thing() {
    let trail = versioned();
    let server = serve(&trail);
    let at = fresh("as-of");
    trail.write_to(&at).unwrap();
    let directory = at.to_str().unwrap();
    let location = format!("s3://{}", bucket(&trail));
    for (arguments, part) in [
        (vec!["verify", directory, "--last", "1d", "--as-of", "2026-03-01"], "directory"),
        (vec!["verify", &location, "--last", "1d", "--as-of", "2999-01-01"], "future"),
        (vec!["verify", &location, "--start-time", "2026-03-01", "--as-of", "2026-02-01"], "empty"),
        (vec!["verify", &location, "--last", "1d", "--as-of", "noon"], "noon"),
        (vec!["verify", &location, "--since", "2026-03-01", "--as-of", "2026-03-02"], "--since"),
    ] {
        let ran = aws(&server, &arguments);
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{arguments:?}: {}", ran.stderr);
    }
}

/// More versions of one key than fit a page, beside keys of one version, with small pages.
#[test]
fn many_versions_of_one_key_are_read_to_the_oldest() {
    let mut trail = versioned();
    let log = logs(&trail)[4].clone();
    for number in 0..1_500_u32 {
        replace(&mut trail, &log, format!("{number}").as_bytes());
    }
    remove(&mut trail, &log);
    let server = serve(&trail);
    let at = fresh("many-versions");
    fs::remove_dir_all(&at).unwrap_or_default();
    let ran = recover(&server, &trail, &at, &[]);
    let report = document(&ran);
    assert_eq!(ran.status, 0, "{report}");
    let objects = report["objects"].as_array().unwrap();
    assert_eq!(objects[0]["version_count"], 1_502);
}

/// A store counts seconds, so that the times of several versions and markers may be the same.
#[test]
fn versions_of_the_same_second_are_told_apart_by_their_bytes() {
    let mut trail = versioned();
    let (log, digest) = (logs(&trail)[4].clone(), digests(&trail)[6].clone());
    for at in [&log, &digest] {
        let first = time_of(&trail, at);
        plant_early(&mut trail, at, &[written(b"before", 0), written(b"{}", 0)]);
        trail.put(&at.0, &at.1, written(b"after", first));
        remove(&mut trail, at);
        let marker = trail.world.buckets[&at.0].objects[&at.1].last().unwrap().clone();
        trail.put(&at.0, &at.1, marker);
        let objects = &mut trail.world.buckets.get_mut(&at.0).unwrap().objects;
        let versions = objects.get_mut(&at.1).unwrap();
        assert!(versions.len() >= 5);
        versions.iter_mut().for_each(|version| version.last_modified = first);
    }
    let server = serve(&trail);
    let at = fresh("same-second");
    fs::remove_dir_all(&at).unwrap_or_default();
    let ran = recover(&server, &trail, &at, &[]);
    let report = document(&ran);
    assert_eq!((class(&report, &log), class(&report, &digest)), {
        let class = "deleted-recoverable".to_owned();
        (class.clone(), class)
    });
    assert_eq!((ran.status, verify_mirror(&at).status), (0, 0), "{report}");
}

/// Versions with the id `null`, from before versioning or while it was suspended.
#[test]
fn null_versions_are_versions_like_others() {
    let mut trail = versioned();
    let log = logs(&trail)[4].clone();
    let objects = &mut trail.world.buckets.get_mut(&log.0).unwrap().objects;
    objects.get_mut(&log.1).unwrap()[0].version_id = "null".to_owned();
    replace(&mut trail, &log, b"{}");
    let server = serve(&trail);
    let at = fresh("null-versions");
    fs::remove_dir_all(&at).unwrap_or_default();
    let ran = recover(&server, &trail, &at, &[]);
    let report = document(&ran);
    assert_eq!((ran.status, class(&report, &log).as_str()), (0, "replaced-recoverable"));
}

/// Whatever is deleted, overwritten and planted: as long as the first versions are left, the set that
/// is recovered is that of the world before.
fn any_deeds_on_versions_are_undone(seed: u64) {
    let clean = versioned();
    let mut dice = Dice::new(seed, "versions");
    let mut trail = clean.clone();
    let all: Vec<At> = digests(&clean).into_iter().chain(logs(&clean)).collect();
    let mut any = |end: usize| usize::try_from(dice.below(u32::try_from(end).unwrap())).unwrap();
    for _ in 0..=any(8) {
        let (at, other) = (all[any(all.len())].clone(), all[any(all.len())].clone());
        match any(5) {
            0 => _ = trail.delete(&at.0, &at.1),
            1 => replace(&mut trail, &at, b"\x1f\x8bjunk"),
            2 => {
                let body = clean.current(&other.0, &other.1).unwrap().body.clone();
                replace(&mut trail, &at, &body);
            }
            3 => {
                let copied = clean.current(&at.0, &at.1).unwrap().clone();
                trail.put(&at.0, &at.1, copied);
            }
            _ => {
                let planted = format!("{}planted.json.gz", at.1.trim_end_matches(".json.gz"));
                trail.put(&at.0, &planted, written(b"planted", time_of(&trail, &at)));
            }
        }
    }
    let server = serve(&trail);
    let at = fresh(&format!("undone-{seed}"));
    fs::remove_dir_all(&at).unwrap_or_default();
    let ran = recover(&server, &trail, &at, &[]);
    let report = document(&ran);
    if report["written"].is_null() {
        assert_eq!(report["verdict"], "proven");
        return;
    }
    assert_eq!(ran.status, 0, "{report}");
    let found = files(&at, &bucket(&trail));
    for (key, bytes) in &found {
        let before = clean.current(&bucket(&clean), key);
        assert_eq!(Some(&bytes[..]), before.map(|before| &before.body[..]), "{key}");
    }
    let keys: BTreeSet<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    for object in report["objects"].as_array().unwrap() {
        let key = object["key"].as_str().unwrap();
        // A planted digest was never there.
        let is_ours = all.iter().any(|(_, ours)| ours == key);
        assert_eq!(keys.contains(key), is_ours, "{object}");
    }
    assert_eq!(verify_mirror(&at).status, 0);
}

by_seed!(any_deeds_on_versions_are_undone: seed_0 = 0, seed_1 = 1, seed_2 = 2, seed_3 = 3, seed_4 = 4, seed_5 = 5);

/// Somebody changes an object between the runs of `recover`: whenever that is, nothing unproven is written.
#[test]
fn what_changes_while_it_is_recovered_is_not_written() {
    let mut trail = versioned();
    let all = logs(&trail);
    let (changed, deleted) = (all[6].clone(), all[5].clone());
    let clean = trail.world.buckets[&changed.0].objects[&changed.1].last().unwrap().body.clone();
    remove(&mut trail, &deleted);
    let mut written = BTreeSet::new();
    for read in 1..=6 {
        let flipped = Schedule::from(read, Fault::BitFlipped { at: 40 });
        let faults = FaultPlan::new().with(Matcher::get(&changed.1), flipped);
        let options = ServerOptions { faults, ..ServerOptions::default() };
        let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
        let at = fresh(&format!("changing-{read}"));
        let ran = recover(&server, &trail, &at, &[]);
        let file = fs::read(at.join(&changed.0).join(&changed.1)).ok();
        written.insert(file.is_some());
        assert!(file.is_none_or(|bytes| bytes == *clean), "from read {read}: {ran:?}");
    }
    assert_eq!(written, BTreeSet::from([false, true]), "neither is always so");
}
