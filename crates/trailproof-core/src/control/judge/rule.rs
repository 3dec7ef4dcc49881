//! From a check to its rule.
use super::{bucket, bucket_policy, files, key, monitoring, organization, trail};
use crate::control::check::CheckId;
use crate::control::fact::Reader;
use crate::control::facts::{Facts, Wanted};
use crate::control::status::Judgement;

/// Judges one check. A fact that decides and was not read makes it not available.
pub fn judge(check: CheckId, facts: &Facts, wanted: &Wanted) -> Judgement {
    let reader = Reader::default();
    let (r, trail, bucket) = (&reader, &facts.trail, &facts.bucket);
    let judged = match check {
        CheckId::TrailEncryptedWithCustomerKey => trail::encrypted(r, facts),
        CheckId::TrailLogFileValidation => trail::switch(r, &trail.validation),
        CheckId::TrailMultiRegion => trail::multi_region(r, trail),
        CheckId::TrailGlobalEvents => trail::switch(r, &trail.global_events),
        CheckId::TrailLogging => trail::logging(r, trail),
        CheckId::TrailDeliveryRecent => trail::delivery(r, facts),
        CheckId::TrailDigestRecent => trail::digests(r, facts),
        CheckId::TrailCloudwatch => trail::cloudwatch(r, facts),
        CheckId::TrailManagementEvents => trail::management(r, trail),
        CheckId::TrailNoExcludedSources => trail::excluded(r, trail),
        CheckId::TrailDataEventsLogBucket => trail::log_bucket_data(r, facts),
        CheckId::TrailDataEvents => trail::data(r, trail),
        CheckId::TrailInsights => trail::insights(r, trail),
        CheckId::TrailOrganization => organization::trail(r, facts),
        CheckId::OrgAllAccountsCovered => organization::covered(r, &facts.organization),
        CheckId::OrgTrailProtectedByScp => organization::protected(r, facts),
        CheckId::OrgDelegatedAdmin => organization::delegated(r, &facts.organization),
        CheckId::KeyPolicyForCloudtrail => key::for_cloudtrail(r, facts),
        CheckId::KeyPolicyScoped => key::scoped(r, facts),
        CheckId::KeyInBucketRegion => key::in_bucket_region(r, facts),
        CheckId::KeyCustomerManaged => key::customer_managed(r, facts),
        CheckId::KeyNotPendingDeletion => key::not_pending_deletion(r, facts),
        CheckId::KeyRotation => key::rotation(r, facts),
        CheckId::KeyNotPublic => key::not_public(r, facts),
        CheckId::KeyWhoCanDecrypt => key::who_can_decrypt(r, facts),
        CheckId::BucketVersioning => bucket::versioning(r, bucket),
        CheckId::BucketMfaDelete => bucket::mfa_delete(r, bucket),
        CheckId::BucketObjectLock => bucket::object_lock(r, bucket),
        CheckId::BucketLockComplianceMode => bucket::compliance_mode(r, bucket),
        CheckId::BucketLockCoversRetention => bucket::lock_covers(r, bucket, wanted),
        CheckId::BucketEncryptionDefault => bucket::encryption(r, facts),
        CheckId::BucketPublicAccessBlock => bucket::access_block(r, bucket),
        CheckId::BucketNotPublic => bucket::not_public(r, bucket),
        CheckId::BucketTlsOnly => bucket_policy::tls_only(r, facts),
        CheckId::BucketPolicyScoped => bucket_policy::scoped(r, facts),
        CheckId::BucketPolicyLetsCloudtrailWrite => bucket_policy::lets_write(r, facts),
        CheckId::BucketNoForeignWriteDelete => bucket_policy::no_foreign(r, facts),
        CheckId::BucketAclDisabled => bucket::acl_disabled(r, bucket),
        CheckId::BucketAccessLogging => bucket::access_logging(r, bucket),
        CheckId::BucketNoEarlyExpiry => bucket::no_early_expiry(r, facts, wanted),
        CheckId::BucketAtHand => bucket::at_hand(r, facts, wanted),
        CheckId::BucketVerifiableUntil => bucket::verifiable_until(r, facts),
        CheckId::BucketBlocksCustomerKeys => bucket_policy::blocks_customer_keys(r, facts),
        CheckId::BucketReplication => bucket::replication(r, facts),
        CheckId::BucketNoWriteTriggers => bucket::write_triggers(r, facts),
        CheckId::FilesEncryptedWithKey => files::encrypted(r, facts),
        CheckId::FilesLocked => files::locked(r, facts, wanted),
        CheckId::AlertTrailTampering => monitoring::alerts(r, &facts.monitoring),
        CheckId::ConfigRecorder => monitoring::recorder(r, &facts.monitoring),
        CheckId::ConfigRulesCompliant => monitoring::rules(r, facts),
        CheckId::ConformancePack => monitoring::packs(r, &facts.monitoring),
        CheckId::TrailConfigHistory => monitoring::history(r, facts),
    };
    let mut judgement = judged.unwrap_or_else(Judgement::not_available);
    judgement.by_reference = reader.by_reference();
    judgement
}
