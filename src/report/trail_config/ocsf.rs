//! `trail-config --ocsf`: each result as a Compliance Finding of the Open Cybersecurity Schema Framework,
//! with the controls that it serves.
use super::json;
use super::result::{CheckResult, ConfigReport, Control};
use super::words;
use crate::report::ocsf::finding_head;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::io;
use trailproof_core::control::check::{About, Severity};
use trailproof_core::control::status::Status;
use trailproof_core::record::wire::write_json;

/// Returns the results, one JSON object a line.
///
/// # Errors
///
/// An event cannot be serialized.
pub(crate) fn ocsf(report: &ConfigReport) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for result in &report.results {
        write_json(&mut out, &event(report, result))?;
        out.push(b'\n');
    }
    Ok(out)
}

/// The standard of checks that no framework asks for.
const OWN: &str = "AWS CloudTrail configuration";
/// Observable type of a resource's unique identifier.
const RESOURCE_UID: u32 = 10;

/// Severity of a failure; what did not fail informs.
fn severity(result: &CheckResult) -> (u8, &'static str) {
    match (result.judgement.status, result.check.severity()) {
        (Status::Fail, Severity::High) => (4, "High"),
        (Status::Fail, Severity::Medium) => (3, "Medium"),
        (Status::Fail, Severity::Low) => (2, "Low"),
        _ => (1, "Informational"),
    }
}

fn compliance_status(status: Status) -> (u8, &'static str) {
    match status {
        Status::Pass => (1, "Pass"),
        Status::Fail => (3, "Fail"),
        Status::NotAvailable | Status::Manual | Status::NotApplicable => (0, "Unknown"),
    }
}

fn event(report: &ConfigReport, result: &CheckResult) -> Value {
    let words = words::why(result);
    let time = report.as_of.map_or(0, |at| at.unix().saturating_mul(1_000));
    let mut event = finding_head(severity(result), &words, time, env!("CARGO_PKG_VERSION"));
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    let kind = match result.check.about() {
        About::Trail => "AWS::CloudTrail::Trail",
        About::Bucket => "AWS::S3::Bucket",
        About::Key => "AWS::KMS::Key",
        About::Organization => "AWS::Organizations::Organization",
    };
    put("cloud", json!({ "provider": "AWS" }));
    let mut uid = Sha256::new();
    for part in [result.check.code(), &result.trail, &result.subject] {
        uid.update(part.len().to_be_bytes());
        uid.update(part);
    }
    put(
        "finding_info",
        json!({
            "uid": hex::encode(uid.finalize()),
            "title": words::title(result.check),
            "desc": words,
            "types": [result.check.code()],
        }),
    );
    let frameworks = result.controls.iter().filter(|control| !control.tool);
    let named: BTreeSet<String> = frameworks.clone().map(Control::standard).collect();
    let standards: Vec<String> = [OWN.to_owned()].into_iter().chain(named).collect();
    let requirements: BTreeSet<String> =
        frameworks.map(|control| format!("{}: {}", control.standard(), control.id)).collect();
    let (status_id, status) = compliance_status(result.judgement.status);
    put(
        "compliance",
        json!({
            "control": words::name(result.check),
            "standards": standards,
            "requirements": requirements,
            "status_id": status_id,
            "status": status,
            "status_code": result.judgement.status.code(),
            "status_detail": words::why(result),
        }),
    );
    put("resources", json!([{ "uid": result.subject, "type": kind, "name": result.subject }]));
    put(
        "observables",
        json!([{
            "name": "resources.uid",
            "type_id": RESOURCE_UID,
            "type": "Resource UID",
            "value": result.subject,
        }]),
    );
    put("evidences", json!([{ "data": json::result(result) }]));
    Value::Object(event)
}
