//! What stays of an evidence line when the evidence is read elsewhere or at another time.
//!
//! A copy has other ETags, versions and metadata, and a digest without metadata is proven in
//! another way. What was judged, as what, with which hash and interval, must be the same.
use super::line::LineError;
use super::strict_json;
use serde_json::{Map, Value};

const KEPT: [&str; 11] = [
    "event",
    "bucket",
    "key",
    "kind",
    "start",
    "end",
    "counts",
    "outcome",
    "sha256",
    "log_files",
    "inflated_bytes",
];

/// The line with these fields alone, and the codes of what was found or why it was not read.
///
/// # Errors
///
/// That it cannot be read.
pub fn essence(line: &[u8]) -> Result<Vec<u8>, LineError> {
    let Ok(Value::Object(mut fields)) = strict_json::parse(line) else {
        return Err(LineError::new("is no JSON object that means one thing"));
    };
    let mut kept = Map::new();
    for name in KEPT {
        if let Some(value) = fields.remove(name) {
            kept.insert(name.to_owned(), value);
        }
    }
    for name in ["finding", "read_failure"] {
        if let Some(code) = fields.get(name).and_then(|why| why.get("code")) {
            kept.insert(name.to_owned(), code.clone());
        }
    }
    Ok(Value::Object(kept).to_string().into_bytes())
}
