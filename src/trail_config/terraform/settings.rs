//! From the resources that configure a bucket or a trail to parts of facts.
use super::node::Node;
use crate::trail_config::shapes::{Part, within};
use serde_json::Value;
use trailproof_core::control::fact::{Fact, UnreadWhy};
use trailproof_core::control::facts::{Encryption, Grant, Notification, ObjectLock, Replication};
use trailproof_core::control::lifecycle::{Lifecycle, LifecycleRule, Transition};
use trailproof_core::control::operation::Operation;
use trailproof_core::control::selectors::{
    AdvancedSelector, BasicSelector, FieldSelector, Selectors,
};

fn owned(text: Part<Option<&str>>) -> Part<Option<String>> {
    text.map(|text| text.map(str::to_owned))
}

/// Returns the text, or an empty one if it is not set.
fn plain(node: Node<'_>) -> Part<String> {
    Ok(node.text()?.unwrap_or_default().to_owned())
}

/// Returns an attribute of a block.
fn of_block(block: Node<'_>, name: &str) -> Part<Option<String>> {
    match block.block()? {
        Some(block) => owned(block.get(name).text()),
        None => Ok(None),
    }
}

fn is_enabled(status: Part<Option<&str>>) -> Part<bool> {
    match status? {
        Some("Enabled") => Ok(true),
        None | Some("Disabled" | "Suspended") => Ok(false),
        Some(_) => Err(UnreadWhy::Malformed),
    }
}

pub(super) fn object_lock(node: Node<'_>) -> Part<Option<ObjectLock>> {
    let retention = match node.get("rule").block()? {
        Some(rule) => rule.get("default_retention").block()?,
        None => None,
    };
    let (mut mode, mut days) = (None, None);
    if let Some(retention) = retention {
        mode = owned(retention.get("mode").text())?;
        let years = retention.get("years").number()?;
        days = retention.get("days").number()?.or(years.and_then(|it| it.checked_mul(365)));
    }
    // The provider's default for the resource, which has no other value.
    let enabled = node.get("object_lock_enabled").text()?.is_none_or(|it| it == "Enabled");
    Ok(Some(ObjectLock { enabled, mode, days }))
}

/// Returns the default encryption. `key` gives the key where it is known otherwise.
pub(super) fn encryption(node: Node<'_>, key: Option<String>) -> Part<Option<Encryption>> {
    let rules = node.get("rule").items()?;
    let [rule] = rules.as_slice() else {
        // S3 allows one rule; which of several is in force is not defined.
        return if rules.is_empty() { Ok(None) } else { Err(UnreadWhy::Malformed) };
    };
    let Some(default) = rule.get("apply_server_side_encryption_by_default").block()? else {
        return Ok(None);
    };
    let key = match key {
        Some(key) => Some(key),
        None => owned(default.get("kms_master_key_id").text())?,
    };
    Ok(Some(Encryption {
        algorithm: default.get("sse_algorithm").text()?.ok_or(UnreadWhy::Malformed)?.to_owned(),
        key,
        bucket_key: rule.get("bucket_key_enabled").on()?.unwrap_or_default(),
        customer: Fact::unread(Operation::DescribeKey, UnreadWhy::NotInInput),
        ..Encryption::default()
    }))
}

pub(super) fn access_block(node: Node<'_>) -> Part<[bool; 4]> {
    let on = |name: &str| node.get(name).on().map(Option::unwrap_or_default);
    Ok([
        on("block_public_acls")?,
        on("block_public_policy")?,
        on("ignore_public_acls")?,
        on("restrict_public_buckets")?,
    ])
}

pub(super) fn lifecycle(node: Node<'_>) -> Part<Lifecycle> {
    let smallest = node.get("transition_default_minimum_object_size").text()?;
    Ok(Lifecycle {
        rules: within(node.get("rule").items()?)?
            .into_iter()
            .map(lifecycle_rule)
            .collect::<Part<_>>()?,
        small_stay: smallest.map(|it| it == "all_storage_classes_128K"),
    })
}

/// The objects to which a rule of lifecycle or replication applies.
#[derive(Default)]
struct Filter {
    prefix: String,
    tags: bool,
    sizes: bool,
}

/// Returns the filter of a rule, whose prefix may stand outside of it.
fn filter(rule: Node<'_>) -> Part<Filter> {
    let outside = rule.get("prefix").text()?;
    let Some(filter) = rule.get("filter").block()? else {
        return Ok(Filter { prefix: outside.unwrap_or_default().to_owned(), ..Filter::default() });
    };
    let and = filter.get("and").block()?;
    let mut found = Filter::default();
    let mut prefix = None;
    for part in [Some(filter), and].into_iter().flatten() {
        prefix = prefix.or(part.get("prefix").text()?);
        found.tags |= !part.get("tag").items()?.is_empty();
        found.tags |= match part.get("tags").value()? {
            // Terraform writes a map without entries where no tags are set.
            Some(Value::Object(tags)) => !tags.is_empty(),
            Some(_) => return Err(UnreadWhy::Malformed),
            None => false,
        };
        for name in ["object_size_greater_than", "object_size_less_than"] {
            found.sizes |= part.get(name).number()?.is_some();
        }
    }
    found.prefix = prefix.or(outside).unwrap_or_default().to_owned();
    Ok(found)
}

fn lifecycle_rule(rule: Node<'_>) -> Part<LifecycleRule> {
    let filter = filter(rule)?;
    let transition = |it: Node<'_>| {
        // 0 days is a value here: at once.
        let days = match it.get("days").value()? {
            None => None,
            Some(days) => Some(days.as_u64().ok_or(UnreadWhy::Malformed)?),
        };
        Ok(Transition { days, class: plain(it.get("storage_class"))? })
    };
    let (mut expires, mut expires_on_date) = (None, false);
    if let Some(expiration) = rule.get("expiration").block()? {
        expires = expiration.get("days").number()?;
        expires_on_date = expiration.get("date").text()?.is_some();
    }
    let noncurrent = match rule.get("noncurrent_version_expiration").block()? {
        Some(noncurrent) => noncurrent.get("noncurrent_days").number()?,
        None => None,
    };
    let transitions = within(rule.get("transition").items()?)?.into_iter().map(transition);
    Ok(LifecycleRule {
        id: plain(rule.get("id"))?,
        enabled: is_enabled(rule.get("status").text())?,
        prefix: filter.prefix,
        tags: filter.tags,
        sizes: filter.sizes,
        expires,
        expires_on_date,
        noncurrent,
        transitions: transitions.collect::<Part<_>>()?,
    })
}

pub(super) fn replication(node: Node<'_>) -> Part<Vec<Replication>> {
    let rule = |rule: Node<'_>| {
        let filter = filter(rule)?;
        let destination = rule.get("destination");
        let kms = match rule.get("source_selection_criteria").block()? {
            Some(selection) => selection.text_in("sse_kms_encrypted_objects", "status"),
            None => Ok(None),
        };
        Ok(Replication {
            enabled: is_enabled(rule.get("status").text())?,
            prefix: filter.prefix,
            tags: filter.tags,
            bucket: of_block(destination, "bucket")?.unwrap_or_default(),
            account: of_block(destination, "account")?,
            kms_objects: is_enabled(kms)?,
            delete_markers: is_enabled(rule.text_in("delete_marker_replication", "status"))?,
        })
    };
    within(node.get("rule").items()?)?.into_iter().map(rule).collect()
}

/// Returns the rules of replication of a bucket's own block, which has other names.
pub(super) fn inline_replication(block: Node<'_>) -> Part<Option<Vec<Replication>>> {
    let Some(configuration) = block.block()? else { return Ok(None) };
    let rule = |rule: Node<'_>| {
        let filter = filter(rule)?;
        let destination = rule.get("destination");
        let kms = match rule.get("source_selection_criteria").block()? {
            Some(selection) => match selection.get("sse_kms_encrypted_objects").block()? {
                Some(objects) => objects.get("enabled").on()?.unwrap_or_default(),
                None => false,
            },
            None => false,
        };
        Ok(Replication {
            enabled: is_enabled(rule.get("status").text())?,
            prefix: filter.prefix,
            tags: filter.tags,
            bucket: of_block(destination, "bucket")?.unwrap_or_default(),
            account: of_block(destination, "account_id")?,
            kms_objects: kms,
            delete_markers: is_enabled(rule.get("delete_marker_replication_status").text())?,
        })
    };
    let rules = within(configuration.get("rules").items()?)?;
    rules.into_iter().map(rule).collect::<Part<_>>().map(Some)
}

pub(super) fn notifications(node: Node<'_>) -> Part<Vec<Notification>> {
    let mut found = Vec::new();
    for (name, receiver) in
        [("lambda_function", "lambda_function_arn"), ("queue", "queue_arn"), ("topic", "topic_arn")]
    {
        for it in node.get(name).items()? {
            found.push(Notification {
                function: name == "lambda_function",
                // The name of a function that is made by the same plan is not known, and decides nothing.
                receiver: it.get(receiver).text().ok().flatten().unwrap_or_default().to_owned(),
                events: it.get("events").texts()?,
                prefix: plain(it.get("filter_prefix"))?,
            });
        }
    }
    within(found)
}

/// Returns the grants of a canned access control list.
fn canned(acl: &str) -> Part<Vec<Grant>> {
    let everyone = "http://acs.amazonaws.com/groups/global/AllUsers";
    let authenticated = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
    let grants: &[(&str, &str)] = match acl {
        "public-read" => &[(everyone, "READ")],
        "public-read-write" => &[(everyone, "READ"), (everyone, "WRITE")],
        "authenticated-read" => &[(authenticated, "READ")],
        "private"
        | "aws-exec-read"
        | "log-delivery-write"
        | "bucket-owner-read"
        | "bucket-owner-full-control" => &[],
        _ => return Err(UnreadWhy::Malformed),
    };
    let grant = |(grantee, permission): &(&str, &str)| Grant {
        grantee: (*grantee).to_owned(),
        permission: (*permission).to_owned(),
    };
    Ok(grants.iter().map(grant).collect())
}

/// Returns the grants of `aws_s3_bucket_acl`. `policy` is its access control policy.
pub(super) fn grants(node: Node<'_>, policy: Node<'_>) -> Part<Vec<Grant>> {
    // It has either of the two.
    if let Some(acl) = node.get("acl").text()? {
        return canned(acl);
    }
    let Some(policy) = policy.block()? else { return Ok(Vec::new()) };
    let grant = |it: Node<'_>| {
        let grantee = it.get("grantee").block()?.ok_or(UnreadWhy::Malformed)?;
        let name = match grantee.get("uri").text()? {
            Some(uri) => Some(uri),
            None => grantee.get("id").text()?.or(grantee.get("email_address").text()?),
        };
        let grantee = name.ok_or(UnreadWhy::Malformed)?.to_owned();
        Ok(Grant { grantee, permission: plain(it.get("permission"))? })
    };
    within(policy.get("grant").items()?)?.into_iter().map(grant).collect()
}

/// Returns the grants of a bucket's own attributes: `acl`, and `grant` with several permissions in one.
pub(super) fn inline_grants(acl: Node<'_>, grant: Node<'_>) -> Part<Vec<Grant>> {
    let mut found = match acl.text()? {
        Some(acl) => canned(acl)?,
        None => Vec::new(),
    };
    for it in grant.items()? {
        let name = match it.get("uri").text()? {
            Some(uri) => Some(uri),
            None => it.get("id").text()?,
        };
        let grantee = name.ok_or(UnreadWhy::Malformed)?;
        for permission in it.get("permissions").texts()? {
            found.push(Grant { grantee: grantee.to_owned(), permission });
        }
    }
    within(found)
}

pub(super) fn selectors(trail: Node<'_>) -> Part<Selectors> {
    let advanced = within(trail.get("advanced_event_selector").items()?)?;
    let basic = within(trail.get("event_selector").items()?)?;
    if !advanced.is_empty() {
        let field = |it: Node<'_>| {
            let mut other = false;
            for name in ["ends_with", "not_starts_with", "not_ends_with"] {
                other |= !it.get(name).items()?.is_empty();
            }
            Ok(FieldSelector {
                field: plain(it.get("field"))?,
                equals: it.get("equals").texts()?,
                starts_with: it.get("starts_with").texts()?,
                not_equals: it.get("not_equals").texts()?,
                other,
            })
        };
        let selector = |it: Node<'_>| {
            let fields = it.get("field_selector").items()?.into_iter().map(field);
            Ok(AdvancedSelector { fields: fields.collect::<Part<_>>()? })
        };
        let advanced = advanced.into_iter().map(selector).collect::<Part<_>>()?;
        return Ok(Selectors::Advanced(advanced));
    }
    let resource = |of: Node<'_>| Ok((plain(of.get("type"))?, of.get("values").texts()?));
    let selector = |it: Node<'_>| {
        let side = it.get("read_write_type").text()?.unwrap_or("All");
        if !matches!(side, "All" | "ReadOnly" | "WriteOnly") {
            return Err(UnreadWhy::Malformed);
        }
        let data = it.get("data_resource").items()?.into_iter().map(resource);
        Ok(BasicSelector {
            reads: side != "WriteOnly",
            writes: side != "ReadOnly",
            management: it.get("include_management_events").on()?.unwrap_or(true),
            excluded: it.get("exclude_management_event_sources").texts()?,
            data: data.collect::<Part<_>>()?,
        })
    };
    Ok(Selectors::Basic(basic.into_iter().map(selector).collect::<Part<_>>()?))
}

/// Returns a policy document that a data source would make. `resource` stands for a resource whose ARN is
/// not known yet; nothing else may be unknown.
pub(super) fn policy_document(document: Node<'_>, resource: Option<&str>) -> Part<Value> {
    // What other documents add or replace is not merged here.
    for name in
        ["source_policy_documents", "override_policy_documents", "source_json", "override_json"]
    {
        let empty = match document.get(name).value()? {
            None => true,
            Some(Value::Array(list)) => list.is_empty(),
            Some(value) => value.as_str() == Some(""),
        };
        if !empty {
            return Err(UnreadWhy::UnknownUntilApplied);
        }
    }
    let mut statements = Vec::new();
    for statement in document.get("statement").items()? {
        let mut fields = serde_json::Map::new();
        let effect = statement.get("effect").text()?.unwrap_or("Allow");
        fields.insert("Effect".to_owned(), effect.into());
        fields.insert("Sid".to_owned(), plain(statement.get("sid"))?.into());
        for (from, to) in
            [("actions", "Action"), ("not_actions", "NotAction"), ("not_resources", "NotResource")]
        {
            let values = statement.get(from).texts()?;
            if !values.is_empty() {
                fields.insert(to.to_owned(), values.into());
            }
        }
        let resources = resources(statement.get("resources"), resource)?;
        if !resources.is_empty() {
            fields.insert("Resource".to_owned(), resources.into());
        }
        for (from, to) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
            if let Some(value) = principals(statement.get(from))? {
                fields.insert(to.to_owned(), value);
            }
        }
        let conditions = conditions(statement.get("condition"))?;
        if !conditions.is_empty() {
            fields.insert("Condition".to_owned(), conditions.into());
        }
        statements.push(Value::from(fields));
    }
    Ok(serde_json::json!({ "Version": "2012-10-17", "Statement": statements }))
}

fn resources(of: Node<'_>, placeholder: Option<&str>) -> Part<Vec<String>> {
    let one = |it: Node<'_>| match (it.text(), placeholder) {
        (Ok(Some(text)), _) => Ok(text.to_owned()),
        (Ok(None) | Err(UnreadWhy::UnknownUntilApplied), Some(resource)) => Ok(resource.to_owned()),
        (Ok(None), None) => Err(UnreadWhy::UnknownUntilApplied),
        (Err(why), _) => Err(why),
    };
    of.items()?.into_iter().map(one).collect()
}

fn principals(of: Node<'_>) -> Part<Option<Value>> {
    let mut named: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    let listed = of.items()?;
    for principal in &listed {
        let kind = plain(principal.get("type"))?;
        let names = principal.get("identifiers").texts()?;
        named.entry(kind).or_default().extend(names);
    }
    Ok(match (listed.is_empty(), named.contains_key("*")) {
        (true, _) => None,
        (false, true) => Some(Value::from("*")),
        (false, false) => Some(serde_json::json!(named)),
    })
}

fn conditions(of: Node<'_>) -> Part<serde_json::Map<String, Value>> {
    let mut conditions = serde_json::Map::new();
    for condition in of.items()? {
        let operator = plain(condition.get("test"))?;
        let key = plain(condition.get("variable"))?;
        let values = condition.get("values").texts()?;
        let of = conditions.entry(operator).or_insert_with(|| Value::Object(Default::default()));
        // How two conditions with one operator and key are joined is not documented.
        match of.as_object_mut() {
            Some(of) if !of.contains_key(&key) => of.insert(key, values.into()),
            _ => return Err(UnreadWhy::Malformed),
        };
    }
    Ok(conditions)
}
