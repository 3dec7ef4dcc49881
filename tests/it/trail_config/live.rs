//! `trail-config` against the loopback server: every status, refusals and absences.
use super::{result, scratch};
use crate::support::permissions::PERMISSIONS;
use crate::support::program::connected;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};
use trailproof_testkit::server::{
    Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::world::{Bucket, Member, World};

const TRAIL: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/main";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234";

#[expect(clippy::disallowed_methods, reason = "deliveries must be recent by the program's clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn xml(root: &str, inner: &str) -> String {
    format!("<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</{root}>")
}

/// An organization's trail of which everything is in order.
fn world() -> World {
    let mut bucket = Bucket::new("eu-west-1");
    let statement = |action: &str, resource: Value| {
        json!({
            "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" }, "Action": action,
            "Resource": resource, "Condition": { "StringEquals": { "aws:SourceArn": TRAIL } },
        })
    };
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        statement("s3:GetBucketAcl", json!("arn:aws:s3:::logs")),
        statement("s3:PutObject", json!([
            "arn:aws:s3:::logs/AWSLogs/111122223333/*", "arn:aws:s3:::logs/AWSLogs/o-exampleorgid/*"])),
        { "Effect": "Deny", "Principal": "*", "Action": "s3:*",
          "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"],
          "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
    ] });
    let settings = [
        (
            "versioning",
            xml(
                "VersioningConfiguration",
                "<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>",
            ),
        ),
        (
            "object-lock",
            xml(
                "ObjectLockConfiguration",
                "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                 <Mode>COMPLIANCE</Mode><Years>7</Years></DefaultRetention></Rule>",
            ),
        ),
        (
            "encryption",
            xml(
                "ServerSideEncryptionConfiguration",
                &format!(
                    "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
                     <KMSMasterKeyID>{KEY}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault>\
                     <BucketKeyEnabled>true</BucketKeyEnabled></Rule>"
                ),
            ),
        ),
        (
            "publicAccessBlock",
            xml(
                "PublicAccessBlockConfiguration",
                "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>\
                 <BlockPublicPolicy>true</BlockPublicPolicy>\
                 <RestrictPublicBuckets>true</RestrictPublicBuckets>",
            ),
        ),
        ("policy", policy.to_string()),
        ("policyStatus", xml("PolicyStatus", "<IsPublic>false</IsPublic>")),
        (
            "acl",
            xml(
                "AccessControlPolicy",
                "<Owner><ID>75aa</ID></Owner><AccessControlList><Grant>\
                 <Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                 xsi:type=\"CanonicalUser\"><ID>75aa</ID></Grantee>\
                 <Permission>FULL_CONTROL</Permission></Grant></AccessControlList>",
            ),
        ),
        (
            "ownershipControls",
            xml(
                "OwnershipControls",
                "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>",
            ),
        ),
        (
            "lifecycle",
            xml(
                "LifecycleConfiguration",
                "<Rule><ID>a</ID><Status>Enabled</Status><Filter><Prefix>AWSLogs/</Prefix></Filter>\
                 <Transition><Days>90</Days><StorageClass>GLACIER</StorageClass></Transition>\
                 <Expiration><Days>2600</Days></Expiration></Rule>",
            ),
        ),
        (
            "logging",
            xml(
                "BucketLoggingStatus",
                "<LoggingEnabled><TargetBucket>access</TargetBucket><TargetPrefix/></LoggingEnabled>",
            ),
        ),
    ];
    bucket.settings = settings.map(|(name, body)| (name.to_owned(), body)).into();
    let trail = json!({
        "Name": "main", "TrailARN": TRAIL, "HomeRegion": "us-east-1", "S3BucketName": "logs",
        "IncludeGlobalServiceEvents": true, "IsMultiRegionTrail": true, "IsOrganizationTrail": true,
        "LogFileValidationEnabled": true, "KmsKeyId": KEY,
        "CloudWatchLogsLogGroupArn": "arn:aws:logs:us-east-1:111122223333:log-group:trail:*",
    });
    let status = json!({
        "IsLogging": true, "LatestDeliveryTime": now() - 60, "LatestDigestDeliveryTime": now() - 60,
        "LatestCloudWatchLogsDeliveryTime": now() - 60,
    });
    let key_policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" }, "Resource": "*",
        "Action": ["kms:GenerateDataKey*", "kms:DescribeKey", "kms:Decrypt"],
        "Condition": { "StringEquals": { "aws:SourceArn": TRAIL } },
    }] });
    let deny = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": "cloudtrail:*", "Resource": "*" }] });
    let mut configuration: BTreeMap<String, String> = [
        ("DescribeTrails ", json!({ "trailList": [trail] })),
        (
            "GetEventSelectors",
            json!({ "EventSelectors": [{ "ReadWriteType": "All", "IncludeManagementEvents": true }] }),
        ),
        ("DescribeKey", json!({ "KeyMetadata": {
            "KeyId": "1234", "Arn": KEY, "KeyManager": "CUSTOMER", "KeyState": "Enabled",
            "Origin": "AWS_KMS", "KeySpec": "SYMMETRIC_DEFAULT" } })),
        ("GetKeyPolicy", json!({ "Policy": key_policy.to_string() })),
        ("GetKeyRotationStatus", json!({ "KeyRotationEnabled": true })),
        ("ListRoots ", json!({ "Roots": [{ "Id": "r-1", "PolicyTypes": [
            { "Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED" }] }] })),
        ("ListParents 444455556666", json!({ "Parents": [{ "Id": "ou-1", "Type": "ORGANIZATIONAL_UNIT" }] })),
        ("ListParents 111122223333", json!({ "Parents": [{ "Id": "r-1", "Type": "ROOT" }] })),
        ("ListParents ou-1", json!({ "Parents": [{ "Id": "r-1", "Type": "ROOT" }] })),
        ("ListPoliciesForTarget r-1", json!({ "Policies": [] })),
        ("ListPoliciesForTarget ou-1", json!({ "Policies": [{ "Id": "p-1", "Name": "guard" }] })),
        ("ListPoliciesForTarget 444455556666", json!({ "Policies": [] })),
        ("ListPoliciesForTarget 111122223333", json!({ "Policies": [] })),
        ("DescribePolicy p-1", json!({ "Policy": { "Content": deny.to_string() } })),
        ("ListDelegatedAdministrators cloudtrail.amazonaws.com", json!({ "DelegatedAdministrators": [] })),
    ]
    .map(|(name, body)| {
        let name = match name {
            "GetEventSelectors" => format!("{name} {TRAIL}"),
            "DescribeKey" | "GetKeyPolicy" | "GetKeyRotationStatus" => format!("{name} {KEY}"),
            other => other.to_owned(),
        };
        (name, body.to_string())
    })
    .into();
    for region in trailproof::aws::regions::partition_of("us-east-1").regions {
        configuration.insert(format!("GetTrailStatus {region}"), status.to_string());
    }
    let member = |id: &str| Member {
        id: id.to_owned(),
        name: String::new(),
        state: "ACTIVE".to_owned(),
        joined: 0,
    };
    World {
        buckets: BTreeMap::from([("logs".to_owned(), bucket)]),
        organization_id: Some("o-exampleorgid".to_owned()),
        accounts: vec![member("111122223333"), member("444455556666")],
        configuration,
        ..World::default()
    }
}

fn serve(world: World, faults: FaultPlan) -> LoopbackServer {
    LoopbackServer::start(world, ServerOptions { faults, ..ServerOptions::default() }).unwrap()
}

fn ask(server: &LoopbackServer, more: &[&str]) -> Output {
    let mut command = connected(server, &["trail-config", "--format", "json"]);
    command.args(more).env("AWS_REGION", "us-east-1").output().unwrap()
}

fn judged(server: &LoopbackServer) -> (Option<i32>, Value) {
    let output = ask(server, &["--trail-arn", TRAIL]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let document =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    (output.status.code(), document)
}

#[track_caller]
fn expect(document: &Value, statuses: &[(&str, &str)]) {
    for (check, status) in statuses {
        let found = result(document, TRAIL, check);
        assert_eq!(found["status"], *status, "{found:#}");
    }
}

#[test]
fn a_trail_in_order_passes_and_its_evidence_is_kept() {
    let server = serve(world(), FaultPlan::new());
    let at = scratch("live");
    let responses = at.join("responses");
    let kept = responses.to_str().unwrap();
    let output = ask(&server, &["s3://logs", "--responses", kept]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{stderr}"));
    expect(
        &document,
        &[
            ("trail-encrypted-with-customer-key", "PASS"),
            ("trail-log-file-validation", "PASS"),
            ("trail-multi-region", "PASS"),
            ("trail-logging", "PASS"),
            ("trail-delivery-recent", "PASS"),
            ("trail-digest-recent", "PASS"),
            ("trail-cloudwatch", "PASS"),
            ("trail-management-events", "PASS"),
            ("trail-insights", "FAIL"),
            ("trail-organization", "PASS"),
            ("org-trail-protected-by-scp", "PASS"),
            ("org-all-accounts-covered", "NOT_AVAILABLE"),
            ("key-policy-for-cloudtrail", "PASS"),
            ("key-policy-scoped", "PASS"),
            // The bucket's region, which is not the trail's home region.
            ("key-in-bucket-region", "PASS"),
            ("key-rotation", "PASS"),
            ("bucket-versioning", "PASS"),
            ("bucket-mfa-delete", "PASS"),
            ("bucket-lock-covers-retention", "PASS"),
            ("bucket-encryption-default", "PASS"),
            ("bucket-public-access-block", "PASS"),
            ("bucket-not-public", "PASS"),
            ("bucket-tls-only", "PASS"),
            ("bucket-policy-scoped", "PASS"),
            ("bucket-policy-lets-cloudtrail-write", "PASS"),
            ("bucket-acl-disabled", "PASS"),
            ("bucket-access-logging", "PASS"),
            ("bucket-no-early-expiry", "PASS"),
            ("bucket-at-hand", "PASS"),
            ("bucket-no-write-triggers", "PASS"),
            ("bucket-replication", "FAIL"),
            ("alert-trail-tampering", "NOT_AVAILABLE"),
        ],
    );
    // Each answer is there as it was received.
    let calls = document["calls"].as_array().unwrap();
    assert_eq!(fs::read_dir(&responses).unwrap().count(), calls.len());
    for (at, call) in calls.iter().enumerate() {
        let files = ["json", "xml"].map(|kind| responses.join(format!("{at:03}.{kind}")));
        let body = files.iter().find_map(|file| fs::read(file).ok()).unwrap();
        assert_eq!(call["response_sha256"], hex::encode(Sha256::digest(&body)), "{call}");
        assert!(call["request_id"].is_string() && call["http_status"].is_u64(), "{call}");
    }
    let versioning = result(&document, TRAIL, "bucket-versioning");
    let index = usize::try_from(versioning["calls"][0].as_u64().unwrap()).unwrap();
    assert_eq!(calls[index]["operation"], "GetBucketVersioning");
    assert_eq!(calls[index]["region"], "eu-west-1");
    let describes: Vec<&Value> =
        calls.iter().filter(|call| call["operation"] == "DescribeKey").collect();
    assert_eq!(describes.len(), 1);
    assert_eq!(describes[0]["region"], "eu-west-1", "in the region of the key");
    // Evidence is never overwritten.
    assert_eq!(ask(&server, &["s3://logs", "--responses", kept]).status.code(), Some(2));
}

#[test]
fn every_refusal_is_not_available_and_names_the_permission() {
    let operations = [
        Operation::HeadBucket,
        Operation::GetSetting,
        Operation::GetConfiguration,
        Operation::GetTrailStatus,
        Operation::DescribeOrganization,
        Operation::ListAccounts,
    ];
    let denied = operations.into_iter().fold(FaultPlan::new(), |plan, operation| {
        plan.with(Matcher::operation(operation), Schedule::always(Fault::AccessDenied))
    });
    let server = serve(world(), denied);
    let (status, document) = judged(&server);
    assert_eq!(status, Some(0), "nothing failed");
    let results = document["results"].as_array().unwrap();
    for found in results {
        let known = ["trail-log-file-validation", "trail-global-events", "trail-organization"];
        let id = found["id"].as_str().unwrap();
        let expected = match id {
            "trail-data-events" => "NOT_APPLICABLE",
            id if known.contains(&id) => "PASS",
            _ => "NOT_AVAILABLE",
        };
        assert_eq!(found["status"], expected, "{found:#}");
    }
    let key = result(&document, TRAIL, "trail-encrypted-with-customer-key");
    assert_eq!(key["observed"]["key"], KEY);
    assert_eq!(key["unread"][0]["permission"], "kms:DescribeKey");
    assert_eq!(key["unread"][0]["why"], "denied");
    let lock = result(&document, TRAIL, "bucket-object-lock");
    assert_eq!(lock["unread"][0]["permission"], "s3:GetBucketObjectLockConfiguration");
    let output = ask(&server, &["--trail-arn", TRAIL, "--require-all"]);
    assert_eq!(output.status.code(), Some(3));
}

/// Returns the requests that an action allows.
fn allowed_by(action: &str) -> Matcher {
    let setting = match action {
        "s3:GetBucketVersioning" => "versioning",
        "s3:GetBucketObjectLockConfiguration" => "object-lock",
        "s3:GetEncryptionConfiguration" => "encryption",
        "s3:GetBucketPublicAccessBlock" => "publicAccessBlock",
        "s3:GetBucketPolicy" => "policy",
        "s3:GetBucketPolicyStatus" => "policyStatus",
        "s3:GetBucketAcl" => "acl",
        "s3:GetBucketOwnershipControls" => "ownershipControls",
        "s3:GetLifecycleConfiguration" => "lifecycle",
        "s3:GetBucketLogging" => "logging",
        "s3:GetReplicationConfiguration" => "replication",
        "s3:GetBucketNotification" => "notification",
        "cloudtrail:DescribeTrails" => return Matcher::operation(Operation::DescribeTrails),
        "cloudtrail:GetTrailStatus" => return Matcher::operation(Operation::GetTrailStatus),
        "organizations:DescribeOrganization" => {
            return Matcher::operation(Operation::DescribeOrganization);
        }
        "organizations:ListAccounts" => return Matcher::operation(Operation::ListAccounts),
        action => {
            let (_, name) = action.split_once(':').unwrap();
            return Matcher::operation(Operation::GetConfiguration).key_prefix(&format!("{name} "));
        }
    };
    Matcher::setting(setting)
}

/// Returns what a run reports as refused: the actions.
fn refused(document: &Value) -> BTreeSet<String> {
    let unread = document["results"].as_array().unwrap().iter();
    let unread = unread.flat_map(|result| result["unread"].as_array().unwrap());
    let denied = unread.filter(|unread| unread["why"] == "denied");
    denied.map(|unread| unread["permission"].as_str().unwrap().to_owned()).collect()
}

/// With the actions of the book's policy nothing is refused, and without any one of them its facts are
/// missing: it is named, and no check that passed fails.
#[test]
fn each_action_of_the_policy_is_needed() {
    let policy = PERMISSIONS.iter().find(|policy| policy.name == "trail-config").unwrap();
    // Whatever the server has a name for and the policy does not allow is refused.
    let server = serve(world(), FaultPlan::new());
    let (_, whole) = judged(&server);
    assert_eq!(refused(&whole), BTreeSet::new());
    let asked: BTreeSet<&str> = whole["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["operation"].as_str().unwrap())
        .collect();
    // HeadBucket needs none: S3 names the region of a bucket where it refuses, too.
    assert_eq!(asked.len(), policy.actions.len() + 1, "{asked:?}");
    for (action, _) in policy.actions {
        let denied = Schedule::always(Fault::AccessDenied);
        let server = serve(world(), FaultPlan::new().with(allowed_by(action), denied));
        let output = ask(&server, &["--trail-arn", TRAIL]);
        if *action == "cloudtrail:DescribeTrails" {
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(5) && stderr.contains(action), "{stderr}");
            continue;
        }
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        // The policy itself, which is read too, decides whether the bucket is public.
        let is_needed = *action != "s3:GetBucketPolicyStatus";
        let refused = refused(&document);
        assert_eq!(refused.contains(*action), is_needed, "{action}: {refused:?}");
        for found in document["results"].as_array().unwrap() {
            let before = result(&whole, TRAIL, found["id"].as_str().unwrap());
            let kept = found["status"] == before["status"] || found["status"] == "NOT_AVAILABLE";
            assert!(kept, "without {action}: {found:#}");
        }
    }
}

#[test]
fn what_is_not_configured_fails() {
    let mut bare = world();
    if let Some(bucket) = bare.buckets.get_mut("logs") {
        bucket.settings.clear();
    }
    bare.configuration.retain(|name, _| !name.starts_with("List"));
    bare.organization_id = None;
    let server = serve(bare, FaultPlan::new());
    let (status, document) = judged(&server);
    assert_eq!(status, Some(1));
    expect(
        &document,
        &[
            ("bucket-versioning", "FAIL"),
            ("bucket-object-lock", "FAIL"),
            ("bucket-public-access-block", "FAIL"),
            ("bucket-tls-only", "FAIL"),
            ("bucket-access-logging", "FAIL"),
            ("bucket-no-early-expiry", "PASS"),
            ("bucket-acl-disabled", "FAIL"),
            ("org-trail-protected-by-scp", "NOT_APPLICABLE"),
        ],
    );
}

#[test]
fn a_key_that_is_gone_or_dying_and_a_stopped_trail_are_seen() {
    let mut dying = world();
    let description = json!({ "KeyMetadata": {
        "KeyId": "1234", "Arn": KEY, "KeyManager": "CUSTOMER", "KeyState": "PendingDeletion",
        "DeletionDate": now() + 10 * 86_400 + 60 } });
    dying.configuration.insert(format!("DescribeKey {KEY}"), description.to_string());
    let stopped = json!({ "IsLogging": false, "StopLoggingTime": now() - 3_600 });
    dying.configuration.insert("GetTrailStatus eu-west-1".to_owned(), stopped.to_string());
    let server = serve(dying, FaultPlan::new());
    let (_, document) = judged(&server);
    expect(
        &document,
        &[
            ("key-not-pending-deletion", "FAIL"),
            ("trail-encrypted-with-customer-key", "FAIL"),
            ("trail-logging", "FAIL"),
            ("trail-multi-region", "PASS"),
        ],
    );
    let days = &result(&document, TRAIL, "key-not-pending-deletion")["observed"]["days_left"];
    assert_eq!(*days, 10);
    let mut gone = world();
    gone.configuration.retain(|name, _| !name.contains(KEY));
    let server = serve(gone, FaultPlan::new());
    let (_, document) = judged(&server);
    let key = result(&document, TRAIL, "trail-encrypted-with-customer-key");
    assert_eq!(
        (&key["status"], &key["unread"][0]["why"]),
        (&"NOT_AVAILABLE".into(), &"not-found".into())
    );
}

/// The policy that protects the account is on the second page, after one without entries.
#[test]
fn every_page_of_an_organization_is_read() {
    let mut paged = world();
    let page = |fields: Value| fields.to_string();
    for (name, body) in [
        ("ListPoliciesForTarget ou-1", json!({ "Policies": [], "NextToken": "two" })),
        (
            "ListPoliciesForTarget ou-1 two",
            json!({ "Policies": [{ "Id": "p-1", "Name": "guard" }] }),
        ),
        ("ListParents 444455556666", json!({ "Parents": [], "NextToken": "two" })),
        ("ListParents 444455556666 two", json!({ "Parents": [{ "Id": "ou-1" }] })),
        ("ListRoots ", json!({ "Roots": [], "NextToken": "two" })),
        (
            "ListRoots  two",
            json!({ "Roots": [{ "Id": "r-1", "PolicyTypes": [
            { "Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED" }] }] }),
        ),
        (
            "ListDelegatedAdministrators cloudtrail.amazonaws.com",
            json!({ "DelegatedAdministrators": [], "NextToken": "two" }),
        ),
        (
            "ListDelegatedAdministrators cloudtrail.amazonaws.com two",
            json!({ "DelegatedAdministrators": [{ "Id": "444455556666" }] }),
        ),
    ] {
        paged.configuration.insert(name.to_owned(), page(body));
    }
    let server = serve(paged, FaultPlan::new());
    let (_, document) = judged(&server);
    expect(&document, &[("org-trail-protected-by-scp", "PASS")]);
    let delegated = &result(&document, TRAIL, "org-delegated-admin")["observed"];
    assert_eq!(delegated["administrators"][0], "444455556666");
}

/// The default encryption may use a different key than the trail, which is described too.
#[test]
fn the_key_of_the_default_encryption_is_described() {
    let other = "arn:aws:kms:eu-west-1:111122223333:key/other";
    let with = |described: Option<&str>| {
        let mut world = world();
        let bucket = world.buckets.get_mut("logs").unwrap();
        let settings = &mut bucket.settings;
        let encryption = settings["encryption"].replace(KEY, other);
        settings.insert("encryption".to_owned(), encryption);
        if let Some(manager) = described {
            let body = json!({ "KeyMetadata": { "Arn": other, "KeyManager": manager, "KeyState": "Enabled" } });
            world.configuration.insert(format!("DescribeKey {other}"), body.to_string());
        }
        let server = serve(world, FaultPlan::new());
        let (_, document) = judged(&server);
        result(&document, TRAIL, "bucket-encryption-default")["status"].clone()
    };
    assert_eq!(with(Some("CUSTOMER")), "PASS");
    assert_eq!(with(Some("AWS")), "FAIL");
    assert_eq!(with(None), "NOT_AVAILABLE");
}

#[test]
fn throttling_is_waited_out() {
    let throttled = FaultPlan::new()
        .with(Matcher::operation(Operation::GetConfiguration), Schedule::first(1, Fault::SlowDown));
    let server = serve(world(), throttled);
    let (_, document) = judged(&server);
    expect(&document, &[("key-rotation", "PASS"), ("trail-management-events", "PASS")]);
}

#[test]
fn a_trail_that_is_not_there_is_nothing_found() {
    let server = serve(world(), FaultPlan::new());
    let other = format!("{TRAIL}-other");
    assert_eq!(ask(&server, &["--trail-arn", &other]).status.code(), Some(4));
    assert_eq!(ask(&server, &["s3://elsewhere"]).status.code(), Some(4));
    assert_eq!(ask(&server, &["logs"]).status.code(), Some(2));
    assert_eq!(ask(&server, &[]).status.code(), Some(2));
}
