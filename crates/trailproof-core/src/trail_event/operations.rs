//! The table of operations: names as CloudTrail writes them, how to find their target, and which
//! calls stop delivery.
//!
//! CloudTrail's event names differ from the names of S3's API (`PutBucketLifecycle`, not
//! `PutBucketLifecycleConfiguration`). JSON services write members with a lower-case first letter;
//! for S3, XML bodies appear as JSON, in which one child is an object and several are an array.
use super::age_rules::{Act, age_rules};
use super::facts::{Effects, Facts};
use super::policy::{DeliveryPolicy, lets_cloudtrail_encrypt};
use super::{Effect, NamedTrail, Subject};
use crate::control::policy::{Truth, items};
use crate::control::selectors::{
    AdvancedSelector, BasicSelector, FieldSelector, ReadsAndWrites, Recorded, Selectors,
};
use crate::vocab::chain_id::ChainId;
use crate::vocab::key_layout::DigestKey;
use serde_json::Value;

/// The chains of a trail that are affected.
type OfTrail = fn(NamedTrail) -> Subject;

/// Returns the effects of an operation, from the parameters of one call.
pub(crate) type Judge = fn(&Facts<'_>) -> Effects;

const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";
const S3: &str = "s3.amazonaws.com";
const KMS: &str = "kms.amazonaws.com";
const ORGANIZATIONS: &str = "organizations.amazonaws.com";
const ACCOUNT: &str = "account.amazonaws.com";

/// Every operation that may explain anything, by name. `PutEventSelectors` and `PutInsightSelectors` are not
/// included, as digests do not depend on them; nor are operations that change the bucket's readers, its
/// replication or its notifications.
const OPERATIONS: [(&str, &str, Judge); 33] = [
    ("CancelKeyDeletion", KMS, |facts| facts.of_key(Effect::Resumes)),
    ("CloseAccount", ORGANIZATIONS, |facts| facts.of_account("accountId", Subject::Account)),
    ("CloseAccountResult", ORGANIZATIONS, close_account_result),
    ("CreateTrail", CLOUDTRAIL, |facts| facts.of_trail("name", Effect::Begins)),
    ("DeleteBucket", S3, |facts| facts.of_bucket(true, Effect::Stops)),
    ("DeleteBucketPolicy", S3, |facts| facts.of_bucket(true, Effect::Stops)),
    ("DeleteImportedKeyMaterial", KMS, |facts| facts.of_key(Effect::Stops)),
    ("DeleteKey", KMS, |facts| facts.of_key(Effect::Stops)),
    ("DeleteObject", S3, delete_object),
    ("DeleteObjects", S3, delete_objects),
    ("DeleteTrail", CLOUDTRAIL, |facts| facts.of_trail("name", Effect::Ends)),
    ("DisableAWSServiceAccess", ORGANIZATIONS, disable_service_access),
    ("DisableKey", KMS, |facts| facts.of_key(Effect::Stops)),
    ("DisableRegion", ACCOUNT, |facts| facts.of_region(Effect::Ends)),
    ("EnableKey", KMS, |facts| facts.of_key(Effect::Resumes)),
    ("EnableRegion", ACCOUNT, |facts| facts.of_region(Effect::Resumes)),
    ("ImportKeyMaterial", KMS, |facts| facts.of_key(Effect::Resumes)),
    ("LeaveOrganization", ORGANIZATIONS, leave_organization),
    ("PutBucketEncryption", S3, put_bucket_encryption),
    ("PutBucketLifecycle", S3, put_bucket_lifecycle),
    ("PutBucketLifecycleConfiguration", S3, put_bucket_lifecycle),
    ("PutBucketObjectLockConfiguration", S3, put_object_lock),
    ("PutBucketPolicy", S3, put_bucket_policy),
    ("PutBucketRequestPayment", S3, put_request_payment),
    ("PutBucketVersioning", S3, put_bucket_versioning),
    ("PutKeyPolicy", KMS, put_key_policy),
    ("PutObjectLockConfiguration", S3, put_object_lock),
    ("RemoveAccountFromOrganization", ORGANIZATIONS, |facts| {
        facts.of_account("accountId", Subject::Member)
    }),
    // CloudTrail has no grants. A reader may.
    ("RevokeGrant", KMS, |facts| facts.of_key(Effect::MayStop)),
    ("ScheduleKeyDeletion", KMS, |facts| facts.of_key(Effect::Stops)),
    ("StartLogging", CLOUDTRAIL, |facts| facts.of_trail("name", Effect::Begins)),
    ("StopLogging", CLOUDTRAIL, |facts| facts.of_trail("name", Effect::Ends)),
    ("UpdateTrail", CLOUDTRAIL, update_trail),
];

/// Returns whether any service has an operation of this name.
pub(crate) fn is_known(name: &[u8]) -> bool {
    OPERATIONS.binary_search_by(|(known, ..)| known.as_bytes().cmp(name)).is_ok()
}

/// Lists the names of all operations.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|(name, ..)| *name)
}

/// Returns how to judge an operation of a service.
pub(crate) fn judge_of(source: &str, name: &str) -> Option<Judge> {
    let at = OPERATIONS.binary_search_by(|(known, ..)| (*known).cmp(name)).ok()?;
    OPERATIONS.get(at).filter(|(_, service, _)| *service == source).map(|(.., judge)| *judge)
}

/// Judges by what was sent: an absent parameter means unchanged, so a `false` was sent on purpose.
fn update_trail(facts: &Facts<'_>) -> Effects {
    let Some(trail) = facts.trail("name") else { return Vec::new() };
    let switched = |name: &str| facts.parameter(name).and_then(Value::as_bool);
    let bucket = facts.text("s3BucketName").map(str::to_owned);
    let prefix = facts.text("s3KeyPrefix").map(|it| it.trim_end_matches('/').to_owned());
    let mut effects = Effects::new();
    if bucket.is_some() || prefix.is_some() {
        let trail = trail.clone();
        effects.push((Subject::TrailNotAt { trail, bucket, prefix }, Effect::Ends));
    }
    let subjects: [(&str, OfTrail); 3] = [
        ("enableLogFileValidation", Subject::Trail),
        ("isMultiRegionTrail", Subject::TrailElsewhere),
        ("isOrganizationTrail", Subject::TrailMembers),
    ];
    for (name, subject) in subjects {
        let effect = match switched(name) {
            Some(false) => Effect::Ends,
            Some(true) => Effect::Resumes,
            None => continue,
        };
        effects.push((subject(trail.clone()), effect));
    }
    effects
}

/// Returns whether selectors, which are the state after the call, no longer record all management events, both
/// reads and writes. Digests are delivered as before.
pub(crate) fn selectors_narrow(facts: &Facts<'_>) -> bool {
    let basic = items(facts.parameter("eventSelectors"));
    let advanced = items(facts.parameter("advancedEventSelectors"));
    let selectors = match (basic, advanced) {
        ([], [_, ..]) => Selectors::Advanced(advanced.iter().map(advanced_selector).collect()),
        _ => Selectors::Basic(basic.iter().map(basic_selector).collect()),
    };
    let ReadsAndWrites { reads, writes } = selectors.management();
    let is_all = |it: &Recorded| matches!(it, Recorded::All(excluded) if excluded.is_empty());
    !is_all(&reads) || !is_all(&writes)
}

fn basic_selector(selector: &Value) -> BasicSelector {
    let side = selector.get("readWriteType").and_then(Value::as_str).unwrap_or("All");
    let management = selector.get("includeManagementEvents").and_then(Value::as_bool);
    BasicSelector {
        reads: side != "WriteOnly",
        writes: side != "ReadOnly",
        management: management.unwrap_or(true),
        excluded: texts(selector, "excludeManagementEventSources"),
        // Digests do not depend on data events.
        data: Vec::new(),
    }
}

fn advanced_selector(selector: &Value) -> AdvancedSelector {
    let other = |field: &Value| {
        let names = ["endsWith", "notStartsWith", "notEndsWith"];
        names.iter().any(|name| !items(field.get(name)).is_empty())
    };
    let field = |field: &Value| FieldSelector {
        field: field.get("field").and_then(Value::as_str).unwrap_or_default().to_owned(),
        equals: texts(field, "equals"),
        starts_with: texts(field, "startsWith"),
        not_equals: texts(field, "notEquals"),
        other: other(field),
    };
    AdvancedSelector { fields: items(selector.get("fieldSelectors")).iter().map(field).collect() }
}

/// Returns the texts of a list. A switch may be bare.
fn texts(of: &Value, name: &str) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    items(of.get(name)).iter().map(text).collect()
}

fn put_bucket_policy(facts: &Facts<'_>) -> Effects {
    let Some(policy) = facts.parameter("bucketPolicy") else { return Vec::new() };
    if !facts.is_this_bucket() {
        return Vec::new();
    }
    let (bucket, policy) =
        (facts.recorded.bucket.to_owned(), DeliveryPolicy::of(policy, facts.recorded.bucket));
    vec![(Subject::NotLet { bucket, policy }, Effect::Stops)]
}

/// Judges "requester pays" as a stop, because CloudTrail does not pay for its deliveries.
fn put_request_payment(facts: &Facts<'_>) -> Effects {
    let payer = facts.parameter("RequestPaymentConfiguration").and_then(|it| it.get("Payer"));
    facts.of_bucket(payer.is_some_and(|payer| payer == "Requester"), Effect::Stops)
}

/// Judges a default key as one more resource that CloudTrail must be allowed to use.
fn put_bucket_encryption(facts: &Facts<'_>) -> Effects {
    let rules =
        facts.parameter("ServerSideEncryptionConfiguration").map(|it| items(it.get("Rule")));
    let by_key = |rule: &Value| {
        let default = rule.get("ApplyServerSideEncryptionByDefault");
        let algorithm = default.and_then(|default| default.get("SSEAlgorithm"));
        algorithm.and_then(Value::as_str).is_some_and(|name| name.starts_with("aws:kms"))
    };
    facts.of_bucket(rules.is_some_and(|rules| rules.iter().any(by_key)), Effect::Stops)
}

/// Judges suspending versioning as a removal: an object that is deleted afterwards is gone.
fn put_bucket_versioning(facts: &Facts<'_>) -> Effects {
    let status = facts.parameter("VersioningConfiguration").and_then(|it| it.get("Status"));
    facts.of_bucket(status.is_some_and(|status| status == "Suspended"), Effect::Removes)
}

/// Judges a missing default retention as a removal, because new objects can then be deleted.
fn put_object_lock(facts: &Facts<'_>) -> Effects {
    let Some(lock) = facts.parameter("ObjectLockConfiguration") else { return Vec::new() };
    let rule = items(lock.get("Rule")).iter().any(|rule| rule.get("DefaultRetention").is_some());
    facts.of_bucket(!rule, Effect::Removes)
}

fn put_bucket_lifecycle(facts: &Facts<'_>) -> Effects {
    if !facts.is_this_bucket() {
        return Vec::new();
    }
    let expire = age_rules(facts).into_iter().filter(|rule| rule.act == Act::Expires);
    expire.map(|rule| facts.of_objects(&rule.prefix, rule.days().unwrap_or(0))).collect()
}

fn delete_object(facts: &Facts<'_>) -> Effects {
    let key = facts.text("key").filter(|_| facts.is_this_bucket()).and_then(DigestKey::parse);
    let subject = key.map(|key| {
        let chain = Box::new(ChainId::from(&key.chain));
        (Subject::Digest { chain, end: key.end }, Effect::Removes)
    });
    subject.into_iter().collect()
}

/// Judges by the common prefix, because the event does not name the keys.
fn delete_objects(facts: &Facts<'_>) -> Effects {
    if !facts.is_this_bucket() {
        return Vec::new();
    }
    let prefix = |resource: &Value| {
        let arn = resource.get("ARNPrefix")?.as_str()?;
        let (_, place) = arn.split_once(":s3:::")?;
        let (_, prefix) = place.split_once('/')?;
        Some(prefix.to_owned())
    };
    let prefix = items(Some(&facts.record.resources)).iter().find_map(prefix);
    vec![facts.of_objects(&prefix.unwrap_or_default(), 0)]
}

fn put_key_policy(facts: &Facts<'_>) -> Effects {
    let Some(policy) = facts.parameter("policy") else { return Vec::new() };
    match lets_cloudtrail_encrypt(policy, facts.key_arn().unwrap_or("*")) {
        Truth::Yes => facts.of_key(Effect::Resumes),
        Truth::Perhaps => facts.of_key(Effect::MayStop),
        Truth::No => facts.of_key(Effect::Stops),
    }
}

/// A member leaves by its own call: it has no parameters, and the account is the one that made the
/// call.
fn leave_organization(facts: &Facts<'_>) -> Effects {
    vec![(Subject::Member(facts.account()), Effect::Ends)]
}

fn disable_service_access(facts: &Facts<'_>) -> Effects {
    if facts.text("servicePrincipal") != Some(CLOUDTRAIL) {
        return Vec::new();
    }
    vec![(Subject::Members(facts.recorded.chain.organization.clone()), Effect::Ends)]
}

/// The event that is recorded when the closing of an account is complete.
fn close_account_result(facts: &Facts<'_>) -> Effects {
    let status = facts.record.service_event_details.get("closeAccountStatus");
    let text = |name: &str| status.and_then(|it| it.get(name)).and_then(Value::as_str);
    let done = text("state").or_else(|| text("status")) == Some("SUCCEEDED");
    let account = text("accountId").filter(|_| done).and_then(|id| id.parse().ok());
    account.map(|account| (Subject::Account(account), Effect::Ends)).into_iter().collect()
}

#[cfg(test)]
#[path = "operations_tests.rs"]
mod tests;
