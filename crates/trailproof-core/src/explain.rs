//! Events that explain why there are no digests: somebody stopped the trail, or took away what it
//! needs.
//!
//! Only events of verified log files are looked at. An event explains; it does not excuse: the time
//! stays uncovered.
use super::location::ObjectLocation;
use super::time::{HOUR, Timestamp};
use serde::Deserialize;

/// An event of a verified log file that explains a gap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExplainingEvent {
    /// When it happened.
    pub time: Timestamp,
    /// `eventName`.
    pub name: String,
    /// `eventID`.
    pub id: String,
    /// ARN of who did it, or what else the event tells of them.
    pub principal: String,
    /// `sourceIPAddress`.
    pub address: String,
    /// The log file that holds it.
    pub log: ObjectLocation,
}

/// Which events explain a gap, by the service that tells them.
const EXPLAINING: [(&str, &[&str]); 5] = [
    (
        "cloudtrail.amazonaws.com",
        &[
            "StopLogging",
            "StartLogging",
            "CreateTrail",
            "DeleteTrail",
            "UpdateTrail",
            "PutEventSelectors",
            "PutInsightSelectors",
        ],
    ),
    (
        "s3.amazonaws.com",
        &[
            "DeleteBucket",
            "PutBucketPolicy",
            "DeleteBucketPolicy",
            "PutBucketLifecycle",
            "PutBucketLifecycleConfiguration",
            "PutObjectLockConfiguration",
            "PutBucketVersioning",
            "DeleteObject",
            "DeleteObjects",
        ],
    ),
    ("kms.amazonaws.com", &["DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy"]),
    (
        "organizations.amazonaws.com",
        &["DisableAWSServiceAccess", "LeaveOrganization", "RemoveAccountFromOrganization"],
    ),
    ("account.amazonaws.com", &["DisableRegion"]),
];

/// Events that one log file may give. A file full of them would explain no more than its first.
const MOST: usize = 64;

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: Option<String>,
    event_source: Option<String>,
    event_time: Option<String>,
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: Option<String>,
    user_identity: Option<Identity>,
    request_parameters: Option<Parameters>,
    error_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    arn: Option<String>,
    invoked_by: Option<String>,
    account_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    bucket_name: Option<serde_json::Value>,
    name: Option<serde_json::Value>,
    trail_name: Option<serde_json::Value>,
}

/// Reads the explaining events out of a verified log file. `bucket` and `trail` are what S3's and
/// CloudTrail's events must be about.
///
/// A log file that is no JSON of CloudTrail's explains nothing; it is proven all the same.
pub fn explaining_events(
    content: &[u8],
    log: &ObjectLocation,
    bucket: &str,
    trail: &str,
) -> Vec<ExplainingEvent> {
    if !may_explain(content) {
        return Vec::new();
    }
    let Ok(document) = serde_json::from_slice::<Document>(content) else { return Vec::new() };
    let mut found = Vec::new();
    for record in document.records {
        let (Some(name), Some(service)) = (&record.event_name, &record.event_source) else {
            continue;
        };
        let known = EXPLAINING
            .iter()
            .any(|(source, names)| source == service && names.contains(&name.as_str()));
        // A call that was refused changed nothing.
        if !known || record.error_code.is_some() || !record.is_about(bucket, trail) {
            continue;
        }
        let Some(time) = record.event_time.as_deref().and_then(Timestamp::parse) else { continue };
        let who = record
            .user_identity
            .as_ref()
            .and_then(|who| who.arn.clone().or(who.invoked_by.clone()).or(who.account_id.clone()));
        found.push(ExplainingEvent {
            time,
            name: name.clone(),
            id: record.event_id.unwrap_or_default(),
            principal: who.unwrap_or_default(),
            address: record.source_ip_address.unwrap_or_default(),
            log: log.clone(),
        });
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// Whether any event has the name of one that explains, or one that is not spelt as AWS does. Most
/// log files have none, and to find that out so takes a tenth of reading them as JSON.
fn may_explain(content: &[u8]) -> bool {
    const FIELD: &[u8] = b"\"eventName\"";
    memchr::memmem::find_iter(content, FIELD).any(|at| {
        let value = content.get(at + FIELD.len()..).and_then(|rest| rest.strip_prefix(b":\""));
        let end = value.and_then(|value| memchr::memchr2(b'"', b'\\', value));
        match value.zip(end).and_then(|(value, end)| value.split_at_checked(end)) {
            Some((name, [b'"', ..])) => EXPLAINING
                .iter()
                .any(|(_, names)| names.iter().any(|explaining| explaining.as_bytes() == name)),
            _ => true,
        }
    })
}

impl Record {
    fn is_about(&self, bucket: &str, trail: &str) -> bool {
        let parameters = self.request_parameters.as_ref();
        let text = |value: Option<&serde_json::Value>| {
            value.and_then(serde_json::Value::as_str).map(str::to_owned)
        };
        match self.event_source.as_deref() {
            Some("s3.amazonaws.com") => {
                parameters.and_then(|p| text(p.bucket_name.as_ref())).as_deref() == Some(bucket)
            }
            Some("cloudtrail.amazonaws.com") => {
                let named = parameters
                    .and_then(|p| text(p.name.as_ref()).or_else(|| text(p.trail_name.as_ref())));
                // By its name or by its ARN; a call that names no trail may be about any.
                named.is_none_or(|named| {
                    named == trail || named.rsplit_once(":trail/").is_some_and(|(_, n)| n == trail)
                })
            }
            _ => true,
        }
    }
}

/// Whether an event at `time` can explain that no digest covers `from` to `to`: it lies in that
/// stretch, or up to an hour before it, which is what a digest covers.
pub fn can_explain(time: Timestamp, from: Timestamp, to: Timestamp) -> bool {
    from.plus(-HOUR) <= time && time <= to.plus(HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, source: &str, more: &str) -> String {
        format!(
            r#"{{"eventName":"{name}","eventSource":"{source}","eventTime":"2026-03-01T10:00:00Z","eventID":"id","sourceIPAddress":"192.0.2.1","userIdentity":{{"arn":"arn:aws:iam::1:user/m"}}{more}}}"#
        )
    }

    fn found(records: &[String]) -> Vec<ExplainingEvent> {
        let content = format!("{{\"Records\":[{}]}}", records.join(","));
        let log = ObjectLocation::new("b", "log");
        explaining_events(content.as_bytes(), &log, "b", "management")
    }

    #[test]
    fn an_event_is_cited_with_who_where_and_when() {
        let stop = record("StopLogging", "cloudtrail.amazonaws.com", "");
        let events = found(&[record("GetObject", "s3.amazonaws.com", ""), stop]);
        let [event] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((event.name.as_str(), event.id.as_str()), ("StopLogging", "id"));
        assert_eq!(event.principal, "arn:aws:iam::1:user/m");
        assert_eq!((event.address.as_str(), event.log.key.as_str()), ("192.0.2.1", "log"));
    }

    #[test]
    fn an_event_is_found_however_it_is_spelt() {
        let stop = record("StopLogging", "cloudtrail.amazonaws.com", "");
        let many = vec![record("GetObject", "s3.amazonaws.com", ""); 50].join(",");
        for (as_aws, other) in [
            ("\"eventName\":\"", "\"eventName\": \""),
            ("\"eventName\":\"", "\"eventName\"\n:\t\""),
            ("StopLogging", "\\u0053topLogging"),
            ("StopLogging", "StopLoggin\\u0067"),
        ] {
            let stop = stop.replace(as_aws, other);
            assert_eq!(found(&[many.clone(), stop, many.clone()]).len(), 1, "{other}");
        }
        assert!(may_explain(stop.as_bytes()) && !may_explain(many.as_bytes()));
        assert!(!may_explain(b"") && !may_explain(b"\"eventNam") && may_explain(b"\"eventName\""));
    }

    #[test]
    fn what_is_about_something_else_or_failed_explains_nothing() {
        let cloudtrail = "cloudtrail.amazonaws.com";
        for (name, source, more, expected) in [
            (
                "DeleteBucketPolicy",
                "s3.amazonaws.com",
                r#","requestParameters":{"bucketName":"b"}"#,
                1,
            ),
            (
                "DeleteBucketPolicy",
                "s3.amazonaws.com",
                r#","requestParameters":{"bucketName":"c"}"#,
                0,
            ),
            ("DeleteBucketPolicy", "s3.amazonaws.com", "", 0),
            ("StopLogging", cloudtrail, r#","requestParameters":{"name":"management"}"#, 1),
            (
                "StopLogging",
                cloudtrail,
                r#","requestParameters":{"name":"arn:aws:cloudtrail:us-east-1:1:trail/management"}"#,
                1,
            ),
            ("StopLogging", cloudtrail, r#","requestParameters":{"name":"other"}"#, 0),
            ("StopLogging", cloudtrail, r#","errorCode":"AccessDenied""#, 0),
            ("StopLogging", "s3.amazonaws.com", "", 0),
        ] {
            assert_eq!(found(&[record(name, source, more)]).len(), expected, "{name} {more}");
        }
        assert_eq!(found(&["7".to_owned()]), []);
    }
}
