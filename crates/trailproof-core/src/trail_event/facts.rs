//! The facts by which one event is judged: its fields, and where it was found.
use super::{Effect, KeyName, NamedTrail, Subject};
use crate::control::policy::items;
use crate::vocab::chain_id::ChainId;
use crate::vocab::ids::{AccountId, Region, TrailArn};
use crate::vocab::location::ObjectLocation;
use serde::Deserialize;
use serde_json::Value;

/// The effects of one call, each with its subject.
pub(crate) type Effects = Vec<(Subject, Effect)>;

/// Where an event was found.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The log file.
    pub log: &'a ObjectLocation,
    /// The chain whose digest names it.
    pub chain: &'a ChainId,
    /// The bucket to which the evidence was delivered.
    pub bucket: &'a str,
}

/// The fields of one event that may matter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) event_name: Option<String>,
    pub(crate) event_source: Option<String>,
    pub(crate) event_time: Option<String>,
    #[serde(rename = "eventID")]
    pub(crate) event_id: Option<String>,
    #[serde(rename = "sourceIPAddress")]
    pub(crate) source_ip_address: Option<String>,
    pub(crate) user_identity: Option<Identity>,
    pub(crate) error_code: Option<Value>,
    pub(crate) aws_region: Option<String>,
    pub(crate) recipient_account_id: Option<String>,
    #[serde(default)]
    pub(crate) request_parameters: Value,
    #[serde(default)]
    pub(crate) response_elements: Value,
    #[serde(default)]
    pub(crate) resources: Value,
    #[serde(default)]
    pub(crate) service_event_details: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    pub(crate) arn: Option<String>,
    pub(crate) invoked_by: Option<String>,
    pub(crate) principal_id: Option<String>,
    pub(crate) account_id: Option<String>,
}

/// Returns what tells a caller without an ARN from others: its account, and its id in it.
pub(crate) fn without_arn(account: Option<&str>, principal: Option<&str>) -> String {
    [account, principal].into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// The facts by which one event is judged.
pub(crate) struct Facts<'a> {
    pub(crate) record: &'a Record,
    pub(crate) recorded: Recorded<'a>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(record: &'a Record, recorded: Recorded<'a>) -> Self {
        Self { record, recorded }
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&'a Value> {
        self.record.request_parameters.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.parameter(name).and_then(Value::as_str)
    }

    /// Returns whether what a call deleted was a delete marker, as S3 answers.
    pub(crate) fn deleted_marker(&self) -> bool {
        match self.record.response_elements.get("x-amz-delete-marker") {
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            Some(Value::Bool(is_marker)) => *is_marker,
            _ => false,
        }
    }

    /// Returns the account in which the call was made.
    pub(crate) fn account(&self) -> AccountId {
        let id = self.record.recipient_account_id.as_deref();
        id.and_then(|id| id.parse().ok()).unwrap_or_else(|| self.recorded.chain.account.clone())
    }

    /// Returns the region in which the call was made.
    pub(crate) fn region(&self) -> Region {
        let name = self.record.aws_region.as_deref();
        name.and_then(|name| name.parse().ok())
            .unwrap_or_else(|| self.recorded.chain.source_region.clone())
    }

    /// Returns the trail that a parameter names, by name or ARN.
    pub(crate) fn trail(&self, parameter: &str) -> Option<NamedTrail> {
        let named = self.text(parameter)?;
        if let Ok(TrailArn { home_region, account, name, .. }) = named.parse() {
            return Some(NamedTrail { name, home: home_region, owner: account });
        }
        let name = named.parse().ok()?;
        Some(NamedTrail { name, home: self.region(), owner: self.account() })
    }

    pub(crate) fn of_trail(&self, parameter: &str, effect: Effect) -> Effects {
        self.trail(parameter).map(|trail| (Subject::Trail(trail), effect)).into_iter().collect()
    }

    /// Returns whether CloudTrail itself made the call.
    pub(crate) fn is_by_cloudtrail(&self) -> bool {
        let who = self.record.user_identity.as_ref().and_then(|who| who.invoked_by.as_deref());
        who.is_some_and(|who| who.starts_with("cloudtrail.amazonaws."))
    }

    /// Returns whether a call is about the bucket of the evidence.
    pub(crate) fn is_this_bucket(&self) -> bool {
        self.text("bucketName") == Some(self.recorded.bucket)
    }

    /// Returns whether the resources of a call name the bucket of the evidence.
    pub(crate) fn is_on_this_bucket(&self) -> bool {
        let names = |resource: &Value| {
            let arn = resource.get("ARN").or(resource.get("ARNPrefix")).and_then(Value::as_str)?;
            let (_, named) = arn.split_once(":s3:::")?;
            named.split('/').next().map(|bucket| bucket == self.recorded.bucket)
        };
        items(Some(&self.record.resources)).iter().any(|it| names(it) == Some(true))
    }

    pub(crate) fn of_bucket(&self, narrows: bool, effect: Effect) -> Effects {
        if !narrows || !self.is_this_bucket() {
            return Vec::new();
        }
        vec![(Subject::Bucket(self.recorded.bucket.to_owned()), effect)]
    }

    pub(crate) fn of_objects(&self, prefix: &str, days: u32) -> (Subject, Effect) {
        let (bucket, prefix) = (self.recorded.bucket.to_owned(), prefix.to_owned());
        (Subject::Objects { bucket, prefix, days }, Effect::Removes)
    }

    /// Returns the ARN of the key that a call is about, if the event names it.
    pub(crate) fn key_arn(&self) -> Option<&'a str> {
        let resources = items(Some(&self.record.resources)).iter();
        let mut arns = resources.filter_map(|resource| resource.get("ARN")?.as_str());
        arns.find(|arn| arn.contains(":key/"))
            .or_else(|| self.text("keyId").filter(|id| id.contains(":key/")))
    }

    /// Returns the effect on the key of a KMS call: the key's ARN if the event has it, otherwise an
    /// id that the call names in its own account and region. An alias alone does not identify a
    /// key.
    pub(crate) fn of_key(&self, effect: Effect) -> Effects {
        let arn_in = |value: &'a Value| value.as_str().and_then(KeyName::from_arn);
        let resources = items(Some(&self.record.resources)).iter();
        let named = self.text("keyId");
        let by_id = || {
            let id = named.filter(|id| !id.contains([':', '/']))?;
            let (region, account) = (self.region().to_string(), self.account().to_string());
            Some(KeyName { region, account, id: id.to_owned() })
        };
        let key = resources
            .filter_map(|resource| resource.get("ARN").and_then(arn_in))
            .next()
            .or_else(|| named.and_then(KeyName::from_arn))
            .or_else(|| self.record.response_elements.get("keyId").and_then(arn_in))
            .or_else(by_id);
        key.map(|key| (Subject::Key(key), effect)).into_iter().collect()
    }

    pub(crate) fn of_account(&self, parameter: &str, subject: fn(AccountId) -> Subject) -> Effects {
        let account = self.text(parameter).and_then(|id| id.parse().ok());
        account.map(|account| (subject(account), Effect::Ends)).into_iter().collect()
    }

    /// Returns the effect on the region that an account opts out of or into. The service
    /// capitalizes its members, and names the account only if the call is about a different one.
    pub(crate) fn of_region(&self, effect: Effect) -> Effects {
        let text = |name: &str, capital: &str| self.text(name).or_else(|| self.text(capital));
        let region = text("regionName", "RegionName").and_then(|name| name.parse().ok());
        let account = match text("accountId", "AccountId") {
            Some(account) => account.parse().ok(),
            None => Some(self.account()),
        };
        let both = account.zip(region);
        both.map(|(account, region)| (Subject::Region(account, region), effect))
            .into_iter()
            .collect()
    }
}
