//! From the JSON that the AWS CLI prints, and the services return, to parts of facts.
//!
//! What does not have the documented form is malformed, never as if it were not there.
use serde_json::Value;
use trailproof_core::control::fact::{Fact, UnreadWhy};
use trailproof_core::control::facts::{
    Account, Delivery, Encryption, Grant, KeyDescription, Notification, ObjectLock, Replication,
    TrailStatus,
};
use trailproof_core::control::lifecycle::{Lifecycle, LifecycleRule, Transition};
use trailproof_core::control::operation::Operation;
use trailproof_core::control::selectors::{
    AdvancedSelector, BasicSelector, FieldSelector, Selectors,
};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::time::Timestamp;

/// A part of an input that was read, or why it was not: it is known only later, or does not have the form
/// that its service or tool documents.
pub(super) type Part<T> = Result<T, UnreadWhy>;

const MALFORMED: UnreadWhy = UnreadWhy::Malformed;

/// Returns the fact about a part that `of` would read; `None` means that nothing is configured.
pub(super) fn fact<T>(of: Operation, part: Part<Option<T>>) -> Fact<T> {
    match part {
        Ok(value) => Fact::of(value),
        Err(why) => Fact::unread(of, why),
    }
}

/// Returns a list of settings, if it is not longer than what AWS accepts of any.
pub(super) fn within<T>(list: Vec<T>) -> Part<Vec<T>> {
    match list.len() > budget::CONFIG_RULES {
        true => Err(UnreadWhy::OverBudget),
        false => Ok(list),
    }
}

/// Returns a field that is set.
pub(super) fn field<'a>(of: &'a Value, name: &str) -> Option<&'a Value> {
    of.get(name).filter(|value| !value.is_null())
}

/// Returns a text that only names or finds something, if there is one.
pub(super) fn text(of: &Value, name: &str) -> Option<String> {
    of.get(name)?.as_str().map(str::to_owned)
}

/// Returns a list in which something is looked for; without one, an empty list.
pub(super) fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Returns a text, if it is set.
pub(super) fn word(of: &Value, name: &str) -> Part<Option<String>> {
    match field(of, name) {
        None => Ok(None),
        Some(value) => value.as_str().map(|text| Some(text.to_owned())).ok_or(MALFORMED),
    }
}

/// Returns a text, or an empty one if it is not set.
fn plain(of: &Value, name: &str) -> Part<String> {
    Ok(word(of, name)?.unwrap_or_default())
}

/// Returns a switch, if it is set. Templates may write one as text.
pub(super) fn on(of: &Value, name: &str) -> Part<Option<bool>> {
    match field(of, name) {
        None => Ok(None),
        Some(Value::Bool(on)) => Ok(Some(*on)),
        Some(Value::String(text)) if text == "true" => Ok(Some(true)),
        Some(Value::String(text)) if text == "false" => Ok(Some(false)),
        Some(_) => Err(MALFORMED),
    }
}

/// Returns a number, if it is set. Templates may write one as text.
pub(super) fn number(of: &Value, name: &str) -> Part<Option<u64>> {
    let value = match field(of, name) {
        None => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
    };
    value.map(Some).ok_or(MALFORMED)
}

/// Returns the entries of a list; none if it is not set.
pub(super) fn entries<'a>(of: &'a Value, name: &str) -> Part<&'a [Value]> {
    match field(of, name) {
        None => Ok(&[]),
        Some(value) => value.as_array().map(Vec::as_slice).ok_or(MALFORMED),
    }
}

/// Returns what is made of each entry of a list.
pub(super) fn each<T>(of: &Value, name: &str, read: impl Fn(&Value) -> Part<T>) -> Part<Vec<T>> {
    entries(of, name)?.iter().map(read).collect()
}

/// Returns the texts of a list.
pub(super) fn words(of: &Value, name: &str) -> Part<Vec<String>> {
    each(of, name, |it| it.as_str().map(str::to_owned).ok_or(MALFORMED))
}

/// Returns what must be there.
pub(super) fn must<T>(part: Option<T>) -> Part<T> {
    part.ok_or(MALFORMED)
}

pub(super) fn is_enabled(of: &Value, name: &str) -> Part<bool> {
    match word(of, name)?.as_deref() {
        Some("Enabled") => Ok(true),
        None | Some("Disabled" | "Suspended") => Ok(false),
        Some(_) => Err(MALFORMED),
    }
}

/// Returns the active accounts. `State` replaces `Status`, which AWS retires.
pub(super) fn active_accounts(of: &Value) -> Part<Vec<Account>> {
    must(field(of, "Accounts"))?;
    let account = |it: &Value| {
        let state = match word(it, "State")? {
            Some(state) => Some(state),
            None => word(it, "Status")?,
        };
        let active = match state.as_deref() {
            None | Some("ACTIVE") => true,
            Some("PENDING_ACTIVATION" | "SUSPENDED" | "PENDING_CLOSURE" | "CLOSED") => false,
            Some(_) => return Err(MALFORMED),
        };
        let joined = time(it, "JoinedTimestamp")?;
        Ok(active.then_some(Account { id: must(word(it, "Id")?)?, joined }))
    };
    Ok(each(of, "Accounts", account)?.into_iter().flatten().collect())
}

pub(super) fn status(of: &Value) -> Part<TrailStatus> {
    let delivery = |at: &str, error: &str| {
        let error = word(of, error)?.filter(|error| !error.is_empty());
        Ok(Delivery { latest: time(of, at)?, error })
    };
    Ok(TrailStatus {
        is_logging: must(on(of, "IsLogging")?)?,
        started: time(of, "StartLoggingTime")?,
        stopped: time(of, "StopLoggingTime")?,
        logs: delivery("LatestDeliveryTime", "LatestDeliveryError")?,
        digests: delivery("LatestDigestDeliveryTime", "LatestDigestDeliveryError")?,
        cloudwatch: delivery(
            "LatestCloudWatchLogsDeliveryTime",
            "LatestCloudWatchLogsDeliveryError",
        )?,
    })
}

/// Returns a time, if it is set: seconds since the Unix epoch, as the services and one setting of the AWS
/// CLI write it, or ISO 8601.
pub(super) fn time(of: &Value, name: &str) -> Part<Option<Timestamp>> {
    let time = match field(of, name) {
        None => return Ok(None),
        Some(Value::Number(number)) => {
            let text = number.to_string();
            text.split('.').next().and_then(|it| it.parse().ok()).map(Timestamp::from_unix)
        }
        Some(Value::String(text)) => {
            Timestamp::parse(text).or_else(|| Timestamp::parse_loosely(text))
        }
        Some(_) => None,
    };
    time.map(Some).ok_or(MALFORMED)
}

/// Returns the default encryption, of a key that nothing is known of.
pub(super) fn encryption(of: &Value) -> Part<Encryption> {
    let configuration = must(field(of, "ServerSideEncryptionConfiguration"))?;
    let rule = must(entries(configuration, "Rules")?.first())?;
    let by_default = must(field(rule, "ApplyServerSideEncryptionByDefault"))?;
    let blocked = match field(rule, "BlockedEncryptionTypes") {
        Some(blocked) => Some(words(blocked, "EncryptionType")?),
        None => None,
    };
    Ok(Encryption {
        algorithm: must(word(by_default, "SSEAlgorithm")?)?,
        key: word(by_default, "KMSMasterKeyID")?,
        bucket_key: on(rule, "BucketKeyEnabled")?.unwrap_or_default(),
        blocked: Fact::of(blocked),
        ..Encryption::default()
    })
}

pub(super) fn grants(of: &Value) -> Part<Vec<Grant>> {
    must(field(of, "Grants"))?;
    let grant = |it: &Value| {
        let grantee = must(field(it, "Grantee"))?;
        let mut name = None;
        for kind in ["URI", "ID", "EmailAddress"] {
            name = name.or(word(grantee, kind)?);
        }
        Ok(Grant { grantee: must(name)?, permission: must(word(it, "Permission")?)? })
    };
    within(each(of, "Grants", grant)?)
}

/// The objects to which a rule of lifecycle or replication applies.
struct Filter {
    prefix: String,
    tags: bool,
    sizes: bool,
}

/// Returns the filter of a rule, whose prefix may stand outside of it.
fn filter(rule: &Value) -> Part<Filter> {
    let filter = field(rule, "Filter");
    let and = filter.and_then(|filter| field(filter, "And"));
    let (mut prefix, mut tags, mut sizes) = (None, false, false);
    for part in [filter, and].into_iter().flatten() {
        prefix = prefix.or(word(part, "Prefix")?);
        for name in ["Tag", "Tags"] {
            tags |= match field(part, name) {
                Some(Value::Array(list)) => !list.is_empty(),
                other => other.is_some(),
            };
        }
        for name in ["ObjectSizeGreaterThan", "ObjectSizeLessThan"] {
            sizes |= field(part, name).is_some();
        }
    }
    let prefix = match prefix {
        Some(prefix) => prefix,
        None => plain(rule, "Prefix")?,
    };
    Ok(Filter { prefix, tags, sizes })
}

pub(super) fn lifecycle(of: &Value) -> Part<Lifecycle> {
    must(field(of, "Rules"))?;
    let rule = |rule: &Value| {
        let Filter { prefix, tags, sizes } = filter(rule)?;
        let (mut expires, mut expires_on_date, mut noncurrent) = (None, false, None);
        if let Some(expiration) = field(rule, "Expiration") {
            expires = number(expiration, "Days")?;
            expires_on_date = field(expiration, "Date").is_some();
        }
        if let Some(expiration) = field(rule, "NoncurrentVersionExpiration") {
            noncurrent = number(expiration, "NoncurrentDays")?;
        }
        let transition = |it: &Value| {
            Ok(Transition { days: number(it, "Days")?, class: must(word(it, "StorageClass")?)? })
        };
        Ok(LifecycleRule {
            id: plain(rule, "ID")?,
            enabled: is_enabled(rule, "Status")?,
            prefix,
            tags,
            sizes,
            expires,
            expires_on_date,
            noncurrent,
            transitions: within(each(rule, "Transitions", transition)?)?,
        })
    };
    Ok(Lifecycle { rules: within(each(of, "Rules", rule)?)?, small_stay: small_stay(of)? })
}

pub(super) fn small_stay(of: &Value) -> Part<Option<bool>> {
    let smallest = word(of, "TransitionDefaultMinimumObjectSize")?;
    Ok(smallest.map(|it| it == "all_storage_classes_128K"))
}

pub(super) fn replication(of: &Value) -> Part<Vec<Replication>> {
    let configuration = must(field(of, "ReplicationConfiguration"))?;
    must(field(configuration, "Rules"))?;
    let enabled = |block: Option<&Value>| block.map_or(Ok(false), |it| is_enabled(it, "Status"));
    let rule = |rule: &Value| {
        let Filter { prefix, tags, .. } = filter(rule)?;
        let destination = must(field(rule, "Destination"))?;
        let selection = field(rule, "SourceSelectionCriteria");
        Ok(Replication {
            enabled: is_enabled(rule, "Status")?,
            prefix,
            tags,
            bucket: must(word(destination, "Bucket")?)?,
            account: word(destination, "Account")?,
            kms_objects: enabled(selection.and_then(|it| field(it, "SseKmsEncryptedObjects")))?,
            delete_markers: enabled(field(rule, "DeleteMarkerReplication"))?,
        })
    };
    within(each(configuration, "Rules", rule)?)
}

pub(super) fn notifications(of: &Value) -> Part<Vec<Notification>> {
    let mut found = Vec::new();
    for (name, receiver) in [
        ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
        ("QueueConfigurations", "QueueArn"),
        ("TopicConfigurations", "TopicArn"),
    ] {
        let one = |it: &Value| {
            let key = field(it, "Filter").and_then(|filter| field(filter, "Key"));
            let mut prefix = String::new();
            for rule in key.map_or(Ok(&[][..]), |key| entries(key, "FilterRules"))? {
                if plain(rule, "Name")?.eq_ignore_ascii_case("prefix") {
                    prefix = plain(rule, "Value")?;
                }
            }
            must(field(it, "Events"))?;
            Ok(Notification {
                function: name == "LambdaFunctionConfigurations",
                receiver: plain(it, receiver)?,
                events: words(it, "Events")?,
                prefix,
            })
        };
        found.extend(each(of, name, one)?);
    }
    within(found)
}

pub(super) fn key_description(of: &Value) -> Part<KeyDescription> {
    let is = |name: &str, value: &str| Ok(word(of, name)?.is_none_or(|it| it == value));
    let (mut replicas, mut primary) = (Vec::new(), None);
    if let Some(configuration) = field(of, "MultiRegionConfiguration") {
        let region = |it: &Value| must(word(it, "Region")?);
        replicas = each(configuration, "ReplicaKeys", region)?;
        primary = field(configuration, "PrimaryKey").map(region).transpose()?;
    }
    Ok(KeyDescription {
        customer: match must(word(of, "KeyManager")?)?.as_str() {
            "CUSTOMER" => true,
            "AWS" => false,
            _ => return Err(MALFORMED),
        },
        state: must(word(of, "KeyState")?)?,
        deletion: time(of, "DeletionDate")?,
        rotatable: is("Origin", "AWS_KMS")? && is("KeySpec", "SYMMETRIC_DEFAULT")?,
        replicas: within(replicas.into_iter().chain(primary).collect())?,
    })
}

/// Returns the selectors of a trail, or the default if it has none.
pub(super) fn selectors(of: &Value) -> Part<Selectors> {
    let advanced = |it: &Value| {
        let field = |it: &Value| {
            let mut other = false;
            for name in ["EndsWith", "NotStartsWith", "NotEndsWith"] {
                other |= !entries(it, name)?.is_empty();
            }
            Ok(FieldSelector {
                field: must(word(it, "Field")?)?,
                equals: words(it, "Equals")?,
                starts_with: words(it, "StartsWith")?,
                not_equals: words(it, "NotEquals")?,
                other,
            })
        };
        Ok(AdvancedSelector { fields: within(each(it, "FieldSelectors", field)?)? })
    };
    let found = within(each(of, "AdvancedEventSelectors", advanced)?)?;
    if !found.is_empty() {
        return Ok(Selectors::Advanced(found));
    }
    let resource = |it: &Value| Ok((must(word(it, "Type")?)?, words(it, "Values")?));
    let basic = |it: &Value| {
        let side = word(it, "ReadWriteType")?;
        let side = side.as_deref().unwrap_or("All");
        if !matches!(side, "All" | "ReadOnly" | "WriteOnly") {
            return Err(MALFORMED);
        }
        Ok(BasicSelector {
            reads: side != "WriteOnly",
            writes: side != "ReadOnly",
            management: on(it, "IncludeManagementEvents")?.unwrap_or(true),
            excluded: words(it, "ExcludeManagementEventSources")?,
            data: within(each(it, "DataResources", resource)?)?,
        })
    };
    Ok(Selectors::Basic(within(each(of, "EventSelectors", basic)?)?))
}

/// Returns the types of insights.
pub(super) fn insights(of: &Value) -> Part<Vec<String>> {
    within(each(of, "InsightSelectors", |it| must(word(it, "InsightType")?))?)
}

/// Returns Object Lock from its configuration.
pub(super) fn object_lock(configuration: &Value) -> Part<ObjectLock> {
    let enabled = is_enabled(configuration, "ObjectLockEnabled")?;
    let rule = field(configuration, "Rule");
    let Some(retention) = rule.and_then(|rule| field(rule, "DefaultRetention")) else {
        return Ok(ObjectLock { enabled, ..ObjectLock::default() });
    };
    let positive = |name: &str| Ok(number(retention, name)?.filter(|number| *number > 0));
    let years = positive("Years")?;
    Ok(ObjectLock {
        enabled,
        mode: word(retention, "Mode")?,
        days: positive("Days")?.or(years.and_then(|it| it.checked_mul(365))),
    })
}

/// Returns the four settings that block public access. One that is not set is off.
pub(super) fn access_block(configuration: &Value) -> Part<[bool; 4]> {
    let on = |name: &str| on(configuration, name).map(Option::unwrap_or_default);
    Ok([
        on("BlockPublicAcls")?,
        on("BlockPublicPolicy")?,
        on("IgnorePublicAcls")?,
        on("RestrictPublicBuckets")?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Each shape that is wrong in one place is malformed, and not the default of AWS.
    #[test]
    fn what_has_another_form_is_not_absent() {
        let malformed = |name: &str, wrong: bool| assert!(wrong, "{name}");
        for selector in [
            json!({ "EventSelectors": "x" }),
            json!({ "EventSelectors": [{ "IncludeManagementEvents": "no" }] }),
            json!({ "EventSelectors": [{ "ReadWriteType": "Some" }] }),
            json!({ "AdvancedEventSelectors": {} }),
            json!({ "AdvancedEventSelectors": [{ "FieldSelectors": [{ "Equals": [1] }] }] }),
        ] {
            malformed(&selector.to_string(), selectors(&selector).is_err());
        }
        for rule in [
            json!({ "Status": "Enabled", "Expiration": { "Days": -5 } }),
            json!({ "Status": "Enabled", "Expiration": { "Days": "soon" } }),
            json!({ "Status": "On" }),
            json!({ "Status": "Enabled", "Transitions": [{ "Days": 1 }] }),
        ] {
            let rules = json!({ "Rules": [rule] });
            malformed(&rules.to_string(), lifecycle(&rules).is_err());
        }
        malformed("no rules", lifecycle(&json!({})).is_err());
        malformed("no status", status(&json!({})).is_err());
        malformed("a status", status(&json!({ "IsLogging": 1 })).is_err());
        malformed("a time", status(&json!({ "IsLogging": true, "StopLoggingTime": [] })).is_err());
        malformed("no grants", grants(&json!({})).is_err());
        malformed("a grant", grants(&json!({ "Grants": [{}] })).is_err());
        malformed("a state", active_accounts(&json!({ "Accounts": [{ "State": "?" }] })).is_err());
        malformed("events", notifications(&json!({ "QueueConfigurations": [{}] })).is_err());
        let many = json!({ "InsightSelectors": vec![json!({ "InsightType": "x" }); 1_001] });
        assert_eq!(insights(&many), Err(UnreadWhy::OverBudget));
    }

    #[test]
    fn switches_and_numbers_may_be_texts() {
        let value = json!({ "yes": "true", "no": "false", "days": "30", "maybe": "maybe" });
        assert_eq!((on(&value, "yes"), on(&value, "no")), (Ok(Some(true)), Ok(Some(false))));
        assert_eq!((number(&value, "days"), on(&value, "absent")), (Ok(Some(30)), Ok(None)));
        assert!(on(&value, "maybe").is_err());
    }

    /// A list of tags without entries narrows nothing.
    #[test]
    fn no_tags_are_not_tags() {
        let rule = |filter: Value| {
            let rules = json!({ "Rules": [{ "Status": "Enabled", "Filter": filter }] });
            lifecycle(&rules).unwrap().rules.remove(0).tags
        };
        assert!(!rule(json!({ "And": { "Prefix": "AWSLogs/", "Tags": [] } })));
        assert!(rule(json!({ "And": { "Tags": [{ "Key": "a", "Value": "b" }] } })));
        assert!(rule(json!({ "Tag": { "Key": "a", "Value": "b" } })));
    }
}
