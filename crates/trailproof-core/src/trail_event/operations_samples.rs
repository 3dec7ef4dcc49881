//! Events as CloudTrail writes them. Their shapes come from AWS's own examples and from public
//! samples.
use super::super::*;
use crate::trail_event::{Cause, KeyName, Recorded, causes};
use crate::vocab::ids::AccountId;
use crate::vocab::location::ObjectLocation;
use serde_json::json;

pub(super) const LOG: &str = "p/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/\
                   111122223333_CloudTrail_us-east-1_20260301T1005Z_0123456789abcdef.json.gz";
pub(super) const DIGEST: &str = "p/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/111122223333_CloudTrail-Digest_us-east-1_management_us-east-1_20260301T090411Z.json.gz";
pub(super) const ARN: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/management";
pub(super) const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
pub(super) const KEY_ARN: &str =
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

pub(super) fn chain() -> ChainId {
    ChainId {
        account: "111122223333".parse().unwrap(),
        source_region: "us-east-1".parse().unwrap(),
        trail: "management".parse().unwrap(),
        home_region: "us-east-1".parse().unwrap(),
        organization: Some("o-a1b2c3d4e5".parse().unwrap()),
    }
}

/// Creates an event with the fields that every event has.
pub(super) fn event(source: &str, name: &str, request: &Value) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:mallory",
            "arn": "arn:aws:sts::111122223333:assumed-role/admin/mallory",
            "accountId": "111122223333",
            "sessionContext": {"attributes": {"mfaAuthenticated": "false"}},
        },
        "eventTime": "2026-03-01T10:00:00Z",
        "eventSource": source,
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "aws-cli/2.15.0",
        "requestParameters": request,
        "responseElements": null,
        "requestID": "r",
        "eventID": "3c4226b0-1e81-48a8-a333-7fa5f3cbd118",
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    })
}

pub(super) fn found(events: &[Value]) -> Vec<Cause> {
    let content = json!({"Records": events}).to_string();
    let log = ObjectLocation::new("b", LOG);
    let chain = chain();
    causes(content.as_bytes(), Recorded { log: &log, chain: &chain, bucket: "b" })
}

/// Lists the findings that may be cited.
pub(super) fn cited(event: &Value) -> Vec<(Subject, Effect)> {
    let cited = found(std::slice::from_ref(event)).into_iter();
    cited
        .filter(|cause| cause.effect != Effect::Resumes)
        .map(|cause| (cause.subject, cause.effect))
        .collect()
}

pub(super) fn trail(name: &str) -> NamedTrail {
    NamedTrail {
        name: name.parse().unwrap(),
        home: "us-east-1".parse().unwrap(),
        owner: "111122223333".parse().unwrap(),
    }
}

pub(super) fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

/// A sample for one row of the table, its effect, and calls of the same name that have no effect.
pub(super) struct Sample {
    pub(super) event: Value,
    pub(super) does: (Subject, Effect),
    /// The same call with a different target: whether its effect concerns this target or none.
    pub(super) other: Value,
    pub(super) widening: Vec<Value>,
}

pub(super) fn bucket_policy(statement: &Value) -> Value {
    json!({
        "bucketName": "b",
        "Host": "b.s3.us-east-1.amazonaws.com",
        "policy": "",
        "bucketPolicy": {"Version": "2012-10-17", "Statement": statement},
    })
}

pub(super) fn of_s3(name: &str, request: Value) -> Value {
    let bucket = request["bucketName"].as_str().unwrap_or("b").to_owned();
    let mut event = event(S3, name, &request);
    event["resources"] = json!([{
        "accountId": "111122223333", "type": "AWS::S3::Bucket",
        "ARN": format!("arn:aws:s3:::{bucket}"),
    }]);
    event
}

pub(super) fn of_kms(name: &str, mut request: Value, key: &str) -> Value {
    if request.get("keyId").is_none() && !request.is_null() {
        request["keyId"] = json!(key);
    }
    let mut event = event(KMS, name, &request);
    event["resources"] = json!([{
        "accountId": "111122223333", "type": "AWS::KMS::Key",
        "ARN": format!("arn:aws:kms:us-east-1:111122223333:key/{key}"),
    }]);
    event
}

pub(super) fn lifecycle(bucket: &str, rule: &Value) -> Value {
    of_s3(
        "PutBucketLifecycle",
        json!({
            "bucketName": bucket,
            "Host": format!("{bucket}.s3.us-east-1.amazonaws.com"),
            "lifecycle": "",
            "LifecycleConfiguration": {
                "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/",
                "Rule": rule,
            },
        }),
    )
}

pub(super) fn renamed(mut event: Value, name: &str) -> Value {
    event["eventName"] = json!(name);
    event
}

pub(super) fn sample(row: &str) -> Sample {
    let of_trail = |effect| (Subject::Trail(trail("management")), effect);
    let of_bucket = |effect| (Subject::Bucket("b".to_owned()), effect);
    let of_key = |effect| (Subject::Key(KeyName::from_arn(KEY_ARN).unwrap()), effect);
    let bucket = |extra: (&str, Value), name: &str| {
        let mut request =
            json!({"bucketName": name, "Host": format!("{name}.s3.us-east-1.amazonaws.com")});
        request[extra.0] = extra.1;
        of_s3(row, request)
    };
    let named = |name: &str| event(CLOUDTRAIL, row, &json!({"name": name}));
    let key = |id: &str| of_kms(row, json!({}), id);
    let organizations = |id: &str| event(ORGANIZATIONS, row, &json!({"accountId": id}));
    match row {
        "StopLogging" | "DeleteTrail" => Sample {
            event: named(ARN),
            does: of_trail(Effect::Ends),
            other: named("other"),
            widening: Vec::new(),
        },
        "StartLogging" => Sample {
            event: named("management"),
            does: of_trail(Effect::Begins),
            other: named("other"),
            widening: Vec::new(),
        },
        "CreateTrail" => Sample {
            event: event(
                CLOUDTRAIL,
                row,
                &json!({
                    "name": "management", "s3BucketName": "b", "s3KeyPrefix": "p",
                    "isMultiRegionTrail": true, "enableLogFileValidation": true,
                    "includeGlobalServiceEvents": true,
                }),
            ),
            does: of_trail(Effect::Begins),
            other: named("other"),
            widening: Vec::new(),
        },
        "UpdateTrail" => Sample {
            event: event(CLOUDTRAIL, row, &json!({"name": ARN, "enableLogFileValidation": false})),
            does: of_trail(Effect::Ends),
            other: event(
                CLOUDTRAIL,
                row,
                &json!({"name": "other", "enableLogFileValidation": false}),
            ),
            widening: vec![
                named("management"),
                event(
                    CLOUDTRAIL,
                    row,
                    &json!({
                        "name": "management", "enableLogFileValidation": true,
                        "isMultiRegionTrail": true, "isOrganizationTrail": true,
                        "includeGlobalServiceEvents": true, "snsTopicName": "t",
                        "kmsKeyId": KEY_ARN,
                        "cloudWatchLogsLogGroupArn": "arn:aws:logs:us-east-1:1:log-group:g:*",
                    }),
                ),
                event(
                    CLOUDTRAIL,
                    row,
                    &json!({"name": "management", "includeGlobalServiceEvents": false}),
                ),
            ],
        },
        "DeleteBucket" | "DeleteBucketPolicy" => Sample {
            event: bucket(("policy", json!("")), "b"),
            does: of_bucket(Effect::Stops),
            other: bucket(("policy", json!("")), "c"),
            widening: Vec::new(),
        },
        "PutBucketPolicy" => {
            let allow = json!({
                "Sid": "Write", "Effect": "Allow",
                "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::b/p/AWSLogs/111122223333/*",
                "Condition": {"StringEquals": {
                    "s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": ARN}},
            });
            let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::b/*"});
            let mut other = bucket_policy(&json!([allow, deny]));
            other["bucketName"] = json!("c");
            let policy = json!({"Statement": [allow, deny]});
            let (bucket, policy) = ("b".to_owned(), DeliveryPolicy::of(&policy, "b"));
            Sample {
                event: of_s3(row, bucket_policy(&json!([allow, deny]))),
                does: (Subject::NotLet { bucket, policy }, Effect::Stops),
                other: of_s3(row, other),
                // Whether a policy narrows is judged for each place.
                widening: Vec::new(),
            }
        }
        "PutBucketRequestPayment" => {
            let payer =
                |who: &str| ("RequestPaymentConfiguration", json!({"xmlns": "x", "Payer": who}));
            Sample {
                event: bucket(payer("Requester"), "b"),
                does: of_bucket(Effect::Stops),
                other: bucket(payer("Requester"), "c"),
                widening: vec![bucket(payer("BucketOwner"), "b")],
            }
        }
        "PutBucketEncryption" => {
            let by = |name: &str| {
                (
                    "ServerSideEncryptionConfiguration",
                    json!({"xmlns": "x", "Rule": {"ApplyServerSideEncryptionByDefault": {
                        "SSEAlgorithm": name, "KMSMasterKeyID": KEY_ARN}}}),
                )
            };
            Sample {
                event: bucket(by("aws:kms"), "b"),
                does: of_bucket(Effect::Stops),
                other: bucket(by("aws:kms"), "c"),
                widening: vec![bucket(by("AES256"), "b")],
            }
        }
        "PutBucketVersioning" => {
            let status = |text: &str| ("VersioningConfiguration", json!({"Status": text}));
            Sample {
                event: bucket(status("Suspended"), "b"),
                does: of_bucket(Effect::Removes),
                other: bucket(status("Suspended"), "c"),
                widening: vec![bucket(status("Enabled"), "b")],
            }
        }
        "PutBucketObjectLockConfiguration" | "PutObjectLockConfiguration" => {
            let lock = |rule: Value| {
                let mut lock = json!({"xmlns": "x", "ObjectLockEnabled": "Enabled"});
                if !rule.is_null() {
                    lock["Rule"] = rule;
                }
                ("ObjectLockConfiguration", lock)
            };
            let keeps = json!({"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}});
            Sample {
                event: bucket(lock(Value::Null), "b"),
                does: of_bucket(Effect::Removes),
                other: bucket(lock(Value::Null), "c"),
                widening: vec![bucket(lock(keeps), "b")],
            }
        }
        "PutBucketLifecycle" | "PutBucketLifecycleConfiguration" => {
            let rule = json!({"ID": "nuke", "Status": "Enabled",
                "Filter": {"Prefix": "p/AWSLogs/"}, "Expiration": {"Days": 1}});
            let with = |change: (&str, Value)| {
                let mut rule = rule.clone();
                rule[change.0] = change.1;
                renamed(lifecycle("b", &rule), row)
            };
            let move_only = json!({"ID": "m", "Status": "Enabled", "Filter": {"Prefix": ""},
                "Transition": {"Days": 90, "StorageClass": "GLACIER"}});
            let objects = Subject::Objects {
                bucket: "b".to_owned(),
                prefix: "p/AWSLogs/".to_owned(),
                days: 1,
            };
            Sample {
                event: renamed(lifecycle("b", &json!([rule, move_only])), row),
                does: (objects, Effect::Removes),
                other: renamed(lifecycle("c", &rule), row),
                widening: vec![
                    renamed(lifecycle("b", &move_only), row),
                    with(("Status", json!("Disabled"))),
                    with(("Expiration", json!({"ExpiredObjectDeleteMarker": true}))),
                    with(("Filter", json!({"Tag": {"Key": "k", "Value": "v"}}))),
                ],
            }
        }
        "DeleteObject" => {
            let delete =
                |bucket: &str, key: &str| of_s3(row, json!({"bucketName": bucket, "key": key}));
            let key = DigestKey::parse(DIGEST).unwrap();
            let chain = Box::new(ChainId::from(&key.chain));
            Sample {
                event: delete("b", DIGEST),
                does: (Subject::Digest { chain, end: key.end }, Effect::Removes),
                other: delete("c", DIGEST),
                widening: vec![delete("b", LOG)],
            }
        }
        "DeleteObjects" => {
            let delete = |bucket: &str| {
                let mut event = of_s3(
                    row,
                    json!({"bucketName": bucket, "Host": "h", "delete": "",
                        "x-id": "DeleteObjects"}),
                );
                event["resources"] = json!([
                    {"type": "AWS::S3::Object", "ARNPrefix": format!("arn:aws:s3:::{bucket}/")},
                    {"type": "AWS::S3::Bucket", "ARN": format!("arn:aws:s3:::{bucket}")},
                ]);
                event
            };
            let objects =
                Subject::Objects { bucket: "b".to_owned(), prefix: String::new(), days: 0 };
            Sample {
                event: delete("b"),
                does: (objects, Effect::Removes),
                other: delete("c"),
                widening: Vec::new(),
            }
        }
        "RevokeGrant" => Sample {
            event: key(KEY),
            does: of_key(Effect::MayStop),
            other: key("other"),
            widening: Vec::new(),
        },
        "DisableKey" | "DeleteImportedKeyMaterial" => Sample {
            event: key(KEY),
            does: of_key(Effect::Stops),
            other: key("other"),
            widening: Vec::new(),
        },
        "ScheduleKeyDeletion" => {
            let mut event = of_kms(row, json!({"pendingWindowInDays": 7}), KEY);
            event["responseElements"] =
                json!({"keyId": KEY_ARN, "keyState": "PendingDeletion", "deletionDate": "x"});
            event["resources"] = Value::Null;
            Sample {
                event,
                does: of_key(Effect::Stops),
                other: of_kms(row, json!({"pendingWindowInDays": 7}), "other"),
                widening: Vec::new(),
            }
        }
        "DeleteKey" => {
            let service = |id: &str| {
                let mut event = of_kms(row, Value::Null, id);
                event["eventType"] = json!("AwsServiceEvent");
                event["userIdentity"] =
                    json!({"accountId": "111122223333", "invokedBy": "AWS Internal"});
                event
            };
            Sample {
                event: service(KEY),
                does: of_key(Effect::Stops),
                other: service("other"),
                widening: Vec::new(),
            }
        }
        "PutKeyPolicy" => {
            let put = |policy: &Value, id: &str| {
                of_kms(
                    row,
                    json!({"policyName": "default", "policy": policy.to_string(),
                    "bypassPolicyLockoutSafetyCheck": false}),
                    id,
                )
            };
            let owner = json!({"Effect": "Allow", "Resource": "*", "Action": "kms:*",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"}});
            let service = json!({"Effect": "Allow", "Resource": "*",
                "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"],
                "Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceArn": ARN}}});
            Sample {
                event: put(&json!({"Statement": [owner]}), KEY),
                does: of_key(Effect::Stops),
                other: put(&json!({"Statement": [owner]}), "other"),
                widening: vec![put(&json!({"Statement": [owner, service]}), KEY)],
            }
        }
        // These widen and are never cited: they invalidate what ended before them.
        "EnableKey" | "CancelKeyDeletion" | "ImportKeyMaterial" => Sample {
            event: key(KEY),
            does: of_key(Effect::Resumes),
            other: key("other"),
            widening: vec![key(KEY)],
        },
        "CloseAccount" => Sample {
            event: organizations("444455556666"),
            does: (Subject::Account(account("444455556666")), Effect::Ends),
            other: organizations("777788889999"),
            widening: Vec::new(),
        },
        "CloseAccountResult" => {
            let result = |id: &str, state: &str| {
                let mut event = event(ORGANIZATIONS, row, &Value::Null);
                event["eventType"] = json!("AwsServiceEvent");
                event["serviceEventDetails"] =
                    json!({"closeAccountStatus": {"accountId": id, "state": state}});
                event
            };
            Sample {
                event: result("444455556666", "SUCCEEDED"),
                does: (Subject::Account(account("444455556666")), Effect::Ends),
                other: result("777788889999", "SUCCEEDED"),
                widening: vec![result("444455556666", "FAILED")],
            }
        }
        "RemoveAccountFromOrganization" => Sample {
            event: organizations("444455556666"),
            does: (Subject::Member(account("444455556666")), Effect::Ends),
            other: organizations("777788889999"),
            widening: Vec::new(),
        },
        "LeaveOrganization" => {
            let mut other = event(ORGANIZATIONS, row, &Value::Null);
            other["recipientAccountId"] = json!("777788889999");
            Sample {
                event: event(ORGANIZATIONS, row, &Value::Null),
                does: (Subject::Member(account("111122223333")), Effect::Ends),
                other,
                widening: Vec::new(),
            }
        }
        "DisableAWSServiceAccess" => {
            let of = |name: &str| event(ORGANIZATIONS, row, &json!({"servicePrincipal": name}));
            Sample {
                event: of(CLOUDTRAIL),
                does: (Subject::Members(chain().organization), Effect::Ends),
                other: of("config.amazonaws.com"),
                widening: Vec::new(),
            }
        }
        "DisableRegion" | "EnableRegion" => {
            let of = |name: &str| event(ACCOUNT, row, &json!({"RegionName": name}));
            let effect = if row == "EnableRegion" { Effect::Resumes } else { Effect::Ends };
            Sample {
                event: of("ap-east-1"),
                does: (
                    Subject::Region(account("111122223333"), "ap-east-1".parse().unwrap()),
                    effect,
                ),
                other: of("af-south-1"),
                widening: Vec::new(),
            }
        }
        row => panic!("{row} has no sample"),
    }
}
