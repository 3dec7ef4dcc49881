//! From the resources of a plan or state to the facts about each trail.
use super::document::{Document, Kind, Resource};
use super::join::Target;
use super::node::Node;
use super::settings;
use crate::trail_config::{policy_document, shapes};
use serde_json::{Value, json};
use trailproof_core::control::fact::{Fact, UnreadWhy};
use trailproof_core::control::facts::{
    Alert, BucketFacts, Encryption, Facts, KeyDescription, KeyFacts, MonitoringFacts, ObjectLock,
    OrganizationFacts, TrailFacts,
};
use trailproof_core::control::operation::Operation as O;
use trailproof_core::control::policy::Policy;
use trailproof_core::vocab::budget;

const LATER: UnreadWhy = UnreadWhy::UnknownUntilApplied;

/// Returns the facts about each trail of the document, and whether a failed apply left it half-made.
pub(crate) fn facts(document: &Document, data_buckets: &[String]) -> Vec<(Facts, bool)> {
    let trails = document.of_kind("aws_cloudtrail").take(budget::CONFIG_TRAILS);
    trails.map(|trail| (of_trail(document, trail, data_buckets), trail.tainted)).collect()
}

impl Document {
    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(move |it| it.kind == kind)
    }

    /// Returns the resource that gives an attribute: by reference, or by the value of one of its own
    /// attributes.
    fn referred<'a>(&'a self, from: &Resource, attribute: &str, kinds: &[&str]) -> Referred<'a> {
        let node = from.node().get(attribute);
        if node.is_unknown() {
            return match self.target(from, attribute) {
                Target::Resource(target) => Referred::Later(target),
                Target::Elsewhere | Target::Unset => Referred::Unknown,
            };
        }
        let Some(value) = node.text() else { return Referred::None };
        let is_named = |it: &&Resource| {
            let names = ["arn", "id", "bucket", "key_id"].map(|name| it.node().get(name).text());
            names.contains(&Some(value))
        };
        let mut of_kinds = self.resources.iter().filter(|it| kinds.contains(&it.kind.as_str()));
        match of_kinds.find(is_named) {
            Some(target) => Referred::Now(target),
            None => Referred::Name(value.to_owned()),
        }
    }
}

/// What an attribute refers to.
enum Referred<'a> {
    /// A resource, by a value that is known.
    Now(&'a Resource),
    /// A resource whose value is not known yet.
    Later(&'a Resource),
    /// A name that no resource of the document has.
    Name(String),
    /// Something that is not known yet, and not a resource of the document.
    Unknown,
    /// It is not set.
    None,
}

fn of_trail(document: &Document, trail: &Resource, data_buckets: &[String]) -> Facts {
    let node = trail.node();
    let text = |name: &str| node.get(name).text().map(str::to_owned);
    let arn = text("arn").filter(|arn| arn.starts_with("arn:"));
    let account = arn.as_deref().and_then(|arn| arn.split(':').nth(4)).map(str::to_owned);
    let mut facts = TrailFacts::unread(&trail.address, UnreadWhy::NotInInput);
    let described = O::DescribeTrails;
    facts.name = text("name");
    facts.account = account;
    facts.home_region = match &arn {
        Some(arn) => Fact::of(arn.split(':').nth(3).map(str::to_owned)),
        None => Fact::unread(described, LATER),
    };
    facts.arn = arn;
    facts.prefix = node.get("s3_key_prefix").text_fact(described);
    facts.validation = node.get("enable_log_file_validation").switch(described, false);
    facts.multi_region = node.get("is_multi_region_trail").switch(described, false);
    facts.global_events = node.get("include_global_service_events").switch(described, true);
    facts.organization = node.get("is_organization_trail").switch(described, false);
    facts.logging = node.get("enable_logging").switch(O::GetTrailStatus, true);
    facts.log_group = match document.referred(trail, "cloud_watch_logs_group_arn", &[]) {
        Referred::Now(target) | Referred::Later(target) => {
            Fact::ByReference(target.address.clone())
        }
        Referred::Name(name) => Fact::Known(name),
        Referred::Unknown => Fact::unread(described, LATER),
        Referred::None => Fact::Absent,
    };
    facts.selectors = match node.get("advanced_event_selector").has_unknown()
        || node.get("event_selector").has_unknown()
    {
        true => Fact::unread(O::GetEventSelectors, LATER),
        false => Fact::Known(settings::selectors(node)),
    };
    facts.insights = node.get("insight_selector").fact(O::GetInsightSelectors, |it| {
        let types = it.items().into_iter().filter_map(|it| it.get("insight_type").text());
        Some(types.map(str::to_owned).collect())
    });
    facts.data_buckets = data_buckets.to_vec();
    let bucket = match document.referred(trail, "s3_bucket_name", &["aws_s3_bucket"]) {
        Referred::Now(target) => {
            facts.bucket = node.get("s3_bucket_name").text_fact(described);
            of_bucket(document, Some(target), target.node().get("bucket").text())
        }
        Referred::Later(target) if target.kind == "aws_s3_bucket" => {
            facts.bucket = Fact::ByReference(target.address.clone());
            of_bucket(document, Some(target), target.node().get("bucket").text())
        }
        Referred::Name(name) => {
            facts.bucket = Fact::Known(name.clone());
            of_bucket(document, None, Some(&name))
        }
        Referred::Later(_) | Referred::Unknown | Referred::None => {
            facts.bucket = Fact::unread(described, LATER);
            BucketFacts::unread("", LATER)
        }
    };
    let key = key_of(document, trail, &mut facts);
    let mut monitoring = MonitoringFacts::unread(UnreadWhy::NotInInput);
    if let Some(alerts) = alerts(document) {
        monitoring.alerts = Fact::Known(alerts);
    }
    Facts {
        as_of: None,
        trail: facts,
        bucket,
        key,
        organization: OrganizationFacts::unread(UnreadWhy::NotInInput),
        monitoring,
    }
}

/// The settings of one bucket: a resource, or what has its name.
struct Settings<'a> {
    document: &'a Document,
    bucket: Option<&'a Resource>,
    name: Option<&'a str>,
}

impl<'a> Settings<'a> {
    /// Returns the resource of a kind that configures the bucket.
    ///
    /// # Errors
    ///
    /// Returns why it is not known: one whose bucket is not known may be it, or the bucket is not part of
    /// the document and may be configured elsewhere.
    fn find(&self, kind: &'a str) -> Result<Option<&'a Resource>, UnreadWhy> {
        let mut unjoined = false;
        for resource in self.document.of_kind(kind) {
            match self.document.referred(resource, "bucket", &["aws_s3_bucket"]) {
                Referred::Now(target) | Referred::Later(target) => {
                    if self.bucket.is_some_and(|bucket| bucket.address == target.address) {
                        return Ok(Some(resource));
                    }
                    unjoined |= target.kind != "aws_s3_bucket";
                }
                Referred::Name(name) if self.name == Some(&name) => return Ok(Some(resource)),
                Referred::Unknown => unjoined = true,
                Referred::Name(_) | Referred::None => {}
            }
        }
        match (unjoined, self.bucket) {
            (true, _) => Err(LATER),
            (false, None) => Err(UnreadWhy::NotInInput),
            (false, Some(_)) => Ok(None),
        }
    }

    /// Returns the fact that a kind of resource gives, or `inline` if there is none: what the bucket itself
    /// has in a state of an old configuration, or what AWS does without one.
    fn fact<T>(
        &self,
        kind: &'a str,
        operation: O,
        read: impl FnOnce(Node<'a>) -> Fact<T>,
        inline: impl FnOnce(Node<'a>) -> Fact<T>,
    ) -> Fact<T> {
        match (self.find(kind), self.bucket) {
            (Err(why), _) => Fact::unread(operation, why),
            (Ok(Some(resource)), _) => read(resource.node()),
            (Ok(None), Some(bucket)) => inline(bucket.node()),
            (Ok(None), None) => Fact::Absent,
        }
    }
}

fn of_bucket(document: &Document, bucket: Option<&Resource>, name: Option<&str>) -> BucketFacts {
    let settings = Settings { document, bucket, name };
    let subject = bucket.map_or_else(|| name.unwrap_or_default(), |it| it.address.as_str());
    let mut facts = BucketFacts::unread(subject, UnreadWhy::NotInInput);
    facts.name = name.map(str::to_owned);
    facts.region = match bucket.map(|it| it.node().get("region")) {
        Some(region) => region.text_fact(O::HeadBucket),
        None => facts.region,
    };
    facts.versioning = settings.fact(
        "aws_s3_bucket_versioning",
        O::GetBucketVersioning,
        |node| {
            let status = versioning(node).map(|it| it.get("status"));
            status.map_or(Fact::Absent, |it| it.text_fact(O::GetBucketVersioning))
        },
        |bucket| {
            let on = bucket.get("versioning").block().and_then(|it| it.get("enabled").on());
            match on {
                Some(true) => Fact::Known("Enabled".to_owned()),
                // Object Lock cannot be without versioning.
                _ if bucket.get("object_lock_enabled").on() == Some(true) => {
                    Fact::Known("Enabled".to_owned())
                }
                _ => Fact::Absent,
            }
        },
    );
    facts.mfa_delete = settings.fact(
        "aws_s3_bucket_versioning",
        O::GetBucketVersioning,
        |node| {
            let mfa = versioning(node).map(|it| it.get("mfa_delete"));
            mfa.map_or(Fact::Absent, |it| {
                it.fact(O::GetBucketVersioning, |it| Some(it.text() == Some("Enabled")))
            })
        },
        |_| Fact::Absent,
    );
    facts.lock = settings.fact(
        "aws_s3_bucket_object_lock_configuration",
        O::GetObjectLockConfiguration,
        |node| {
            node.get("rule").fact(O::GetObjectLockConfiguration, |_| settings::object_lock(node))
        },
        |bucket| {
            let inline = bucket.get("object_lock_configuration").block();
            let enabled = bucket.get("object_lock_enabled").on() == Some(true);
            match inline.and_then(settings::object_lock) {
                Some(lock) => Fact::Known(lock),
                None if enabled => Fact::Known(ObjectLock { enabled, ..ObjectLock::default() }),
                None => Fact::Absent,
            }
        },
    );
    facts.encryption =
        settings.fact(
            "aws_s3_bucket_server_side_encryption_configuration",
            O::GetBucketEncryption,
            |node| encryption(&settings, node),
            // AWS encrypts every bucket with AES256 unless told otherwise.
            |bucket| {
                let inline = bucket.get("server_side_encryption_configuration").block();
                Fact::Known(inline.and_then(settings::encryption).unwrap_or(Encryption {
                    algorithm: "AES256".to_owned(),
                    ..Encryption::default()
                }))
            },
        );
    let of_account = document.of_kind("aws_s3_account_public_access_block").next();
    let of_account = of_account.map_or([false; 4], |it| settings::access_block(it.node()));
    facts.public_access_block = settings
        .fact(
            "aws_s3_bucket_public_access_block",
            O::GetPublicAccessBlock,
            |node| Fact::Known(settings::access_block(node)),
            // AWS blocks public access to new buckets, but a provider does not manage that.
            |_| Fact::Absent,
        )
        .either(of_account);
    facts.policy = bucket_policy(&settings);
    facts.grants = settings.fact(
        "aws_s3_bucket_acl",
        O::GetBucketAcl,
        |node| Fact::Known(settings::grants(node)),
        |bucket| Fact::Known(bucket.get("acl").text().map(settings::canned).unwrap_or_default()),
    );
    facts.ownership = settings.fact(
        "aws_s3_bucket_ownership_controls",
        O::GetBucketOwnershipControls,
        |node| match node.get("rule").block() {
            Some(rule) => rule.get("object_ownership").text_fact(O::GetBucketOwnershipControls),
            None => Fact::Absent,
        },
        // AWS turns access control lists off in new buckets; one that exists may be older.
        |_| Fact::unread(O::GetBucketOwnershipControls, UnreadWhy::NotInInput),
    );
    facts.lifecycle = settings.fact(
        "aws_s3_bucket_lifecycle_configuration",
        O::GetBucketLifecycleConfiguration,
        |node| {
            let rules = node.get("rule");
            rules.fact(O::GetBucketLifecycleConfiguration, |_| Some(settings::lifecycle(node)))
        },
        |bucket| {
            let inline = bucket.get("lifecycle_rule").items();
            match inline.is_empty() {
                true => Fact::Absent,
                // The old form has other names, and a state that has it is refreshed by live mode.
                false => Fact::unread(O::GetBucketLifecycleConfiguration, UnreadWhy::NotInInput),
            }
        },
    );
    facts.access_log = settings.fact(
        "aws_s3_bucket_logging",
        O::GetBucketLogging,
        |node| node.get("target_bucket").text_fact(O::GetBucketLogging),
        |bucket| {
            let inline = bucket.get("logging").block();
            inline.map_or(Fact::Absent, |it| it.get("target_bucket").text_fact(O::GetBucketLogging))
        },
    );
    facts.replication = settings.fact(
        "aws_s3_bucket_replication_configuration",
        O::GetBucketReplication,
        |node| {
            let rules = node.get("rule");
            rules.fact(O::GetBucketReplication, |_| Some(settings::replication(node)))
        },
        |_| Fact::Absent,
    );
    facts.notifications = settings.fact(
        "aws_s3_bucket_notification",
        O::GetBucketNotificationConfiguration,
        |node| {
            let functions = node.get("lambda_function").items();
            let unknown = functions.iter().any(|it| it.get("events").has_unknown());
            match unknown {
                true => Fact::unread(O::GetBucketNotificationConfiguration, LATER),
                false => Fact::Known(settings::notifications(node)),
            }
        },
        |_| Fact::Absent,
    );
    facts
}

/// Returns the default encryption. A key that is not known yet is a customer's if it refers to one.
fn encryption(settings: &Settings<'_>, node: Node<'_>) -> Fact<Encryption> {
    let operation = O::GetBucketEncryption;
    let rules = node.get("rule");
    let by_default =
        rules.block().and_then(|it| it.get("apply_server_side_encryption_by_default").block());
    let later = by_default.is_some_and(|it| it.get("kms_master_key_id").is_unknown());
    if !later {
        return rules.fact(operation, |_| settings::encryption(node));
    }
    let kind = "aws_s3_bucket_server_side_encryption_configuration";
    let found = settings.find(kind).ok().flatten().and_then(|resource| {
        let document = settings.document;
        let module = document.modules.get(&resource.module)?;
        let expression = module.expressions.get(&resource.local)?.get("rule")?.get(0)?;
        let expression = expression.get("apply_server_side_encryption_by_default")?.get(0)?;
        let expression = expression.get("kms_master_key_id")?;
        match document.follow(&resource.module, expression, resource, 32) {
            Target::Resource(key) if KEYS.contains(&key.kind.as_str()) => {
                let key = Some(key.address.clone());
                Some(Encryption { key, ..settings::encryption(node)? })
            }
            _ => None,
        }
    });
    found.map_or_else(|| Fact::unread(operation, LATER), Fact::ByReference)
}

/// Adds what the account blocks for all of its buckets.
trait Either {
    fn either(self, of_account: [bool; 4]) -> Self;
}

impl Either for Fact<[bool; 4]> {
    fn either(self, of_account: [bool; 4]) -> Self {
        if of_account == [true; 4] {
            return Fact::Known(of_account);
        }
        self
    }
}

fn versioning(node: Node<'_>) -> Option<Node<'_>> {
    node.get("versioning_configuration").block()
}

fn bucket_policy(settings: &Settings<'_>) -> Fact<Policy> {
    let operation = O::GetBucketPolicy;
    let resource = match settings.find("aws_s3_bucket_policy") {
        Err(why) => return Fact::unread(operation, why),
        Ok(None) => return Fact::Absent,
        Ok(Some(resource)) => resource,
    };
    let subject = settings.bucket.map_or("", |it| it.address.as_str());
    policy_of(settings.document, resource, operation, |document| {
        // A resource that is not known yet is the bucket or its objects, if nothing else is named.
        let bucket = settings.bucket?;
        let only = names_only(settings.document, document, bucket);
        let name = settings.name.unwrap_or(subject);
        only.then(|| format!("arn:aws:s3:::{name}*"))
    })
}

/// Returns whether the resources of a policy document's statements name only this bucket.
fn names_only(document: &Document, policy: &Resource, bucket: &Resource) -> bool {
    let expressions =
        document.modules.get(&policy.module).and_then(|it| it.expressions.get(&policy.local));
    let statements = expressions.and_then(|it| it.get("statement")).and_then(Value::as_array);
    let Some(statements) = statements else { return false };
    statements.iter().all(|statement| match statement.get("resources") {
        None => true,
        Some(resources) if resources.get("constant_value").is_some() => true,
        Some(resources) => {
            let target = document.follow(&policy.module, resources, policy, 32);
            matches!(target, Target::Resource(target) if target.address == bucket.address)
        }
    })
}

/// Returns the policy of a resource: its text, or the document that it will be made of.
fn policy_of(
    document: &Document,
    resource: &Resource,
    operation: O,
    unknown_resource: impl FnOnce(&Resource) -> Option<String>,
) -> Fact<Policy> {
    let node = resource.node().get("policy");
    if !node.is_unknown() {
        return match node.text() {
            Some(text) => policy_document::of_text(text, operation),
            None => Fact::Absent,
        };
    }
    let source = match document.target(resource, "policy") {
        Target::Resource(source) if source.kind == "data.aws_iam_policy_document" => source,
        _ => return Fact::unread(operation, LATER),
    };
    let placeholder = unknown_resource(source);
    match settings::policy_document(source.node(), placeholder.as_deref()) {
        None => Fact::unread(operation, LATER),
        Some(value) => match policy_document::of_value(&value, operation) {
            Fact::Known(policy) => Fact::ByReference(policy),
            other => other,
        },
    }
}

/// The kinds of keys that customers manage.
const KEYS: [&str; 3] = ["aws_kms_key", "aws_kms_external_key", "aws_kms_replica_key"];

fn key_of(document: &Document, trail: &Resource, facts: &mut TrailFacts) -> Option<KeyFacts> {
    let kinds = [KEYS[0], KEYS[1], KEYS[2], "aws_kms_alias"];
    let (target, later) = match document.referred(trail, "kms_key_id", &kinds) {
        Referred::None => {
            facts.kms_key = Fact::Absent;
            return None;
        }
        Referred::Unknown => {
            facts.kms_key = Fact::unread(O::DescribeTrails, LATER);
            return None;
        }
        Referred::Name(name) => {
            facts.kms_key = Fact::Known(name.clone());
            let mut key = KeyFacts::unread(&name, UnreadWhy::NotInInput);
            key.region = region_of(&name).map_or(key.region, Fact::Known);
            return Some(key);
        }
        Referred::Now(target) => (target, false),
        Referred::Later(target) => (target, true),
    };
    facts.kms_key = match later {
        true => Fact::ByReference(target.address.clone()),
        false => trail.node().get("kms_key_id").text_fact(O::DescribeTrails),
    };
    let target = match target.kind.as_str() {
        "aws_kms_alias" => match document.referred(target, "target_key_id", &KEYS) {
            Referred::Now(key) | Referred::Later(key) => key,
            _ => return Some(KeyFacts::unread(&target.address, LATER)),
        },
        _ => target,
    };
    if !KEYS.contains(&target.kind.as_str()) {
        // A data source, or a variable.
        return Some(KeyFacts::unread(&target.address, LATER));
    }
    Some(of_key(document, target))
}

fn region_of(arn: &str) -> Option<String> {
    let region = arn.strip_prefix("arn:")?.split(':').nth(2)?;
    (!region.is_empty()).then(|| region.to_owned())
}

fn of_key(document: &Document, key: &Resource) -> KeyFacts {
    let node = key.node();
    let mut facts = KeyFacts::unread(&key.address, LATER);
    if let Some(region) = node.get("arn").text().and_then(region_of) {
        facts.region = Fact::Known(region);
    }
    let symmetric =
        node.get("customer_master_key_spec").text().is_none_or(|it| it == "SYMMETRIC_DEFAULT");
    let own_store = node.get("custom_key_store_id").text().is_some();
    let enabled = node.get("is_enabled").on().or(node.get("enabled").on()).unwrap_or(true);
    facts.description = Fact::Known(KeyDescription {
        customer: true,
        state: if enabled { "Enabled" } else { "Disabled" }.to_owned(),
        deletion: None,
        rotatable: symmetric && !own_store && key.kind == "aws_kms_key",
        replicas: Vec::new(),
    });
    facts.rotation = node.get("enable_key_rotation").switch(O::GetKeyRotationStatus, false);
    let separate = document.of_kind("aws_kms_key_policy").next();
    let unset = matches!(document.target(key, "policy"), Target::Unset);
    facts.policy = match separate {
        Some(policy) => match document.referred(policy, "key_id", &KEYS) {
            Referred::Now(target) | Referred::Later(target) if target.address == key.address => {
                policy_of(document, policy, O::GetKeyPolicy, |_| None)
            }
            _ => Fact::unread(O::GetKeyPolicy, LATER),
        },
        None if document.kind == Kind::Plan && node.get("policy").is_unknown() && unset => {
            default_key_policy()
        }
        None => policy_of(document, key, O::GetKeyPolicy, |_| None),
    };
    facts
}

/// Returns the policy that KMS gives a key that is made without one: the account's own principals may do
/// everything, and no service may do anything.
fn default_key_policy() -> Fact<Policy> {
    let statement = json!([{
        "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": { "AWS": "arn:aws:iam::000000000000:root" },
    }]);
    let policy = json!({ "Version": "2012-10-17", "Statement": statement });
    match policy_document::of_value(&policy, O::GetKeyPolicy) {
        Fact::Known(policy) => Fact::ByReference(policy),
        other => other,
    }
}

/// Returns the alerts of the document; `None` if it has none, since they may be configured elsewhere.
fn alerts(document: &Document) -> Option<Vec<Alert>> {
    let name = |it: &Resource| it.address.clone();
    let targets: Vec<&Resource> = document.of_kind("aws_cloudwatch_event_target").collect();
    let rule = |rule: &Resource| {
        let node = rule.node();
        let pattern = node.get("event_pattern").text().unwrap_or_default();
        let has_target = targets.iter().any(|target| {
            match document.referred(target, "rule", &["aws_cloudwatch_event_rule"]) {
                Referred::Now(of) | Referred::Later(of) => of.address == rule.address,
                Referred::Name(of) => node.get("name").text() == Some(of.as_str()),
                Referred::Unknown | Referred::None => false,
            }
        });
        let enabled = node.get("state").text().is_none_or(|it| it != "DISABLED")
            && node.get("is_enabled").on() != Some(false);
        Alert {
            name: name(rule),
            in_force: Some(has_target && enabled),
            operations: shapes::operations_in(pattern),
        }
    };
    let filter = |filter: &Resource| {
        let pattern = filter.node().get("pattern").text().unwrap_or_default();
        let transformation = filter.node().get("metric_transformation").block();
        let metric = transformation.and_then(|it| it.get("name").text());
        let mut alarms = document.of_kind("aws_cloudwatch_metric_alarm");
        let has_alarm = metric.is_some()
            && alarms.any(|alarm| {
                let actions = alarm.node().get("alarm_actions");
                alarm.node().get("metric_name").text() == metric
                    && (actions.has_unknown() || !actions.items().is_empty())
            });
        Alert {
            name: name(filter),
            in_force: Some(has_alarm),
            operations: shapes::operations_in(pattern),
        }
    };
    let rules = document.of_kind("aws_cloudwatch_event_rule").map(rule);
    let filters = document.of_kind("aws_cloudwatch_log_metric_filter").map(filter);
    let alerts: Vec<Alert> = rules.chain(filters).collect();
    let reported = alerts.iter().any(|it| !it.operations.is_empty());
    reported.then_some(alerts)
}
