//! Templates of CloudFormation, in JSON. `aws cloudformation get-template` returns this form too.
use super::policy_document;
use super::shapes::{
    self, Part, each, entries, fact, field, is_enabled, must, number, small_stay, within, word,
};
use crate::console::refusal::Refusal;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use trailproof_core::control::fact::{Fact, UnreadWhy};
use trailproof_core::control::facts::{
    BucketFacts, Encryption, Facts, KeyDescription, KeyFacts, MonitoringFacts, ObjectLock,
    OrganizationFacts, TrailFacts,
};
use trailproof_core::control::lifecycle::{Lifecycle, LifecycleRule, Transition};
use trailproof_core::control::operation::Operation as O;
use trailproof_core::control::policy::Policy;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::excerpt;

const LATER: UnreadWhy = UnreadWhy::UnknownUntilApplied;

/// Returns the facts about each trail of a template.
///
/// # Errors
///
/// It is not a template in JSON.
pub(crate) fn facts(
    text: &str,
    name: &str,
    data_buckets: &[String],
) -> Result<Vec<Facts>, Refusal> {
    let shown = excerpt(name, 200);
    let document: Value = serde_json::from_str(text).map_err(|error| {
        Refusal::not_started(format!(
            "`{shown}` is not JSON: {error}\n\nhint: templates in YAML are not read; \
             `aws cloudformation get-template` returns JSON for a template that is JSON"
        ))
    })?;
    // `get-template` wraps the template.
    let document = document.get("TemplateBody").unwrap_or(&document);
    let Some(resources) = document.get("Resources").and_then(Value::as_object) else {
        return Err(Refusal::not_started(format!(
            "`{shown}` has no `Resources`: it is not a template"
        )));
    };
    let parameters = document.get("Parameters").and_then(Value::as_object);
    let template = Template {
        resources,
        parameters,
        monitoring: Arc::new(MonitoringFacts::unread(UnreadWhy::NotInInput)),
        buckets: RefCell::default(),
    };
    let trails = resources.iter().filter(|(_, it)| kind(it) == "AWS::CloudTrail::Trail");
    let of = |(id, resource): (&String, &Value)| template.trail(id, resource, data_buckets);
    Ok(trails.take(budget::CONFIG_TRAILS).map(of).collect())
}

fn kind(resource: &Value) -> &str {
    resource.get("Type").and_then(Value::as_str).unwrap_or_default()
}

struct Template<'a> {
    resources: &'a Map<String, Value>,
    parameters: Option<&'a Map<String, Value>>,
    monitoring: Arc<MonitoringFacts>,
    /// Buckets that were read, by id: many trails may deliver to one.
    buckets: RefCell<BTreeMap<String, BucketFacts>>,
}

/// A property.
enum Property<'a> {
    /// A value.
    Is(&'a Value),
    /// A resource of the template, which will give the value.
    Resource(&'a str, &'a Value),
    /// Something that is known only when the stack is made.
    Later,
    /// It is not set.
    None,
}

impl<'a> Template<'a> {
    fn property(&self, of: &'a Value, name: &str) -> Property<'a> {
        match of.get(name) {
            None => Property::None,
            Some(value) => self.resolve(value),
        }
    }

    fn resolve(&self, value: &'a Value) -> Property<'a> {
        let Some(function) = value.as_object().filter(|fields| fields.len() == 1) else {
            return Property::Is(value);
        };
        let Some((name, argument)) = function.iter().next() else { return Property::Is(value) };
        let target = match (name.as_str(), argument) {
            ("Ref", Value::String(id)) => id.as_str(),
            ("Fn::GetAtt", Value::String(path)) => path.split('.').next().unwrap_or_default(),
            ("Fn::GetAtt", Value::Array(path)) => {
                path.first().and_then(Value::as_str).unwrap_or_default()
            }
            _ if name == "Ref" || name == "Condition" || name.starts_with("Fn::") => {
                return Property::Later;
            }
            _ => return Property::Is(value),
        };
        if let Some((id, resource)) = self.resources.get_key_value(target) {
            return Property::Resource(id, resource);
        }
        let parameter = self.parameters.and_then(|parameters| parameters.get(target));
        match parameter.and_then(|parameter| parameter.get("Default")) {
            Some(default) => Property::Is(default),
            None => Property::Later,
        }
    }

    fn text(&self, of: &'a Value, name: &str, operation: O) -> Fact<String> {
        match self.property(of, name) {
            Property::Is(Value::String(text)) if !text.is_empty() => Fact::Known(text.clone()),
            Property::Is(Value::String(_) | Value::Null) | Property::None => Fact::Absent,
            Property::Resource(id, _) => Fact::ByReference(id.to_owned()),
            Property::Is(_) | Property::Later => Fact::unread(operation, LATER),
        }
    }

    fn on(&self, of: &'a Value, name: &str, operation: O, default: bool) -> Fact<bool> {
        match self.property(of, name) {
            Property::Is(value) => match (value.as_bool(), value.as_str()) {
                (Some(on), _) => Fact::Known(on),
                (None, Some("true")) => Fact::Known(true),
                (None, Some("false")) => Fact::Known(false),
                _ => Fact::unread(operation, UnreadWhy::Malformed),
            },
            Property::None => Fact::Known(default),
            Property::Resource(..) | Property::Later => Fact::unread(operation, LATER),
        }
    }

    fn trail(&self, id: &str, resource: &'a Value, data_buckets: &[String]) -> Facts {
        const NOTHING: &Value = &Value::Null;
        let properties = resource.get("Properties").unwrap_or(NOTHING);
        let described = O::DescribeTrails;
        let mut trail = TrailFacts::unread(id, UnreadWhy::NotInInput);
        trail.name = self.text(properties, "TrailName", described).value().cloned();
        trail.home_region = Fact::unread(described, LATER);
        trail.bucket = self.text(properties, "S3BucketName", described);
        trail.prefix = self.text(properties, "S3KeyPrefix", described);
        trail.kms_key = self.text(properties, "KMSKeyId", described);
        trail.validation = self.on(properties, "EnableLogFileValidation", described, false);
        trail.multi_region = self.on(properties, "IsMultiRegionTrail", described, false);
        trail.global_events = self.on(properties, "IncludeGlobalServiceEvents", described, true);
        trail.organization = self.on(properties, "IsOrganizationTrail", described, false);
        trail.logging = self.on(properties, "IsLogging", O::GetTrailStatus, false);
        trail.log_group = self.text(properties, "CloudWatchLogsLogGroupArn", described);
        let selectors = match unresolved(properties, &["EventSelectors", "AdvancedEventSelectors"])
        {
            true => Err(LATER),
            false => shapes::selectors(properties).map(Some),
        };
        trail.selectors = fact(O::GetEventSelectors, selectors);
        let insights = match unresolved(properties, &["InsightSelectors"]) {
            true => Err(LATER),
            false => shapes::insights(properties).map(Some),
        };
        trail.insights = fact(O::GetInsightSelectors, insights);
        trail.data_buckets = data_buckets.to_vec();
        let bucket = match self.property(properties, "S3BucketName") {
            Property::Resource(id, bucket) => {
                let mut buckets = self.buckets.borrow_mut();
                buckets.entry(id.to_owned()).or_insert_with(|| self.bucket(id, bucket)).clone()
            }
            Property::Is(Value::String(name)) => {
                let mut facts = BucketFacts::unread(name, UnreadWhy::NotInInput);
                facts.name = Some(name.clone());
                facts
            }
            _ => BucketFacts::unread("", LATER),
        };
        let key = match self.property(properties, "KMSKeyId") {
            Property::Resource(id, key) if kind(key) == "AWS::KMS::Alias" => {
                let of = key.get("Properties").unwrap_or(NOTHING);
                match self.property(of, "TargetKeyId") {
                    Property::Resource(id, key) => Some(self.key(id, key)),
                    _ => Some(KeyFacts::unread(id, LATER)),
                }
            }
            Property::Resource(id, key) => Some(self.key(id, key)),
            Property::Is(Value::String(name)) => {
                Some(KeyFacts::unread(name, UnreadWhy::NotInInput))
            }
            _ => None,
        };
        Facts {
            as_of: None,
            trail,
            bucket,
            key,
            organization: OrganizationFacts::unread(UnreadWhy::NotInInput),
            monitoring: Arc::clone(&self.monitoring),
        }
    }

    fn bucket(&self, id: &str, resource: &'a Value) -> BucketFacts {
        const NOTHING: &Value = &Value::Null;
        let properties = resource.get("Properties").unwrap_or(NOTHING);
        let mut facts = BucketFacts::unread(id, UnreadWhy::NotInInput);
        if kind(resource) != "AWS::S3::Bucket" {
            return facts;
        }
        let name = self.text(properties, "BucketName", O::HeadBucket);
        facts.name = match &name {
            Fact::Known(name) => Some(name.clone()),
            _ => None,
        };
        // A part with a function inside is not known.
        let part = |name: &str| match field(properties, name) {
            Some(value) if has_function(value) => Err(LATER),
            other => Ok(other),
        };
        let versioning = part("VersioningConfiguration")
            .and_then(|it| it.map_or(Ok(None), |it| word(it, "Status")));
        facts.versioning = fact(O::GetBucketVersioning, versioning);
        // CloudFormation cannot switch it on.
        facts.mfa_delete = Fact::unread(O::GetBucketVersioning, UnreadWhy::NotInInput);
        let on = self.on(properties, "ObjectLockEnabled", O::GetObjectLockConfiguration, false);
        facts.lock = match (on, part("ObjectLockConfiguration")) {
            (Fact::Known(enabled), Ok(configuration)) => {
                let lock = configuration.map_or(Ok(ObjectLock::default()), shapes::object_lock);
                let lock = lock.map(|lock| enabled.then_some(ObjectLock { enabled, ..lock }));
                fact(O::GetObjectLockConfiguration, lock)
            }
            _ => Fact::unread(O::GetObjectLockConfiguration, LATER),
        };
        facts.encryption = self.encryption(properties);
        let block = part("PublicAccessBlockConfiguration")
            .and_then(|it| it.map(shapes::access_block).transpose());
        facts.public_access_block = fact(O::GetPublicAccessBlock, block);
        let lifecycle =
            part("LifecycleConfiguration").and_then(|it| it.map(template_lifecycle).transpose());
        facts.lifecycle = fact(O::GetBucketLifecycleConfiguration, lifecycle);
        facts.access_log = match self.property(properties, "LoggingConfiguration") {
            Property::None | Property::Is(Value::Null) => Fact::Absent,
            Property::Later | Property::Resource(..) => Fact::unread(O::GetBucketLogging, LATER),
            Property::Is(logging) => {
                match self.text(logging, "DestinationBucketName", O::GetBucketLogging) {
                    // Without a destination, the bucket logs to itself.
                    Fact::Absent => {
                        Fact::Known(facts.name.clone().unwrap_or_else(|| id.to_owned()))
                    }
                    other => other,
                }
            }
        };
        let ownership = part("OwnershipControls").and_then(|it| match it {
            // AWS turns access control lists off in new buckets; one that exists may be older.
            None => Err(UnreadWhy::NotInInput),
            Some(controls) => word(must(entries(controls, "Rules")?.first())?, "ObjectOwnership"),
        });
        facts.ownership = fact(O::GetBucketOwnershipControls, ownership);
        facts.replication = match properties.get("ReplicationConfiguration") {
            None => Fact::Absent,
            Some(_) => Fact::unread(O::GetBucketReplication, UnreadWhy::NotInInput),
        };
        facts.notifications = match properties.get("NotificationConfiguration") {
            None => Fact::Absent,
            Some(_) => Fact::unread(O::GetBucketNotificationConfiguration, UnreadWhy::NotInInput),
        };
        facts.policy = self.bucket_policy(id, facts.name.as_deref());
        facts
    }

    /// Returns the default encryption. Its key may be a resource of the template.
    fn encryption(&self, properties: &'a Value) -> Fact<Encryption> {
        let operation = O::GetBucketEncryption;
        let rules = match self.property(properties, "BucketEncryption") {
            // AWS encrypts every bucket with AES256 unless told otherwise.
            Property::None | Property::Is(Value::Null) => {
                let algorithm = "AES256".to_owned();
                return Fact::Known(Encryption { algorithm, ..Encryption::default() });
            }
            Property::Later | Property::Resource(..) => return Fact::unread(operation, LATER),
            Property::Is(encryption) => {
                self.property(encryption, "ServerSideEncryptionConfiguration")
            }
        };
        let rule = match rules {
            Property::Is(Value::Array(rules)) => match rules.as_slice() {
                [rule] => self.resolve(rule),
                _ => return Fact::unread(operation, UnreadWhy::Malformed),
            },
            Property::Later | Property::Resource(..) => return Fact::unread(operation, LATER),
            _ => return Fact::unread(operation, UnreadWhy::Malformed),
        };
        let Property::Is(rule) = rule else { return Fact::unread(operation, LATER) };
        let by_default = match self.property(rule, "ServerSideEncryptionByDefault") {
            Property::Is(by_default) => by_default,
            Property::None => return Fact::unread(operation, UnreadWhy::Malformed),
            _ => return Fact::unread(operation, LATER),
        };
        let algorithm = match self.text(by_default, "SSEAlgorithm", operation) {
            Fact::Known(algorithm) => algorithm,
            _ => return Fact::unread(operation, LATER),
        };
        let bucket_key = match self.on(rule, "BucketKeyEnabled", operation, false) {
            Fact::Known(on) => on,
            _ => return Fact::unread(operation, LATER),
        };
        let found = |key, customer| Encryption {
            algorithm,
            key,
            customer,
            bucket_key,
            ..Encryption::default()
        };
        let elsewhere = Fact::unread(O::DescribeKey, UnreadWhy::NotInInput);
        match self.property(by_default, "KMSMasterKeyID") {
            Property::Is(Value::String(key)) => Fact::Known(found(Some(key.clone()), elsewhere)),
            // Keys of AWS are no resources.
            Property::Resource(id, key) if kind(key).starts_with("AWS::KMS::") => {
                Fact::ByReference(found(Some(id.to_owned()), Fact::Known(true)))
            }
            Property::None => Fact::Known(found(None, elsewhere)),
            _ => Fact::unread(operation, LATER),
        }
    }

    fn bucket_policy(&self, id: &str, name: Option<&str>) -> Fact<Policy> {
        let operation = O::GetBucketPolicy;
        let policies = self.resources.values().filter(|it| kind(it) == "AWS::S3::BucketPolicy");
        let mut unknown = false;
        let mut found = None;
        for policy in policies {
            const NOTHING: &Value = &Value::Null;
            let properties = policy.get("Properties").unwrap_or(NOTHING);
            let of = match self.property(properties, "Bucket") {
                Property::Resource(of, _) => of == id,
                Property::Is(Value::String(of)) => Some(of.as_str()) == name,
                _ => {
                    unknown = true;
                    false
                }
            };
            if of {
                // Whether a resource with a condition is made is known only when the stack is, and of two
                // policies the one that is made last is in force.
                unknown |= policy.get("Condition").is_some() || found.is_some();
                found = Some(properties);
            }
        }
        match found {
            _ if unknown => Fact::unread(operation, LATER),
            Some(properties) => self.policy(properties.get("PolicyDocument"), operation),
            None => Fact::Absent,
        }
    }

    /// Returns a policy. One with functions inside is not evaluated.
    fn policy(&self, document: Option<&Value>, operation: O) -> Fact<Policy> {
        match document {
            None => Fact::Absent,
            Some(document) if has_function(document) => Fact::unread(operation, LATER),
            Some(document) => policy_document::of_value(document, operation),
        }
    }

    fn key(&self, id: &str, resource: &'a Value) -> KeyFacts {
        const NOTHING: &Value = &Value::Null;
        let properties = resource.get("Properties").unwrap_or(NOTHING);
        let mut facts = KeyFacts::unread(id, LATER);
        if !matches!(kind(resource), "AWS::KMS::Key" | "AWS::KMS::ReplicaKey") {
            return facts;
        }
        let enabled = self.on(properties, "Enabled", O::DescribeKey, true);
        let is = |name: &str, value: &str| match self.text(properties, name, O::DescribeKey) {
            Fact::Absent => Ok(true),
            Fact::Known(text) => Ok(text == value),
            Fact::ByReference(_) | Fact::Unread(_) => Err(LATER),
        };
        let description = is("KeySpec", "SYMMETRIC_DEFAULT").and_then(|symmetric| {
            let own = is("Origin", "AWS_KMS")?;
            // The material of such a key is imported later, or not at all.
            let imported = is("Origin", "EXTERNAL")? && !own;
            let state = match enabled {
                Fact::Known(true) if imported => return Err(LATER),
                Fact::Known(true) => "Enabled",
                Fact::Known(false) => "Disabled",
                _ => return Err(LATER),
            };
            Ok(Some(KeyDescription {
                customer: true,
                state: state.to_owned(),
                deletion: None,
                rotatable: symmetric && own,
                replicas: Vec::new(),
            }))
        });
        facts.description = fact(O::DescribeKey, description);
        facts.rotation = self.on(properties, "EnableKeyRotation", O::GetKeyRotationStatus, false);
        facts.policy = self.policy(properties.get("KeyPolicy"), O::GetKeyPolicy);
        facts
    }
}

/// Returns whether a value holds a function, whose result is known only when the stack is made.
fn has_function(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(has_function),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name == "Ref" || name.starts_with("Fn::") || has_function(value)),
        _ => false,
    }
}

fn unresolved(properties: &Value, names: &[&str]) -> bool {
    names.iter().any(|name| properties.get(name).is_some_and(has_function))
}

/// Returns the lifecycle of a template, whose rules have names of their own.
fn template_lifecycle(configuration: &Value) -> Part<Lifecycle> {
    let transition = |it: &Value| {
        Ok(Transition {
            days: number(it, "TransitionInDays")?,
            class: must(word(it, "StorageClass")?)?,
        })
    };
    let rule = |rule: &Value| {
        let mut noncurrent = number(rule, "NoncurrentVersionExpirationInDays")?;
        if let Some(expiration) = field(rule, "NoncurrentVersionExpiration") {
            noncurrent = number(expiration, "NoncurrentDays")?.or(noncurrent);
        }
        let mut transitions = each(rule, "Transitions", transition)?;
        transitions.extend(field(rule, "Transition").map(transition).transpose()?);
        Ok(LifecycleRule {
            id: word(rule, "Id")?.unwrap_or_default(),
            enabled: is_enabled(rule, "Status")?,
            prefix: word(rule, "Prefix")?.unwrap_or_default(),
            tags: !entries(rule, "TagFilters")?.is_empty(),
            sizes: field(rule, "ObjectSizeGreaterThan").is_some()
                || field(rule, "ObjectSizeLessThan").is_some(),
            expires: number(rule, "ExpirationInDays")?,
            expires_on_date: field(rule, "ExpirationDate").is_some(),
            noncurrent,
            transitions: within(transitions)?,
        })
    };
    Ok(Lifecycle {
        rules: within(each(configuration, "Rules", rule)?)?,
        small_stay: small_stay(configuration)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use trailproof_core::control::check::CheckId;
    use trailproof_core::control::facts::Wanted;
    use trailproof_core::control::judge::judge;
    use trailproof_core::control::status::Status;

    fn read(template: &Value) -> Facts {
        facts(&template.to_string(), "t.json", &[]).unwrap().remove(0)
    }

    #[test]
    fn a_template_is_judged_by_values_references_and_defaults() {
        let template = json!({
            "Parameters": { "Multi": { "Type": "String", "Default": "true" }, "Open": { "Type": "String" } },
            "Resources": {
                "Trail": { "Type": "AWS::CloudTrail::Trail", "Properties": {
                    "IsLogging": true, "S3BucketName": { "Ref": "Logs" }, "IsMultiRegionTrail": { "Ref": "Multi" },
                    "EnableLogFileValidation": { "Ref": "Open" },
                    "KMSKeyId": { "Fn::GetAtt": ["Key", "Arn"] },
                    "AdvancedEventSelectors": [{ "FieldSelectors": [
                        { "Field": "eventCategory", "Equals": ["Data"] } ] }],
                } },
                "Logs": { "Type": "AWS::S3::Bucket", "Properties": {
                    "VersioningConfiguration": { "Status": "Enabled" }, "ObjectLockEnabled": true,
                    "ObjectLockConfiguration": { "Rule": { "DefaultRetention": {
                        "Mode": "COMPLIANCE", "Years": 1 } } },
                } },
                "Policy": { "Type": "AWS::S3::BucketPolicy", "Properties": {
                    "Bucket": { "Ref": "Logs" }, "PolicyDocument": { "Statement": [{
                        "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                        "Resource": { "Fn::Sub": "arn:aws:s3:::${Logs}/*" } }] } } },
                "Key": { "Type": "AWS::KMS::Key", "Properties": { "EnableKeyRotation": true,
                    "KeyPolicy": { "Statement": [] } } },
            },
        });
        let facts = read(&template);
        for (check, status) in [
            (CheckId::TrailEncryptedWithCustomerKey, Status::Pass),
            (CheckId::TrailMultiRegion, Status::Pass),
            (CheckId::TrailLogFileValidation, Status::NotAvailable),
            (CheckId::TrailManagementEvents, Status::Fail),
            (CheckId::BucketVersioning, Status::Pass),
            (CheckId::BucketLockCoversRetention, Status::Pass),
            (CheckId::BucketPublicAccessBlock, Status::Fail),
            (CheckId::BucketTlsOnly, Status::NotAvailable),
            (CheckId::KeyRotation, Status::Pass),
            (CheckId::KeyPolicyForCloudtrail, Status::Fail),
            (CheckId::BucketEncryptionDefault, Status::Fail),
        ] {
            let judged = judge(check, &facts, &Wanted::default());
            assert_eq!(judged.status, status, "{}: {judged:?}", check.code());
        }
    }

    #[test]
    fn other_documents_are_refused() {
        assert!(facts("Resources:\n  a: b", "t", &[]).is_err());
        assert!(facts("{}", "t", &[]).is_err());
        assert!(facts(r#"{"Resources": {}}"#, "t", &[]).unwrap().is_empty());
    }
}
