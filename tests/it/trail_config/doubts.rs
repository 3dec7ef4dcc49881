//! What a plan, a state or a template leaves open is never a pass, and not a failure.
use super::{result, run, scratch};
use crate::support::program::program;
use serde_json::{Value, json};
use std::fs;

/// A resource of a plan, with what is not known of it yet.
fn planned(address: &str, after: Value, unknown: Value) -> Value {
    let (kind, name) = address.rsplit_once('.').unwrap();
    let kind = kind.trim_start_matches("data.");
    let (mode, actions) = match address.starts_with("data.") {
        true => ("data", ["read"]),
        false => ("managed", ["create"]),
    };
    let (name, index) = match name.strip_suffix(']').and_then(|it| it.split_once('[')) {
        Some((name, index)) => (name, index.parse::<u64>().ok()),
        None => (name, None),
    };
    let mut resource = json!({
        "address": address, "mode": mode, "type": kind, "name": name,
        "change": { "actions": actions, "after": after, "after_unknown": unknown, "after_sensitive": {} },
    });
    if let Some(index) = index {
        resource["index"] = index.into();
    }
    resource
}

/// A resource of the configuration.
fn configured(address: &str, expressions: Value) -> Value {
    let (kind, name) = address.trim_start_matches("data.").split_once('.').unwrap();
    json!({ "address": address, "mode": "managed", "type": kind, "name": name, "expressions": expressions })
}

fn plan(resources: Vec<Value>, configuration: Vec<Value>) -> Value {
    json!({
        "format_version": "1.2", "resource_changes": resources, "planned_values": {},
        "configuration": { "root_module": { "resources": configuration } },
    })
}

fn state(resources: &[(&str, Value)]) -> Value {
    let resource = |(address, values): &(&str, Value)| {
        let (kind, name) = address.split_once('.').unwrap();
        json!({ "address": address, "mode": "managed", "type": kind, "name": name, "values": values })
    };
    let resources: Vec<Value> = resources.iter().map(resource).collect();
    json!({ "format_version": "1.0", "values": { "root_module": { "resources": resources } } })
}

/// A trail and its bucket, both known by name, and one more resource.
fn with(more: Value) -> Value {
    plan(
        vec![
            planned(
                "aws_cloudtrail.t",
                json!({ "name": "t", "s3_bucket_name": "b" }),
                json!({ "arn": true }),
            ),
            planned("aws_s3_bucket.b", json!({ "bucket": "b" }), json!({ "arn": true })),
            more,
        ],
        Vec::new(),
    )
}

fn judged(kind: &str, document: &Value) -> Value {
    let folder = scratch(&format!("doubts-{:x}", fnv(&document.to_string())));
    let file = folder.join("input.json");
    fs::write(&file, document.to_string()).unwrap();
    let mut command = program(&["trail-config", "--format", "json", kind]);
    let output = command.arg(&file).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Names a folder by its content, since tests run at once.
fn fnv(text: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}

#[track_caller]
fn expect(document: &Value, trail: &str, statuses: &[(&str, &str)]) {
    for (check, status) in statuses {
        let found = result(document, trail, check);
        assert_eq!(found["status"], *status, "{found:#}");
    }
}

/// Each block or attribute that is known only after the plan is applied takes the decision away.
#[test]
fn what_a_plan_does_not_know_is_not_available() {
    let four = [
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    ];
    let unknown: Value = four
        .iter()
        .map(|name| ((*name).to_owned(), Value::from(true)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (kind, unknown, checks) in [
        (
            "aws_s3_bucket_versioning",
            json!({ "versioning_configuration": true }),
            &["bucket-versioning", "bucket-mfa-delete"][..],
        ),
        ("aws_s3_bucket_public_access_block", unknown, &["bucket-public-access-block"]),
        (
            "aws_s3_bucket_acl",
            json!({ "acl": true, "access_control_policy": true }),
            &["bucket-not-public"],
        ),
        ("aws_s3_bucket_ownership_controls", json!({ "rule": true }), &["bucket-acl-disabled"]),
        (
            "aws_s3_bucket_notification",
            json!({ "lambda_function": true }),
            &["bucket-no-write-triggers"],
        ),
        (
            "aws_s3_bucket_lifecycle_configuration",
            json!({ "rule": true }),
            &["bucket-no-early-expiry", "bucket-at-hand"],
        ),
        (
            "aws_s3_bucket_policy",
            json!({ "policy": true }),
            &["bucket-tls-only", "bucket-no-foreign-write-delete"],
        ),
    ] {
        let more = planned(&format!("{kind}.x"), json!({ "bucket": "b" }), unknown);
        let document = judged("--terraform", &with(more));
        for check in checks {
            expect(&document, "aws_cloudtrail.t", &[(check, "NOT_AVAILABLE")]);
        }
    }
    let selector = planned(
        "aws_cloudtrail.u",
        json!({ "name": "u", "s3_bucket_name": "b", "event_selector": [{}] }),
        json!({ "arn": true, "event_selector": [{ "include_management_events": true }] }),
    );
    let document = judged("--terraform", &with(selector));
    expect(&document, "aws_cloudtrail.u", &[("trail-management-events", "NOT_AVAILABLE")]);
}

#[test]
fn a_key_whose_state_is_open_is_not_known_to_be_usable() {
    let of = |kind: &str, after: Value, unknown: Value, expressions: Value| {
        let key = format!("{kind}.k");
        let trail = json!({ "kms_key_id": { "references": [format!("{key}.arn"), key] } });
        let document = plan(
            vec![
                planned(
                    "aws_cloudtrail.t",
                    json!({ "s3_bucket_name": "b" }),
                    json!({ "kms_key_id": true, "arn": true }),
                ),
                planned(&key, after, unknown),
            ],
            vec![configured("aws_cloudtrail.t", trail), configured(&key, expressions)],
        );
        let document = judged("--terraform", &document);
        result(&document, "aws_cloudtrail.t", "trail-encrypted-with-customer-key")["status"].clone()
    };
    let open = json!({ "references": ["var.enabled"] });
    assert_eq!(of("aws_kms_key", json!({}), json!({ "arn": true }), json!({})), "PASS");
    let is_open = of(
        "aws_kms_key",
        json!({}),
        json!({ "arn": true, "is_enabled": true }),
        json!({ "is_enabled": open }),
    );
    assert_eq!(is_open, "NOT_AVAILABLE");
    // The provider itself gives the switch a value.
    let unset = json!({ "arn": true, "is_enabled": true });
    assert_eq!(of("aws_kms_key", json!({}), unset, json!({})), "NOT_AVAILABLE");
    // Without its material, such a key cannot encrypt.
    let external = json!({ "arn": true, "key_state": true });
    assert_eq!(of("aws_kms_external_key", json!({}), external, json!({})), "FAIL");
}

#[test]
fn an_index_names_one_of_several() {
    let bucket = |at: u64| {
        let address = format!("aws_s3_bucket.b[{at}]");
        json!({ "references": [format!("{address}.id"), address, "aws_s3_bucket.b"] })
    };
    let of = |at: u64| {
        let mut trail =
            planned("aws_cloudtrail.t", json!({}), json!({ "s3_bucket_name": true, "arn": true }));
        trail["index"] = 0.into();
        let versioning = json!({ "versioning_configuration": [{ "status": "Enabled" }] });
        let document = plan(
            vec![
                trail,
                planned("aws_s3_bucket.b[0]", json!({}), json!({ "bucket": true })),
                planned("aws_s3_bucket.b[1]", json!({}), json!({ "bucket": true })),
                planned("aws_s3_bucket_versioning.v", versioning, json!({ "bucket": true })),
            ],
            vec![
                configured("aws_cloudtrail.t", json!({ "s3_bucket_name": bucket(at) })),
                configured("aws_s3_bucket_versioning.v", json!({ "bucket": bucket(0) })),
            ],
        );
        let document = judged("--terraform", &document);
        result(&document, "aws_cloudtrail.t", "bucket-versioning")["status"].clone()
    };
    assert_eq!((of(0), of(1)), ("PASS".into(), "FAIL".into()));
}

/// A document of statements that other documents complete, or of which a part is open, is not evaluated.
#[test]
fn a_policy_document_is_evaluated_as_a_whole_or_not() {
    let of = |after: Value, unknown: Value| {
        let source = "data.aws_iam_policy_document.d";
        let policy = json!({ "policy": { "references": [format!("{source}.json"), source] } });
        let mut document = with(planned(source, after, unknown));
        let changes = document["resource_changes"].as_array_mut().unwrap();
        changes.push(planned(
            "aws_s3_bucket_policy.p",
            json!({ "bucket": "b" }),
            json!({ "policy": true }),
        ));
        document["configuration"]["root_module"]["resources"] = json!([
            configured("aws_s3_bucket_policy.p", policy),
            { "address": source, "mode": "data", "type": "aws_iam_policy_document", "name": "d", "expressions": {} },
        ]);
        let document = judged("--terraform", &document);
        result(&document, "aws_cloudtrail.t", "bucket-tls-only")["status"].clone()
    };
    let deny = json!({
        "effect": "Deny", "principals": [{ "type": "*", "identifiers": ["*"] }], "actions": ["s3:*"],
        "resources": ["*"],
        "condition": [{ "test": "Bool", "variable": "aws:SecureTransport", "values": ["false"] }],
    });
    let whole = json!({ "statement": [deny] });
    assert_eq!(of(whole.clone(), json!({ "json": true })), "PASS");
    let mut merged = whole.clone();
    merged["override_policy_documents"] = json!(["{}"]);
    assert_eq!(of(merged, json!({ "json": true })), "NOT_AVAILABLE");
    for part in ["principals", "actions", "effect", "condition"] {
        let mut open = whole.clone();
        open["statement"][0].as_object_mut().unwrap().remove(part);
        let unknown = json!({ "json": true, "statement": [{ part: true }] });
        assert_eq!(of(open, unknown), "NOT_AVAILABLE", "{part}");
    }
    assert_eq!(of(json!({}), json!({ "json": true, "statement": true })), "NOT_AVAILABLE");
}

#[test]
fn an_alert_is_in_force_only_if_all_of_it_is_known() {
    let tamper = r#"{"detail":{"eventName":["StopLogging","DeleteTrail","UpdateTrail"]}}"#;
    let of = |unknown: Value, after: Value, target_unknown: Value| {
        let mut rule = json!({ "event_pattern": tamper, "name": "r" });
        rule["state"] = after;
        let mut document = with(planned("aws_cloudwatch_event_rule.r", rule, unknown));
        let target = match target_unknown.is_null() {
            true => planned("aws_cloudwatch_event_target.x", json!({ "rule": "r" }), json!({})),
            false => planned("aws_cloudwatch_event_target.x", json!({}), target_unknown),
        };
        document["resource_changes"].as_array_mut().unwrap().push(target);
        document["configuration"]["root_module"]["resources"] = json!([
            configured(
                "aws_cloudwatch_event_rule.r",
                json!({ "state": { "references": ["var.s"] } })
            ),
            configured(
                "aws_cloudwatch_event_target.x",
                json!({ "rule": { "references": ["local.r"] } })
            ),
        ]);
        let document = judged("--terraform", &document);
        result(&document, "aws_cloudtrail.t", "alert-trail-tampering")["status"].clone()
    };
    assert_eq!(of(json!({}), "ENABLED".into(), Value::Null), "PASS");
    assert_eq!(of(json!({ "state": true }), Value::Null, Value::Null), "MANUAL");
    assert_eq!(of(json!({}), "ENABLED".into(), json!({ "rule": true })), "MANUAL");
}

const ARN: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/t";

/// A state has in the bucket itself what no resource of its own configures.
#[test]
fn what_a_state_has_in_the_bucket_itself_is_read() {
    let public = json!({ "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" }] });
    let all = "http://acs.amazonaws.com/groups/global/AllUsers";
    let document = state(&[
        ("aws_cloudtrail.t", json!({ "name": "t", "arn": ARN, "s3_bucket_name": "b" })),
        (
            "aws_s3_bucket.b",
            json!({
                "bucket": "b", "policy": public.to_string(),
                "grant": [{ "type": "Group", "permissions": ["READ"], "uri": all, "id": "" }],
                "versioning": [{ "enabled": true, "mfa_delete": true }],
                "replication_configuration": [{ "role": "r", "rules": [
                    { "status": "Enabled", "destination": [{ "bucket": "arn:aws:s3:::c", "account_id": "999999999999" }] } ] }],
            }),
        ),
    ]);
    let document = judged("--terraform", &document);
    expect(
        &document,
        "aws_cloudtrail.t",
        &[
            ("bucket-not-public", "FAIL"),
            ("bucket-no-foreign-write-delete", "FAIL"),
            ("bucket-mfa-delete", "PASS"),
            ("bucket-replication", "PASS"),
            ("bucket-policy-lets-cloudtrail-write", "PASS"),
        ],
    );
    let grants = &result(&document, "aws_cloudtrail.t", "bucket-not-public")["observed"]["grants"];
    assert_eq!(grants[0]["permission"], "READ");
}

/// The block of another account protects no bucket of this one.
#[test]
fn the_block_of_another_account_does_not_count() {
    let of = |account: &str| {
        let on = json!({ "account_id": account, "block_public_acls": true, "block_public_policy": true,
            "ignore_public_acls": true, "restrict_public_buckets": true });
        let document = state(&[
            ("aws_cloudtrail.t", json!({ "arn": ARN, "s3_bucket_name": "b" })),
            ("aws_s3_bucket.b", json!({ "bucket": "b" })),
            ("aws_s3_account_public_access_block.a", on),
        ]);
        let document = judged("--terraform", &document);
        result(&document, "aws_cloudtrail.t", "bucket-public-access-block")["status"].clone()
    };
    assert_eq!((of("111122223333"), of("999999999999")), ("PASS".into(), "FAIL".into()));
}

/// The policy of another key, although it comes first.
#[test]
fn each_key_has_its_own_policy() {
    let key = "arn:aws:kms:us-east-1:111122223333:key/1";
    let policy = json!({ "Statement": { "Effect": "Allow", "Resource": key, "Action": "kms:*",
        "Principal": { "Service": "cloudtrail.amazonaws.com" } } });
    let document = state(&[
        ("aws_kms_key_policy.o", json!({ "key_id": "o", "policy": "{}" })),
        ("aws_cloudtrail.t", json!({ "arn": ARN, "s3_bucket_name": "b", "kms_key_id": key })),
        (
            "aws_kms_key.other",
            json!({ "arn": "arn:aws:kms:us-east-1:111122223333:key/o", "key_id": "o" }),
        ),
        ("aws_kms_key.k", json!({ "arn": key, "key_id": "1", "policy": policy.to_string() })),
        ("aws_s3_bucket.b", json!({ "bucket": "b" })),
    ]);
    let document = judged("--terraform", &document);
    expect(&document, "aws_cloudtrail.t", &[("key-policy-for-cloudtrail", "PASS")]);
}

/// Each part of a sensitive policy is as sensitive as the whole.
#[test]
fn no_part_of_a_sensitive_policy_is_shown() {
    let policy = json!({ "Statement": [{
        "Sid": "Secretsid", "Effect": "Allow", "Action": "s3:*", "Resource": "*",
        "Principal": { "AWS": ["arn:aws:iam::999999999999:role/hunter22", 777_766_665_555_u64] },
    }] });
    let mut more = planned(
        "aws_s3_bucket_policy.p",
        json!({ "bucket": "b", "policy": policy.to_string() }),
        json!({}),
    );
    more["change"]["after_sensitive"] = json!({ "policy": true });
    let file = scratch("doubts-sensitive").join("plan.json");
    fs::write(&file, with(more).to_string()).unwrap();
    for format in ["json", "text"] {
        let output = run(&file, &["--format", format]);
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains("bucket-no-foreign-write-delete"));
        for secret in ["hunter22", "Secretsid", "777766665555"] {
            assert!(!shown.contains(secret), "{secret} in {format}");
        }
    }
}

fn template(trail: Value, more: Value) -> Value {
    let mut properties = json!({ "IsLogging": true, "S3BucketName": { "Ref": "L" } });
    properties.as_object_mut().unwrap().extend(trail.as_object().unwrap().clone());
    let mut resources =
        json!({ "T": { "Type": "AWS::CloudTrail::Trail", "Properties": properties } });
    resources.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    judged("--cloudformation", &json!({ "Resources": resources }))
}

fn bucket(properties: Value) -> Value {
    json!({ "L": { "Type": "AWS::S3::Bucket", "Properties": properties } })
}

#[test]
fn a_template_may_write_switches_as_text_and_leave_parts_to_conditions() {
    let off = json!({ "EventSelectors": [{ "ReadWriteType": "All", "IncludeManagementEvents": "false" }] });
    let four =
        ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
    let block: serde_json::Map<String, Value> =
        four.iter().map(|name| ((*name).to_owned(), "true".into())).collect();
    let document = template(off, bucket(json!({ "PublicAccessBlockConfiguration": block })));
    expect(
        &document,
        "T",
        &[("trail-management-events", "FAIL"), ("bucket-public-access-block", "PASS")],
    );
    let odd = json!({ "EventSelectors": [{ "IncludeManagementEvents": "perhaps" }] });
    expect(&template(odd, bucket(json!({}))), "T", &[("trail-management-events", "NOT_AVAILABLE")]);
    let open = bucket(
        json!({ "BucketEncryption": { "Fn::If": ["a", 1, 2] }, "LoggingConfiguration": { "LogFilePrefix": "x/" } }),
    );
    let document = template(json!({}), open);
    expect(
        &document,
        "T",
        &[("bucket-encryption-default", "NOT_AVAILABLE"), ("bucket-access-logging", "FAIL")],
    );
    let itself =
        bucket(json!({ "LoggingConfiguration": { "DestinationBucketName": { "Ref": "L" } } }));
    expect(&template(json!({}), itself), "T", &[("bucket-access-logging", "FAIL")]);
    let deny = json!({ "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": { "Bool": { "aws:SecureTransport": "false" } } }] });
    for (condition, status) in [(Value::Null, "PASS"), ("Production".into(), "NOT_AVAILABLE")] {
        let mut more = bucket(json!({}));
        more["P"] = json!({ "Type": "AWS::S3::BucketPolicy",
            "Properties": { "Bucket": { "Ref": "L" }, "PolicyDocument": deny } });
        if !condition.is_null() {
            more["P"]["Condition"] = condition;
        }
        expect(&template(json!({}), more), "T", &[("bucket-tls-only", status)]);
    }
}

/// AWS accepts no policy of this length, written as an object or as text.
#[test]
fn a_policy_that_is_too_long_is_not_evaluated() {
    let resources: Vec<String> = (0..5_000).map(|at| format!("arn:aws:s3:::x{at}")).collect();
    let mut more = bucket(json!({}));
    let deny = json!({ "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources }] });
    more["P"] = json!({ "Type": "AWS::S3::BucketPolicy",
        "Properties": { "Bucket": { "Ref": "L" }, "PolicyDocument": deny } });
    let document = template(json!({}), more);
    let found = result(&document, "T", "bucket-tls-only");
    assert_eq!(
        (&found["status"], &found["unread"][0]["why"]),
        (&"NOT_AVAILABLE".into(), &"over-budget".into())
    );
}
