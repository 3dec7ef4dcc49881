//! From the resources that configure a bucket to facts.
use super::node::Node;
use serde_json::Value;
use trailproof_core::control::fact::{Fact, UnreadWhy};
use trailproof_core::control::facts::{Encryption, Grant, Notification, ObjectLock, Replication};
use trailproof_core::control::lifecycle::{Lifecycle, LifecycleRule, Transition};
use trailproof_core::control::operation::Operation;
use trailproof_core::control::selectors::{
    AdvancedSelector, BasicSelector, FieldSelector, Selectors,
};

pub(super) fn object_lock(node: Node<'_>) -> Option<ObjectLock> {
    let retention = node.get("rule").block().and_then(|rule| rule.get("default_retention").block());
    let years = || retention?.get("years").number()?.checked_mul(365);
    Some(ObjectLock {
        // The provider's default for the resource, which has no other value.
        enabled: node.get("object_lock_enabled").text().is_none_or(|it| it == "Enabled"),
        mode: retention.and_then(|it| it.get("mode").text()).map(str::to_owned),
        days: retention.and_then(|it| it.get("days").number()).or_else(years),
    })
}

pub(super) fn encryption(node: Node<'_>) -> Option<Encryption> {
    let rule = node.get("rule").block()?;
    let default = rule.get("apply_server_side_encryption_by_default").block()?;
    Some(Encryption {
        algorithm: default.get("sse_algorithm").text()?.to_owned(),
        key: default.get("kms_master_key_id").text().map(str::to_owned),
        bucket_key: rule.get("bucket_key_enabled").on().unwrap_or_default(),
        blocked: Fact::unread(Operation::GetBucketEncryption, UnreadWhy::NotAsked),
    })
}

pub(super) fn access_block(node: Node<'_>) -> [bool; 4] {
    ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"]
        .map(|name| node.get(name).on().unwrap_or_default())
}

pub(super) fn lifecycle(node: Node<'_>) -> Lifecycle {
    let smallest = node.get("transition_default_minimum_object_size").text();
    Lifecycle {
        rules: node.get("rule").items().into_iter().map(lifecycle_rule).collect(),
        small_stay: smallest.map(|it| it == "all_storage_classes_128K"),
    }
}

fn lifecycle_rule(rule: Node<'_>) -> LifecycleRule {
    let filter = rule.get("filter").block();
    let and = filter.and_then(|filter| filter.get("and").block());
    let parts = [filter, and];
    let some = |name: &str| parts.iter().flatten().any(|it| it.get(name).number().is_some());
    let prefix = parts.iter().flatten().find_map(|it| it.get("prefix").text());
    let tags = filter.is_some_and(|it| !it.get("tag").items().is_empty())
        || and.is_some_and(|it| it.get("tags").value().is_some_and(|tags| *tags != Value::Null));
    let expiration = rule.get("expiration").block();
    let noncurrent = rule.get("noncurrent_version_expiration").block();
    let transition = |it: Node<'_>| Transition {
        days: it.get("days").value().and_then(Value::as_u64),
        class: it.get("storage_class").text().unwrap_or_default().to_owned(),
    };
    LifecycleRule {
        id: rule.get("id").text().unwrap_or_default().to_owned(),
        enabled: rule.get("status").text() == Some("Enabled"),
        prefix: prefix.or(rule.get("prefix").text()).unwrap_or_default().to_owned(),
        tags,
        sizes: some("object_size_greater_than") || some("object_size_less_than"),
        expires: expiration.and_then(|it| it.get("days").number()),
        expires_on_date: expiration.is_some_and(|it| it.get("date").text().is_some()),
        noncurrent: noncurrent.and_then(|it| it.get("noncurrent_days").number()),
        transitions: rule.get("transition").items().into_iter().map(transition).collect(),
    }
}

pub(super) fn replication(node: Node<'_>) -> Vec<Replication> {
    let rule = |rule: Node<'_>| {
        let filter = rule.get("filter").block();
        let and = filter.and_then(|filter| filter.get("and").block());
        let prefix = [and, filter].iter().flatten().find_map(|it| it.get("prefix").text());
        let destination = rule.get("destination").block();
        let enabled = |block: Option<Node<'_>>| {
            block.is_some_and(|it| it.get("status").text() == Some("Enabled"))
        };
        let selection = rule.get("source_selection_criteria").block();
        let of = |name: &str| destination.and_then(|it| it.get(name).text()).map(str::to_owned);
        Replication {
            enabled: rule.get("status").text() == Some("Enabled"),
            prefix: prefix.or(rule.get("prefix").text()).unwrap_or_default().to_owned(),
            tags: filter.is_some_and(|it| !it.get("tag").items().is_empty())
                || and.is_some_and(|it| it.get("tags").value().is_some()),
            bucket: of("bucket").unwrap_or_default(),
            account: of("account"),
            kms_objects: enabled(
                selection.and_then(|it| it.get("sse_kms_encrypted_objects").block()),
            ),
            delete_markers: enabled(rule.get("delete_marker_replication").block()),
        }
    };
    node.get("rule").items().into_iter().map(rule).collect()
}

pub(super) fn notifications(node: Node<'_>) -> Vec<Notification> {
    let of = |name: &'static str, receiver: &'static str| {
        node.get(name).items().into_iter().map(move |it| Notification {
            function: name == "lambda_function",
            receiver: it.get(receiver).text().unwrap_or_default().to_owned(),
            events: it.get("events").texts(),
            prefix: it.get("filter_prefix").text().unwrap_or_default().to_owned(),
        })
    };
    of("lambda_function", "lambda_function_arn")
        .chain(of("queue", "queue_arn"))
        .chain(of("topic", "topic_arn"))
        .collect()
}

/// Returns the grants of a canned access control list.
pub(super) fn canned(acl: &str) -> Vec<Grant> {
    let everyone = "http://acs.amazonaws.com/groups/global/AllUsers";
    let authenticated = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
    let grants: &[(&str, &str)] = match acl {
        "public-read" => &[(everyone, "READ")],
        "public-read-write" => &[(everyone, "READ"), (everyone, "WRITE")],
        "authenticated-read" => &[(authenticated, "READ")],
        _ => &[],
    };
    let grant = |(grantee, permission): &(&str, &str)| Grant {
        grantee: (*grantee).to_owned(),
        permission: (*permission).to_owned(),
    };
    grants.iter().map(grant).collect()
}

pub(super) fn grants(node: Node<'_>) -> Vec<Grant> {
    let policy = node.get("access_control_policy").block();
    let listed = policy.map(|it| it.get("grant").items()).unwrap_or_default();
    let grant = |it: Node<'_>| {
        let grantee = it.get("grantee").block()?;
        let name = grantee.get("uri").text().or(grantee.get("id").text())?;
        let permission = it.get("permission").text().unwrap_or_default();
        Some(Grant { grantee: name.to_owned(), permission: permission.to_owned() })
    };
    let canned = node.get("acl").text().map(canned).unwrap_or_default();
    listed.into_iter().filter_map(grant).chain(canned).collect()
}

pub(super) fn selectors(trail: Node<'_>) -> Selectors {
    let advanced = trail.get("advanced_event_selector").items();
    if !advanced.is_empty() {
        let field = |it: Node<'_>| FieldSelector {
            field: it.get("field").text().unwrap_or_default().to_owned(),
            equals: it.get("equals").texts(),
            starts_with: it.get("starts_with").texts(),
            not_equals: it.get("not_equals").texts(),
            other: ["ends_with", "not_starts_with", "not_ends_with"]
                .iter()
                .any(|name| !it.get(name).items().is_empty()),
        };
        let selector = |it: Node<'_>| AdvancedSelector {
            fields: it.get("field_selector").items().into_iter().map(field).collect(),
        };
        return Selectors::Advanced(advanced.into_iter().map(selector).collect());
    }
    let selector = |it: Node<'_>| {
        let side = it.get("read_write_type").text().unwrap_or("All");
        BasicSelector {
            reads: side != "WriteOnly",
            writes: side != "ReadOnly",
            management: it.get("include_management_events").on().unwrap_or(true),
            excluded: it.get("exclude_management_event_sources").texts(),
            data: it
                .get("data_resource")
                .items()
                .into_iter()
                .map(|of| {
                    let kind = of.get("type").text().unwrap_or_default();
                    (kind.to_owned(), of.get("values").texts())
                })
                .collect(),
        }
    };
    Selectors::Basic(trail.get("event_selector").items().into_iter().map(selector).collect())
}

/// Returns a policy document that a data source would make. `resource` stands for a resource whose ARN is
/// not known yet.
pub(super) fn policy_document(document: Node<'_>, resource: Option<&str>) -> Option<Value> {
    let list = |of: Node<'_>| -> Option<Vec<Value>> {
        let values = of.value().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let one = |value: &Value| match value {
            Value::Null => resource.map(Value::from),
            other => Some(other.clone()),
        };
        values.iter().map(one).collect()
    };
    let mut statements = Vec::new();
    for statement in document.get("statement").items() {
        let mut fields = serde_json::Map::new();
        let effect = statement.get("effect").text().unwrap_or("Allow");
        fields.insert("Effect".to_owned(), effect.into());
        fields.insert("Sid".to_owned(), statement.get("sid").text().unwrap_or_default().into());
        for (from, to) in [
            ("actions", "Action"),
            ("not_actions", "NotAction"),
            ("resources", "Resource"),
            ("not_resources", "NotResource"),
        ] {
            let values = list(statement.get(from))?;
            if !values.is_empty() {
                fields.insert(to.to_owned(), values.into());
            }
        }
        for (from, to) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
            let principals = statement.get(from).items();
            if principals.is_empty() {
                continue;
            }
            let mut named = serde_json::Map::new();
            let mut everyone = false;
            for principal in principals {
                let kind = principal.get("type").text().unwrap_or_default();
                let names = list(principal.get("identifiers"))?;
                everyone |= kind == "*";
                named.insert(kind.to_owned(), names.into());
            }
            let value = if everyone { Value::from("*") } else { Value::from(named) };
            fields.insert(to.to_owned(), value);
        }
        let mut conditions = serde_json::Map::new();
        for condition in statement.get("condition").items() {
            let operator = condition.get("test").text().unwrap_or_default();
            let key = condition.get("variable").text().unwrap_or_default();
            // A value that is not known yet must not look like one that was read.
            if condition.has_unknown() {
                return None;
            }
            let of =
                conditions.entry(operator).or_insert_with(|| Value::Object(Default::default()));
            if let Some(of) = of.as_object_mut() {
                of.insert(key.to_owned(), list(condition.get("values"))?.into());
            }
        }
        if !conditions.is_empty() {
            fields.insert("Condition".to_owned(), conditions.into());
        }
        statements.push(Value::from(fields));
    }
    Some(serde_json::json!({ "Version": "2012-10-17", "Statement": statements }))
}
