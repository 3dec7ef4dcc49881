//! Each check on facts that fail.
use super::good_facts::*;
use super::rule::judge;
use crate::control::check::CheckId;
use crate::control::fact::{Fact, UnreadWhy};
use crate::control::facts::*;
use crate::control::lifecycle::{Lifecycle, LifecycleRule, Transition};
use crate::control::operation::Operation;
use crate::control::selectors::{FieldSelector, Selectors};
use crate::control::status::{Pitfall, Reason, Status};
use crate::record::{LockMode, StoredAs};
use crate::vocab::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn wrong_settings_of_the_trail_fail() {
    use CheckId as C;
    decides(C::TrailMultiRegion, Status::Fail, |f| f.trail.logging = known(false));
    decides(C::TrailLogging, Status::Fail, |f| f.trail.logging = known(false));
    let other = |change: fn(&mut TrailStatus)| {
        let mut other = status();
        change(&mut other);
        move |f: &mut Facts| drop(f.trail.status.insert("eu-west-1".to_owned(), known(other)))
    };
    decides(C::TrailLogging, Status::Fail, other(|it| it.is_logging = false));
    // A quiet region has old log files and new digests.
    decides(C::TrailDeliveryRecent, Status::Pass, other(|it| it.logs.latest = at(90_000)));
    decides(C::TrailDigestRecent, Status::Fail, other(|it| it.digests.latest = at(3 * 3_600 + 1)));
    decides(C::TrailDigestRecent, Status::Pass, other(|it| it.digests.latest = at(3 * 3_600)));
    decides(C::TrailDigestRecent, Status::Fail, other(|it| it.digests.latest = None));
    let error = Some("AccessDenied".to_owned());
    let failing = other(|it| it.logs.error = Some("NoSuchBucket".to_owned()));
    decides(C::TrailDeliveryRecent, Status::Fail, failing);
    let home = |change: fn(&mut TrailStatus)| {
        let mut home = status();
        change(&mut home);
        move |f: &mut Facts| drop(f.trail.status.insert("us-east-1".to_owned(), known(home)))
    };
    decides(C::TrailDeliveryRecent, Status::Fail, home(|it| it.logs.latest = at(3_601)));
    decides(C::TrailDeliveryRecent, Status::Pass, home(|it| it.logs.latest = at(3_600)));
    decides(C::TrailCloudwatch, Status::Fail, home(|it| it.cloudwatch.latest = at(90_000)));
    decides(C::TrailCloudwatch, Status::Fail, |f| {
        let mut home = status();
        home.cloudwatch.error = error;
        f.trail.status.insert("us-east-1".to_owned(), known(home));
    });
    let data_only = |f: &mut Facts| {
        f.trail.selectors = known(Selectors::Advanced(vec![selector("Data")]));
    };
    decides(C::TrailManagementEvents, Status::Fail, data_only);
    decides(C::TrailNoExcludedSources, Status::NotApplicable, data_only);
    let without_kms = |f: &mut Facts| {
        let mut management = selector("Management");
        management.fields.push(FieldSelector {
            field: "eventSource".to_owned(),
            not_equals: vec!["kms.amazonaws.com".to_owned()],
            ..FieldSelector::default()
        });
        f.trail.selectors = known(Selectors::Advanced(vec![management]));
    };
    decides(C::TrailNoExcludedSources, Status::Fail, without_kms);
    decides(C::TrailManagementEvents, Status::Pass, without_kms);
    decides(C::TrailDataEvents, Status::Fail, without_kms);
    decides(C::TrailDataEventsLogBucket, Status::Manual, without_kms);
    decides(C::TrailOrganization, Status::Fail, |f| f.trail.organization = known(false));
    decides(C::TrailInsights, Status::Fail, |f| f.trail.insights = known(Vec::new()));
    decides(C::TrailGlobalEvents, Status::Fail, |f| f.trail.global_events = known(false));
}

fn describe(f: &mut Facts, change: impl FnOnce(&mut KeyDescription)) {
    if let Some(Fact::Known(described)) = f.key.as_mut().map(|key| &mut key.description) {
        change(described);
    }
}

/// Each of the four mistakes with keys that lose logs in silence, and the alias of AWS, fails a check of
/// its own and is named.
#[test]
fn pitfalls_of_customer_keys() {
    use CheckId as C;
    let pitfalls = |check: C, change: &dyn Fn(&mut Facts)| {
        let mut facts = good();
        change(&mut facts);
        let judged = judge(check, &facts, &Wanted::default());
        assert_eq!(judged.status, Status::Fail, "{judged:?}");
        judged.pitfalls
    };
    // 1. The policy lacks either action.
    for lacking in ["kms:GenerateDataKey*", "kms:DescribeKey"] {
        let lacks = |f: &mut Facts| {
            let mut statements = key_statements();
            statements[1]["Action"] = json!([lacking]);
            f.key.as_mut().unwrap().policy = policy(json!(statements));
        };
        let made = pitfalls(C::KeyPolicyForCloudtrail, &lacks);
        assert_eq!(made, [Pitfall::KeyPolicyLacksCloudtrail]);
    }
    // 2. The key's region is not the bucket's, whatever the trail's home region is.
    let made = pitfalls(C::KeyInBucketRegion, &|f| f.bucket.region = text("eu-west-1"));
    assert_eq!(made, [Pitfall::KeyRegionDiffers]);
    decides(C::KeyInBucketRegion, Status::Pass, |f| f.trail.home_region = text("eu-west-1"));
    decides(C::KeyInBucketRegion, Status::Pass, |f| {
        f.bucket.region = text("eu-west-1");
        describe(f, |it| it.replicas = vec!["eu-west-1".to_owned()]);
    });
    // 3. AWS manages the key.
    for alias in ["alias/aws/s3", "arn:aws:kms:us-east-1:111122223333:alias/aws/s3"] {
        for check in [C::TrailEncryptedWithCustomerKey, C::KeyCustomerManaged] {
            let made = pitfalls(check, &|f| f.trail.kms_key = text(alias));
            assert_eq!(made, [Pitfall::AwsManagedKey]);
        }
    }
    let by_aws = |f: &mut Facts| describe(f, |it| it.customer = false);
    for check in [C::TrailEncryptedWithCustomerKey, C::KeyCustomerManaged] {
        assert_eq!(pitfalls(check, &by_aws), [Pitfall::AwsManagedKey]);
    }
    decides(C::KeyRotation, Status::NotApplicable, by_aws);
    // 4. The key will be deleted.
    let pending = |f: &mut Facts| {
        describe(f, |it| {
            it.state = "PendingDeletion".to_owned();
            it.deletion = Some(Timestamp::from_unix(NOW + 7 * 86_400));
        });
    };
    for check in [C::TrailEncryptedWithCustomerKey, C::KeyNotPendingDeletion] {
        assert!(pitfalls(check, &pending).contains(&Pitfall::KeyDeletionMakesLogsUnreadable));
    }
    let mut facts = good();
    pending(&mut facts);
    let judged = judge(C::KeyNotPendingDeletion, &facts, &Wanted::default());
    assert_eq!(judged.observed["days_left"], 7);
    for state in ["Disabled", "PendingImport", "Unavailable"] {
        let disabled = |f: &mut Facts| describe(f, |it| it.state = state.to_owned());
        decides(C::TrailEncryptedWithCustomerKey, Status::Fail, disabled);
        decides(C::KeyNotPendingDeletion, Status::Pass, disabled);
    }
}

#[test]
fn a_customer_key_that_cannot_be_described_is_not_available_and_shows_what_was_seen() {
    let mut facts = good();
    let denied = Fact::unread(Operation::DescribeKey, UnreadWhy::Denied);
    facts.key.as_mut().unwrap().description = denied;
    let check = CheckId::TrailEncryptedWithCustomerKey;
    let judged = judge(check, &facts, &Wanted::default());
    assert_eq!(judged.status, Status::NotAvailable);
    assert_eq!(judged.observed["key"], KEY);
    assert_eq!(judged.unread[0].operation.permission(), "kms:DescribeKey");
}

#[test]
fn wrong_settings_of_the_key_fail() {
    use CheckId as C;
    let with = |change: &dyn Fn(&mut [Value; 2])| {
        let mut statements = key_statements();
        change(&mut statements);
        let policy = policy(json!(statements));
        move |f: &mut Facts| f.key.as_mut().unwrap().policy = policy
    };
    decides(C::KeyRotation, Status::Fail, |f| f.key.as_mut().unwrap().rotation = known(false));
    decides(C::KeyRotation, Status::NotApplicable, |f| describe(f, |it| it.rotatable = false));
    decides(C::KeyPolicyScoped, Status::Fail, with(&|it| it[1]["Condition"] = Value::Null));
    let any_account =
        json!({ "StringLike": { "aws:SourceArn": "arn:aws:cloudtrail:*:*:trail/*" } });
    decides(
        C::KeyPolicyScoped,
        Status::Manual,
        with(&|it| it[1]["Condition"] = any_account.clone()),
    );
    let context = json!({ "StringLike": {
        "kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:*:111122223333:trail/*" } });
    let by_context = with(&|it| it[1]["Condition"] = context.clone());
    decides(C::KeyPolicyScoped, Status::Pass, by_context);
    let public = with(&|it| it[0]["Principal"] = json!("*"));
    decides(C::KeyNotPublic, Status::Fail, public);
    let conditional = with(&|it| {
        it[0]["Principal"] = json!({ "AWS": "*" });
        it[0]["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-1" } });
    });
    decides(C::KeyNotPublic, Status::Pass, conditional);
    // None of these keeps anybody out for sure.
    for condition in [
        json!({ "StringLike": { "kms:CallerAccount": "*" } }),
        json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/x" } }),
        json!({ "IpAddress": { "aws:SourceIp": "0.0.0.0/0" } }),
        json!({ "StringNotEquals": { "kms:CallerAccount": "444455556666" } }),
        json!({ "Bool": { "aws:SecureTransport": "true" } }),
        json!({ "StringEqualsIfExists": { "kms:CallerAccount": "111122223333" } }),
        json!({ "ForAllValues:StringEquals": { "aws:PrincipalOrgID": "o-1" } }),
    ] {
        let loose = with(&|it| {
            it[0]["Principal"] = json!("*");
            it[0]["Condition"] = condition.clone();
        });
        decides(C::KeyNotPublic, Status::Manual, loose);
    }
    for condition in [
        json!({ "StringEquals": { "kms:CallerAccount": ["111122223333", "444455556666"] } }),
        json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::111122223333:role/*" } }),
    ] {
        let fixed = with(&|it| {
            it[0]["Principal"] = json!("*");
            it[0]["Condition"] = condition.clone();
        });
        decides(C::KeyNotPublic, Status::Pass, fixed);
    }
    let other_key = |f: &mut Facts| {
        f.trail.kms_key = text("arn:aws:kms:us-east-1:111122223333:key/5678");
    };
    for check in [C::KeyNotPublic, C::KeyRotation, C::KeyNotPendingDeletion] {
        decides(check, Status::NotAvailable, other_key);
    }
    let unknown = with(&|it| {
        it[1]["Condition"] = json!({ "DateLessThan": { "aws:CurrentTime": "2030-01-01" } })
    });
    decides(C::KeyPolicyForCloudtrail, Status::Manual, unknown);
    let mut facts = good();
    facts.trail.arn = None;
    let judged = judge(C::KeyPolicyForCloudtrail, &facts, &Wanted::default());
    assert_eq!(judged.status, Status::NotAvailable, "the trail's ARN is not known yet: {judged:?}");
}

#[test]
fn wrong_settings_of_the_bucket_fail() {
    use CheckId as C;
    decides(C::BucketVersioning, Status::Fail, |f| f.bucket.versioning = text("Suspended"));
    decides(C::BucketMfaDelete, Status::Fail, |f| f.bucket.mfa_delete = known(false));
    let lock = |mode: Option<&str>, days| {
        let lock = ObjectLock { enabled: true, mode: mode.map(str::to_owned), days };
        move |f: &mut Facts| f.bucket.lock = known(lock)
    };
    decides(C::BucketObjectLock, Status::Fail, lock(None, None));
    decides(C::BucketObjectLock, Status::Pass, lock(Some("GOVERNANCE"), Some(1)));
    decides(C::BucketLockComplianceMode, Status::Fail, lock(Some("GOVERNANCE"), Some(400)));
    decides(C::BucketLockCoversRetention, Status::Fail, lock(Some("COMPLIANCE"), Some(364)));
    let encryption = |algorithm: &str, key: Option<&str>| {
        let encryption = Encryption {
            algorithm: algorithm.to_owned(),
            key: key.map(str::to_owned),
            blocked: Fact::Absent,
            ..Encryption::default()
        };
        move |f: &mut Facts| f.bucket.encryption = known(encryption)
    };
    decides(C::BucketEncryptionDefault, Status::Fail, encryption("AES256", None));
    decides(C::BucketEncryptionDefault, Status::Fail, encryption("aws:kms", None));
    decides(C::BucketEncryptionDefault, Status::Fail, encryption("aws:kms", Some("alias/aws/s3")));
    decides(C::BucketEncryptionDefault, Status::Pass, encryption("aws:kms:dsse", Some(KEY)));
    decides(C::BucketBlocksCustomerKeys, Status::Fail, encryption("aws:kms", Some(KEY)));
    // Plans and templates cannot say which kinds of encryption a bucket refuses.
    decides(C::BucketBlocksCustomerKeys, Status::NotAvailable, |f| {
        f.bucket.encryption = known(Encryption::default());
    });
    for off in 0..4 {
        let mut settings = [true; 4];
        settings[off] = false;
        decides(C::BucketPublicAccessBlock, Status::Fail, |f| {
            f.bucket.public_access_block = known(settings);
        });
    }
    decides(C::BucketNotPublic, Status::Fail, |f| f.bucket.public = known(true));
    for group in ["AllUsers", "AuthenticatedUsers"] {
        decides(C::BucketNotPublic, Status::Fail, |f| {
            f.bucket.grants = known(vec![Grant {
                grantee: format!("http://acs.amazonaws.com/groups/global/{group}"),
                permission: "READ".to_owned(),
            }]);
        });
    }
    decides(C::BucketAclDisabled, Status::Fail, |f| f.bucket.ownership = text("ObjectWriter"));
    decides(C::BucketAccessLogging, Status::Fail, |f| f.bucket.access_log = text("logs"));
    let rule = |rule: LifecycleRule| {
        let rules = vec![LifecycleRule { enabled: true, ..rule }];
        let lifecycle = Lifecycle { rules, small_stay: Some(true) };
        move |f: &mut Facts| f.bucket.lifecycle = known(lifecycle)
    };
    let expiry = |days| LifecycleRule { expires: Some(days), ..LifecycleRule::default() };
    decides(C::BucketNoEarlyExpiry, Status::Fail, rule(expiry(364)));
    decides(C::BucketNoEarlyExpiry, Status::Pass, rule(expiry(365)));
    let elsewhere = LifecycleRule { prefix: "q/".to_owned(), ..expiry(1) };
    decides(C::BucketNoEarlyExpiry, Status::Pass, rule(elsewhere));
    let archive = |days, class: &str| LifecycleRule {
        transitions: vec![Transition { days: Some(days), class: class.to_owned() }],
        ..LifecycleRule::default()
    };
    decides(C::BucketAtHand, Status::Fail, rule(archive(89, "GLACIER")));
    decides(C::BucketAtHand, Status::Pass, rule(archive(90, "DEEP_ARCHIVE")));
    decides(C::BucketAtHand, Status::Pass, rule(archive(1, "GLACIER_IR")));
    decides(C::BucketAtHand, Status::Manual, rule(archive(1, "INTELLIGENT_TIERING")));
    decides(C::BucketAtHand, Status::Fail, rule(expiry(89)));
    decides(C::BucketAtHand, Status::Pass, rule(expiry(90)));
    let replicate = |account: Option<&str>, kms_objects, prefix: &str| {
        let rule = Replication {
            enabled: true,
            account: account.map(str::to_owned),
            kms_objects,
            prefix: prefix.to_owned(),
            ..Replication::default()
        };
        move |f: &mut Facts| f.bucket.replication = known(vec![rule])
    };
    decides(C::BucketReplication, Status::Fail, replicate(None, true, ""));
    decides(C::BucketReplication, Status::Fail, replicate(Some("444455556666"), false, ""));
    decides(C::BucketReplication, Status::Fail, replicate(Some("444455556666"), true, "q/"));
    let notify = |events: &str, function| {
        let one = Notification {
            function,
            receiver: "arn".to_owned(),
            events: vec![events.to_owned()],
            prefix: String::new(),
        };
        move |f: &mut Facts| f.bucket.notifications = known(vec![one])
    };
    decides(C::BucketNoWriteTriggers, Status::Manual, notify("s3:ObjectCreated:*", true));
    decides(C::BucketNoWriteTriggers, Status::Pass, notify("s3:ObjectCreated:*", false));
    decides(C::BucketNoWriteTriggers, Status::Pass, notify("s3:ObjectRemoved:*", true));
}

#[test]
fn wrong_policies_of_the_bucket_fail() {
    use CheckId as C;
    let with = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut statements = bucket_statements().to_vec();
        change(&mut statements);
        let policy = policy(json!(statements));
        move |f: &mut Facts| f.bucket.policy = policy
    };
    // Only objects, only one action, only one principal, and the version of TLS do not deny plain HTTP.
    for (field, value) in [
        ("Resource", json!("arn:aws:s3:::logs/*")),
        ("Action", json!("s3:PutObject")),
        ("Principal", json!({ "AWS": "arn:aws:iam::111122223333:root" })),
        ("Condition", json!({ "Bool": { "aws:SecureTransport": "true" } })),
    ] {
        let wrong = with(&|it| it[2][field] = value.clone());
        decides(C::BucketTlsOnly, Status::Fail, wrong);
    }
    for spelled in [json!("false"), json!(["false"]), json!(false)] {
        let right = json!({ "Bool": { "aws:securetransport": spelled } });
        decides(C::BucketTlsOnly, Status::Pass, with(&|it| it[2]["Condition"] = right.clone()));
    }
    // A request without TLS has no version of it, so that this denies none.
    let version = json!({ "NumericLessThan": { "s3:TlsVersion": 1.2 } });
    decides(C::BucketTlsOnly, Status::Fail, with(&|it| it[2]["Condition"] = version.clone()));
    decides(C::BucketPolicyScoped, Status::Fail, with(&|it| it[0]["Condition"] = Value::Null));
    // Where the trail delivers, and who it is.
    for (at, field, value) in [
        (1, "Resource", json!("arn:aws:s3:::logs/AWSLogs/111122223333/*")),
        (1, "Resource", json!("arn:aws:s3:::logs/p/AWSLogs/444455556666/*")),
        // An organization's trail also delivers below the organization's id.
        (1, "Resource", json!("arn:aws:s3:::logs/p/AWSLogs/111122223333/*")),
        (1, "Condition", json!({ "StringEquals": { "aws:SourceArn": format!("{TRAIL}2") } })),
        (0, "Action", json!("s3:ListBucket")),
    ] {
        let wrong = with(&|it| it[at][field] = value.clone());
        decides(C::BucketPolicyLetsCloudtrailWrite, Status::Fail, wrong);
    }
    // An upload without KMS is denied: certain for a trail without a key, and not known for digests of
    // one with a key.
    let deny = json!({
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*",
        "Condition": { "StringNotEquals": { "s3:x-amz-server-side-encryption": "aws:kms" } },
    });
    let denying = with(&|it| it.push(deny.clone()));
    let mut facts = good();
    denying(&mut facts);
    let check = C::BucketPolicyLetsCloudtrailWrite;
    let judged = judge(check, &facts, &Wanted::default());
    assert_eq!(judged.status, Status::Manual, "{judged:?}");
    assert_eq!(judged.pitfalls, [Pitfall::DigestsMayBeDenied]);
    facts.trail.kms_key = Fact::Absent;
    assert_eq!(judge(check, &facts, &Wanted::default()).status, Status::Fail);
    let other = |principal: &str| {
        let statement = json!({
            "Sid": "ops", "Effect": "Allow", "Principal": { "AWS": principal },
            "Action": ["s3:GetObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::logs/*",
        });
        with(&|it| it.push(statement.clone()))
    };
    let own = other("arn:aws:iam::111122223333:role/ops");
    decides(C::BucketNoForeignWriteDelete, Status::Manual, own);
    let foreign = other("arn:aws:iam::444455556666:role/ops");
    decides(C::BucketNoForeignWriteDelete, Status::Fail, foreign);
    let caller_key = json!({
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*",
        "Condition": { "Null": { "s3:x-amz-server-side-encryption-customer-algorithm": "false" } },
    });
    let mut facts = good();
    with(&|it| it.push(caller_key.clone()))(&mut facts);
    facts.bucket.encryption = Fact::Absent;
    let judged = judge(C::BucketBlocksCustomerKeys, &facts, &Wanted::default());
    assert_eq!(judged.status, Status::Pass, "{judged:?}");
    decides(C::BucketNotPublic, Status::Fail, |f| {
        f.bucket.public = Fact::unread(Operation::GetBucketPolicyStatus, UnreadWhy::Denied);
        let open = json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*" });
        f.bucket.policy = policy(json!([open]));
    });
}

#[test]
fn wrong_organizations_and_monitoring_fail() {
    use CheckId as C;
    decides(C::OrgAllAccountsCovered, Status::Fail, |f| {
        f.organization.chains = known(chains(&[]));
    });
    decides(C::OrgTrailProtectedByScp, Status::Fail, |f| {
        f.organization.policies_enabled = known(false);
    });
    let control = |content: Value| {
        let one = ControlPolicy {
            name: "guard".to_owned(),
            target: "r-1".to_owned(),
            policy: policy(content),
        };
        let policies = BTreeMap::from([("444455556666".to_owned(), vec![one])]);
        move |f: &mut Facts| f.organization.policies = known(policies)
    };
    let full = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    decides(C::OrgTrailProtectedByScp, Status::Fail, control(full));
    let mut partial = scp();
    partial[0]["Action"] = json!(["cloudtrail:StopLogging", "cloudtrail:DeleteTrail"]);
    decides(C::OrgTrailProtectedByScp, Status::Fail, control(partial));
    let mut unknown = scp();
    unknown[0]["Condition"] = json!({ "NumericEquals": { "aws:MultiFactorAuthAge": "1" } });
    decides(C::OrgTrailProtectedByScp, Status::Manual, control(unknown));
    let mut facts = good();
    monitoring(&mut facts).changes = known(
        [1, 2]
            .map(|at| Change { resource: TRAIL.to_owned(), at: Timestamp::from_unix(at) })
            .to_vec(),
    );
    let judged = judge(C::TrailConfigHistory, &facts, &Wanted::default());
    assert_eq!((judged.status, judged.reason), (Status::Fail, Reason::Changed));
    decides(C::AlertTrailTampering, Status::Fail, |f| {
        if let Fact::Known(alerts) = &mut monitoring(f).alerts {
            alerts[0].in_force = Some(false);
        }
    });
    decides(C::ConfigRecorder, Status::Fail, |f| {
        if let Fact::Known(recorders) = &mut monitoring(f).recorders {
            recorders[0].recording = false;
        }
    });
    let answer = |compliance: &str| {
        let of = |resource: &str| RuleResult {
            resource: resource.to_owned(),
            compliance: compliance.to_owned(),
            ..RuleResult::default()
        };
        known(vec![of("main"), of("logs")])
    };
    decides(C::ConfigRulesCompliant, Status::Fail, |f| {
        monitoring(f).rules = answer("NON_COMPLIANT");
    });
    decides(C::ConformancePack, Status::Manual, |f| {
        monitoring(f).packs = answer("INSUFFICIENT_DATA");
    });
}

#[test]
fn files_show_what_applied_to_them() {
    use CheckId as C;
    let with = |logs: Vec<StoredAs>| move |f: &mut Facts| f.bucket.files = known(files(&logs));
    let other = KEY.replace("1234", "5678");
    decides(
        C::FilesEncryptedWithKey,
        Status::Fail,
        with(vec![stored(KEY, 365), stored(&other, 365)]),
    );
    decides(C::FilesEncryptedWithKey, Status::Fail, with(vec![StoredAs::default()]));
    decides(C::FilesEncryptedWithKey, Status::Fail, |f| f.trail.kms_key = Fact::Absent);
    decides(C::FilesEncryptedWithKey, Status::NotAvailable, |f| {
        f.trail.kms_key = text("alias/trail");
        f.key = None;
    });
    decides(C::FilesLocked, Status::Fail, with(vec![stored(KEY, 365), stored(KEY, 364)]));
    let bypassed = StoredAs { lock_mode: Some(LockMode::Governance), ..stored(KEY, 365) };
    decides(C::FilesLocked, Status::Fail, with(vec![bypassed]));
    let open = StoredAs { lock_mode: None, retain_until: None, ..stored(KEY, 365) };
    decides(C::FilesLocked, Status::Fail, with(vec![stored(KEY, 365), open]));
    // One whose mode is not known here is not in compliance mode.
    let unknown = StoredAs { lock_mode: Some(LockMode::Other), ..stored(KEY, 365) };
    decides(C::FilesLocked, Status::Fail, with(vec![unknown]));
    for check in [C::FilesEncryptedWithKey, C::FilesLocked] {
        decides(check, Status::NotAvailable, |f| {
            if let Fact::Known(files) = &mut f.bucket.files {
                files.complete = false;
            }
        });
        decides(check, Status::NotAvailable, with(Vec::new()));
        // One that is missing, and one that was read in a directory.
        for event in [log(None, None), log(Some(1), None)] {
            decides(check, Status::NotAvailable, |f| {
                if let Fact::Known(files) = &mut f.bucket.files {
                    files.take(&event);
                }
            });
        }
    }
}

/// S3 leaves locks out of an answer for a caller who is not allowed to read them.
#[test]
fn files_that_show_no_lock_are_accused_only_if_locks_are_shown() {
    let check = CheckId::FilesLocked;
    let open = StoredAs { lock_mode: None, retain_until: None, ..stored(KEY, 365) };
    let hidden = vec![open.clone(), open.clone()];
    let judged = |logs: &[StoredAs], lock: Fact<ObjectLock>| {
        let mut facts = good();
        facts.bucket.files = known(files(logs));
        facts.bucket.lock = lock;
        judge(check, &facts, &Wanted::default())
    };
    let locks = known(ObjectLock { enabled: true, mode: None, days: None });
    let denied = Fact::unread(Operation::GetObjectLockConfiguration, UnreadWhy::Denied);
    for (lock, permissions) in [
        (locks.clone(), &["s3:GetObjectRetention"][..]),
        (denied.clone(), &["s3:GetObjectRetention", "s3:GetBucketObjectLockConfiguration"]),
    ] {
        let judged = judged(&hidden, lock);
        assert_eq!(judged.status, Status::NotAvailable, "{judged:?}");
        let named: Vec<String> = judged.unread.iter().map(|it| it.operation.permission()).collect();
        assert_eq!(named, permissions);
        assert_eq!(judged.observed["lock_not_shown"], 2);
        assert!(!judged.observed.contains_key("not_locked"));
    }
    // A lock of another file of the run shows that the caller sees them.
    let seen = judged(&[open, stored(KEY, 365)], denied);
    assert_eq!((seen.status, &seen.observed["not_locked"]), (Status::Fail, &json!(1)));
    // No file of a bucket without Object Lock has one.
    let off = known(ObjectLock::default());
    for lock in [Fact::Absent, off] {
        let judged = judged(&hidden, lock);
        assert_eq!((judged.status, &judged.observed["not_locked"]), (Status::Fail, &json!(2)));
    }
}

/// A digest that was not read may name log files that nobody looked at.
#[test]
fn an_unread_digest_leaves_the_encryption_of_its_log_files_open() {
    decides(CheckId::FilesEncryptedWithKey, Status::NotAvailable, |f| {
        if let Fact::Known(files) = &mut f.bucket.files {
            files.digests_unread = 1;
        }
    });
}

/// What the run could not read, or did not look at, accuses no account.
#[test]
fn an_account_is_missing_only_where_the_run_looked() {
    let check = CheckId::OrgAllAccountsCovered;
    let account = "444455556666";
    let unread = ChainPresence { covered_from: None, ..covered(0) };
    decides(check, Status::NotAvailable, |f| {
        f.organization.chains = known(chains(&[(account, unread)]));
    });
    decides(check, Status::Fail, |f| {
        f.organization.chains = known(chains(&[(account, covered(1))]));
    });
    let incomplete = |accounts: &[(&str, ChainPresence)]| {
        known(RecordedChains { complete: false, ..chains(accounts) })
    };
    decides(check, Status::NotAvailable, |f| f.organization.chains = incomplete(&[]));
    decides(check, Status::Pass, |f| f.organization.chains = incomplete(&[(account, covered(0))]));
    decides(check, Status::Fail, |f| {
        f.organization.chains = incomplete(&[(account, covered(1))]);
    });
}
