//! Decides whether a bucket's or a key's policy still lets CloudTrail deliver. What cannot be decided is
//! neither a yes nor a no.
use super::place::Place;
use crate::control::policy::{Caller, Context, Decision, Policy, Request, Truth, items};
use crate::vocab::budget;
use serde_json::{Value, json};
use std::sync::Arc;

/// Names of CloudTrail in policies.
const SERVICES: [&str; 2] = ["cloudtrail.amazonaws.com", "cloudtrail.amazonaws.com.cn"];

/// Bytes of one policy that are kept. What CloudTrail's documentation proposes has some 500.
const KEPT: usize = 8 << 10;

/// What a policy that was put on a bucket says about CloudTrail's deliveries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryPolicy {
    /// Its JSON with only the statements that may be about them; `None` if it cannot be decided.
    json: Option<Arc<str>>,
}

impl DeliveryPolicy {
    /// Reads the policy of an event.
    pub(crate) fn of(policy: &Value, bucket: &str) -> Self {
        let relevant = parsed(policy).map(|(policy, json)| {
            let is_relevant = |(at, _): &(usize, &Value)| {
                let statement = policy.statements().get(*at);
                let of = |service: &&str| {
                    statement.is_some_and(|it| it.may_be_about(Caller::Service(service), WRITE))
                };
                SERVICES.iter().any(of)
            };
            let statements = items(json.get("Statement")).iter().enumerate().filter(is_relevant);
            let statements = statements.map(|(_, statement)| reduced(statement, bucket));
            json!({"Statement": statements.collect::<Vec<Value>>()}).to_string()
        });
        Self { json: relevant.filter(|json| is_one(json)).map(Into::into) }
    }

    /// Reads a policy as [`Self::json`] returns it; `None` if it is not one.
    pub(crate) fn from_json(json: Option<String>) -> Option<Self> {
        let json = json.map(Arc::from);
        json.as_deref().is_none_or(is_one).then_some(Self { json })
    }

    /// Returns the JSON of the statements that may be about deliveries; `None` if it cannot be decided.
    pub(crate) fn json(&self) -> Option<&str> {
        self.json.as_deref()
    }

    /// Returns a judge of whether CloudTrail may write digests to a place. It reads the policy once.
    pub fn judge(&self) -> impl Fn(Place<'_>) -> Truth {
        let policy = self.json.as_ref().and_then(|json| Policy::parse(json).ok());
        move |place| policy.as_ref().map_or(Truth::Perhaps, |policy| lets_write(policy, place))
    }
}

fn lets_write(policy: &Policy, place: Place<'_>) -> Truth {
    let partition = place.chain.source_region.partition();
    let object = format!("arn:{partition}:s3:::{}/{}digest", place.bucket, place.folder);
    let owner = place.owner();
    let trail = place.trail_arn();
    // Who owns the trail of an organization is not in its keys.
    let source = match (&owner, &trail) {
        (Some(owner), Some(trail)) => vec![
            ("aws:sourceaccount", Context::Is(vec![owner])),
            ("aws:sourcearn", Context::Is(vec![trail])),
        ],
        _ => Vec::new(),
    };
    lets(policy, service_of(partition), (WRITE, &object), &source)
}

const WRITE: &str = "s3:PutObject";

/// Returns whether a key's policy lets CloudTrail encrypt with the key, whose ARN is `*` if it is not known.
pub(crate) fn lets_cloudtrail_encrypt(policy: &Value, key: &str) -> Truth {
    let policy = parsed(policy);
    let service = service_of(key.split(':').nth(1).unwrap_or_default());
    let use_of = ("kms:GenerateDataKey", key);
    policy.map_or(Truth::Perhaps, |(policy, _)| lets(&policy, service, use_of, &[]))
}

fn is_one(json: &str) -> bool {
    json.len() <= KEPT && Policy::parse(json).is_ok()
}

/// Returns a statement that names all objects of the bucket without the other resources that it names.
fn reduced(statement: &Value, bucket: &str) -> Value {
    let all = [format!(":s3:::{bucket}/*"), format!(":s3:::{bucket}*"), ":s3:::*".to_owned()];
    let is_all = |pattern: &&Value| {
        pattern.as_str().is_some_and(|it| it == "*" || all.iter().any(|all| it.ends_with(all)))
    };
    let mut statement = statement.clone();
    if let Some(all) = items(statement.get("Resource")).iter().find(is_all).cloned()
        && let Some(fields) = statement.as_object_mut()
    {
        fields.insert("Resource".to_owned(), all);
    }
    statement
}

/// Returns the name of CloudTrail in the policies of a partition.
fn service_of(partition: &str) -> &'static str {
    let [global, china] = SERVICES;
    if partition == "aws-cn" { china } else { global }
}

/// Returns the policy of an event with its JSON, which is an object, as in S3's, or a text, as in those of KMS.
fn parsed(policy: &Value) -> Option<(Policy, Value)> {
    let json = match policy {
        Value::String(text) if text.len() > budget::POLICY => return None,
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    Some((Policy::from_value(&json).ok()?, json))
}

fn lets(
    policy: &Policy,
    service: &str,
    (action, resource): (&str, &str),
    source: &[(&str, Context<'_>)],
) -> Truth {
    // Services never use plain HTTP, and are no principals of an account.
    let mut context = vec![
        ("aws:securetransport", Context::Is(vec!["true"])),
        ("aws:principalisawsservice", Context::Is(vec!["true"])),
        ("s3:x-amz-acl", Context::Is(vec!["bucket-owner-full-control"])),
    ];
    context.extend(source.iter().cloned());
    let caller = Caller::Service(service);
    match policy.decide(&Request { caller, action, resource, context }) {
        Decision::Allowed => Truth::Yes,
        Decision::Undecided => Truth::Perhaps,
        Decision::Denied | Decision::NotAllowed => Truth::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::chain_id::ChainId;
    use Truth::{No, Perhaps, Yes};

    /// Judges for the trail `t` of an account, whose digests lie below the prefix `p`.
    fn lets(statements: &Value) -> Truth {
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        of_place(&policy, "p/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/")
    }

    fn of_place(policy: &Value, folder: &str) -> Truth {
        let chain = ChainId {
            account: "111122223333".parse().unwrap(),
            source_region: "us-east-1".parse().unwrap(),
            trail: "t".parse().unwrap(),
            home_region: "us-east-1".parse().unwrap(),
            organization: None,
        };
        DeliveryPolicy::of(policy, "b").judge()(Place { chain: &chain, bucket: "b", folder })
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
        let mut old_tls = tls.clone();
        old_tls["Condition"] = json!({"NumericLessThan": {"s3:TlsVersion": "1.2"}});
        for (statements, expected) in [
            (write(), Yes),
            (json!([write()]), Yes),
            (json!([tls, write()]), Yes),
            (json!([people, write()]), Yes),
            (json!([delete, write()]), Yes),
            (json!([unencrypted, write()]), Perhaps),
            (json!([old_tls, write()]), Perhaps),
            (
                json!([write(), {"Effect": "Deny", "NotPrincipal": {"AWS": "x"},
                "NotAction": "s3:GetObject", "Resource": "*"}]),
                Perhaps,
            ),
            (
                json!([write(), {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}]),
                No,
            ),
            (elsewhere, No),
            (config, No),
            (json!([]), No),
            (
                json!({"Effect": "Allow", "Principal": "*", "Action": "S3:Put*", "Resource": "*"}),
                Yes,
            ),
        ] {
            assert_eq!(lets(&statements), expected, "{statements}");
        }
        let folder = "p/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/";
        assert_eq!(of_place(&json!("no policy"), folder), Perhaps);
        assert_eq!(of_place(&Value::Null, folder), Perhaps);
    }

    /// A policy is judged for each place, and not for the one whose log file holds the call.
    #[test]
    fn each_place_has_its_own_answer() {
        let policy = json!({"Statement": write()});
        for (folder, expected) in [
            ("p/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/", Yes),
            ("p/AWSLogs/444455556666/CloudTrail-Digest/us-east-1/", No),
            ("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/", No),
        ] {
            assert_eq!(of_place(&policy, folder), expected, "{folder}");
        }
    }

    /// Conditions whose keys CloudTrail's requests are known to have are evaluated.
    #[test]
    fn conditions_count() {
        let only = |condition: Value| {
            let mut only = write();
            only["Condition"] = condition;
            lets(&only)
        };
        assert_eq!(only(json!({"StringEquals": {"s3:x-amz-acl": "private"}})), No);
        let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/";
        for (name, expected) in [("t", Yes), ("u", No)] {
            let source = format!("{arn}{name}");
            assert_eq!(only(json!({"StringEquals": {"aws:SourceArn": source}})), expected);
        }
        for (account, expected) in [("111122223333", Yes), ("444455556666", No)] {
            assert_eq!(only(json!({"StringEquals": {"aws:SourceAccount": account}})), expected);
        }
        let key = json!({"Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "arn:aws:kms:r:a:key/1",
            "Principal": {"Service": "cloudtrail.amazonaws.com"}}});
        assert_eq!(lets_cloudtrail_encrypt(&key, "arn:aws:kms:r:a:key/1"), Yes);
        assert_eq!(lets_cloudtrail_encrypt(&key, "arn:aws:kms:r:a:key/2"), No);
    }

    /// A policy that is too long to be kept cannot be decided.
    #[test]
    fn long_policies_are_undecided() {
        let mut long = write();
        let arn = |number: usize| json!(format!("arn:aws:s3:::b/p/AWSLogs/{number:012}/*"));
        long["Resource"] = (0..1_000).map(arn).collect();
        assert_eq!(lets(&long), Perhaps);
        // One that names all objects too is as short as that.
        let mut padded = long.clone();
        padded["Effect"] = json!("Deny");
        padded["Resource"].as_array_mut().unwrap().push(json!("arn:aws:s3:::b/*"));
        assert_eq!(lets(&json!([write(), padded])), No);
    }
}
