//! Copies under a different name, and what determines which place they are copies of.
use super::*;

#[test]
fn a_replica_is_verified_under_the_place_of_delivery() {
    let mut trail = trail();
    let original = bucket(&trail);
    let expected = comparable_events(&online(&trail, &original, &[]));
    let objects = trail.world.buckets.remove(&original).unwrap();
    trail.world.buckets.insert("the-replica".to_owned(), objects);
    let output = online(&trail, "the-replica", &[]);
    assert_eq!(verdict(&output), "proven");
    let started = &events(&output)[0];
    assert_eq!(started["delivered_to"], json!({ "bucket": original, "prefix": "" }));
    let read = json!([{ "kind": "replica", "place": "s3://the-replica" }]);
    assert_eq!(started["read_from"], read);
    assert_eq!(comparable_events(&output), expected);
    // A bucket given with `--bucket` overrides what digests claim, and proves nothing false.
    let output = online(&trail, "the-replica", &["--bucket", "the-replica"]);
    assert_eq!(verdict(&output), "not proven");
    assert_eq!(findings(&output), BTreeSet::new());
    let judged = events(&output).into_iter().filter(|event| event["event"] == "digest-judged");
    let judged: Vec<Value> = judged.collect();
    let copied = |event: &Value| {
        event["notices"].as_array().is_some_and(|notices| notices.contains(&json!("digest-copied")))
    };
    assert!(judged.len() > 20 && judged.iter().all(copied));
    let text = online(&trail, "the-replica", &["--bucket", "the-replica", "--format", "text"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains(&format!("in a separate run, with `--bucket {original} --account ")),
        "{text}"
    );
}

/// Replication that began in mid-period, or lags: what the replica lacks is not proven and not a
/// finding. The trail's status is not asked for, because it is about the original bucket.
#[test]
fn a_late_or_lagging_replica_yields_no_finding() {
    let mut trail = trail();
    let original = bucket(&trail);
    let objects = trail.world.buckets.remove(&original).unwrap();
    trail.world.buckets.insert("the-replica".to_owned(), objects);
    let digests: Vec<_> = trail.chains.iter().flat_map(|chain| chain.digests.clone()).collect();
    let whole = trail.whole();
    let (early, late) = (whole.from + 6 * 3_600, whole.to - 3 * 3_600);
    type Lacks = fn(i64, i64, i64) -> bool;
    let cases: [(&str, Lacks, bool); 3] = [
        ("began late", |end, early, _| end <= early, true),
        ("lags", |end, _, late| end > late, false),
        ("has holes", |end, early, late| early < end && end <= early + 3_600 || end > late, true),
    ];
    for (name, lacks, absent) in cases {
        let mut changed = trail.clone();
        for digest in digests.iter().filter(|digest| lacks(digest.end, early, late)) {
            for key in std::iter::once(&digest.key).chain(digest.logs.iter().map(|log| &log.key)) {
                changed.delete("the-replica", key);
            }
        }
        let output = online(&changed, "the-replica", &["--trail-arn", &arn(&trail)]);
        assert_eq!(findings(&output), BTreeSet::new(), "{name}");
        assert_eq!(output.status.code(), Some(3), "{name}");
        let reported = events(&output);
        let codes: Vec<&Value> =
            reported.iter().map(|event| &event["read_failure"]["code"]).collect();
        assert_eq!(codes.contains(&&json!("absent-from-copy")), absent, "{name}");
        assert!(!reported.iter().any(|event| event["event"] == "trail-status"), "{name}");
        let output = online(&changed, "the-replica", &["--complete-copy"]);
        assert_eq!(output.status.code(), Some(if absent { 1 } else { 3 }), "{name}");
        assert_eq!(events(&output)[0]["complete_copy_asserted"], true);
    }
}

fn arn(trail: &BuiltTrail) -> String {
    let id = &trail.chains.first().unwrap().id;
    format!("arn:aws:cloudtrail:{}:{}:trail/{}", id.home_region, id.account, id.trail)
}

/// All files in one folder without their original folders: digests and log files are found by their
/// names, and an absent file is not a finding, even if the folder has the name of the bucket.
#[test]
fn files_in_one_flat_folder_are_found_by_their_names() {
    let trail = trail();
    let original = bucket(&trail);
    let keys = write_keys(&trail, "flat");
    let name = |key: &str| Some(key.rsplit('/').next().unwrap().to_owned());
    let at = fresh("flat");
    write_as(&trail.world, &at, |_, key| name(key));
    let deep = fresh("flat-deep");
    write_as(&trail.world, &deep, |_, key| Some(format!("some/folder/{}", name(key)?)));
    let whole = trail.whole();
    let rule = format!("s3://{original}={}", at.display());
    for (place, more) in [(&at, vec![]), (&deep, vec![]), (&at, vec!["--relocate", &rule])] {
        let run = |hours: i64, more: &[&str]| {
            let mut command = offline();
            command.arg("verify").arg(place).args(["--start-time", &iso(whole.from)]);
            command.args(["--end-time", &iso(whole.to - hours * 3_600), "--format", "jsonl"]);
            command.args(more).arg("--public-keys").arg(&keys).output().unwrap()
        };
        let output = run(2, &more);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(events(&output).last().unwrap()["chains"], 2);
    }
    let log = trail.chains.first().unwrap().digests.get(5).unwrap().logs.first().unwrap();
    fs::remove_file(at.join(name(&log.key).unwrap())).unwrap();
    for more in [&[][..], &["--relocate", &rule]] {
        let output = verify(&trail, &at, Some(&keys), more);
        assert_eq!((output.status.code(), findings(&output)), (Some(3), BTreeSet::new()));
    }
}

/// Log files without any digest: nothing can be proven, as in the bucket, and the reason is
/// reported.
#[test]
fn log_files_without_digests_are_reported_as_not_proven() {
    let trail = trail();
    let keys = write_keys(&trail, "alone");
    let logs = trail.logs().count();
    type Layout = fn(&str) -> String;
    let layouts: [Layout; 3] = [
        |key| key.to_owned(),
        |key| key.rsplit('/').next().unwrap().to_owned(),
        |key| format!("x/{key}"),
    ];
    for layout in layouts {
        let at = fresh("alone");
        write_as(&trail.world, &at, |_, key| {
            (!key.contains("/CloudTrail-Digest/")).then(|| layout(key))
        });
        let output = verify(&trail, &at, Some(&keys), &[]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains(&format!("{logs} log files and no digest")), "{stderr}");
        assert!(stderr.contains("`CloudTrail-Digest`"), "{stderr}");
    }
}

/// An older part of the chain is in a different bucket, and a copy of that bucket is elsewhere.
#[test]
fn a_part_that_is_elsewhere_is_named() {
    let trail = trail();
    let at = fresh("parts");
    let old = |key: &str| key.contains("/eu-west-1/");
    write_as(&trail.world, &at.join("new"), |_, key| (!old(key)).then(|| key.to_owned()));
    write_as(&trail.world, &at.join("old"), |_, key| old(key).then(|| key.to_owned()));
    let keys = write_keys(&trail, "parts");
    let bucket = bucket(&trail);
    let account = &trail.chains.first().unwrap().id.account;
    let mut more = Vec::new();
    for kind in ["CloudTrail", "CloudTrail-Digest"] {
        let place = format!("AWSLogs/{account}/{kind}/eu-west-1");
        more.push("--relocate".to_owned());
        let to = at.join("old").join(&place);
        more.push(format!("s3://{bucket}/{place}={}", to.display()));
    }
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let whole = verify(&trail, &at.join("new"), Some(&keys), &more);
    assert_eq!(events(&whole).last().unwrap()["chains"], 2);
    assert_eq!(findings(&whole), BTreeSet::new());
    let part = verify(&trail, &at.join("new"), Some(&keys), &[]);
    assert_eq!(events(&part).last().unwrap()["chains"], 1);
}

#[test]
fn copies_that_disagree_are_not_proven_together() {
    let mut trail = trail();
    let keys = write_keys(&trail, "several");
    let original = bucket(&trail);
    let at = fresh("several");
    write_as(&trail.world, &at.join("a"), |_, key| Some(key.to_owned()));
    write_as(&trail.world, &at.join("b"), |_, key| Some(key.to_owned()));
    let output = verify(&trail, &at, Some(&keys), &[]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(not_looked_at(&output), ["b/"]);
    assert_eq!(findings(&output), BTreeSet::new());

    let other = TrailSpec::new().bucket("another-bucket", "us-east-1").time(START, 3).build();
    fs::remove_dir_all(at.join("b")).unwrap();
    write_as(&other.world, &at.join("b"), |_, key| Some(key.to_owned()));
    let output = verify(&trail, &at, Some(&keys), &[]);
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("were also delivered to `s3://another-bucket`")
            && stderr.contains("--bucket"),
        "{stderr}"
    );
    assert_eq!(events(&output)[0]["delivered_to"]["bucket"], *original);
    assert_eq!(not_looked_at(&output), ["b/"]);
    // Naming the bucket does not hide the folder of the other one.
    let output = verify(&trail, &at, Some(&keys), &["--bucket", &original]);
    assert_eq!(findings(&output), BTreeSet::new());
    assert_eq!(not_looked_at(&output), ["b/"]);
    assert_eq!(output.status.code(), Some(3), "the newest digests have no signature");
    trail.world = World::default();
}

/// An attacker who can write to the bucket plants digests of a different bucket that sort first.
/// The bucket is still judged as itself, and a directory as what most of its digests claim.
#[test]
fn planted_digests_do_not_turn_a_bucket_into_a_copy() {
    let mut trail = trail();
    let original = bucket(&trail);
    let expected = verdict(&online(&trail, &original, &[]));
    assert_eq!(expected, "proven");
    let other = TrailSpec::new()
        .regions(&["us-east-1", "eu-west-1"])
        .bucket("another-bucket", "us-east-1")
        .time("2026-02-20T00:04:11Z", 3)
        .build();
    let planted = other.world.buckets.get("another-bucket").unwrap().clone();
    let into = trail.world.buckets.get_mut(&original).unwrap();
    for (key, versions) in planted.objects {
        into.put(&key, versions.last().unwrap().clone());
    }
    let output = online(&trail, &original, &[]);
    let read = json!([{ "kind": "bucket", "place": format!("s3://{original}") }]);
    assert_eq!(events(&output)[0]["read_from"], read);
    assert_eq!(verdict(&output), expected);
    let at = fresh("planted");
    write_as(&trail.world, &at, |_, key| Some(key.to_owned()));
    let keys = write_keys(&trail, "planted");
    let output = verify(&trail, &at, Some(&keys), &["--bucket", &original]);
    assert_eq!(findings(&output), BTreeSet::new());
    assert_eq!(events(&verify(&trail, &at, Some(&keys), &[])), events(&output));
}

/// Returns the folders that a run did not look at.
fn not_looked_at(output: &Output) -> Vec<String> {
    let doubts = events(output).into_iter().filter(|event| event["why"] == "not-looked-at");
    doubts.map(|event| event["folder"].as_str().unwrap().to_owned()).collect()
}

/// Plants digests of a different trail whose keys sort before and after those of the copied one.
fn plant_around(trail: &mut BuiltTrail, into: &str) {
    for start in ["2026-02-20T00:04:11Z", "2026-05-01T00:04:11Z"] {
        let other = TrailSpec::new().regions(&["us-east-1", "eu-west-1"]);
        let other = other.bucket("another-bucket", "us-east-1").time(start, 40).build();
        let planted = other.world.buckets.get("another-bucket").unwrap().clone();
        let into = trail.world.buckets.get_mut(into).unwrap();
        for (key, versions) in planted.objects {
            into.put(&key, versions.last().unwrap().clone());
        }
    }
}

/// An attacker plants digests of a different bucket into a replica, before and after the copied
/// ones. A few are outvoted. If there are so many that every sampled digest is planted, nothing is
/// proven, and the report explains how to verify the copy.
#[test]
fn a_replica_full_of_planted_digests_is_not_proven_and_gives_a_hint() {
    let mut trail = trail();
    let original = bucket(&trail);
    let objects = trail.world.buckets.remove(&original).unwrap();
    trail.world.buckets.insert("the-replica".to_owned(), objects);
    let mut few = trail.clone();
    let newest = |world: &World| -> Vec<String> {
        let digests = world.buckets["the-replica"].objects.keys();
        digests.filter(|key| key.contains("/CloudTrail-Digest/")).cloned().collect()
    };
    for (key, planted) in [("2020/01/01", "20200101T000411Z"), ("2030/01/01", "20300101T000411Z")] {
        for genuine in newest(&trail.world) {
            let (folder, name) = genuine.rsplit_once("/2026/").unwrap();
            let name = name.rsplit_once('/').unwrap().1;
            let name = format!("{}_{planted}.json.gz", name.rsplit_once('_').unwrap().0);
            let to = format!("{folder}/{key}/{name}");
            let into = few.world.buckets.get_mut("the-replica").unwrap();
            let mut version = into.objects[&genuine].last().unwrap().clone();
            let mut body = Vec::new();
            trailproof_core::bytes::content::read_whole(&version.body, 1 << 20, Some(&mut body))
                .unwrap();
            let text = String::from_utf8(body).unwrap().replace(&original, "another-bucket");
            let reported = genuine.replace('/', "\\/");
            assert!(text.contains(&reported));
            version.body = text.replace(&reported, &to.replace('/', "\\/")).into_bytes().into();
            into.put(&to, version);
        }
    }
    let output = online(&few, "the-replica", &[]);
    assert_ne!(output.status.code(), Some(0));
    assert_eq!(events(&output)[0]["delivered_to"]["bucket"], *original);

    plant_around(&mut trail, "the-replica");
    let output = online(&trail, "the-replica", &["--format", "text"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.starts_with("NOT PROVEN  evidence of s3://another-bucket, read from"), "{text}");
    let hint =
        format!("verify the copies of what was delivered to `s3://{original}` in a separate run");
    assert!(text.contains(&hint) && text.contains(&format!("`--bucket {original} ")), "{text}");
    let output = online(&trail, "the-replica", &["--bucket", &original]);
    let reported = events(&output);
    let of =
        |kind: &str| reported.iter().filter(|event| event["event"] == kind).collect::<Vec<_>>();
    let whole = trail.whole();
    let valid = of("digest-judged").iter().filter(|event| event["outcome"] == "valid").count();
    // The period begins where the starting digests end.
    assert!(valid >= trail.digests().count() - trail.chains.len(), "{valid}");
    assert!(of("log-judged").iter().all(|event| event["outcome"] == "valid"));
    assert_eq!(of("chain-finished").len(), 2);
    for chain in of("chain-finished") {
        let covered = chain["coverage"].as_array().unwrap();
        let verified = covered.iter().find(|segment| segment["coverage"] == "verified").unwrap();
        assert_eq!(verified["to"], iso(whole.to), "{covered:?}");
    }
}

/// With an invalid bucket name, the run would report all evidence as moved.
#[test]
fn an_invalid_bucket_or_relocation_is_a_usage_error() {
    let trail = trail();
    let keys = write_keys(&trail, "meant");
    let at = fresh("meant");
    write_as(&trail.world, &at, |_, key| Some(key.to_owned()));
    let original = bucket(&trail);
    for wrong in ["", "s3://", "Wrong Bucket/", "b/p"] {
        let output = verify(&trail, &at, Some(&keys), &["--bucket", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
    for right in [original.clone(), format!("s3://{original}")] {
        let output = verify(&trail, &at, Some(&keys), &["--bucket", &right]);
        assert_eq!(findings(&output), BTreeSet::new(), "{right}");
    }
    let rule = |to: &Path| format!("s3://{original}={}", to.display());
    let (one, other) = (rule(&at), rule(at.parent().unwrap()));
    let twice = verify(&trail, &at, Some(&keys), &["--relocate", &one, "--relocate", &other]);
    assert_eq!(twice.status.code(), Some(2));
    let same = verify(&trail, &at, Some(&keys), &["--relocate", &one, "--relocate", &one]);
    assert_eq!(findings(&same), BTreeSet::new());
}
