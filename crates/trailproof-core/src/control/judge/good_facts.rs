//! Facts for the tests of the rules.
use super::rule::judge;
use crate::codes::finding::{Finding, Outcome};
use crate::control::check::CheckId;
use crate::control::fact::{Fact, UnreadWhy};
use crate::control::facts::*;
use crate::control::lifecycle::{Lifecycle, LifecycleRule, Transition};
use crate::control::operation::Operation;
use crate::control::policy::Policy;
use crate::control::selectors::{AdvancedSelector, FieldSelector, Selectors};
use crate::control::status::Status;
use crate::log_file::LogProof;
use crate::record::{LockMode, LogJudged, ObjectFacts, RunEvent, StoredAs};
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{DAY, Period, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const TRAIL: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/main";
pub(super) const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234";
pub(super) const NOW: i64 = 1_790_000_000;

pub(super) fn known<T>(value: T) -> Fact<T> {
    Fact::Known(value)
}

pub(super) fn text(value: &str) -> Fact<String> {
    Fact::Known(value.to_owned())
}

pub(super) fn policy(statements: Value) -> Fact<Policy> {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    Fact::Known(Policy::from_value(&policy).unwrap())
}

pub(super) fn bucket_statements() -> [Value; 3] {
    let service = json!({ "Service": "cloudtrail.amazonaws.com" });
    [
        json!({
            "Sid": "acl", "Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl",
            "Resource": "arn:aws:s3:::logs", "Condition": { "StringEquals": { "aws:SourceArn": TRAIL } },
        }),
        json!({
            "Sid": "write", "Effect": "Allow", "Principal": service, "Action": "s3:PutObject",
            "Resource": [
                "arn:aws:s3:::logs/p/AWSLogs/111122223333/*",
                "arn:aws:s3:::logs/p/AWSLogs/o-exampleorgid/*",
            ],
            "Condition": { "StringEquals": {
                "aws:SourceArn": TRAIL, "s3:x-amz-acl": "bucket-owner-full-control",
            } },
        }),
        json!({
            "Sid": "tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"],
            "Condition": { "Bool": { "aws:SecureTransport": false } },
        }),
    ]
}

pub(super) fn key_statements() -> [Value; 2] {
    [
        json!({
            "Sid": "root", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
            "Action": "kms:*", "Resource": "*",
        }),
        json!({
            "Sid": "trail", "Effect": "Allow", "Principal": { "Service": ["cloudtrail.amazonaws.com"] },
            "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"], "Resource": "*",
            "Condition": { "StringEquals": { "aws:SourceArn": TRAIL } },
        }),
    ]
}

pub(super) fn scp() -> Value {
    json!([{
        "Effect": "Deny", "Resource": "*",
        "Action": ["cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail",
            "cloudtrail:PutEventSelectors"],
        "Condition": { "ArnNotLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/admin" } },
    }])
}

pub(super) fn at(seconds_ago: i64) -> Option<Timestamp> {
    Some(Timestamp::from_unix(NOW - seconds_ago))
}

pub(super) fn status() -> TrailStatus {
    let delivery = |age| Delivery { latest: at(age), error: None };
    TrailStatus {
        is_logging: true,
        started: None,
        stopped: None,
        logs: delivery(300),
        digests: delivery(3_000),
        cloudwatch: delivery(300),
    }
}

pub(super) fn selector(category: &str) -> AdvancedSelector {
    let field = |name: &str, value: &str| FieldSelector {
        field: name.to_owned(),
        equals: vec![value.to_owned()],
        ..FieldSelector::default()
    };
    let mut fields = vec![field("eventCategory", category)];
    if category == "Data" {
        fields.push(field("resources.type", "AWS::S3::Object"));
    }
    AdvancedSelector { fields }
}

/// Returns how a log file is stored that is encrypted with a key and locked for some days.
pub(super) fn stored(key: &str, days: i64) -> StoredAs {
    StoredAs {
        encryption: Some(crate::record::Encryption::Kms),
        kms_key: Some(key.into()),
        lock_mode: Some(LockMode::Compliance),
        retain_until: Some(written().plus(days * DAY)),
        ..StoredAs::default()
    }
}

fn period() -> Period {
    Period { start: Timestamp::from_unix(0), end: Timestamp::from_unix(100) }
}

fn written() -> Timestamp {
    Timestamp::parse("2026-03-01T00:05:00Z").unwrap()
}

/// Returns the files of a run that read log files that are stored like this.
pub(super) fn files(logs: &[StoredAs]) -> FilesFacts {
    let mut files = FilesFacts::new(period());
    logs.iter().for_each(|stored| files.take(&log(Some(1), Some(stored.clone()))));
    files
}

/// Returns the judgement of a log file with this stored size, if it was read.
pub(super) fn log(size: Option<u64>, stored_as: Option<StoredAs>) -> RunEvent {
    let name = "111122223333_CloudTrail_us-east-1_20260301T0005Z_0123456789abcdef.json.gz";
    let proof = LogProof { stored: 1, inflated: 1, stored_inflated: false, several_members: false };
    RunEvent::LogJudged(LogJudged {
        at: ObjectLocation::new("logs", format!("p/{name}")),
        expected: [0; 32],
        outcome: match size {
            Some(_) => Outcome::Valid(proof),
            None => Outcome::Invalid(Finding::LogMissing),
        },
        lifecycle: false,
        seen: ObjectFacts {
            stored: size,
            stored_as: stored_as.map(Box::new),
            ..ObjectFacts::default()
        },
    })
}

/// Returns facts on which every check passes that can.
pub(super) fn good() -> Facts {
    let mut trail = TrailFacts::unread(TRAIL, UnreadWhy::NotAsked);
    trail.name = Some("main".to_owned());
    trail.arn = Some(TRAIL.to_owned());
    trail.account = Some("111122223333".to_owned());
    trail.home_region = text("us-east-1");
    trail.bucket = text("logs");
    trail.prefix = text("p");
    trail.kms_key = text(KEY);
    trail.validation = known(true);
    trail.multi_region = known(true);
    trail.global_events = known(true);
    trail.organization = known(true);
    trail.log_group = text("arn:aws:logs:us-east-1:111122223333:log-group:trail:*");
    trail.logging = known(true);
    trail.status = BTreeMap::from([("us-east-1".to_owned(), known(status()))]);
    trail.selectors = known(Selectors::Advanced(vec![selector("Management"), selector("Data")]));
    trail.insights = known(vec!["ApiCallRateInsight".to_owned()]);
    trail.data_buckets = vec!["cards".to_owned()];
    let mut bucket = BucketFacts::unread("logs", UnreadWhy::NotAsked);
    bucket.name = Some("logs".to_owned());
    bucket.region = text("us-east-1");
    bucket.versioning = text("Enabled");
    bucket.mfa_delete = known(true);
    bucket.lock =
        known(ObjectLock { enabled: true, mode: Some("COMPLIANCE".to_owned()), days: Some(365) });
    bucket.encryption = known(Encryption {
        algorithm: "aws:kms".to_owned(),
        key: Some(KEY.to_owned()),
        customer: Fact::unread(Operation::DescribeKey, UnreadWhy::NotAsked),
        bucket_key: false,
        blocked: known(vec!["SSE-C".to_owned()]),
    });
    bucket.public_access_block = known([true; 4]);
    bucket.policy = policy(json!(bucket_statements()));
    bucket.public = known(false);
    bucket.grants = known(vec![Grant {
        grantee: "75aa57f09aa0c8ca".to_owned(),
        permission: "FULL_CONTROL".to_owned(),
    }]);
    bucket.ownership = text("BucketOwnerEnforced");
    bucket.lifecycle = known(Lifecycle {
        rules: vec![LifecycleRule {
            id: "keep".to_owned(),
            enabled: true,
            expires: Some(400),
            transitions: vec![Transition { days: Some(90), class: "GLACIER".to_owned() }],
            ..LifecycleRule::default()
        }],
        small_stay: Some(false),
    });
    bucket.access_log = text("access");
    bucket.replication = known(vec![Replication {
        enabled: true,
        bucket: "arn:aws:s3:::copy".to_owned(),
        account: Some("444455556666".to_owned()),
        kms_objects: true,
        ..Replication::default()
    }]);
    bucket.notifications = known(Vec::new());
    bucket.files = known(files(&[stored(KEY, 365), stored(KEY, 400)]));
    let key = KeyFacts {
        subject: KEY.to_owned(),
        arn: Some(KEY.to_owned()),
        region: text("us-east-1"),
        description: known(KeyDescription {
            customer: true,
            state: "Enabled".to_owned(),
            rotatable: true,
            ..KeyDescription::default()
        }),
        policy: policy(json!(key_statements())),
        rotation: known(true),
    };
    let mut organization = OrganizationFacts::unread(UnreadWhy::NotAsked);
    organization.organization = known(Organization {
        id: "o-exampleorgid".to_owned(),
        management: "111122223333".to_owned(),
    });
    let account = |id: &str| Account { id: id.to_owned(), joined: None };
    organization.accounts = known(vec![account("444455556666")]);
    organization.policies_enabled = known(true);
    let control =
        ControlPolicy { name: "guard".to_owned(), target: "r-1".to_owned(), policy: policy(scp()) };
    organization.policies = known(BTreeMap::from([
        ("111122223333".to_owned(), Vec::new()),
        ("444455556666".to_owned(), vec![control]),
    ]));
    organization.delegated = known(vec!["444455556666".to_owned()]);
    organization.chains = known(chains(&[("444455556666", covered(0))]));
    let result = |resource: &str| RuleResult {
        rule: "rule".to_owned(),
        resource: resource.to_owned(),
        compliance: "COMPLIANT".to_owned(),
    };
    let recorded =
        |resource: &str| Change { resource: resource.to_owned(), at: Timestamp::from_unix(5) };
    let monitoring = MonitoringFacts {
        alerts: known(vec![Alert {
            name: "tampering".to_owned(),
            in_force: Some(true),
            operations: ["StopLogging", "DeleteTrail", "UpdateTrail"].map(str::to_owned).to_vec(),
            decided: true,
        }]),
        recorders: known(vec![Recorder {
            name: "default".to_owned(),
            recording: true,
            last_status: "SUCCESS".to_owned(),
        }]),
        rules: known(vec![result("main"), result("logs")]),
        packs: known(vec![result("pack")]),
        changes: known(vec![recorded(TRAIL), recorded("logs")]),
    };
    let monitoring = Arc::new(monitoring);
    Facts { as_of: at(0), trail, bucket, key: Some(key), organization, monitoring }
}

/// Returns the chains of a run that looked everywhere, by account.
pub(super) fn chains(accounts: &[(&str, ChainPresence)]) -> RecordedChains {
    let accounts = accounts.iter().map(|(account, presence)| ((*account).to_owned(), *presence));
    RecordedChains { period: period(), accounts: accounts.collect(), complete: true }
}

/// Returns that a chain is covered since some second of the period.
pub(super) fn covered(from: i64) -> ChainPresence {
    let from = Some(Timestamp::from_unix(from));
    ChainPresence { covered_from: from, perhaps_from: from }
}

/// Returns facts of which nothing was read because of `why`.
pub(super) fn unread(why: UnreadWhy) -> Facts {
    let mut trail = TrailFacts::unread(TRAIL, why);
    trail.data_buckets = vec!["cards".to_owned()];
    Facts {
        as_of: None,
        trail,
        bucket: BucketFacts::unread("logs", why),
        key: Some(KeyFacts::unread(KEY, why)),
        organization: OrganizationFacts::unread(why),
        monitoring: Arc::new(MonitoringFacts::unread(why)),
    }
}

/// Returns the monitoring of the facts, to be changed.
pub(super) fn monitoring(facts: &mut Facts) -> &mut MonitoringFacts {
    Arc::make_mut(&mut facts.monitoring)
}

/// Asserts what a check decides about the good facts after a change.
#[track_caller]
pub(super) fn decides(check: CheckId, status: Status, change: impl FnOnce(&mut Facts)) {
    let mut facts = good();
    change(&mut facts);
    let judged = judge(check, &facts, &Wanted::default());
    assert_eq!(judged.status, status, "{}: {judged:?}", check.code());
}
