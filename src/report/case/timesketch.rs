//! `timesketch.jsonl`: the timeline with the fields that Timesketch's importer, its taggers and
//! plaso's formatter know.
use super::model::{CaseEvent, CaseReport, TimelineEntry};
use super::words::technique as technique_words;
use serde_json::{Map, Value, json};
use std::io;
use trailproof_core::codes::technique::{TimeIs, Witness};
use trailproof_core::record::wire::write_json;
use trailproof_core::vocab::location::escape;

/// The longest text that is indexed as a keyword, in bytes.
const KEYWORD: usize = 32_766;

/// Returns the lines.
///
/// # Errors
///
/// They cannot be serialized.
pub(crate) fn timesketch(case: &CaseReport) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for line in &case.timeline {
        let event = line.event.and_then(|at| case.events.get(at));
        write_json(&mut out, &fields(line, event))?;
        out.push(b'\n');
    }
    Ok(out)
}

fn fields(line: &TimelineEntry, event: Option<&CaseEvent>) -> Value {
    let mut fields = Map::new();
    let mut cut = false;
    let mut put = |name: &str, text: &str| {
        let kept = text.get(..text.floor_char_boundary(KEYWORD)).unwrap_or_default();
        cut |= kept.len() < text.len();
        fields.insert(name.to_owned(), kept.into());
    };
    put("message", &message(line));
    put("datetime", &line.time.to_string().replace('Z', "+00:00"));
    let (description, kind) = match line.time_is {
        TimeIs::Event => ("Recorded Time", "aws:cloudtrail:entry"),
        TimeIs::Delivery => ("Delivery Time", "trailproof:finding"),
        TimeIs::CoverageFrom | TimeIs::CoverageTo => ("Coverage Time", "trailproof:coverage"),
        TimeIs::LastModified => ("Content Modification Time", "trailproof:s3:version"),
        TimeIs::Marker => ("Deletion Time", "trailproof:s3:marker"),
        TimeIs::History => ("Recorded Time", "trailproof:event:history"),
        TimeIs::Difference => ("Recorded Time", "trailproof:event:difference"),
        TimeIs::Claimed => ("Claimed Time", "trailproof:event:unproven"),
        TimeIs::Request => ("Request Time", "trailproof:s3:access"),
    };
    put("timestamp_desc", description);
    put("data_type", kind);
    put("proof", proof(line.witness));
    if let Some(CaseEvent { event, .. }) = event {
        put("access_key", &event.access_key);
        put("account_identifier", &event.account);
        put("cloud_trail_event", &event.json);
        put("event_name", &event.name);
        put("event_source", &event.source);
        put("resources", &event.resources.join(", "));
        put("source_ip", &event.address);
        put("user_identity_arn", &event.principal);
        put("username", &event.user);
        put("user_name", &event.user);
    } else {
        put("target", &line.target);
        if let Some(finding) = line.finding {
            put("finding", finding);
        }
    }
    if cut {
        fields.insert("cut".to_owned(), true.into());
    }
    let mut tags = vec!["trailproof".to_owned()];
    if let Some(technique) = line.technique {
        tags.push(technique.code().to_owned());
        tags.extend(technique.attacks().iter().map(|attack| attack.id.to_owned()));
    }
    fields.insert("timestamp".to_owned(), json!(line.time.unix().saturating_mul(1_000_000)));
    fields.insert("tag".to_owned(), json!(tags));
    Value::Object(fields)
}

fn proof(witness: Witness) -> &'static str {
    match witness {
        Witness::Proven => "proven",
        Witness::Unproven => "unproven",
        Witness::Unsigned | Witness::Store | Witness::Configuration => "unsigned",
    }
}

fn message(line: &TimelineEntry) -> String {
    let mut words = line.what.clone();
    if !line.outcome.is_empty() && line.outcome != "ok" {
        words += &format!(" ({})", line.outcome);
    }
    if !line.who.is_empty() {
        words += &format!(" by {}", line.who);
    }
    if !line.from_where.is_empty() {
        words += &format!(" from {}", line.from_where);
    }
    if !line.target.is_empty() {
        words += &format!(": {}", line.target);
    }
    if let Some(technique) = line.technique {
        words += &format!(" [{}]", technique_words(technique));
    }
    escape(&words).into_owned()
}
