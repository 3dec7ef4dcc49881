//! What looks like a pass, or like a failure, and is neither.
use super::good_facts::*;
use crate::control::check::CheckId;
use crate::control::fact::{Fact, UnreadWhy};
use crate::control::facts::*;
use crate::control::lifecycle::{Lifecycle, LifecycleRule};
use crate::control::operation::Operation;
use crate::control::selectors::{FieldSelector, Selectors};
use crate::control::status::Status;
use crate::vocab::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Returns a change of the bucket's policy.
fn bucket_policy(change: impl FnOnce(&mut Vec<Value>)) -> impl FnOnce(&mut Facts) {
    let mut statements = bucket_statements().to_vec();
    change(&mut statements);
    let policy = policy(json!(statements));
    move |f: &mut Facts| f.bucket.policy = policy
}

/// Returns a change of the key's policy.
fn key_policy(change: impl FnOnce(&mut [Value; 2])) -> impl FnOnce(&mut Facts) {
    let mut statements = key_statements();
    change(&mut statements);
    let policy = policy(json!(statements));
    move |f: &mut Facts| {
        if let Some(key) = &mut f.key {
            key.policy = policy;
        }
    }
}

fn denied<T>(operation: Operation) -> Fact<T> {
    Fact::unread(operation, UnreadWhy::Denied)
}

/// An `Allow` for all but some is one for everyone else, which a rule does not decide.
#[test]
fn a_statement_for_all_but_some_is_not_one_for_nobody() {
    use CheckId as C;
    let but_one = |action: &str| {
        json!({ "Effect": "Allow", "NotPrincipal": { "AWS": "444455556666" }, "Action": action,
            "Resource": "*" })
    };
    decides(C::KeyNotPublic, Status::Manual, key_policy(|it| it[0] = but_one("kms:*")));
    let deletes = bucket_policy(|it| it.push(but_one("s3:DeleteObject")));
    decides(C::BucketNoForeignWriteDelete, Status::Manual, deletes);
    let without_status = |open: Vec<Value>| {
        let change = bucket_policy(|it| it.extend(open));
        move |f: &mut Facts| {
            change(f);
            f.bucket.public = denied(Operation::GetBucketPolicyStatus);
        }
    };
    decides(C::BucketNotPublic, Status::Manual, without_status(vec![but_one("s3:GetObject")]));
    // A statement with a condition does not hide one without.
    let open =
        json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*" });
    let mut conditional = open.clone();
    conditional["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-1" } });
    decides(C::BucketNotPublic, Status::Fail, without_status(vec![conditional.clone(), open]));
    decides(C::BucketNotPublic, Status::Manual, without_status(vec![conditional]));
}

/// A pattern that covers an action that changes evidence is found however it is spelled.
#[test]
fn every_spelling_of_a_changing_action_is_seen() {
    for action in [
        "s3:*Object",
        "s3:*Version",
        "s3:Put?ucketPolicy",
        "*",
        "s3:Bypass*",
        "s3:PutLife*",
        "S3:DELETEOBJECT",
    ] {
        let other = json!({ "Effect": "Allow", "Principal": { "AWS": "444455556666" },
            "Action": action, "Resource": "*" });
        let change = bucket_policy(|it| it.push(other));
        decides(CheckId::BucketNoForeignWriteDelete, Status::Fail, change);
    }
    let reader = json!({ "Effect": "Allow", "Principal": { "AWS": "444455556666" },
        "Action": ["s3:Get*", "s3:List*"], "Resource": "*" });
    let reads = bucket_policy(|it| it.push(reader));
    decides(CheckId::BucketNoForeignWriteDelete, Status::Pass, reads);
}

/// The account of a plan's trail may not be known: a principal of some account may be its own.
#[test]
fn a_principal_of_an_account_is_not_foreign_where_the_own_one_is_not_known() {
    let role = json!({ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:role/own" },
        "Action": "s3:*", "Resource": "*" });
    let change = bucket_policy(|it| it.push(role));
    decides(CheckId::BucketNoForeignWriteDelete, Status::NotAvailable, |f| {
        change(f);
        (f.trail.arn, f.trail.account) = (None, None);
    });
}

#[test]
fn a_policy_for_another_accounts_trail_is_not_scoped_to_this_one() {
    use CheckId as C;
    let other = "arn:aws:cloudtrail:us-east-1:444455556666:trail/other";
    let conditions = |condition: Value| {
        bucket_policy(move |it| {
            it[0]["Condition"] = condition.clone();
            it[1]["Condition"] = condition;
        })
    };
    let scoped = |condition: Value, status| {
        decides(C::BucketPolicyScoped, status, conditions(condition.clone()));
        decides(C::KeyPolicyScoped, status, key_policy(|it| it[1]["Condition"] = condition));
    };
    scoped(json!({ "StringEquals": { "aws:SourceArn": TRAIL } }), Status::Pass);
    scoped(json!({ "StringEquals": { "aws:SourceAccount": "111122223333" } }), Status::Pass);
    scoped(json!({ "StringEquals": { "aws:SourceArn": other } }), Status::Fail);
    scoped(json!({ "StringEquals": { "aws:SourceAccount": "444455556666" } }), Status::Fail);
    scoped(json!({ "StringEquals": { "aws:SourceArn": [other, TRAIL] } }), Status::Manual);
    // It holds where the key is absent.
    scoped(json!({ "ForAllValues:StringEquals": { "aws:SourceArn": TRAIL } }), Status::Manual);
    scoped(json!({ "StringEqualsIfExists": { "aws:SourceArn": TRAIL } }), Status::Manual);
    // One of two conditions that must both hold is enough.
    let both = json!({ "StringLike": { "aws:SourceArn": "arn:aws:cloudtrail:*:*:trail/*" },
        "StringEquals": { "aws:SourceAccount": "111122223333" } });
    scoped(both, Status::Pass);
}

#[test]
fn digests_have_a_folder_of_their_own() {
    use CheckId as C;
    let only = |folder: &str, region: &str| {
        let resource = json!([
            format!("arn:aws:s3:::logs/p/AWSLogs/111122223333/{folder}/{region}/*"),
            "arn:aws:s3:::logs/p/AWSLogs/o-exampleorgid/*",
        ]);
        bucket_policy(move |it| it[1]["Resource"] = resource)
    };
    decides(C::BucketPolicyLetsCloudtrailWrite, Status::Pass, only("CloudTrail*", "*"));
    decides(C::BucketPolicyLetsCloudtrailWrite, Status::Fail, only("CloudTrail", "*"));
    decides(C::BucketPolicyLetsCloudtrailWrite, Status::Pass, |f| {
        only("CloudTrail", "*")(f);
        f.trail.validation = known(false);
    });
    // The trail's own region, and not one that is in every example.
    let at = |region: &'static str, home: &'static str| {
        move |f: &mut Facts| {
            only("CloudTrail*", region)(f);
            f.trail.home_region = text(home);
            f.trail.multi_region = known(false);
            f.trail.status = BTreeMap::from([(home.to_owned(), known(status()))]);
        }
    };
    let check = C::BucketPolicyLetsCloudtrailWrite;
    decides(check, Status::Pass, at("eu-west-1", "eu-west-1"));
    decides(check, Status::Fail, at("us-east-1", "eu-west-1"));
    // A trail of all regions of which only one was asked delivers elsewhere too.
    decides(check, Status::NotAvailable, only("CloudTrail*", "us-east-1"));
}

#[test]
fn an_organization_that_was_not_read_is_not_one_without_a_folder() {
    let check = CheckId::BucketPolicyLetsCloudtrailWrite;
    let refuse = |f: &mut Facts| {
        f.organization.organization = denied(Operation::DescribeOrganization);
        f.organization.accounts = denied(Operation::ListAccounts);
    };
    let below = |resource: &str| {
        let resource = json!(resource);
        bucket_policy(move |it| it[1]["Resource"] = resource)
    };
    decides(check, Status::NotAvailable, |f| {
        refuse(f);
        below("arn:aws:s3:::logs/p/AWSLogs/111122223333/*")(f);
    });
    decides(check, Status::NotAvailable, refuse);
    decides(check, Status::Pass, |f| {
        refuse(f);
        below("arn:aws:s3:::logs/p/AWSLogs/*")(f);
    });
    // Each member has a folder.
    decides(check, Status::Fail, |f| {
        let own = json!([
            "arn:aws:s3:::logs/p/AWSLogs/111122223333/*",
            "arn:aws:s3:::logs/p/AWSLogs/o-exampleorgid/111122223333/*"
        ]);
        bucket_policy(move |it| it[1]["Resource"] = own)(f);
    });
}

/// Policies of other partitions than that of most customers.
#[test]
fn a_partition_that_is_not_known_is_not_assumed() {
    use CheckId as C;
    let gov = |f: &mut Facts| {
        let statements =
            json!(bucket_statements()).to_string().replace("arn:aws:", "arn:aws-us-gov:");
        f.bucket.policy = policy(serde_json::from_str(&statements).unwrap());
        (f.trail.arn, f.trail.account) = (None, None);
    };
    decides(C::BucketTlsOnly, Status::Pass, gov);
    decides(C::BucketTlsOnly, Status::Fail, |f| {
        gov(f);
        f.trail.arn = Some(TRAIL.to_owned());
    });
}

#[test]
fn a_pattern_of_single_characters_does_not_stand_for_everything() {
    let short = json!(["arn:aws:s3:::logs", "arn:aws:s3:::logs/?"]);
    decides(CheckId::BucketTlsOnly, Status::Fail, bucket_policy(|it| it[2]["Resource"] = short));
    decides(
        CheckId::BucketTlsOnly,
        Status::Fail,
        bucket_policy(|it| it[2]["Action"] = json!("s3:?")),
    );
}

#[test]
fn deliveries_are_not_judged_without_the_home_region() {
    use CheckId as C;
    for check in [C::TrailDeliveryRecent, C::TrailDigestRecent, C::TrailCloudwatch] {
        decides(check, Status::NotAvailable, |f| {
            f.trail.status = BTreeMap::from([("eu-west-1".to_owned(), known(status()))]);
        });
    }
}

#[test]
fn a_delivery_in_the_future_is_not_a_recent_one() {
    let ahead = |seconds: i64| {
        move |f: &mut Facts| {
            let mut home = status();
            home.logs.latest = at(-seconds);
            f.trail.status.insert("us-east-1".to_owned(), known(home));
        }
    };
    decides(CheckId::TrailDeliveryRecent, Status::Pass, ahead(60));
    decides(CheckId::TrailDeliveryRecent, Status::NotAvailable, ahead(3_601));
}

#[test]
fn a_trail_that_was_just_started_has_no_digest_yet() {
    let started = |ago: i64| {
        move |f: &mut Facts| {
            let young = TrailStatus { started: at(ago), digests: Delivery::default(), ..status() };
            f.trail.status.insert("us-east-1".to_owned(), known(young));
        }
    };
    decides(CheckId::TrailDigestRecent, Status::Manual, started(3_000));
    decides(CheckId::TrailDigestRecent, Status::Fail, started(3 * 3_600 + 1));
}

#[test]
fn sources_are_excluded_although_other_conditions_narrow_too() {
    let with = |more: Vec<FieldSelector>| {
        let mut management = selector("Management");
        management.fields.extend(more);
        move |f: &mut Facts| f.trail.selectors = known(Selectors::Advanced(vec![management]))
    };
    let not = |field: &str, value: &str| FieldSelector {
        field: field.to_owned(),
        not_equals: vec![value.to_owned()],
        ..FieldSelector::default()
    };
    let (kms, name) = (not("eventSource", "kms.amazonaws.com"), not("eventName", "Decrypt"));
    let check = CheckId::TrailNoExcludedSources;
    decides(check, Status::Fail, with(vec![kms, name.clone()]));
    decides(check, Status::Manual, with(vec![name]));
    let only = FieldSelector {
        field: "eventSource".to_owned(),
        equals: vec!["s3.amazonaws.com".to_owned()],
        ..FieldSelector::default()
    };
    decides(check, Status::Fail, with(vec![only]));
}

/// A key of AWS has an ARN like any other.
#[test]
fn the_key_of_the_default_encryption_must_be_described() {
    let check = CheckId::BucketEncryptionDefault;
    let key = |customer: Fact<bool>| {
        move |f: &mut Facts| {
            if let Fact::Known(encryption) = &mut f.bucket.encryption {
                encryption.key = Some("arn:aws:kms:us-east-1:111122223333:key/other".to_owned());
                encryption.customer = customer;
            }
        }
    };
    decides(check, Status::NotAvailable, key(denied(Operation::DescribeKey)));
    decides(check, Status::Pass, key(known(true)));
    decides(check, Status::Fail, key(known(false)));
    // The trail's own key is the one that was described.
    decides(check, Status::Fail, |f| {
        if let Some(Fact::Known(described)) = f.key.as_mut().map(|key| &mut key.description) {
            described.customer = false;
        }
    });
}

#[test]
fn a_bucket_key_that_was_not_read_may_need_more() {
    let check = CheckId::KeyPolicyForCloudtrail;
    let refuse = |f: &mut Facts| f.bucket.encryption = denied(Operation::GetBucketEncryption);
    decides(check, Status::NotAvailable, refuse);
    decides(check, Status::Pass, |f| {
        refuse(f);
        let actions = json!(["kms:GenerateDataKey*", "kms:DescribeKey", "kms:Decrypt"]);
        key_policy(|it| it[1]["Action"] = actions)(f);
    });
}

/// A state names the key by its ARN, and the resource by its address.
#[test]
fn a_key_policy_may_name_its_own_key() {
    let own = key_policy(|it| it[1]["Resource"] = json!(KEY));
    decides(CheckId::KeyPolicyForCloudtrail, Status::Pass, |f| {
        own(f);
        if let Some(key) = &mut f.key {
            key.subject = "aws_kms_key.trail".to_owned();
        }
    });
}

#[test]
fn a_multi_region_key_that_was_not_described_may_have_a_replica() {
    let elsewhere = |id: &str| {
        let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{id}");
        move |f: &mut Facts| {
            f.bucket.region = text("eu-west-1");
            if let Some(key) = &mut f.key {
                (key.arn, key.subject) = (Some(arn.clone()), arn);
                key.description = denied(Operation::DescribeKey);
            }
        }
    };
    decides(CheckId::KeyInBucketRegion, Status::NotAvailable, elsewhere("mrk-1234"));
    decides(CheckId::KeyInBucketRegion, Status::Fail, elsewhere("1234"));
}

#[test]
fn a_copy_in_the_trails_own_account_is_for_a_person_to_judge() {
    decides(CheckId::BucketReplication, Status::Manual, |f| {
        if let Fact::Known(rules) = &mut f.bucket.replication {
            rules[0].account = Some("111122223333".to_owned());
        }
    });
}

#[test]
fn answers_about_other_resources_say_nothing() {
    use CheckId as C;
    decides(C::ConfigRulesCompliant, Status::Manual, |f| {
        if let Fact::Known(rules) = &mut monitoring(f).rules {
            rules[0].resource = "a-function".to_owned();
        }
    });
    decides(C::ConfigRulesCompliant, Status::Pass, |f| {
        if let Fact::Known(rules) = &mut monitoring(f).rules {
            let other =
                RuleResult { compliance: "NON_COMPLIANT".to_owned(), ..RuleResult::default() };
            rules.push(other);
        }
    });
    decides(C::TrailConfigHistory, Status::Manual, |f| {
        if let Fact::Known(changes) = &mut monitoring(f).changes {
            changes[1].resource = "another-bucket".to_owned();
        }
    });
}

fn guard(statement: Value) -> impl FnOnce(&mut Facts) {
    let one = ControlPolicy {
        name: "guard".to_owned(),
        target: "r-1".to_owned(),
        policy: policy(json!([statement])),
    };
    let policies = BTreeMap::from([("444455556666".to_owned(), vec![one])]);
    move |f: &mut Facts| f.organization.policies = known(policies)
}

#[test]
fn a_service_control_policy_must_deny_every_kind_of_principal() {
    let check = CheckId::OrgTrailProtectedByScp;
    let deny = |resource: &str, condition: Value| {
        guard(json!({ "Effect": "Deny", "Action": "cloudtrail:*", "Resource": resource,
            "Condition": condition }))
    };
    let by = |operator: &str, arn: &str| json!({ operator: { "aws:PrincipalArn": arn } });
    decides(check, Status::Pass, deny("*", Value::Null));
    decides(check, Status::Pass, deny(TRAIL, Value::Null));
    decides(check, Status::Fail, deny(&format!("{TRAIL}-other"), Value::Null));
    decides(check, Status::Manual, deny("*", by("ArnLike", "arn:aws:iam::*:role/*")));
    decides(check, Status::Fail, deny("*", by("StringNotLike", "arn:aws:iam::*:user/*")));
    decides(check, Status::Fail, deny("*", by("ArnNotLike", "arn:aws:iam::*:role/*")));
    decides(check, Status::Manual, deny("*", by("ArnNotLike", "arn:aws:iam::*:root")));
    decides(check, Status::Pass, deny("*", by("ArnNotLike", "arn:aws:iam::*:role/admin")));
    let gov = TRAIL.replace("arn:aws:", "arn:aws-us-gov:");
    decides(check, Status::Pass, |f| {
        deny("arn:aws-us-gov:cloudtrail:*:*:trail/*", Value::Null)(f);
        f.trail.arn = Some(gov);
    });
    decides(check, Status::NotApplicable, |f| {
        f.organization.policies = known(BTreeMap::from([("111122223333".to_owned(), Vec::new())]));
    });
}

#[test]
fn an_account_that_joined_after_the_period_has_no_chains_in_it() {
    let joined = |at: i64| {
        move |f: &mut Facts| {
            if let Fact::Known(accounts) = &mut f.organization.accounts {
                let joined = Some(Timestamp::from_unix(at));
                accounts.push(Account { id: "777788889999".to_owned(), joined });
            }
        }
    };
    decides(CheckId::OrgAllAccountsCovered, Status::Pass, joined(100));
    decides(CheckId::OrgAllAccountsCovered, Status::Fail, joined(99));
}

#[test]
fn rules_for_files_of_other_services_are_passed_over() {
    let rule = |prefix: &str| {
        let rules = vec![LifecycleRule {
            enabled: true,
            prefix: prefix.to_owned(),
            expires: Some(30),
            ..LifecycleRule::default()
        }];
        move |f: &mut Facts| f.bucket.lifecycle = known(Lifecycle { rules, small_stay: None })
    };
    let check = CheckId::BucketNoEarlyExpiry;
    decides(check, Status::Pass, rule("p/AWSLogs/111122223333/elasticloadbalancing/"));
    decides(check, Status::Fail, rule("p/AWSLogs/111122223333/CloudTrail-Digest/"));
}

#[test]
fn a_bucket_that_is_known_by_its_address_may_log_to_itself() {
    decides(CheckId::BucketAccessLogging, Status::Fail, |f| {
        (f.bucket.name, f.bucket.subject) = (None, "Logs".to_owned());
        f.bucket.access_log = Fact::ByReference("Logs".to_owned());
    });
}
