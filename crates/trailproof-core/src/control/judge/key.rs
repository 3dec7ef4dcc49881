//! The rules about the key.
use super::trail::is_aws_alias;
use crate::control::fact::{Fact, Reader, Unread, UnreadWhy};
use crate::control::facts::{Facts, KeyDescription, KeyFacts, TrailFacts};
use crate::control::operation::Operation;
use crate::control::policy::{Caller, Context, Decision, Policy, Request, Statement, Truth};
use crate::control::status::{Judgement, Pitfall, Reason};
use serde_json::{Value, json};

type Judged = Result<Judgement, Unread>;

/// Name of CloudTrail in policies.
pub(super) const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

/// The key of a trail, or the judgement on a trail without one.
enum Key<'a> {
    Is(&'a KeyFacts),
    None(Judgement),
}

fn key<'a>(r: &Reader, facts: &'a Facts) -> Result<Key<'a>, Unread> {
    let named = r.read(&facts.trail.kms_key)?.filter(|key| !key.is_empty());
    match (named, &facts.key) {
        (None, _) => Ok(Key::None(Judgement::not_applicable(Reason::NoKey))),
        // What was given may be about a different key.
        (Some(named), Some(KeyFacts { arn: Some(arn), .. }))
            if is_key_arn(named) && named != arn =>
        {
            Err(Unread::new(Operation::DescribeKey, UnreadWhy::NotInInput))
        }
        (Some(_), Some(key)) => Ok(Key::Is(key)),
        (Some(_), None) => Err(Unread::new(Operation::DescribeKey, UnreadWhy::NotAsked)),
    }
}

/// Returns whether it is the ARN of a key, and not its id or an alias of it.
fn is_key_arn(name: &str) -> bool {
    name.starts_with("arn:") && name.contains(":key/")
}

fn described<'a>(r: &Reader, key: &'a KeyFacts) -> Result<&'a KeyDescription, Unread> {
    let gone = || Unread::new(Operation::DescribeKey, UnreadWhy::NotFound);
    r.read(&key.description)?.ok_or_else(gone)
}

fn policy<'a>(r: &Reader, key: &'a KeyFacts) -> Result<&'a Policy, Unread> {
    let gone = || Unread::new(Operation::GetKeyPolicy, UnreadWhy::NotFound);
    r.read(&key.policy)?.ok_or_else(gone)
}

pub(super) fn customer_managed(r: &Reader, facts: &Facts) -> Judged {
    let named = r.read(&facts.trail.kms_key)?.cloned().unwrap_or_default();
    if is_aws_alias(&named) {
        let failed = Judgement::fail(Reason::KeyManagedByAws).seen("key", named);
        return Ok(failed.pitfall(Pitfall::AwsManagedKey));
    }
    let key = match key(r, facts)? {
        Key::Is(key) => key,
        Key::None(judgement) => return Ok(judgement),
    };
    let customer = described(r, key)?.customer;
    let judged = Judgement::holds(customer, Reason::KeyManagedByAws).seen("key", named);
    let judged = judged.seen("customer_managed", customer);
    Ok(judged.pitfall_if(!customer, Pitfall::AwsManagedKey))
}

pub(super) fn not_pending_deletion(r: &Reader, facts: &Facts) -> Judged {
    let key = match key(r, facts)? {
        Key::Is(key) => key,
        Key::None(judgement) => return Ok(judgement),
    };
    let described = described(r, key)?;
    let pending = matches!(described.state.as_str(), "PendingDeletion" | "PendingReplicaDeletion");
    let mut judged = Judgement::holds(!pending, Reason::KeyPendingDeletion)
        .seen("key_state", described.state.as_str())
        .pitfall_if(pending, Pitfall::KeyDeletionMakesLogsUnreadable);
    if let Some(deletion) = described.deletion {
        judged = judged.seen("deletion", deletion.to_string());
        if let Some(now) = facts.as_of {
            let left = deletion.unix().saturating_sub(now.unix()).max(0) / 86_400;
            judged = judged.seen("days_left", left);
        }
    }
    Ok(judged)
}

pub(super) fn rotation(r: &Reader, facts: &Facts) -> Judged {
    let key = match key(r, facts)? {
        Key::Is(key) => key,
        Key::None(judgement) => return Ok(judgement),
    };
    // The state decides whether KMS could rotate it at all; unread, the answer about rotation decides.
    if let Ok(described) = described(r, key)
        && !(described.customer && described.rotatable)
    {
        let why =
            if described.customer { Reason::KeyNotRotatable } else { Reason::KeyManagedByAws };
        return Ok(Judgement::not_applicable(why));
    }
    match r.read(&key.rotation)? {
        Some(on) => Ok(Judgement::holds(*on, Reason::NotAsRequired).seen("rotation", *on)),
        None => Ok(Judgement::not_applicable(Reason::KeyNotRotatable)),
    }
}

pub(super) fn in_bucket_region(r: &Reader, facts: &Facts) -> Judged {
    let key = match key(r, facts)? {
        Key::Is(key) => key,
        Key::None(judgement) => return Ok(judgement),
    };
    let missing = |operation| Unread::new(operation, UnreadWhy::NotFound);
    let of_key = r.read(&key.region)?.ok_or_else(|| missing(Operation::DescribeKey))?;
    let of_bucket = r.read(&facts.bucket.region)?.ok_or_else(|| missing(Operation::HeadBucket))?;
    let holds = of_key == of_bucket
        || match described(r, key) {
            Ok(described) => described.replicas.contains(of_bucket),
            // An alias may stand for a multi-Region key, which may have a replica there.
            Err(unread) if may_have_replicas(key) => return Err(unread),
            Err(_) => false,
        };
    let judged = Judgement::holds(holds, Reason::KeyInOtherRegion)
        .seen("key_region", of_key.as_str())
        .seen("bucket_region", of_bucket.as_str());
    Ok(judged.pitfall_if(!holds, Pitfall::KeyRegionDiffers))
}

/// Returns whether a key is a multi-Region key, or its id is not known. The ids of those begin with `mrk-`.
fn may_have_replicas(key: &KeyFacts) -> bool {
    let arn = key.arn.as_deref().unwrap_or(&key.subject);
    arn.rsplit_once(":key/").is_none_or(|(_, id)| id.starts_with("mrk-"))
}

/// Returns the keys of a condition that CloudTrail's requests to KMS have. Keys that are not known here
/// stay unknown.
fn context<'a>(facts: &'a Facts, account: &'a str) -> Vec<(&'a str, Context<'a>)> {
    let mut context = vec![
        ("aws:securetransport", Context::Is(vec!["true"])),
        ("aws:principalisawsservice", Context::Is(vec!["true"])),
        ("aws:principalservicename", Context::Is(vec![CLOUDTRAIL])),
        ("aws:principalarn", Context::Absent),
        ("aws:principalaccount", Context::Absent),
        ("aws:principalorgid", Context::Absent),
    ];
    if let Some(arn) = facts.trail.arn.as_deref() {
        context.push(("aws:sourcearn", Context::Is(vec![arn])));
        context.push(("kms:encryptioncontext:aws:cloudtrail:arn", Context::Is(vec![arn])));
    }
    if !account.is_empty() {
        context.push(("aws:sourceaccount", Context::Is(vec![account])));
    }
    context
}

pub(super) fn for_cloudtrail(r: &Reader, facts: &Facts) -> Judged {
    let key = match key(r, facts)? {
        Key::Is(key) => key,
        Key::None(judgement) => return Ok(judgement),
    };
    let policy = policy(r, key)?;
    let account = facts.trail.account.as_deref().unwrap_or_default();
    let uses_bucket_key = match &facts.bucket.encryption {
        Fact::Unread(unread) => Err(unread.clone()),
        known => Ok(known.value().is_some_and(|encryption| encryption.bucket_key)),
    };
    let mut actions = vec!["kms:GenerateDataKey", "kms:DescribeKey"];
    if uses_bucket_key == Ok(true) {
        actions.push("kms:Decrypt");
    }
    let resource = key.arn.as_deref().unwrap_or(&key.subject);
    let decide = |action: &str| {
        let mut context = context(facts, account);
        if action == "kms:DescribeKey" {
            // DescribeKey has no encryption context.
            context.retain(|(name, _)| !name.starts_with("kms:encryptioncontext:"));
            context.push(("kms:encryptioncontext:aws:cloudtrail:arn", Context::Absent));
        }
        let caller = Caller::Service(CLOUDTRAIL);
        policy.decide(&Request { caller, action, resource, context })
    };
    let decisions: Vec<(&str, Decision)> =
        actions.iter().map(|action| (*action, decide(action))).collect();
    let of = |wanted: &dyn Fn(Decision) -> bool| -> Vec<&str> {
        decisions.iter().filter(|(_, it)| wanted(*it)).map(|(action, _)| *action).collect()
    };
    let refused = of(&|it| matches!(it, Decision::Denied | Decision::NotAllowed));
    let undecided = of(&|it| it == Decision::Undecided);
    if !refused.is_empty() {
        let failed = Judgement::fail(Reason::CloudTrailNotAllowed).seen("not_allowed", refused);
        return Ok(failed.pitfall(Pitfall::KeyPolicyLacksCloudtrail));
    }
    if !undecided.is_empty() {
        return Ok(undecided_by(facts, Operation::GetKeyPolicy).seen("undecided", undecided));
    }
    match uses_bucket_key {
        // With a bucket key, CloudTrail must be allowed to decrypt too.
        Err(unread) if decide("kms:Decrypt") != Decision::Allowed => {
            Ok(Judgement::not_available(unread).seen("allowed", actions))
        }
        _ => Ok(Judgement::pass().seen("allowed", actions)),
    }
}

/// Returns the judgement on a policy that was not decided: not available if the trail's ARN is not known
/// yet, otherwise manual.
pub(super) fn undecided_by(facts: &Facts, operation: Operation) -> Judgement {
    if facts.trail.arn.is_none() {
        let unread = Unread::new(operation, UnreadWhy::UnknownUntilApplied);
        return Judgement::not_available(unread);
    }
    Judgement::manual(Reason::PolicyUndecided)
}

const SOURCE_ARN: &str = "aws:sourcearn";
const SOURCE_ACCOUNT: &str = "aws:sourceaccount";
const ENCRYPTION_CONTEXT: &str = "kms:encryptioncontext:aws:cloudtrail:arn";

/// Returns the account to which a value restricts a trail's ARN.
fn account_of(value: &str) -> Option<&str> {
    let account = value.split(':').nth(4).unwrap_or_default();
    is_account(account).then_some(account)
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the accounts to whose trails a statement that allows CloudTrail is narrowed; empty if it is
/// not narrowed to accounts. Each condition must hold, so that the shortest list counts.
fn accounts<'a>(statement: &'a Statement) -> Vec<&'a str> {
    let by_arn = |key: &str| -> Option<Vec<&'a str>> {
        statement.required(key).into_iter().map(account_of).collect()
    };
    let named = statement.required(SOURCE_ACCOUNT);
    let named = named.into_iter().map(|it| is_account(it).then_some(it)).collect();
    let each = [by_arn(SOURCE_ARN), by_arn(ENCRYPTION_CONTEXT), named];
    let narrowing = each.into_iter().flatten().filter(|accounts| !accounts.is_empty());
    narrowing.min_by_key(Vec::len).unwrap_or_default()
}

/// Returns whether a statement has a condition that could narrow it and is not one that is known to.
pub(super) fn may_be_scoped(statement: &Statement) -> bool {
    [SOURCE_ARN, SOURCE_ACCOUNT, ENCRYPTION_CONTEXT, "aws:sourceorgid", "aws:sourceorgpaths"]
        .iter()
        .any(|key| statement.has_condition_on(key))
}

pub(super) fn scoped(r: &Reader, facts: &Facts) -> Judged {
    let key = match key(r, facts)? {
        Key::Is(key) => key,
        Key::None(judgement) => return Ok(judgement),
    };
    let statements = policy(r, key)?
        .statements()
        .iter()
        .filter(|it| it.allows && it.names_service(CLOUDTRAIL) && it.covers("kms:GenerateDataKey"));
    scope_of(&facts.trail, statements.collect())
}

/// Judges whether all statements that allow CloudTrail are narrowed, to trails of the trail's account.
pub(super) fn scope_of(trail: &TrailFacts, statements: Vec<&Statement>) -> Judged {
    if statements.is_empty() {
        return Ok(Judgement::not_applicable(Reason::CloudTrailNotAllowed));
    }
    let narrowed: Vec<(&Statement, Vec<&str>)> =
        statements.iter().map(|it| (*it, accounts(it))).collect();
    let ids = |list: &[&(&Statement, Vec<&str>)]| -> Value {
        json!(list.iter().map(|(it, _)| &it.sid).collect::<Vec<_>>())
    };
    let open: Vec<_> = narrowed.iter().filter(|(_, accounts)| accounts.is_empty()).collect();
    if !open.is_empty() {
        let judged = match open.iter().all(|(it, _)| may_be_scoped(it)) {
            true => Judgement::manual(Reason::PolicyUndecided),
            false => Judgement::fail(Reason::NotScopedToTrail),
        };
        return Ok(judged.seen("statements", ids(&open)));
    }
    // Without the trail's account, any may be its own.
    let is_own = |account: &&str| trail.account.as_deref().is_none_or(|own| own == *account);
    let others: Vec<_> = narrowed.iter().filter(|(_, it)| !it.iter().all(is_own)).collect();
    let any_own = narrowed.iter().any(|(_, accounts)| accounts.iter().any(is_own));
    Ok(match (others.is_empty(), any_own) {
        (true, _) => Judgement::pass().seen("statements", statements.len()),
        // Trails of several accounts may deliver to one bucket.
        (false, true) => {
            Judgement::manual(Reason::PolicyUndecided).seen("statements", ids(&others))
        }
        (false, false) => {
            Judgement::fail(Reason::NotScopedToTrail).seen("statements", ids(&others))
        }
    })
}

pub(super) fn not_public(r: &Reader, facts: &Facts) -> Judged {
    let key = match key(r, facts)? {
        Key::Is(key) => key,
        Key::None(judgement) => return Ok(judgement),
    };
    let allowing = || policy(r, key).map(|it| it.statements().iter().filter(|it| it.allows));
    let about = |truth| move |it: &&Statement| it.is_for_everyone() == truth;
    let everyone: Vec<&Statement> = allowing()?.filter(about(Truth::Yes)).collect();
    let ids = |those: &mut dyn Iterator<Item = &Statement>| -> Vec<String> {
        those.map(|it| it.sid.clone()).collect()
    };
    let open = ids(&mut everyone.iter().copied().filter(|it| !it.is_conditional()));
    if !open.is_empty() {
        return Ok(Judgement::fail(Reason::OpenToEveryone).seen("statements", open));
    }
    let loose = everyone.iter().copied().filter(|it| !it.fixes_callers());
    let undecided = ids(&mut loose.chain(allowing()?.filter(about(Truth::Perhaps))));
    if !undecided.is_empty() {
        return Ok(Judgement::manual(Reason::PolicyUndecided).seen("statements", undecided));
    }
    Ok(Judgement::pass().seen("conditional_statements_for_everyone", everyone.len()))
}

pub(super) fn who_can_decrypt(r: &Reader, facts: &Facts) -> Judged {
    let key = match key(r, facts)? {
        Key::Is(key) => key,
        Key::None(judgement) => return Ok(judgement),
    };
    let allowing = policy(r, key)?.statements().iter().filter(|it| it.allows);
    let decrypting = allowing.filter(|it| it.covers("kms:Decrypt"));
    let principals: Vec<Value> = decrypting
        .map(|it| json!({ "principals": it.principals(), "conditional": it.is_conditional() }))
        .collect();
    Ok(Judgement::manual(Reason::IamMayAdd).seen("decrypt", principals))
}
