//! The rules about the bucket's policy.
use super::key::{CLOUDTRAIL, is_account, scope_of, undecided_by};
use super::trail::partitions;
use crate::control::fact::{Fact, Reader, Unread, UnreadWhy};
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

/// Returns the ARN of the bucket in each partition that it may be in. A bucket whose name is not known yet
/// has its address for a name.
fn bucket_arns(facts: &Facts) -> Vec<String> {
    let name = facts.bucket.name.as_deref().unwrap_or(&facts.bucket.subject);
    let partitions = partitions(facts.trail.arn.as_deref()).into_iter();
    partitions.map(|partition| format!("arn:{partition}:s3:::{name}")).collect()
}

pub(super) fn tls_only(r: &Reader, facts: &Facts) -> Judged {
    let Some(policy) = policy(r, facts)? else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("policy", Value::Null));
    };
    let denied = |resource: &str| {
        policy.denies(&Request {
            caller: Caller::Anyone,
            action: "s3:*",
            resource,
            // A request without TLS has no version of it.
            context: vec![
                ("aws:securetransport", Context::Is(vec!["false"])),
                ("s3:tlsversion", Context::Absent),
            ],
        })
    };
    let each: Vec<[Option<bool>; 2]> = bucket_arns(facts)
        .iter()
        .map(|bucket| [denied(bucket), denied(&format!("{bucket}/*"))])
        .collect();
    let tls_version = policy.statements().iter().any(|it| it.has_condition_on("s3:tlsversion"));
    if each.contains(&[Some(true); 2]) {
        return Ok(Judgement::pass().seen("denied", json!(["bucket", "objects"])));
    }
    if each.iter().any(|it| !it.contains(&Some(false))) {
        return Ok(Judgement::manual(Reason::PolicyUndecided));
    }
    let any = |at: usize| each.iter().any(|it| it.get(at) == Some(&Some(true)));
    Ok(Judgement::fail(Reason::NotAsRequired)
        .seen("bucket_denied", any(0))
        .seen("objects_denied", any(1))
        .pitfall_if(tls_version, Pitfall::TlsVersionAllowsPlainHttp))
}

/// Returns the statements that allow CloudTrail something.
fn for_cloudtrail(policy: &Policy) -> Vec<&Statement> {
    let allowing = policy.statements().iter().filter(|it| it.allows);
    allowing.filter(|it| it.names_service(CLOUDTRAIL)).collect()
}

pub(super) fn scoped(r: &Reader, facts: &Facts) -> Judged {
    match policy(r, facts)? {
        Some(policy) => scope_of(&facts.trail, for_cloudtrail(policy)),
        None => Ok(Judgement::not_applicable(Reason::NotConfigured)),
    }
}

/// The encryption that an upload by CloudTrail may name.
const NONE: Context<'static> = Context::Absent;

/// Where CloudTrail delivers.
struct Place {
    /// Key of a log file.
    log: String,
    /// Key of a digest.
    digest: String,
    /// Why it is not known that CloudTrail delivers there. No policy names such a place, but its patterns
    /// may match it.
    unread: Option<Unread>,
}

/// Stands for an account or region that is not known.
const ANY: &str = "-";

/// Stands for the id of an organization that is not known.
const NO_ORGANIZATION: &str = "o--";

/// Members of an organization whose folders are tried one by one. Organizations allows 10 by default.
const MEMBERS: usize = 1_000;

/// Lists a place of each kind at which the trail delivers.
fn places(facts: &Facts) -> Vec<Place> {
    let trail = &facts.trail;
    let root = format!("{}AWSLogs", trail.key_prefix());
    let place = |folder: &str, account: &str, region: &str, unread: Option<&Unread>| {
        let of = |kind: &str, rest: &str| {
            format!(
                "{root}/{folder}{account}/{kind}/{region}/2026/01/01/{account}_{kind}_{region}_{rest}"
            )
        };
        let name = trail.name.as_deref().unwrap_or(ANY);
        let home = trail.home_region.value().map_or(ANY, String::as_str);
        Place {
            log: of("CloudTrail", "20260101T0000Z_x.json.gz"),
            digest: of("CloudTrail-Digest", &format!("{name}_{home}_20260101T000000Z.json.gz")),
            unread: unread.cloned(),
        }
    };
    let later = Unread::new(Operation::DescribeTrails, UnreadWhy::UnknownUntilApplied);
    let not_asked = |operation| Unread::new(operation, UnreadWhy::NotAsked);
    let (account, home) = (trail.account.as_deref(), trail.home_region.value());
    let unnamed = (account.is_none() || home.is_none()).then_some(&later);
    let account = account.unwrap_or(ANY);
    let home = home.map_or(ANY, String::as_str);
    let mut found = vec![place("", account, home, unnamed)];
    if trail.multi_region.value() != Some(&false) {
        let regions = trail.status.keys().filter(|region| *region != home);
        found.extend(regions.map(|region| place("", account, region, unnamed)));
        if found.len() == 1 {
            let unread = not_asked(Operation::GetTrailStatus);
            found.push(place("", account, ANY, unnamed.or(Some(&unread))));
        }
    }
    if trail.organization.value() != Some(&true) {
        return found;
    }
    let gone = Unread::new(Operation::DescribeOrganization, UnreadWhy::NotFound);
    let (id, unread) = match &facts.organization.organization {
        Fact::Known(it) | Fact::ByReference(it) => (it.id.as_str(), unnamed),
        Fact::Absent => (NO_ORGANIZATION, Some(&gone)),
        Fact::Unread(unread) => (NO_ORGANIZATION, Some(unread)),
    };
    let folder = format!("{id}/");
    found.push(place(&folder, account, home, unread));
    match facts.organization.accounts.value() {
        Some(accounts) if accounts.len() <= MEMBERS => {
            let members = accounts.iter().filter(|it| it.id != account);
            found.extend(members.map(|it| place(&folder, &it.id, home, unread)));
        }
        _ => {
            let members = not_asked(Operation::ListAccounts);
            found.push(place(&folder, ANY, home, unread.or(Some(&members))));
        }
    }
    found
}

/// What a policy decides on CloudTrail's requests.
struct Delivers {
    acl: Decision,
    /// For each place, the decisions on each encryption.
    logs: Vec<Vec<Decision>>,
    digests: Vec<Vec<Decision>>,
}

fn is_no(decision: &Decision) -> bool {
    matches!(decision, Decision::Denied | Decision::NotAllowed)
}

fn are_allowed(all: &[Vec<Decision>]) -> bool {
    all.iter().flatten().all(|it| *it == Decision::Allowed)
}

impl Delivers {
    fn new(facts: &Facts, policy: &Policy, bucket: &str, places: &[Place], with_key: bool) -> Self {
        let trail = &facts.trail;
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
            if let Some(arn) = trail.arn.as_deref() {
                context.push(("aws:sourcearn", Context::Is(vec![arn])));
            }
            if let Some(account) = trail.account.as_deref() {
                context.push(("aws:sourceaccount", Context::Is(vec![account])));
            }
            let caller = Caller::Service(CLOUDTRAIL);
            policy.decide(&Request { caller, action, resource, context })
        };
        let kms = Context::Is(vec!["aws:kms"]);
        // Log files have the encryption of the trail. Digests arrive as AES256, or encrypted as log files
        // are, depending on when the trail was made; whether an upload names AES256 is not documented.
        let aes = Context::Is(vec!["AES256"]);
        let logs: &[&Context<'_>] = if with_key { &[&kms] } else { &[&aes, &NONE] };
        let digests: &[&Context<'_>] = if with_key { &[&kms, &aes, &NONE] } else { &[&aes, &NONE] };
        // A trail without validation writes none.
        let digests = if trail.validation.value() == Some(&false) { &[] } else { digests };
        let put = |key: &str, encryptions: &[&Context<'_>]| -> Vec<Decision> {
            let resource = format!("{bucket}/{key}");
            let each = encryptions.iter().map(|it| decide("s3:PutObject", &resource, it));
            each.collect()
        };
        Self {
            acl: decide("s3:GetBucketAcl", bucket, &NONE),
            logs: places.iter().map(|place| put(&place.log, logs)).collect(),
            digests: places.iter().map(|place| put(&place.digest, digests)).collect(),
        }
    }

    /// Returns whether files of one kind are refused at a place that is known, however they are encrypted.
    fn refuses(places: &[Place], all: &[Vec<Decision>]) -> bool {
        let is_refused =
            |of_place: &Vec<Decision>| !of_place.is_empty() && of_place.iter().all(is_no);
        places.iter().zip(all).any(|(place, it)| place.unread.is_none() && is_refused(it))
    }

    fn not_allowed(&self) -> usize {
        let all = self.logs.iter().chain(&self.digests).flatten().chain([&self.acl]);
        all.filter(|it| **it != Decision::Allowed).count()
    }
}

pub(super) fn lets_write(r: &Reader, facts: &Facts) -> Judged {
    let Some(policy) = policy(r, facts)? else {
        return Ok(Judgement::fail(Reason::NotConfigured).seen("policy", Value::Null));
    };
    r.read(&facts.trail.prefix)?;
    r.read(&facts.trail.organization)?;
    let with_key = r.read(&facts.trail.kms_key)?.is_some_and(|key| !key.is_empty());
    let places = places(facts);
    let of = |bucket: String| Delivers::new(facts, policy, &bucket, &places, with_key);
    // The partition that a policy is written for is that of the bucket.
    let best = bucket_arns(facts).into_iter().map(of).min_by_key(Delivers::not_allowed);
    let Some(Delivers { acl, logs, digests }) = best else {
        return Ok(undecided_by(facts, Operation::GetBucketPolicy));
    };
    let no_logs = Delivers::refuses(&places, &logs);
    let no_digests = Delivers::refuses(&places, &digests);
    let seen = |judgement: Judgement| {
        let words = |it: bool| if it { "no" } else { "yes" };
        judgement
            .seen("reads_acl", words(is_no(&acl)))
            .seen("writes_log_files", words(no_logs))
            .seen("writes_digests", words(no_digests))
    };
    // Without the account, a pattern that names it cannot be matched.
    let unknown = facts.trail.account.is_none() || facts.trail.arn.is_none();
    if (is_no(&acl) || no_logs || no_digests) && !unknown {
        return Ok(seen(Judgement::fail(Reason::CloudTrailNotAllowed)));
    }
    if acl == Decision::Allowed && are_allowed(&logs) && are_allowed(&digests) {
        return Ok(seen(Judgement::pass()));
    }
    let denies_digests = with_key && are_allowed(&logs) && digests.iter().flatten().any(is_no);
    let is_open = |of: &[Decision]| of.iter().any(|it| *it != Decision::Allowed);
    let open = places.iter().zip(logs.iter().zip(&digests));
    let mut open: Vec<&Option<Unread>> = open
        .filter(|(_, (log, digest))| is_open(log) || is_open(digest))
        .map(|(place, _)| &place.unread)
        .collect();
    // What was not read decides if all else is allowed; the narrowest is named.
    let judged = match open.pop() {
        Some(Some(last)) if acl == Decision::Allowed && !open.contains(&&None) => {
            Judgement::not_available(last.clone())
        }
        _ => undecided_by(facts, Operation::GetBucketPolicy),
    };
    Ok(judged.pitfall_if(denies_digests, Pitfall::DigestsMayBeDenied))
}

/// Actions that change evidence or its protection: objects, their versions, and settings of the bucket.
const CHANGING: [&str; 29] = [
    "s3:BypassGovernanceRetention",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionTagging",
    "s3:ObjectOwnerOverrideToBucketOwner",
    "s3:PutBucketAcl",
    "s3:PutBucketLogging",
    "s3:PutBucketNotification",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
    "s3:PutReplicationConfiguration",
    "s3:ReplicateDelete",
    "s3:ReplicateObject",
    "s3:ReplicateTags",
];

/// To whom a principal of a policy belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Belongs {
    /// To the trail's account.
    ToTrail,
    /// To an account, which may be the trail's: that is not known.
    ToAnAccount,
    /// The statement does not say whom it is about.
    Unnamed,
    /// To anyone else.
    ToOthers,
}

/// Returns to whom the principals of a statement belong, at worst.
fn belong(statement: &Statement, own: Option<&str>) -> Belongs {
    if statement.is_for_all_but_some() {
        return Belongs::Unnamed;
    }
    let names = statement.principals();
    let of = |name: &String| {
        let account = name.split(':').nth(4).unwrap_or(name);
        match own {
            Some(own) if own == account => Belongs::ToTrail,
            None if is_account(account) => Belongs::ToAnAccount,
            _ => Belongs::ToOthers,
        }
    };
    names.iter().map(of).max().unwrap_or(Belongs::Unnamed)
}

pub(super) fn no_foreign(r: &Reader, facts: &Facts) -> Judged {
    // A policy is not all that allows: while ACLs are on, one of the bucket may allow others to write.
    let without_acls = || {
        let ownership = r.read(&facts.bucket.ownership)?;
        Ok(match ownership.is_some_and(|it| it == "BucketOwnerEnforced") {
            true => Judgement::pass(),
            false => Judgement::manual(Reason::AclsMayAllow).seen("ownership", ownership.cloned()),
        })
    };
    let Some(policy) = policy(r, facts)? else {
        return without_acls().map(|judged| judged.seen("policy", Value::Null));
    };
    let changing = policy.statements().iter().filter(|it| {
        let changes = CHANGING.iter().any(|action| it.covers(action));
        it.allows && changes && !it.is_only_for_service(CLOUDTRAIL)
    });
    let changing: Vec<&Statement> = changing.collect();
    let own = facts.trail.account.as_deref();
    let judged = match changing.iter().map(|it| belong(it, own)).max() {
        None => without_acls()?,
        Some(Belongs::ToTrail) => Judgement::manual(Reason::OthersAllowed),
        Some(Belongs::ToAnAccount) => undecided_by(facts, Operation::GetBucketPolicy),
        Some(Belongs::Unnamed) => Judgement::manual(Reason::PolicyUndecided),
        Some(Belongs::ToOthers) => Judgement::fail(Reason::OthersAllowed),
    };
    let others = changing.iter().map(|it| {
        json!({ "sid": it.sid, "principals": it.principals(), "conditional": it.is_conditional() })
    });
    Ok(judged.seen("others", others.collect::<Value>()))
}

pub(super) fn blocks_customer_keys(r: &Reader, facts: &Facts) -> Judged {
    let denies = |policy: &Policy, bucket: String| {
        policy.denies(&Request {
            caller: Caller::Anyone,
            action: "s3:PutObject",
            resource: &format!("{bucket}/*"),
            context: vec![
                (CALLER_KEY, Context::Is(vec!["AES256"])),
                ("aws:securetransport", Context::Is(vec!["true"])),
            ],
        })
    };
    let by_policy: Vec<Option<bool>> = match facts.bucket.policy.value() {
        Some(policy) => {
            bucket_arns(facts).into_iter().map(|bucket| denies(policy, bucket)).collect()
        }
        None => Vec::new(),
    };
    if by_policy.contains(&Some(true)) {
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
    match by_policy.contains(&None) {
        true => Ok(Judgement::manual(Reason::PolicyUndecided)),
        false => {
            policy(r, facts)?;
            Ok(Judgement::fail(Reason::NotConfigured).seen("blocked", blocked))
        }
    }
}
