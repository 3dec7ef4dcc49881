//! The part of an evidence line that does not change if the evidence is read elsewhere or later.
//!
//! A copy has different ETags, versions and metadata, and a digest without metadata is proven in a
//! different way. The object, its outcome, its hash and its interval must be the same.
use super::line::LineError;
use super::strict_json;
use serde_json::{Map, Value};

const KEPT: [&str; 12] = [
    "event",
    "bucket",
    "key",
    "kind",
    "start",
    "end",
    "counts",
    "outcome",
    "sha256",
    "found_sha256",
    "log_files",
    "inflated_bytes",
];

/// Returns the line reduced to these fields, the finding, and the code of the read failure.
///
/// # Errors
///
/// The line cannot be parsed.
pub fn comparable_line(line: &[u8]) -> Result<Vec<u8>, LineError> {
    let Ok(Value::Object(mut fields)) = strict_json::parse(line) else {
        return Err(LineError::new("is not a JSON object with unique names"));
    };
    let mut kept = Map::new();
    for name in KEPT {
        if let Some(value) = fields.remove(name) {
            kept.insert(name.to_owned(), value);
        }
    }
    if let Some(finding) = fields.remove("finding") {
        kept.insert("finding".to_owned(), finding);
    }
    if let Some(code) = fields.get("read_failure").and_then(|why| why.get("code")) {
        kept.insert("read_failure".to_owned(), code.clone());
    }
    Ok(Value::Object(kept).to_string().into_bytes())
}
