//! How objects are stored: from the store's headers into the record, the reports and a mirror.
use crate::support::mirrors::*;
use serde_json::{Value, json};
use trailproof_testkit::trail::BuiltTrail;
use trailproof_testkit::world::Version;

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/0d990263-018e-428e-a701-31b6de3a4d52";
const UNTIL: &str = "2027-03-01T00:00:00.000Z";

/// The headers that S3 sends for an object that is encrypted with the trail's key and locked.
const HEADERS: [(&str, &str); 7] = [
    ("x-amz-server-side-encryption", "aws:kms"),
    ("x-amz-server-side-encryption-aws-kms-key-id", KEY),
    ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
    ("x-amz-object-lock-mode", "COMPLIANCE"),
    ("x-amz-object-lock-retain-until-date", UNTIL),
    ("x-amz-object-lock-legal-hold", "OFF"),
    ("x-amz-replication-status", "COMPLETED"),
];

fn locked() -> BuiltTrail {
    let mut trail = trail();
    trail.set_headers(&HEADERS);
    trail
}

/// Returns the bucket and the keys of the log files.
fn logs(trail: &BuiltTrail) -> Vec<(String, String)> {
    let digests = trail.chains.iter().flat_map(|chain| &chain.digests);
    let logs = digests.flat_map(|digest| &digest.logs);
    logs.map(|log| (log.bucket.clone(), log.key.clone())).collect()
}

fn version<'t>(trail: &'t mut BuiltTrail, (bucket, key): &(String, String)) -> &'t mut Version {
    let objects = &mut trail.world.buckets.get_mut(bucket).unwrap().objects;
    objects.get_mut(key).unwrap().last_mut().unwrap()
}

#[test]
fn every_read_object_has_what_the_store_reported() {
    let trail = locked();
    let server = serve(&trail);
    let ran = verify_bucket(&server, &trail);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let expected = |last_modified: &Value| {
        json!({
            "encryption": "aws:kms",
            "kms_key": KEY,
            "bucket_key": true,
            "lock_mode": "COMPLIANCE",
            "retain_until": "2027-03-01T00:00:00Z",
            "legal_hold": false,
            "replication": "COMPLETED",
            "last_modified": last_modified,
        })
    };
    let judged = [ran.of_kind("digest-judged"), ran.of_kind("log-judged")].concat();
    for event in &judged {
        let stored_as = &event["stored_as"];
        assert_eq!(*stored_as, expected(&stored_as["last_modified"]), "{event}");
        let key = (bucket(&trail), event["key"].as_str().unwrap().to_owned());
        let written = version(&mut trail.clone(), &key).last_modified;
        assert_eq!(stored_as["last_modified"], iso(written));
    }
    assert!(judged.len() > 50);
}

#[test]
fn a_mirror_keeps_it_and_a_directory_has_none() {
    let trail = locked();
    let server = serve(&trail);
    let online = verify_bucket(&server, &trail);
    let at = fresh("stored-as");
    assert_eq!(mirror(&server, &trail, &at, &[]).status, 0);
    drop(server);
    let offline = verify_offline(&trail, &at);
    assert_eq!(offline.events(), online.events());
    assert!(offline.of_kind("log-judged").iter().all(|log| log["stored_as"]["kms_key"] == KEY));

    // The same files without the manifest are a directory like any other.
    let files = fresh("stored-as-files");
    std::fs::create_dir_all(&files).unwrap();
    std::fs::rename(at.join(bucket(&trail)), files.join(bucket(&trail))).unwrap();
    std::fs::copy(at.join("public-keys.json"), files.join("public-keys.json")).unwrap();
    let plain = verify_offline(&trail, &files);
    let logs = plain.of_kind("log-judged");
    assert!(logs.len() > 20 && logs.iter().all(|log| log["stored_as"].is_null()), "{logs:?}");
    let text = verify_more(&trail, &files, &["--format", "text"]);
    assert!(!text.stdout.contains("How the objects are stored"), "{}", text.stdout);
}

/// Returns the report of a run over the bucket in this format.
fn report(trail: &BuiltTrail, format: &str) -> Ran {
    let server = serve(trail);
    let location = format!("s3://{}", bucket(trail));
    let format = ["--format", format];
    aws(&server, &[&["verify", &location][..], &slices(&period(trail)), &format].concat())
}

#[test]
fn reports_sum_it_up_and_name_what_is_unlike_the_others() {
    let mut trail = locked();
    let logs = logs(&trail);
    let (all, differing) = (logs.len(), 2);
    for log in logs.iter().take(differing) {
        let headers = &mut version(&mut trail, log).headers;
        *headers = vec![("x-amz-server-side-encryption".to_owned(), "AES256".to_owned())];
    }
    let late = version(&mut trail, &logs[5]);
    late.last_modified += 3 * 86_400;

    let text = report(&trail, "text");
    assert_eq!(text.status, 0, "none of this affects the verdict: {}", text.stderr);
    let has = |what: &str| assert!(text.stdout.contains(what), "{what}: {}", text.stdout);
    let with = all - differing;
    has(&format!(
        "of {all} log files of the period, {with} are encrypted with key `{KEY}`, 2 are not"
    ));
    has(&format!(
        "of {all} log files of the period, {with} are locked ({with} in COMPLIANCE mode)"
    ));
    has("1 log file was written 24 hours or more after the time in the name");
    has("2 log files are unlike nearly all others (encryption AES256)");
    let named = text.stdout.matches(&logs[0].1).count();
    assert_eq!(named, 3, "encryption, lock and replication: {}", text.stdout);

    let json: Value = serde_json::from_str(&report(&trail, "json").stdout).unwrap();
    let sums = &json["storage"]["log_files"];
    assert_eq!(sums["known"], all);
    assert_eq!(sums["lock_mode"], json!({ "COMPLIANCE": with, "none": differing }));
    assert_eq!(sums["late"]["examples"][0]["key"], logs[5].1.as_str());
    let chains = json["chain_summaries"].as_array().unwrap();
    let of_chains = |chain: &Value| chain["storage"]["log_files"]["known"].as_u64().unwrap();
    let in_chains: u64 = chains.iter().map(of_chains).sum();
    assert_eq!(in_chains, u64::try_from(all).unwrap());
}

/// The store's headers come from an attacker as everything else does.
#[test]
fn hostile_headers_are_bounded_and_escaped() {
    let mut trail = trail();
    let long = format!("arn:aws:kms:{}", "x".repeat(4_000));
    trail.set_headers(&[
        ("x-amz-server-side-encryption", "\u{202e}<script>"),
        ("x-amz-server-side-encryption-aws-kms-key-id", &long),
        ("x-amz-storage-class", "`rm -rf`"),
        ("x-amz-object-lock-mode", "NONE"),
    ]);
    let server = serve(&trail);
    let ran = verify_bucket(&server, &trail);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let stored_as = &ran.of_kind("log-judged")[0]["stored_as"];
    assert_eq!(stored_as["kms_key"], Value::Null);
    for field in ["encryption", "storage_class", "lock_mode"] {
        assert_eq!(stored_as[field], "other", "{stored_as}");
    }
    let text = report(&trail, "text");
    assert!(!text.stdout.contains("<script>") && !text.stdout.contains("rm -rf"));
}
