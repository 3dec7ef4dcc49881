//! The signed statement about a package: an in-toto statement whose first subject is the manifest.
use super::manifest::{MANIFEST, Sums};
use crate::attest::dsse::{Envelope, IN_TOTO};
use crate::attest::statement::STATEMENT;
use crate::attest::strict_json;
use crate::report::package::document::PackageDocument;
use serde_json::{Value, json};
use trailproof_core::bytes::content::Hash;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::excerpt;

/// Type of the predicate. It differs from that of attestations, so that neither can stand for the other.
const PREDICATE: &str = "urn:trailproof:package:v1";

/// Returns the predicate: what the package is about, by its document.
fn predicate(document: &PackageDocument) -> Value {
    let record = document.files.iter().find(|file| Some(file.path.as_str()) == record(document));
    json!({
        "id": document.declared.id,
        "madeBy": { "name": document.made_by.tool, "version": document.made_by.version },
        "from": document.run_text("/scope/from"),
        "to": document.run_text("/scope/to"),
        "verdict": document.run_text("/result/verdict"),
        "recordSha256": record.map(|file| &file.sha256),
        "previousManifestSha256": document.declared.previous.as_ref().map(|it| &it.manifest_sha256),
    })
}

fn record(document: &PackageDocument) -> Option<&str> {
    use crate::report::package::document::Role;
    document.files.iter().find(|file| file.role == Role::Record).map(|file| file.path.as_str())
}

/// Returns the bytes to sign. `sums` are the manifest and the other tag files; the manifest comes first.
pub(super) fn to_bytes(sums: &Sums, document: &PackageDocument) -> Vec<u8> {
    let subject = |(name, hash): (&String, &Hash)| json!({ "name": name, "digest": { "sha256": hex::encode(hash) } });
    let manifest = sums.iter().filter(|(name, _)| *name == MANIFEST);
    let others = sums.iter().filter(|(name, _)| *name != MANIFEST);
    let statement = json!({
        "_type": STATEMENT,
        "subject": manifest.chain(others).map(subject).collect::<Vec<_>>(),
        "predicateType": PREDICATE,
        "predicate": predicate(document),
    });
    statement.to_string().into_bytes()
}

/// Compares a signed statement with the package in which it lies.
///
/// # Errors
///
/// Returns what differs, in words that are safe to show.
pub(super) fn compare(
    envelope: &Envelope,
    sums: &Sums,
    document: &PackageDocument,
) -> Result<(), Vec<String>> {
    let statement = match read(envelope) {
        Ok(statement) => statement,
        Err(why) => return Err(vec![why]),
    };
    let mut wrong = Vec::new();
    let mut named = Sums::new();
    for subject in statement.get("subject").and_then(Value::as_array).into_iter().flatten() {
        let name = subject.get("name").and_then(Value::as_str);
        let sum = subject.pointer("/digest/sha256").and_then(Value::as_str);
        let sum = sum.and_then(|sum| hex::decode(sum).ok()?.try_into().ok());
        match (name, sum) {
            (Some(name), Some(sum)) => {
                named.insert(name.to_owned(), sum);
            }
            _ => wrong.push("one of its subjects has no name or SHA-256".to_owned()),
        }
    }
    for (name, sum) in sums {
        match named.remove(name) {
            Some(signed) if signed == *sum => {}
            Some(_) => wrong.push(format!("it is about a different `{name}`")),
            None => wrong.push(format!("it is not about `{name}`")),
        }
    }
    for name in named.keys() {
        wrong.push(format!("it is about `{}`, which is not there", excerpt(name, budget::SHOWN)));
    }
    if statement.get("predicate") != Some(&predicate(document)) {
        wrong.push("what it says of the package differs from the package's document".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn read(envelope: &Envelope) -> Result<Value, String> {
    let shown = |text: &str| excerpt(text, budget::SHOWN);
    if envelope.payload_type != IN_TOTO {
        return Err(format!("its payload is `{}`", shown(&envelope.payload_type)));
    }
    let value = strict_json::parse(&envelope.payload)?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("_type"), text("predicateType")) {
        (STATEMENT, PREDICATE) => Ok(value),
        (STATEMENT, other) => {
            Err(format!("it is a statement of a different kind: `{}`", shown(other)))
        }
        (other, _) => Err(format!("its payload is not a statement, but `{}`", shown(other))),
    }
}
