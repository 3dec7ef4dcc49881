//! The words for the codes of `trail-config`, in one place. Changing a word changes nothing that a program
//! reads.
//!
//! Everything that came from outside is escaped here.
use super::result::CheckResult;
use serde_json::{Map, Value};
use trailproof_core::control::check::CheckId;
use trailproof_core::control::fact::{Unread, UnreadWhy};
use trailproof_core::control::status::{Pitfall, Reason, Status};
use trailproof_core::vocab::budget::{SHOWN, SHOWN_FAILURE};
use trailproof_core::vocab::location::excerpt;

/// Returns what a check asks, as a requirement.
pub(crate) fn title(check: CheckId) -> &'static str {
    match check {
        CheckId::TrailEncryptedWithCustomerKey => "trail encrypted with a customer managed key",
        CheckId::TrailLogFileValidation => "log file validation on",
        CheckId::TrailMultiRegion => "trail in every region, and logging",
        CheckId::TrailGlobalEvents => "events of global services recorded",
        CheckId::TrailLogging => "trail logging",
        CheckId::TrailDeliveryRecent => "log files delivered within the last hour",
        CheckId::TrailDigestRecent => "digests delivered within the last three hours",
        CheckId::TrailCloudwatch => "events delivered to CloudWatch Logs",
        CheckId::TrailManagementEvents => "all management events recorded",
        CheckId::TrailNoExcludedSources => "no source of events excluded",
        CheckId::TrailDataEventsLogBucket => "access to the log bucket recorded",
        CheckId::TrailDataEvents => "access to the named buckets recorded",
        CheckId::TrailInsights => "insights recorded",
        CheckId::TrailOrganization => "trail of the organization",
        CheckId::OrgAllAccountsCovered => "every account of the organization covered",
        CheckId::OrgTrailProtectedByScp => "trails protected by a service control policy",
        CheckId::OrgDelegatedAdmin => "delegated administrators of CloudTrail",
        CheckId::KeyPolicyForCloudtrail => "key usable by CloudTrail",
        CheckId::KeyPolicyScoped => "key restricted to this trail",
        CheckId::KeyInBucketRegion => "key in the bucket's region",
        CheckId::KeyCustomerManaged => "key managed by a customer",
        CheckId::KeyNotPendingDeletion => "key not scheduled for deletion",
        CheckId::KeyRotation => "key rotated",
        CheckId::KeyNotPublic => "key not open to everyone",
        CheckId::KeyWhoCanDecrypt => "principals that can decrypt",
        CheckId::BucketVersioning => "versioning on",
        CheckId::BucketMfaDelete => "MFA required to delete versions",
        CheckId::BucketObjectLock => "Object Lock with a default retention",
        CheckId::BucketLockComplianceMode => "retention in compliance mode",
        CheckId::BucketLockCoversRetention => "retention long enough",
        CheckId::BucketEncryptionDefault => "default encryption with a customer managed key",
        CheckId::BucketPublicAccessBlock => "public access blocked",
        CheckId::BucketNotPublic => "bucket not public",
        CheckId::BucketTlsOnly => "requests without TLS denied",
        CheckId::BucketPolicyScoped => "bucket restricted to this trail",
        CheckId::BucketPolicyLetsCloudtrailWrite => "bucket writable by CloudTrail",
        CheckId::BucketNoForeignWriteDelete => "nobody else may write or delete",
        CheckId::BucketAclDisabled => "access control lists off",
        CheckId::BucketAccessLogging => "access logged to a different bucket",
        CheckId::BucketNoEarlyExpiry => "no files removed early",
        CheckId::BucketAtHand => "no files archived early",
        CheckId::BucketVerifiableUntil => "age at which verification needs a restore",
        CheckId::BucketBlocksCustomerKeys => "uploads with a caller's key refused",
        CheckId::BucketReplication => "files replicated to a different account",
        CheckId::BucketNoWriteTriggers => "no function notified of new files",
        CheckId::FilesEncryptedWithKey => "log files encrypted with the trail's key",
        CheckId::FilesLocked => "files locked long enough",
        CheckId::AlertTrailTampering => "alert on changes of the trail",
        CheckId::ConfigRecorder => "AWS Config recording",
        CheckId::ConfigRulesCompliant => "rules of AWS Config compliant",
        CheckId::ConformancePack => "conformance pack compliant",
        CheckId::TrailConfigHistory => "no recorded change of trail or bucket",
    }
}

/// Returns the status as text outputs show it.
pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail => "FAIL",
        Status::NotAvailable => "not available",
        Status::Manual => "manual",
        Status::NotApplicable => "not applicable",
    }
}

/// Returns why a check decided as it did, in a sentence.
pub(crate) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::AsRequired => "as required",
        Reason::NotAsRequired => "the setting differs from what is required",
        Reason::NotConfigured => "nothing is configured",
        Reason::FactUnread => "a fact that decides was not read",
        Reason::NotLogging => "the trail is not logging",
        Reason::DeliveryFailed => "the latest delivery failed",
        Reason::DeliveryTooOld => "the latest delivery is too old",
        Reason::NoOrganization => "the account is not in an organization",
        Reason::NoKey => "the trail names no key",
        Reason::KeyManagedByAws => {
            "AWS manages the key, so nobody can restrict who decrypts with it"
        }
        Reason::KeyUnusable => "the key cannot be used in its present state",
        Reason::KeyPendingDeletion => "the key is scheduled for deletion",
        Reason::KeyInOtherRegion => "the key is not in the bucket's region, so delivery fails",
        Reason::KeyNotRotatable => "KMS cannot rotate a key of this kind",
        Reason::CloudTrailNotAllowed => "the policy does not let CloudTrail do what it needs",
        Reason::NotScopedToTrail => {
            "a statement lets CloudTrail act for any trail, of any account (confused deputy)"
        }
        Reason::OpenToEveryone => "everyone is allowed",
        Reason::OthersAllowed => {
            "principals other than CloudTrail may write, delete or change settings"
        }
        Reason::PatternUndecided => {
            "the pattern of an alert has conditions that trailproof does not evaluate"
        }
        Reason::PolicyUndecided => {
            "the policy has a condition or form that cannot be decided here: read it"
        }
        Reason::AclsMayAllow => "ACLs are on, and may allow more than the policy",
        Reason::IamMayAdd => "policies of IAM may add principals: read the list",
        Reason::NoDefaultRetention => {
            "Object Lock without a default retention protects no file by itself"
        }
        Reason::RetentionTooShort => "the retention is shorter than required",
        Reason::RetentionCanBeBypassed => {
            "principals with s3:BypassGovernanceRetention can delete locked files"
        }
        Reason::ExpiresTooEarly => "a lifecycle rule removes files before they may be removed",
        Reason::ArchivedTooEarly => "a lifecycle rule archives files that must be at hand",
        Reason::ClassMayArchive => "Intelligent-Tiering may archive files, by settings of its own",
        Reason::LogsToItself => "the bucket logs accesses to itself",
        Reason::SameAccount => "no rule names a destination in a different account",
        Reason::KmsObjectsNotCopied => "the rule does not copy objects that are encrypted with KMS",
        Reason::FunctionNotified => "a function that is notified may rewrite log files: read it",
        Reason::EventsNarrowed => "some events are not recorded",
        Reason::NoManagementEvents => "no management events are recorded",
        Reason::SourcesExcluded => "events of some sources are not recorded",
        Reason::OtherTrailMayRecord => "this trail does not record them; a different trail may",
        Reason::NoBucketNamed => "no bucket is named; name them with `--data-bucket`",
        Reason::AccountsMissing => "accounts have no chain that covers the period",
        Reason::AccountsUnprotected => "accounts have no policy that denies all four operations",
        Reason::NoMemberAccounts => "the organization has no account but the one that manages it",
        Reason::PoliciesNotEnabled => "service control policies are not in force",
        Reason::InsufficientData => "there is not enough data to decide",
        Reason::Changed => "the configuration changed",
        Reason::Informs => "for information",
    }
}

/// Returns what a known mistake means, in a sentence.
pub(crate) fn pitfall(pitfall: Pitfall) -> &'static str {
    match pitfall {
        Pitfall::KeyPolicyLacksCloudtrail => {
            "without kms:GenerateDataKey* and kms:DescribeKey for CloudTrail, delivery stops silently"
        }
        Pitfall::KeyRegionDiffers => {
            "the key must be in the region of the bucket, which need not be the trail's home region"
        }
        Pitfall::AwsManagedKey => "`aws/s3` is a key of AWS, not a customer managed one",
        Pitfall::KeyDeletionMakesLogsUnreadable => {
            "once the key is deleted, every log file that it encrypts is unreadable"
        }
        Pitfall::OldFilesKeepTheirEncryption => {
            "a change of encryption affects new files only; older files keep theirs"
        }
        Pitfall::AdvancedSelectorsReplaceDefault => {
            "advanced event selectors replace the default: without one for management events, none is \
             recorded"
        }
        Pitfall::DigestsMayBeDenied => {
            "digests may arrive as AES256, and the policy denies that: compare \
             LatestDigestDeliveryError"
        }
        Pitfall::SmallFilesAreNotMoved => {
            "files below 128 KB, which most log files are, are not moved by such rules"
        }
        Pitfall::ExpirationAddsDeleteMarkers => {
            "in a versioned bucket an expiration adds delete markers, even under Object Lock: digests \
             look missing"
        }
        Pitfall::LockWithoutRetention => "files are locked only if each upload asks for it",
        Pitfall::LockAppliesToNewFiles => "a default retention applies to new files only",
        Pitfall::NoncurrentVersionsExpire => {
            "a file that somebody overwrites is deleted once its version has not been current for the \
             days of the rule"
        }
        Pitfall::TlsVersionAllowsPlainHttp => {
            "a condition on s3:TlsVersion does not deny plain HTTP, which has no version"
        }
        Pitfall::ManagementAccountIsExempt => {
            "service control policies never apply to the management account"
        }
        Pitfall::Tainted => "an apply failed half-way and left the resource tainted",
        Pitfall::DeleteMarkersAreReplicated => {
            "delete markers are replicated and hide the copies too"
        }
    }
}

/// Returns why a fact was not read and what would settle it.
pub(crate) fn unread(unread: &Unread) -> String {
    let operation = unread.operation.name();
    let permission = unread.operation.permission();
    let words = match unread.why {
        UnreadWhy::NotAsked => format!("not read; {operation} returns it ({permission})"),
        UnreadWhy::Denied => format!("{operation} was denied; allow {permission}"),
        UnreadWhy::Throttled => format!("{operation} was throttled; run it again"),
        UnreadWhy::Failed => format!("{operation} failed"),
        UnreadWhy::NotFound => format!("{operation} finds no such resource"),
        UnreadWhy::Malformed => format!("what {operation} returns has an unknown form"),
        UnreadWhy::OverBudget => format!("what {operation} returns exceeds a limit"),
        UnreadWhy::UnknownUntilApplied => {
            "known after apply; run on the state, or ask AWS".to_owned()
        }
        UnreadWhy::NotInInput => {
            format!("not in the input; {operation} returns it ({permission})")
        }
        UnreadWhy::NotShown => format!(
            "no file shows a lock, and S3 shows none to a caller without {permission}: allow it and \
             verify again"
        ),
        UnreadWhy::TrailNotIdentified => {
            "the input has no ARN of the trail, so the record cannot be held to it".to_owned()
        }
        UnreadWhy::RecordOfOtherBucket => {
            "the record is of a bucket to which the trail does not deliver".to_owned()
        }
        UnreadWhy::RecordOfOtherTrail => "the record has no chain of this trail".to_owned(),
        UnreadWhy::RecordOfReplica => {
            "the record is of a replica, whose files are stored in their own way: verify the bucket \
             itself"
                .to_owned()
        }
        UnreadWhy::RecordIncomplete => {
            "the run left out, or could not read, a part of what the trail delivers: verify all of it"
                .to_owned()
        }
    };
    match unread.detail.is_empty() {
        true => words,
        false => format!("{words}: {}", excerpt(&unread.detail, SHOWN_FAILURE)),
    }
}

/// Returns why a check decided as it did, with the facts that were not read.
pub(crate) fn why(result: &CheckResult) -> String {
    let judgement = &result.judgement;
    let mut words = match judgement.unread.as_slice() {
        [] => reason(judgement.reason).to_owned(),
        unread_facts => unread_facts.iter().map(unread).collect::<Vec<_>>().join("; "),
    };
    if let Some(other) = result.contradicts {
        words += &format!("; the other result has {}", status(other));
    }
    words
}

/// Entries of a list that are shown.
const ENTRIES: usize = 5;

/// Levels of a value that are shown. A result file may have any number.
const LEVELS: usize = 6;

/// Returns the observed values on one line: `versioning none; mfa delete no`.
pub(crate) fn observed(result: &CheckResult) -> String {
    excerpt(&fields(&result.judgement.observed, "; ", LEVELS), 8 * SHOWN)
}

/// Returns the required values on one line; empty if the check only informs.
pub(crate) fn wanted(result: &CheckResult) -> String {
    match &result.wanted {
        Value::Null => String::new(),
        Value::Object(wanted) => excerpt(&fields(wanted, "; ", LEVELS), 8 * SHOWN),
        other => excerpt(&shown(other, LEVELS), 8 * SHOWN),
    }
}

fn fields(fields: &Map<String, Value>, between: &str, levels: usize) -> String {
    let field = |(name, value): (&String, &Value)| {
        format!("{} {}", name.replace('_', " "), shown(value, levels))
    };
    fields.iter().map(field).collect::<Vec<_>>().join(between)
}

/// Returns a value as people write it: `yes`, `none`, `(days 90, class `GLACIER`)`.
fn shown(value: &Value, levels: usize) -> String {
    let Some(below) = levels.checked_sub(1) else { return "…".to_owned() };
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) => {
            let entries = list.iter().take(ENTRIES).map(|it| shown(it, below));
            let entries = entries.collect::<Vec<_>>().join(", ");
            match list.len().checked_sub(ENTRIES) {
                Some(more) if more > 0 => format!("{entries} and {more} more"),
                _ => entries,
            }
        }
        Value::Object(of) => format!("({})", fields(of, ", ", below)),
    }
}

/// Returns the name of a check: its id, and the policy that asks the same.
pub(crate) fn name(check: CheckId) -> String {
    match check.policy() {
        Some(policy) => format!("{} ({policy})", check.code()),
        None => check.code().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_shown_without_json() {
        let value = json!({
            "days": 90, "class": "GLACIER", "on": true, "off": false, "none": [], "null": null,
            "rules": [{ "id": "a", "moves": [{ "days": 1 }] }, { "id": "b" }],
        });
        assert_eq!(
            fields(value.as_object().unwrap(), "; ", LEVELS),
            "class `GLACIER`; days 90; none none; null none; off no; on yes; \
             rules (id `a`, moves (days 1)), (id `b`)"
        );
        let many = json!((1..=7).collect::<Vec<_>>());
        assert_eq!(shown(&many, LEVELS), "1, 2, 3, 4, 5 and 2 more");
        let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(shown(&deep, LEVELS), "…");
    }
}
