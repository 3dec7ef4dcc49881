//! What a check decides, as codes and fields. Reporters make sentences of them.
use super::fact::Unread;
use serde_json::{Map, Value};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The decision of a check.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Every part of the rule was read, and holds.
    Pass,
    /// A part of the rule was read, and does not hold.
    Fail,
    /// What decides was not read: denied, unreachable, not in the input, or unknown until a plan is
    /// applied.
    NotAvailable,
    /// What decides was read, and no rule can decide it.
    Manual,
    /// The check does not apply, because what it asks about is not there.
    NotApplicable,
}

impl Status {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Why a check decided as it did.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Reason {
    /// What was read is what the check requires.
    AsRequired,
    /// What was read is not what the check requires.
    NotAsRequired,
    /// Nothing is configured where the check requires something.
    NotConfigured,
    /// A fact that decides was not read.
    FactUnread,
    /// The trail is not logging.
    NotLogging,
    /// The latest delivery failed.
    DeliveryFailed,
    /// The latest delivery is too long ago.
    DeliveryTooOld,
    /// There is no trail of the organization, because there is no organization.
    NoOrganization,
    /// The trail is not encrypted with a key of KMS.
    NoKey,
    /// AWS manages the key, so nobody can restrict who decrypts with it.
    KeyManagedByAws,
    /// The key cannot be used in its present state.
    KeyUnusable,
    /// The key is scheduled for deletion.
    KeyPendingDeletion,
    /// The key is in a different region than the bucket.
    KeyInOtherRegion,
    /// The key cannot be rotated by KMS.
    KeyNotRotatable,
    /// The policy does not allow CloudTrail what it needs.
    CloudTrailNotAllowed,
    /// The policy allows CloudTrail for any trail, of any account.
    NotScopedToTrail,
    /// A statement allows everyone, without a condition.
    OpenToEveryone,
    /// A statement allows something to principals other than CloudTrail.
    OthersAllowed,
    /// A statement of the policy cannot be decided by the evaluator.
    PolicyUndecided,
    /// The pattern of an alert has conditions that are not evaluated.
    PatternUndecided,
    /// Policies of IAM may add to what the policy allows.
    IamMayAdd,
    /// ACLs are on, and may allow more than the policy.
    AclsMayAllow,
    /// Object Lock is on, and has no default retention.
    NoDefaultRetention,
    /// The retention is shorter than required.
    RetentionTooShort,
    /// Principals with a permission can shorten the retention.
    RetentionCanBeBypassed,
    /// A lifecycle rule deletes files earlier than required.
    ExpiresTooEarly,
    /// A lifecycle rule archives files earlier than required.
    ArchivedTooEarly,
    /// A lifecycle rule moves files to a class with archives of its own.
    ClassMayArchive,
    /// Accesses are logged to the same bucket.
    LogsToItself,
    /// The copy is in the same account, or no account is named.
    SameAccount,
    /// The rule does not copy objects that are encrypted with KMS.
    KmsObjectsNotCopied,
    /// A function is notified of each log file, and may rewrite it.
    FunctionNotified,
    /// Management events are recorded in part.
    EventsNarrowed,
    /// No management events are recorded.
    NoManagementEvents,
    /// Events of some sources are excluded.
    SourcesExcluded,
    /// A different trail may record the events.
    OtherTrailMayRecord,
    /// No bucket was named.
    NoBucketNamed,
    /// Accounts of the organization have no chain that covers the period.
    AccountsMissing,
    /// Accounts of the organization are not protected by a policy.
    AccountsUnprotected,
    /// The organization has no account but the one that manages it.
    NoMemberAccounts,
    /// Service control policies are not in force in the organization.
    PoliciesNotEnabled,
    /// The rule has not enough data to answer.
    InsufficientData,
    /// The configuration changed in the period.
    Changed,
    /// The check only informs.
    Informs,
}

impl Reason {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// A known mistake that a check met. It explains a result and does not change it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Pitfall {
    /// The key's policy lacks what CloudTrail needs, so that delivery stops silently.
    KeyPolicyLacksCloudtrail,
    /// The key is not in the bucket's region, which need not be the trail's home region.
    KeyRegionDiffers,
    /// An alias of AWS, such as `aws/s3`, is not a customer's key.
    AwsManagedKey,
    /// Once the key is deleted, no log file that it encrypts can be read.
    KeyDeletionMakesLogsUnreadable,
    /// A change of key affects new files only.
    OldFilesKeepTheirEncryption,
    /// Advanced selectors replace the default: without one for management events, none is recorded.
    AdvancedSelectorsReplaceDefault,
    /// A policy that denies uploads without KMS can stop digests, which may arrive as AES256.
    DigestsMayBeDenied,
    /// Files below 128 KB, which most log files are, are not moved by such rules.
    SmallFilesAreNotMoved,
    /// In a versioned bucket an expiration adds delete markers: digests look missing.
    ExpirationAddsDeleteMarkers,
    /// Object Lock without a default retention protects no file by itself.
    LockWithoutRetention,
    /// A lock applies to new files only.
    LockAppliesToNewFiles,
    /// Versions that are no longer current are deleted.
    NoncurrentVersionsExpire,
    /// A condition on the version of TLS does not deny plain HTTP.
    TlsVersionAllowsPlainHttp,
    /// The management account is never subject to service control policies.
    ManagementAccountIsExempt,
    /// The resource was left half-made by an apply that failed.
    Tainted,
    /// A replicated delete marker hides the copy as well.
    DeleteMarkersAreReplicated,
}

impl Pitfall {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// The decision of a check, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The decision.
    pub status: Status,
    /// Why.
    pub reason: Reason,
    /// The values that decided. Every text in it comes from outside.
    pub observed: Map<String, Value>,
    /// Known mistakes.
    pub pitfalls: Vec<Pitfall>,
    /// The facts that would decide and were not read.
    pub unread: Vec<Unread>,
    /// Whether a value was read by reference.
    pub by_reference: bool,
}

impl Judgement {
    /// Returns a decision without observed values.
    pub fn new(status: Status, reason: Reason) -> Self {
        Self {
            status,
            reason,
            observed: Map::new(),
            pitfalls: Vec::new(),
            unread: Vec::new(),
            by_reference: false,
        }
    }

    /// Returns a pass.
    pub fn pass() -> Self {
        Self::new(Status::Pass, Reason::AsRequired)
    }

    /// Returns a failure.
    pub fn fail(reason: Reason) -> Self {
        Self::new(Status::Fail, reason)
    }

    /// Returns a pass if the rule holds, otherwise a failure.
    pub fn holds(holds: bool, otherwise: Reason) -> Self {
        if holds { Self::pass() } else { Self::fail(otherwise) }
    }

    /// Returns that a rule cannot decide.
    pub fn manual(reason: Reason) -> Self {
        Self::new(Status::Manual, reason)
    }

    /// Returns that the check does not apply.
    pub fn not_applicable(reason: Reason) -> Self {
        Self::new(Status::NotApplicable, reason)
    }

    /// Returns that a fact was not read.
    pub fn not_available(unread: Unread) -> Self {
        let mut judgement = Self::new(Status::NotAvailable, Reason::FactUnread);
        judgement.unread.push(unread);
        judgement
    }

    /// Returns the judgement with an observed value.
    #[must_use]
    pub fn seen(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.observed.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the judgement with a known mistake.
    #[must_use]
    pub fn pitfall(mut self, pitfall: Pitfall) -> Self {
        if !self.pitfalls.contains(&pitfall) {
            self.pitfalls.push(pitfall);
        }
        self
    }

    /// Returns the judgement with a known mistake, if it was made.
    #[must_use]
    pub fn pitfall_if(self, made: bool, pitfall: Pitfall) -> Self {
        if made { self.pitfall(pitfall) } else { self }
    }
}
