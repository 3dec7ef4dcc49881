//! Compares a signed predicate with the one computed from a record, or from a second run.
//!
//! Everything is compared, field by field, except for what is named here: a field that is added to
//! the predicate is compared from the start, and one that only the signed predicate has differs.
use super::line_comparison::says_missing;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use trailproof_core::codes::check::{Check, SkipReason};

/// Parts of the predicate that no record determines: what the signer adds, the constant limitations, and
/// the controls, which earlier versions did not name.
const NOT_OF_A_RECORD: [&str; 4] =
    ["controls", "limitations", "operator/declared", "previousAttestation"];

/// What a second run cannot compute anew: the circumstances of the run, where it read, what it knew of
/// other runs, and what the signer adds.
const CIRCUMSTANCES: [&str; 22] = [
    "acceptedExceptions/fileSha256",
    "clock",
    "controls",
    "invocation/arguments",
    "invocation/finishedAt",
    "invocation/host",
    "invocation/startedAt",
    "invocation/user",
    "limitations",
    "method/completeCopyAsserted",
    "method/keySource",
    "method/logFilesNotReadAgain",
    "operator",
    "previousAttestation",
    "result/counts/storedBytes",
    "result/keysPassedOver",
    "result/setAside",
    "scope/endWasFuture",
    "scope/evidence",
    "scope/follows",
    "scope/readFrom",
    "verifier",
];

/// What is compared by itself: the lines by their commitment, the verdict, and the tail by the clock of
/// the second run.
const BY_ITSELF: [&str; 4] =
    ["commitment/days", "commitment/root", "result/verdict", "scope/tailAllowedFrom"];

/// Checks that no second run makes: they need another record, or AWS's word of then.
const CHECKS_OF_THEN: [Check; 4] =
    [Check::LogEarlierRecord, Check::Joined, Check::TrailStatus, Check::StoredContent];

/// Events of these checks, among the exceptions.
const EVENTS_OF_THEN: [&str; 2] = ["seam-judged", "trail-status"];

/// Fields of an exception that depend on how the object is stored, on how and when it was read, or on
/// what AWS said of the trail.
const OF_STORAGE: [&str; 7] =
    ["etag", "lastModified", "notices", "reason", "storedAs", "storedBytes", "versionId"];

/// Numbers that are greater once digests came that were still to come.
const GROWING: [&str; 6] = [
    "commitment/digests",
    "commitment/lines",
    "result/counts/backfillDigests/valid",
    "result/counts/digests/valid",
    "result/counts/inflatedBytes",
    "result/counts/logFiles/valid",
];

/// Returns the names of the parts of a signed predicate that differ from those computed from the
/// record. A field that a newer version added counts as a difference, because this version cannot
/// check it.
pub fn disagreements(signed: &Map<String, Value>, again: &Map<String, Value>) -> Vec<String> {
    let [signed, again] = [signed, again].map(|predicate| {
        let mut predicate = Value::Object(predicate.clone());
        NOT_OF_A_RECORD.iter().for_each(|path| drop(take(&mut predicate, path)));
        predicate
    });
    let mut names: Vec<String> = Vec::new();
    for path in differences(&signed, &again) {
        let name = path.split('/').next().unwrap_or_default();
        if names.last().is_none_or(|last| last != name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// A signed predicate compared with that of a second run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Paths of what differs: `result/counts/logFiles/valid`.
    pub differs: Vec<String>,
    /// Paths of what the signed predicate states and no second run can compute.
    pub not_compared: Vec<String>,
    /// Seconds that were still to come when the attested run was made, and no longer are.
    pub arrived: u64,
    /// Paths among those that differ of numbers of evidence that are greater now.
    pub grown: Vec<String>,
    /// Paths among those that differ of what speaks against the evidence now and did not then, beside
    /// what is missing or could not be read.
    pub worse: Vec<String>,
    /// Whether something else than digests and log files spoke against the evidence then and no longer
    /// does, and nothing new does.
    pub is_cleared: bool,
    /// What the numbers of both runs show.
    pub counts: CountsCompared,
}

/// Numbers of digests and log files of both runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountsCompared {
    /// Those that were contradicted or missing.
    pub invalid_then: u64,
    /// Those that are contradicted or missing now.
    pub invalid_now: u64,
    /// Those that the signed predicate lists as missing.
    pub missing_then: u64,
    /// Whether both fewer digests are valid now and less time is verified.
    pub has_shrunk: bool,
}

/// Compares a signed predicate with that of a second run.
pub fn compare(signed: &Map<String, Value>, again: &Map<String, Value>) -> Comparison {
    let mut signed = Value::Object(signed.clone());
    let mut again = Value::Object(again.clone());
    let mut not_compared = Vec::new();
    for path in CIRCUMSTANCES {
        let stated = take(&mut signed, path).is_some_and(|value| is_stated(&value));
        take(&mut again, path);
        if stated {
            not_compared.push(path.to_owned());
        }
    }
    for path in BY_ITSELF {
        take(&mut signed, path);
        take(&mut again, path);
    }
    not_compared.extend(take_then(&mut signed));
    take_then(&mut again);
    let pending = |of: &Value| {
        let seconds = of.pointer("/result/coverageSeconds/pending").and_then(Value::as_u64);
        seconds.unwrap_or_default()
    };
    let arrived = pending(&signed).saturating_sub(pending(&again));
    if arrived > 0 {
        arrive(&mut signed);
        arrive(&mut again);
    }
    let mut differs = differences(&signed, &again);
    let has_grown = |path: &&String| {
        let then = number(&signed, path);
        GROWING.contains(&path.as_str())
            && then.is_some_and(|then| Some(then) <= number(&again, path))
    };
    if arrived > 0 {
        differs.retain(|path| !has_grown(&path));
    }
    let grown = differs.iter().filter(has_grown).cloned().collect();
    let exceptions = ExceptionsCompared::of(&signed, &again);
    let worse = differs.iter().filter(|path| match path.as_str() {
        "exceptions/listed" => exceptions.has_new,
        "exceptions/leftOut" => number(&signed, path) < number(&again, path),
        path if path.starts_with("result/counts") || path.starts_with("result/coverage") => false,
        path if path.starts_with("result/") => number(&signed, path) < number(&again, path),
        _ => false,
    });
    let worse: Vec<String> = worse.cloned().collect();
    let is_cleared = exceptions.has_cleared && worse.is_empty();
    let counts = counts_compared(&signed, &again);
    Comparison { differs, not_compared, arrived, grown, worse, is_cleared, counts }
}

fn number(of: &Value, path: &str) -> Option<u64> {
    of.pointer(&format!("/{path}")).and_then(Value::as_u64)
}

fn counts_compared(signed: &Value, again: &Value) -> CountsCompared {
    let sum = |of: &Value, outcome: &str| {
        let each = ["backfillDigests", "digests", "logFiles"]
            .map(|kind| number(of, &format!("result/counts/{kind}/{outcome}")).unwrap_or_default());
        each.into_iter().fold(0, u64::saturating_add)
    };
    let is_fewer = |path: &str| number(signed, path) > number(again, path);
    let missing = listed_exceptions(signed).iter().filter(|one| is_missing(one)).count();
    CountsCompared {
        invalid_then: sum(signed, "invalid"),
        invalid_now: sum(again, "invalid"),
        missing_then: u64::try_from(missing).unwrap_or(u64::MAX),
        has_shrunk: is_fewer("result/counts/digests/valid")
            && is_fewer("result/coverageSeconds/verified"),
    }
}

fn listed_exceptions(of: &Value) -> &[Value] {
    let listed = of.pointer("/exceptions/listed").and_then(Value::as_array);
    listed.map(Vec::as_slice).unwrap_or_default()
}

fn is_missing(exception: &Value) -> bool {
    let code = exception.pointer("/finding/code").and_then(Value::as_str);
    code.and_then(|code| code.parse().ok()).is_some_and(says_missing)
}

/// The listed exceptions of both runs.
#[derive(Clone, Copy, Debug)]
struct ExceptionsCompared {
    /// Some were not listed then, and are about more than what is missing or could not be read.
    has_new: bool,
    /// Some are no longer listed, and are not about digests and log files that have lines.
    has_cleared: bool,
}

impl ExceptionsCompared {
    fn of(signed: &Value, again: &Value) -> Self {
        // Of many, each run lists the first ones.
        let is_whole = number(signed, "exceptions/leftOut").unwrap_or_default() == 0;
        let texts = |of: &Value| -> BTreeSet<String> {
            listed_exceptions(of).iter().map(Value::to_string).collect()
        };
        let (then, now) = (texts(signed), texts(again));
        let is_open = |one: &Value| {
            is_missing(one) || one.get("outcome").and_then(Value::as_str) == Some("unverified")
        };
        let new = listed_exceptions(again).iter().filter(|one| !then.contains(&one.to_string()));
        let gone = listed_exceptions(signed).iter().filter(|one| !now.contains(&one.to_string()));
        let mut gone = gone.peekable();
        Self {
            has_new: is_whole && new.clone().any(|one| !is_open(one)),
            has_cleared: gone.peek().is_some() && gone.all(|one| one.get("outcome").is_none()),
        }
    }
}

fn is_stated(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(is_stated),
        _ => true,
    }
}

/// Takes out what is there.
fn take(of: &mut Value, path: &str) -> Option<Value> {
    match path.split_once('/') {
        Some((name, rest)) => take(of.get_mut(name)?, rest),
        None => of.as_object_mut()?.remove(path),
    }
}

fn list<'a>(of: &'a mut Value, pointer: &str) -> Option<&'a mut Vec<Value>> {
    of.pointer_mut(pointer)?.as_array_mut()
}

/// Takes out what was true of then and there: checks of other records and of AWS's word with their
/// results, how objects were stored, and who returned the keys. Returns what was taken out.
fn take_then(predicate: &mut Value) -> Vec<String> {
    let mut taken = Vec::new();
    let is_of_then =
        |code: Option<&str>| CHECKS_OF_THEN.iter().any(|check| code == Some(check.code()));
    if let Some(codes) = list(predicate, "/method/checksMade") {
        codes.retain(|code| {
            let of_then = is_of_then(code.as_str());
            if of_then {
                let code = code.as_str().unwrap_or_default();
                taken.push(format!("method/checksMade/{code}"));
            }
            !of_then
        });
    }
    if let Some(skipped) = list(predicate, "/method/checksNotMade/listed") {
        let earlier = Value::from(SkipReason::EarlierRecord.code());
        skipped.retain(|one| {
            let of_then = is_of_then(one.get("check").and_then(Value::as_str));
            !of_then && one.get("why") != Some(&earlier)
        });
        remove(skipped, &["detail"]);
    }
    if let Some(keys) = list(predicate, "/method/publicKeys/listed") {
        remove(keys, &["source"]);
    }
    if let Some(exceptions) = list(predicate, "/exceptions/listed") {
        exceptions.retain(|one| {
            let event = one.get("event").and_then(Value::as_str);
            let of_then = EVENTS_OF_THEN.iter().any(|then| event == Some(then));
            if of_then {
                taken.push(format!("exceptions/{}", event.unwrap_or_default()));
            }
            !of_then
        });
        remove(exceptions, &OF_STORAGE);
        for failure in exceptions.iter_mut().filter_map(|one| one.get_mut("readFailure")) {
            *failure = failure.get("code").cloned().unwrap_or_default();
        }
    }
    let taken: BTreeSet<String> = taken.into_iter().collect();
    taken.into_iter().collect()
}

fn remove(from: &mut [Value], names: &[&str]) {
    for fields in from.iter_mut().filter_map(Value::as_object_mut) {
        names.iter().for_each(|name| drop(fields.remove(*name)));
    }
}

/// Counts the time that was still to come as verified, which it is if nothing else differs.
fn arrive(predicate: &mut Value) {
    if let Some(Value::Object(seconds)) = predicate.pointer_mut("/result/coverageSeconds") {
        let of = |name: &str| seconds.get(name).and_then(Value::as_u64).unwrap_or_default();
        let verified = of("verified").saturating_add(of("pending"));
        seconds.insert("verified".to_owned(), verified.into());
        seconds.remove("pending");
    }
    if let Some(gaps) = list(predicate, "/gaps/listed") {
        gaps.retain(|gap| gap.get("reason").and_then(Value::as_str) != Some("pending"));
    }
}

/// Returns the paths of what differs. What is absent is null.
fn differences(signed: &Value, again: &Value) -> Vec<String> {
    let mut differs = Vec::new();
    differ(signed, again, "", &mut differs);
    differs
}

fn differ(signed: &Value, again: &Value, path: &str, differs: &mut Vec<String>) {
    match (signed, again) {
        (Value::Object(one), Value::Object(other)) => {
            let names = other.keys().chain(one.keys().filter(|name| !other.contains_key(*name)));
            for name in names {
                let slash = if path.is_empty() { "" } else { "/" };
                let of = |fields: &Map<String, Value>| fields.get(name).cloned();
                let [one, other] = [of(one), of(other)].map(Option::unwrap_or_default);
                differ(&one, &other, &format!("{path}{slash}{name}"), differs);
            }
        }
        _ if signed == again => {}
        _ => differs.push(path.to_owned()),
    }
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

    #[test]
    fn a_second_run_is_compared_field_by_field() {
        let again = object(json!({
            "clock": { "source": null },
            "result": { "verdict": "proven", "counts": { "logFiles": { "valid": 7 } } },
            "method": { "checksMade": ["coverage", "log-earlier-record"] },
            "exceptions": { "listed": [{ "key": "k", "outcome": "unverified", "etag": "a",
                "readFailure": { "code": "denied", "attempts": 3 } }] },
            "new": { "field": 1 },
        }));
        let mut signed = again.clone();
        signed.insert("clock".to_owned(), json!({ "source": "machine" }));
        signed.insert("method".to_owned(), json!({ "checksMade": ["coverage", "joined"] }));
        signed.insert(
            "exceptions".to_owned(),
            json!({ "listed": [{ "key": "k", "outcome": "unverified", "etag": "b",
                "readFailure": { "code": "denied", "attempts": 1 } }] }),
        );
        let compared = compare(&signed, &again);
        assert_eq!(compared.differs, [""; 0]);
        assert_eq!(compared.not_compared, ["clock", "method/checksMade/joined"]);
        // What is not named as a circumstance counts, whatever it is.
        for (name, value, path) in [
            ("new", json!({ "field": 2 }), "new/field"),
            ("newer", json!("x"), "newer"),
            ("method", json!({ "checksMade": ["coverage", "new"] }), "method/checksMade"),
            ("exceptions", json!({ "listed": [] }), "exceptions/listed"),
        ] {
            let mut changed = signed.clone();
            changed.insert(name.to_owned(), value);
            assert_eq!(compare(&changed, &again).differs, [path]);
        }
    }

    #[test]
    fn time_that_was_to_come_is_verified_later_or_differs() {
        let run = |verified: u64, pending: u64, tail: u64, valid: u64| {
            object(json!({ "result": {
                "counts": { "digests": { "valid": valid, "invalid": 0 } },
                "coverageSeconds":
                    { "verified": verified, "pending": pending, "uncovered": { "tail": tail } },
            } }))
        };
        let then = run(100, 20, 0, 5);
        let compared = compare(&then, &run(120, 0, 0, 6));
        assert_eq!((compared.differs, compared.arrived), (Vec::new(), 20));
        assert_eq!(compare(&then, &then).arrived, 0);
        // Fewer digests than then.
        assert_eq!(compare(&then, &run(120, 0, 0, 4)).differs, ["result/counts/digests/valid"]);
        // The digests have not come.
        let seconds = ["result/coverageSeconds/uncovered/tail", "result/coverageSeconds/verified"];
        assert_eq!(compare(&then, &run(100, 0, 20, 5)).differs, seconds);
        // Without time that was to come, no number may grow.
        let closed = compare(&run(120, 0, 0, 5), &run(120, 0, 0, 6));
        assert_eq!(closed.differs, ["result/counts/digests/valid"]);
    }
}
