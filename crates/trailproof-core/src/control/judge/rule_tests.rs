//! Each check on facts that pass, that were refused, and that are absent.
use super::good_facts::*;
use super::rule::judge;
use crate::control::check::CheckId;
use crate::control::fact::{Fact, Unread, UnreadWhy};
use crate::control::facts::*;
use crate::control::operation::Operation;
use crate::control::status::Status;
use std::collections::BTreeSet;

#[test]
fn every_check_passes_on_good_facts_except_those_that_cannot() {
    for check in CheckId::all() {
        let judged = judge(check, &good(), &Wanted::default());
        let expected = match check {
            CheckId::KeyWhoCanDecrypt => Status::Manual,
            _ => Status::Pass,
        };
        assert_eq!(judged.status, expected, "{}: {judged:?}", check.code());
        assert!(judged.unread.is_empty());
        assert!(!judged.by_reference);
    }
}

#[test]
fn a_refusal_never_passes_and_never_fails() {
    for why in [UnreadWhy::Denied, UnreadWhy::Throttled, UnreadWhy::UnknownUntilApplied] {
        for check in CheckId::all() {
            let judged = judge(check, &unread(why), &Wanted::default());
            assert_eq!(judged.status, Status::NotAvailable, "{}: {judged:?}", check.code());
            let unread = judged.unread.first().unwrap();
            assert_eq!(unread.why, why, "{}", check.code());
        }
    }
}

/// Refusing each fact by itself takes a pass away or leaves it; it never makes a check fail.
#[test]
fn refusing_one_fact_never_makes_a_check_fail() {
    let denied = |operation| Unread::new(operation, UnreadWhy::Denied);
    type Refuse = fn(&mut Facts, &dyn Fn(Operation) -> Unread);
    let refusals: [(Refuse, &[CheckId]); 10] = [
        (
            |f, d| f.trail.kms_key = Fact::Unread(d(Operation::DescribeTrails)),
            &[CheckId::TrailEncryptedWithCustomerKey, CheckId::KeyRotation],
        ),
        (
            |f, d| {
                if let Some(key) = &mut f.key {
                    key.description = Fact::Unread(d(Operation::DescribeKey));
                }
            },
            &[CheckId::TrailEncryptedWithCustomerKey, CheckId::KeyNotPendingDeletion],
        ),
        (
            |f, d| f.trail.logging = Fact::Unread(d(Operation::GetTrailStatus)),
            &[CheckId::TrailMultiRegion, CheckId::TrailLogging],
        ),
        (
            |f, d| {
                let refused = Fact::Unread(d(Operation::GetTrailStatus));
                f.trail.status.insert("eu-west-1".to_owned(), refused);
            },
            &[CheckId::TrailLogging, CheckId::TrailDigestRecent],
        ),
        (
            |f, d| f.bucket.policy = Fact::Unread(d(Operation::GetBucketPolicy)),
            &[CheckId::BucketTlsOnly, CheckId::BucketPolicyLetsCloudtrailWrite],
        ),
        (
            |f, d| f.bucket.grants = Fact::Unread(d(Operation::GetBucketAcl)),
            &[CheckId::BucketNotPublic],
        ),
        (
            |f, d| f.trail.prefix = Fact::Unread(d(Operation::DescribeTrails)),
            &[CheckId::BucketNoEarlyExpiry, CheckId::BucketReplication],
        ),
        (
            |f, d| f.bucket.lock = Fact::Unread(d(Operation::GetObjectLockConfiguration)),
            &[CheckId::BucketObjectLock, CheckId::BucketLockCoversRetention],
        ),
        (
            |f, d| f.organization.chains = Fact::Unread(d(Operation::GetObject)),
            &[CheckId::OrgAllAccountsCovered],
        ),
        (
            |f, d| f.organization.policies = Fact::Unread(d(Operation::ListPoliciesForTarget)),
            &[CheckId::OrgTrailProtectedByScp],
        ),
    ];
    for (refuse, lost) in refusals {
        let mut facts = good();
        refuse(&mut facts, &denied);
        let mut not_available = BTreeSet::new();
        for check in CheckId::all() {
            let before = judge(check, &good(), &Wanted::default()).status;
            let judged = judge(check, &facts, &Wanted::default());
            assert!(
                judged.status == before || judged.status == Status::NotAvailable,
                "{}: {judged:?}",
                check.code()
            );
            if judged.status == Status::NotAvailable {
                not_available.insert(check);
            }
        }
        let kept: Vec<_> = lost.iter().filter(|check| !not_available.contains(check)).collect();
        assert!(kept.is_empty(), "still judged: {kept:?}");
    }
}

#[test]
fn what_was_read_first_decides_although_the_rest_is_refused() {
    use CheckId as C;
    let denied = |check: C, change: fn(&mut Facts)| {
        let mut facts = unread(UnreadWhy::Denied);
        change(&mut facts);
        let judged = judge(check, &facts, &Wanted::default());
        assert_eq!(judged.status, Status::Fail, "{}: {judged:?}", check.code());
    };
    denied(C::TrailEncryptedWithCustomerKey, |f| f.trail.kms_key = Fact::Absent);
    denied(C::TrailMultiRegion, |f| f.trail.multi_region = known(false));
    denied(C::TrailCloudwatch, |f| f.trail.log_group = Fact::Absent);
    denied(C::BucketNotPublic, |f| {
        f.bucket.grants = known(vec![Grant {
            grantee: "http://acs.amazonaws.com/groups/global/AuthenticatedUsers".to_owned(),
            permission: "READ".to_owned(),
        }]);
    });
}

#[test]
fn absent_settings_decide() {
    use CheckId as C;
    decides(C::TrailEncryptedWithCustomerKey, Status::Fail, |f| f.trail.kms_key = Fact::Absent);
    decides(C::TrailEncryptedWithCustomerKey, Status::Fail, |f| f.trail.kms_key = text(""));
    for check in [
        C::KeyCustomerManaged,
        C::KeyNotPendingDeletion,
        C::KeyRotation,
        C::KeyInBucketRegion,
        C::KeyPolicyForCloudtrail,
        C::KeyPolicyScoped,
        C::KeyNotPublic,
        C::KeyWhoCanDecrypt,
    ] {
        decides(check, Status::NotApplicable, |f| f.trail.kms_key = Fact::Absent);
    }
    decides(C::TrailLogFileValidation, Status::Fail, |f| f.trail.validation = Fact::Absent);
    decides(C::TrailDigestRecent, Status::NotApplicable, |f| f.trail.validation = Fact::Absent);
    decides(C::TrailMultiRegion, Status::Fail, |f| f.trail.multi_region = Fact::Absent);
    decides(C::TrailGlobalEvents, Status::Fail, |f| f.trail.global_events = Fact::Absent);
    decides(C::TrailCloudwatch, Status::Fail, |f| f.trail.log_group = Fact::Absent);
    decides(C::TrailInsights, Status::Fail, |f| f.trail.insights = Fact::Absent);
    decides(C::TrailDataEvents, Status::NotApplicable, |f| f.trail.data_buckets = Vec::new());
    decides(C::TrailOrganization, Status::NotApplicable, |f| {
        f.trail.organization = known(false);
        f.organization.organization = Fact::Absent;
    });
    decides(C::OrgTrailProtectedByScp, Status::NotApplicable, |f| {
        f.organization.organization = Fact::Absent;
    });
    decides(C::BucketVersioning, Status::Fail, |f| f.bucket.versioning = Fact::Absent);
    decides(C::BucketMfaDelete, Status::Fail, |f| f.bucket.mfa_delete = Fact::Absent);
    for check in [C::BucketObjectLock, C::BucketLockComplianceMode, C::BucketLockCoversRetention] {
        decides(check, Status::Fail, |f| f.bucket.lock = Fact::Absent);
    }
    decides(C::BucketEncryptionDefault, Status::Fail, |f| f.bucket.encryption = Fact::Absent);
    decides(C::BucketPublicAccessBlock, Status::Fail, |f| {
        f.bucket.public_access_block = Fact::Absent;
    });
    for (check, status) in [
        (C::BucketTlsOnly, Status::Fail),
        (C::BucketPolicyLetsCloudtrailWrite, Status::Fail),
        (C::BucketPolicyScoped, Status::NotApplicable),
        (C::BucketNoForeignWriteDelete, Status::Pass),
    ] {
        decides(check, status, |f| f.bucket.policy = Fact::Absent);
    }
    decides(C::BucketAclDisabled, Status::Fail, |f| f.bucket.ownership = Fact::Absent);
    // ACLs may allow what the policy does not.
    decides(C::BucketNoForeignWriteDelete, Status::Manual, |f| f.bucket.ownership = Fact::Absent);
    decides(C::BucketNoForeignWriteDelete, Status::NotAvailable, |f| {
        f.bucket.ownership = Fact::unread(Operation::GetBucketOwnershipControls, UnreadWhy::Denied);
    });
    decides(C::BucketAccessLogging, Status::Fail, |f| f.bucket.access_log = Fact::Absent);
    for check in [C::BucketNoEarlyExpiry, C::BucketAtHand, C::BucketVerifiableUntil] {
        decides(check, Status::Pass, |f| f.bucket.lifecycle = Fact::Absent);
    }
    decides(C::BucketBlocksCustomerKeys, Status::Fail, |f| f.bucket.encryption = Fact::Absent);
    decides(C::BucketReplication, Status::Fail, |f| f.bucket.replication = Fact::Absent);
    decides(C::BucketNoWriteTriggers, Status::Pass, |f| f.bucket.notifications = Fact::Absent);
    decides(C::AlertTrailTampering, Status::Fail, |f| monitoring(f).alerts = Fact::Absent);
    decides(C::ConfigRecorder, Status::Fail, |f| monitoring(f).recorders = Fact::Absent);
    decides(C::ConfigRulesCompliant, Status::Manual, |f| monitoring(f).rules = Fact::Absent);
}
