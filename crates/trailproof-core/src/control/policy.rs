//! Evaluates policies of buckets, keys and organizations: small, and honest about what it cannot decide.
//!
//! A statement that uses something unknown (an operator, a variable, `NotPrincipal`) matches a request
//! perhaps. A policy in which such a statement would decide is [`Decision::Undecided`], never a guess.
use super::condition::{Condition, conditions, positive, texts};
use crate::vocab::budget;
use crate::vocab::glob::{CaseRule, glob};
use serde_json::{Map, Value};
use std::sync::Arc;

pub(crate) use super::condition::items;
pub use super::condition::{Context, Truth};

/// A policy. Trails of one bucket or key share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    statements: Arc<[Statement]>,
}

/// Why a text is not a policy that can be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyFault {
    /// It is longer than any policy that AWS accepts.
    TooLong,
    /// It does not have the form of a policy.
    Malformed,
}

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Id; may be empty.
    pub sid: String,
    /// Whether it allows; otherwise it denies.
    pub allows: bool,
    principals: Principals,
    actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Principals {
    /// The policy is one of identities: it has no principals.
    Implied,
    /// `"*"`.
    Everyone,
    /// By kind: `AWS`, `Service`, `Federated`, `CanonicalUser`.
    Named(Vec<(String, Vec<String>)>),
    /// `NotPrincipal`.
    AllBut,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Patterns {
    /// The statement does not narrow this.
    Everything,
    Any(Vec<String>),
    NoneOf(Vec<String>),
}

/// The partitions of AWS: those of its documentation and of its SDKs.
pub const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"];

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A service, by its name, such as `cloudtrail.amazonaws.com`.
    Service(&'a str),
    /// A user or role, by ARN, and its account.
    Principal {
        /// ARN.
        arn: &'a str,
        /// Account.
        account: &'a str,
    },
    /// Anyone at all, so that only a statement about everyone matches.
    Anyone,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Who makes it.
    pub caller: Caller<'a>,
    /// Action, such as `s3:PutObject`. `s3:*` stands for every action of S3.
    pub action: &'a str,
    /// ARN of the resource. An ARN with `*` stands for every resource that it matches.
    pub resource: &'a str,
    /// Known condition keys, in lower case. Any other key is unknown.
    pub context: Vec<(&'a str, Context<'a>)>,
}

/// The decision of a policy on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// A statement denies it.
    Denied,
    /// No statement allows it.
    NotAllowed,
    /// A statement that cannot be decided would decide.
    Undecided,
}

impl Policy {
    /// Parses a policy's JSON text.
    ///
    /// # Errors
    ///
    /// It is too long, or does not have the form of a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyFault> {
        if text.len() > budget::POLICY {
            return Err(PolicyFault::TooLong);
        }
        let value = serde_json::from_str(text).map_err(|_| PolicyFault::Malformed)?;
        Self::from_value(&value)
    }

    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// It is too long, or does not have the form of a policy.
    pub fn from_value(value: &Value) -> Result<Self, PolicyFault> {
        let mut left = budget::POLICY;
        if !fits(value, &mut left) {
            return Err(PolicyFault::TooLong);
        }
        let policy = value.as_object().ok_or(PolicyFault::Malformed)?;
        let statements = items(policy.get("Statement")).iter().map(Statement::read);
        Ok(Self { statements: statements.collect::<Option<_>>().ok_or(PolicyFault::Malformed)? })
    }

    /// Returns the statements.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Decides on a request.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let strongest = |allows: bool| {
            let of_effect = self.statements.iter().filter(|statement| statement.allows == allows);
            of_effect.map(|statement| statement.matches(request)).max().unwrap_or(Truth::No)
        };
        match (strongest(false), strongest(true)) {
            (Truth::Yes, _) => Decision::Denied,
            (_, Truth::No) => Decision::NotAllowed,
            (Truth::No, Truth::Yes) => Decision::Allowed,
            (Truth::Perhaps, _) | (_, Truth::Perhaps) => Decision::Undecided,
        }
    }

    /// Returns whether a statement denies a request; `None` if that cannot be decided.
    pub fn denies(&self, request: &Request<'_>) -> Option<bool> {
        let denials = self.statements.iter().filter(|statement| !statement.allows);
        denials.map(|statement| statement.matches(request)).max().unwrap_or(Truth::No).decided()
    }
}

/// Takes the length of a value in JSON from what is left, and returns whether it was enough. Punctuation is
/// not counted but for one byte of each value.
fn fits(value: &Value, left: &mut usize) -> bool {
    let own = match value {
        Value::String(text) => text.len(),
        Value::Object(fields) => fields.keys().map(String::len).sum(),
        _ => 0,
    };
    match left.checked_sub(own.saturating_add(1)) {
        None => return false,
        Some(rest) => *left = rest,
    }
    match value {
        Value::Array(list) => list.iter().all(|it| fits(it, left)),
        Value::Object(fields) => fields.values().all(|it| fits(it, left)),
        _ => true,
    }
}

impl Statement {
    fn read(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        let allows = match fields.get("Effect")?.as_str()? {
            "Allow" => true,
            "Deny" => false,
            _ => return None,
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        Some(Self {
            sid: text("Sid").to_owned(),
            allows,
            principals: Principals::read(fields)?,
            actions: Patterns::read(fields, "Action", "NotAction")?,
            resources: Patterns::read(fields, "Resource", "NotResource")?,
            conditions: conditions(fields.get("Condition"))?,
        })
    }

    /// Returns whether it may be about an action of a caller, whatever the resource and its conditions.
    pub fn may_be_about(&self, caller: Caller<'_>, action: &str) -> bool {
        let (who, what) = (self.principals.match_caller(caller), self.actions.match_action(action));
        who.min(what) > Truth::No
    }

    /// Returns whether the statement is about a request.
    pub fn matches(&self, request: &Request<'_>) -> Truth {
        let parts = [
            self.principals.match_caller(request.caller),
            self.actions.match_action(request.action),
            self.resources.match_resource(request.resource),
        ];
        let structure = parts.into_iter().min().unwrap_or(Truth::No);
        if structure == Truth::No {
            return Truth::No;
        }
        let conditions = self.conditions.iter().map(|condition| condition.holds(&request.context));
        conditions.chain([structure]).min().unwrap_or(structure)
    }

    /// Returns whether a pattern of the statement covers `action`, whatever its conditions.
    pub fn covers(&self, action: &str) -> bool {
        self.actions.match_action(action) == Truth::Yes
    }

    /// Returns whether it is about everyone, whatever its conditions.
    pub fn is_for_everyone(&self) -> Truth {
        self.principals.match_caller(Caller::Anyone)
    }

    /// Returns whether it is about all but the principals that it names.
    pub fn is_for_all_but_some(&self) -> bool {
        self.principals == Principals::AllBut
    }

    /// Returns whether this service is the only principal that it names.
    pub fn is_only_for_service(&self, service: &str) -> bool {
        match &self.principals {
            Principals::Named(kinds) => {
                let is_it = |(kind, names): &(String, Vec<String>)| {
                    kind == "Service" && names.iter().all(|name| name == service)
                };
                self.names_service(service) && kinds.iter().all(is_it)
            }
            _ => false,
        }
    }

    /// Returns whether it names this service.
    pub fn names_service(&self, service: &str) -> bool {
        match &self.principals {
            Principals::Named(kinds) => kinds
                .iter()
                .any(|(kind, names)| kind == "Service" && names.iter().any(|name| name == service)),
            _ => false,
        }
    }

    /// Returns the principals as the statement writes them; `*` for everyone.
    pub fn principals(&self) -> Vec<String> {
        match &self.principals {
            Principals::Implied => Vec::new(),
            Principals::Everyone => vec!["*".to_owned()],
            Principals::Named(kinds) => kinds.iter().flat_map(|(_, names)| names.clone()).collect(),
            Principals::AllBut => vec!["NotPrincipal".to_owned()],
        }
    }

    /// Returns whether it has any condition.
    pub fn is_conditional(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// Returns the values that conditions require of a key, written in lower case: those of operators
    /// that demand equality or likeness. One with a quantifier may hold without the key.
    pub fn required(&self, key: &str) -> Vec<&str> {
        let demands = |condition: &&Condition| {
            let (quantifier, base, if_exists) = condition.operator();
            condition.key == key
                && quantifier.is_none()
                && !if_exists
                && matches!(positive(base), Some((operator, false)) if operator != "Bool")
        };
        let values = self.conditions.iter().filter(demands).flat_map(|it| &it.values);
        values.map(String::as_str).collect()
    }

    /// Returns whether a condition narrows the statement to some values of a key, written in lower case.
    pub fn narrows(&self, key: &str) -> bool {
        let negated = |it: &Condition| it.operator().1.contains("Not");
        self.conditions.iter().any(|it| it.key == key && !negated(it))
    }

    /// Returns the values of keys that exempt principals from a denial.
    pub fn exempted(&self) -> Vec<&str> {
        let is_exemption = |condition: &&Condition| condition.operator().1.contains("Not");
        let exempt = self.conditions.iter().filter(is_exemption);
        exempt.flat_map(|it| &it.values).map(String::as_str).collect()
    }

    /// Returns whether a condition restricts the callers to fixed accounts or organizations. One that
    /// matches by a pattern, excludes some, or holds without the key, restricts nothing for sure.
    pub fn fixes_callers(&self) -> bool {
        let fixed = |condition: &Condition| {
            let (quantifier, base, if_exists) = condition.operator();
            let demands = quantifier.is_none()
                && !if_exists
                && matches!(positive(base), Some((operator, false)) if operator != "Bool");
            let is_fixed = |value: &String| {
                let named = match condition.key.as_str() {
                    "aws:principalaccount"
                    | "aws:sourceaccount"
                    | "kms:calleraccount"
                    | "aws:principalorgid"
                    | "aws:sourceorgid" => value.as_str(),
                    // `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
                    "aws:principalarn" | "aws:sourcearn" => {
                        value.split(':').nth(4).unwrap_or_default()
                    }
                    _ => return false,
                };
                !named.is_empty() && !named.contains(['*', '?', '$'])
            };
            demands && !condition.values.is_empty() && condition.values.iter().all(is_fixed)
        };
        self.conditions.iter().any(fixed)
    }

    /// Returns whether a condition names this key, written in lower case.
    pub fn has_condition_on(&self, key: &str) -> bool {
        self.conditions.iter().any(|condition| condition.key == key)
    }
}

impl Principals {
    fn read(fields: &Map<String, Value>) -> Option<Self> {
        match (fields.get("Principal"), fields.get("NotPrincipal")) {
            (None, None) => Some(Self::Implied),
            (Some(Value::String(all)), None) if all == "*" => Some(Self::Everyone),
            (Some(Value::Object(kinds)), None) => {
                let named = kinds.iter().map(|(kind, names)| Some((kind.clone(), texts(names)?)));
                Some(Self::Named(named.collect::<Option<_>>()?))
            }
            (None, Some(_)) => Some(Self::AllBut),
            _ => None,
        }
    }

    fn match_caller(&self, caller: Caller<'_>) -> Truth {
        let kinds = match self {
            Self::Implied | Self::Everyone => return Truth::Yes,
            Self::AllBut => return Truth::Perhaps,
            Self::Named(kinds) => kinds,
        };
        let mut found = Truth::No;
        for (kind, names) in kinds {
            for name in names {
                let matches = match (kind.as_str(), caller) {
                    ("AWS", _) if name == "*" => Truth::Yes,
                    ("Service", Caller::Service(service)) => Truth::of(name == service),
                    ("AWS", Caller::Principal { arn, account }) => {
                        // A name of the account stands for all of its principals.
                        let root = name.ends_with(":root") && account_of(name) == Some(account);
                        Truth::of(name == arn || name == account || root)
                    }
                    // AWS writes a deleted principal as an id, which may be anyone's.
                    ("AWS" | "Service", _) => Truth::No,
                    ("Federated" | "CanonicalUser", Caller::Anyone | Caller::Service(_)) => {
                        Truth::No
                    }
                    _ => Truth::Perhaps,
                };
                found = found.max(matches);
            }
        }
        found
    }
}

/// Returns whether a pattern matches a text, or all that one with `*` stands for.
fn covers(pattern: &str, text: &str, rule: CaseRule) -> bool {
    // A `?` matches a star, and not what it stands for.
    glob(pattern, text, rule)
        && (!text.contains('*') || glob(pattern, &text.replace('*', ANYTHING), rule))
}

/// Stands for any text: longer than what patterns of `?` are made for, and in none of them.
const ANYTHING: &str = "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}";

fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}

impl Patterns {
    fn read(fields: &Map<String, Value>, any: &str, none_of: &str) -> Option<Self> {
        match (fields.get(any), fields.get(none_of)) {
            (None, None) => Some(Self::Everything),
            (Some(patterns), None) => Some(Self::Any(texts(patterns)?)),
            (None, Some(patterns)) => Some(Self::NoneOf(texts(patterns)?)),
            _ => None,
        }
    }

    fn match_action(&self, action: &str) -> Truth {
        let fits = |pattern: &String| covers(pattern, action, CaseRule::Blind);
        match self {
            Self::Everything => Truth::Yes,
            Self::Any(patterns) => Truth::of(patterns.iter().any(fits)),
            // Every action of a service: an exception of one of them leaves others.
            Self::NoneOf(patterns) => {
                Truth::of(!patterns.iter().any(|it| fits(it) || glob(action, it, CaseRule::Blind)))
            }
        }
    }

    fn match_resource(&self, resource: &str) -> Truth {
        let fits = |pattern: &String| match pattern.contains("${") {
            true => Truth::Perhaps,
            false => Truth::of(covers(pattern, resource, CaseRule::Counts)),
        };
        match self {
            Self::Everything => Truth::Yes,
            Self::Any(patterns) => patterns.iter().map(fits).max().unwrap_or(Truth::No),
            Self::NoneOf(patterns) if resource.contains('*') => {
                Truth::of(patterns.is_empty()).max(Truth::Perhaps)
            }
            Self::NoneOf(patterns) => {
                patterns.iter().map(fits).max().unwrap_or(Truth::No).opposite()
            }
        }
    }
}
