//! `trail-config --format json` and `jsonl`: the result file `trail-config.json`, and its reader.
use super::result::{
    Basis, Call, CheckResult, ConfigReport, Control, ControlSource, InputFile, RecordUsed,
    TrailShown,
};
use serde_json::{Map, Value, json};
use std::io;
use trailproof_core::bytes::json_size::exceeds_values;
use trailproof_core::control::fact::{Unread, UnreadWhy};
use trailproof_core::control::facts::Wanted;
use trailproof_core::control::operation::Operation;
use trailproof_core::control::status::{Judgement, Pitfall, Reason, Status};
use trailproof_core::record::wire::{write_json, write_json_pretty};
use trailproof_core::vocab::budget::JSON_VALUES;
use trailproof_core::vocab::time::{Period, Timestamp};

/// Number of the schema. Any version may add a field; changing or removing one requires a new number.
pub(crate) const SCHEMA: u64 = 1;

/// Returns the report as one JSON document.
///
/// # Errors
///
/// The document cannot be serialized.
pub(crate) fn json(report: &ConfigReport) -> io::Result<Vec<u8>> {
    let mut document = head(report);
    let results: Vec<Value> = report.results.iter().map(result).collect();
    document.insert("results".to_owned(), results.into());
    document.insert("calls".to_owned(), report.calls.iter().map(call).collect());
    document.insert("summary".to_owned(), summary(report));
    let mut out = Vec::new();
    write_json_pretty(&mut out, &Value::Object(document))?;
    out.push(b'\n');
    Ok(out)
}

/// Returns the report as lines of JSON: the head, each result, each request, and the summary.
///
/// # Errors
///
/// A line cannot be serialized.
pub(crate) fn json_lines(report: &ConfigReport) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut line = |event: &str, fields: Value| {
        let mut line = Map::from_iter([("event".to_owned(), Value::from(event))]);
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        write_json(&mut out, &Value::Object(line))?;
        out.push(b'\n');
        io::Result::Ok(())
    };
    line("config-started", Value::Object(head(report)))?;
    for of in &report.results {
        line("check", result(of))?;
    }
    for of in &report.calls {
        line("call", call(of))?;
    }
    line("config-finished", summary(report))?;
    Ok(out)
}

fn head(report: &ConfigReport) -> Map<String, Value> {
    let file = |it: &InputFile| json!({ "name": it.name, "sha256": it.sha256 });
    let record = |it: &RecordUsed| {
        json!({
            "name": it.name,
            "sha256": it.sha256,
            "bucket": it.bucket,
            "from": it.period.start.to_string(),
            "to": it.period.end.to_string(),
        })
    };
    let trail = |it: &TrailShown| {
        json!({
            "subject": it.subject,
            "name": it.name,
            "bucket": it.bucket,
            "key": it.key,
            "basis": it.basis.code(),
        })
    };
    let source = |it: &ControlSource| json!({ "code": it.code, "name": it.name, "date": it.date });
    let fields = json!({
        "schema": SCHEMA,
        "tool": "trailproof",
        "version": env!("CARGO_PKG_VERSION"),
        "as_of": report.as_of.map(|at| at.to_string()),
        "framework": report.framework,
        "wanted": {
            "retention_days": report.wanted.retention_days,
            "at_hand_days": report.wanted.at_hand_days,
        },
        "inputs": report.inputs.iter().map(file).collect::<Vec<_>>(),
        "records": report.records.iter().map(record).collect::<Vec<_>>(),
        "incomplete": report.incomplete,
        "trails": report.trails.iter().map(trail).collect::<Vec<_>>(),
        "control_sources": report.sources.iter().map(source).collect::<Vec<_>>(),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn summary(report: &ConfigReport) -> Value {
    let counts = report.counts();
    json!({
        "pass": counts.pass,
        "fail": counts.fail,
        "not_available": counts.not_available,
        "manual": counts.manual,
        "not_applicable": counts.not_applicable,
    })
}

/// Returns one result. Other outputs carry it as their data.
pub(crate) fn result(result: &CheckResult) -> Value {
    let judgement = &result.judgement;
    let severity: &str = result.check.severity().into();
    let unread = |it: &Unread| {
        json!({
            "operation": it.operation.name(),
            "why": it.why.code(),
            "permission": it.operation.permission(),
            "detail": it.detail,
        })
    };
    let control = |it: &Control| {
        json!({
            "framework": it.framework,
            "name": it.name,
            "version": it.version,
            "tool": it.tool,
            "id": it.id,
            "source": it.source,
        })
    };
    json!({
        "id": result.check.code(),
        "policy": result.check.policy(),
        "severity": severity,
        "trail": result.trail,
        "subject": result.subject,
        "status": judgement.status.code(),
        "reason": judgement.reason.code(),
        "basis": result.basis.code(),
        "by_reference": judgement.by_reference,
        "observed": judgement.observed,
        "wanted": result.wanted,
        "pitfalls": judgement.pitfalls.iter().map(|it| it.code()).collect::<Vec<_>>(),
        "unread": judgement.unread.iter().map(unread).collect::<Vec<_>>(),
        "calls": result.calls,
        "controls": result.controls.iter().map(control).collect::<Vec<_>>(),
        "contradicts": result.contradicts.map(Status::code),
    })
}

fn call(call: &Call) -> Value {
    json!({
        "service": call.service,
        "operation": call.operation,
        "region": call.region,
        "target": call.target,
        "request_id": call.request_id,
        "time": call.time.to_string(),
        "http_status": call.http_status,
        "error_code": call.error_code,
        "response_sha256": call.response_sha256,
    })
}

/// Reads a result file.
///
/// # Errors
///
/// Returns what is wrong with it, as a continuation of "it".
pub(crate) fn read(text: &str) -> Result<ConfigReport, String> {
    if exceeds_values(text.as_bytes(), JSON_VALUES) {
        return Err(format!("has more than {JSON_VALUES} values"));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    if value.get("tool").and_then(Value::as_str) != Some("trailproof")
        || value.get("results").is_none()
    {
        return Err("is not a result of `trailproof trail-config --format json`".to_owned());
    }
    let schema = value.get("schema").and_then(Value::as_u64);
    if schema != Some(SCHEMA) {
        return Err(format!("has a schema other than {SCHEMA}"));
    }
    document(&value).ok_or_else(|| "has a field that is missing or of an unknown form".to_owned())
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

fn list<'a>(value: &'a Value, name: &str) -> Option<&'a Vec<Value>> {
    value.get(name)?.as_array()
}

fn each<T>(value: &Value, name: &str, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    list(value, name)?.iter().map(read).collect()
}

fn time(value: &Value, name: &str) -> Option<Timestamp> {
    Timestamp::parse(value.get(name)?.as_str()?)
}

fn document(value: &Value) -> Option<ConfigReport> {
    let days = |name: &str| value.get("wanted")?.get(name)?.as_u64();
    Some(ConfigReport {
        as_of: time(value, "as_of"),
        framework: text(value, "framework"),
        wanted: Wanted {
            retention_days: days("retention_days")?,
            at_hand_days: days("at_hand_days")?,
        },
        inputs: each(value, "inputs", |it| {
            Some(InputFile { name: text(it, "name")?, sha256: text(it, "sha256")? })
        })?,
        // Results of older versions do not have it.
        records: match value.get("records") {
            Some(_) => each(value, "records", read_record)?,
            None => Vec::new(),
        },
        incomplete: value.get("incomplete")?.as_bool()?,
        trails: each(value, "trails", |it| {
            Some(TrailShown {
                subject: text(it, "subject")?,
                name: text(it, "name"),
                bucket: text(it, "bucket"),
                key: text(it, "key"),
                basis: text(it, "basis")?.parse::<Basis>().ok()?,
            })
        })?,
        results: each(value, "results", read_result)?,
        calls: each(value, "calls", read_call)?,
        sources: each(value, "control_sources", |it| {
            let source = ControlSource {
                code: text(it, "code")?,
                name: text(it, "name")?,
                date: text(it, "date")?,
            };
            Some(source)
        })?,
    })
}

fn read_record(value: &Value) -> Option<RecordUsed> {
    Some(RecordUsed {
        name: text(value, "name")?,
        sha256: text(value, "sha256")?,
        bucket: text(value, "bucket")?,
        period: Period { start: time(value, "from")?, end: time(value, "to")? },
    })
}

fn read_result(value: &Value) -> Option<CheckResult> {
    let unread = |it: &Value| {
        Some(Unread {
            operation: text(it, "operation")?.parse::<Operation>().ok()?,
            why: text(it, "why")?.parse::<UnreadWhy>().ok()?,
            detail: text(it, "detail")?,
        })
    };
    let control = |it: &Value| {
        Some(Control {
            framework: text(it, "framework")?,
            name: text(it, "name")?,
            version: text(it, "version"),
            tool: it.get("tool")?.as_bool()?,
            id: text(it, "id")?,
            source: text(it, "source")?,
        })
    };
    let contradicts = match value.get("contradicts")? {
        Value::Null => None,
        other => Some(other.as_str()?.parse::<Status>().ok()?),
    };
    Some(CheckResult {
        check: text(value, "id")?.parse().ok()?,
        trail: text(value, "trail")?,
        subject: text(value, "subject")?,
        basis: text(value, "basis")?.parse().ok()?,
        judgement: Judgement {
            status: text(value, "status")?.parse().ok()?,
            reason: text(value, "reason")?.parse::<Reason>().ok()?,
            observed: value.get("observed")?.as_object()?.clone(),
            pitfalls: each(value, "pitfalls", |it| it.as_str()?.parse::<Pitfall>().ok())?,
            unread: each(value, "unread", unread)?,
            by_reference: value.get("by_reference")?.as_bool()?,
        },
        wanted: value.get("wanted")?.clone(),
        calls: each(value, "calls", |it| usize::try_from(it.as_u64()?).ok())?,
        controls: each(value, "controls", control)?,
        contradicts,
    })
}

fn read_call(value: &Value) -> Option<Call> {
    let status = value.get("http_status")?.as_u64().and_then(|status| u16::try_from(status).ok());
    Some(Call {
        service: text(value, "service")?,
        operation: text(value, "operation")?,
        region: text(value, "region")?,
        target: text(value, "target")?,
        request_id: text(value, "request_id"),
        time: time(value, "time")?,
        http_status: status,
        error_code: text(value, "error_code"),
        response_sha256: text(value, "response_sha256"),
    })
}
