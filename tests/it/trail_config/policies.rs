//! The evaluator of policies: what IAM decides, or that it cannot be decided; never a guess.
use serde_json::{Value, json};
use trailproof_core::control::policy::{Caller, Context, Decision, Policy, PolicyFault, Request};
use trailproof_core::vocab::budget;

const SERVICE: Caller<'_> = Caller::Service("cloudtrail.amazonaws.com");
const USER: Caller<'_> =
    Caller::Principal { arn: "arn:aws:iam::111122223333:user/u", account: "111122223333" };

fn decide(statements: &Value, caller: Caller<'_>, context: Vec<(&str, Context<'_>)>) -> Decision {
    let policy = Policy::from_value(&json!({ "Statement": statements })).unwrap();
    let (action, resource) = ("s3:PutObject", "arn:aws:s3:::b/k");
    policy.decide(&Request { caller, action, resource, context })
}

/// A statement that allows everything, with changes.
fn allow(changes: Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*" });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(statement.as_object_mut().unwrap().remove(name)),
            other => statement[name] = other.clone(),
        }
    }
    statement
}

#[test]
fn principals_actions_and_resources_match_as_in_iam() {
    use Decision::{Allowed, NotAllowed, Undecided};
    for (changes, by_service, by_user) in [
        (json!({}), Allowed, Allowed),
        (json!({ "Principal": { "AWS": "*" } }), Allowed, Allowed),
        (json!({ "Principal": { "Service": "cloudtrail.amazonaws.com" } }), Allowed, NotAllowed),
        (
            json!({ "Principal": { "Service": ["a", "cloudtrail.amazonaws.com"] } }),
            Allowed,
            NotAllowed,
        ),
        (json!({ "Principal": { "Service": "config.amazonaws.com" } }), NotAllowed, NotAllowed),
        (json!({ "Principal": { "AWS": "111122223333" } }), NotAllowed, Allowed),
        (json!({ "Principal": { "AWS": "arn:aws:iam::111122223333:root" } }), NotAllowed, Allowed),
        (
            json!({ "Principal": { "AWS": "arn:aws:iam::444455556666:root" } }),
            NotAllowed,
            NotAllowed,
        ),
        (
            json!({ "Principal": { "AWS": "arn:aws:iam::111122223333:user/u" } }),
            NotAllowed,
            Allowed,
        ),
        (
            json!({ "Principal": { "AWS": "arn:aws:iam::111122223333:user/U" } }),
            NotAllowed,
            NotAllowed,
        ),
        (json!({ "Principal": null, "NotPrincipal": { "AWS": "x" } }), Undecided, Undecided),
        (json!({ "Action": "S3:PUT*" }), Allowed, Allowed),
        (json!({ "Action": ["s3:Get*", "s3:?utObject"] }), Allowed, Allowed),
        (json!({ "Action": "s3:GetObject" }), NotAllowed, NotAllowed),
        (json!({ "Action": null, "NotAction": "s3:Get*" }), Allowed, Allowed),
        (json!({ "Action": null, "NotAction": ["s3:Put*"] }), NotAllowed, NotAllowed),
        (json!({ "Resource": "*" }), Allowed, Allowed),
        // Case counts in a resource.
        (json!({ "Resource": "arn:aws:s3:::B/*" }), NotAllowed, NotAllowed),
        (json!({ "Resource": "arn:aws-cn:s3:::b/*" }), NotAllowed, NotAllowed),
        (json!({ "Resource": null, "NotResource": "arn:aws:s3:::c/*" }), Allowed, Allowed),
        (json!({ "Resource": null, "NotResource": "arn:aws:s3:::b/*" }), NotAllowed, NotAllowed),
        (json!({ "Resource": "arn:aws:s3:::b/${aws:username}/*" }), Undecided, Undecided),
    ] {
        let statement = allow(changes);
        assert_eq!(decide(&statement, SERVICE, Vec::new()), by_service, "{statement}");
        assert_eq!(decide(&statement, USER, Vec::new()), by_user, "{statement}");
    }
}

#[test]
fn conditions_hold_as_in_iam() {
    use Decision::{Allowed, NotAllowed, Undecided};
    let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/t";
    for (operator, values, known, absent) in [
        ("StringEquals", json!(arn), Allowed, NotAllowed),
        ("StringEquals", json!(["x", arn]), Allowed, NotAllowed),
        ("StringEquals", json!("arn:aws:cloudtrail:*"), NotAllowed, NotAllowed),
        ("StringEqualsIfExists", json!("x"), NotAllowed, Allowed),
        ("StringNotEquals", json!("x"), Allowed, Allowed),
        ("StringNotEquals", json!(arn), NotAllowed, Allowed),
        ("StringEqualsIgnoreCase", json!(arn.to_uppercase()), Allowed, NotAllowed),
        ("StringNotEqualsIgnoreCase", json!(arn.to_uppercase()), NotAllowed, Allowed),
        ("StringLike", json!("arn:*:trail/?"), Allowed, NotAllowed),
        ("StringNotLike", json!("arn:*"), NotAllowed, Allowed),
        ("ArnLike", json!("arn:aws:cloudtrail:*:111122223333:trail/*"), Allowed, NotAllowed),
        ("ArnEquals", json!("arn:aws:cloudtrail:*:*:trail/t"), Allowed, NotAllowed),
        // A star stays within its part of an ARN.
        ("ArnLike", json!("arn:aws:*:trail/t"), NotAllowed, NotAllowed),
        ("ArnNotLike", json!("arn:aws:cloudtrail:*:*:trail/u"), Allowed, Allowed),
        ("Null", json!("false"), Allowed, NotAllowed),
        ("Null", json!(true), NotAllowed, Allowed),
        ("ForAnyValue:StringEquals", json!(arn), Allowed, NotAllowed),
        ("ForAllValues:StringEquals", json!(arn), Allowed, Allowed),
        ("ForAllValues:StringEquals", json!("x"), NotAllowed, Allowed),
        // What is not understood is not decided.
        // Without the key, its value does not matter.
        ("NumericEquals", json!("1"), Undecided, NotAllowed),
        ("DateNotEquals", json!("2030-01-01"), Undecided, Allowed),
        ("IpAddressIfExists", json!("10.0.0.0/8"), Undecided, Allowed),
        ("NumericRoughly", json!("1"), Undecided, Undecided),
        ("StringEquals", json!("${aws:PrincipalArn}"), Undecided, NotAllowed),
        ("ForSomeValues:StringEquals", json!(arn), Undecided, Undecided),
    ] {
        let statement = allow(json!({ "Condition": { operator: { "AWS:sourceARN": values } } }));
        let with = |value| decide(&statement, SERVICE, vec![("aws:sourcearn", value)]);
        assert_eq!(with(Context::Is(vec![arn])), known, "{statement}");
        assert_eq!(with(Context::Absent), absent, "{statement}");
        // A key of which nothing is known.
        assert_eq!(decide(&statement, SERVICE, Vec::new()), Undecided, "{statement}");
    }
}

#[test]
fn a_denial_wins_and_doubt_is_never_resolved_in_favour() {
    use Decision::{Allowed, Denied, NotAllowed, Undecided};
    let doubt = json!({ "NumericEquals": { "x": "1" } });
    let deny = |condition: Value| allow(json!({ "Effect": "Deny", "Condition": condition }));
    let allowed = allow(json!({}));
    let perhaps = allow(json!({ "Condition": doubt }));
    for (statements, expected) in [
        (json!([]), NotAllowed),
        (allowed.clone(), Allowed),
        (json!([allowed, deny(Value::Null)]), Denied),
        (json!([allowed, deny(doubt.clone())]), Undecided),
        (json!([perhaps]), Undecided),
        (json!([perhaps, allowed]), Allowed),
        (json!([perhaps, deny(Value::Null)]), Denied),
        (json!([deny(doubt.clone())]), NotAllowed),
    ] {
        assert_eq!(decide(&statements, SERVICE, Vec::new()), expected, "{statements}");
    }
}

#[test]
fn what_is_not_a_policy_is_refused() {
    for text in [
        "",
        "[]",
        "{",
        "null",
        "\"x\"",
        r#"{"Statement": [1]}"#,
        r#"{"Statement": {"Effect": "Perhaps"}}"#,
        r#"{"Statement": {"Effect": "Allow", "Principal": "x"}}"#,
        r#"{"Statement": {"Effect": "Allow", "Action": {}, "Principal": "*"}}"#,
        r#"{"Statement": {"Effect": "Allow", "Action": "a", "NotAction": "b"}}"#,
        r#"{"Statement": {"Effect": "Allow", "Condition": "x"}}"#,
    ] {
        assert_eq!(Policy::parse(text), Err(PolicyFault::Malformed), "{text}");
    }
    let long = format!("{{\"Statement\": [], \"Id\": \"{}\"}}", "x".repeat(budget::POLICY));
    assert_eq!(Policy::parse(&long), Err(PolicyFault::TooLong));
    assert!(Policy::parse(r#"{"Version": "2012-10-17"}"#).unwrap().statements().is_empty());
}

/// A policy of the longest kind, whose patterns match as slowly as patterns can.
#[test]
fn hostile_patterns_are_decided() {
    let pattern = format!("{}b", "*a".repeat(200));
    let patterns: Vec<&str> = std::iter::repeat_n(pattern.as_str(), 140).collect();
    let text = json!({ "Statement": allow(json!({ "Resource": patterns })) }).to_string();
    assert!(text.len() > 50 << 10 && text.len() < budget::POLICY);
    let policy = Policy::parse(&text).unwrap();
    let resource = "a".repeat(1_024);
    let context = Vec::new();
    let request = Request { caller: SERVICE, action: "s3:PutObject", resource: &resource, context };
    assert_eq!(policy.decide(&request), Decision::NotAllowed);
}
