//! Searches the events of verified log files.
use super::contents::{events, text_without_secrets, without_secrets};
use super::facts::without_arn;
use crate::control::policy::items;
use crate::vocab::glob::{CaseRule, glob};
use crate::vocab::key_layout::ROOT;
use crate::vocab::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Source of the calls of KMS, and the names of those that S3 makes for an object.
pub(super) const KMS: &str = "kms.amazonaws.com";
pub(super) const KMS_WRITES: &str = "GenerateDataKey";
pub(super) const KMS_READS: &str = "Decrypt";

/// Maximum number of bytes of one text of an event that is kept outside of its JSON.
const TEXT: usize = 2_048;

/// Maximum number of resources that are kept of one event.
const RESOURCES: usize = 64;

/// Maximum number of patterns that are looked for in a text before it is parsed: beyond, parsing is
/// faster.
const FEW: usize = 8;

/// What to search for: an event must match every part that is set, and each pattern may hold `*`
/// and `?`. Letters match in their own case only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Names of events; any one suffices.
    pub names: Vec<String>,
    /// ARNs, user names, principal ids, roles or services; any one suffices.
    pub principals: Vec<String>,
    /// Source addresses; any one suffices.
    pub addresses: Vec<String>,
    /// Access key ids; any one suffices.
    pub access_keys: Vec<String>,
    /// ARNs or names of resources, or values of request parameters; any one suffices.
    pub resources: Vec<String>,
    /// Whether events match, whatever their name, whose parameters CloudTrail left out because they
    /// were too large.
    pub starved: bool,
    /// Whether calls of KMS match, whatever the names, that are for an object of S3.
    pub kms_uses: bool,
    /// Whether the events of each log file are counted, matching or not.
    pub rates: bool,
    /// How many matching events of a log file are returned; more are counted. All if `None`.
    pub most: Option<usize>,
    /// First second.
    pub from: Option<Timestamp>,
    /// The second after the last.
    pub to: Option<Timestamp>,
}

/// One event of a log file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailEvent {
    /// `eventTime`; `None` if it is not a time.
    pub time: Option<Timestamp>,
    /// `eventID`.
    pub id: String,
    /// `eventName`.
    pub name: String,
    /// `eventSource`.
    pub source: String,
    /// `awsRegion`.
    pub region: String,
    /// `recipientAccountId`.
    pub account: String,
    /// ARN of the principal, or whatever else the event records about it.
    pub principal: String,
    /// Name of the user, of the session's role, or of the service.
    pub user: String,
    /// `accessKeyId` of the caller.
    pub access_key: String,
    /// `sourceIPAddress`.
    pub address: String,
    /// `userAgent`.
    pub agent: String,
    /// `errorCode`; empty if the call succeeded.
    pub error: String,
    /// `eventCategory`.
    pub category: String,
    /// `readOnly`.
    pub read_only: bool,
    /// ARNs of the resources that it names.
    pub resources: Vec<String>,
    /// The event in its shortest form, without secrets.
    pub json: String,
    /// Whether a secret was replaced in it.
    pub redacted: bool,
}

/// How many management events say that they read, and how many that they write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventRate {
    /// Events whose `readOnly` is true.
    pub reads: u64,
    /// Events whose `readOnly` is false.
    pub writes: u64,
}

impl EventRate {
    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: Self) {
        self.reads = self.reads.saturating_add(other.reads);
        self.writes = self.writes.saturating_add(other.writes);
    }

    fn count(&mut self, event: &Fields) {
        if event.event_category.as_deref().is_some_and(|category| category != "Management") {
            return;
        }
        match event.reads() {
            Some(true) => self.reads += 1,
            Some(false) => self.writes += 1,
            None => {}
        }
    }
}

/// The events that were found in one log file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundEvents {
    /// The matching events, in the log file's own order.
    pub events: Vec<TrailEvent>,
    /// Number of events that may match and cannot be parsed, or are nested too deeply.
    pub unparsed: u64,
    /// Number of matching events that are not returned.
    pub left_out: u64,
    /// The number of its events, if they are counted.
    pub rate: EventRate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    event_name: Option<String>,
    event_source: Option<String>,
    event_time: Option<String>,
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: Option<String>,
    user_agent: Option<String>,
    aws_region: Option<String>,
    recipient_account_id: Option<String>,
    event_category: Option<String>,
    #[serde(default)]
    error_code: Value,
    #[serde(default)]
    read_only: Value,
    #[serde(default)]
    user_identity: Value,
    #[serde(default)]
    resources: Value,
    #[serde(default)]
    request_parameters: Value,
}

impl EventFilter {
    /// Returns the matching events of a verified log file. Returns `None` if the content does not
    /// have the form of a log file of events.
    pub fn search(&self, content: &[u8]) -> Option<FoundEvents> {
        let mut found = FoundEvents::default();
        // Where no text in the file can match, only its form is looked at.
        if !self.rates && !self.may_match(content) {
            return has_form(content).then_some(found);
        }
        for event in events(content)? {
            let may_match = self.may_match(event);
            if !self.rates && !may_match {
                continue;
            }
            let fields = serde_json::from_slice::<Fields>(event);
            if let (true, Ok(fields)) = (self.rates, &fields) {
                found.rate.count(fields);
            }
            match fields {
                _ if !may_match => {}
                Ok(fields) if !self.matches(&fields) => {}
                Ok(_) if self.most.is_some_and(|most| found.events.len() >= most) => {
                    found.left_out += 1;
                }
                Ok(fields) => match fields.event(event) {
                    Some(event) => found.events.push(event),
                    None => found.unparsed += 1,
                },
                Err(_) => found.unparsed += 1,
            }
        }
        Some(found)
    }

    fn patterns(&self) -> [&[String]; 5] {
        [&self.names, &self.principals, &self.addresses, &self.access_keys, &self.resources]
    }

    /// Returns whether the text may hold a match. Texts with escaped letters are parsed.
    fn may_match(&self, text: &[u8]) -> bool {
        let few = |patterns: &&[String]| !patterns.is_empty() && patterns.len() <= FEW;
        let mut set = self.patterns().into_iter().filter(few);
        let here = self.starved
            || self.kms_uses
            || set.all(|patterns| patterns.iter().any(|pattern| holds(text, pattern)));
        here || memchr::memmem::find(text, b"\\u00").is_some()
    }

    fn matches(&self, event: &Fields) -> bool {
        let time = event.event_time.as_deref().and_then(Timestamp::parse);
        let within = |edge: Option<Timestamp>, inside: fn(Timestamp, Timestamp) -> bool| {
            edge.is_none_or(|edge| time.is_some_and(|time| inside(time, edge)))
        };
        let who = &event.user_identity;
        let at = |pointer: &str| who.pointer(pointer).and_then(Value::as_str);
        let text = |of: &Option<String>, patterns: &[String]| {
            patterns.is_empty() || of.as_deref().is_some_and(|text| fits(patterns, text))
        };
        within(self.from, |time, from| time >= from)
            && within(self.to, |time, to| time < to)
            && (text(&event.event_name, &self.names)
                || (self.starved && event.is_starved())
                || (self.kms_uses && event.is_kms_use()))
            && text(&event.source_ip_address, &self.addresses)
            && (self.access_keys.is_empty()
                || at("/accessKeyId").is_some_and(|key| fits(&self.access_keys, key)))
            && (self.principals.is_empty()
                || PRINCIPAL.iter().any(|it| at(it).is_some_and(|it| fits(&self.principals, it))))
            && (self.resources.is_empty() || event.names(&self.resources))
    }
}

/// Returns the event with this text; `None` if its fields do not have the types of an event's.
pub(super) fn event_of(text: &[u8]) -> Option<TrailEvent> {
    serde_json::from_slice::<Fields>(text).ok()?.event(text)
}

/// Where an event names its caller.
const PRINCIPAL: [&str; 7] = [
    "/arn",
    "/userName",
    "/principalId",
    "/invokedBy",
    "/accountId",
    "/sessionContext/sessionIssuer/arn",
    "/sessionContext/sessionIssuer/userName",
];

fn fits(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| glob(pattern, text, CaseRule::Counts))
}

/// Returns whether the text holds the longest part of the pattern between its wildcards, unless
/// JSON would spell that differently.
fn holds(text: &[u8], pattern: &str) -> bool {
    let longest = pattern.split(['*', '?']).max_by_key(|part| part.len()).unwrap_or_default();
    let plain =
        longest.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\/<>&=".contains(&byte));
    !plain || memchr::memmem::find(text, longest.as_bytes()).is_some()
}

/// Returns whether the content has the form of a log file: a cheap look that is enough where nothing
/// in it is returned.
fn has_form(content: &[u8]) -> bool {
    let start = content.trim_ascii_start();
    start.starts_with(b"{") && memchr::memmem::find(start, b"\"Records\"").is_some()
}

impl Fields {
    /// Returns what `readOnly` says; `None` if it says nothing.
    fn reads(&self) -> Option<bool> {
        match &self.read_only {
            Value::Bool(reads) => Some(*reads),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn is_starved(&self) -> bool {
        self.request_parameters.get("omitted") == Some(&Value::Bool(true))
    }

    fn is_kms_use(&self) -> bool {
        let (source, name) = (self.event_source.as_deref(), self.event_name.as_deref());
        is_kms_use(source, name, &self.request_parameters)
    }

    /// Returns whether any resource or parameter is named like this.
    fn names(&self, patterns: &[String]) -> bool {
        let arns = items(Some(&self.resources)).iter().flat_map(resource_names);
        let mut arns = arns.filter(|name| fits(patterns, name));
        arns.next().is_some() || holds_value(&self.request_parameters, patterns, 0)
    }

    fn event(&self, raw: &[u8]) -> Option<TrailEvent> {
        let (json, redacted) = without_secrets(raw)?;
        let who = |pointer: &str| self.user_identity.pointer(pointer).and_then(Value::as_str);
        let first = |pointers: &[&str]| {
            cut(pointers.iter().find_map(|pointer| who(pointer)).unwrap_or_default())
        };
        let text = |of: &Option<String>| cut(of.as_deref().unwrap_or_default());
        let arns = items(Some(&self.resources)).iter().flat_map(resource_names);
        Some(TrailEvent {
            time: self.event_time.as_deref().and_then(Timestamp::parse),
            id: text(&self.event_id),
            name: text(&self.event_name),
            source: text(&self.event_source),
            region: text(&self.aws_region),
            account: text(&self.recipient_account_id),
            principal: match first(&["/arn", "/invokedBy"]) {
                named if named.is_empty() => {
                    cut(&without_arn(who("/accountId"), who("/principalId")))
                }
                named => named,
            },
            user: first(&[
                "/userName",
                "/sessionContext/sessionIssuer/userName",
                "/invokedBy",
                "/principalId",
            ]),
            access_key: first(&["/accessKeyId"]),
            address: text(&self.source_ip_address),
            agent: text(&self.user_agent),
            error: cut(self.error_code.as_str().unwrap_or_default()),
            category: text(&self.event_category),
            read_only: self.reads() == Some(true),
            resources: arns.take(RESOURCES).map(cut).collect(),
            json,
            redacted,
        })
    }
}

fn resource_names(resource: &Value) -> impl Iterator<Item = &str> {
    ["ARN", "ARNPrefix"].into_iter().filter_map(|name| resource.get(name)?.as_str())
}

fn holds_value(value: &Value, patterns: &[String], depth: usize) -> bool {
    match value {
        Value::String(text) => fits(patterns, text),
        Value::Array(list) if depth < 32 => {
            list.iter().any(|value| holds_value(value, patterns, depth + 1))
        }
        Value::Object(map) if depth < 32 => {
            map.values().any(|value| holds_value(value, patterns, depth + 1))
        }
        _ => false,
    }
}

fn cut(text: &str) -> String {
    let text = &*text_without_secrets(text);
    text.get(..text.floor_char_boundary(TEXT)).unwrap_or_default().to_owned()
}

/// Returns whether an event may be a call of KMS for an object of evidence, in any bucket.
fn is_kms_use(source: Option<&str>, name: Option<&str>, request: &Value) -> bool {
    source == Some(KMS)
        && matches!(name, Some(KMS_WRITES | KMS_READS))
        && request
            .pointer("/encryptionContext/aws:s3:arn")
            .and_then(Value::as_str)
            .is_some_and(|arn| arn.contains(ROOT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn content() -> Vec<u8> {
        let event = |id: &str, name: &str, time: &str| {
            json!({
                "eventID": id, "eventName": name, "eventSource": "s3.amazonaws.com",
                "eventTime": time, "sourceIPAddress": "198.51.100.23", "userAgent": "a/1",
                "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
                "eventCategory": "Management", "readOnly": false,
                "userIdentity": {
                    "arn": "arn:aws:sts::111122223333:assumed-role/admin/mallory",
                    "accessKeyId": "ASIAEXAMPLE", "principalId": "AROA:mallory",
                    "sessionContext": {"sessionIssuer": {"userName": "admin",
                        "arn": "arn:aws:iam::111122223333:role/admin"}},
                },
                "requestParameters": {"bucketName": "logs", "list": [{"key": "AWSLogs/x <y>"}]},
                "resources": [{"ARN": "arn:aws:s3:::logs"}],
                "responseElements": {"credentials": {"sessionToken": "SECRET"}},
            })
        };
        let events = [
            event("1", "DeleteBucket", "2026-03-01T00:00:00Z"),
            event("2", "PutBucketPolicy", "2026-03-01T01:00:00Z"),
        ];
        json!({ "Records": events }).to_string().into_bytes()
    }

    fn ids(filter: &EventFilter) -> Vec<String> {
        filter.search(&content()).unwrap().events.into_iter().map(|event| event.id).collect()
    }

    fn of(set: impl FnOnce(&mut EventFilter)) -> EventFilter {
        let mut filter = EventFilter::default();
        set(&mut filter);
        filter
    }

    #[test]
    fn no_more_events_are_built_than_are_asked_for() {
        let all = EventFilter::default().search(&content()).unwrap();
        let filter = EventFilter { most: Some(1), rates: true, ..EventFilter::default() };
        let some = filter.search(&content()).unwrap();
        let count = u64::try_from(all.events.len()).unwrap();
        assert!(count > 1 && some.events[..] == all.events[..1]);
        assert_eq!(some.left_out, count - 1);
        assert_eq!(some.rate, EventRate { reads: 0, writes: count });
    }

    #[test]
    fn every_part_of_a_filter_selects() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let at = |text: &str| Timestamp::parse(text);
        for (filter, expected) in [
            (EventFilter::default(), vec!["1", "2"]),
            (of(|it| it.names = texts(&["DeleteBucket"])), vec!["1"]),
            (of(|it| it.names = texts(&["deletebucket"])), vec![]),
            (of(|it| it.names = texts(&["*Bucket*"])), vec!["1", "2"]),
            (of(|it| it.names = texts(&["Nothing", "Put?ucketPolicy"])), vec!["2"]),
            (of(|it| it.principals = texts(&["admin"])), vec!["1", "2"]),
            (of(|it| it.principals = texts(&["*/mallory"])), vec!["1", "2"]),
            (of(|it| it.principals = texts(&["mallory"])), vec![]),
            (of(|it| it.addresses = texts(&["198.51.100.*"])), vec!["1", "2"]),
            (of(|it| it.addresses = texts(&["198.51.100.2"])), vec![]),
            (of(|it| it.access_keys = texts(&["ASIAEXAMPLE"])), vec!["1", "2"]),
            (of(|it| it.resources = texts(&["arn:aws:s3:::logs"])), vec!["1", "2"]),
            (of(|it| it.resources = texts(&["AWSLogs/x <y>"])), vec!["1", "2"]),
            (of(|it| it.resources = texts(&["AWSLogs/z"])), vec![]),
            (of(|it| it.from = at("2026-03-01T00:00:01Z")), vec!["2"]),
            (of(|it| it.to = at("2026-03-01T01:00:00Z")), vec!["1"]),
            (
                of(|it| {
                    it.names = texts(&["DeleteBucket"]);
                    it.addresses = texts(&["10.0.0.1"]);
                }),
                vec![],
            ),
        ] {
            assert_eq!(ids(&filter), expected, "{filter:?}");
        }
    }

    #[test]
    fn an_event_has_its_fields_and_no_secret() {
        let all = EventFilter::default().search(&content()).unwrap().events;
        let event = &all[0];
        assert_eq!(event.principal, "arn:aws:sts::111122223333:assumed-role/admin/mallory");
        assert_eq!((event.user.as_str(), event.access_key.as_str()), ("admin", "ASIAEXAMPLE"));
        assert_eq!(event.resources, ["arn:aws:s3:::logs"]);
        assert!(event.redacted && !event.json.contains("SECRET"), "{}", event.json);
        assert!(event.json.contains("\"readOnly\":false"), "{}", event.json);
    }

    #[test]
    fn escaped_letters_do_not_hide_an_event() {
        let text = String::from_utf8(content()).unwrap().replace("DeleteB", "Delete\\u0042");
        let filter = of(|it| it.names = vec!["DeleteBucket".to_owned()]);
        assert_eq!(filter.search(text.as_bytes()).unwrap().events.len(), 1);
    }

    #[test]
    fn a_file_without_records_is_not_a_log_file() {
        for filter in [EventFilter::default(), of(|it| it.names = vec!["X".to_owned()])] {
            assert_eq!(filter.search(b"[]"), None);
            assert_eq!(filter.search(b"{\"Records\":[]}"), Some(FoundEvents::default()));
        }
    }

    /// A text that JSON forbids, and nesting without end, hide one event at most, and it is counted.
    #[test]
    fn an_event_that_cannot_be_parsed_is_counted_and_hides_no_other() {
        let filter = of(|it| it.names = vec!["StopLogging".to_owned()]);
        let good = r#"{"eventName":"StopLogging","eventID":"1"}"#;
        let deep = format!("{}{}", r#"{"a":"#.repeat(140), "}".repeat(140));
        let deep = deep.replace(":}", ":1}");
        for (bad, unparsed) in [
            (r#"{"eventName":"StopLogging","userAgent":"a\ud800"}"#.to_owned(), 1),
            (format!(r#"{{"eventName":"StopLogging","requestParameters":{deep}}}"#), 1),
            (format!(r#"{{"eventName":"Stop\u004cogging","requestParameters":{deep}}}"#), 1),
            (format!(r#"{{"eventName":"InvokeModel","requestParameters":{deep}}}"#), 0),
        ] {
            let content = format!(r#"{{"Records":[{bad},{good}]}}"#);
            let found = filter.search(content.as_bytes()).unwrap();
            assert_eq!((found.events.len(), found.unparsed), (1, unparsed), "{bad}");
        }
    }
}
