//! The rules about the organization.
use super::trail::partition;
use crate::control::fact::{Reader, Unread};
use crate::control::facts::{ControlPolicy, Facts, OrganizationFacts};
use crate::control::policy::{Caller, Context, Request};
use crate::control::status::{Judgement, Pitfall, Reason};
use serde_json::{Value, json};

type Judged = Result<Judgement, Unread>;

pub(super) fn trail(r: &Reader, facts: &Facts) -> Judged {
    let on = r.on(&facts.trail.organization)?;
    if on {
        return Ok(Judgement::pass().seen("organization_trail", true));
    }
    let organization = r.read(&facts.organization.organization)?;
    Ok(match organization {
        Some(organization) => Judgement::fail(Reason::NotAsRequired)
            .seen("organization_trail", false)
            .seen("organization", organization.id.as_str()),
        None => Judgement::not_applicable(Reason::NoOrganization),
    })
}

pub(super) fn covered(r: &Reader, organization: &OrganizationFacts) -> Judged {
    let Some(accounts) = r.read(&organization.accounts)? else {
        return Ok(Judgement::not_applicable(Reason::NoOrganization));
    };
    let chains = r.read(&organization.chains)?.cloned().unwrap_or_default();
    let missing: Vec<&str> = accounts
        .iter()
        .filter(|account| {
            !chains.get(&account.id).is_some_and(|presence| {
                let due = account.joined.map_or(presence.start, |at| at.max(presence.start));
                presence.covered_from.is_some_and(|from| from <= due)
            })
        })
        .map(|account| account.id.as_str())
        .collect();
    let judged = Judgement::holds(missing.is_empty(), Reason::AccountsMissing);
    Ok(judged.seen("accounts", accounts.len()).seen("missing", missing))
}

/// The operations with which a trail is stopped or narrowed.
const TAMPERING: [&str; 4] = [
    "cloudtrail:StopLogging",
    "cloudtrail:DeleteTrail",
    "cloudtrail:UpdateTrail",
    "cloudtrail:PutEventSelectors",
];

/// How the policies of one account protect its trails.
enum Protection {
    All(Vec<String>),
    Undecided,
    Not,
}

fn protection(r: &Reader, account: &str, policies: &[ControlPolicy]) -> Result<Protection, Unread> {
    let mut exempted = Vec::new();
    let mut undecided = false;
    let mut unread = None;
    let arn = format!("arn:{}:iam::{account}:role/any", partition(None));
    let resource = format!("arn:{}:cloudtrail:*:*:trail/*", partition(None));
    for action in TAMPERING {
        let mut denied = false;
        for policy in policies {
            let parsed = match r.read(&policy.policy) {
                Ok(Some(parsed)) => parsed,
                Ok(None) => continue,
                Err(why) => {
                    unread = Some(why);
                    continue;
                }
            };
            let request = Request {
                caller: Caller::Principal { arn: &arn, account },
                action,
                resource: &resource,
                context: vec![
                    ("aws:principalarn", Context::Is(vec![&arn])),
                    ("aws:principalaccount", Context::Is(vec![account])),
                    ("aws:principalisawsservice", Context::Is(vec!["false"])),
                    ("aws:securetransport", Context::Is(vec!["true"])),
                ],
            };
            match parsed.denies(&request) {
                Some(true) => {
                    denied = true;
                    let denying = parsed.statements().iter().filter(|it| !it.allows);
                    let denying = denying.filter(|it| it.covers(action));
                    exempted.extend(denying.flat_map(|it| it.exempted()).map(str::to_owned));
                }
                None => undecided = true,
                Some(false) => {}
            }
        }
        if !denied {
            return match (unread, undecided) {
                (Some(why), _) => Err(why),
                (None, true) => Ok(Protection::Undecided),
                (None, false) => Ok(Protection::Not),
            };
        }
    }
    exempted.sort_unstable();
    exempted.dedup();
    Ok(Protection::All(exempted))
}

pub(super) fn protected(r: &Reader, organization: &OrganizationFacts) -> Judged {
    let Some(found) = r.read(&organization.organization)? else {
        return Ok(Judgement::not_applicable(Reason::NoOrganization));
    };
    if !r.on(&organization.policies_enabled)? {
        return Ok(
            Judgement::fail(Reason::PoliciesNotEnabled).seen("organization", found.id.as_str())
        );
    }
    let policies = r.read(&organization.policies)?.cloned().unwrap_or_default();
    let (mut open, mut undecided, mut exempted, mut unread) =
        (Vec::new(), Vec::new(), Vec::new(), None);
    let members = policies.iter().filter(|(account, _)| **account != found.management);
    let mut count = 0_usize;
    for (account, policies) in members {
        count += 1;
        match protection(r, account, policies) {
            Ok(Protection::All(exempt)) => exempted.extend(exempt),
            Ok(Protection::Undecided) => undecided.push(account.as_str()),
            Ok(Protection::Not) => open.push(account.as_str()),
            Err(why) => unread = Some(why),
        }
    }
    exempted.sort_unstable();
    exempted.dedup();
    let judged = match (open.is_empty(), unread, undecided.is_empty()) {
        (false, _, _) => Judgement::fail(Reason::AccountsUnprotected).seen("unprotected", open),
        (true, Some(why), _) => return Err(why),
        (true, None, false) => {
            Judgement::manual(Reason::PolicyUndecided).seen("undecided", undecided)
        }
        (true, None, true) => Judgement::pass(),
    };
    Ok(judged
        .seen("member_accounts", count)
        .seen("exempted", json!(exempted))
        .pitfall(Pitfall::ManagementAccountIsExempt))
}

pub(super) fn delegated(r: &Reader, organization: &OrganizationFacts) -> Judged {
    let accounts = r.read(&organization.delegated)?;
    let mut judged =
        Judgement::pass().seen("administrators", accounts.map_or(Value::Null, |it| json!(it)));
    judged.reason = Reason::Informs;
    Ok(judged)
}
