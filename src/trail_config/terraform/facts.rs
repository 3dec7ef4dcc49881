//! From the resources of a plan or state to the facts about each trail.
use super::alerts;
use super::document::{Document, Kind, Resource};
use super::join::{Joins, KEYS, Referred, Target};
use super::node::Node;
use super::settings;
use crate::trail_config::policy_document;
use crate::trail_config::shapes::{Part, fact};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use trailproof_core::control::fact::{Fact, UnreadWhy};
use trailproof_core::control::facts::{
    BucketFacts, Encryption, Facts, KeyDescription, KeyFacts, MonitoringFacts, ObjectLock,
    OrganizationFacts, TrailFacts,
};
use trailproof_core::control::operation::Operation as O;
use trailproof_core::control::policy::Policy;
use trailproof_core::vocab::budget;

const LATER: UnreadWhy = UnreadWhy::UnknownUntilApplied;

/// Returns the facts about each trail of the document, and whether a failed apply left it half-made.
pub(crate) fn facts(document: &Document, data_buckets: &[String]) -> Vec<(Facts, bool)> {
    let joins = Joins::new(document);
    let once = Once::default();
    let monitoring = Arc::new(alerts::monitoring(&joins));
    let trails = joins.of_kind("aws_cloudtrail").iter().take(budget::CONFIG_TRAILS);
    let mut found = Vec::new();
    for trail in trails {
        let mut facts = of_trail(&joins, &once, trail, data_buckets);
        facts.monitoring = Arc::clone(&monitoring);
        found.push((facts, trail.tainted));
    }
    found
}

/// The buckets and keys that were read: many trails may use the same.
#[derive(Default)]
struct Once {
    /// By address, name, and the trail's account, which is empty if it is not known.
    buckets: RefCell<BTreeMap<[String; 3], BucketFacts>>,
    /// By address.
    keys: RefCell<BTreeMap<String, KeyFacts>>,
}

impl Once {
    fn bucket<'a>(
        &self,
        joins: &Joins<'a>,
        trail: &'a Resource,
        bucket: Option<&'a Resource>,
        name: Option<&'a str>,
    ) -> BucketFacts {
        let address = bucket.map(|it| it.address.clone()).unwrap_or_default();
        let arn = trail.node().get("arn").text().ok().flatten();
        let account = arn.and_then(|arn| arn.split(':').nth(4)).unwrap_or_default();
        let of = [address, name.unwrap_or_default().to_owned(), account.to_owned()];
        let mut known = self.buckets.borrow_mut();
        known.entry(of).or_insert_with(|| of_bucket(joins, trail, bucket, name)).clone()
    }

    fn key<'a>(&self, joins: &Joins<'a>, key: &'a Resource) -> KeyFacts {
        let mut known = self.keys.borrow_mut();
        known.entry(key.address.clone()).or_insert_with(|| of_key(joins, key)).clone()
    }
}

fn of_trail<'a>(
    joins: &Joins<'a>,
    once: &Once,
    trail: &'a Resource,
    data_buckets: &[String],
) -> Facts {
    let node = trail.node();
    // A name that is not known yet only leaves the trail without one in what is shown.
    let known = |name: &str| node.get(name).text().ok().flatten().map(str::to_owned);
    let arn = known("arn").filter(|arn| arn.starts_with("arn:"));
    let account = arn.as_deref().and_then(|arn| arn.split(':').nth(4)).map(str::to_owned);
    let mut facts = TrailFacts::unread(&trail.address, UnreadWhy::NotInInput);
    let described = O::DescribeTrails;
    facts.name = known("name");
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
    facts.log_group = match joins.referred(trail, "cloud_watch_logs_group_arn", &[]) {
        Referred::Now(target) | Referred::Later(target) => {
            Fact::ByReference(target.address.clone())
        }
        Referred::Name(name) => Fact::Known(name.to_owned()),
        Referred::Unknown => Fact::unread(described, LATER),
        Referred::None => Fact::Absent,
    };
    facts.selectors = fact(O::GetEventSelectors, settings::selectors(node).map(Some));
    let insight = |it: Node<'_>| {
        it.get("insight_type").text()?.map(str::to_owned).ok_or(UnreadWhy::Malformed)
    };
    let insights = node.get("insight_selector").items();
    let insights = insights.and_then(|it| it.into_iter().map(insight).collect::<Part<_>>());
    facts.insights = fact(O::GetInsightSelectors, insights.map(Some));
    facts.data_buckets = data_buckets.to_vec();
    let is_bucket = |it: &Resource| it.kind == "aws_s3_bucket";
    let bucket = match joins.referred(trail, "s3_bucket_name", &["aws_s3_bucket"]) {
        Referred::Now(target) => {
            facts.bucket = node.get("s3_bucket_name").text_fact(described);
            once.bucket(joins, trail, Some(target), name_of(target))
        }
        Referred::Later(target) if is_bucket(target) => {
            facts.bucket = Fact::ByReference(target.address.clone());
            once.bucket(joins, trail, Some(target), name_of(target))
        }
        Referred::Name(name) => {
            facts.bucket = Fact::Known(name.to_owned());
            once.bucket(joins, trail, None, Some(name))
        }
        Referred::Later(_) | Referred::Unknown | Referred::None => {
            facts.bucket = Fact::unread(described, LATER);
            BucketFacts::unread("", LATER)
        }
    };
    let key = key_of(joins, once, trail, &mut facts);
    Facts {
        as_of: None,
        trail: facts,
        bucket,
        key,
        organization: OrganizationFacts::unread(UnreadWhy::NotInInput),
        monitoring: Arc::new(MonitoringFacts::unread(UnreadWhy::NotInInput)),
    }
}

fn name_of(bucket: &Resource) -> Option<&str> {
    bucket.node().get("bucket").text().ok().flatten()
}

/// The settings of one bucket: a resource, or what has its name.
struct Settings<'j, 'a> {
    joins: &'j Joins<'a>,
    bucket: Option<&'a Resource>,
    name: Option<&'a str>,
}

impl<'a> Settings<'_, 'a> {
    fn find(&self, kind: &'static str) -> Result<Option<&'a Resource>, UnreadWhy> {
        self.joins.configuring(kind, self.bucket, self.name)
    }

    /// Returns the fact that a kind of resource gives, or `inline` if there is none: what the bucket itself
    /// has in an old configuration or in a state, or what AWS does without one.
    fn fact<T>(
        &self,
        kind: &'static str,
        operation: O,
        read: impl FnOnce(&'a Resource) -> Part<Option<T>>,
        inline: impl FnOnce(Inline<'_, 'a>) -> Part<Option<T>>,
    ) -> Fact<T> {
        let part = match (self.find(kind), self.bucket) {
            (Err(why), _) => Err(why),
            (Ok(Some(resource)), _) => read(resource),
            (Ok(None), Some(bucket)) => inline(Inline { joins: self.joins, bucket }),
            (Ok(None), None) => Ok(None),
        };
        fact(operation, part)
    }
}

/// The attributes of a bucket that other resources configure today.
#[derive(Clone, Copy)]
struct Inline<'j, 'a> {
    joins: &'j Joins<'a>,
    bucket: &'a Resource,
}

impl<'a> Inline<'_, 'a> {
    /// Returns an attribute. The provider marks those that the configuration does not set as unknown until
    /// the bucket is made: they will have what AWS gives a new bucket, which is nothing.
    fn get(self, name: &str) -> Node<'a> {
        self.joins.unless_unset(self.bucket, name)
    }
}

fn of_bucket<'a>(
    joins: &Joins<'a>,
    trail: &'a Resource,
    bucket: Option<&'a Resource>,
    name: Option<&'a str>,
) -> BucketFacts {
    let settings = Settings { joins, bucket, name };
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
        |it| Ok(it.node().text_in("versioning_configuration", "status")?.map(str::to_owned)),
        |bucket| {
            let on = match bucket.get("versioning").block()? {
                Some(versioning) => versioning.get("enabled").on()?.unwrap_or_default(),
                None => false,
            };
            // Object Lock cannot be without versioning.
            let on = on || bucket.get("object_lock_enabled").on()? == Some(true);
            Ok(on.then(|| "Enabled".to_owned()))
        },
    );
    facts.mfa_delete = settings.fact(
        "aws_s3_bucket_versioning",
        O::GetBucketVersioning,
        |it| {
            let mfa = it.node().text_in("versioning_configuration", "mfa_delete")?;
            Ok(Some(mfa == Some("Enabled")))
        },
        |bucket| match bucket.get("versioning").block()? {
            Some(versioning) => versioning.get("mfa_delete").on(),
            None => Ok(None),
        },
    );
    facts.lock = settings.fact(
        "aws_s3_bucket_object_lock_configuration",
        O::GetObjectLockConfiguration,
        |it| settings::object_lock(it.node()),
        |bucket| {
            if let Some(inline) = bucket.get("object_lock_configuration").block()? {
                return settings::object_lock(inline);
            }
            let enabled = bucket.get("object_lock_enabled").on()? == Some(true);
            Ok(enabled.then(|| ObjectLock { enabled, ..ObjectLock::default() }))
        },
    );
    facts.encryption = bucket_encryption(&settings);
    facts.public_access_block = access_block(&settings, trail);
    facts.policy = bucket_policy(&settings);
    facts.grants = settings.fact(
        "aws_s3_bucket_acl",
        O::GetBucketAcl,
        |it| {
            let policy = joins.unless_unset(it, "access_control_policy");
            settings::grants(it.node(), policy).map(Some)
        },
        |bucket| settings::inline_grants(bucket.get("acl"), bucket.get("grant")).map(Some),
    );
    facts.ownership = settings.fact(
        "aws_s3_bucket_ownership_controls",
        O::GetBucketOwnershipControls,
        |it| Ok(it.node().text_in("rule", "object_ownership")?.map(str::to_owned)),
        // AWS turns access control lists off in new buckets; one that exists may be older.
        |_| Err(UnreadWhy::NotInInput),
    );
    facts.lifecycle = settings.fact(
        "aws_s3_bucket_lifecycle_configuration",
        O::GetBucketLifecycleConfiguration,
        |it| settings::lifecycle(it.node()).map(Some),
        |bucket| match bucket.get("lifecycle_rule").items()?.is_empty() {
            true => Ok(None),
            // The old form has other names, and a state that has it is refreshed by live mode.
            false => Err(UnreadWhy::NotInInput),
        },
    );
    facts.access_log = settings.fact(
        "aws_s3_bucket_logging",
        O::GetBucketLogging,
        |it| log_target(joins, it, facts.name.as_deref(), bucket),
        |bucket| {
            Ok(match bucket.get("logging").block()? {
                Some(it) => it.get("target_bucket").text()?.map(str::to_owned),
                None => None,
            })
        },
    );
    facts.replication = settings.fact(
        "aws_s3_bucket_replication_configuration",
        O::GetBucketReplication,
        |it| settings::replication(it.node()).map(Some),
        |bucket| settings::inline_replication(bucket.get("replication_configuration")),
    );
    facts.notifications = settings.fact(
        "aws_s3_bucket_notification",
        O::GetBucketNotificationConfiguration,
        |it| settings::notifications(it.node()).map(Some),
        |_| Ok(None),
    );
    facts
}

/// Returns the default encryption. A key that is not known yet is a customer's if it refers to one.
fn bucket_encryption(settings: &Settings<'_, '_>) -> Fact<Encryption> {
    let operation = O::GetBucketEncryption;
    let kind = "aws_s3_bucket_server_side_encryption_configuration";
    let read = settings.fact(
        kind,
        operation,
        |it| settings::encryption(it.node(), None),
        // AWS encrypts every bucket with AES256 unless told otherwise.
        |bucket| {
            let inline = match bucket.get("server_side_encryption_configuration").block()? {
                Some(inline) => settings::encryption(inline, None)?,
                None => None,
            };
            let aes = Encryption { algorithm: "AES256".to_owned(), ..Encryption::default() };
            Ok(Some(inline.unwrap_or(aes)))
        },
    );
    if !matches!(&read, Fact::Unread(unread) if unread.why == LATER) {
        return read.map(|it| {
            let is_key = it.key.as_ref().is_some_and(|key| settings.joins.has_key(key));
            let customer = if is_key { Fact::Known(true) } else { it.customer };
            Encryption { customer, ..it }
        });
    }
    let by_reference = || {
        let resource = settings.find(kind).ok()??;
        let expression = settings.joins.expressions(resource)?.get("rule")?.get(0)?;
        let expression = expression.get("apply_server_side_encryption_by_default")?.get(0)?;
        match settings.joins.follow(resource, expression.get("kms_master_key_id")?) {
            Target::Resource(key) if KEYS.contains(&key.kind.as_str()) => {
                // All but the key must be known.
                let all = settings::encryption(resource.node(), Some(key.address.clone())).ok()?;
                all.map(|it| Encryption { customer: Fact::Known(true), ..it })
            }
            _ => None,
        }
    };
    by_reference().map_or(read, Fact::ByReference)
}

/// Returns what the bucket blocks, or its account for all of its buckets.
fn access_block(settings: &Settings<'_, '_>, trail: &Resource) -> Fact<[bool; 4]> {
    let operation = O::GetPublicAccessBlock;
    let of_bucket = settings.fact(
        "aws_s3_bucket_public_access_block",
        operation,
        |it| settings::access_block(it.node()).map(Some),
        // AWS blocks public access to new buckets, but a provider does not manage that.
        |_| Ok(None),
    );
    if of_bucket.value() == Some(&[true; 4]) {
        return of_bucket;
    }
    let mut undecided = None;
    for block in settings.joins.of_kind("aws_s3_account_public_access_block") {
        match (is_of_account(settings, trail, block), settings::access_block(block.node())) {
            (Ok(false), _) => {}
            (Ok(true), Ok(blocks)) if blocks == [true; 4] => return Fact::Known(blocks),
            (Ok(true), Ok(_)) => {}
            (Err(why), Ok(blocks)) if blocks == [true; 4] => undecided = Some(why),
            (Err(_), Ok(_)) => {}
            (_, Err(why)) => undecided = Some(why),
        }
    }
    match undecided {
        Some(why) => Fact::unread(operation, why),
        None => of_bucket,
    }
}

/// Returns whether a block of an account is one of the account of the bucket.
fn is_of_account(settings: &Settings<'_, '_>, trail: &Resource, block: &Resource) -> Part<bool> {
    let bucket = settings.bucket.ok_or(UnreadWhy::NotInInput)?;
    let provider = settings.joins.provider(bucket);
    let one_provider = provider.is_some() && provider == settings.joins.provider(block);
    let account = block.node().get("account_id");
    match account.text() {
        // Without an account, it is that of the provider.
        Ok(None) | Err(LATER)
            if one_provider
                && matches!(settings.joins.target(block, "account_id"), Target::Unset) =>
        {
            Ok(true)
        }
        Ok(Some(account)) => {
            let arn = trail.node().get("arn").text()?.ok_or(LATER)?;
            Ok(arn.split(':').nth(4) == Some(account))
        }
        _ => Err(LATER),
    }
}

/// Returns the bucket to which accesses are logged: its name, or its address if it has none yet.
fn log_target<'a>(
    joins: &Joins<'a>,
    logging: &'a Resource,
    name: Option<&str>,
    bucket: Option<&Resource>,
) -> Part<Option<String>> {
    let itself = |target: &Resource| bucket.is_some_and(|it| it.address == target.address);
    match joins.referred(logging, "target_bucket", &["aws_s3_bucket"]) {
        Referred::Now(target) | Referred::Later(target) if target.kind == "aws_s3_bucket" => {
            let own = name.filter(|_| itself(target)).or(name_of(target));
            Ok(Some(own.unwrap_or(&target.address).to_owned()))
        }
        Referred::Name(name) => Ok(Some(name.to_owned())),
        Referred::None => Ok(None),
        Referred::Now(_) | Referred::Later(_) | Referred::Unknown => Err(LATER),
    }
}

fn bucket_policy(settings: &Settings<'_, '_>) -> Fact<Policy> {
    let operation = O::GetBucketPolicy;
    let (resource, inline) = match (settings.find("aws_s3_bucket_policy"), settings.bucket) {
        (Err(why), _) => return Fact::unread(operation, why),
        (Ok(Some(resource)), _) => (resource, false),
        (Ok(None), Some(bucket)) => (bucket, true),
        (Ok(None), None) => return Fact::Absent,
    };
    if inline && matches!(settings.joins.unless_unset(resource, "policy").text(), Ok(None)) {
        return Fact::Absent;
    }
    let subject = settings.bucket.map_or("", |it| it.address.as_str());
    policy_of(settings.joins, resource, operation, |document| {
        // A resource that is not known yet is the bucket or its objects, if nothing else is named.
        let bucket = settings.bucket?;
        let only = names_only(settings.joins, document, bucket);
        let name = settings.name.unwrap_or(subject);
        only.then(|| format!("arn:aws:s3:::{name}*"))
    })
}

/// Returns whether the resources of a policy document's statements name only this bucket.
fn names_only(joins: &Joins<'_>, policy: &Resource, bucket: &Resource) -> bool {
    let expressions = joins.expressions(policy);
    let statements = expressions.and_then(|it| it.get("statement")).and_then(Value::as_array);
    let Some(statements) = statements else { return false };
    statements.iter().all(|statement| match statement.get("resources") {
        None => true,
        Some(resources) if resources.get("constant_value").is_some() => true,
        Some(resources) => {
            let target = joins.follow(policy, resources);
            matches!(target, Target::Resource(target) if target.address == bucket.address)
        }
    })
}

/// Returns the policy of a resource: its text, or the document that it will be made of.
fn policy_of(
    joins: &Joins<'_>,
    resource: &Resource,
    operation: O,
    unknown_resource: impl FnOnce(&Resource) -> Option<String>,
) -> Fact<Policy> {
    match resource.node().get("policy").text() {
        Ok(Some(text)) => return policy_document::of_text(text, operation),
        Ok(None) => return Fact::Absent,
        Err(LATER) => {}
        Err(why) => return Fact::unread(operation, why),
    }
    let source = match joins.target(resource, "policy") {
        Target::Resource(source) if source.kind == "data.aws_iam_policy_document" => source,
        _ => return Fact::unread(operation, LATER),
    };
    let placeholder = unknown_resource(source);
    match settings::policy_document(source.node(), placeholder.as_deref()) {
        Err(why) => Fact::unread(operation, why),
        Ok(value) => match policy_document::of_value(&value, operation) {
            Fact::Known(policy) => Fact::ByReference(policy),
            other => other,
        },
    }
}

fn key_of<'a>(
    joins: &Joins<'a>,
    once: &Once,
    trail: &'a Resource,
    facts: &mut TrailFacts,
) -> Option<KeyFacts> {
    let kinds = [&KEYS[..], &["aws_kms_alias"]].concat();
    let (target, later) = match joins.referred(trail, "kms_key_id", &kinds) {
        Referred::None => {
            facts.kms_key = Fact::Absent;
            return None;
        }
        Referred::Unknown => {
            facts.kms_key = Fact::unread(O::DescribeTrails, LATER);
            return None;
        }
        Referred::Name(name) => {
            facts.kms_key = Fact::Known(name.to_owned());
            let mut key = KeyFacts::unread(name, UnreadWhy::NotInInput);
            key.region = region_of(name).map_or(key.region, Fact::Known);
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
        "aws_kms_alias" => match joins.referred(target, "target_key_id", &KEYS) {
            Referred::Now(key) | Referred::Later(key) => key,
            _ => return Some(KeyFacts::unread(&target.address, LATER)),
        },
        _ => target,
    };
    if !KEYS.contains(&target.kind.as_str()) {
        // A data source, or a variable.
        return Some(KeyFacts::unread(&target.address, LATER));
    }
    Some(once.key(joins, target))
}

fn region_of(arn: &str) -> Option<String> {
    let region = arn.strip_prefix("arn:")?.split(':').nth(2)?;
    (!region.is_empty()).then(|| region.to_owned())
}

fn of_key<'a>(joins: &Joins<'a>, key: &'a Resource) -> KeyFacts {
    let node = key.node();
    let mut facts = KeyFacts::unread(&key.address, LATER);
    facts.arn = node.get("arn").text().ok().flatten().map(str::to_owned);
    if let Some(region) = facts.arn.as_deref().and_then(region_of) {
        facts.region = Fact::Known(region);
    }
    facts.description = fact(O::DescribeKey, description(joins, key).map(Some));
    facts.rotation = node.get("enable_key_rotation").switch(O::GetKeyRotationStatus, false);
    let unset = matches!(joins.target(key, "policy"), Target::Unset);
    let is_plan = joins.document.kind == Kind::Plan;
    facts.policy = match joins.configuring("aws_kms_key_policy", Some(key), None) {
        Err(why) => Fact::unread(O::GetKeyPolicy, why),
        Ok(Some(policy)) => policy_of(joins, policy, O::GetKeyPolicy, |_| None),
        Ok(None) if is_plan && node.get("policy").has_unknown() && unset => default_key_policy(),
        Ok(None) => policy_of(joins, key, O::GetKeyPolicy, |_| None),
    };
    facts
}

/// Returns what KMS will say of a key.
fn description<'a>(joins: &Joins<'a>, key: &'a Resource) -> Part<KeyDescription> {
    let node = key.node();
    let external =
        matches!(key.kind.as_str(), "aws_kms_external_key" | "aws_kms_replica_external_key");
    // The provider gives this one a value itself: what is not known of it comes from the configuration.
    let enabled = match key.kind.as_str() {
        "aws_kms_key" => node.get("is_enabled"),
        _ => joins.unless_unset(key, "enabled"),
    };
    let enabled = enabled.on()?.unwrap_or(true);
    let mut state = if enabled { "Enabled" } else { "Disabled" };
    if external {
        // Without material of the customer's, the key cannot be used. Its state is known once it is made.
        state = match node.get("key_state").text() {
            Ok(Some(known)) => known,
            Ok(None) | Err(LATER) => {
                match joins.unless_unset(key, "key_material_base64").text()? {
                    Some(_) => state,
                    None => "PendingImport",
                }
            }
            Err(why) => return Err(why),
        };
    }
    let mut rotatable = key.kind == "aws_kms_key";
    if rotatable {
        let spec = joins.unless_unset(key, "customer_master_key_spec").text()?;
        let store = joins.unless_unset(key, "custom_key_store_id").text()?;
        rotatable = spec.is_none_or(|it| it == "SYMMETRIC_DEFAULT") && store.is_none();
    }
    Ok(KeyDescription {
        customer: true,
        state: state.to_owned(),
        deletion: None,
        rotatable,
        replicas: Vec::new(),
    })
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
