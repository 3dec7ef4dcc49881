//! Compares a signed predicate with the one computed from a record.
use serde_json::{Map, Value};

/// Parts of the predicate that no record determines: what the signer adds, the constant limitations, and
/// the controls, which earlier versions did not name.
const NOT_OF_A_RECORD: [&str; 3] = ["controls", "limitations", "previousAttestation"];

/// Returns the names of the parts of a signed predicate that differ from those computed from the
/// record. A field that a newer version added counts as a difference, because this version cannot
/// check it.
pub fn disagreements(signed: &Map<String, Value>, again: &Map<String, Value>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, value) in again {
        if NOT_OF_A_RECORD.contains(&name.as_str()) {
            continue;
        }
        let same = match (signed.get(name), name.as_str()) {
            // The operator is declared by the signer and is not in the record.
            (Some(signed), "operator") => undeclared(signed) == undeclared(value),
            (Some(signed), _) => signed == value,
            (None, _) => false,
        };
        if !same {
            wrong.push(name.clone());
        }
    }
    for name in signed.keys() {
        if !again.contains_key(name) {
            wrong.push(name.clone());
        }
    }
    wrong
}

/// Returns the operator without the declared name.
fn undeclared(operator: &Value) -> Value {
    let mut operator = operator.clone();
    if let Some(fields) = operator.as_object_mut() {
        fields.remove("declared");
    }
    operator
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn every_part_counts_except_what_is_declared() {
        let again = object(json!({
            "result": { "verdict": "proven" },
            "operator": { "declared": null, "awsCaller": null },
            "limitations": [],
        }));
        let mut signed = again.clone();
        signed.insert("operator".to_owned(), json!({ "declared": "x", "awsCaller": null }));
        signed.insert("limitations".to_owned(), json!(["y"]));
        assert!(disagreements(&signed, &again).is_empty());
        let more = json!({ "declared": "x", "awsCaller": null, "approvedBy": "y" });
        let before = signed.insert("operator".to_owned(), more);
        assert_eq!(disagreements(&signed, &again), ["operator"]);
        signed.extend(before.map(|before| ("operator".to_owned(), before)));
        signed.insert("result".to_owned(), json!({ "verdict": "contradicted" }));
        signed.insert("more".to_owned(), json!(1));
        assert_eq!(disagreements(&signed, &again), ["result", "more"]);
        signed.remove("result");
        assert_eq!(disagreements(&signed, &again), ["result", "more"]);
    }
}
