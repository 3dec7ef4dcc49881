//! What an event of a verified log file did, or tried to do, to the evidence.
//!
//! Whether a call stops delivery or removes digests is judged by the table of `operations`. The
//! events here are those of the table, and more that remove nothing from the chains.
use super::age_rules::{Act, AgeRule, age_rules, enabled_rules, number};
use super::facts::{Effects, Facts, Record, Recorded};
use super::{Effect, NamedTrail, Place, Subject, TrailEvent, operations};
use crate::codes::technique::Technique;
use crate::control::policy::{Truth, items};
use crate::vocab::key_layout::ROOT;
use crate::vocab::time::Timestamp;
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

/// Returns the service whose event has this name of [`DEED_NAMES`]. Other services have operations
/// of the same names that have nothing to do with the evidence.
fn service_of(name: &str) -> &'static str {
    match name {
        "CreateEventDataStore"
        | "CreateTrail"
        | "DeleteEventDataStore"
        | "DeleteTrail"
        | "DeregisterOrganizationDelegatedAdmin"
        | "PutEventSelectors"
        | "StartLogging"
        | "StopEventDataStoreIngestion"
        | "StopLogging"
        | "UpdateEventDataStore"
        | "UpdateTrail" => "cloudtrail.amazonaws.com",
        "CancelKeyDeletion"
        | "DeleteImportedKeyMaterial"
        | "DeleteKey"
        | "DisableKey"
        | "EnableKey"
        | "ImportKeyMaterial"
        | "PutKeyPolicy"
        | "RetireGrant"
        | "RevokeGrant"
        | "ScheduleKeyDeletion"
        | "UpdateAlias" => "kms.amazonaws.com",
        "CloseAccount"
        | "CloseAccountResult"
        | "DeletePolicy"
        | "DeregisterDelegatedAdministrator"
        | "DetachPolicy"
        | "DisableAWSServiceAccess"
        | "DisablePolicyType"
        | "LeaveOrganization"
        | "MoveAccount"
        | "RemoveAccountFromOrganization"
        | "UpdatePolicy" => "organizations.amazonaws.com",
        "DisableRegion" | "EnableRegion" => "account.amazonaws.com",
        "DeleteRule" | "DisableRule" | "RemoveTargets" => "events.amazonaws.com",
        "DeleteAlarms" | "DisableAlarmActions" => "monitoring.amazonaws.com",
        "DeleteConfigRule"
        | "DeleteConfigurationRecorder"
        | "DeleteConformancePack"
        | "DeleteDeliveryChannel"
        | "StopConfigurationRecorder" => "config.amazonaws.com",
        "DeleteDetector" | "StopMonitoringMembers" | "UpdateDetector" => "guardduty.amazonaws.com",
        "DisableSecurityHub" => "securityhub.amazonaws.com",
        "DeleteLogGroup"
        | "DeleteLogStream"
        | "DeleteMetricFilter"
        | "DeleteSubscriptionFilter"
        | "PutRetentionPolicy" => "logs.amazonaws.com",
        "AddPermission20150331v2" => "lambda.amazonaws.com",
        _ => "s3.amazonaws.com",
    }
}

/// What a call did to Object Lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockChange {
    /// The days for which new objects of the bucket are retained by default after the call; `None`
    /// if they are not retained.
    Default(Option<u32>),
    /// The time until which one object is retained after the call; `None` if it is no longer
    /// retained.
    Retention(Option<Timestamp>),
}

/// What a call did to a delete marker, by the id of its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkerChange {
    /// It put the marker.
    Made(String),
    /// It removed the marker, so that the object is back.
    Removed(String),
}

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
    /// The trail that it names, if any.
    pub trail: Option<NamedTrail>,
    /// Whether it is about the bucket of the evidence.
    pub in_bucket: bool,
    /// The lifecycle rules of the bucket that are in force after it, as far as they remove or
    /// archive current objects; `None` if it does not set them.
    pub rules: Option<Vec<AgeRule>>,
    /// What it did to Object Lock in the bucket of the evidence.
    pub lock: Option<LockChange>,
    /// What it did to a delete marker in that bucket.
    pub marker: Option<MarkerChange>,
}

/// Places of the evidence by which a policy is judged. What it does to one chain is judged by the places of
/// that chain.
const PLACES: usize = 256;

/// Judges an event that was found in a proven log file, by its effects on the places of the evidence. Returns
/// `None` if it concerns neither the trail, nor its bucket, nor anything that watches over them.
pub fn deed<'p>(
    event: &TrailEvent,
    recorded: Recorded<'_>,
    places: impl Iterator<Item = Place<'p>> + Clone,
) -> Option<Deed> {
    let record: Record = serde_json::from_str(&event.json).ok()?;
    let facts = Facts::new(&record, recorded);
    if facts.parameter("omitted").is_some_and(|omitted| *omitted == Value::Bool(true)) {
        let in_bucket = facts.is_on_this_bucket();
        let technique = Some(Technique::EventStarved);
        return Some(Deed { technique, in_bucket, ..Deed::default() });
    }
    let known =
        DEED_NAMES.contains(&event.name.as_str()) && service_of(&event.name) == event.source;
    // CloudTrail's own deliveries are data events too, and not deeds.
    if !known || (facts.is_by_cloudtrail() && event.source == "s3.amazonaws.com") {
        return None;
    }
    let effects = operations::judge_of(&event.source, &event.name)
        .map(|judge| judge(&facts))
        .unwrap_or_default();
    let in_bucket = facts.is_this_bucket();
    let key = facts.text("key").filter(|key| in_bucket && key.contains(ROOT));
    let mut deed = Deed {
        technique: technique(event, &facts, &effects, places),
        key: key.map(str::to_owned),
        prefix: None,
        days: None,
        redirected_to: None,
        trail: facts.trail("name").or_else(|| facts.trail("trailName")),
        in_bucket,
        rules: in_bucket.then(|| rules_after(event, &facts)).flatten(),
        lock: in_bucket.then(|| lock_change(event, &facts)).flatten(),
        marker: in_bucket.then(|| marker_change(event, &facts)).flatten(),
        effects,
    };
    if service_of(&event.name) != "cloudtrail.amazonaws.com" {
        deed.trail = None;
    }
    for (subject, _) in &deed.effects {
        if let Subject::Objects { prefix, days, .. } = subject {
            deed.prefix = Some(prefix.clone());
            deed.days = deed.days.into_iter().chain((*days > 0).then_some(*days)).min();
        }
    }
    match deed.technique {
        Some(Technique::ArchiveHidden) => {
            let rules = deed.rules.iter().flatten().filter(|rule| rule.act == Act::Archives);
            deed.days = rules.filter_map(AgeRule::days).min();
        }
        Some(Technique::LifecycleExpiry) if deed.days.is_none() => {
            deed.days = noncurrent_days(&facts);
        }
        Some(Technique::TrailRedirected) => deed.redirected_to = redirected_to(&facts),
        _ => {}
    }
    let judged = deed.technique.is_some() || !deed.effects.is_empty();
    // What was set before is undone by what is set later, however harmless that is.
    let context = judged || in_bucket || deed.trail.is_some();
    context.then_some(deed)
}

fn technique<'p>(
    event: &TrailEvent,
    facts: &Facts<'_>,
    effects: &Effects,
    places: impl Iterator<Item = Place<'p>> + Clone,
) -> Option<Technique> {
    use Technique as T;
    let stops = effects.iter().any(|(subject, effect)| {
        matches!(effect, Effect::Stops | Effect::Ends) && is_about_one(subject, places.clone())
    });
    let removes = effects.iter().any(|(_, effect)| *effect == Effect::Removes);
    let off = |name: &str| facts.parameter(name).is_some_and(|value| *value == Value::Bool(false));
    let in_bucket = facts.is_this_bucket();
    let of_evidence = || facts.text("key").is_some_and(|key| in_bucket && key.contains(ROOT));
    Some(match event.name.as_str() {
        "StopLogging" if stops => T::TrailStopped,
        "DeleteTrail" if stops => T::TrailDeleted,
        "UpdateTrail" if facts.trail("name").is_some() => {
            if off("enableLogFileValidation") {
                T::ValidationOff
            } else if moved(effects, places) {
                T::TrailRedirected
            } else if off("isMultiRegionTrail")
                || off("isOrganizationTrail")
                || off("includeGlobalServiceEvents")
            {
                T::TrailNarrowed
            } else {
                // A key alone protects the evidence.
                return None;
            }
        }
        "PutEventSelectors" if operations::selectors_narrow(facts) => T::TrailNarrowed,
        "PutBucketPolicy" | "DeleteBucketPolicy" | "DeleteBucket" | "PutBucketRequestPayment"
            if stops =>
        {
            T::DeliveryBroken
        }
        "PutBucketEncryption"
        | "DisableKey"
        | "ScheduleKeyDeletion"
        | "PutKeyPolicy"
        | "DeleteImportedKeyMaterial"
        | "DeleteKey"
            if stops =>
        {
            T::KeyWithheld
        }
        "RevokeGrant" if !effects.is_empty() => T::KeyWithheld,
        "DeleteObject" if of_evidence() => match facts.text("versionId") {
            // To delete a delete marker brings the object back.
            Some(_) if facts.deleted_marker() => return None,
            Some(_) => T::VersionsDeleted,
            None => T::ObjectsDeleted,
        },
        "DeleteObjects" if removes => T::ObjectsDeleted,
        "PutBucketVersioning" if removes => T::VersionsDeleted,
        "PutObject" | "CopyObject" | "CompleteMultipartUpload" if of_evidence() => {
            match facts.parameter("x-amz-server-side-encryption-customer-algorithm").is_some() {
                true => T::ObjectsRansomed,
                false => T::ObjectsReplaced,
            }
        }
        "PutBucketLifecycle" | "PutBucketLifecycleConfiguration" if in_bucket => {
            let acts = |act: Act| age_rules(facts).iter().any(|rule| rule.act == act);
            if acts(Act::Expires) || noncurrent_days(facts).is_some() {
                T::LifecycleExpiry
            } else if acts(Act::Archives) {
                T::ArchiveHidden
            } else {
                return None;
            }
        }
        "PutBucketObjectLockConfiguration" | "PutObjectLockConfiguration" if removes => {
            T::LockWeakened
        }
        // A longer retention protects the object; whether a date is shorter than the one before is not
        // in the event. S3 refuses to shorten a retention unless it is bypassed.
        "PutObjectRetention" if of_evidence() && bypasses(facts) => T::LockWeakened,
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

/// Returns whether a trail no longer delivers to one of its places.
fn moved<'p>(effects: &Effects, places: impl Iterator<Item = Place<'p>> + Clone) -> bool {
    let moves = |subject: &Subject| matches!(subject, Subject::TrailNotAt { .. });
    effects.iter().any(|(subject, _)| moves(subject) && is_about_one(subject, places.clone()))
}

/// Returns whether a subject is surely about one of the places of the evidence, as far as it depends on
/// places.
fn is_about_one<'p>(subject: &Subject, places: impl Iterator<Item = Place<'p>>) -> bool {
    match subject {
        Subject::TrailNotAt { trail, .. } => places
            .filter(|place| trail.owns(place.chain))
            .any(|place| subject.excludes(place) == Truth::Yes),
        Subject::NotLet { bucket, policy } => {
            let lets = policy.judge();
            let mut here = places.filter(|place| place.bucket == bucket).take(PLACES);
            here.any(|place| lets(place) == Truth::No)
        }
        _ => true,
    }
}

fn redirected_to(facts: &Facts<'_>) -> Option<String> {
    let bucket = facts.text("s3BucketName").unwrap_or(facts.recorded.bucket);
    match facts.text("s3KeyPrefix") {
        Some(prefix) if !prefix.is_empty() => Some(format!("s3://{bucket}/{prefix}")),
        _ => Some(format!("s3://{bucket}")),
    }
}

/// Returns the lifecycle rules that are in force after a call: a new configuration replaces all
/// rules.
fn rules_after(event: &TrailEvent, facts: &Facts<'_>) -> Option<Vec<AgeRule>> {
    match event.name.as_str() {
        "PutBucketLifecycle" | "PutBucketLifecycleConfiguration" => Some(age_rules(facts)),
        "DeleteBucketLifecycle" => Some(Vec::new()),
        _ => None,
    }
}

fn lock_change(event: &TrailEvent, facts: &Facts<'_>) -> Option<LockChange> {
    match event.name.as_str() {
        "PutBucketObjectLockConfiguration" | "PutObjectLockConfiguration" => {
            let lock = facts.parameter("ObjectLockConfiguration")?;
            let rules = items(lock.get("Rule")).iter();
            let default = rules.filter_map(|rule| rule.get("DefaultRetention")).next();
            let of = |name: &str| default.and_then(|it| it.get(name)).and_then(number);
            let years = of("Years").map(|years| years.saturating_mul(365));
            Some(LockChange::Default(default.map(|_| of("Days").or(years).unwrap_or(0))))
        }
        "PutObjectRetention" => Some(LockChange::Retention(retained_until(facts))),
        _ => None,
    }
}

fn marker_change(event: &TrailEvent, facts: &Facts<'_>) -> Option<MarkerChange> {
    if event.name != "DeleteObject" || !facts.deleted_marker() {
        return None;
    }
    // The answer says of a deletion without a version that it made the marker.
    match facts.text("versionId") {
        // Without versioning, each marker has this id.
        Some("null") => None,
        Some(version) => Some(MarkerChange::Removed(version.to_owned())),
        None => {
            let made = facts.record.response_elements.get("x-amz-version-id")?.as_str()?;
            (made != "null").then(|| MarkerChange::Made(made.to_owned()))
        }
    }
}

fn retained_until(facts: &Facts<'_>) -> Option<Timestamp> {
    let retention = facts.parameter("Retention").or(facts.parameter("ObjectLockRetention"));
    retention?.get("RetainUntilDate").and_then(Value::as_str).and_then(Timestamp::parse)
}

/// Returns whether a call bypasses a retention in governance mode.
fn bypasses(facts: &Facts<'_>) -> bool {
    let bypass = facts.parameter("x-amz-bypass-governance-retention");
    bypass.is_some_and(|it| *it == Value::Bool(true) || *it == "true")
}

fn noncurrent_days(facts: &Facts<'_>) -> Option<u32> {
    let days =
        |rule: &Value| number(rule.get("NoncurrentVersionExpiration")?.get("NoncurrentDays")?);
    enabled_rules(facts).filter_map(days).min()
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
