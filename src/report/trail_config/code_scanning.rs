//! `trail-config --sarif` and `--format github`: failures of a plan or template, for code scanning.
use super::result::{CheckResult, ConfigReport};
use super::words;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use trailproof_core::control::check::{CheckId, Severity};
use trailproof_core::control::status::Status;
use trailproof_core::record::wire::write_json_pretty;
use trailproof_core::vocab::location::escape;

fn failures(report: &ConfigReport) -> impl Iterator<Item = &CheckResult> {
    report.results.iter().filter(|result| result.judgement.status == Status::Fail)
}

fn message(result: &CheckResult) -> String {
    format!(
        "{}: {}; observed: {}",
        escape(&result.subject),
        words::why(result),
        words::observed(result)
    )
}

/// Returns the failures as SARIF 2.1.0. A plan has no line numbers: the place is the address of the
/// resource, in the file that was read.
///
/// # Errors
///
/// The document cannot be serialized.
pub(crate) fn sarif(report: &ConfigReport) -> io::Result<Vec<u8>> {
    let used: BTreeSet<CheckId> = failures(report).map(|result| result.check).collect();
    let rule = |check: &CheckId| {
        let of_check = failures(report).find(|result| result.check == *check);
        let controls = of_check.map(|result| result.controls.as_slice()).unwrap_or_default();
        let tags: BTreeSet<String> =
            controls.iter().map(|it| format!("{}:{}", it.framework, it.id)).collect();
        json!({
            "id": check.code(),
            "name": check.policy().unwrap_or(check.code()),
            "shortDescription": { "text": words::title(*check) },
            "defaultConfiguration": { "level": level(*check) },
            "properties": { "tags": tags },
        })
    };
    let file = report.inputs.first().map_or("input.json", |input| input.name.as_str());
    let result = |result: &CheckResult| {
        json!({
            "ruleId": result.check.code(),
            "level": level(result.check),
            "message": { "text": message(result) },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": { "uri": uri(file) },
                    "region": { "startLine": 1 },
                },
                "logicalLocations": [{ "fullyQualifiedName": result.subject, "kind": "resource" }],
            }],
            "partialFingerprints": {
                "trailproof/v1": format!("{}:{}", result.check.code(), result.subject),
            },
        })
    };
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "trailproof",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": used.iter().map(rule).collect::<Vec<Value>>(),
            } },
            "results": failures(report).map(result).collect::<Vec<Value>>(),
        }],
    });
    let mut out = Vec::new();
    write_json_pretty(&mut out, &document)?;
    out.push(b'\n');
    Ok(out)
}

fn level(check: CheckId) -> &'static str {
    match check.severity() {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "note",
    }
}

/// Returns a file's name as the reference that it is in a URI.
fn uri(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// Returns the failures as workflow commands of GitHub Actions.
pub(crate) fn github(report: &ConfigReport) -> String {
    let mut out = String::new();
    for result in failures(report) {
        let kind = match level(result.check) {
            "note" => "notice",
            other => other,
        };
        let name = words::name(result.check);
        let title = property(&format!("{name}: {}", words::title(result.check)));
        let _ = writeln!(out, "::{kind} title={title}::{}", data(&message(result)));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_neither_a_command_nor_a_property() {
        assert_eq!(data("a%\r\nb:c"), "a%25%0D%0Ab:c");
        assert_eq!(property("a,b:c"), "a%2Cb%3Ac");
        assert_eq!(uri("a b?#é.json"), "a%20b%3F%23%C3%A9.json");
    }
}
