//! From the JSON that the AWS CLI prints, and the services return, to parts of facts.
use serde_json::Value;
use trailproof_core::control::fact::Fact;
use trailproof_core::control::facts::{
    Account, Delivery, Encryption, Grant, KeyDescription, Notification, ObjectLock, Replication,
    TrailStatus,
};
use trailproof_core::control::lifecycle::{Lifecycle, LifecycleRule, Transition};
use trailproof_core::control::selectors::{
    AdvancedSelector, BasicSelector, FieldSelector, Selectors,
};
use trailproof_core::vocab::time::Timestamp;

/// Returns the active accounts. `State` replaces `Status`, which AWS retires.
pub(super) fn active_accounts(of: &Value) -> Option<Vec<Account>> {
    let is_active = |it: &&Value| {
        let state = text(it, "State").or_else(|| text(it, "Status"));
        state.is_none_or(|state| state == "ACTIVE")
    };
    let account = |it: &Value| {
        Some(Account { id: text(it, "Id")?, joined: it.get("JoinedTimestamp").and_then(time_of) })
    };
    of.get("Accounts")?.as_array()?.iter().filter(is_active).map(account).collect()
}

pub(super) fn status(of: &Value) -> TrailStatus {
    let delivery = |time: &str, error: &str| Delivery {
        latest: of.get(time).and_then(time_of),
        error: text(of, error).filter(|error| !error.is_empty()),
    };
    TrailStatus {
        is_logging: on(of, "IsLogging").unwrap_or_default(),
        stopped: of.get("StopLoggingTime").and_then(time_of),
        logs: delivery("LatestDeliveryTime", "LatestDeliveryError"),
        digests: delivery("LatestDigestDeliveryTime", "LatestDigestDeliveryError"),
        cloudwatch: delivery(
            "LatestCloudWatchLogsDeliveryTime",
            "LatestCloudWatchLogsDeliveryError",
        ),
    }
}

/// Returns a time: seconds since the Unix epoch, as the services and one setting of the AWS CLI write it,
/// or ISO 8601.
pub(super) fn time_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            text.split('.').next()?.parse().ok().map(Timestamp::from_unix)
        }
        Value::String(text) => Timestamp::parse(text).or_else(|| Timestamp::parse_loosely(text)),
        _ => None,
    }
}

pub(super) fn encryption(of: &Value) -> Option<Encryption> {
    let rule = of.get("ServerSideEncryptionConfiguration")?.get("Rules")?.get(0)?;
    let by_default = rule.get("ApplyServerSideEncryptionByDefault")?;
    let blocked = rule.get("BlockedEncryptionTypes").map(|it| texts(it, "EncryptionType"));
    Some(Encryption {
        algorithm: text(by_default, "SSEAlgorithm")?,
        key: text(by_default, "KMSMasterKeyID"),
        bucket_key: on(rule, "BucketKeyEnabled").unwrap_or_default(),
        blocked: Fact::of(blocked),
    })
}

pub(super) fn grants(of: &Value) -> Option<Vec<Grant>> {
    let grant = |it: &Value| {
        let grantee = it.get("Grantee")?;
        Some(Grant {
            grantee: text(grantee, "URI").or_else(|| text(grantee, "ID"))?,
            permission: text(it, "Permission").unwrap_or_default(),
        })
    };
    Some(of.get("Grants")?.as_array()?.iter().filter_map(grant).collect())
}

pub(super) fn lifecycle(of: &Value) -> Lifecycle {
    let number = |of: Option<&Value>, name: &str| of?.get(name)?.as_u64();
    let rule = |rule: &Value| {
        let filter = rule.get("Filter");
        let and = filter.and_then(|filter| filter.get("And"));
        let parts = [filter, and];
        let has = |name: &str| parts.iter().flatten().any(|it| it.get(name).is_some());
        let prefix = parts.iter().flatten().find_map(|it| text(it, "Prefix"));
        let expiration = rule.get("Expiration");
        LifecycleRule {
            id: text(rule, "ID").unwrap_or_default(),
            enabled: text(rule, "Status").as_deref() == Some("Enabled"),
            prefix: prefix.or_else(|| text(rule, "Prefix")).unwrap_or_default(),
            tags: has("Tag") || has("Tags"),
            sizes: has("ObjectSizeGreaterThan") || has("ObjectSizeLessThan"),
            expires: number(expiration, "Days"),
            expires_on_date: expiration.is_some_and(|it| it.get("Date").is_some()),
            noncurrent: number(rule.get("NoncurrentVersionExpiration"), "NoncurrentDays"),
            transitions: list(rule, "Transitions")
                .iter()
                .map(|it| Transition {
                    days: number(Some(it), "Days"),
                    class: text(it, "StorageClass").unwrap_or_default(),
                })
                .collect(),
        }
    };
    Lifecycle {
        rules: list(of, "Rules").iter().map(rule).collect(),
        small_stay: text(of, "TransitionDefaultMinimumObjectSize")
            .map(|it| it == "all_storage_classes_128K"),
    }
}

pub(super) fn replication(of: &Value) -> Vec<Replication> {
    let rule = |rule: &Value| {
        let filter = rule.get("Filter");
        let and = filter.and_then(|filter| filter.get("And"));
        let parts = [filter, and];
        let prefix = parts.iter().flatten().find_map(|it| text(it, "Prefix"));
        let destination = rule.get("Destination");
        let of_destination = |name: &str| destination.and_then(|it| text(it, name));
        let enabled = |block: Option<&Value>| {
            block.and_then(|it| text(it, "Status")).as_deref() == Some("Enabled")
        };
        let selection = rule.get("SourceSelectionCriteria");
        Replication {
            enabled: text(rule, "Status").as_deref() == Some("Enabled"),
            prefix: prefix.or_else(|| text(rule, "Prefix")).unwrap_or_default(),
            tags: parts
                .iter()
                .flatten()
                .any(|it| it.get("Tag").is_some() || it.get("Tags").is_some()),
            bucket: of_destination("Bucket").unwrap_or_default(),
            account: of_destination("Account"),
            kms_objects: enabled(selection.and_then(|it| it.get("SseKmsEncryptedObjects"))),
            delete_markers: enabled(rule.get("DeleteMarkerReplication")),
        }
    };
    list(of, "Rules").iter().map(rule).collect()
}

pub(super) fn notifications(of: &Value) -> Vec<Notification> {
    let kinds = [
        ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
        ("QueueConfigurations", "QueueArn"),
        ("TopicConfigurations", "TopicArn"),
    ];
    let of_kind = |(name, receiver): &(&str, &str)| {
        let one = |it: &Value| {
            let rules = it.get("Filter").and_then(|it| it.get("Key")?.get("FilterRules"));
            let rules = rules.and_then(Value::as_array).into_iter().flatten();
            let mut prefixes = rules.filter(|rule| {
                text(rule, "Name").is_some_and(|name| name.eq_ignore_ascii_case("prefix"))
            });
            Notification {
                function: *name == "LambdaFunctionConfigurations",
                receiver: text(it, receiver).unwrap_or_default(),
                events: texts(it, "Events"),
                prefix: prefixes.next().and_then(|rule| text(rule, "Value")).unwrap_or_default(),
            }
        };
        list(of, name).iter().map(one).collect::<Vec<_>>()
    };
    kinds.iter().flat_map(of_kind).collect()
}

pub(super) fn key_description(of: &Value) -> Option<KeyDescription> {
    let origin = text(of, "Origin").unwrap_or_else(|| "AWS_KMS".to_owned());
    let spec = text(of, "KeySpec").unwrap_or_else(|| "SYMMETRIC_DEFAULT".to_owned());
    let configuration = of.get("MultiRegionConfiguration");
    let primary = configuration.and_then(|it| text(it.get("PrimaryKey")?, "Region"));
    let replicas = configuration.map(|it| list(it, "ReplicaKeys")).unwrap_or_default();
    let replicas = replicas.iter().filter_map(|it| text(it, "Region"));
    Some(KeyDescription {
        customer: text(of, "KeyManager")? == "CUSTOMER",
        state: text(of, "KeyState")?,
        deletion: of.get("DeletionDate").and_then(time_of),
        rotatable: origin == "AWS_KMS" && spec == "SYMMETRIC_DEFAULT",
        replicas: replicas.chain(primary).collect(),
    })
}

pub(super) fn text(of: &Value, name: &str) -> Option<String> {
    of.get(name)?.as_str().map(str::to_owned)
}

pub(super) fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn texts(of: &Value, name: &str) -> Vec<String> {
    list(of, name).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(super) fn on(of: &Value, name: &str) -> Option<bool> {
    of.get(name).and_then(Value::as_bool)
}

/// Returns the selectors of a trail.
pub(super) fn selectors(of: &Value) -> Fact<Selectors> {
    let advanced = list(of, "AdvancedEventSelectors");
    if !advanced.is_empty() {
        let field = |it: &Value| FieldSelector {
            field: text(it, "Field").unwrap_or_default(),
            equals: texts(it, "Equals"),
            starts_with: texts(it, "StartsWith"),
            not_equals: texts(it, "NotEquals"),
            other: ["EndsWith", "NotStartsWith", "NotEndsWith"]
                .iter()
                .any(|name| !list(it, name).is_empty()),
        };
        let selector = |it: &Value| AdvancedSelector {
            fields: list(it, "FieldSelectors").iter().map(field).collect(),
        };
        return Fact::Known(Selectors::Advanced(advanced.iter().map(selector).collect()));
    }
    let selector = |it: &Value| {
        let side = text(it, "ReadWriteType").unwrap_or_else(|| "All".to_owned());
        let resource = |it: &Value| (text(it, "Type").unwrap_or_default(), texts(it, "Values"));
        BasicSelector {
            reads: side != "WriteOnly",
            writes: side != "ReadOnly",
            management: on(it, "IncludeManagementEvents").unwrap_or(true),
            excluded: texts(it, "ExcludeManagementEventSources"),
            data: list(it, "DataResources").iter().map(resource).collect(),
        }
    };
    let selectors = list(of, "EventSelectors").iter().map(selector);
    Fact::Known(Selectors::Basic(selectors.collect()))
}

/// Returns the types of insights.
pub(super) fn insights(of: &Value) -> Vec<String> {
    list(of, "InsightSelectors").iter().filter_map(|it| text(it, "InsightType")).collect()
}

/// Returns Object Lock from its configuration.
pub(super) fn object_lock(configuration: &Value) -> ObjectLock {
    let retention = configuration.get("Rule").and_then(|rule| rule.get("DefaultRetention"));
    let number = |name: &str| {
        let value = retention?.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok()).filter(|number| *number > 0)
    };
    ObjectLock {
        enabled: text(configuration, "ObjectLockEnabled").as_deref() == Some("Enabled"),
        mode: retention.and_then(|it| text(it, "Mode")),
        days: number("Days").or_else(|| number("Years")?.checked_mul(365)),
    }
}

/// Returns the four settings that block public access.
pub(super) fn access_block(configuration: &Value) -> [bool; 4] {
    ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"]
        .map(|name| on(configuration, name).unwrap_or_default())
}
