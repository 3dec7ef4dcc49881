//! Events in the attributes of the OCSF schema.
use crate::report::collect::Collected;
use crate::report::controls::{Controls, INTEGRITY};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use trailproof_core::vocab::chain_id::ChainId;

/// Version of the OCSF schema.
pub(crate) const VERSION: &str = "1.6.0";
/// The class Compliance Finding.
const CLASS: u32 = 2003;
/// The activity Create.
const CREATE: u32 = 1;
/// The type, which combines class and activity.
const TYPE: u32 = CLASS * 100 + CREATE;
/// Observable type of a resource's unique identifier.
const RESOURCE_UID: u32 = 10;

/// The fields in which the events of one run differ.
pub(super) struct EventContent {
    pub(super) level: Level,
    pub(super) code: String,
    pub(super) title: String,
    pub(super) words: String,
    pub(super) chain: Option<ChainId>,
    /// Name of the chain in the run.
    pub(super) chain_name: String,
    pub(super) resources: Vec<Resource>,
    pub(super) evidence: Value,
}

/// A resource that an event is about: an object, a folder, a bucket, an account, a region or a
/// trail.
pub(super) struct Resource {
    pub(super) uid: String,
    pub(super) kind: &'static str,
    pub(super) name: String,
}

/// Severity and compliance status, in the numbers and captions of the schema.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Pass,
    Warning,
    Fail,
}

impl Level {
    fn severity(self) -> (u8, &'static str) {
        match self {
            Self::Pass => (1, "Informational"),
            Self::Warning => (3, "Medium"),
            Self::Fail => (4, "High"),
        }
    }

    fn status(self) -> (u8, &'static str) {
        match self {
            Self::Pass => (1, "Pass"),
            Self::Warning => (2, "Warning"),
            Self::Fail => (3, "Fail"),
        }
    }
}

/// Returns the fields that every Compliance Finding has: its class, severity, words and time, and the
/// product.
pub(crate) fn finding_head(
    (severity_id, severity): (u8, &str),
    words: &str,
    milliseconds: i64,
    tool_version: &str,
) -> Map<String, Value> {
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    put("activity_id", CREATE.into());
    put("activity_name", "Create".into());
    put("category_uid", 2.into());
    put("category_name", "Findings".into());
    put("class_uid", CLASS.into());
    put("class_name", "Compliance Finding".into());
    put("type_uid", TYPE.into());
    put("type_name", "Compliance Finding: Create".into());
    put("severity_id", severity_id.into());
    put("severity", severity.into());
    put("status_id", 1.into());
    put("status", "New".into());
    put("message", words.into());
    put("time", milliseconds.into());
    put(
        "metadata",
        json!({
            "version": VERSION,
            "profiles": ["cloud"],
            "product": {
                "name": "trailproof",
                "uid": "trailproof",
                "vendor_name": "trailproof",
                "version": tool_version,
            },
        }),
    );
    event
}

/// Returns the event in the form of the schema.
pub(super) fn event(
    run: &Collected,
    content: &EventContent,
    controls: &Controls,
) -> Map<String, Value> {
    let (standards, requirements) = controls.standards(INTEGRITY);
    let own = "AWS CloudTrail log file integrity".to_owned();
    let standards: Vec<String> = [own].into_iter().chain(standards).collect();
    let (status_id, status) = content.level.status();
    let start = run.start.as_ref();
    let period = start.map(|start| start.period);
    // The time of the finding is the start of the run, if it is recorded.
    let made = run.circumstances.as_ref().map(|around| around.started.0);
    let time = made.or(period.map(|period| period.end)).map_or(0, |at| at.unix() * 1_000);
    let version = start.map_or(env!("CARGO_PKG_VERSION"), |start| start.tool.version.as_str());
    let mut event = finding_head(content.level.severity(), &content.words, time, version);
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    if let Some(period) = period {
        put("start_time", period.start.unix().saturating_mul(1_000).into());
        put("end_time", period.end.unix().saturating_mul(1_000).into());
    }
    put("cloud", cloud(content.chain.as_ref()));
    put(
        "finding_info",
        json!({
            "uid": uid(run, content),
            "title": content.title,
            "desc": content.words,
            "types": [content.code],
        }),
    );
    put(
        "compliance",
        json!({
            "control": "CloudTrail log file integrity validation",
            "standards": standards,
            "requirements": requirements,
            "status_id": status_id,
            "status": status,
            "status_code": content.code,
            "status_detail": content.words,
        }),
    );
    let resources: Vec<Value> = content
        .resources
        .iter()
        .map(
            |resource| json!({ "uid": resource.uid, "type": resource.kind, "name": resource.name }),
        )
        .collect();
    put("resources", resources.into());
    put("evidences", json!([{ "data": content.evidence }]));
    let observables: Vec<Value> = content
        .resources
        .iter()
        .map(|resource| {
            json!({
                "name": "resources.uid",
                "type_id": RESOURCE_UID,
                "type": "Resource UID",
                "value": resource.uid,
            })
        })
        .collect();
    put("observables", observables.into());
    event
}

fn cloud(chain: Option<&ChainId>) -> Value {
    let mut cloud = Map::new();
    cloud.insert("provider".into(), "AWS".into());
    if let Some(chain) = chain {
        cloud.insert("account".into(), json!({ "uid": chain.account.as_str(), "type_id": 10 }));
        cloud.insert("region".into(), chain.source_region.as_str().into());
        if let Some(organization) = &chain.organization {
            cloud.insert("org".into(), json!({ "uid": organization.as_str() }));
        }
    }
    Value::Object(cloud)
}

/// Returns an identifier that is equal only for the same finding of the same run.
fn uid(run: &Collected, content: &EventContent) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    };
    if let Some(start) = &run.start {
        add(&start.place.delivered_to.bucket);
        add(&start.place.delivered_to.prefix);
        start.place.read_from.iter().for_each(|at| add(&at.place));
        add(&start.period.start.to_string());
        add(&start.period.end.to_string());
    }
    add(&content.code);
    add(&content.chain_name);
    content.resources.iter().for_each(|resource| add(&resource.uid));
    hex::encode(hash.finalize())
}
