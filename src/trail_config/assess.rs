//! From facts about trails to the result.
use super::secrets::Secrets;
use crate::report::controls::Controls;
use crate::report::trail_config::result::{
    Basis, Call, CheckResult, ConfigReport, InputFile, RecordUsed, TrailShown,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::control::check::{About, CheckId};
use trailproof_core::control::fact::UnreadWhy;
use trailproof_core::control::facts::{Facts, Wanted};
use trailproof_core::control::judge::judge;
use trailproof_core::control::status::{Judgement, Pitfall, Status};
use trailproof_core::vocab::time::Timestamp;

/// The facts about one trail, and where they came from.
#[derive(Debug)]
pub(crate) struct Read {
    /// The facts.
    pub(crate) facts: Facts,
    /// Where they came from.
    pub(crate) basis: Basis,
    /// Whether an apply that failed left the trail half-made.
    pub(crate) tainted: bool,
}

/// What was read, and how it is to be judged.
#[derive(Debug, Default)]
pub(crate) struct Assessment {
    /// When AWS was asked.
    pub(crate) as_of: Option<Timestamp>,
    /// The trails.
    pub(crate) trails: Vec<Read>,
    /// Files that were read.
    pub(crate) inputs: Vec<InputFile>,
    /// Run records that were read.
    pub(crate) records: Vec<RecordUsed>,
    /// Whether a file says that it is only a part.
    pub(crate) incomplete: bool,
    /// Texts that must not be written.
    pub(crate) sensitive: BTreeSet<String>,
    /// Requests to AWS.
    pub(crate) calls: Vec<Call>,
    /// What the user requires.
    pub(crate) wanted: Wanted,
    /// Framework that selects the checks.
    pub(crate) framework: Option<String>,
    /// Whether what is not known until a plan is applied fails.
    pub(crate) unknown_fails: bool,
}

impl Assessment {
    /// Judges every selected check on every trail.
    ///
    /// # Errors
    ///
    /// The data file of controls is malformed, which a test excludes.
    pub(crate) fn report(self) -> Result<ConfigReport, serde_json::Error> {
        let controls = Controls::load()?;
        let is_selected = |check: &CheckId| {
            let framework = self.framework.as_deref();
            framework.is_none_or(|framework| controls.selects(framework, *check))
        };
        let checks: Vec<CheckId> = CheckId::all().filter(is_selected).collect();
        let secrets = Secrets::new(&self.sensitive);
        let calls = self.calls_by_operation();
        let mut results = Vec::new();
        for read in &self.trails {
            for check in &checks {
                let mut result = self.result(read, *check, &secrets);
                result.controls = controls.of(*check);
                result.calls = self.calls_of(*check, &read.facts, &calls);
                results.push(result);
            }
        }
        let trails = self.trails.iter().map(|read| shown(read, &secrets)).collect();
        Ok(ConfigReport {
            as_of: self.as_of,
            framework: self.framework,
            wanted: self.wanted,
            inputs: self.inputs,
            records: self.records,
            incomplete: self.incomplete,
            trails,
            results,
            calls: self.calls,
            sources: controls.sources(),
        })
    }

    fn result(&self, read: &Read, check: CheckId, secrets: &Secrets<'_>) -> CheckResult {
        let facts = &read.facts;
        let mut judgement = judge(check, facts, &self.wanted);
        if self.unknown_fails && is_unknown(&judgement) {
            judgement.status = Status::Fail;
        }
        if read.tainted {
            judgement = judgement.pitfall(Pitfall::Tainted);
        }
        for value in judgement.observed.values_mut() {
            secrets.redact(value);
        }
        let subject = match check.about() {
            About::Trail => facts.trail.subject.clone(),
            About::Bucket => named(&facts.bucket.subject, &facts.trail.subject),
            About::Key => {
                let key = facts.key.as_ref().map_or("", |key| key.subject.as_str());
                named(key, &facts.trail.subject)
            }
            About::Organization => facts
                .organization
                .organization
                .value()
                .map_or_else(|| facts.trail.subject.clone(), |it| it.id.clone()),
        };
        CheckResult {
            check,
            trail: secrets.safe(&facts.trail.subject),
            subject: secrets.safe(&subject),
            basis: read.basis,
            judgement,
            wanted: required(check, &self.wanted),
            calls: Vec::new(),
            controls: Vec::new(),
            contradicts: None,
        }
    }

    /// Returns the requests that a check rests on: those of its operations about the trail and what it
    /// uses.
    fn calls_of(
        &self,
        check: CheckId,
        facts: &Facts,
        by_operation: &BTreeMap<&str, Vec<usize>>,
    ) -> Vec<usize> {
        let those = check.operations().iter().filter_map(|it| by_operation.get(it.name()));
        let trail = &facts.trail;
        let key = facts.key.as_ref().map(|key| key.subject.as_str());
        let named = [
            Some(trail.subject.as_str()),
            facts.bucket.name.as_deref(),
            key,
            trail.kms_key.value().map(String::as_str),
            facts.bucket.encryption.value().and_then(|it| it.key.as_deref()),
        ];
        let about = |call: &Call| {
            call.service == "organizations" || named.contains(&Some(call.target.as_str()))
        };
        let mut found: Vec<usize> =
            those.flatten().copied().filter(|at| self.calls.get(*at).is_some_and(about)).collect();
        found.sort_unstable();
        found
    }

    fn calls_by_operation(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut found: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, call) in self.calls.iter().enumerate() {
            found.entry(&call.operation).or_default().push(at);
        }
        found
    }
}

fn shown(read: &Read, secrets: &Secrets<'_>) -> TrailShown {
    let trail = &read.facts.trail;
    let safe = |text: Option<&String>| text.map(|text| secrets.safe(text));
    TrailShown {
        subject: secrets.safe(&trail.subject),
        name: safe(trail.name.as_ref()),
        bucket: safe(read.facts.bucket.name.as_ref().or(trail.bucket.value())),
        key: safe(trail.kms_key.value()),
        basis: read.basis,
    }
}

fn named(name: &str, otherwise: &str) -> String {
    if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
}

/// Returns whether something is not known until a plan is applied, and nothing else was refused.
fn is_unknown(judgement: &Judgement) -> bool {
    let later =
        |it: &trailproof_core::control::fact::Unread| it.why == UnreadWhy::UnknownUntilApplied;
    judgement.status == Status::NotAvailable && judgement.unread.iter().any(later)
}

/// Returns what a check requires, as fields with the names of the observed values.
fn required(check: CheckId, wanted: &Wanted) -> Value {
    use CheckId as C;
    match check {
        C::TrailEncryptedWithCustomerKey => {
            json!({ "customer_managed": true, "key_state": "Enabled" })
        }
        C::TrailLogFileValidation | C::TrailGlobalEvents => json!({ "enabled": true }),
        C::TrailMultiRegion => json!({ "multi_region": true, "logging": true }),
        C::TrailLogging => json!({ "logging": true }),
        C::TrailDeliveryRecent => json!({ "age_hours_below": 1, "error": null }),
        C::TrailDigestRecent => json!({ "age_hours_below": 3, "error": null }),
        C::TrailCloudwatch => json!({ "age_hours_below": 24, "error": null }),
        C::TrailManagementEvents | C::TrailDataEventsLogBucket => {
            json!({ "reads": "all", "writes": "all" })
        }
        C::TrailNoExcludedSources => json!({ "excluded": [] }),
        C::TrailDataEvents => json!({ "not_recorded": [] }),
        C::TrailInsights => json!({ "insights_at_least": 1 }),
        C::TrailOrganization => json!({ "organization_trail": true }),
        C::OrgAllAccountsCovered => json!({ "missing": [] }),
        C::OrgTrailProtectedByScp => json!({ "unprotected": [] }),
        C::KeyPolicyForCloudtrail => {
            json!({ "allowed": ["kms:GenerateDataKey*", "kms:DescribeKey"] })
        }
        C::KeyPolicyScoped | C::BucketPolicyScoped => json!({ "condition": "aws:SourceArn" }),
        C::KeyInBucketRegion => json!({ "key_region": "bucket_region" }),
        C::KeyCustomerManaged => json!({ "customer_managed": true }),
        C::KeyNotPendingDeletion => json!({ "deletion": null }),
        C::KeyRotation => json!({ "rotation": true }),
        C::KeyNotPublic => json!({ "statements": [] }),
        C::BucketVersioning => json!({ "versioning": "Enabled" }),
        C::BucketMfaDelete => json!({ "mfa_delete": true }),
        C::BucketObjectLock => json!({ "object_lock": true, "default_retention": true }),
        C::BucketLockComplianceMode => json!({ "mode": "COMPLIANCE" }),
        C::BucketLockCoversRetention => json!({ "days_at_least": wanted.retention_days }),
        C::BucketEncryptionDefault => json!({ "algorithm": "aws:kms", "customer_managed": true }),
        C::BucketPublicAccessBlock => json!({ "all": true }),
        C::BucketNotPublic => json!({ "public_policy": false, "public_grants": 0 }),
        C::BucketTlsOnly => json!({ "denied": ["bucket", "objects"] }),
        C::BucketPolicyLetsCloudtrailWrite => {
            json!({ "reads_acl": "yes", "writes_log_files": "yes", "writes_digests": "yes" })
        }
        C::BucketNoForeignWriteDelete => json!({ "others": [] }),
        C::BucketAclDisabled => json!({ "ownership": "BucketOwnerEnforced" }),
        C::BucketAccessLogging => json!({ "target": "a different bucket" }),
        C::BucketNoEarlyExpiry => json!({ "expires_at_least": wanted.retention_days }),
        C::BucketAtHand => json!({ "archived_at_least": wanted.at_hand_days }),
        C::BucketBlocksCustomerKeys => json!({ "blocked": ["SSE-C"] }),
        C::BucketReplication => json!({ "other_account": true }),
        C::BucketNoWriteTriggers => json!({ "functions": [] }),
        C::FilesEncryptedWithKey => json!({ "others": [] }),
        C::FilesLocked => {
            json!({ "not_locked": 0, "governance": 0, "days_at_least": wanted.retention_days })
        }
        C::AlertTrailTampering => {
            json!({ "operations": ["StopLogging", "DeleteTrail", "UpdateTrail"], "in_force": true })
        }
        C::ConfigRecorder => json!({ "recording": true, "last_status": "SUCCESS" }),
        C::ConfigRulesCompliant | C::ConformancePack => json!({ "non_compliant": [] }),
        C::TrailConfigHistory => json!({ "changes": 0 }),
        C::OrgDelegatedAdmin | C::KeyWhoCanDecrypt | C::BucketVerifiableUntil => Value::Null,
    }
}
