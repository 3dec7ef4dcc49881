//! Decides whether a bucket's or a key's policy still lets CloudTrail deliver. A small and cautious
//! interpretation: the answer is yes only if a statement allows it and no statement, understood or
//! not, may forbid it.
use crate::control::policy::items;
use crate::vocab::glob::{CaseRule, glob};
use serde_json::Value;

/// Returns whether `policy` lets CloudTrail's service perform `action`, on `resource` if one is
/// given.
///
/// `resource` is written without the part before the bucket: `BUCKET/KEY`. `policy` is an object,
/// as in S3's events, or JSON text, as in those of KMS.
pub(crate) fn lets_cloudtrail(policy: &Value, action: &str, resource: Option<&str>) -> bool {
    let parsed = match policy {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    };
    let mut allowed = false;
    for statement in items(parsed.get("Statement")) {
        let concerns = is_cloudtrail(statement)
            && covers(statement, ("Action", "NotAction"), action)
            && resource
                .is_none_or(|resource| covers(statement, ("Resource", "NotResource"), resource));
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => allowed |= concerns,
            Some("Deny") if concerns && !exempts_services(statement) => return false,
            _ => {}
        }
    }
    allowed
}

fn is_cloudtrail(statement: &Value) -> bool {
    let is_service = |name: &Value| {
        name.as_str().is_some_and(|name| name == "*" || name.starts_with("cloudtrail.amazonaws."))
    };
    match statement.get("Principal") {
        Some(Value::String(all)) => all == "*",
        Some(Value::Object(kinds)) => {
            let every = |kind: &str| items(kinds.get(kind)).iter().any(|name| name == "*");
            items(kinds.get("Service")).iter().any(is_service) || every("AWS")
        }
        // `NotPrincipal` names the excluded principals; CloudTrail's service is hardly ever one of
        // them.
        _ => statement.get("NotPrincipal").is_some(),
    }
}

/// Returns whether one of the statement's patterns matches `what`, or none of its exceptions does.
fn covers(statement: &Value, (has, excepts): (&str, &str), what: &str) -> bool {
    let fits = |pattern: &Value| {
        let pattern = pattern.as_str().unwrap_or_default();
        // `arn:PARTITION:s3:::BUCKET/KEY`
        let pattern = match pattern.split_once(":s3:::") {
            Some((_, rest)) if pattern.starts_with("arn:") => rest,
            _ => pattern,
        };
        glob(pattern, what, CaseRule::Blind)
    };
    match statement.get(has) {
        Some(patterns) => items(Some(patterns)).iter().any(fits),
        None => !items(statement.get(excepts)).iter().any(fits),
    }
}

/// Returns whether the conditions exempt requests from AWS's own services: plain HTTP, which
/// services never use, and principals that are not services.
fn exempts_services(statement: &Value) -> bool {
    let Some(Value::Object(conditions)) = statement.get("Condition") else { return false };
    let mut of_bool = conditions.iter().filter(|(operator, _)| operator.starts_with("Bool"));
    of_bool.any(|(_, keys)| {
        keys.as_object().is_some_and(|keys| {
            keys.iter().any(|(key, values)| {
                let key = key.to_ascii_lowercase();
                let no = |value: &Value| value == "false" || *value == Value::Bool(false);
                (key == "aws:securetransport" || key == "aws:principalisawsservice")
                    && items(Some(values)).iter().all(no)
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lets(statements: &Value) -> bool {
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        lets_cloudtrail(&policy, "s3:PutObject", Some("b/p/AWSLogs/111122223333/x"))
    }

    fn write() -> Value {
        json!({
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::b/p/AWSLogs/111122223333/*",
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
        })
    }

    #[test]
    fn policies_that_let_cloudtrail_write_are_recognised() {
        let tls = json!({
            "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        });
        let mut unencrypted = tls.clone();
        unencrypted["Condition"] =
            json!({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}});
        let mut people = unencrypted.clone();
        people["Condition"] = json!({"BoolIfExists": {"aws:PrincipalIsAWSService": ["false"]}});
        let mut elsewhere = write();
        elsewhere["Resource"] = json!("arn:aws:s3:::b/q/AWSLogs/*");
        let mut config = write();
        config["Principal"] = json!({"Service": ["config.amazonaws.com"]});
        let mut delete = tls.clone();
        delete["Action"] = json!("s3:DeleteObject");
        delete["Condition"] = Value::Null;
        for (statements, expected) in [
            (write(), true),
            (json!([write()]), true),
            (json!([tls, write()]), true),
            (json!([people, write()]), true),
            (json!([delete, write()]), true),
            (json!([unencrypted, write()]), false),
            (
                json!([write(), {"Effect": "Deny", "NotPrincipal": {"AWS": "x"},
                "NotAction": "s3:GetObject", "Resource": "*"}]),
                false,
            ),
            (elsewhere, false),
            (config, false),
            (json!([]), false),
            (
                json!({"Effect": "Allow", "Principal": "*", "Action": "S3:Put*", "Resource": "*"}),
                true,
            ),
        ] {
            assert_eq!(lets(&statements), expected, "{statements}");
        }
        assert!(!lets_cloudtrail(&json!("no policy"), "s3:PutObject", None));
        assert!(!lets_cloudtrail(&Value::Null, "s3:PutObject", None));
    }
}
