//! Decides whether a bucket's or a key's policy still lets CloudTrail deliver: the answer is yes only if a
//! statement may allow it and no statement, understood or not, may forbid it.
use crate::control::policy::{Caller, Context, PARTITIONS, Policy, Request};
use serde_json::Value;

/// Names of CloudTrail in policies.
const SERVICES: [&str; 2] = ["cloudtrail.amazonaws.com", "cloudtrail.amazonaws.com.cn"];

/// Returns whether a bucket's policy lets CloudTrail write an object, which is written as `BUCKET/KEY`.
pub(crate) fn lets_cloudtrail_write(policy: &Value, object: &str) -> bool {
    let Some(policy) = parsed(policy) else { return false };
    // A policy names the partition of its bucket.
    let mut arns = PARTITIONS.iter().map(|partition| format!("arn:{partition}:s3:::{object}"));
    arns.any(|arn| lets(&policy, "s3:PutObject", &arn))
}

/// Returns whether a key's policy lets CloudTrail encrypt with the key, whose ARN is `*` if it is not known.
pub(crate) fn lets_cloudtrail_encrypt(policy: &Value, key: &str) -> bool {
    parsed(policy).is_some_and(|policy| lets(&policy, "kms:GenerateDataKey", key))
}

/// Returns the policy of an event: an object, as in S3's, or JSON text, as in those of KMS.
fn parsed(policy: &Value) -> Option<Policy> {
    match policy {
        Value::String(text) => Policy::parse(text).ok(),
        other => Policy::from_value(other).ok(),
    }
}

fn lets(policy: &Policy, action: &str, resource: &str) -> bool {
    let is_let = |service: &&str| {
        // Services never use plain HTTP, and are no principals of an account.
        let context = vec![
            ("aws:securetransport", Context::Is(vec!["true"])),
            ("aws:principalisawsservice", Context::Is(vec!["true"])),
            ("s3:x-amz-acl", Context::Is(vec!["bucket-owner-full-control"])),
        ];
        let caller = Caller::Service(service);
        policy.may_allow(&Request { caller, action, resource, context })
    };
    SERVICES.iter().any(is_let)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lets(statements: &Value) -> bool {
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        lets_cloudtrail_write(&policy, "b/p/AWSLogs/111122223333/x")
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
        assert!(!lets_cloudtrail_write(&json!("no policy"), "b/x"));
        assert!(!lets_cloudtrail_write(&Value::Null, "b/x"));
    }

    /// Conditions whose keys CloudTrail's requests are known to have are evaluated.
    #[test]
    fn conditions_count() {
        let mut private = write();
        private["Condition"] = json!({"StringEquals": {"s3:x-amz-acl": "private"}});
        assert!(!lets(&private));
        let mut one_trail = write();
        one_trail["Condition"] = json!({"StringEquals": {"aws:SourceArn": "arn:aws:x"}});
        assert!(lets(&one_trail), "whether it is this trail is not known");
        let key = json!({"Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "arn:aws:kms:r:a:key/1",
            "Principal": {"Service": "cloudtrail.amazonaws.com"}}});
        assert!(lets_cloudtrail_encrypt(&key, "arn:aws:kms:r:a:key/1"));
        assert!(!lets_cloudtrail_encrypt(&key, "arn:aws:kms:r:a:key/2"));
    }
}
