//! The checks of a configuration.
use super::operation::Operation;
use strum::{EnumIter, EnumString, IntoEnumIterator as _, IntoStaticStr};

/// A check of a configuration.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum CheckId {
    /// The trail encrypts its log files with a customer managed key that can be used (CT-001).
    TrailEncryptedWithCustomerKey,
    /// The trail writes signed digests: log file validation is on (CT-002).
    TrailLogFileValidation,
    /// The trail records every region, and is logging (CT-003).
    TrailMultiRegion,
    /// The trail records the events of global services, such as IAM.
    TrailGlobalEvents,
    /// The trail is logging in every region that was asked.
    TrailLogging,
    /// The latest log file was delivered within an hour in the home region, and no delivery fails.
    TrailDeliveryRecent,
    /// The latest digest was delivered within three hours in every region, and no delivery fails.
    TrailDigestRecent,
    /// The trail delivers to CloudWatch Logs, and did so within 24 hours.
    TrailCloudwatch,
    /// The trail records all management events, those that read and those that write.
    TrailManagementEvents,
    /// The trail excludes no source of management events, such as KMS.
    TrailNoExcludedSources,
    /// The trail records who reads and writes objects of the log bucket.
    TrailDataEventsLogBucket,
    /// The trail records who reads and writes objects of the buckets that `--data-bucket` names.
    TrailDataEvents,
    /// The trail records insights.
    TrailInsights,
    /// The trail is one of the organization, where there is one.
    TrailOrganization,
    /// Every active account of the organization has a chain of the trail that covers the period of the
    /// run record.
    OrgAllAccountsCovered,
    /// A service control policy denies every member account to stop, delete or change a trail.
    OrgTrailProtectedByScp,
    /// Which accounts administer CloudTrail for the organization. The check informs.
    OrgDelegatedAdmin,
    /// The key's policy allows CloudTrail to generate data keys and to describe the key.
    KeyPolicyForCloudtrail,
    /// The key's policy allows CloudTrail for this trail only, or for trails of its account.
    KeyPolicyScoped,
    /// The key is in the region of the bucket, where S3 uses it.
    KeyInBucketRegion,
    /// A customer manages the key.
    KeyCustomerManaged,
    /// The key is not scheduled for deletion.
    KeyNotPendingDeletion,
    /// KMS rotates the key.
    KeyRotation,
    /// No statement of the key's policy allows everyone without a condition.
    KeyNotPublic,
    /// Which principals the key's policy allows to decrypt.
    KeyWhoCanDecrypt,
    /// The bucket keeps every version.
    BucketVersioning,
    /// Deleting a version needs MFA.
    BucketMfaDelete,
    /// Object Lock is on, with a default retention.
    BucketObjectLock,
    /// The default retention is in compliance mode, which nobody can bypass.
    BucketLockComplianceMode,
    /// The default retention is at least as long as logs must be kept.
    BucketLockCoversRetention,
    /// The bucket encrypts with a customer managed key unless a request says otherwise.
    BucketEncryptionDefault,
    /// All four settings of the bucket that block public access are on.
    BucketPublicAccessBlock,
    /// Neither the policy nor a grant makes the bucket public.
    BucketNotPublic,
    /// The policy denies every request without TLS.
    BucketTlsOnly,
    /// The policy allows CloudTrail for this trail only.
    BucketPolicyScoped,
    /// The policy lets CloudTrail write the trail's log files and digests.
    BucketPolicyLetsCloudtrailWrite,
    /// The policy allows nobody but CloudTrail to write, delete or change settings.
    BucketNoForeignWriteDelete,
    /// Access control lists are off: the bucket's owner owns every object.
    BucketAclDisabled,
    /// Accesses to the bucket are logged, to a different bucket.
    BucketAccessLogging,
    /// No lifecycle rule removes log files or digests earlier than they must be kept.
    BucketNoEarlyExpiry,
    /// No lifecycle rule archives log files earlier than they must be at hand.
    BucketAtHand,
    /// After how many days digests must be restored before they can be verified. The check informs.
    BucketVerifiableUntil,
    /// The bucket refuses objects that are encrypted with a key of the caller.
    BucketBlocksCustomerKeys,
    /// Log files and digests are replicated to a bucket of a different account.
    BucketReplication,
    /// No function is notified of each log file that is written.
    BucketNoWriteTriggers,
    /// Every log file of the trail in the period of the run record is encrypted with the trail's key.
    FilesEncryptedWithKey,
    /// Every log file and digest of the trail in the period of the run record is locked in compliance
    /// mode, for as long as logs must be kept.
    FilesLocked,
    /// An alert reports that a trail was stopped, deleted or changed.
    AlertTrailTampering,
    /// AWS Config records.
    ConfigRecorder,
    /// The rules of AWS Config that were given find the trail and its bucket compliant.
    ConfigRulesCompliant,
    /// All rules of the conformance packs that were given are compliant.
    ConformancePack,
    /// AWS Config recorded no change of the trail or its bucket.
    TrailConfigHistory,
}

/// How much it matters that a check fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Severity {
    /// The check informs.
    Informational,
    /// Advice.
    Low,
    /// A protection is missing.
    Medium,
    /// Logs can be lost, changed or read by others.
    High,
}

impl CheckId {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Lists all checks, in the order of results.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// Returns the name of the policy that asks the same, for those that have one.
    pub fn policy(self) -> Option<&'static str> {
        match self {
            Self::TrailEncryptedWithCustomerKey => Some("CT-001"),
            Self::TrailLogFileValidation => Some("CT-002"),
            Self::TrailMultiRegion => Some("CT-003"),
            _ => None,
        }
    }

    /// Returns how much a failure matters. CT-001 to CT-003 have the severities of their policies.
    pub fn severity(self) -> Severity {
        match self {
            Self::OrgDelegatedAdmin | Self::BucketVerifiableUntil | Self::KeyWhoCanDecrypt => {
                Severity::Informational
            }
            Self::TrailInsights
            | Self::TrailDataEventsLogBucket
            | Self::BucketMfaDelete
            | Self::BucketReplication
            | Self::BucketBlocksCustomerKeys
            | Self::BucketAclDisabled
            | Self::TrailConfigHistory => Severity::Low,
            Self::TrailEncryptedWithCustomerKey
            | Self::TrailLogging
            | Self::TrailManagementEvents
            | Self::KeyPolicyForCloudtrail
            | Self::KeyNotPendingDeletion
            | Self::KeyNotPublic
            | Self::BucketNotPublic
            | Self::BucketPolicyLetsCloudtrailWrite
            | Self::BucketNoEarlyExpiry
            | Self::OrgAllAccountsCovered => Severity::High,
            _ => Severity::Medium,
        }
    }

    /// Returns the subject that a check is about.
    pub fn about(self) -> About {
        match self.code().split('-').next() {
            Some("key") => About::Key,
            Some("bucket" | "files") => About::Bucket,
            Some("org") => About::Organization,
            _ => About::Trail,
        }
    }

    /// Lists the operations whose answers the check rests on.
    pub fn operations(self) -> &'static [Operation] {
        use Operation as O;
        match self {
            Self::TrailEncryptedWithCustomerKey => &[O::DescribeTrails, O::DescribeKey],
            Self::TrailLogFileValidation | Self::TrailGlobalEvents => &[O::DescribeTrails],
            Self::TrailMultiRegion => &[O::DescribeTrails, O::GetTrailStatus],
            Self::TrailLogging | Self::TrailDeliveryRecent | Self::TrailDigestRecent => {
                &[O::GetTrailStatus]
            }
            Self::TrailCloudwatch => &[O::DescribeTrails, O::GetTrailStatus],
            Self::TrailManagementEvents
            | Self::TrailNoExcludedSources
            | Self::TrailDataEventsLogBucket
            | Self::TrailDataEvents => &[O::GetEventSelectors],
            Self::TrailInsights => &[O::GetInsightSelectors],
            Self::TrailOrganization => &[O::DescribeTrails, O::DescribeOrganization],
            Self::OrgAllAccountsCovered => {
                &[O::DescribeOrganization, O::ListAccounts, O::GetObject]
            }
            Self::OrgTrailProtectedByScp => &[
                O::DescribeOrganization,
                O::ListAccounts,
                O::ListRoots,
                O::ListParents,
                O::ListPoliciesForTarget,
                O::DescribePolicy,
            ],
            Self::OrgDelegatedAdmin => &[O::ListDelegatedAdministrators],
            // With a bucket key, CloudTrail must be allowed to decrypt too.
            Self::KeyPolicyForCloudtrail => &[O::GetKeyPolicy, O::GetBucketEncryption],
            Self::KeyPolicyScoped | Self::KeyNotPublic | Self::KeyWhoCanDecrypt => {
                &[O::GetKeyPolicy]
            }
            Self::KeyInBucketRegion => &[O::DescribeKey, O::HeadBucket],
            Self::KeyCustomerManaged | Self::KeyNotPendingDeletion => &[O::DescribeKey],
            Self::KeyRotation => &[O::DescribeKey, O::GetKeyRotationStatus],
            Self::BucketVersioning | Self::BucketMfaDelete => &[O::GetBucketVersioning],
            Self::BucketObjectLock
            | Self::BucketLockComplianceMode
            | Self::BucketLockCoversRetention => &[O::GetObjectLockConfiguration],
            Self::BucketEncryptionDefault => &[O::GetBucketEncryption, O::DescribeKey],
            Self::BucketPublicAccessBlock => &[O::GetPublicAccessBlock],
            Self::BucketNotPublic => &[O::GetBucketPolicyStatus, O::GetBucketAcl],
            // An organization's trail delivers below its id, for each account.
            Self::BucketPolicyLetsCloudtrailWrite => {
                &[O::GetBucketPolicy, O::DescribeOrganization, O::ListAccounts]
            }
            Self::BucketTlsOnly | Self::BucketPolicyScoped | Self::BucketNoForeignWriteDelete => {
                &[O::GetBucketPolicy]
            }
            Self::BucketAclDisabled => &[O::GetBucketOwnershipControls],
            Self::BucketAccessLogging => &[O::GetBucketLogging],
            Self::BucketNoEarlyExpiry | Self::BucketAtHand | Self::BucketVerifiableUntil => {
                &[O::GetBucketLifecycleConfiguration]
            }
            Self::BucketBlocksCustomerKeys => &[O::GetBucketEncryption, O::GetBucketPolicy],
            Self::FilesEncryptedWithKey => {
                &[O::DescribeTrails, O::DescribeOrganization, O::GetObject]
            }
            Self::FilesLocked => &[
                O::GetObjectLockConfiguration,
                O::DescribeOrganization,
                O::GetObject,
                O::GetObjectRetention,
            ],
            Self::BucketReplication => &[O::GetBucketReplication],
            Self::BucketNoWriteTriggers => &[O::GetBucketNotificationConfiguration],
            Self::AlertTrailTampering => &[
                O::ListRules,
                O::ListTargetsByRule,
                O::DescribeMetricFilters,
                O::DescribeAlarmsForMetric,
            ],
            Self::ConfigRecorder => &[O::DescribeConfigurationRecorderStatus],
            Self::ConfigRulesCompliant => &[O::GetComplianceDetailsByConfigRule],
            Self::ConformancePack => &[O::DescribeConformancePackCompliance],
            Self::TrailConfigHistory => &[O::GetResourceConfigHistory],
        }
    }
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The trail.
    Trail,
    /// Its key.
    Key,
    /// Its bucket.
    Bucket,
    /// Its organization.
    Organization,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_a_code_and_operations() {
        for check in CheckId::all() {
            assert_eq!(check.code().parse(), Ok(check));
            assert!(!check.operations().is_empty());
        }
        assert_eq!(CheckId::KeyRotation.about(), About::Key);
        assert_eq!(CheckId::ConfigRecorder.about(), About::Trail);
    }
}
