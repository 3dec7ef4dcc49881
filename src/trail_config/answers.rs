//! From answers of AWS to facts.
use super::shapes::{
    Part, access_block, active_accounts, each, encryption, entries, fact, field, grants, insights,
    key_description, lifecycle, list, must, notifications, object_lock, on, replication, selectors,
    status, text, time, within, word,
};
use super::{patterns, policy_document};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use trailproof_core::control::fact::{Fact, Unread, UnreadWhy};
use trailproof_core::control::facts::{
    Account, Alert, BucketFacts, Change, ControlPolicy, Encryption, Facts, KeyFacts,
    MonitoringFacts, Organization, OrganizationFacts, Recorder, RuleResult, TrailFacts,
};
use trailproof_core::control::operation::Operation as O;
use trailproof_core::control::policy::Policy;
use trailproof_core::vocab::time::Timestamp;

/// An answer of AWS.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// What it returned.
    Is(Value),
    /// It answered that nothing is configured.
    Nothing,
    /// It did not answer, or was not asked.
    Unread(Unread),
}

/// The answers about one trail, by operation and by what distinguishes several of one operation: the
/// region of GetTrailStatus, the account or policy of Organizations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    answers: BTreeMap<(O, String), Answer>,
}

/// Error codes that mean that nothing is configured.
fn means_nothing(operation: O, code: &str) -> bool {
    matches!(
        (operation, code),
        (O::GetInsightSelectors, "InsightNotEnabledException")
            | (O::GetObjectLockConfiguration, "ObjectLockConfigurationNotFoundError")
            | (O::GetBucketEncryption, "ServerSideEncryptionConfigurationNotFoundError")
            | (O::GetPublicAccessBlock, "NoSuchPublicAccessBlockConfiguration")
            | (O::GetBucketPolicy | O::GetBucketPolicyStatus, "NoSuchBucketPolicy")
            | (O::GetBucketOwnershipControls, "OwnershipControlsNotFoundError")
            | (O::GetBucketLifecycleConfiguration, "NoSuchLifecycleConfiguration")
            | (O::GetBucketReplication, "ReplicationConfigurationNotFoundError")
            | (O::GetKeyRotationStatus, "UnsupportedOperationException")
            | (O::DescribeOrganization, "AWSOrganizationsNotInUseException")
    )
}

/// Error codes of a region that is switched off for the account. A trail does not record it.
pub(crate) fn means_region_off(code: &str) -> bool {
    matches!(code, "UnrecognizedClientException" | "OptInRequired" | "InvalidClientTokenId")
}

/// Returns the answer that an error of `operation` is.
pub(crate) fn of_error(operation: O, code: Option<&str>, detail: &str) -> Answer {
    let why = match code {
        Some(code) if means_nothing(operation, code) => return Answer::Nothing,
        Some(
            "AccessDenied"
            | "AccessDeniedException"
            | "AllAccessDisabled"
            | "UnauthorizedOperation"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "SignatureDoesNotMatch"
            | "OptInRequired"
            | "Forbidden"
            | "403"
            | "NotOrganizationMasterAccountException"
            | "MethodNotAllowed",
        ) => UnreadWhy::Denied,
        Some(
            "Throttling"
            | "ThrottlingException"
            | "TooManyRequestsException"
            | "SlowDown"
            | "RequestLimitExceeded",
        ) => UnreadWhy::Throttled,
        Some(
            "NotFoundException" | "NoSuchBucket" | "TrailNotFoundException" | "404" | "NotFound",
        ) => UnreadWhy::NotFound,
        _ => UnreadWhy::Failed,
    };
    let code = code.map(|code| format!("{code}: ")).unwrap_or_default();
    Answer::Unread(Unread { operation, why, detail: format!("{code}{detail}").trim().to_owned() })
}

impl Answers {
    /// Adds an answer.
    pub(crate) fn put(&mut self, operation: O, which: &str, answer: Answer) {
        self.answers.insert((operation, which.to_owned()), answer);
    }

    /// Returns an answer.
    ///
    /// # Errors
    ///
    /// It was not read.
    pub(crate) fn get(&self, operation: O, which: &str) -> Result<Option<&Value>, Unread> {
        match self.answers.get(&(operation, which.to_owned())) {
            Some(Answer::Is(value)) if value.is_object() => Ok(Some(value)),
            Some(Answer::Is(_)) => Err(Unread::new(operation, UnreadWhy::Malformed)),
            Some(Answer::Nothing) => Ok(None),
            Some(Answer::Unread(unread)) => Err(unread.clone()),
            None => Err(Unread::new(operation, UnreadWhy::NotAsked)),
        }
    }

    /// Returns all answers of an operation.
    pub(crate) fn all(&self, operation: O) -> impl Iterator<Item = (&str, &Answer)> {
        let those = self.answers.iter().filter(move |((of, _), _)| *of == operation);
        those.map(|((_, which), answer)| (which.as_str(), answer))
    }

    /// Returns the fact that `read` makes of an answer; `None` means that nothing is configured.
    fn fact<T>(&self, operation: O, read: impl FnOnce(&Value) -> Part<Option<T>>) -> Fact<T> {
        match self.get(operation, "") {
            Ok(None) => Fact::Absent,
            Ok(Some(answer)) => fact(operation, read(answer)),
            Err(unread) => Fact::Unread(unread),
        }
    }

    /// Returns the fact that `read` makes of an answer that has one.
    fn required<T>(&self, operation: O, read: impl FnOnce(&Value) -> Part<T>) -> Fact<T> {
        self.fact(operation, |answer| read(answer).map(Some))
    }

    /// Returns the policy in an answer.
    fn policy(&self, operation: O) -> Fact<Policy> {
        match self.get(operation, "") {
            Ok(None) => Fact::Absent,
            Err(unread) => Fact::Unread(unread),
            Ok(Some(answer)) => match field(answer, "Policy") {
                Some(policy) => policy_document::of_value(policy, operation),
                None => Fact::unread(operation, UnreadWhy::Malformed),
            },
        }
    }

    /// Returns the facts about a trail that DescribeTrails describes.
    pub(crate) fn facts(
        &self,
        described: &Value,
        as_of: Option<Timestamp>,
        data_buckets: &[String],
    ) -> Facts {
        let trail = self.trail(described, data_buckets);
        let key = trail.kms_key.value().map(|key| self.key(key));
        let bucket = self.bucket(trail.bucket.value().map_or("", String::as_str));
        let organization = self.organization();
        let monitoring = Arc::new(self.monitoring());
        Facts { as_of, trail, bucket, key, organization, monitoring }
    }

    fn trail(&self, described: &Value, data_buckets: &[String]) -> TrailFacts {
        let named = |name: &str| text(described, name).filter(|text| !text.is_empty());
        let name = |name: &str| {
            let text = word(described, name).map(|text| text.filter(|text| !text.is_empty()));
            fact(O::DescribeTrails, text)
        };
        let arn = named("TrailARN");
        let mut facts = TrailFacts::unread(arn.as_deref().unwrap_or_default(), UnreadWhy::NotAsked);
        // AWS describes each of them, so that one that is missing is not off.
        let switch =
            |name: &str| fact(O::DescribeTrails, on(described, name).and_then(must).map(Some));
        let part = |at: usize| arn.as_deref().and_then(|arn| arn.split(':').nth(at));
        facts.account = part(4).map(str::to_owned);
        facts.home_region = Fact::of(named("HomeRegion").or_else(|| part(3).map(str::to_owned)));
        facts.name = named("Name");
        facts.bucket = name("S3BucketName");
        facts.prefix = name("S3KeyPrefix");
        facts.kms_key = name("KmsKeyId");
        facts.validation = switch("LogFileValidationEnabled");
        facts.multi_region = switch("IsMultiRegionTrail");
        facts.global_events = switch("IncludeGlobalServiceEvents");
        facts.organization = switch("IsOrganizationTrail");
        facts.log_group = name("CloudWatchLogsLogGroupArn");
        for (region, answer) in self.all(O::GetTrailStatus) {
            let status = match answer {
                Answer::Is(value) => fact(O::GetTrailStatus, status(value).map(Some)),
                Answer::Nothing => continue,
                Answer::Unread(unread) => Fact::Unread(unread.clone()),
            };
            facts.status.insert(region.to_owned(), status);
        }
        let home = facts.home_region.value().and_then(|home| facts.status.get(home));
        facts.logging = match home {
            Some(status) => status.clone().map(|status| status.is_logging),
            None => Fact::unread(O::GetTrailStatus, UnreadWhy::NotAsked),
        };
        facts.selectors = self.required(O::GetEventSelectors, |it| {
            // A trail without selectors has an empty list of one kind.
            must(field(it, "EventSelectors").or_else(|| field(it, "AdvancedEventSelectors")))?;
            selectors(it)
        });
        facts.insights = self.required(O::GetInsightSelectors, |it| {
            must(field(it, "InsightSelectors"))?;
            insights(it)
        });
        facts.data_buckets = data_buckets.to_vec();
        facts.arn = arn;
        facts
    }

    fn bucket(&self, name: &str) -> BucketFacts {
        let mut facts = BucketFacts::unread(name, UnreadWhy::NotAsked);
        facts.name = (!name.is_empty()).then(|| name.to_owned());
        facts.region = self.required(O::HeadBucket, |it| must(word(it, "BucketRegion")?));
        facts.versioning = self.fact(O::GetBucketVersioning, |it| word(it, "Status"));
        facts.mfa_delete = self.required(O::GetBucketVersioning, |it| {
            Ok(word(it, "MFADelete")?.as_deref() == Some("Enabled"))
        });
        facts.lock = self.required(O::GetObjectLockConfiguration, |it| {
            object_lock(must(field(it, "ObjectLockConfiguration"))?)
        });
        facts.encryption = self.required(O::GetBucketEncryption, |it| {
            let encryption = encryption(it)?;
            let customer = self.is_customer(&encryption);
            Ok(Encryption { customer, ..encryption })
        });
        facts.public_access_block = self.required(O::GetPublicAccessBlock, |it| {
            access_block(must(field(it, "PublicAccessBlockConfiguration"))?)
        });
        facts.policy = self.policy(O::GetBucketPolicy);
        facts.public = self.required(O::GetBucketPolicyStatus, |it| {
            must(on(must(field(it, "PolicyStatus"))?, "IsPublic")?)
        });
        facts.grants = self.required(O::GetBucketAcl, grants);
        facts.ownership = self.required(O::GetBucketOwnershipControls, |it| {
            let rules = entries(must(field(it, "OwnershipControls"))?, "Rules")?;
            must(word(must(rules.first())?, "ObjectOwnership")?)
        });
        facts.lifecycle = self.required(O::GetBucketLifecycleConfiguration, lifecycle);
        facts.access_log = self.fact(O::GetBucketLogging, |it| match field(it, "LoggingEnabled") {
            Some(logging) => must(word(logging, "TargetBucket")?).map(Some),
            None => Ok(None),
        });
        facts.replication = self.required(O::GetBucketReplication, replication);
        facts.notifications = self.required(O::GetBucketNotificationConfiguration, notifications);
        facts
    }

    /// Returns whether a customer manages the key of a default encryption, if one of the keys that are
    /// described has its ARN.
    fn is_customer(&self, encryption: &Encryption) -> Fact<bool> {
        let operation = O::DescribeKey;
        let key = encryption.key.as_deref().unwrap_or_default();
        for (which, answer) in self.all(operation) {
            match answer {
                Answer::Unread(unread) if which == key && !key.is_empty() => {
                    return Fact::Unread(unread.clone());
                }
                Answer::Is(value) => {
                    let Some(described) = field(value, "KeyMetadata") else { continue };
                    if text(described, "Arn").as_deref() == Some(key) {
                        let described = key_description(described);
                        return fact(operation, described.map(|it| Some(it.customer)));
                    }
                }
                Answer::Unread(_) | Answer::Nothing => {}
            }
        }
        Fact::unread(operation, UnreadWhy::NotAsked)
    }

    fn key(&self, key: &str) -> KeyFacts {
        let mut facts = KeyFacts::unread(key, UnreadWhy::NotAsked);
        let region = key.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2));
        if let Some(region) = region.filter(|region| !region.is_empty()) {
            facts.region = Fact::Known(region.to_owned());
        }
        facts.description =
            self.required(O::DescribeKey, |it| key_description(must(field(it, "KeyMetadata"))?));
        // The trail may name it by an alias.
        let arn = self.fact(O::DescribeKey, |it| word(must(field(it, "KeyMetadata"))?, "Arn"));
        facts.arn = arn.value().cloned().or(facts.arn);
        facts.policy = self.policy(O::GetKeyPolicy);
        facts.rotation =
            self.required(O::GetKeyRotationStatus, |it| must(on(it, "KeyRotationEnabled")?));
        facts
    }

    fn organization(&self) -> OrganizationFacts {
        let mut facts = OrganizationFacts::unread(UnreadWhy::NotAsked);
        facts.organization = self.required(O::DescribeOrganization, |it| {
            let organization = must(field(it, "Organization"))?;
            Ok(Organization {
                id: must(word(organization, "Id")?)?,
                management: must(word(organization, "MasterAccountId")?)?,
            })
        });
        facts.accounts = match facts.organization {
            Fact::Absent => Fact::Absent,
            _ => self.required(O::ListAccounts, active_accounts),
        };
        facts.policies_enabled = self.policies_enabled();
        facts.policies = match &facts.accounts {
            Fact::Known(accounts) => self.policies(accounts),
            Fact::Unread(unread) => Fact::Unread(unread.clone()),
            _ => Fact::Absent,
        };
        facts.delegated = self.required(O::ListDelegatedAdministrators, |it| {
            must(field(it, "DelegatedAdministrators"))?;
            each(it, "DelegatedAdministrators", |account| must(word(account, "Id")?))
        });
        facts
    }
}

impl Answers {
    /// Returns what all answers of an operation list, or why they were not read.
    fn listed<T>(
        &self,
        operation: O,
        name: &str,
        read: impl Fn(&str, &Value) -> Part<T>,
    ) -> Fact<Vec<T>> {
        let mut found = Vec::new();
        let mut asked = false;
        for (which, answer) in self.all(operation) {
            asked = true;
            let page = match answer {
                Answer::Is(value) => {
                    must(field(value, name)).and_then(|_| each(value, name, |it| read(which, it)))
                }
                Answer::Nothing => Ok(Vec::new()),
                Answer::Unread(unread) => return Fact::Unread(unread.clone()),
            };
            match page {
                Ok(page) => found.extend(page),
                // What could not be read may be what decides.
                Err(why) => return Fact::unread(operation, why),
            }
        }
        match asked {
            true => Fact::Known(found),
            false => Fact::unread(operation, UnreadWhy::NotAsked),
        }
    }

    fn monitoring(&self) -> MonitoringFacts {
        let result = |rule: Option<String>, resource: Option<String>, it: &Value| {
            Ok(RuleResult {
                rule: must(rule)?,
                resource: resource.unwrap_or_default(),
                compliance: must(word(it, "ComplianceType")?)?,
            })
        };
        MonitoringFacts {
            alerts: self.alerts(),
            recorders: self.listed(
                O::DescribeConfigurationRecorderStatus,
                "ConfigurationRecordersStatus",
                |_, it| {
                    Ok(Recorder {
                        name: must(word(it, "name")?)?,
                        recording: must(on(it, "recording")?)?,
                        last_status: word(it, "lastStatus")?.unwrap_or_default(),
                    })
                },
            ),
            rules: self.listed(
                O::GetComplianceDetailsByConfigRule,
                "EvaluationResults",
                |_, it| {
                    let of = must(field(it, "EvaluationResultIdentifier"))?;
                    let of = must(field(of, "EvaluationResultQualifier"))?;
                    result(word(of, "ConfigRuleName")?, word(of, "ResourceId")?, it)
                },
            ),
            packs: self.listed(
                O::DescribeConformancePackCompliance,
                "ConformancePackRuleComplianceList",
                |which, it| result(word(it, "ConfigRuleName")?, Some(which.to_owned()), it),
            ),
            changes: self.listed(O::GetResourceConfigHistory, "configurationItems", |_, it| {
                let named = match word(it, "arn")? {
                    Some(arn) => Some(arn),
                    None => word(it, "resourceId")?,
                };
                Ok(Change {
                    resource: must(named)?,
                    at: must(time(it, "configurationItemCaptureTime")?)?,
                })
            }),
        }
    }

    /// Returns rules of EventBridge with their targets, and metric filters with their alarms. Either may
    /// not have been asked.
    fn alerts(&self) -> Fact<Vec<Alert>> {
        let rules = self.listed(O::ListRules, "Rules", |_, it| {
            let name = must(word(it, "Name")?)?;
            let targets = match self.get(O::ListTargetsByRule, &name) {
                Ok(Some(targets)) if field(targets, "Targets").is_some() => {
                    Some(!entries(targets, "Targets")?.is_empty())
                }
                _ => None,
            };
            let in_force = match must(word(it, "State")?)?.as_str() {
                "DISABLED" => Some(false),
                _ => targets,
            };
            let pattern = word(it, "EventPattern")?.unwrap_or_default();
            Ok(patterns::of_rule(&name, in_force, &pattern))
        });
        let filters = self.listed(O::DescribeMetricFilters, "metricFilters", |_, it| {
            let name = must(word(it, "filterName")?)?;
            let metric = match entries(it, "metricTransformations")?.first() {
                Some(metric) => word(metric, "metricName")?,
                None => None,
            };
            let acts = |alarm: &Value| {
                let on = on(alarm, "ActionsEnabled")?.unwrap_or(true);
                Ok(on && !entries(alarm, "AlarmActions")?.is_empty())
            };
            let alarms = match self.get(O::DescribeAlarmsForMetric, &metric.unwrap_or_default()) {
                Ok(Some(alarms)) if field(alarms, "MetricAlarms").is_some() => {
                    Some(each(alarms, "MetricAlarms", acts)?.contains(&true))
                }
                _ => None,
            };
            let pattern = word(it, "filterPattern")?.unwrap_or_default();
            Ok(patterns::of_filter(&name, alarms, &pattern))
        });
        match (rules, filters) {
            (Fact::Known(rules), Fact::Known(filters)) => {
                Fact::Known(rules.into_iter().chain(filters).collect())
            }
            // What was read may pass, and may not fail: the other kind may serve.
            (Fact::Known(found), Fact::Unread(unread))
            | (Fact::Unread(unread), Fact::Known(found)) => match Alert::report_tampering(&found) {
                true => Fact::Known(found),
                false => Fact::Unread(unread),
            },
            (other, _) => other,
        }
    }

    /// Returns whether the organization has all features, and service control policies on.
    fn policies_enabled(&self) -> Fact<bool> {
        let all_features = self.required(O::DescribeOrganization, |it| {
            let features = word(must(field(it, "Organization"))?, "FeatureSet")?;
            Ok(must(features)? == "ALL")
        });
        if all_features != Fact::Known(true) {
            return all_features;
        }
        self.required(O::ListRoots, |it| {
            let root = must(entries(it, "Roots")?.first())?;
            must(field(root, "PolicyTypes"))?;
            let on = each(root, "PolicyTypes", |kind| {
                let is = |name: &str, value: &str| Ok(word(kind, name)?.as_deref() == Some(value));
                Ok(is("Type", "SERVICE_CONTROL_POLICY")? && is("Status", "ENABLED")?)
            });
            Ok(on?.contains(&true))
        })
    }

    /// Returns the service control policies on the path from the root to each account.
    fn policies(&self, accounts: &[Account]) -> Fact<BTreeMap<String, Vec<ControlPolicy>>> {
        if self.all(O::ListPoliciesForTarget).next().is_none() {
            return Fact::unread(O::ListPoliciesForTarget, UnreadWhy::NotAsked);
        }
        // Most accounts have the same policies: each is parsed once.
        let mut parsed = BTreeMap::new();
        let mut of_account = |account: &Account| {
            let mut found = Vec::new();
            let mut target = account.id.clone();
            for _ in 0..PATH {
                self.attached(&target, &mut found, &mut parsed);
                if target.starts_with("r-") {
                    break;
                }
                let parent = self
                    .get(O::ListParents, &target)
                    .map(|it| it.and_then(|it| text(list(it, "Parents").first()?, "Id")));
                match parent {
                    Ok(Some(parent)) => target = parent,
                    Ok(None) => found.push(unread_policy(&target, O::ListParents, None)),
                    Err(unread) => {
                        found.push(unread_policy(&target, O::ListParents, Some(unread)));
                    }
                }
                if found.last().is_some_and(|last| last.name.is_empty()) {
                    break;
                }
            }
            (account.id.clone(), found)
        };
        Fact::Known(accounts.iter().map(&mut of_account).collect())
    }

    fn attached(
        &self,
        target: &str,
        found: &mut Vec<ControlPolicy>,
        parsed: &mut BTreeMap<String, Fact<Policy>>,
    ) {
        let operation = O::ListPoliciesForTarget;
        let attached = match self.get(operation, target) {
            Err(unread) => {
                // After one refusal, no other target is asked about.
                let refusal = self.all(operation).find_map(|(_, answer)| match answer {
                    Answer::Unread(unread) if unread.why == UnreadWhy::Denied => {
                        Some(unread.clone())
                    }
                    _ => None,
                });
                let why = refusal.unwrap_or(unread);
                return found.push(unread_policy(target, operation, Some(why)));
            }
            Ok(None) => return,
            Ok(Some(attached)) => attached,
        };
        let summary = |it: &Value| Ok((must(word(it, "Id")?)?, word(it, "Name")?));
        let all = must(field(attached, "Policies"))
            .and_then(|_| within(each(attached, "Policies", summary)?));
        let Ok(all) = all else { return found.push(unread_policy(target, operation, None)) };
        for (id, name) in all {
            let policy = parsed.entry(id.clone()).or_insert_with(|| self.control_policy(&id));
            found.push(ControlPolicy {
                name: name.unwrap_or(id),
                target: target.to_owned(),
                policy: policy.clone(),
            });
        }
    }

    fn control_policy(&self, id: &str) -> Fact<Policy> {
        let operation = O::DescribePolicy;
        match self.get(operation, id) {
            Err(unread) => Fact::Unread(unread),
            Ok(described) => {
                let policy = described.and_then(|it| field(it, "Policy"));
                match policy.and_then(|it| field(it, "Content")) {
                    Some(content) => policy_document::of_value(content, operation),
                    None => Fact::unread(operation, UnreadWhy::Malformed),
                }
            }
        }
    }
}

/// Levels from an account to the root; Organizations allows five units between them.
const PATH: usize = 10;

/// Stands for the policies of a target that were not read.
fn unread_policy(target: &str, operation: O, unread: Option<Unread>) -> ControlPolicy {
    let unread = unread.unwrap_or_else(|| Unread::new(operation, UnreadWhy::Malformed));
    ControlPolicy { name: String::new(), target: target.to_owned(), policy: Fact::Unread(unread) }
}
