//! The rules about the organization.
use super::trail::partitions;
use crate::control::fact::{Reader, Unread, UnreadWhy};
use crate::control::facts::{Account, ControlPolicy, Facts, OrganizationFacts};
use crate::control::operation::Operation;
use crate::control::policy::{Caller, Context, Policy, Request, Truth};
use crate::control::status::{Judgement, Pitfall, Reason};
use crate::vocab::time::{Period, Timestamp};
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
    let Some(recorded) = r.read(&organization.chains)? else {
        return Ok(Judgement::not_applicable(Reason::NotConfigured));
    };
    let Period { start, end } = recorded.period;
    // An account that joined after the period has no chain in it.
    let is_due = |account: &&Account| account.joined.is_none_or(|joined| joined < end);
    let (mut due, mut missing, mut undecided) = (0_usize, Vec::new(), Vec::new());
    for account in accounts.iter().filter(is_due) {
        due += 1;
        let id = account.id.as_str();
        let since = account.joined.map_or(start, |joined| joined.max(start));
        let covers = |from: Option<Timestamp>| from.is_some_and(|from| from <= since);
        match recorded.accounts.get(id) {
            Some(presence) if covers(presence.covered_from) => {}
            Some(presence) if covers(presence.perhaps_from) => undecided.push(id),
            None if !recorded.complete => undecided.push(id),
            Some(_) | None => missing.push(id),
        }
    }
    let judged = match (missing.is_empty(), undecided.is_empty()) {
        (false, _) => Judgement::fail(Reason::AccountsMissing),
        (true, true) => Judgement::pass(),
        (true, false) => {
            let why = UnreadWhy::RecordIncomplete;
            Judgement::not_available(Unread::new(Operation::GetObject, why))
                .seen("undecided", undecided)
        }
    };
    Ok(judged
        .seen("from", start.to_string())
        .seen("to", end.to_string())
        .seen("accounts", due)
        .seen("missing", missing))
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

/// Returns how far a policy denies an action on the trail to every principal of an account.
fn denies(policy: &Policy, action: &str, account: &str, trail: Option<&str>) -> Truth {
    // In the right partition most is denied.
    let of_partition = |partition: &str| {
        let resource = format!("arn:{partition}:cloudtrail:*:*:trail/*");
        let resource = trail.unwrap_or(&resource);
        let is_denied = |who: &str| {
            let arn = format!("arn:{partition}:iam::{account}:{who}");
            let context = || {
                vec![
                    ("aws:principalaccount", Context::Is(vec![account])),
                    ("aws:principalisawsservice", Context::Is(vec!["false"])),
                    ("aws:securetransport", Context::Is(vec!["true"])),
                ]
            };
            let of = |statement: &crate::control::policy::Statement| {
                let mut context = context();
                // A denial of some principals is not known to be one of all.
                if !statement.narrows(PRINCIPAL) {
                    context.push((PRINCIPAL, Context::Is(vec![&arn])));
                }
                let caller = Caller::Principal { arn: &arn, account };
                statement.matches(&Request { caller, action, resource, context })
            };
            let denials = policy.statements().iter().filter(|it| !it.allows);
            denials.map(of).max().unwrap_or(Truth::No)
        };
        // Whether a root user may be exempted is not for a rule to say.
        let root = is_denied("root").max(Truth::Perhaps);
        is_denied("role/trailproof-probe").min(is_denied("user/trailproof-probe")).min(root)
    };
    partitions(trail).into_iter().map(of_partition).max().unwrap_or(Truth::No)
}

const PRINCIPAL: &str = "aws:principalarn";

fn protection(
    r: &Reader,
    account: &str,
    trail: Option<&str>,
    policies: &[ControlPolicy],
) -> Result<Protection, Unread> {
    let mut exempted = Vec::new();
    let mut undecided = false;
    for action in TAMPERING {
        let (mut found, mut unread) = (Truth::No, None);
        for policy in policies {
            let parsed = match r.read(&policy.policy) {
                Ok(Some(parsed)) => parsed,
                Ok(None) => continue,
                Err(why) => {
                    // After a refusal nothing more is asked, so that the first reason is the one.
                    unread.get_or_insert(why);
                    continue;
                }
            };
            let denies = denies(parsed, action, account, trail);
            if denies == Truth::Yes {
                let denying = parsed.statements().iter().filter(|it| !it.allows);
                let denying = denying.filter(|it| it.covers(action));
                exempted.extend(denying.flat_map(|it| it.exempted()).map(str::to_owned));
            }
            found = found.max(denies);
        }
        match (found, unread) {
            (Truth::Yes, _) => {}
            (_, Some(why)) => return Err(why),
            (Truth::Perhaps, None) => undecided = true,
            (Truth::No, None) => return Ok(Protection::Not),
        }
    }
    if undecided {
        return Ok(Protection::Undecided);
    }
    exempted.sort_unstable();
    exempted.dedup();
    Ok(Protection::All(exempted))
}

pub(super) fn protected(r: &Reader, facts: &Facts) -> Judged {
    let organization = &facts.organization;
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
        match protection(r, account, facts.trail.arn.as_deref(), policies) {
            Ok(Protection::All(exempt)) => exempted.extend(exempt),
            Ok(Protection::Undecided) => undecided.push(account.as_str()),
            Ok(Protection::Not) => open.push(account.as_str()),
            Err(why) => {
                unread.get_or_insert(why);
            }
        }
    }
    if count == 0 {
        let judged = Judgement::not_applicable(Reason::NoMemberAccounts).seen("member_accounts", 0);
        return Ok(judged.pitfall(Pitfall::ManagementAccountIsExempt));
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
