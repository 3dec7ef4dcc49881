//! Objects that no digest names: the program over a bucket, a mirror and a directory, and the
//! engine over worlds. Each test covers one kind of object or place.
mod edges;

use crate::support::mirrors::*;
use std::collections::BTreeSet;
use std::fs;
use trailproof_testkit::trail::{
    BuiltTrail, Deed, DigestAt, LogPlan, LogSizes, TrailBuilder, TrailSpec,
};
use trailproof_testkit::world::Trail;

const HERE: &str = "us-east-1";

fn spec(name: &str, hours: u32) -> TrailSpec {
    TrailSpec::new()
        .seed(33)
        .trail(name, HERE)
        .time(START, hours)
        .logs(LogPlan::Constant(1), LogSizes::Small)
}

fn one(hours: u32) -> BuiltTrail {
    spec("main-trail", hours).build()
}

/// Returns the key of a log file in the middle of the trail, split at `/CloudTrail/`.
fn around(trail: &BuiltTrail) -> (String, String) {
    let count = trail.logs().count();
    let key = &trail.logs().nth(count / 2).unwrap().1.key;
    let (above, below) = key.split_once("/CloudTrail/").unwrap();
    (format!("{above}/"), below.to_owned())
}

fn unlisted(ran: &Ran) -> BTreeSet<String> {
    let key = |event: &serde_json::Value| event["key"].as_str().unwrap().to_owned();
    ran.of_kind("log-unlisted").iter().map(key).collect()
}

fn verify(trail: &BuiltTrail, more: &[&str]) -> Ran {
    let server = serve(trail);
    let location = format!("s3://{}", bucket(trail));
    aws(&server, &[&["verify", &location][..], &slices(&period(trail)), &JSONL, more].concat())
}

/// Puts a distinct object at each key, and checks that every one is reported.
fn each_is_unlisted(mut trail: BuiltTrail, keys: &[String], more: &[&str]) {
    let name = bucket(&trail);
    assert_eq!(verify(&trail, more).status, 0);
    for key in keys {
        trail.put(&name, key, object(format!("body of {key}").as_bytes()));
    }
    let ran = verify(&trail, more);
    assert_eq!(ran.status, 3, "{}", ran.stderr);
    assert_eq!(unlisted(&ran), keys.iter().cloned().collect());
}

#[test]
fn an_object_in_any_folder_of_log_files_is_unlisted() {
    let trail = one(8);
    let (above, below) = around(&trail);
    let folders = ["CloudTrail-Insight", "CloudTrail-NetworkActivity", "CloudTrail-Aggregated"];
    let named = |folder: &str| {
        let below = below.replace("_CloudTrail_", &format!("_{folder}_"));
        format!("{above}{folder}/{}", below.replace(".json.gz", "x.json.gz"))
    };
    let mut keys: Vec<String> = folders.into_iter().map(named).collect();
    keys.push(format!("{above}cloudtrail/{below}"));
    keys.push(format!("{above}CloudTrail2/{below}"));
    each_is_unlisted(trail, &keys, &[]);
}

#[test]
fn a_folder_that_is_not_a_region_year_month_or_day_is_searched_completely() {
    let trail = one(8);
    let (above, _) = around(&trail);
    let keys: Vec<String> = [
        "x.json.gz",
        "EU-WEST-1/2026/03/01/x.json.gz",
        "backup/us-east-1/2026/03/01/x",
        "backup/2026/03/01/x",
        "eu-west-9/2026/3/1/x",
        "us-east-1/x.json.gz",
        "us-east-1//x.json.gz",
        "us-east-1/26/03/01/x.json.gz",
        "us-east-1/2026/x.json.gz",
        "us-east-1/2026/3/1/x.json.gz",
        "us-east-1/2026/13/01/x.json.gz",
        "us-east-1/2026/03/x.json.gz",
        "us-east-1/2026/03/1/x.json.gz",
        "us-east-1/2026/03/32/x.json.gz",
        "us-east-1/2026/03/01/deeper/x.json.gz",
        "us-east-1/2026/03/01/x",
        "2026/03/01/x",
    ]
    .map(|key| format!("{above}CloudTrail/{key}"))
    .into();
    each_is_unlisted(trail.clone(), &keys, &[]);
    // A region that is out of scope is omitted, however it is spelt.
    let other = |key: &String| ["EU-WEST", "eu-west"].iter().any(|other| key.contains(other));
    let keys: Vec<String> = keys.into_iter().filter(|key| !other(key)).collect();
    let mut with_other = trail;
    let name = bucket(&with_other);
    let other = format!("{above}CloudTrail/EU-WEST-1/2026/03/01/x.json.gz");
    with_other.put(&name, &other, object(b"other"));
    each_is_unlisted(with_other, &keys, &["--region", HERE]);
}

#[test]
fn folders_of_other_dates_are_not_part_of_the_period() {
    let mut trail = one(8);
    let (above, _) = around(&trail);
    let name = bucket(&trail);
    for day in ["2025/03/01", "2026/02/01", "2026/04/01", "2026/03/11", "2099/12/31"] {
        trail.put(&name, &format!("{above}CloudTrail/us-east-1/{day}/x.json.gz"), object(b"x"));
    }
    assert_eq!(verify(&trail, &[]).status, 0);
}

#[test]
fn log_files_of_trails_out_of_scope_are_not_unlisted() {
    let second = spec("second-trail", 8).seed(34);
    let mut trail = TrailBuilder::new().trail(spec("main-trail", 8)).trail(second.clone()).build();
    let arn = second.arn();
    assert_eq!(verify(&trail, &[]).status, 0);
    for scope in [["--trail", "second-trail"], ["--trail-arn", &arn]] {
        let ran = verify(&trail, &scope);
        assert_eq!((ran.status, unlisted(&ran).len()), (0, 0), "{scope:?} {}", ran.stderr);
        assert!(!ran.stdout.contains("main-trail_"), "its digests must not be reported");
    }
    let server = serve(&trail);
    let location = format!("s3://{}", bucket(&trail));
    let words = ["verify", &location, "--trail", "second-trail"];
    let text = aws(&server, &[&words[..], &slices(&period(&trail))].concat());
    assert!(text.stdout.contains("Not in scope: trail `main-trail`"), "{}", text.stdout);
    // A mirror of the one trail gives the same result.
    let at = fresh("beside");
    let ran = mirror(&server, &trail, &at, &["--trail", "second-trail"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    drop(server);
    let offline = verify_more(&trail, &at, &["--trail", "second-trail"]);
    assert_eq!((offline.status, offline.events()), (0, ran.events()), "{}", offline.stderr);
    // Files that neither trail names are reported, and so are files that only an unproven digest of
    // the other trail names.
    let chain = trail.chain("111122223333", HERE, "main-trail").unwrap();
    let digest = trail.chains[chain].digests[5].clone();
    trail.apply(Deed::DigestByteFlipped(DigestAt { chain, index: 5 })).unwrap();
    let added = digest.logs[0].key.replace(".json.gz", "x.json.gz");
    trail.put(&digest.bucket, &added, object(b"added"));
    let ran = verify(&trail, &["--trail", "second-trail"]);
    assert_eq!(ran.status, 3);
    assert_eq!(unlisted(&ran), BTreeSet::from([added, digest.logs[0].key.clone()]));
}

#[test]
fn objects_that_no_reader_takes_for_data_are_set_aside() {
    let mut trail = one(8);
    let (above, below) = around(&trail);
    let name = bucket(&trail);
    let folder = format!("{above}CloudTrail/{}/", &below[..below.rfind('/').unwrap()]);
    let region = format!("{above}CloudTrail/us-east-1/");
    for (key, body) in [
        (folder.clone(), ""),
        (region.clone(), ""),
        (format!("{folder}empty.json.gz"), ""),
        (format!("{folder}.DS_Store"), "x"),
        (format!("{folder}._x.json.gz"), "x"),
        (format!("{folder}_SUCCESS"), "x"),
    ] {
        trail.put(&name, &key, object(body.as_bytes()));
    }
    let ran = verify(&trail, &[]);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    let aside = |ran: &Ran| ran.of_kind("run-finished")[0]["set_aside"].clone();
    assert_eq!(aside(&ran), serde_json::json!({ "empty": 3, "hidden-name": 3 }));
    // In a mirror, desktops leave files too. In a bucket such files do not come from a desktop.
    let server = serve(&trail);
    let at = fresh("aside");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    drop(server);
    for left in ["Thumbs.db", "desktop.ini"] {
        fs::write(at.join(&name).join(&folder).join(left), "x").unwrap();
    }
    fs::write(at.join(&name).join(&folder).join("none"), "").unwrap();
    let ran = verify_offline(&trail, &at);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    let expected = serde_json::json!({ "desktop": 2, "empty": 4, "hidden-name": 3 });
    assert_eq!(aside(&ran), expected);
    // With content, in a bucket, or without the file extension, each is data to some reader.
    for key in ["Thumbs.db", "desktop.ini", "x.json", "x"] {
        trail.put(&name, &format!("{folder}{key}"), object(b"x"));
    }
    trail.put(&name, &folder, object(b"x"));
    assert_eq!(unlisted(&verify(&trail, &[])).len(), 5);
}

#[test]
fn a_trail_without_validation_is_named_as_the_reason() {
    let mut trail = one(8);
    let name = bucket(&trail);
    let keys: Vec<String> = trail.logs().map(|(_, log)| log.key.clone()).collect();
    for key in &keys {
        let version = trail.current(&name, key).unwrap().clone();
        trail.put(&name, &key.replace(".json.gz", "x.json.gz"), version);
    }
    let arn = spec("main-trail", 8).arn();
    let reported = |trail: &BuiltTrail| {
        let ran = verify(trail, &["--trail-arn", &arn]);
        let events = ran.of_kind("log-unlisted");
        let reasons = events.iter().map(|event| event["reason"].as_str().unwrap().to_owned());
        (ran.status, reasons.collect::<BTreeSet<_>>())
    };
    let baseline = Trail {
        arn: arn.replace("main-trail", "baseline-trail"),
        name: "baseline-trail".to_owned(),
        validates: false,
        ..trail.world.trails[0].clone()
    };
    // A trail that delivers elsewhere explains nothing. Its files are then copies, by their
    // content.
    for other in [
        Trail { bucket: "another-bucket".to_owned(), ..baseline.clone() },
        Trail { prefix: Some("p".to_owned()), ..baseline.clone() },
        Trail { validates: true, ..baseline.clone() },
    ] {
        let mut trail = trail.clone();
        trail.world.trails.push(other);
        assert_eq!(reported(&trail), (0, BTreeSet::new()));
    }
    trail.world.trails.push(baseline);
    assert_eq!(reported(&trail), (3, BTreeSet::from(["trail-without-validation".to_owned()])));
    let server = serve(&trail);
    let words = ["verify", "--trail-arn", &arn];
    let text = aws(&server, &[&words[..], &slices(&period(&trail))].concat()).stdout;
    assert!(text.contains("a trail whose log file validation is off delivers here"), "{text}");
    assert!(text.contains("switch validation on"), "{text}");
    assert!(text.contains("last modified: "), "{text}");
    assert!(!text.contains("find out who wrote"), "{text}");
}

#[test]
fn content_that_a_digest_names_under_a_different_key_is_a_copy() {
    let mut trail = one(8);
    let name = bucket(&trail);
    let key = trail.logs().nth(3).unwrap().1.key.clone();
    let version = trail.current(&name, &key).unwrap().clone();
    let copy = key.replace(".json.gz", "x.json.gz");
    trail.put(&name, &copy, version.clone());
    let ran = verify(&trail, &[]);
    assert_eq!((ran.status, unlisted(&ran).len()), (0, 0), "{}", ran.stdout);
    let copies = ran.of_kind("copy-of");
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0]["key"], copy.as_str());
    let named = ran.of_kind("log-judged").into_iter().find(|event| event["key"] == key.as_str());
    assert_eq!(copies[0]["sha256"], named.unwrap()["sha256"]);
    // With data after the content, or with only a part of it, the file is not a copy.
    for body in [[&version.body[..], b"more"].concat(), version.body[..40].to_vec()] {
        trail.put(&name, &copy, object(&body));
        let ran = verify(&trail, &[]);
        assert_eq!((ran.status, unlisted(&ran)), (3, BTreeSet::from([copy.clone()])));
    }
    // The mirror of this bucket reports the same without a network.
    trail.put(&name, &copy, version);
    let server = serve(&trail);
    let at = fresh("copy-of");
    let ran = mirror(&server, &trail, &at, &[]);
    drop(server);
    assert_eq!(verify_offline(&trail, &at).events(), ran.events());
}
