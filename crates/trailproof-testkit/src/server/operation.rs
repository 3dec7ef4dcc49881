//! The operations that the server knows, by their AWS names.
use strum::EnumIter;

/// An operation of S3, CloudTrail, Organizations or STS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter)]
pub enum Operation {
    /// S3 ListBuckets.
    ListBuckets,
    /// S3 HeadBucket.
    HeadBucket,
    /// S3 GetBucketLocation.
    GetBucketLocation,
    /// S3 ListObjects, the first version.
    ListObjects,
    /// S3 ListObjectsV2.
    ListObjectsV2,
    /// S3 ListObjectVersions.
    ListObjectVersions,
    /// Any other GET of a subresource of a bucket or an object, such as its policy.
    GetSetting,
    /// S3 GetObject.
    GetObject,
    /// S3 HeadObject.
    HeadObject,
    /// S3 PutObject.
    PutObject,
    /// CloudTrail ListPublicKeys.
    ListPublicKeys,
    /// CloudTrail DescribeTrails.
    DescribeTrails,
    /// CloudTrail ListTrails.
    ListTrails,
    /// CloudTrail GetTrail.
    GetTrail,
    /// CloudTrail GetTrailStatus.
    GetTrailStatus,
    /// CloudTrail LookupEvents.
    LookupEvents,
    /// Organizations DescribeOrganization.
    DescribeOrganization,
    /// Organizations ListAccounts.
    ListAccounts,
    /// Any other operation of CloudTrail, KMS or Organizations about configuration; the key begins with its
    /// name.
    GetConfiguration,
    /// STS GetCallerIdentity.
    GetCallerIdentity,
    /// Anything else.
    Unknown,
}

/// The operations that are answered from the configuration of the world alone.
const CONFIGURATION: [&str; 10] = [
    "DescribeKey",
    "DescribePolicy",
    "GetEventSelectors",
    "GetInsightSelectors",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListDelegatedAdministrators",
    "ListParents",
    "ListPoliciesForTarget",
    "ListRoots",
];

/// The format of an operation's responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// S3's XML.
    S3,
    /// AWS JSON 1.1.
    Json,
    /// The query protocol.
    Query,
}

impl Operation {
    /// Returns the operation that the last part of an `X-Amz-Target` header names.
    pub(super) fn of_target(name: &str) -> Self {
        match name {
            "ListPublicKeys" => Self::ListPublicKeys,
            "DescribeTrails" => Self::DescribeTrails,
            "ListTrails" => Self::ListTrails,
            "GetTrail" => Self::GetTrail,
            "GetTrailStatus" => Self::GetTrailStatus,
            "LookupEvents" => Self::LookupEvents,
            "DescribeOrganization" => Self::DescribeOrganization,
            "ListAccounts" => Self::ListAccounts,
            name if CONFIGURATION.contains(&name) => Self::GetConfiguration,
            _ => Self::Unknown,
        }
    }

    pub(super) fn protocol(self) -> Protocol {
        match self {
            Self::ListPublicKeys
            | Self::DescribeTrails
            | Self::ListTrails
            | Self::GetTrail
            | Self::GetTrailStatus
            | Self::LookupEvents
            | Self::DescribeOrganization
            | Self::ListAccounts
            | Self::GetConfiguration => Protocol::Json,
            Self::GetCallerIdentity => Protocol::Query,
            _ => Protocol::S3,
        }
    }

    /// Returns whether this lists the contents of one bucket.
    pub(super) fn is_listing(self) -> bool {
        matches!(self, Self::ListObjects | Self::ListObjectsV2 | Self::ListObjectVersions)
    }

    /// Returns the IAM action that the operation requires, as error messages name it.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::ListBuckets => "s3:ListAllMyBuckets",
            Self::HeadBucket | Self::ListObjects | Self::ListObjectsV2 => "s3:ListBucket",
            Self::GetBucketLocation => "s3:GetBucketLocation",
            Self::ListObjectVersions => "s3:ListBucketVersions",
            Self::GetSetting => "s3:GetBucketConfiguration",
            Self::GetObject | Self::HeadObject => "s3:GetObject",
            Self::PutObject => "s3:PutObject",
            Self::ListPublicKeys => "cloudtrail:ListPublicKeys",
            Self::DescribeTrails => "cloudtrail:DescribeTrails",
            Self::ListTrails => "cloudtrail:ListTrails",
            Self::GetTrail => "cloudtrail:GetTrail",
            Self::GetTrailStatus => "cloudtrail:GetTrailStatus",
            Self::LookupEvents => "cloudtrail:LookupEvents",
            Self::DescribeOrganization => "organizations:DescribeOrganization",
            Self::ListAccounts => "organizations:ListAccounts",
            Self::GetConfiguration => "configuration:Get",
            Self::GetCallerIdentity => "sts:GetCallerIdentity",
            Self::Unknown => "s3:Unknown",
        }
    }
}
