//! The rules about the bucket's policy.
use super::key::{CLOUDTRAIL, scope_of, undecided_by};
use super::trail::partition;
use crate::control::fact::{Reader, Unread};
use crate::control::facts::Facts;
use crate::control::operation::Operation;
use crate::control::policy::{Caller, Context, Decision, Policy, Request, Statement};
use crate::control::status::{Judgement, Pitfall, Reason};
use serde_json::{Value, json};

type Judged = Result<Judgement, Unread>;

/// Header of an upload that names the encryption.
const ENCRYPTION: &str = "s3:x-amz-server-side-encryption";
/// Header of an upload with a key of the caller.
const CALLER_KEY: &str = "s3:x-amz-server-side-encryption-customer-algorithm";

fn policy<'a>(r: &Reader, facts: &'a Facts) -> Result<Option<&'a Policy>, Unread> {
    r.read(&facts.bucket.policy)
}

/// Returns the ARN of the bucket. A bucket whose name is not known yet has its address for a name.
fn bucket_arn(facts: &Facts) -> String {
    let name = facts.bucket.name.as_deref().unwrap_or(&facts.bucket.subject);
    format!("arn:{}:s3:::{name}", partition(facts.trail.arn.as_deref()))
}

pub(super) fn tls_only(r: &Reader, facts: &Facts) -> Judged {
    let Some(policy) = policy(r, facts)? else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("policy", Value::Null));
    };
    let bucket = bucket_arn(facts);
    let denied = |resource: &str| {
        policy.denies(&Request {
            caller: Caller::Anyone,
            action: "s3:*",
            resource,
            context: vec![("aws:securetransport", Context::Is(vec!["false"]))],
        })
    };
    let (of_bucket, of_objects) = (denied(&bucket), denied(&format!("{bucket}/*")));
    let tls_version = policy.statements().iter().any(|it| it.has_condition_on("s3:tlsversion"));
    Ok(match (of_bucket, of_objects) {
        (Some(true), Some(true)) => Judgement::pass().seen("denied", json!(["bucket", "objects"])),
        (Some(false), _) | (_, Some(false)) => Judgement::fail(Reason::NotAsRequired)
            .seen("bucket_denied", of_bucket)
            .seen("objects_denied", of_objects)
            .pitfall_if(tls_version, Pitfall::TlsVersionAllowsPlainHttp),
        _ => Judgement::manual(Reason::PolicyUndecided),
    })
}

/// Returns the statements that allow CloudTrail something.
fn for_cloudtrail(policy: &Policy) -> Vec<&Statement> {
    let allowing = policy.statements().iter().filter(|it| it.allows);
    allowing.filter(|it| it.names_service(CLOUDTRAIL)).collect()
}

pub(super) fn scoped(r: &Reader, facts: &Facts) -> Judged {
    match policy(r, facts)? {
        Some(policy) => scope_of(for_cloudtrail(policy)),
        None => Ok(Judgement::not_applicable(Reason::NotConfigured)),
    }
}

/// The encryption that an upload by CloudTrail may name.
const NONE: Context<'static> = Context::Absent;

pub(super) fn lets_write(r: &Reader, facts: &Facts) -> Judged {
    let Some(policy) = policy(r, facts)? else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("policy", Value::Null));
    };
    r.read(&facts.trail.prefix)?;
    let bucket = bucket_arn(facts);
    let account = facts.trail.account.as_deref();
    let in_account = account.unwrap_or("000000000000");
    let below = format!("{bucket}/{}AWSLogs", facts.trail.key_prefix());
    let mut keys = vec![format!("{below}/{in_account}/CloudTrail/us-east-1/2026/01/01/x.json.gz")];
    let organization = facts.organization.organization.value();
    if facts.trail.organization.value() == Some(&true)
        && let Some(organization) = organization
    {
        let id = &organization.id;
        keys.push(format!("{below}/{id}/{in_account}/CloudTrail/us-east-1/2026/01/01/x.json.gz"));
    }
    let decide = |action: &str, resource: &str, encryption: &Context<'_>| {
        let mut context = vec![
            ("aws:securetransport", Context::Is(vec!["true"])),
            ("aws:principalisawsservice", Context::Is(vec!["true"])),
            ("aws:principalservicename", Context::Is(vec![CLOUDTRAIL])),
            ("aws:principalarn", Context::Absent),
            ("aws:principalaccount", Context::Absent),
            ("aws:principalorgid", Context::Absent),
            ("s3:x-amz-acl", Context::Is(vec!["bucket-owner-full-control"])),
            (CALLER_KEY, Context::Absent),
            (ENCRYPTION, encryption.clone()),
        ];
        if let Some(arn) = facts.trail.arn.as_deref() {
            context.push(("aws:sourcearn", Context::Is(vec![arn])));
        }
        if let Some(account) = account {
            context.push(("aws:sourceaccount", Context::Is(vec![account])));
        }
        policy.decide(&Request { caller: Caller::Service(CLOUDTRAIL), action, resource, context })
    };
    let kms = Context::Is(vec!["aws:kms"]);
    let with_key = facts.trail.kms_key.value().is_some_and(|key| !key.is_empty());
    // Log files have the encryption of the trail. Digests arrive as AES256, or encrypted as log files are,
    // depending on when the trail was made; whether an upload names AES256 is not documented.
    let aes = Context::Is(vec!["AES256"]);
    let logs: &[&Context<'_>] = if with_key { &[&kms] } else { &[&aes, &NONE] };
    let digests: &[&Context<'_>] = if with_key { &[&kms, &aes, &NONE] } else { &[&aes, &NONE] };
    // For each key, the decisions on each encryption.
    let decide_all = |encryptions: &[&Context<'_>]| -> Vec<Vec<Decision>> {
        let of_key = |key: &String| {
            let each = encryptions.iter().map(|encryption| decide("s3:PutObject", key, encryption));
            each.collect()
        };
        keys.iter().map(of_key).collect()
    };
    let acl = decide("s3:GetBucketAcl", &bucket, &NONE);
    let (logs, digests) = (decide_all(logs), decide_all(digests));
    let is_no = |it: &Decision| matches!(it, Decision::Denied | Decision::NotAllowed);
    let any_refused = |all: &[Vec<Decision>]| all.iter().any(|of_key| of_key.iter().all(is_no));
    let all_allowed =
        |all: &[Vec<Decision>]| all.iter().flatten().all(|it| *it == Decision::Allowed);
    // Without the account, a pattern that names it cannot be matched.
    let unknown = account.is_none() || facts.trail.arn.is_none();
    let refused = is_no(&acl) || any_refused(&logs) || any_refused(&digests);
    let seen = |judgement: Judgement| {
        let words = |it: bool| if it { "no" } else { "yes" };
        judgement
            .seen("reads_acl", words(is_no(&acl)))
            .seen("writes_log_files", words(any_refused(&logs)))
            .seen("writes_digests", words(any_refused(&digests)))
    };
    if refused && !unknown {
        return Ok(seen(Judgement::fail(Reason::CloudTrailNotAllowed)));
    }
    if acl == Decision::Allowed && all_allowed(&logs) && all_allowed(&digests) {
        return Ok(seen(Judgement::pass()));
    }
    let denies_digests = with_key && all_allowed(&logs) && digests.iter().flatten().any(is_no);
    let judged = undecided_by(facts, Operation::GetBucketPolicy);
    Ok(judged.pitfall_if(denies_digests, Pitfall::DigestsMayBeDenied))
}

/// Actions that change evidence or its protection.
const CHANGING: [&str; 5] = [
    "s3:Delete*",
    "s3:PutObject*",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketPolicy",
    "s3:PutBucketVersioning",
];

pub(super) fn no_foreign(r: &Reader, facts: &Facts) -> Judged {
    let Some(policy) = policy(r, facts)? else {
        return Ok(Judgement::pass().seen("policy", Value::Null));
    };
    let changing = policy.statements().iter().filter(|it| {
        let services = it.principals().iter().all(|name| name == CLOUDTRAIL);
        it.allows && !services && CHANGING.iter().any(|action| it.touches(action))
    });
    let others: Vec<Value> = changing
        .map(|it| json!({ "sid": it.sid, "principals": it.principals(), "conditional": it.is_conditional() }))
        .collect();
    if others.is_empty() {
        return Ok(Judgement::pass().seen("others", others));
    }
    let account = facts.trail.account.as_deref().unwrap_or("-");
    let own = |value: &Value| {
        let names = value.get("principals").and_then(Value::as_array).into_iter().flatten();
        let mut names = names.filter_map(Value::as_str);
        names.all(|name| name == account || name.split(':').nth(4) == Some(account))
    };
    Ok(if others.iter().all(own) {
        Judgement::manual(Reason::OthersAllowed).seen("others", others)
    } else {
        Judgement::fail(Reason::OthersAllowed).seen("others", others)
    })
}

pub(super) fn blocks_customer_keys(r: &Reader, facts: &Facts) -> Judged {
    let resource = format!("{}/*", bucket_arn(facts));
    let by_policy = facts.bucket.policy.value().map(|policy| {
        policy.denies(&Request {
            caller: Caller::Anyone,
            action: "s3:PutObject",
            resource: &resource,
            context: vec![
                (CALLER_KEY, Context::Is(vec!["AES256"])),
                ("aws:securetransport", Context::Is(vec!["true"])),
            ],
        })
    });
    if by_policy == Some(Some(true)) {
        return Ok(Judgement::pass().seen("by", "policy"));
    }
    let encryption = r.read(&facts.bucket.encryption)?;
    let blocked = match &encryption {
        Some(encryption) => r.read(&encryption.blocked)?.cloned(),
        None => None,
    };
    let blocks = blocked.as_ref().is_some_and(|kinds| kinds.iter().any(|kind| kind == "SSE-C"));
    if blocks {
        return Ok(Judgement::pass().seen("by", "encryption").seen("blocked", blocked));
    }
    match by_policy {
        Some(None) => Ok(Judgement::manual(Reason::PolicyUndecided)),
        _ => {
            policy(r, facts)?;
            Ok(Judgement::fail(Reason::NotConfigured).seen("blocked", blocked))
        }
    }
}
