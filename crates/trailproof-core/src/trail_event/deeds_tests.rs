//! Deeds as CloudTrail records them, with the innocent calls of the same name.
use super::*;
use crate::trail_event::{Due, EventFilter};
use crate::vocab::chain_id::ChainId;
use crate::vocab::location::ObjectLocation;
use Technique as T;
use serde_json::json;

const LOG: &str = "p/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/\
                   111122223333_CloudTrail_us-east-1_20260301T1005Z_0123456789abcdef.json.gz";
const KEY_ARN: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn judged(source: &str, name: &str, request: &Value) -> Option<Deed> {
    let event = json!({"Records": [{
        "eventName": name, "eventSource": source, "eventTime": "2026-03-01T10:00:00Z",
        "eventID": "1", "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "userIdentity": {"arn": "arn:aws:iam::111122223333:user/mallory"},
        "requestParameters": request,
        "resources": if source.starts_with("kms") { json!([{"ARN": KEY_ARN}]) } else {
            json!([{"ARNPrefix": "arn:aws:s3:::b/p/AWSLogs/"}])
        },
    }]});
    let found = EventFilter::default().search(event.to_string().as_bytes()).unwrap().events;
    let chain = chain();
    let log = ObjectLocation::new("b", LOG);
    deed(&found[0], Recorded { log: &log, chain: &chain, bucket: "b" }, places(&chain))
}

/// The place to which the digests of the chain are delivered.
fn places(chain: &ChainId) -> impl Iterator<Item = Place<'_>> + Clone {
    let folder = "p/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/";
    std::iter::once(Place { chain, bucket: "b", folder })
}

fn technique_of(source: &str, name: &str, request: &Value) -> Option<Technique> {
    judged(&format!("{source}.amazonaws.com"), name, request).and_then(|deed| deed.technique)
}

/// A policy of one bucket says nothing about deliveries to another one.
#[test]
fn a_policy_breaks_deliveries_to_its_own_bucket_alone() {
    let Some(policy) = judged(
        "s3.amazonaws.com",
        "PutBucketPolicy",
        &json!({"bucketName": "b", "bucketPolicy": {"Statement": []}}),
    ) else {
        panic!("the call is a deed")
    };
    let (subject, _) = policy.effects.first().unwrap();
    let chain = chain();
    let folder = "p/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/";
    let in_bucket = |bucket| std::iter::once(Place { chain: &chain, bucket, folder });
    assert!(is_about_one(subject, in_bucket("b")));
    assert!(!is_about_one(subject, in_bucket("other")));
}

/// CloudTrail's own deliveries are data events of the bucket, and not deeds.
#[test]
fn deliveries_are_not_deeds() {
    let event = |invoked_by: Value| {
        let json = json!({
            "eventName": "PutObject", "eventSource": "s3.amazonaws.com",
            "eventTime": "2026-03-01T10:00:00Z", "eventCategory": "Data",
            "userIdentity": {"type": "AWSService", "invokedBy": invoked_by},
            "requestParameters": {"bucketName": "b", "key": LOG},
        });
        let content = json!({"Records": [json]}).to_string();
        EventFilter::default().search(content.as_bytes()).unwrap().events.remove(0)
    };
    let chain = chain();
    let log = ObjectLocation::new("b", LOG);
    let judged = |by: Value| {
        deed(&event(by), Recorded { log: &log, chain: &chain, bucket: "b" }, places(&chain))
            .and_then(|deed| deed.technique)
    };
    assert_eq!(judged("cloudtrail.amazonaws.com".into()), None);
    assert_eq!(judged("backup.amazonaws.com".into()), Some(T::ObjectsReplaced));
}

/// A trail is redirected by a call that names another place than that of its own evidence, whichever trail
/// recorded the call.
#[test]
fn a_trail_is_redirected_away_from_its_own_place() {
    let technique = |request: Value| technique_of("cloudtrail", "UpdateTrail", &request);
    let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/management";
    assert_eq!(technique(json!({"name": arn, "s3BucketName": "b"})), None);
    assert_eq!(technique(json!({"name": arn, "s3BucketName": "b", "s3KeyPrefix": "p"})), None);
    assert_eq!(technique(json!({"name": arn, "snsTopicName": "t"})), None);
    for elsewhere in [
        json!({"name": arn, "s3BucketName": "elsewhere"}),
        json!({"name": arn, "s3BucketName": "b", "s3KeyPrefix": "q"}),
        json!({"name": arn, "s3KeyPrefix": ""}),
    ] {
        assert_eq!(technique(elsewhere.clone()), Some(T::TrailRedirected), "{elsewhere}");
    }
    let other = arn.replace("management", "other");
    assert_eq!(technique(json!({"name": other, "s3BucketName": "elsewhere"})), None);
}

/// Deleting a delete marker brings the object back.
#[test]
fn a_delete_marker_that_is_deleted_is_no_loss() {
    let of = |response: Value| {
        let json = json!({
            "eventName": "DeleteObject", "eventSource": "s3.amazonaws.com",
            "eventTime": "2026-03-01T10:00:00Z", "eventCategory": "Data",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/a"},
            "requestParameters": {"bucketName": "b", "key": LOG, "versionId": "v"},
            "responseElements": response,
        });
        let content = json!({"Records": [json]}).to_string();
        let event = EventFilter::default().search(content.as_bytes()).unwrap().events.remove(0);
        let (chain, log) = (chain(), ObjectLocation::new("b", LOG));
        deed(&event, Recorded { log: &log, chain: &chain, bucket: "b" }, places(&chain))
            .and_then(|deed| deed.technique)
    };
    assert_eq!(of(json!({"x-amz-delete-marker": "true", "x-amz-version-id": "v"})), None);
    assert_eq!(of(json!({"x-amz-delete-marker": true})), None);
    assert_eq!(of(json!({"x-amz-version-id": "v"})), Some(T::VersionsDeleted));
    assert_eq!(of(Value::Null), Some(T::VersionsDeleted));
}

fn chain() -> ChainId {
    ChainId {
        account: "111122223333".parse().unwrap(),
        source_region: "us-east-1".parse().unwrap(),
        trail: "management".parse().unwrap(),
        home_region: "us-east-1".parse().unwrap(),
        organization: None,
    }
}

fn lifecycle(rule: &Value) -> Value {
    json!({"bucketName": "b", "LifecycleConfiguration": {"Rule": rule}})
}

#[test]
fn a_call_is_a_technique_by_its_parameters() {
    let denied = json!({"bucketName": "b", "bucketPolicy": {"Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}]}});
    let expiry = json!({"Status": "Enabled", "Expiration": {"Days": 1}});
    let archive =
        json!({"Status": "Enabled", "Transition": {"Days": 0, "StorageClass": "DEEP_ARCHIVE"}});
    let noncurrent =
        json!([{"Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": "1"}}]);
    let off = json!({"name": "management", "enableLogFileValidation": false});
    let sse_c = json!({"bucketName": "b", "key": LOG,
        "x-amz-server-side-encryption-customer-algorithm": "AES256"});
    for (source, name, request, expected) in [
        ("cloudtrail", "StopLogging", json!({"name": "management"}), Some(T::TrailStopped)),
        ("cloudtrail", "DeleteTrail", json!({"name": "management"}), Some(T::TrailDeleted)),
        ("cloudtrail", "UpdateTrail", off, Some(T::ValidationOff)),
        (
            "cloudtrail",
            "UpdateTrail",
            json!({"name": "management", "s3BucketName": "c"}),
            Some(T::TrailRedirected),
        ),
        (
            "cloudtrail",
            "UpdateTrail",
            json!({"name": "management", "isMultiRegionTrail": false}),
            Some(T::TrailNarrowed),
        ),
        ("cloudtrail", "UpdateTrail", json!({"name": "management", "kmsKeyId": KEY_ARN}), None),
        (
            "cloudtrail",
            "UpdateTrail",
            json!({"name": "management", "isMultiRegionTrail": true}),
            None,
        ),
        (
            "cloudtrail",
            "PutEventSelectors",
            json!({"trailName": "management", "eventSelectors": [
            {"readWriteType": "ReadOnly", "includeManagementEvents": true}]}),
            Some(T::TrailNarrowed),
        ),
        (
            "cloudtrail",
            "PutEventSelectors",
            json!({"trailName": "management", "eventSelectors": [
            {"readWriteType": "All", "includeManagementEvents": true}]}),
            None,
        ),
        ("s3", "PutBucketPolicy", denied, Some(T::DeliveryBroken)),
        ("s3", "DeleteBucketPolicy", json!({"bucketName": "b"}), Some(T::DeliveryBroken)),
        ("s3", "DeleteBucketPolicy", json!({"bucketName": "c"}), None),
        ("kms", "DisableKey", json!({"keyId": KEY_ARN}), Some(T::KeyWithheld)),
        ("kms", "EnableKey", json!({"keyId": KEY_ARN}), None),
        ("s3", "DeleteObject", json!({"bucketName": "b", "key": LOG}), Some(T::ObjectsDeleted)),
        (
            "s3",
            "DeleteObject",
            json!({"bucketName": "b", "key": LOG, "versionId": "v"}),
            Some(T::VersionsDeleted),
        ),
        ("s3", "DeleteObject", json!({"bucketName": "b", "key": "tmp/x"}), None),
        ("s3", "DeleteObjects", json!({"bucketName": "b", "delete": ""}), Some(T::ObjectsDeleted)),
        (
            "s3",
            "PutBucketVersioning",
            json!({"bucketName": "b", "VersioningConfiguration": {"Status": "Suspended"}}),
            Some(T::VersionsDeleted),
        ),
        (
            "s3",
            "PutBucketVersioning",
            json!({"bucketName": "b", "VersioningConfiguration": {"Status": "Enabled"}}),
            None,
        ),
        ("s3", "PutObject", json!({"bucketName": "b", "key": LOG}), Some(T::ObjectsReplaced)),
        ("s3", "CopyObject", sse_c, Some(T::ObjectsRansomed)),
        ("s3", "PutBucketLifecycle", lifecycle(&expiry), Some(T::LifecycleExpiry)),
        ("s3", "PutBucketLifecycle", lifecycle(&noncurrent), Some(T::LifecycleExpiry)),
        ("s3", "PutBucketLifecycle", lifecycle(&archive), Some(T::ArchiveHidden)),
        (
            "s3",
            "PutBucketLifecycle",
            lifecycle(&json!({"Status": "Disabled", "Expiration": {"Days": 1}})),
            None,
        ),
        (
            "s3",
            "PutBucketObjectLockConfiguration",
            json!({"bucketName": "b", "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}),
            Some(T::LockWeakened),
        ),
        ("s3", "PutObjectRetention", json!({"bucketName": "b", "key": LOG}), None),
        (
            "s3",
            "PutObjectLegalHold",
            json!({"bucketName": "b", "key": LOG, "LegalHold": {"Status": "ON"}}),
            None,
        ),
        (
            "s3",
            "PutObjectLegalHold",
            json!({"bucketName": "b", "key": LOG, "LegalHold": {"Status": "OFF"}}),
            Some(T::LockWeakened),
        ),
        ("s3", "DeleteBucketReplication", json!({"bucketName": "b"}), Some(T::ReplicaCut)),
        (
            "s3",
            "PutBucketReplication",
            json!({"bucketName": "b", "ReplicationConfiguration": {"Rule": {"Status": "Enabled"}}}),
            None,
        ),
        ("organizations", "LeaveOrganization", Value::Null, Some(T::OrgLeft)),
        ("account", "DisableRegion", json!({"RegionName": "eu-west-1"}), Some(T::RegionOff)),
        ("account", "EnableRegion", json!({"RegionName": "eu-west-1"}), None),
        ("events", "DisableRule", json!({"name": "watch"}), Some(T::WatchersOff)),
        (
            "s3",
            "PutBucketLogging",
            json!({"bucketName": "b", "BucketLoggingStatus": {}}),
            Some(T::WatchersOff),
        ),
        (
            "s3",
            "PutBucketLogging",
            json!({"bucketName": "b", "BucketLoggingStatus": {"LoggingEnabled": {}}}),
            None,
        ),
        (
            "ec2",
            "RunInstances",
            json!({"omitted": true, "originalSize": 200_000}),
            Some(T::EventStarved),
        ),
        ("ec2", "RunInstances", json!({}), None),
    ] {
        assert_eq!(technique_of(source, name, &request), expected, "{name} {request}");
    }
}

#[test]
fn a_deed_names_keys_days_and_destination() {
    let rule =
        json!({"Status": "Enabled", "Expiration": {"Days": "1"}, "Filter": {"Prefix": "p/"}});
    let deed = judged("s3.amazonaws.com", "PutBucketLifecycle", &lifecycle(&rule)).unwrap();
    assert_eq!((deed.days, deed.prefix.as_deref()), (Some(1), Some("p/")));
    let request = json!({"name": "management", "s3BucketName": "c", "s3KeyPrefix": "q"});
    let deed = judged("cloudtrail.amazonaws.com", "UpdateTrail", &request).unwrap();
    assert_eq!(deed.redirected_to.as_deref(), Some("s3://c/q"));
    let request = json!({"bucketName": "b", "key": LOG});
    let deed = judged("s3.amazonaws.com", "DeleteObject", &request).unwrap();
    assert_eq!(deed.key.as_deref(), Some(LOG));
}

#[test]
fn the_names_are_sorted_and_include_every_operation() {
    assert!(DEED_NAMES.is_sorted_by(|one, other| one < other));
    let missing: Vec<&str> =
        operations::names().filter(|name| !DEED_NAMES.contains(name)).collect();
    assert_eq!(missing, [""; 0]);
}

/// Innocent calls that have the name of a deed, each with the call that is one.
#[test]
fn innocent_calls_of_the_same_name_are_not_techniques() {
    let key = |more: Value| {
        let mut request = json!({"bucketName": "b", "key": LOG, "retention": ""});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let later =
        json!({"Retention": {"Mode": "COMPLIANCE", "RetainUntilDate": "2036-01-01T00:00:00Z"}});
    let mut bypass = later.clone();
    bypass["x-amz-bypass-governance-retention"] = "true".into();
    for (source, name, request, expected) in [
        ("elasticloadbalancing", "DeleteRule", json!({"ruleArn": "x"}), None),
        ("events", "DeleteRule", json!({"name": "x"}), Some(T::WatchersOff)),
        ("lambda", "UpdateAlias", json!({"bucketName": "b"}), None),
        ("s3", "PutObjectRetention", key(later), None),
        ("s3", "PutObjectRetention", key(bypass), Some(T::LockWeakened)),
    ] {
        assert_eq!(technique_of(source, name, &request), expected, "{name} {request}");
    }
    // Services other than the one of the table are not even context.
    assert_eq!(judged("iot.amazonaws.com", "DeletePolicy", &json!({"bucketName": "b"})), None);
}

#[test]
fn every_rule_keeps_its_prefix_and_its_day() {
    let of = |rules: Value| {
        let deed = judged("s3.amazonaws.com", "PutBucketLifecycle", &lifecycle(&rules)).unwrap();
        let line = |rule: &AgeRule| (rule.prefix.clone(), rule.act, rule.due);
        (deed.technique, deed.rules.unwrap().iter().map(line).collect::<Vec<_>>())
    };
    let date = Timestamp::parse("2033-01-01T00:00:00Z").unwrap();
    let rule = |filter: Value, action: Value| {
        let mut rule = json!({"Status": "Enabled", "Filter": filter});
        rule.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
        rule
    };
    let day = || json!({"Expiration": {"Days": 1}});
    let (technique, rules) = of(json!([
        rule(json!({"Prefix": "tmp/"}), day()),
        rule(json!({"And": {"Prefix": "AWSLogs/"}}), json!({"Expiration": {"Days": "2555"}})),
        rule(json!({}), json!({"Expiration": {"Date": "2033-01-01T00:00:00.000Z"}})),
        rule(
            json!({"Prefix": "r/"}),
            json!({"Transition": [
            {"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER"}]})
        ),
    ]));
    assert_eq!(technique, Some(T::LifecycleExpiry));
    assert_eq!(
        rules,
        [
            ("tmp/".to_owned(), Act::Expires, Due::Days(1)),
            ("AWSLogs/".to_owned(), Act::Expires, Due::Days(2555)),
            (String::new(), Act::Expires, Due::Date(date)),
            ("r/".to_owned(), Act::Archives, Due::Days(90)),
        ]
    );
    // Filters for anything but a prefix may match no log file, and old versions are not objects.
    let (technique, rules) = of(json!([
        rule(json!({"ObjectSizeGreaterThan": 1_000_000_000}), day()),
        rule(json!({"And": {"Prefix": "", "Tag": [{"Key": "a", "Value": "b"}]}}), day()),
        rule(json!({"Prefix": ""}), json!({"NoncurrentVersionExpiration": {"NoncurrentDays": 1}})),
        rule(json!({"Prefix": ""}), json!({"Expiration": {"ExpiredObjectDeleteMarker": true}})),
    ]));
    assert_eq!((technique, rules), (Some(T::LifecycleExpiry), Vec::new()));
    let deleted = judged("s3.amazonaws.com", "DeleteBucketLifecycle", &json!({"bucketName": "b"}));
    assert_eq!(deleted.unwrap().rules, Some(Vec::new()));
}

#[test]
fn a_rule_acts_at_the_midnight_after_its_age() {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let rule = |due| AgeRule { id: String::new(), prefix: String::new(), act: Act::Expires, due };
    for (due, time, expected) in [
        (Due::Days(1), "2026-03-01T10:00:00Z", "2026-03-03T00:00:00Z"),
        (Due::Days(0), "2026-03-01T10:00:00Z", "2026-03-02T00:00:00Z"),
        (Due::Days(1), "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
        (Due::Date(at("2026-03-05T00:00:00Z")), "2026-03-01T10:00:00Z", "2026-03-05T00:00:00Z"),
    ] {
        assert_eq!(rule(due).due_for(at(time)), at(expected), "{due:?} {time}");
    }
}
