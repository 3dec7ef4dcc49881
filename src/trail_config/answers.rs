//! From answers of AWS to facts.
use super::shapes::{
    access_block, active_accounts, encryption, grants, insights, key_description, lifecycle, list,
    notifications, object_lock, on, replication, selectors, status, text, time_of,
};
use super::{patterns, policy_document};
use serde_json::Value;
use std::collections::BTreeMap;
use trailproof_core::control::fact::{Fact, Unread, UnreadWhy};
use trailproof_core::control::facts::{
    Account, Alert, BucketFacts, Change, ControlPolicy, Facts, KeyFacts, MonitoringFacts,
    Organization, OrganizationFacts, Recorder, RuleResult, TrailFacts,
};
use trailproof_core::control::operation::Operation as O;
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
            Some(Answer::Is(value)) => Ok(Some(value)),
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
    fn fact<T>(&self, operation: O, read: impl FnOnce(&Value) -> Option<T>) -> Fact<T> {
        match self.get(operation, "") {
            Ok(answer) => Fact::of(answer.and_then(read)),
            Err(unread) => Fact::Unread(unread),
        }
    }

    /// Returns the fact that `read` makes of an answer; `None` means that the answer is malformed.
    fn required<T>(&self, operation: O, read: impl FnOnce(&Value) -> Option<T>) -> Fact<T> {
        match self.get(operation, "") {
            Ok(None) => Fact::Absent,
            Ok(Some(answer)) => match read(answer) {
                Some(value) => Fact::Known(value),
                None => Fact::unread(operation, UnreadWhy::Malformed),
            },
            Err(unread) => Fact::Unread(unread),
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
        let monitoring = self.monitoring();
        Facts { as_of, trail, bucket, key, organization, monitoring }
    }

    fn trail(&self, described: &Value, data_buckets: &[String]) -> TrailFacts {
        let named = |name: &str| text(described, name).filter(|text| !text.is_empty());
        let arn = named("TrailARN");
        let mut facts = TrailFacts::unread(arn.as_deref().unwrap_or_default(), UnreadWhy::NotAsked);
        let part = |at: usize| arn.as_deref().and_then(|arn| arn.split(':').nth(at));
        facts.account = part(4).map(str::to_owned);
        facts.home_region = Fact::of(named("HomeRegion").or_else(|| part(3).map(str::to_owned)));
        facts.name = named("Name");
        facts.bucket = Fact::of(named("S3BucketName"));
        facts.prefix = Fact::of(named("S3KeyPrefix"));
        facts.kms_key = Fact::of(named("KmsKeyId"));
        facts.validation = Fact::of(on(described, "LogFileValidationEnabled"));
        facts.multi_region = Fact::of(on(described, "IsMultiRegionTrail"));
        facts.global_events = Fact::of(on(described, "IncludeGlobalServiceEvents"));
        facts.organization = Fact::of(on(described, "IsOrganizationTrail"));
        facts.log_group = Fact::of(named("CloudWatchLogsLogGroupArn"));
        for (region, answer) in self.all(O::GetTrailStatus) {
            let status = match answer {
                Answer::Is(value) => Fact::Known(status(value)),
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
        facts.selectors = match self.get(O::GetEventSelectors, "") {
            Ok(Some(answer)) => selectors(answer),
            Ok(None) => Fact::Absent,
            Err(unread) => Fact::Unread(unread),
        };
        facts.insights = self.fact(O::GetInsightSelectors, |it| Some(insights(it)));
        facts.data_buckets = data_buckets.to_vec();
        facts.arn = arn;
        facts
    }

    fn bucket(&self, name: &str) -> BucketFacts {
        let mut facts = BucketFacts::unread(name, UnreadWhy::NotAsked);
        facts.name = (!name.is_empty()).then(|| name.to_owned());
        facts.region = self.required(O::HeadBucket, |it| text(it, "BucketRegion"));
        facts.versioning = self.fact(O::GetBucketVersioning, |it| text(it, "Status"));
        facts.mfa_delete = self.fact(O::GetBucketVersioning, |it| {
            Some(text(it, "MFADelete").as_deref() == Some("Enabled"))
        });
        facts.lock = self.required(O::GetObjectLockConfiguration, |it| {
            Some(object_lock(it.get("ObjectLockConfiguration")?))
        });
        facts.encryption = self.required(O::GetBucketEncryption, encryption);
        facts.public_access_block = self.required(O::GetPublicAccessBlock, |it| {
            Some(access_block(it.get("PublicAccessBlockConfiguration")?))
        });
        facts.policy = match self.get(O::GetBucketPolicy, "") {
            Ok(None) => Fact::Absent,
            Err(unread) => Fact::Unread(unread),
            Ok(Some(answer)) => match answer.get("Policy") {
                Some(policy) => policy_document::of_value(policy, O::GetBucketPolicy),
                None => Fact::unread(O::GetBucketPolicy, UnreadWhy::Malformed),
            },
        };
        facts.public =
            self.required(O::GetBucketPolicyStatus, |it| on(it.get("PolicyStatus")?, "IsPublic"));
        facts.grants = self.required(O::GetBucketAcl, grants);
        facts.ownership = self.fact(O::GetBucketOwnershipControls, |it| {
            text(it.get("OwnershipControls")?.get("Rules")?.get(0)?, "ObjectOwnership")
        });
        facts.lifecycle =
            self.required(O::GetBucketLifecycleConfiguration, |it| Some(lifecycle(it)));
        facts.access_log =
            self.fact(O::GetBucketLogging, |it| text(it.get("LoggingEnabled")?, "TargetBucket"));
        facts.replication = self.required(O::GetBucketReplication, |it| {
            Some(replication(it.get("ReplicationConfiguration")?))
        });
        facts.notifications =
            self.required(O::GetBucketNotificationConfiguration, |it| Some(notifications(it)));
        facts
    }

    fn key(&self, key: &str) -> KeyFacts {
        let mut facts = KeyFacts::unread(key, UnreadWhy::NotAsked);
        let region = key.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2));
        if let Some(region) = region.filter(|region| !region.is_empty()) {
            facts.region = Fact::Known(region.to_owned());
        }
        facts.description =
            self.required(O::DescribeKey, |it| key_description(it.get("KeyMetadata")?));
        facts.policy = match self.get(O::GetKeyPolicy, "") {
            Ok(None) => Fact::Absent,
            Err(unread) => Fact::Unread(unread),
            Ok(Some(answer)) => match answer.get("Policy") {
                Some(policy) => policy_document::of_value(policy, O::GetKeyPolicy),
                None => Fact::unread(O::GetKeyPolicy, UnreadWhy::Malformed),
            },
        };
        facts.rotation = self.required(O::GetKeyRotationStatus, |it| on(it, "KeyRotationEnabled"));
        facts
    }

    fn organization(&self) -> OrganizationFacts {
        let mut facts = OrganizationFacts::unread(UnreadWhy::NotAsked);
        facts.organization = self.required(O::DescribeOrganization, |it| {
            let organization = it.get("Organization")?;
            Some(Organization {
                id: text(organization, "Id")?,
                management: text(organization, "MasterAccountId")?,
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
            let accounts = it.get("DelegatedAdministrators")?.as_array()?.iter();
            accounts.map(|account| text(account, "Id")).collect()
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
        read: impl Fn(&str, &Value) -> Option<T>,
    ) -> Fact<Vec<T>> {
        let mut found = Vec::new();
        let mut asked = false;
        for (which, answer) in self.all(operation) {
            asked = true;
            match answer {
                Answer::Is(value) => {
                    found.extend(list(value, name).iter().filter_map(|it| read(which, it)));
                }
                Answer::Nothing => {}
                Answer::Unread(unread) => return Fact::Unread(unread.clone()),
            }
        }
        match asked {
            true => Fact::Known(found),
            false => Fact::unread(operation, UnreadWhy::NotAsked),
        }
    }

    fn monitoring(&self) -> MonitoringFacts {
        let result = |rule: Option<String>, resource: Option<String>, it: &Value| {
            Some(RuleResult {
                rule: rule?,
                resource: resource.unwrap_or_default(),
                compliance: text(it, "ComplianceType")?,
            })
        };
        MonitoringFacts {
            alerts: self.alerts(),
            recorders: self.listed(
                O::DescribeConfigurationRecorderStatus,
                "ConfigurationRecordersStatus",
                |_, it| {
                    Some(Recorder {
                        name: text(it, "name")?,
                        recording: on(it, "recording")?,
                        last_status: text(it, "lastStatus").unwrap_or_default(),
                    })
                },
            ),
            rules: self.listed(
                O::GetComplianceDetailsByConfigRule,
                "EvaluationResults",
                |_, it| {
                    let of = it.get("EvaluationResultIdentifier")?;
                    let of = of.get("EvaluationResultQualifier")?;
                    result(text(of, "ConfigRuleName"), text(of, "ResourceId"), it)
                },
            ),
            packs: self.listed(
                O::DescribeConformancePackCompliance,
                "ConformancePackRuleComplianceList",
                |which, it| result(text(it, "ConfigRuleName"), Some(which.to_owned()), it),
            ),
            changes: self.listed(O::GetResourceConfigHistory, "configurationItems", |_, it| {
                Some(Change {
                    resource: text(it, "arn").or_else(|| text(it, "resourceId"))?,
                    at: it.get("configurationItemCaptureTime").and_then(time_of)?,
                })
            }),
        }
    }

    /// Returns rules of EventBridge with their targets, and metric filters with their alarms. Either may
    /// not have been asked.
    fn alerts(&self) -> Fact<Vec<Alert>> {
        let rules = self.listed(O::ListRules, "Rules", |_, it| {
            let name = text(it, "Name")?;
            let targets = match self.get(O::ListTargetsByRule, &name) {
                Ok(Some(targets)) => Some(!list(targets, "Targets").is_empty()),
                _ => None,
            };
            let enabled = text(it, "State").is_some_and(|state| state != "DISABLED");
            let in_force = if enabled { targets } else { Some(false) };
            let pattern = text(it, "EventPattern").unwrap_or_default();
            Some(patterns::of_rule(&name, in_force, &pattern))
        });
        let filters = self.listed(O::DescribeMetricFilters, "metricFilters", |_, it| {
            let name = text(it, "filterName")?;
            let metric = list(it, "metricTransformations").first();
            let metric = metric.and_then(|it| text(it, "metricName"));
            let alarms = match self.get(O::DescribeAlarmsForMetric, &metric.unwrap_or_default()) {
                Ok(Some(alarms)) => Some(list(alarms, "MetricAlarms").iter().any(|alarm| {
                    let acts = on(alarm, "ActionsEnabled") != Some(false);
                    acts && !list(alarm, "AlarmActions").is_empty()
                })),
                _ => None,
            };
            let pattern = text(it, "filterPattern").unwrap_or_default();
            Some(patterns::of_filter(&name, alarms, &pattern))
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
        let all_features = self.fact(O::DescribeOrganization, |it| {
            Some(text(it.get("Organization")?, "FeatureSet").as_deref() == Some("ALL"))
        });
        if all_features == Fact::Known(false) {
            return all_features;
        }
        self.required(O::ListRoots, |it| {
            let kinds = it.get("Roots")?.get(0)?.get("PolicyTypes")?.as_array()?;
            Some(kinds.iter().any(|kind| {
                text(kind, "Type").as_deref() == Some("SERVICE_CONTROL_POLICY")
                    && text(kind, "Status").as_deref() == Some("ENABLED")
            }))
        })
    }

    /// Returns the service control policies on the path from the root to each account.
    fn policies(&self, accounts: &[Account]) -> Fact<BTreeMap<String, Vec<ControlPolicy>>> {
        if self.all(O::ListPoliciesForTarget).next().is_none() {
            return Fact::unread(O::ListPoliciesForTarget, UnreadWhy::NotAsked);
        }
        let of_account = |account: &Account| {
            let mut found = Vec::new();
            let mut target = account.id.clone();
            for _ in 0..PATH {
                self.attached(&target, &mut found);
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
        Fact::Known(accounts.iter().map(of_account).collect())
    }

    fn attached(&self, target: &str, found: &mut Vec<ControlPolicy>) {
        match self.get(O::ListPoliciesForTarget, target) {
            Err(unread) => {
                found.push(unread_policy(target, O::ListPoliciesForTarget, Some(unread)));
            }
            Ok(None) => {}
            Ok(Some(attached)) => {
                for summary in list(attached, "Policies") {
                    let id = text(summary, "Id").unwrap_or_default();
                    let policy = match self.get(O::DescribePolicy, &id) {
                        Err(unread) => Fact::Unread(unread),
                        Ok(described) => match described
                            .and_then(|it| it.get("Policy")?.get("Content"))
                        {
                            Some(content) => policy_document::of_value(content, O::DescribePolicy),
                            None => Fact::unread(O::DescribePolicy, UnreadWhy::Malformed),
                        },
                    };
                    found.push(ControlPolicy {
                        name: text(summary, "Name").unwrap_or(id),
                        target: target.to_owned(),
                        policy,
                    });
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
