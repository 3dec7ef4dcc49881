//! The facts about a trail, its bucket, its key and its organization that checks judge.
use super::fact::{Fact, UnreadWhy};
use super::lifecycle::Lifecycle;
use super::operation::Operation;
use super::policy::Policy;
use super::selectors::Selectors;
use crate::record::{RunEvent, StorageTallies, StorageTally};
use crate::vocab::time::{Period, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that is known about one trail and what it depends on.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When the facts were read. Files do not record it.
    pub as_of: Option<Timestamp>,
    /// The trail.
    pub trail: TrailFacts,
    /// Its bucket.
    pub bucket: BucketFacts,
    /// Its key; `None` if the trail names none or it is not known which.
    pub key: Option<KeyFacts>,
    /// Its organization.
    pub organization: OrganizationFacts,
    /// What monitors it: the same for all trails of an input.
    pub monitoring: Arc<MonitoringFacts>,
}

/// The configuration of a trail.
#[derive(Clone, Debug)]
pub struct TrailFacts {
    /// ARN, or the address of the resource in a plan or template.
    pub subject: String,
    /// Name, if it is known.
    pub name: Option<String>,
    /// ARN, if it is known.
    pub arn: Option<String>,
    /// Account that owns the trail, if it is known.
    pub account: Option<String>,
    /// Region in which the trail was made.
    pub home_region: Fact<String>,
    /// Bucket to which it delivers.
    pub bucket: Fact<String>,
    /// Key prefix in the bucket.
    pub prefix: Fact<String>,
    /// Key as the trail names it, or the resource to which it refers.
    pub kms_key: Fact<String>,
    /// Whether CloudTrail writes digests.
    pub validation: Fact<bool>,
    /// Whether the trail records every region.
    pub multi_region: Fact<bool>,
    /// Whether it records the events of global services.
    pub global_events: Fact<bool>,
    /// Whether it records the organization's accounts.
    pub organization: Fact<bool>,
    /// Log group of CloudWatch Logs to which it delivers.
    pub log_group: Fact<String>,
    /// Whether it is logging in its home region.
    pub logging: Fact<bool>,
    /// Its status in each region that was asked.
    pub status: BTreeMap<String, Fact<TrailStatus>>,
    /// Which events it records.
    pub selectors: Fact<Selectors>,
    /// Which insights it records.
    pub insights: Fact<Vec<String>>,
    /// Buckets whose data events must be recorded, as the user names them.
    pub data_buckets: Vec<String>,
}

/// The status of a trail in one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailStatus {
    /// Whether it is logging.
    pub is_logging: bool,
    /// When it was started last.
    pub started: Option<Timestamp>,
    /// When it was stopped last.
    pub stopped: Option<Timestamp>,
    /// Delivery of log files.
    pub logs: Delivery,
    /// Delivery of digests.
    pub digests: Delivery,
    /// Delivery to CloudWatch Logs.
    pub cloudwatch: Delivery,
}

/// The latest delivery of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// When it succeeded last.
    pub latest: Option<Timestamp>,
    /// The error of the latest attempt.
    pub error: Option<String>,
}

/// The configuration of a bucket.
#[derive(Clone, Debug)]
pub struct BucketFacts {
    /// Name, or the address of the resource.
    pub subject: String,
    /// Name, if it is known.
    pub name: Option<String>,
    /// Region.
    pub region: Fact<String>,
    /// Status of versioning: `Enabled` or `Suspended`.
    pub versioning: Fact<String>,
    /// Whether deletions need MFA.
    pub mfa_delete: Fact<bool>,
    /// Object Lock.
    pub lock: Fact<ObjectLock>,
    /// Default encryption.
    pub encryption: Fact<Encryption>,
    /// Whether each of the four settings that block public access is on.
    pub public_access_block: Fact<[bool; 4]>,
    /// Policy.
    pub policy: Fact<Policy>,
    /// Whether S3 judges the policy as public.
    pub public: Fact<bool>,
    /// Grants of the access control list.
    pub grants: Fact<Vec<Grant>>,
    /// Who owns objects: `BucketOwnerEnforced`, …
    pub ownership: Fact<String>,
    /// Lifecycle rules.
    pub lifecycle: Fact<Lifecycle>,
    /// Bucket to which accesses are logged.
    pub access_log: Fact<String>,
    /// Rules of replication.
    pub replication: Fact<Vec<Replication>>,
    /// What is notified of objects.
    pub notifications: Fact<Vec<Notification>>,
    /// How the trail's files of the period of the run record are stored.
    pub files: Fact<FilesFacts>,
}

/// How a trail's files of the period of a run record are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesFacts {
    /// Period of the run record.
    pub period: Period,
    /// Those that were read.
    pub stored: StorageTallies,
    /// Log files that are missing or could not be read.
    pub logs_unread: u64,
    /// Digests that are missing or could not be read.
    pub digests_unread: u64,
    /// Whether the run looked at all that the trail delivers in the period.
    pub complete: bool,
}

impl FilesFacts {
    /// Returns the files of a run over `period` before its first event.
    pub fn new(period: Period) -> Self {
        let stored = StorageTallies::of_run();
        Self { period, stored, logs_unread: 0, digests_unread: 0, complete: true }
    }

    /// Takes the next event of the run.
    pub fn take(&mut self, event: &RunEvent) {
        let before = |tally: &StorageTally| tally.known + tally.unknown;
        let (logs, digests) = (before(&self.stored.logs), before(&self.stored.digests));
        self.stored.take(event);
        match event {
            RunEvent::LogJudged(_) if before(&self.stored.logs) == logs => self.logs_unread += 1,
            RunEvent::DigestJudged(judged)
                if judged.counts && before(&self.stored.digests) == digests =>
            {
                self.digests_unread += 1;
            }
            _ => {}
        }
    }
}

impl BucketFacts {
    /// Returns a bucket of which nothing was read.
    pub fn unread(subject: &str, why: UnreadWhy) -> Self {
        Self {
            subject: subject.to_owned(),
            name: None,
            region: Fact::unread(Operation::HeadBucket, why),
            versioning: Fact::unread(Operation::GetBucketVersioning, why),
            mfa_delete: Fact::unread(Operation::GetBucketVersioning, why),
            lock: Fact::unread(Operation::GetObjectLockConfiguration, why),
            encryption: Fact::unread(Operation::GetBucketEncryption, why),
            public_access_block: Fact::unread(Operation::GetPublicAccessBlock, why),
            policy: Fact::unread(Operation::GetBucketPolicy, why),
            public: Fact::unread(Operation::GetBucketPolicyStatus, why),
            grants: Fact::unread(Operation::GetBucketAcl, why),
            ownership: Fact::unread(Operation::GetBucketOwnershipControls, why),
            lifecycle: Fact::unread(Operation::GetBucketLifecycleConfiguration, why),
            access_log: Fact::unread(Operation::GetBucketLogging, why),
            replication: Fact::unread(Operation::GetBucketReplication, why),
            notifications: Fact::unread(Operation::GetBucketNotificationConfiguration, why),
            files: Fact::unread(Operation::GetObject, why),
        }
    }
}

impl TrailFacts {
    /// Returns a trail of which nothing was read.
    pub fn unread(subject: &str, why: UnreadWhy) -> Self {
        fn described<T>(why: UnreadWhy) -> Fact<T> {
            Fact::unread(Operation::DescribeTrails, why)
        }
        Self {
            subject: subject.to_owned(),
            name: None,
            arn: None,
            account: None,
            home_region: described(why),
            bucket: described(why),
            prefix: described(why),
            kms_key: described(why),
            validation: described(why),
            multi_region: described(why),
            global_events: described(why),
            organization: described(why),
            log_group: described(why),
            logging: Fact::unread(Operation::GetTrailStatus, why),
            status: BTreeMap::new(),
            selectors: Fact::unread(Operation::GetEventSelectors, why),
            insights: Fact::unread(Operation::GetInsightSelectors, why),
            data_buckets: Vec::new(),
        }
    }

    /// Returns the part of an object's key before `AWSLogs/`: empty, or the prefix and a slash.
    pub fn key_prefix(&self) -> String {
        match self.prefix.value().map(|prefix| prefix.trim_end_matches('/')) {
            Some(prefix) if !prefix.is_empty() => format!("{prefix}/"),
            _ => String::new(),
        }
    }
}

/// Object Lock of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectLock {
    /// Whether it is on.
    pub enabled: bool,
    /// Mode of the default retention: `COMPLIANCE` or `GOVERNANCE`.
    pub mode: Option<String>,
    /// Days of the default retention; a year has 365.
    pub days: Option<u64>,
}

/// Default encryption of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub algorithm: String,
    /// Key, if one is named. Without one, S3 uses its own, `aws/s3`.
    pub key: Option<String>,
    /// Whether a customer manages that key, if it is not the trail's: its name does not tell.
    pub customer: Fact<bool>,
    /// Whether S3 asks KMS once for many objects.
    pub bucket_key: bool,
    /// Kinds of encryption that the bucket refuses. Plans and templates cannot express them.
    pub blocked: Fact<Vec<String>>,
}

impl Default for Encryption {
    /// Returns the encryption of which nothing is known but that there is one.
    fn default() -> Self {
        Self {
            algorithm: String::new(),
            key: None,
            customer: Fact::unread(Operation::DescribeKey, UnreadWhy::NotAsked),
            bucket_key: false,
            blocked: Fact::unread(Operation::GetBucketEncryption, UnreadWhy::NotAsked),
        }
    }
}

/// A grant of an access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// URI of a group, or the id of a user.
    pub grantee: String,
    /// What it grants: `READ`, `FULL_CONTROL`, …
    pub permission: String,
}

/// A rule of replication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replication {
    /// Whether it is in force.
    pub enabled: bool,
    /// Prefix of the keys that it copies.
    pub prefix: String,
    /// Whether tags narrow it.
    pub tags: bool,
    /// ARN of the bucket to which it copies.
    pub bucket: String,
    /// Account of that bucket, if it is named.
    pub account: Option<String>,
    /// Whether it copies objects that are encrypted with KMS.
    pub kms_objects: bool,
    /// Whether it copies delete markers.
    pub delete_markers: bool,
}

/// A receiver of notifications of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// Whether it is a Lambda function, which may write to the bucket.
    pub function: bool,
    /// ARN of the receiver, or its address.
    pub receiver: String,
    /// The events, such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// Prefix of the keys.
    pub prefix: String,
}

/// The configuration of a key of KMS.
#[derive(Clone, Debug)]
pub struct KeyFacts {
    /// ARN, or the address of the resource.
    pub subject: String,
    /// ARN, if it is known.
    pub arn: Option<String>,
    /// Region.
    pub region: Fact<String>,
    /// What KMS says of it.
    pub description: Fact<KeyDescription>,
    /// Policy.
    pub policy: Fact<Policy>,
    /// Whether it is rotated.
    pub rotation: Fact<bool>,
}

impl KeyFacts {
    /// Returns a key of which nothing was read.
    pub fn unread(subject: &str, why: UnreadWhy) -> Self {
        Self {
            subject: subject.to_owned(),
            arn: subject.contains(":key/").then(|| subject.to_owned()),
            region: Fact::unread(Operation::DescribeKey, why),
            description: Fact::unread(Operation::DescribeKey, why),
            policy: Fact::unread(Operation::GetKeyPolicy, why),
            rotation: Fact::unread(Operation::GetKeyRotationStatus, why),
        }
    }
}

/// What DescribeKey returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyDescription {
    /// Whether a customer manages it, and not AWS.
    pub customer: bool,
    /// `Enabled`, `Disabled`, `PendingDeletion`, …
    pub state: String,
    /// When it will be deleted.
    pub deletion: Option<Timestamp>,
    /// Whether KMS made its material and can rotate it: symmetric, and not imported or in a custom store.
    pub rotatable: bool,
    /// Regions of the replicas of a multi-Region key.
    pub replicas: Vec<String>,
}

/// The organization of the trail's account.
#[derive(Clone, Debug)]
pub struct OrganizationFacts {
    /// The organization; absent if the account is in none.
    pub organization: Fact<Organization>,
    /// Its active accounts.
    pub accounts: Fact<Vec<Account>>,
    /// Whether service control policies are on, and all features.
    pub policies_enabled: Fact<bool>,
    /// The service control policies in force for each member account, by account.
    pub policies: Fact<BTreeMap<String, Vec<ControlPolicy>>>,
    /// Accounts that administer CloudTrail for the organization.
    pub delegated: Fact<Vec<String>>,
    /// The trail's chains in the run record.
    pub chains: Fact<RecordedChains>,
}

impl OrganizationFacts {
    /// Returns an organization of which nothing was read.
    pub fn unread(why: UnreadWhy) -> Self {
        Self {
            organization: Fact::unread(Operation::DescribeOrganization, why),
            accounts: Fact::unread(Operation::ListAccounts, why),
            policies_enabled: Fact::unread(Operation::ListRoots, why),
            policies: Fact::unread(Operation::ListPoliciesForTarget, why),
            delegated: Fact::unread(Operation::ListDelegatedAdministrators, why),
            chains: Fact::unread(Operation::GetObject, why),
        }
    }
}

/// An organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organization {
    /// Id.
    pub id: String,
    /// Management account.
    pub management: String,
}

/// An account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Id.
    pub id: String,
    /// When it joined, if that is known.
    pub joined: Option<Timestamp>,
}

/// The chains of one trail in a run record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedChains {
    /// Period of the run record.
    pub period: Period,
    /// Accounts that have chains, and the times that these cover.
    pub accounts: BTreeMap<String, ChainPresence>,
    /// Whether the run looked for the chains of every account in the delivery bucket itself, so that those
    /// that it did not find are not there.
    pub complete: bool,
}

/// The times that the chains of one account cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainPresence {
    /// Time since which one of them is verified to the end of the period.
    pub covered_from: Option<Timestamp>,
    /// The same, if everything that could not be read is valid.
    pub perhaps_from: Option<Timestamp>,
}

/// A service control policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPolicy {
    /// Name.
    pub name: String,
    /// Root, organizational unit or account to which it is attached.
    pub target: String,
    /// Content.
    pub policy: Fact<Policy>,
}

/// What monitors a trail: read from files that the AWS CLI printed.
#[derive(Clone, Debug)]
pub struct MonitoringFacts {
    /// Rules and alarms that report tampering.
    pub alerts: Fact<Vec<Alert>>,
    /// Recorders of AWS Config.
    pub recorders: Fact<Vec<Recorder>>,
    /// Answers of AWS Config's rules.
    pub rules: Fact<Vec<RuleResult>>,
    /// Answers of the rules of conformance packs.
    pub packs: Fact<Vec<RuleResult>>,
    /// Changes that AWS Config recorded of the trail and its bucket.
    pub changes: Fact<Vec<Change>>,
}

impl MonitoringFacts {
    /// Returns monitoring of which nothing was read.
    pub fn unread(why: UnreadWhy) -> Self {
        Self {
            alerts: Fact::unread(Operation::ListRules, why),
            recorders: Fact::unread(Operation::DescribeConfigurationRecorderStatus, why),
            rules: Fact::unread(Operation::GetComplianceDetailsByConfigRule, why),
            packs: Fact::unread(Operation::DescribeConformancePackCompliance, why),
            changes: Fact::unread(Operation::GetResourceConfigHistory, why),
        }
    }
}

/// A rule of EventBridge, or a metric filter with an alarm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alert {
    /// Name.
    pub name: String,
    /// Whether it is in force: the rule is enabled and has a target; the filter has an alarm with actions.
    /// `None` if that was not read.
    pub in_force: Option<bool>,
    /// The operations that it reports, or only mentions.
    pub operations: Vec<String>,
    /// Whether it reports them for certain. A pattern with other conditions may report none of them.
    pub decided: bool,
}

/// The operations that alerts must report.
const REPORTED: [&str; 3] = ["StopLogging", "DeleteTrail", "UpdateTrail"];

impl Alert {
    /// Returns whether alerts that are in force report each operation that stops or narrows a trail.
    pub fn report_tampering(alerts: &[Self]) -> bool {
        Self::report_all(alerts.iter().filter(|it| it.decided && it.in_force == Some(true)))
    }

    /// Returns whether alerts that may be in force may report each of these operations.
    pub fn may_report_tampering(alerts: &[Self]) -> bool {
        let possible = || alerts.iter().filter(|it| it.in_force != Some(false));
        // A pattern that is not decided may report what it does not mention: `anything-but`.
        possible().any(|it| !it.decided) || Self::report_all(possible())
    }

    fn report_all<'a>(alerts: impl Iterator<Item = &'a Self> + Clone) -> bool {
        let reports =
            |name: &str| alerts.clone().any(|it| it.operations.iter().any(|it| it == name));
        REPORTED.iter().all(|name| reports(name))
    }
}

/// The status of a recorder of AWS Config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorder {
    /// Name.
    pub name: String,
    /// Whether it records.
    pub recording: bool,
    /// Status of the latest recording, such as `SUCCESS`.
    pub last_status: String,
}

/// The answer of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleResult {
    /// Name of the rule; the customer's own.
    pub rule: String,
    /// Resource, if the answer is about one: an id, a name, an ARN or an account.
    pub resource: String,
    /// `COMPLIANT`, `NON_COMPLIANT`, …
    pub compliance: String,
}

/// A configuration that AWS Config recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Resource.
    pub resource: String,
    /// When it was recorded.
    pub at: Timestamp,
}

/// What the user requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Days for which logs must be kept.
    pub retention_days: u64,
    /// Days for which logs must be readable without a restore.
    pub at_hand_days: u64,
}

impl Default for Wanted {
    /// Twelve months, of which three are at hand: PCI DSS 10.5.1.
    fn default() -> Self {
        Self { retention_days: 365, at_hand_days: 90 }
    }
}
