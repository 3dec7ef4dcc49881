//! What an attestation says: the predicate of its statement.
//!
//! `docs/attestation.md` describes it and `docs/attestation.schema.json` is its schema. What the
//! record does not tell is null: nothing here is looked up, guessed or left to the reader.
use super::commitment::{Commitment, METHOD};
use super::facts::Facts;
use serde_json::{Map, Value, json};

/// What whoever signs adds to the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Who answers for the run.
    pub operator: Option<String>,
    /// SHA-256 of the statement of the attestation before, in hex.
    pub previous: Option<String>,
}

/// What no run can prove, in words that stay.
pub const LIMITATIONS: [&str; 7] = [
    "The result is about the bytes that were read during the run, and not about the evidence at any later time.",
    "Public keys are believed because of where they came from; see method.keySource. They are in method.publicKeys, so that others can compare them.",
    "Completeness of events is not attested: a digest names what CloudTrail delivered, and what a trail's selectors leave out is in no digest.",
    "Trails, accounts and regions of which the bucket held nothing at all are not missed, unless the scope names them or their siblings were there.",
    "What could not be read, and time that no digest covers, is not proven in either direction.",
    "Reports and summaries are bound by their hashes; that they tell of this record is shown by making them again with `trailproof replay`.",
    "The operator is as declared by whoever signed. Times, host and arguments are as the machine of the run told them.",
];

/// The predicate about a record.
pub fn predicate(
    facts: &Facts,
    commitment: &Commitment,
    declared: &Declared,
) -> Map<String, Value> {
    let mut predicate = Map::new();
    let mut put = |name: &str, value: Value| predicate.insert(name.to_owned(), value);
    put("verifier", verifier(facts));
    put(
        "operator",
        json!({
            "declared": declared.operator,
            "awsCaller": circumstance(facts, "awsCaller"),
        }),
    );
    put("invocation", invocation(facts));
    put("clock", clock(facts));
    put("scope", scope(facts));
    put("method", method(facts));
    put("result", Value::Object(facts.finished.clone()));
    put("exceptions", facts.exceptions.value());
    put("gaps", facts.gaps.value());
    put(
        "commitment",
        json!({
            "method": METHOD,
            "root": hex::encode(commitment.root),
            "days": commitment.days,
            "digests": commitment.digests,
            "lines": commitment.lines,
        }),
    );
    put(
        "previousAttestation",
        declared.previous.as_ref().map_or(Value::Null, |hash| json!({ "statementSha256": hash })),
    );
    put("limitations", json!(LIMITATIONS));
    predicate
}

fn of(fields: &Map<String, Value>, name: &str) -> Value {
    fields.get(name).cloned().unwrap_or_default()
}

fn circumstance(facts: &Facts, name: &str) -> Value {
    facts.circumstances.as_ref().map(|fields| of(fields, name)).unwrap_or_default()
}

fn ending(facts: &Facts, name: &str) -> Value {
    facts.ended.as_ref().map(|fields| of(fields, name)).unwrap_or_default()
}

fn verifier(facts: &Facts) -> Value {
    json!({
        "name": of(&facts.started, "tool"),
        "version": of(&facts.started, "version"),
        "commit": of(&facts.started, "build"),
        "binarySha256": circumstance(facts, "programSha256"),
    })
}

fn invocation(facts: &Facts) -> Value {
    json!({
        "arguments": circumstance(facts, "arguments"),
        "host": circumstance(facts, "host"),
        "user": circumstance(facts, "user"),
        "startedAt": circumstance(facts, "started"),
        "finishedAt": ending(facts, "ended"),
        "exitStatus": of(&facts.finished, "exitStatus"),
    })
}

fn clock(facts: &Facts) -> Value {
    let known = facts.circumstances.is_some();
    json!({
        "source": known.then_some("the system clock of the machine of the run"),
        "storeSkewSeconds": ending(facts, "storeSkewSeconds"),
    })
}

fn scope(facts: &Facts) -> Value {
    let location = of(&facts.started, "location");
    let bucket = of(&facts.started, "bucket");
    let trail = |(name, home): &(String, String)| json!({ "name": name, "homeRegion": home });
    let expected = |name: &str| match of(&facts.started, name) {
        Value::Array(names) if !names.is_empty() => Value::Array(names),
        // All that the bucket holds.
        _ => Value::Null,
    };
    json!({
        "location": location,
        "evidence": live(&location, &bucket),
        "from": of(&facts.started, "from"),
        "to": of(&facts.started, "to"),
        "endWasFuture": of(&facts.started, "endWasFuture"),
        "expected": {
            "trails": expected("trails"),
            "accounts": expected("accounts"),
            "regions": expected("regions"),
        },
        "found": {
            "trails": facts.trails.iter().map(trail).collect::<Vec<_>>(),
            "buckets": facts.buckets,
            "accounts": facts.accounts,
            "regions": facts.regions,
        },
        "bucket": bucket,
        "trailsLeftOut": facts.left_out,
        "follows": of(&facts.started, "follows"),
    })
}

/// `live` where the bucket itself was read, and `mirror` where it was a copy; null where the record
/// does not name the bucket.
fn live(location: &Value, bucket: &Value) -> Value {
    let (Some(location), Some(bucket)) = (location.as_str(), bucket.as_str()) else {
        return Value::Null;
    };
    let read = location.strip_prefix("s3://").and_then(|rest| rest.split('/').next());
    if read == Some(bucket) { "live".into() } else { "mirror".into() }
}

fn method(facts: &Facts) -> Value {
    let not_made = facts.not_performed.listed();
    let missed = |check: &str| {
        not_made.iter().any(|one| one.get("check").and_then(Value::as_str) == Some(check))
    };
    let mut made = vec![
        "every digest by a signature of CloudTrail's, or by what its proven successor records",
        "every link from a proven digest to the one before it",
        if ending(facts, "logFilesSkipped") == 0 {
            "every log file that a proven digest names, by its SHA-256, and that nothing follows it"
        } else {
            "every log file that a proven digest names, by its SHA-256, and that nothing follows it, \
             or, where the run resumed an earlier one, as the record of that proves it"
        },
        "the whole period of every chain, divided into what is verified and what is not",
    ];
    let unlisted = of(&facts.started, "searchUnlisted") == Value::Bool(true);
    if unlisted && !missed("log-unlisted") {
        made.push("log files that no verified digest names");
    }
    if facts.asked_status {
        made.push("what CloudTrail says that it delivered last");
    }
    let mut sources: Vec<&Value> =
        facts.keys.listed().iter().filter_map(|key| key.get("source")).collect();
    sources.dedup();
    json!({
        "checksMade": made,
        "checksNotMade": facts.not_performed.value(),
        "logFilesNotReadAgain": ending(facts, "logFilesSkipped"),
        "searchedUnlisted": of(&facts.started, "searchUnlisted"),
        // Records of before this field assert nothing.
        "completeCopyAsserted":
            of(&facts.started, "completeCopyAsserted").as_bool().unwrap_or(false),
        "keySource": (!sources.is_empty()).then_some(sources),
        "publicKeys": facts.keys.value(),
    })
}
