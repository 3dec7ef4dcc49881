//! `ocsf.json`: one OCSF Detection Finding for each deed, as JSON lines.
use super::model::{CaseDeed, CaseEvent, CaseReport};
use super::words;
use crate::report::ocsf::VERSION;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::io;
use trailproof_core::codes::technique::{ATTACK_VERSION, Attack, Confidence, Technique};
use trailproof_core::record::wire::write_json;
use trailproof_core::vocab::location::escape;

/// Detection Finding in OCSF.
const CLASS: u64 = 2004;
/// Its type `Create`.
const TYPE: u64 = 200_401;

/// Returns the findings, one per line.
///
/// # Errors
///
/// They cannot be serialized.
pub(crate) fn ocsf(case: &CaseReport) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for deed in &case.deeds {
        write_json(&mut out, &finding(case, deed))?;
        out.push(b'\n');
    }
    Ok(out)
}

fn finding(case: &CaseReport, deed: &CaseDeed) -> Value {
    let title = words::technique(deed.technique);
    let words = format!(
        "{title}, {}. {}: {}.",
        words::by(deed),
        deed.confidence.code(),
        words::confidence(deed)
    );
    let time = deed.when.or(deed.effect.map(|(from, _)| from)).unwrap_or(case.period.end);
    let (severity_id, severity) = match (deed.technique, deed.confidence) {
        // By itself it takes nothing from the evidence.
        (Technique::WatchersOff, _) => (1, "Informational"),
        (_, Confidence::Possible) => (3, "Medium"),
        (_, _) => (4, "High"),
    };
    let (confidence_id, confidence) = match deed.confidence {
        Confidence::Shown => (3, "High"),
        Confidence::Likely => (2, "Medium"),
        Confidence::Possible => (1, "Low"),
    };
    let resources: Vec<Value> = deed
        .objects
        .iter()
        .take(100)
        .map(|at| json!({"uid": at.uri(), "type": "AWS::S3::Object", "name": at.key}))
        .collect();
    let mut event = json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": TYPE,
        "type_name": "Detection Finding: Create",
        "severity_id": severity_id,
        "severity": severity,
        "confidence_id": confidence_id,
        "confidence": confidence,
        "status_id": 1,
        "status": "New",
        "message": words,
        "time": time.unix().saturating_mul(1_000),
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "product": {
                "name": "trailproof", "uid": "trailproof", "vendor_name": "trailproof",
                "version": env!("CARGO_PKG_VERSION"),
            },
        },
        "cloud": {"provider": "AWS"},
        "finding_info": {
            "uid": uid(case, deed),
            "title": title,
            "desc": words,
            "types": [deed.technique.code()],
            "attacks": deed.technique.attacks().iter().map(attack).collect::<Vec<_>>(),
        },
        "evidences": evidences(case, deed),
        "resources": resources,
    });
    if let (Some((from, to)), Some(fields)) = (deed.effect, event.as_object_mut()) {
        fields.insert("start_time".to_owned(), from.unix().saturating_mul(1_000).into());
        fields.insert("end_time".to_owned(), to.unix().saturating_mul(1_000).into());
    }
    event
}

fn attack(attack: &Attack) -> Value {
    let mut fields = Map::new();
    fields.insert("version".to_owned(), ATTACK_VERSION.into());
    fields.insert("tactic".to_owned(), json!({"uid": attack.tactic, "name": attack.tactic_name}));
    let own = json!({"uid": attack.id, "name": attack.name});
    match (attack.parent, attack.id.split_once('.')) {
        (Some(parent), Some((id, _))) => {
            fields.insert("technique".to_owned(), json!({"uid": id, "name": parent}));
            fields.insert("sub_technique".to_owned(), own);
        }
        _ => {
            fields.insert("technique".to_owned(), own);
        }
    }
    Value::Object(fields)
}

/// Returns the events that show it, or else what it was done to.
fn evidences(case: &CaseReport, deed: &CaseDeed) -> Vec<Value> {
    let of_event = |CaseEvent { event, log, .. }: &CaseEvent| {
        json!({
            "actor": {"user": {"name": event.user, "uid": event.principal}},
            "api": {"operation": event.name},
            "src_endpoint": {"name": escape(&event.address)},
            "data": {
                "event_id": event.id,
                "event_source": event.source,
                "log_file": log.at.uri(),
                "log_file_sha256": hex::encode(log.hash),
                "digest": log.digest.at.uri(),
                "confidence": deed.confidence.code(),
                "witness": deed.witness.code(),
            },
        })
    };
    let events = deed.events.iter().filter_map(|at| case.events.get(*at)).take(20);
    let found: Vec<Value> = events.map(of_event).collect();
    if !found.is_empty() {
        return found;
    }
    let who = if deed.who.is_empty() { "unknown" } else { &deed.who };
    vec![json!({
        "actor": {"user": {"name": who}},
        "data": {
            "chains": deed.chains,
            "objects": deed.object_count,
            "confidence": deed.confidence.code(),
            "witness": deed.witness.code(),
        },
    })]
}

/// Returns an identifier that is equal only for the same deed of the same record.
fn uid(case: &CaseReport, deed: &CaseDeed) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    };
    add(&case.record_sha256);
    add(deed.technique.code());
    add(&deed.who);
    add(&deed.when.map(|when| when.to_string()).unwrap_or_default());
    add(&deed.effect.map(|(from, to)| format!("{from}/{to}")).unwrap_or_default());
    deed.objects.iter().for_each(|at| add(&at.uri()));
    deed.events.iter().filter_map(|at| case.events.get(*at)).for_each(|event| add(&event.event.id));
    hex::encode(hash.finalize())
}
