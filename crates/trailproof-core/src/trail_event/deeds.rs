//! What an event of a verified log file did, or tried to do, to the evidence.
//!
//! Whether a call stops delivery or removes digests is judged by the table of `operations`. The
//! events here are those of the table, and more that remove nothing from the chains.
use super::facts::{Effects, Facts, Record, Recorded};
use super::{Effect, Subject, TrailEvent, operations};
use crate::codes::technique::Technique;
use crate::control::policy::items;
use crate::vocab::key_layout::ROOT;
use serde_json::Value;

/// The names of all events that may be deeds, ascending.
pub const DEED_NAMES: [&str; 86] = [
    "AddPermission20150331v2",
    "CancelKeyDeletion",
    "CloseAccount",
    "CloseAccountResult",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateEventDataStore",
    "CreateTrail",
    "DeleteAlarms",
    "DeleteBucket",
    "DeleteBucketEncryption",
    "DeleteBucketLifecycle",
    "DeleteBucketOwnershipControls",
    "DeleteBucketPolicy",
    "DeleteBucketPublicAccessBlock",
    "DeleteBucketReplication",
    "DeleteConfigRule",
    "DeleteConfigurationRecorder",
    "DeleteConformancePack",
    "DeleteDeliveryChannel",
    "DeleteDetector",
    "DeleteEventDataStore",
    "DeleteImportedKeyMaterial",
    "DeleteKey",
    "DeleteLogGroup",
    "DeleteLogStream",
    "DeleteMetricFilter",
    "DeleteObject",
    "DeleteObjects",
    "DeletePolicy",
    "DeleteRule",
    "DeleteSubscriptionFilter",
    "DeleteTrail",
    "DeregisterDelegatedAdministrator",
    "DeregisterOrganizationDelegatedAdmin",
    "DetachPolicy",
    "DisableAWSServiceAccess",
    "DisableAlarmActions",
    "DisableKey",
    "DisablePolicyType",
    "DisableRegion",
    "DisableRule",
    "DisableSecurityHub",
    "EnableKey",
    "EnableRegion",
    "ImportKeyMaterial",
    "LeaveOrganization",
    "MoveAccount",
    "PutBucketAcl",
    "PutBucketEncryption",
    "PutBucketLifecycle",
    "PutBucketLifecycleConfiguration",
    "PutBucketLogging",
    "PutBucketNotification",
    "PutBucketNotificationConfiguration",
    "PutBucketObjectLockConfiguration",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutBucketReplication",
    "PutBucketRequestPayment",
    "PutBucketVersioning",
    "PutEventSelectors",
    "PutKeyPolicy",
    "PutObject",
    "PutObjectAcl",
    "PutObjectLegalHold",
    "PutObjectLockConfiguration",
    "PutObjectRetention",
    "PutRetentionPolicy",
    "RemoveAccountFromOrganization",
    "RemoveTargets",
    "RestoreObject",
    "RetireGrant",
    "RevokeGrant",
    "ScheduleKeyDeletion",
    "StartLogging",
    "StopConfigurationRecorder",
    "StopEventDataStoreIngestion",
    "StopLogging",
    "StopMonitoringMembers",
    "UpdateAlias",
    "UpdateDetector",
    "UpdateEventDataStore",
    "UpdatePolicy",
    "UpdateTrail",
];

/// What an event did, or tried to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deed {
    /// The technique, if the parameters make the call an instance of one.
    pub technique: Option<Technique>,
    /// What it affects, and how.
    pub effects: Vec<(Subject, Effect)>,
    /// The key of the object that it names in the bucket of the evidence, if any.
    pub key: Option<String>,
    /// The common beginning of the keys that it names in that bucket, if it names several.
    pub prefix: Option<String>,
    /// Days after which a lifecycle rule removes or archives objects.
    pub days: Option<u32>,
    /// Where a trail delivers from now on.
    pub redirected_to: Option<String>,
}

/// Judges an event that was found in a proven log file. Returns `None` if it concerns neither the
/// trail, nor its bucket, nor anything that watches over them.
pub fn deed(event: &TrailEvent, recorded: Recorded<'_>) -> Option<Deed> {
    let record: Record = serde_json::from_str(&event.json).ok()?;
    let facts = Facts::new(&record, recorded);
    if facts.parameter("omitted").is_some_and(|omitted| *omitted == Value::Bool(true)) {
        return Some(Deed { technique: Some(Technique::EventStarved), ..Deed::default() });
    }
    if !DEED_NAMES.contains(&event.name.as_str()) {
        return None;
    }
    let effects = operations::judge_of(&event.source, &event.name)
        .map(|judge| judge(&facts))
        .unwrap_or_default();
    let in_bucket = facts.is_this_bucket();
    let key = facts.text("key").filter(|key| in_bucket && key.contains(ROOT));
    let mut deed = Deed {
        technique: technique(event, &facts, &effects),
        key: key.map(str::to_owned),
        prefix: None,
        days: None,
        redirected_to: None,
        effects,
    };
    for (subject, _) in &deed.effects {
        if let Subject::Objects { prefix, days, .. } = subject {
            deed.prefix = Some(prefix.clone());
            deed.days = deed.days.into_iter().chain((*days > 0).then_some(*days)).min();
        }
    }
    match deed.technique {
        Some(Technique::ArchiveHidden) => deed.days = transition_days(&facts),
        Some(Technique::LifecycleExpiry) if deed.days.is_none() => {
            deed.days = noncurrent_days(&facts);
        }
        Some(Technique::TrailRedirected) => deed.redirected_to = redirected_to(&facts),
        _ => {}
    }
    let context = deed.technique.is_some() || !deed.effects.is_empty() || in_bucket;
    context.then_some(deed)
}

fn technique(event: &TrailEvent, facts: &Facts<'_>, effects: &Effects) -> Option<Technique> {
    use Technique as T;
    let stops = effects.iter().any(|(_, effect)| matches!(effect, Effect::Stops | Effect::Ends));
    let removes = effects.iter().any(|(_, effect)| *effect == Effect::Removes);
    let off = |name: &str| facts.parameter(name).is_some_and(|value| *value == Value::Bool(false));
    let in_bucket = facts.is_this_bucket();
    let of_evidence = || facts.text("key").is_some_and(|key| in_bucket && key.contains(ROOT));
    // CloudTrail's own deliveries are data events too.
    let by_cloudtrail = || {
        let who = facts.record.user_identity.as_ref().and_then(|who| who.invoked_by.as_deref());
        who.is_some_and(|who| who.starts_with("cloudtrail.amazonaws."))
    };
    Some(match event.name.as_str() {
        "StopLogging" if stops => T::TrailStopped,
        "DeleteTrail" if stops => T::TrailDeleted,
        "UpdateTrail" if facts.trail("name").is_some() => {
            if off("enableLogFileValidation") {
                T::ValidationOff
            } else if moved(effects)
                && facts.text("s3BucketName").or(facts.text("s3KeyPrefix")).is_some()
            {
                T::TrailRedirected
            } else if off("isMultiRegionTrail")
                || off("isOrganizationTrail")
                || off("includeGlobalServiceEvents")
            {
                T::TrailNarrowed
            } else if facts.text("kmsKeyId").is_some_and(|key| !key.is_empty()) {
                T::KeyWithheld
            } else {
                return None;
            }
        }
        "PutEventSelectors" if stops => T::TrailNarrowed,
        "PutBucketPolicy" | "DeleteBucketPolicy" | "DeleteBucket" | "PutBucketRequestPayment"
            if stops =>
        {
            T::DeliveryBroken
        }
        "PutBucketEncryption"
        | "DisableKey"
        | "ScheduleKeyDeletion"
        | "PutKeyPolicy"
        | "RevokeGrant"
        | "DeleteImportedKeyMaterial"
        | "DeleteKey"
            if stops =>
        {
            T::KeyWithheld
        }
        "DeleteObject" if of_evidence() => match facts.text("versionId") {
            Some(_) => T::VersionsDeleted,
            None => T::ObjectsDeleted,
        },
        "DeleteObjects" if removes => T::ObjectsDeleted,
        "PutBucketVersioning" if removes => T::VersionsDeleted,
        "PutObject" | "CopyObject" | "CompleteMultipartUpload" if of_evidence() => {
            if by_cloudtrail() {
                return None;
            }
            match facts.parameter("x-amz-server-side-encryption-customer-algorithm").is_some() {
                true => T::ObjectsRansomed,
                false => T::ObjectsReplaced,
            }
        }
        "PutBucketLifecycle" | "PutBucketLifecycleConfiguration" if in_bucket => {
            if removes || noncurrent_days(facts).is_some() {
                T::LifecycleExpiry
            } else if transition_days(facts).is_some() {
                T::ArchiveHidden
            } else {
                return None;
            }
        }
        "PutBucketObjectLockConfiguration" | "PutObjectLockConfiguration" if removes => {
            T::LockWeakened
        }
        "PutObjectRetention" if of_evidence() => T::LockWeakened,
        "PutObjectLegalHold" if of_evidence() && legal_hold_off(facts) => T::LockWeakened,
        "DeleteBucketReplication" if in_bucket => T::ReplicaCut,
        "PutBucketReplication" if in_bucket && replication_off(facts) => T::ReplicaCut,
        "LeaveOrganization"
        | "RemoveAccountFromOrganization"
        | "CloseAccount"
        | "CloseAccountResult"
        | "DisableAWSServiceAccess"
            if stops =>
        {
            T::OrgLeft
        }
        "DeregisterOrganizationDelegatedAdmin" => T::OrgLeft,
        "DeregisterDelegatedAdministrator"
            if facts.text("servicePrincipal") == Some("cloudtrail.amazonaws.com") =>
        {
            T::OrgLeft
        }
        "DisableRegion" if stops => T::RegionOff,
        "PutBucketLogging" if in_bucket && logging_off(facts) => T::WatchersOff,
        "DisableRule"
        | "DeleteRule"
        | "RemoveTargets"
        | "DeleteAlarms"
        | "DisableAlarmActions"
        | "StopConfigurationRecorder"
        | "DeleteConfigurationRecorder"
        | "DeleteDeliveryChannel"
        | "DeleteConfigRule"
        | "DeleteConformancePack"
        | "DeleteDetector"
        | "StopMonitoringMembers"
        | "DisableSecurityHub"
        | "DeleteLogGroup"
        | "DeleteLogStream"
        | "DeleteMetricFilter"
        | "DeleteSubscriptionFilter"
        | "StopEventDataStoreIngestion"
        | "DeleteEventDataStore" => T::WatchersOff,
        _ => return None,
    })
}

/// Returns whether the chains of a trail end altogether.
fn moved(effects: &Effects) -> bool {
    effects
        .iter()
        .any(|(subject, effect)| matches!((subject, effect), (Subject::Trail(_), Effect::Ends)))
}

fn redirected_to(facts: &Facts<'_>) -> Option<String> {
    let bucket = facts.text("s3BucketName").unwrap_or(facts.recorded.bucket);
    match facts.text("s3KeyPrefix") {
        Some(prefix) if !prefix.is_empty() => Some(format!("s3://{bucket}/{prefix}")),
        _ => Some(format!("s3://{bucket}")),
    }
}

fn rules<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a Value> {
    let rules = facts.parameter("LifecycleConfiguration").map(|it| items(it.get("Rule")));
    let enabled = |rule: &&Value| rule.get("Status").is_some_and(|status| status == "Enabled");
    rules.unwrap_or_default().iter().filter(enabled)
}

fn number(value: &Value) -> Option<u32> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => u32::try_from(other.as_u64()?).ok(),
    }
}

fn noncurrent_days(facts: &Facts<'_>) -> Option<u32> {
    let days =
        |rule: &Value| number(rule.get("NoncurrentVersionExpiration")?.get("NoncurrentDays")?);
    rules(facts).filter_map(days).min()
}

/// Returns the days after which a rule moves objects to a class from which they must be restored.
fn transition_days(facts: &Facts<'_>) -> Option<u32> {
    let days = |rule: &Value| {
        let moves = items(rule.get("Transition")).iter();
        let moves = moves.filter(|it| {
            let class = it.get("StorageClass").and_then(Value::as_str);
            class.is_some_and(|class| class == "GLACIER" || class == "DEEP_ARCHIVE")
        });
        moves.filter_map(|it| number(it.get("Days")?)).min()
    };
    rules(facts).filter_map(days).min()
}

fn legal_hold_off(facts: &Facts<'_>) -> bool {
    let hold = facts.parameter("LegalHold").or(facts.parameter("ObjectLockLegalHold"));
    hold.and_then(|hold| hold.get("Status")).is_some_and(|status| status == "OFF")
}

fn replication_off(facts: &Facts<'_>) -> bool {
    let rules = facts.parameter("ReplicationConfiguration").map(|it| items(it.get("Rule")));
    let enabled = |rule: &Value| rule.get("Status").is_some_and(|status| status == "Enabled");
    !rules.unwrap_or_default().iter().any(enabled)
}

/// Returns whether access logging ends: the configuration has no `LoggingEnabled`.
fn logging_off(facts: &Facts<'_>) -> bool {
    facts
        .parameter("BucketLoggingStatus")
        .is_none_or(|status| status.get("LoggingEnabled").is_none())
}

#[cfg(test)]
#[path = "deeds_tests.rs"]
mod tests;
