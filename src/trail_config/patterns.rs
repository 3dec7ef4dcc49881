//! Which operations of CloudTrail a rule of EventBridge or a metric filter reports.
use serde_json::Value;
use std::collections::BTreeSet;
use trailproof_core::control::facts::Alert;

/// The operations whose reports matter.
const OPERATIONS: [&str; 6] = [
    "StopLogging",
    "StartLogging",
    "DeleteTrail",
    "UpdateTrail",
    "CreateTrail",
    "PutEventSelectors",
];

/// Returns the alert of a rule of EventBridge.
pub(super) fn of_rule(name: &str, in_force: Option<bool>, pattern: &str) -> Alert {
    let parsed: Option<Value> = serde_json::from_str(pattern).ok();
    alert(name, in_force, pattern, parsed.and_then(|pattern| of_event(&pattern)))
}

/// Returns the alert of a metric filter of CloudWatch Logs.
pub(super) fn of_filter(name: &str, in_force: Option<bool>, pattern: &str) -> Alert {
    alert(name, in_force, pattern, of_terms(pattern))
}

/// Returns the alert that reports these operations; without any, those that the pattern mentions, which
/// does not decide what it reports.
fn alert(
    name: &str,
    in_force: Option<bool>,
    pattern: &str,
    reported: Option<BTreeSet<String>>,
) -> Alert {
    let known = |names: BTreeSet<String>| {
        let those = OPERATIONS.iter().filter(|name| names.contains(**name));
        those.map(|name| (*name).to_owned()).collect::<Vec<_>>()
    };
    let decided = reported.is_some();
    let operations = known(reported.unwrap_or_else(|| {
        let words = pattern.split(|c: char| !c.is_ascii_alphanumeric());
        words.map(str::to_owned).collect()
    }));
    // A pattern that is not about operations at all reports none.
    let about = !operations.is_empty() || pattern.contains("eventName");
    Alert { name: name.to_owned(), in_force, operations, decided: decided || !about }
}

/// Returns the names of operations that an event pattern admits, if it names them one by one and demands
/// nothing else of an event of CloudTrail.
fn of_event(pattern: &Value) -> Option<BTreeSet<String>> {
    let mut admitted: BTreeSet<String> = OPERATIONS.iter().map(|it| (*it).to_owned()).collect();
    let fields = pattern.as_object()?;
    for (name, demanded) in fields {
        let admits = match name.as_str() {
            "source" => plain(demanded)?.contains("aws.cloudtrail"),
            "detail-type" => plain(demanded)?.contains("AWS API Call via CloudTrail"),
            "detail" => {
                for (name, demanded) in demanded.as_object()? {
                    match name.as_str() {
                        "eventSource" if plain(demanded)?.contains("cloudtrail.amazonaws.com") => {}
                        "eventSource" => return Some(BTreeSet::new()),
                        "eventName" => admitted = plain(demanded)?,
                        _ => return None,
                    }
                }
                true
            }
            _ => return None,
        };
        if !admits {
            return Some(BTreeSet::new());
        }
    }
    Some(admitted)
}

/// Returns the texts of a list that has nothing else.
fn plain(list: &Value) -> Option<BTreeSet<String>> {
    list.as_array()?.iter().map(|it| it.as_str().map(str::to_owned)).collect()
}

/// Returns the names of operations that a filter pattern admits: `{ ($.eventName = A) || ($.eventName = B) }`.
fn of_terms(pattern: &str) -> Option<BTreeSet<String>> {
    let inner = pattern.trim().strip_prefix('{')?.strip_suffix('}')?;
    let term = |term: &str| {
        let term = term.trim();
        let bare = term.strip_prefix('(').and_then(|it| it.strip_suffix(')')).unwrap_or(term);
        let value = bare.trim().strip_prefix("$.eventName")?.trim_start().strip_prefix('=')?.trim();
        let quoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        let name = quoted.unwrap_or(value);
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_name.then(|| name.to_owned())
    };
    inner.split("||").map(term).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_reports_what_it_names_one_by_one() {
        let rule = |pattern: &str| of_rule("r", Some(true), pattern);
        let filter = |pattern: &str| of_filter("f", Some(true), pattern);
        let named = r#"["StopLogging", "DeleteTrail", "UpdateTrail"]"#;
        let all = ["StopLogging", "DeleteTrail", "UpdateTrail"];
        let good = [
            rule(&format!(r#"{{"detail": {{"eventName": {named}}}}}"#)),
            rule(&format!(
                r#"{{"source": ["aws.cloudtrail"], "detail-type": ["AWS API Call via CloudTrail"],
                    "detail": {{"eventSource": ["cloudtrail.amazonaws.com"], "eventName": {named}}}}}"#
            )),
            filter(
                "{ ($.eventName = StopLogging) || ($.eventName = \"DeleteTrail\") || $.eventName=UpdateTrail }",
            ),
        ];
        for alert in good {
            assert_eq!(
                (alert.operations.as_slice(), alert.decided),
                (&all.map(str::to_owned)[..], true)
            );
        }
        assert_eq!(rule(r#"{"source": ["aws.cloudtrail"]}"#).operations.len(), OPERATIONS.len());
        let elsewhere =
            rule(&format!(r#"{{"source": ["aws.s3"], "detail": {{"eventName": {named}}}}}"#));
        assert_eq!((elsewhere.operations.len(), elsewhere.decided), (0, true));
        assert!(rule(r#"{"source": ["aws.ec2"], "detail": {"state": ["running"]}}"#).decided);
        for undecided in [
            rule(&format!(r#"{{"detail": {{"eventName": [{{"anything-but": {named}}}]}}}}"#)),
            rule(r#"{"detail": {"eventName": [{"prefix": "Stop"}]}}"#),
            rule(&format!(
                r#"{{"detail": {{"eventName": {named}, "errorCode": [{{"exists": true}}]}}}}"#
            )),
            rule(&format!(r#"{{"detail": {{"eventName": {named}}}, "region": ["eu-west-1"]}}"#)),
            filter("{ ($.eventName != StopLogging) && ($.eventName != DeleteTrail) }"),
            filter("{ ($.eventName = StopLogging) && ($.errorCode = \"x\") }"),
            filter("StopLogging DeleteTrail UpdateTrail"),
        ] {
            assert!(!undecided.decided, "{undecided:?}");
        }
    }
}
