//! The rules about the bucket's settings.
use super::trail::is_aws_alias;
use crate::control::fact::{Fact, Reader, Unread, UnreadWhy};
use crate::control::facts::{BucketFacts, Encryption, Facts, Wanted};
use crate::control::lifecycle::{Lifecycle, LifecycleRule, meets};
use crate::control::operation::Operation;
use crate::control::policy::Truth;
use crate::control::status::{Judgement, Pitfall, Reason};
use serde_json::{Value, json};

type Judged = Result<Judgement, Unread>;

pub(super) fn versioning(r: &Reader, bucket: &BucketFacts) -> Judged {
    let status = r.read(&bucket.versioning)?;
    let enabled = status.is_some_and(|status| status == "Enabled");
    let judged = Judgement::holds(enabled, Reason::NotAsRequired);
    Ok(judged.seen("versioning", status.cloned()))
}

pub(super) fn mfa_delete(r: &Reader, bucket: &BucketFacts) -> Judged {
    let on = r.on(&bucket.mfa_delete)?;
    Ok(Judgement::holds(on, Reason::NotAsRequired).seen("mfa_delete", on))
}

pub(super) fn object_lock(r: &Reader, bucket: &BucketFacts) -> Judged {
    let Some(lock) = r.read(&bucket.lock)?.filter(|lock| lock.enabled) else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("object_lock", false));
    };
    let has_default = lock.mode.is_some() && lock.days.is_some();
    let judged = Judgement::holds(has_default, Reason::NoDefaultRetention)
        .seen("object_lock", true)
        .seen("mode", lock.mode.clone())
        .seen("days", lock.days);
    Ok(judged.pitfall_if(!has_default, Pitfall::LockWithoutRetention))
}

pub(super) fn compliance_mode(r: &Reader, bucket: &BucketFacts) -> Judged {
    let lock = r.read(&bucket.lock)?.filter(|lock| lock.enabled);
    let Some(mode) = lock.and_then(|lock| lock.mode.as_ref()) else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("mode", Value::Null));
    };
    let judged = Judgement::holds(mode == "COMPLIANCE", Reason::RetentionCanBeBypassed);
    Ok(judged.seen("mode", mode.as_str()))
}

pub(super) fn lock_covers(r: &Reader, bucket: &BucketFacts, wanted: &Wanted) -> Judged {
    let lock = r.read(&bucket.lock)?.filter(|lock| lock.enabled);
    let Some(days) = lock.and_then(|lock| lock.days) else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("days", Value::Null));
    };
    let judged = Judgement::holds(days >= wanted.retention_days, Reason::RetentionTooShort);
    Ok(judged.seen("days", days).pitfall(Pitfall::LockAppliesToNewFiles))
}

pub(super) fn encryption(r: &Reader, facts: &Facts) -> Judged {
    let Some(encryption) = r.read(&facts.bucket.encryption)? else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("algorithm", Value::Null));
    };
    let kms = matches!(encryption.algorithm.as_str(), "aws:kms" | "aws:kms:dsse");
    let key = encryption.key.as_deref().filter(|key| !key.is_empty());
    let judged = match key {
        _ if !kms => Judgement::fail(Reason::NotAsRequired),
        None => Judgement::fail(Reason::KeyManagedByAws),
        Some(key) if is_aws_alias(key) => Judgement::fail(Reason::KeyManagedByAws),
        Some(key) => match is_customer(r, facts, encryption, key) {
            Ok(customer) => Judgement::holds(customer, Reason::KeyManagedByAws),
            Err(unread) => Judgement::not_available(unread),
        },
    };
    Ok(judged.seen("algorithm", encryption.algorithm.as_str()).seen("key", key))
}

/// Returns whether a customer manages the key of the default encryption. Keys of AWS have ARNs like others.
fn is_customer(
    r: &Reader,
    facts: &Facts,
    encryption: &Encryption,
    named: &str,
) -> Result<bool, Unread> {
    let gone = || Unread::new(Operation::DescribeKey, UnreadWhy::NotFound);
    let is_named = |other: &str| {
        let id = other.rsplit_once('/').map(|(_, id)| id);
        other == named || id == Some(named)
    };
    if let Some(key) = &facts.key {
        let of_trail = facts.trail.kms_key.value().map(String::as_str);
        if [of_trail, key.arn.as_deref(), Some(&key.subject)].into_iter().flatten().any(is_named) {
            return Ok(r.read(&key.description)?.ok_or_else(gone)?.customer);
        }
    }
    r.read(&encryption.customer)?.copied().ok_or_else(gone)
}

pub(super) fn access_block(r: &Reader, bucket: &BucketFacts) -> Judged {
    let settings = r.read(&bucket.public_access_block)?.copied().unwrap_or_default();
    let [acls, policy, ignore, restrict] = settings;
    Ok(Judgement::holds(settings.iter().all(|on| *on), Reason::NotAsRequired)
        .seen("block_public_acls", acls)
        .seen("block_public_policy", policy)
        .seen("ignore_public_acls", ignore)
        .seen("restrict_public_buckets", restrict))
}

/// The groups whose grants make a bucket public.
const PUBLIC_GROUPS: [&str; 2] = ["/groups/global/AllUsers", "/groups/global/AuthenticatedUsers"];

pub(super) fn not_public(r: &Reader, bucket: &BucketFacts) -> Judged {
    let grants = r.read(&bucket.grants);
    if let Ok(Some(grants)) = &grants {
        let public: Vec<Value> = grants
            .iter()
            .filter(|it| PUBLIC_GROUPS.iter().any(|group| it.grantee.ends_with(group)))
            .map(|it| json!({ "grantee": it.grantee, "permission": it.permission }))
            .collect();
        if !public.is_empty() {
            return Ok(Judgement::fail(Reason::OpenToEveryone).seen("grants", public));
        }
    }
    let policy = match (&bucket.public, bucket.policy.value()) {
        // Without S3's own judgement, a policy that allows nobody in general is not public.
        (Fact::Unread(_), Some(policy)) => {
            let allowing = || policy.statements().iter().filter(|it| it.allows);
            let everyone = allowing().map(|it| match it.is_for_everyone() {
                Truth::Yes if it.is_conditional() => Truth::Perhaps,
                truth => truth,
            });
            match everyone.max() {
                Some(Truth::Yes) => true,
                Some(Truth::Perhaps) => return Ok(Judgement::manual(Reason::PolicyUndecided)),
                Some(Truth::No) | None => false,
            }
        }
        (Fact::Unread(_), None) if matches!(bucket.policy, Fact::Absent) => false,
        (fact, _) => r.on(fact)?,
    };
    if policy {
        return Ok(Judgement::fail(Reason::OpenToEveryone).seen("public_policy", true));
    }
    grants?;
    Ok(Judgement::pass().seen("public_policy", false).seen("public_grants", 0))
}

pub(super) fn acl_disabled(r: &Reader, bucket: &BucketFacts) -> Judged {
    let ownership = r.read(&bucket.ownership)?;
    let off = ownership.is_some_and(|it| it == "BucketOwnerEnforced");
    Ok(Judgement::holds(off, Reason::NotAsRequired).seen("ownership", ownership.cloned()))
}

pub(super) fn access_logging(r: &Reader, bucket: &BucketFacts) -> Judged {
    let Some(target) = r.read(&bucket.access_log)?.filter(|target| !target.is_empty()) else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("target", Value::Null));
    };
    // A bucket whose name is not known yet is named by its address.
    let itself = bucket.name.as_ref() == Some(target) || bucket.subject == *target;
    Ok(Judgement::holds(!itself, Reason::LogsToItself).seen("target", target.as_str()))
}

/// Returns the part of keys that every log file and digest of the trail has.
fn root(facts: &Facts) -> String {
    format!("{}AWSLogs/", facts.trail.key_prefix())
}

fn shown(rules: &[&LifecycleRule]) -> Value {
    let one = |rule: &&LifecycleRule| {
        let transitions: Vec<Value> = rule
            .transitions
            .iter()
            .map(|it| json!({ "days": it.days, "class": it.class }))
            .collect();
        json!({
            "id": rule.id,
            "prefix": rule.prefix,
            "expires": rule.expires,
            "expires_on_date": rule.expires_on_date,
            "noncurrent": rule.noncurrent,
            "transitions": transitions,
        })
    };
    rules.iter().map(one).collect()
}

pub(super) fn no_early_expiry(r: &Reader, facts: &Facts, wanted: &Wanted) -> Judged {
    let none = Lifecycle::default();
    let lifecycle = r.read(&facts.bucket.lifecycle)?.unwrap_or(&none);
    r.read(&facts.trail.prefix)?;
    let root = root(facts);
    let days = wanted.retention_days;
    let rules: Vec<&LifecycleRule> = lifecycle.applying(&root).collect();
    let early: Vec<&LifecycleRule> = rules
        .iter()
        .copied()
        .filter(|rule| rule.removes_before(days) || rule.destroys_before(days).is_some())
        .collect();
    let marks = !early.is_empty() && facts.bucket.versioning.value().is_some();
    let noncurrent = rules.iter().any(|rule| rule.noncurrent.is_some());
    let judged = Judgement::holds(early.is_empty(), Reason::ExpiresTooEarly);
    let shown = if early.is_empty() { shown(&rules) } else { shown(&early) };
    Ok(judged
        .seen("rules", shown)
        .pitfall_if(marks, Pitfall::ExpirationAddsDeleteMarkers)
        .pitfall_if(noncurrent, Pitfall::NoncurrentVersionsExpire))
}

pub(super) fn at_hand(r: &Reader, facts: &Facts, wanted: &Wanted) -> Judged {
    let none = Lifecycle::default();
    let lifecycle = r.read(&facts.bucket.lifecycle)?.unwrap_or(&none);
    r.read(&facts.trail.prefix)?;
    let root = root(facts);
    let rules: Vec<&LifecycleRule> = lifecycle.applying(&root).collect();
    // What was deleted is not at hand either.
    let gone = rules.iter().filter(|rule| rule.removes_before(wanted.at_hand_days));
    let gone: Vec<&LifecycleRule> = gone.copied().collect();
    if !gone.is_empty() {
        return Ok(Judgement::fail(Reason::ExpiresTooEarly).seen("rules", shown(&gone)));
    }
    let early = |rule: &&&LifecycleRule| {
        rule.transitions.iter().any(|it| it.archives() && it.day() < wanted.at_hand_days)
    };
    let archiving: Vec<&LifecycleRule> = rules.iter().filter(early).copied().collect();
    if !archiving.is_empty() {
        let small = lifecycle.small_stay == Some(true) && !archiving.iter().any(|it| it.sizes);
        let failed = Judgement::fail(Reason::ArchivedTooEarly).seen("rules", shown(&archiving));
        return Ok(failed.pitfall_if(small, Pitfall::SmallFilesAreNotMoved));
    }
    let tiering: Vec<&LifecycleRule> = rules
        .iter()
        .filter(|rule| rule.transitions.iter().any(|it| it.class == "INTELLIGENT_TIERING"))
        .copied()
        .collect();
    Ok(if tiering.is_empty() {
        Judgement::pass().seen("rules", shown(&rules))
    } else {
        Judgement::manual(Reason::ClassMayArchive).seen("rules", shown(&tiering))
    })
}

pub(super) fn verifiable_until(r: &Reader, facts: &Facts) -> Judged {
    let none = Lifecycle::default();
    let lifecycle = r.read(&facts.bucket.lifecycle)?.unwrap_or(&none);
    r.read(&facts.trail.prefix)?;
    let root = root(facts);
    let transitions = lifecycle.applying(&root).flat_map(|rule| &rule.transitions);
    let first = transitions.filter(|it| it.archives()).map(|it| it.day()).min();
    let mut judged = Judgement::pass().seen("restore_needed_after_days", first);
    judged.reason = Reason::Informs;
    let small = first.is_some() && lifecycle.small_stay == Some(true);
    Ok(judged.pitfall_if(small, Pitfall::SmallFilesAreNotMoved))
}

pub(super) fn replication(r: &Reader, facts: &Facts) -> Judged {
    let rules = r.read(&facts.bucket.replication)?.cloned().unwrap_or_default();
    r.read(&facts.trail.prefix)?;
    let root = root(facts);
    let covers = |it: &&crate::control::facts::Replication| {
        it.enabled && !it.tags && root.starts_with(&it.prefix)
    };
    let covering: Vec<_> = rules.iter().filter(covers).collect();
    if covering.is_empty() {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("rules", rules.len()));
    }
    let uses_kms = facts.trail.kms_key.value().is_some_and(|key| !key.is_empty());
    // The account of the bucket is not known: a copy in the trail's account is one elsewhere only if the
    // bucket is not in it.
    let own = |account: &String| facts.trail.account.as_ref() == Some(account);
    let foreign: Vec<_> = covering.iter().filter(|it| it.account.is_some()).collect();
    let copies = || foreign.iter().filter(|it| it.kms_objects || !uses_kms);
    let elsewhere = copies().any(|it| !it.account.as_ref().is_some_and(own));
    let seen: Vec<Value> = covering
        .iter()
        .map(|it| json!({ "bucket": it.bucket, "account": it.account, "kms_objects": it.kms_objects }))
        .collect();
    let judged = match (copies().next(), foreign.is_empty()) {
        (Some(_), _) if elsewhere => Judgement::pass(),
        (Some(_), _) => Judgement::manual(Reason::SameAccount),
        (None, true) => Judgement::fail(Reason::SameAccount),
        (None, false) => Judgement::fail(Reason::KmsObjectsNotCopied),
    };
    let markers = covering.iter().any(|it| it.delete_markers);
    Ok(judged.seen("rules", seen).pitfall_if(markers, Pitfall::DeleteMarkersAreReplicated))
}

pub(super) fn write_triggers(r: &Reader, facts: &Facts) -> Judged {
    let receivers = r.read(&facts.bucket.notifications)?.cloned().unwrap_or_default();
    r.read(&facts.trail.prefix)?;
    let root = root(facts);
    let functions: Vec<Value> = receivers
        .iter()
        .filter(|it| {
            let created = it.events.iter().any(|event| event.starts_with("s3:ObjectCreated:"));
            it.function && meets(&it.prefix, &root) && created
        })
        .map(|it| json!({ "function": it.receiver, "events": it.events }))
        .collect();
    Ok(if functions.is_empty() {
        Judgement::pass().seen("functions", functions)
    } else {
        Judgement::manual(Reason::FunctionNotified).seen("functions", functions)
    })
}
