//! `trail-config --evidence`: files as the AWS CLI prints them, and the script that gathers them.
use super::{result, scratch};
use crate::support::copy::Copy;
use crate::support::program::program;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use trailproof_testkit::trail::TrailSpec;

const TRAIL: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/main";

fn write(at: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        fs::write(at.join(name), content).unwrap();
    }
}

fn judge(at: &Path) -> Output {
    program(&["trail-config", "--format", "json", "--evidence"]).arg(at).output().unwrap()
}

fn judged(at: &Path) -> Value {
    let output = judge(at);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn gathered(name: &str) -> std::path::PathBuf {
    let at = scratch(name);
    let trail = json!({ "trailList": [{
        "Name": "main", "TrailARN": TRAIL, "HomeRegion": "us-east-1", "S3BucketName": "logs",
        "IsMultiRegionTrail": true, "LogFileValidationEnabled": true, "IncludeGlobalServiceEvents": true,
    }] });
    let rule = json!({ "Rules": [{ "Name": "tampering", "State": "ENABLED",
        "EventPattern": "{\"detail\":{\"eventName\":[\"StopLogging\",\"DeleteTrail\",\"UpdateTrail\"]}}" }] });
    let compliant = |rule: &str, resource: &str| {
        json!({ "ComplianceType": "COMPLIANT",
            "EvaluationResultIdentifier": { "EvaluationResultQualifier": {
                "ConfigRuleName": rule, "ResourceId": resource } },
            "ResultRecordedTime": "2026-11-29T10:00:00.123000+00:00" })
    };
    let compliance = json!({ "EvaluationResults": [
        compliant("cloudtrail-enabled", TRAIL), compliant("bucket-versioned", "logs")] });
    let (trail, rule, compliance) = (trail.to_string(), rule.to_string(), compliance.to_string());
    // The AWS CLI prints times as ISO 8601 or, by a setting, as numbers.
    let status = "{\"IsLogging\": true, \"LatestDeliveryTime\": \"2026-11-29T11:30:00.5+00:00\",
        \"LatestDigestDeliveryTime\": 1795951800.25}";
    write(
        &at,
        &[
            ("as-of", "2026-11-29T12:00:00Z\n"),
            ("describe-trails.json", &trail),
            ("get-trail-status.us-east-1.json", status),
            // Nothing is printed for an answer without fields.
            ("get-bucket-versioning.json", ""),
            (
                "get-bucket-policy.error",
                "An error occurred (NoSuchBucketPolicy) when calling the GetBucketPolicy operation: x",
            ),
            (
                "get-object-lock-configuration.error",
                "An error occurred (AccessDenied) when calling the GetObjectLockConfiguration operation: x",
            ),
            ("list-rules.json", &rule),
            (
                "list-targets-by-rule.tampering.json",
                "{\"Targets\": [{\"Id\": \"1\", \"Arn\": \"a\"}]}",
            ),
            ("get-compliance-details-by-config-rule.cloudtrail-enabled.json", &compliance),
            (
                "describe-configuration-recorder-status.json",
                "{\"ConfigurationRecordersStatus\": [{\"name\": \"d\", \"recording\": false}]}",
            ),
        ],
    );
    at
}

#[test]
fn files_that_the_aws_cli_printed_are_judged() {
    let at = gathered("given");
    let document = judged(&at);
    assert_eq!(document["as_of"], "2026-11-29T12:00:00Z");
    for (check, status) in [
        ("trail-log-file-validation", "PASS"),
        ("trail-multi-region", "PASS"),
        ("trail-delivery-recent", "PASS"),
        ("trail-digest-recent", "PASS"),
        ("bucket-versioning", "FAIL"),
        ("bucket-tls-only", "FAIL"),
        ("bucket-object-lock", "NOT_AVAILABLE"),
        ("bucket-acl-disabled", "NOT_AVAILABLE"),
        ("alert-trail-tampering", "PASS"),
        ("config-recorder", "FAIL"),
        ("config-rules-compliant", "PASS"),
        ("conformance-pack", "NOT_AVAILABLE"),
        ("trail-encrypted-with-customer-key", "FAIL"),
    ] {
        let found = result(&document, TRAIL, check);
        assert_eq!(
            (&found["status"], &found["basis"]),
            (&status.into(), &"given".into()),
            "{found:#}"
        );
    }
    let lock = result(&document, TRAIL, "bucket-object-lock");
    assert_eq!(lock["unread"][0]["why"], "denied");
    let acl = result(&document, TRAIL, "bucket-acl-disabled");
    assert_eq!(acl["unread"][0]["why"], "not-asked");
    // A rule without a target reports nothing.
    write(&at, &[("list-targets-by-rule.tampering.json", "{\"Targets\": []}")]);
    let alone = judged(&at);
    let alert = result(&alone, TRAIL, "alert-trail-tampering");
    assert_ne!(alert["status"], "PASS", "{alert:#}");
}

/// An answer that is empty or of another form is not the one that AWS gives where nothing is configured.
#[test]
fn an_answer_of_another_form_is_malformed() {
    let at = gathered("malformed");
    for (file, content, checks) in [
        ("get-event-selectors", "", &["trail-management-events", "trail-no-excluded-sources"][..]),
        ("get-event-selectors", "\"garbage\"", &["trail-management-events"]),
        ("get-event-selectors", "{}", &["trail-management-events"]),
        ("get-insight-selectors", "{}", &["trail-insights"]),
        ("get-bucket-lifecycle-configuration", "[]", &["bucket-no-early-expiry", "bucket-at-hand"]),
        ("get-bucket-lifecycle-configuration", "{}", &["bucket-no-early-expiry"]),
        ("get-trail-status.us-east-1", "{}", &["trail-logging", "trail-multi-region"]),
        ("get-bucket-acl", "{}", &["bucket-not-public"]),
        ("get-bucket-versioning", "7", &["bucket-versioning"]),
        ("get-compliance-details-by-config-rule.x", "{}", &["config-rules-compliant"]),
    ] {
        write(&at, &[(&format!("{file}.json"), content)]);
        let document = judged(&at);
        for check in checks {
            let found = result(&document, TRAIL, check);
            assert_eq!(found["status"], "NOT_AVAILABLE", "{file} {content}: {found:#}");
            assert_eq!(found["unread"][0]["why"], "malformed", "{file} {content}: {found:#}");
        }
    }
    let trail = json!({ "trailList": [{ "TrailARN": TRAIL, "S3BucketName": "logs" }] });
    write(&at, &[("describe-trails.json", &trail.to_string())]);
    let document = judged(&at);
    for check in ["trail-log-file-validation", "trail-global-events", "trail-organization"] {
        assert_eq!(result(&document, TRAIL, check)["status"], "NOT_AVAILABLE", "{check}");
    }
}

/// A pattern that names the operations to leave them out does not report them.
#[test]
fn a_pattern_that_leaves_operations_out_does_not_report_them() {
    let at = gathered("patterns");
    let rule = json!({ "Rules": [{ "Name": "tampering", "State": "ENABLED",
        "EventPattern": "{\"detail\":{\"eventName\":[{\"anything-but\":[\"StopLogging\",\"DeleteTrail\",\"UpdateTrail\"]}]}}" }] });
    write(&at, &[("list-rules.json", &rule.to_string())]);
    let document = judged(&at);
    assert_eq!(result(&document, TRAIL, "alert-trail-tampering")["status"], "NOT_AVAILABLE");
    let none = json!({ "metricFilters": [] });
    write(&at, &[("describe-metric-filters.json", &none.to_string())]);
    let document = judged(&at);
    assert_eq!(result(&document, TRAIL, "alert-trail-tampering")["status"], "MANUAL");
}

/// Chains in one bucket say nothing about a trail that delivers to another.
#[test]
fn a_record_counts_only_for_trails_of_its_bucket() {
    let spec = TrailSpec::new().seed(4).regions(&["us-east-1"]).time("2026-03-01T00:04:11Z", 3);
    let copy = Copy::write(&scratch("record-copy"), &spec.build()).unwrap();
    let record = copy.beside("run.jsonl");
    copy.verify(&["--record", &record]);
    let text = fs::read_to_string(&record).unwrap();
    let started = text.lines().find(|line| line.contains("\"delivered_to\"")).unwrap();
    let started: Value = serde_json::from_str(started).unwrap();
    let bucket = started["delivered_to"]["bucket"].as_str().unwrap().to_owned();
    let at = gathered("record");
    let accounts = json!({ "Accounts": [{ "Id": "999988887777", "State": "ACTIVE" }] });
    let organization =
        json!({ "Organization": { "Id": "o-1", "MasterAccountId": "1", "FeatureSet": "ALL" } });
    write(
        &at,
        &[
            ("list-accounts.json", &accounts.to_string()),
            ("describe-organization.json", &organization.to_string()),
        ],
    );
    let run = |bucket: &str| {
        let trail = json!({ "trailList": [{ "TrailARN": TRAIL, "S3BucketName": bucket }] });
        write(&at, &[("describe-trails.json", &trail.to_string())]);
        let mut command = program(&["trail-config", "--format", "json", "--record", &record]);
        command.arg("--evidence").arg(&at).output().unwrap()
    };
    let output = run(&bucket);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let covered = result(&document, TRAIL, "org-all-accounts-covered");
    assert_eq!(covered["status"], "FAIL", "the account has no chain: {covered:#}");
    // A directory does not report how a file was stored in the bucket.
    assert_eq!(result(&document, TRAIL, "files-locked")["status"], "NOT_AVAILABLE");
    let output = run("another-bucket");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no trail of the input delivers"));
}

#[test]
fn evidence_that_was_changed_is_refused() {
    let at = gathered("sums");
    let mut sums = String::new();
    for entry in fs::read_dir(&at).unwrap() {
        let entry = entry.unwrap();
        let hash = hex::encode(Sha256::digest(fs::read(entry.path()).unwrap()));
        sums += &format!("{hash}  {}\n", entry.file_name().to_str().unwrap());
    }
    write(&at, &[("SHA256SUMS", &sums)]);
    judged(&at);
    let refused = |words: &str| {
        let output = judge(&at);
        assert_eq!(output.status.code(), Some(5));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains(words), "{stderr}");
    };
    write(&at, &[("list-roots.json", "{}")]);
    refused("`list-roots.json` was added");
    fs::remove_file(at.join("list-roots.json")).unwrap();
    write(&at, &[("list-rules.json", "{}")]);
    refused("`list-rules.json` was changed");
    fs::remove_file(at.join("list-rules.json")).unwrap();
    refused("`list-rules.json`, which is not there");
    fs::remove_file(at.join("SHA256SUMS")).unwrap();
    fs::remove_file(at.join("describe-trails.json")).unwrap();
    refused("no answer of DescribeTrails");
}

/// The script calls the AWS CLI as it is: a stand-in on the path records what it is asked, and a shell
/// runs the script from beginning to end.
#[test]
#[cfg(unix)]
fn the_script_only_reads_and_its_folder_is_judged() {
    use std::os::unix::fs::PermissionsExt as _;
    let at = scratch("script");
    let output = program(&["trail-config", "--evidence-script"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    fs::write(at.join("evidence.sh"), &output.stdout).unwrap();
    let stand_in = format!(
        "#!/bin/sh\necho \"$1 $2\" >>'{0}'\ncase \"$*\" in\n\
         *--query*S3BucketName*) echo logs;;\n*--query*IsMultiRegionTrail*) echo False;;\n\
         *--query*KmsKeyId*) echo None;;\n*--query*) echo;;\n\
         *describe-trails*) echo '{{\"trailList\": [{{\"TrailARN\": \"{TRAIL}\", \"S3BucketName\": \"logs\",\
         \"HomeRegion\": \"us-east-1\"}}]}}';;\n\
         *get-bucket-policy*) echo 'An error occurred (AccessDenied) when calling' >&2; exit 254;;\n\
         *) echo '{{}}';;\nesac\n",
        at.join("asked").display()
    );
    let bin = at.join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("aws"), stand_in).unwrap();
    fs::set_permissions(bin.join("aws"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let gather = || {
        let mut command = Command::new("sh");
        command.arg("evidence.sh").args([TRAIL, "gathered"]).current_dir(&at).env("PATH", &path);
        command.output().unwrap()
    };
    let gathered = gather();
    assert!(gathered.status.success(), "{}", String::from_utf8_lossy(&gathered.stderr));
    let asked = fs::read_to_string(at.join("asked")).unwrap();
    let reads = ["describe-", "get-", "list-", "head-"];
    for line in asked.lines() {
        let operation = line.split(' ').nth(1).unwrap();
        assert!(reads.iter().any(|verb| operation.starts_with(verb)), "{line}");
    }
    let document = judged(&at.join("gathered"));
    let denied = result(&document, TRAIL, "bucket-tls-only");
    assert_eq!(denied["unread"][0]["why"], "denied");
    assert_eq!(result(&document, TRAIL, "bucket-versioning")["status"], "FAIL");
    assert_eq!(gather().status.code(), Some(2), "a folder is never written into twice");
}
