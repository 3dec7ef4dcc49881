//! `trailproof trail-config`: a plan and a state that Terraform wrote, joined by reference and by value.
mod checkov;
mod doubts;
mod given;
mod live;
mod outputs;
mod policies;
mod record;

use crate::support::program::{empty_folder, program};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/trail-config").join(name)
}

fn scratch(name: &str) -> PathBuf {
    empty_folder(&format!("trail-config-{name}"))
}

fn run(file: &Path, more: &[&str]) -> Output {
    program(&["trail-config", "--terraform"]).arg(file).args(more).output().unwrap()
}

fn json(file: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let output = run(file, &[&["--format", "json"], more].concat());
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), value)
}

/// Returns the result of a check on a trail.
fn result<'a>(document: &'a Value, trail: &str, check: &str) -> &'a Value {
    let results = document["results"].as_array().unwrap();
    let mut those = results.iter().filter(|it| it["trail"] == trail && it["id"] == check);
    let found = those.next().unwrap_or_else(|| panic!("no result of {check} on {trail}"));
    assert!(those.next().is_none(), "{check} twice");
    found
}

#[track_caller]
fn assert_all(document: &Value, trail: &str, expected: &[(&str, &str, bool)]) {
    for (check, status, by_reference) in expected {
        let found = result(document, trail, check);
        assert_eq!(found["status"], *status, "{trail}: {found:#}");
        assert_eq!(found["by_reference"], *by_reference, "{trail}: {found:#}");
    }
}

/// The plan of a first apply knows neither ARNs nor the names of buckets: the parts are joined by the
/// references of the configuration, through a module.
#[test]
fn a_plan_of_a_first_apply_is_joined_by_reference() {
    let (status, document) = json(&fixture("plan.json"), &[]);
    assert_eq!(status, Some(1));
    let trails: Vec<&str> = document["trails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["subject"].as_str().unwrap())
        .collect();
    assert_eq!(
        trails,
        [
            "aws_cloudtrail.bad",
            "aws_cloudtrail.compliance",
            "aws_cloudtrail.plain[0]",
            "aws_cloudtrail.plain[1]"
        ]
    );
    let compliance = "aws_cloudtrail.compliance";
    assert_all(
        &document,
        compliance,
        &[
            ("trail-encrypted-with-customer-key", "PASS", true),
            ("trail-log-file-validation", "PASS", false),
            ("trail-multi-region", "PASS", false),
            // Its one advanced selector is for data events, and replaces the default.
            ("trail-management-events", "FAIL", false),
            ("trail-insights", "PASS", false),
            ("trail-cloudwatch", "FAIL", false),
            ("trail-delivery-recent", "NOT_AVAILABLE", false),
            ("trail-organization", "NOT_AVAILABLE", false),
            ("key-rotation", "PASS", true),
            ("key-not-public", "PASS", true),
            // The bucket uses a bucket key, for which CloudTrail needs kms:Decrypt too.
            ("key-policy-for-cloudtrail", "FAIL", true),
            ("key-policy-scoped", "FAIL", true),
            ("key-in-bucket-region", "NOT_AVAILABLE", true),
            ("bucket-versioning", "PASS", false),
            ("bucket-mfa-delete", "NOT_AVAILABLE", false),
            ("bucket-object-lock", "PASS", false),
            ("bucket-lock-compliance-mode", "PASS", false),
            ("bucket-lock-covers-retention", "PASS", false),
            // `aws:kms` without a key is the key that AWS manages.
            ("bucket-encryption-default", "FAIL", false),
            ("bucket-public-access-block", "PASS", false),
            ("bucket-tls-only", "PASS", true),
            // One statement of the policy's document has no condition on the trail.
            ("bucket-policy-scoped", "FAIL", true),
            ("bucket-policy-lets-cloudtrail-write", "NOT_AVAILABLE", true),
            ("bucket-no-early-expiry", "PASS", false),
            ("bucket-at-hand", "PASS", false),
            ("bucket-access-logging", "FAIL", false),
            ("bucket-replication", "FAIL", false),
        ],
    );
    let sse = result(&document, compliance, "bucket-encryption-default");
    assert_eq!(sse["reason"], "key-managed-by-aws");
    let selectors = result(&document, compliance, "trail-management-events");
    assert_eq!(selectors["pitfalls"][0], "advanced-selectors-replace-default");
    assert_all(
        &document,
        "aws_cloudtrail.bad",
        &[
            ("trail-encrypted-with-customer-key", "FAIL", false),
            ("key-customer-managed", "FAIL", false),
            ("trail-log-file-validation", "FAIL", false),
            ("trail-multi-region", "FAIL", false),
            ("trail-management-events", "PASS", false),
            ("bucket-versioning", "PASS", false),
        ],
    );
    // The bucket is not part of the plan, and its owner may configure it elsewhere.
    assert_all(
        &document,
        "aws_cloudtrail.plain[1]",
        &[
            ("trail-encrypted-with-customer-key", "FAIL", false),
            ("bucket-versioning", "NOT_AVAILABLE", false),
            ("bucket-tls-only", "NOT_AVAILABLE", false),
            ("key-rotation", "NOT_APPLICABLE", false),
        ],
    );
    let foreign = result(&document, "aws_cloudtrail.plain[1]", "bucket-versioning");
    assert_eq!(foreign["unread"][0]["why"], "not-in-input");
    assert_eq!(foreign["unread"][0]["permission"], "s3:GetBucketVersioning");
}

/// A state is joined by values. The trail whose creation failed half-way is judged, and marked.
#[test]
fn a_state_is_joined_by_value() {
    let (status, document) = json(&fixture("state.json"), &[]);
    assert_eq!(status, Some(1));
    assert_eq!(document["trails"][0]["basis"], "state");
    let compliance = "aws_cloudtrail.compliance";
    assert_all(
        &document,
        compliance,
        &[
            ("trail-encrypted-with-customer-key", "PASS", false),
            ("key-customer-managed", "PASS", false),
            ("key-rotation", "PASS", false),
            ("key-in-bucket-region", "PASS", false),
            ("bucket-versioning", "PASS", false),
            ("bucket-mfa-delete", "FAIL", false),
            ("bucket-tls-only", "PASS", false),
            ("bucket-policy-scoped", "FAIL", false),
            ("bucket-lock-covers-retention", "PASS", false),
        ],
    );
    let tainted = result(&document, compliance, "trail-log-file-validation");
    assert!(tainted["pitfalls"].as_array().unwrap().contains(&"tainted".into()));
    let whole = result(&document, "aws_cloudtrail.bad", "trail-log-file-validation");
    assert!(!whole["pitfalls"].as_array().unwrap().contains(&"tainted".into()));
}

#[test]
fn what_is_not_known_yet_fails_only_if_the_user_says_so() {
    let checks = ["bucket-policy-lets-cloudtrail-write", "key-in-bucket-region"];
    let (_, document) = json(&fixture("plan.json"), &["--unknown", "fail"]);
    for check in checks {
        assert_eq!(result(&document, "aws_cloudtrail.compliance", check)["status"], "FAIL");
    }
    // What is configured elsewhere is not unknown.
    let elsewhere = result(&document, "aws_cloudtrail.plain[0]", "bucket-versioning");
    assert_eq!(elsewhere["status"], "NOT_AVAILABLE");
}

#[test]
fn requirements_and_frameworks_select() {
    let (_, document) =
        json(&fixture("plan.json"), &["--retention-days", "2556", "--at-hand-days", "200"]);
    let compliance = "aws_cloudtrail.compliance";
    assert_all(
        &document,
        compliance,
        &[
            ("bucket-lock-covers-retention", "FAIL", false),
            ("bucket-no-early-expiry", "FAIL", false),
            ("bucket-at-hand", "FAIL", false),
        ],
    );
    let at_hand = result(&document, compliance, "bucket-at-hand");
    assert_eq!(at_hand["pitfalls"][0], "small-files-are-not-moved");
    let (status, document) = json(&fixture("plan.json"), &["--framework", "seed-ct"]);
    assert_eq!(status, Some(1));
    let policies: Vec<_> = document["results"].as_array().unwrap()[..3]
        .iter()
        .map(|it| it["policy"].as_str().unwrap())
        .collect();
    assert_eq!(policies, ["CT-001", "CT-002", "CT-003"]);
    assert_eq!(document["results"].as_array().unwrap().len(), 4 * 3);
}

/// Rewrites the plan and returns the result of the rewritten one.
fn rewritten(name: &str, rewrite: impl FnOnce(&mut Value)) -> (PathBuf, Value) {
    let mut plan: Value = serde_json::from_slice(&fs::read(fixture("plan.json")).unwrap()).unwrap();
    rewrite(&mut plan);
    let file = scratch(name).join("plan.json");
    fs::write(&file, plan.to_string()).unwrap();
    (file.clone(), json(&file, &[]).1)
}

fn change<'a>(plan: &'a mut Value, address: &str) -> &'a mut Value {
    let changes = plan["resource_changes"].as_array_mut().unwrap();
    changes.iter_mut().find(|it| it["address"] == address).unwrap()
}

#[test]
fn a_reference_that_leads_nowhere_is_not_available() {
    let (_, document) = rewritten("local", |plan| {
        let resources = plan["configuration"]["root_module"]["resources"].as_array_mut().unwrap();
        let trail =
            resources.iter_mut().find(|it| it["address"] == "aws_cloudtrail.compliance").unwrap();
        trail["expressions"]["kms_key_id"] = serde_json::json!({ "references": ["local.key"] });
        trail["expressions"]["s3_bucket_name"] =
            serde_json::json!({ "references": ["each.value"] });
    });
    assert_all(
        &document,
        "aws_cloudtrail.compliance",
        &[
            ("trail-encrypted-with-customer-key", "NOT_AVAILABLE", false),
            ("key-rotation", "NOT_AVAILABLE", false),
            ("bucket-versioning", "NOT_AVAILABLE", false),
            ("trail-log-file-validation", "PASS", false),
        ],
    );
}

/// A setting whose bucket is not known may be that of the trail's bucket: it is not absent.
#[test]
fn a_setting_that_cannot_be_joined_is_not_absent() {
    let (_, document) = rewritten("unjoined", |plan| {
        let module = &mut plan["configuration"]["root_module"]["module_calls"]["logs"]["module"];
        let resources = module["resources"].as_array_mut().unwrap();
        let setting = resources
            .iter_mut()
            .find(|it| it["address"] == "aws_s3_bucket_versioning.audit_logs")
            .unwrap();
        setting["expressions"]["bucket"] = serde_json::json!({ "references": ["local.name"] });
    });
    assert_all(
        &document,
        "aws_cloudtrail.compliance",
        &[("bucket-versioning", "NOT_AVAILABLE", false), ("bucket-object-lock", "PASS", false)],
    );
    // Without the setting, versioning is what Object Lock brings, and the lock has no retention.
    let (_, document) = rewritten("removed", |plan| {
        let changes = plan["resource_changes"].as_array_mut().unwrap();
        changes.retain(|it| {
            it["type"] != "aws_s3_bucket_public_access_block"
                && it["type"] != "aws_s3_bucket_object_lock_configuration"
        });
    });
    assert_all(
        &document,
        "aws_cloudtrail.compliance",
        &[("bucket-public-access-block", "FAIL", false), ("bucket-object-lock", "FAIL", false)],
    );
}

#[test]
fn a_trail_that_will_be_deleted_is_not_judged() {
    let (_, document) = rewritten("deleted", |plan| {
        change(plan, "aws_cloudtrail.bad")["change"]["actions"] = serde_json::json!(["delete"]);
    });
    let trails = document["trails"].as_array().unwrap();
    assert!(trails.iter().all(|it| it["subject"] != "aws_cloudtrail.bad"));
    assert_eq!(trails.len(), 3);
}

/// A plan holds sensitive values in plain text; no output does.
#[test]
fn sensitive_values_are_written_nowhere() {
    let secret = "arn:aws:kms:us-east-1:123456789012:alias/hunter22";
    let (file, document) = rewritten("sensitive", |plan| {
        let trail = &mut change(plan, "aws_cloudtrail.bad")["change"];
        trail["after"]["kms_key_id"] = secret.into();
        trail["after"]["name"] = "hunter22-trail".into();
        trail["after_sensitive"] = serde_json::json!({ "kms_key_id": true, "name": true });
    });
    let key = result(&document, "aws_cloudtrail.bad", "trail-encrypted-with-customer-key");
    assert_eq!(key["status"], "NOT_AVAILABLE");
    assert_eq!(key["observed"]["key"], "(sensitive)");
    let folder = file.parent().unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let files = ["o.jsonl", "j.xml", "s.sarif", "r.html"].map(path);
    let html = format!("html={}", files[3]);
    let more = ["--ocsf", &files[0], "--junit", &files[1], "--sarif", &files[2], "--report", &html];
    for format in ["text", "json", "jsonl", "github"] {
        let output = run(&file, &[&["--format", format, "--force"], more.as_slice()].concat());
        assert!(!String::from_utf8_lossy(&output.stdout).contains("hunter22"), "{format}");
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for file in files {
        assert!(!fs::read_to_string(&file).unwrap().contains("hunter22"), "{file}");
    }
}

#[test]
fn wrong_inputs_are_refused_in_a_sentence() {
    let at = scratch("wrong");
    let whole = fs::read_to_string(fixture("plan.json")).unwrap();
    let cut = &whole[..whole.len() / 2];
    for (content, status, words) in [
        (cut, 5, "cut short"),
        ("\u{1b}[31m", 5, "is not JSON"),
        (r#"{"version": 4, "lineage": "x", "resources": []}"#, 2, "terraform show -json"),
        (r#"{"format_version": "2.1", "resource_changes": []}"#, 5, "format version `2.1`"),
        (r#"{"format_version": "1.2", "resource_changes": [], "errored": true}"#, 5, "in an error"),
        (r#"{"format_version": "1.2", "resource_changes": []}"#, 4, "no trail"),
    ] {
        let file = at.join("in put.json");
        fs::write(&file, content).unwrap();
        let output = run(&file, &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{stderr}");
        assert!(stderr.contains(words), "{words}: {stderr}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(run(&at.join("absent"), &[]).status.code(), Some(5));
}

/// A plan of 50 MB, nearly all of it resources that do not matter, needs little more than its own size.
#[test]
#[cfg(target_os = "linux")]
fn a_plan_of_50_mb_is_read_within_memory() {
    let mut plan: Value = serde_json::from_slice(&fs::read(fixture("plan.json")).unwrap()).unwrap();
    let other = serde_json::json!({
        "address": "aws_instance.x", "mode": "managed", "type": "aws_instance", "name": "x",
        "change": { "actions": ["create"], "after": { "user_data": "y".repeat(500), "tags": [1, 2, 3] },
            "after_unknown": { "id": true }, "after_sensitive": false },
    });
    let count = 50_000_000 / other.to_string().len();
    plan["resource_changes"].as_array_mut().unwrap().extend(std::iter::repeat_n(other, count));
    let file = scratch("large").join("plan.json");
    fs::write(&file, plan.to_string()).unwrap();
    drop(plan);
    let mut command = program(&["trail-config", "--format", "json", "--terraform"]);
    let (status, peak) = crate::hostile_stores::memory::peak(command.arg(&file));
    fs::remove_file(&file).unwrap();
    assert_eq!(status, Some(1));
    println!("{} MiB", peak >> 10);
    assert!(peak < 200 << 10, "{} MiB", peak >> 10);
}

#[test]
fn two_results_are_joined() {
    let at = scratch("join");
    let write = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut document = json(&fixture("state.json"), &[]).1;
        for result in document["results"].as_array_mut().unwrap() {
            change(result);
        }
        let file = at.join(name);
        fs::write(&file, document.to_string()).unwrap();
        file
    };
    let is_bucket = |it: &Value| it["id"].as_str().unwrap().starts_with("bucket-");
    let one = write("one.json", &|it| {
        if is_bucket(it) {
            it["status"] = "NOT_AVAILABLE".into();
        }
    });
    let other = write("other.json", &|it| {
        if !is_bucket(it) {
            it["status"] = "NOT_AVAILABLE".into();
        } else if it["id"] == "bucket-versioning" {
            it["status"] = "FAIL".into();
        }
    });
    let join = |one: &Path, other: &Path| {
        let mut command = program(&["trail-config", "--format", "json", "--join"]);
        command.arg(one).arg(other).output().unwrap()
    };
    let whole = json(&fixture("state.json"), &[]).1;
    let joined: Value = serde_json::from_slice(&join(&one, &other).stdout).unwrap();
    let trail = "aws_cloudtrail.compliance";
    for check in ["trail-log-file-validation", "bucket-tls-only", "key-rotation"] {
        assert_eq!(result(&joined, trail, check)["status"], result(&whole, trail, check)["status"]);
    }
    let versioning = result(&joined, trail, "bucket-versioning");
    assert_eq!(versioning["status"], "FAIL");
    assert_eq!(versioning["contradicts"], Value::Null, "the other was not available");
    let state = write("state.json", &|_| {});
    let joined: Value = serde_json::from_slice(&join(&state, &other).stdout).unwrap();
    assert_eq!(result(&joined, trail, "bucket-versioning")["contradicts"], "PASS");
    let refused = join(&state, &fixture("plan.json"));
    assert_eq!(refused.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not a result of"));
}
