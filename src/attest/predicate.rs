//! The predicate of an attestation's statement.
//!
//! `docs/src/format/attestation.md` describes it, and `attestation.schema.json` beside it is its
//! schema. A fact that is not in the record is null: nothing here is looked up or guessed.
use super::commitment::{Commitment, METHOD};
use super::facts::Facts;
use serde_json::{Map, Value, json};
use trailproof_core::codes::check::Check;
use trailproof_core::record::ReadKind;

/// Code of the clock that measured a run's times: the system clock of the machine that ran it.
const MACHINE_CLOCK: &str = "machine";

/// What the signer adds to the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Person or organization responsible for the run.
    pub operator: Option<String>,
    /// SHA-256 of the previous attestation's statement, in hex.
    pub previous: Option<String>,
    /// Controls of standards that the result serves.
    pub controls: Vec<Value>,
}

/// What no run can prove. These sentences are signed and must not change.
pub const LIMITATIONS: [&str; 7] = [
    "The result is about the bytes that were read during the run, and not about the evidence at any later time.",
    "Public keys are believed because of where they came from; see method.keySource. They are in method.publicKeys, so that others can compare them.",
    "Completeness of events is not attested: a digest names what CloudTrail delivered, and what a trail's selectors leave out is in no digest.",
    "Trails, accounts and regions of which the bucket held nothing at all are not missed, unless the scope names them, the caller expected them or their siblings were there.",
    "What could not be read, and time that no digest covers, is not proven in either direction.",
    "Reports and summaries are bound by their hashes; that they tell of this record is shown by making them again with `trailproof replay`.",
    "The operator is as declared by whoever signed. Times, host and arguments are as the machine of the run told them.",
];

/// Returns the predicate about a record.
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
    // Attestations of runs without accepted exceptions, such as those of earlier versions, have no
    // such part.
    if let Some(accepted) = accepted_exceptions(facts) {
        put("acceptedExceptions", accepted);
    }
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
    put("controls", Value::Array(declared.controls.clone()));
    put("limitations", json!(LIMITATIONS));
    predicate
}

/// Returns the accepted exceptions and what they amount to; `None` if the run has none.
fn accepted_exceptions(facts: &Facts) -> Option<Value> {
    let file = facts.started.get("acceptedExceptions").filter(|file| !file.is_null())?;
    let judged = facts.accepted.clone().unwrap_or_default();
    let matches = judged.get("matches").and_then(Value::as_array);
    let matches = matches.map(Vec::as_slice).unwrap_or_default();
    let entries = file.get("entries").and_then(Value::as_array);
    let listed = entries.into_iter().flatten().enumerate().map(|(at, entry)| {
        let mut entry = entry.clone();
        if let Some(fields) = entry.as_object_mut() {
            fields.insert("matches".to_owned(), matches.get(at).cloned().unwrap_or_default());
        }
        entry
    });
    Some(json!({
        "fileSha256": file.get("fileSha256"),
        "objections": of(&judged, "objections"),
        "accepted": of(&judged, "accepted"),
        "allAccepted": of(&judged, "allAccepted"),
        "listed": listed.collect::<Vec<_>>(),
    }))
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
    let mut verifier = json!({
        "name": of(&facts.started, "tool"),
        "version": of(&facts.started, "version"),
        "commit": of(&facts.started, "build"),
        "binarySha256": circumstance(facts, "programSha256"),
    });
    // Records of earlier versions, and of builds that recorded nothing, have no such part.
    if let (Some(built), Some(fields)) = (facts.started.get("built"), verifier.as_object_mut()) {
        fields.insert("built".to_owned(), built.clone());
    }
    verifier
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
        "source": known.then_some(MACHINE_CLOCK),
        "storeSkewSeconds": ending(facts, "storeSkewSeconds"),
    })
}

fn scope(facts: &Facts) -> Value {
    let read_from = of(&facts.started, "readFrom");
    let trail = |(name, home): &(String, String)| json!({ "name": name, "homeRegion": home });
    let named = |name: &str| match of(&facts.started, name) {
        Value::Array(names) if !names.is_empty() => Value::Array(names),
        // An empty list, which means everything, becomes null like a list that was not given.
        _ => Value::Null,
    };
    json!({
        "deliveredTo": of(&facts.started, "deliveredTo"),
        "evidence": live(&read_from),
        "readFrom": read_from,
        "from": of(&facts.started, "from"),
        "to": of(&facts.started, "to"),
        "endWasFuture": of(&facts.started, "endWasFuture"),
        "tailAllowedFrom": of(&facts.started, "tailAllowedFrom"),
        "named": {
            "organization": of(&facts.started, "organization"),
            "trails": named("trails"),
            "accounts": named("accounts"),
            "regions": named("regions"),
        },
        "expected": {
            "accounts": of(&facts.started, "expectedAccounts"),
            "regions": of(&facts.started, "expectedRegions"),
            "knownEnds": named("knownEnds"),
        },
        "found": {
            "trails": facts.trails.iter().map(trail).collect::<Vec<_>>(),
            "buckets": facts.buckets,
            "accounts": facts.accounts,
            "regions": facts.regions,
        },
        "trailsLeftOut": facts.left_out,
        "follows": of(&facts.started, "follows"),
    })
}

/// Returns `live` if only the original bucket was read, `versions` if other versions of its objects
/// than the current ones were, `copy` if any part was read from a copy, and null if the record does
/// not show which.
fn live(read_from: &Value) -> Value {
    let places = read_from.as_array().map(Vec::as_slice).unwrap_or_default();
    let original = Value::from(ReadKind::Bucket.code());
    let versions = Value::from(ReadKind::Versions.code());
    match places {
        [] => Value::Null,
        places if places.iter().all(|at| at.get("kind") == Some(&original)) => "live".into(),
        places if places.iter().any(|at| at.get("kind") == Some(&versions)) => "versions".into(),
        _ => "copy".into(),
    }
}

/// Returns the codes of the checks that were made. `docs/src/format/attestation.md` describes each
/// code.
fn checks_made(facts: &Facts) -> Vec<&'static str> {
    let not_made = facts.not_performed.listed();
    let missed = |check: Check| {
        let code = Value::from(check.code());
        not_made.iter().any(|one| one.get("check") == Some(&code))
    };
    let mut made = vec![Check::DigestSignature, Check::DigestLink, Check::LogSha256];
    if ending(facts, "logFilesSkipped") != 0 {
        made.push(Check::LogEarlierRecord);
    }
    made.push(Check::Coverage);
    if !of(&facts.started, "follows").is_null() {
        made.push(Check::Joined);
    }
    let unlisted = of(&facts.started, "searchUnlisted") == Value::Bool(true);
    if unlisted && !missed(Check::UnlistedLogs) {
        made.push(Check::UnlistedLogs);
    }
    if facts.asked_status {
        made.push(Check::TrailStatus);
    }
    made.into_iter().map(Check::code).collect()
}

fn method(facts: &Facts) -> Value {
    let mut sources: Vec<&Value> =
        facts.keys.listed().iter().filter_map(|key| key.get("source")).collect();
    sources.dedup();
    json!({
        "checksMade": checks_made(facts),
        "checksNotMade": facts.not_performed.value(),
        "logFilesNotReadAgain": ending(facts, "logFilesSkipped"),
        "searchedUnlisted": of(&facts.started, "searchUnlisted"),
        // Records without this field assert nothing.
        "completeCopyAsserted":
            of(&facts.started, "completeCopyAsserted").as_bool().unwrap_or(false),
        "keySource": (!sources.is_empty()).then_some(sources),
        "publicKeys": facts.keys.value(),
    })
}
