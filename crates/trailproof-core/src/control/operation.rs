//! The operations of AWS that give facts about a configuration.
use strum::{EnumIter, EnumString, IntoStaticStr};

/// An operation of AWS that gives a fact. Each only reads.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
pub enum Operation {
    /// CloudTrail.
    DescribeTrails,
    /// CloudTrail, in each region of the trail.
    GetTrailStatus,
    /// CloudTrail, in the home region.
    GetEventSelectors,
    /// CloudTrail, in the home region.
    GetInsightSelectors,
    /// S3.
    HeadBucket,
    /// S3.
    GetBucketVersioning,
    /// S3.
    GetObjectLockConfiguration,
    /// S3.
    GetBucketEncryption,
    /// S3.
    GetPublicAccessBlock,
    /// S3.
    GetBucketPolicy,
    /// S3.
    GetBucketPolicyStatus,
    /// S3.
    GetBucketAcl,
    /// S3.
    GetBucketOwnershipControls,
    /// S3.
    GetBucketLifecycleConfiguration,
    /// S3.
    GetBucketLogging,
    /// S3.
    GetBucketReplication,
    /// S3.
    GetBucketNotificationConfiguration,
    /// S3: the objects of the period, as a run record lists them.
    GetObject,
    /// S3: the lock of an object. The answer of GetObject has it for callers who are allowed to read it.
    GetObjectRetention,
    /// KMS, in the key's region.
    DescribeKey,
    /// KMS, in the key's region.
    GetKeyPolicy,
    /// KMS, in the key's region.
    GetKeyRotationStatus,
    /// Organizations.
    DescribeOrganization,
    /// Organizations.
    ListAccounts,
    /// Organizations.
    ListRoots,
    /// Organizations.
    ListParents,
    /// Organizations.
    ListPoliciesForTarget,
    /// Organizations.
    DescribePolicy,
    /// Organizations.
    ListDelegatedAdministrators,
    /// EventBridge.
    ListRules,
    /// EventBridge.
    ListTargetsByRule,
    /// CloudWatch Logs.
    DescribeMetricFilters,
    /// CloudWatch.
    DescribeAlarmsForMetric,
    /// AWS Config.
    DescribeConfigurationRecorderStatus,
    /// AWS Config.
    GetComplianceDetailsByConfigRule,
    /// AWS Config.
    DescribeConformancePackCompliance,
    /// AWS Config.
    GetResourceConfigHistory,
}

impl Operation {
    /// Returns the name that AWS gives the operation. It parses as the value.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the service, as IAM actions spell it.
    pub fn service(self) -> &'static str {
        match self {
            Self::DescribeTrails
            | Self::GetTrailStatus
            | Self::GetEventSelectors
            | Self::GetInsightSelectors => "cloudtrail",
            Self::DescribeKey | Self::GetKeyPolicy | Self::GetKeyRotationStatus => "kms",
            Self::DescribeOrganization
            | Self::ListAccounts
            | Self::ListRoots
            | Self::ListParents
            | Self::ListPoliciesForTarget
            | Self::DescribePolicy
            | Self::ListDelegatedAdministrators => "organizations",
            Self::ListRules | Self::ListTargetsByRule => "events",
            Self::DescribeMetricFilters => "logs",
            Self::DescribeAlarmsForMetric => "cloudwatch",
            Self::DescribeConfigurationRecorderStatus
            | Self::GetComplianceDetailsByConfigRule
            | Self::DescribeConformancePackCompliance
            | Self::GetResourceConfigHistory => "config",
            _ => "s3",
        }
    }

    /// Returns the IAM action that allows the operation.
    pub fn permission(self) -> String {
        let action = match self {
            Self::HeadBucket => "ListBucket",
            Self::GetObjectLockConfiguration => "GetBucketObjectLockConfiguration",
            Self::GetBucketEncryption => "GetEncryptionConfiguration",
            Self::GetPublicAccessBlock => "GetBucketPublicAccessBlock",
            Self::GetBucketLifecycleConfiguration => "GetLifecycleConfiguration",
            Self::GetBucketReplication => "GetReplicationConfiguration",
            Self::GetBucketNotificationConfiguration => "GetBucketNotification",
            other => other.name(),
        };
        format!("{}:{action}", self.service())
    }
}
