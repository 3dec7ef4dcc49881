//! Evaluates policies of buckets, keys and organizations: small, and honest about what it cannot decide.
//!
//! A statement that uses something unknown (an operator, a variable, `NotPrincipal`) matches a request
//! perhaps. A policy in which such a statement would decide is [`Decision::Undecided`], never a guess.
use crate::vocab::budget;
use crate::vocab::glob::{CaseRule, glob};
use serde_json::{Map, Value};

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
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

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    operator: String,
    /// In lower case.
    key: String,
    values: Vec<String>,
}

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

/// The value of a condition key in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Context<'a> {
    /// The key has these values.
    Is(Vec<&'a str>),
    /// The request does not have the key.
    Absent,
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

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    No,
    Perhaps,
    Yes,
}

impl Truth {
    fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Perhaps => Self::Perhaps,
            Self::Yes => Self::No,
        }
    }
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
    /// It does not have the form of a policy.
    pub fn from_value(value: &Value) -> Result<Self, PolicyFault> {
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
        match denials.map(|statement| statement.matches(request)).max() {
            Some(Truth::Yes) => Some(true),
            Some(Truth::Perhaps) => None,
            Some(Truth::No) | None => Some(false),
        }
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

    fn matches(&self, request: &Request<'_>) -> Truth {
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

    /// Returns whether a pattern covers an action that `pattern` matches.
    pub fn touches(&self, pattern: &str) -> bool {
        match &self.actions {
            Patterns::Everything | Patterns::NoneOf(_) => true,
            Patterns::Any(patterns) => patterns.iter().any(|own| {
                glob(own, pattern, CaseRule::Blind) || glob(pattern, own, CaseRule::Blind)
            }),
        }
    }

    /// Returns whether it is about everyone.
    pub fn is_for_everyone(&self) -> bool {
        self.principals.match_caller(Caller::Anyone) == Truth::Yes
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
    /// that demand equality or likeness.
    pub fn required(&self, key: &str) -> Vec<&str> {
        let demands = |condition: &&Condition| {
            let (_, base, if_exists) = condition.operator();
            condition.key == key
                && !if_exists
                && matches!(
                    base,
                    "StringEquals"
                        | "StringEqualsIgnoreCase"
                        | "StringLike"
                        | "ArnEquals"
                        | "ArnLike"
                )
        };
        let values = self.conditions.iter().filter(demands).flat_map(|it| &it.values);
        values.map(String::as_str).collect()
    }

    /// Returns the values of keys that exempt principals from a denial.
    pub fn exempted(&self) -> Vec<&str> {
        let is_exemption = |condition: &&Condition| condition.operator().1.contains("Not");
        let exempt = self.conditions.iter().filter(is_exemption);
        exempt.flat_map(|it| &it.values).map(String::as_str).collect()
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
                    (_, Caller::Anyone | Caller::Service(_)) => Truth::No,
                    _ => Truth::Perhaps,
                };
                found = found.max(matches);
            }
        }
        found
    }
}

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
        let fits = |pattern: &String| glob(pattern, action, CaseRule::Blind);
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
            false => Truth::of(glob(pattern, resource, CaseRule::Counts)),
        };
        match self {
            Self::Everything => Truth::Yes,
            Self::Any(patterns) => patterns.iter().map(fits).max().unwrap_or(Truth::No),
            Self::NoneOf(patterns) if resource.contains('*') => {
                Truth::of(patterns.is_empty()).max(Truth::Perhaps)
            }
            Self::NoneOf(patterns) => patterns.iter().map(fits).max().unwrap_or(Truth::No).not(),
        }
    }
}

impl Condition {
    /// Returns the quantifier, the operator without it, and whether an absent key satisfies it.
    fn operator(&self) -> (Option<&str>, &str, bool) {
        let (quantifier, rest) = match self.operator.split_once(':') {
            Some((quantifier, rest)) => (Some(quantifier), rest),
            None => (None, self.operator.as_str()),
        };
        match rest.strip_suffix("IfExists") {
            Some(base) => (quantifier, base, true),
            None => (quantifier, rest, false),
        }
    }

    fn holds(&self, context: &[(&str, Context<'_>)]) -> Truth {
        let (quantifier, base, if_exists) = self.operator();
        let known = context.iter().find(|(key, _)| *key == self.key).map(|(_, value)| value);
        let Some(known) = known else { return Truth::Perhaps };
        if base == "Null" && quantifier.is_none() && !if_exists {
            let absent = *known == Context::Absent;
            let wants = |value: &String| match value.as_str() {
                "true" => Truth::of(absent),
                "false" => Truth::of(!absent),
                _ => Truth::Perhaps,
            };
            return self.values.iter().map(wants).max().unwrap_or(Truth::No);
        }
        let Some((positive, negated)) = positive(base) else { return Truth::Perhaps };
        let values = match known {
            Context::Absent => {
                return match quantifier {
                    Some("ForAllValues") => Truth::Yes,
                    Some("ForAnyValue") => Truth::No,
                    Some(_) => Truth::Perhaps,
                    None => Truth::of(if_exists || negated),
                };
            }
            Context::Is(values) => values,
        };
        let one = |value: &&str| {
            let fits = |pattern: &String| compare(positive, pattern, value);
            let any = self.values.iter().map(fits).max().unwrap_or(Truth::No);
            if negated { any.not() } else { any }
        };
        match quantifier {
            Some("ForAllValues") => values.iter().map(one).min().unwrap_or(Truth::Yes),
            Some("ForAnyValue") => values.iter().map(one).max().unwrap_or(Truth::No),
            Some(_) => Truth::Perhaps,
            // A key with several values in an operator without a quantifier is not defined.
            None => match values.as_slice() {
                [value] => one(value),
                _ => Truth::Perhaps,
            },
        }
    }
}

/// Returns the positive form of an operator that is understood, and whether the operator negates it.
fn positive(operator: &str) -> Option<(&'static str, bool)> {
    Some(match operator {
        "StringEquals" => ("StringEquals", false),
        "StringNotEquals" => ("StringEquals", true),
        "StringEqualsIgnoreCase" => ("StringEqualsIgnoreCase", false),
        "StringNotEqualsIgnoreCase" => ("StringEqualsIgnoreCase", true),
        "StringLike" => ("StringLike", false),
        "StringNotLike" => ("StringLike", true),
        "ArnEquals" | "ArnLike" => ("ArnLike", false),
        "ArnNotEquals" | "ArnNotLike" => ("ArnLike", true),
        "Bool" => ("Bool", false),
        _ => return None,
    })
}

fn compare(operator: &str, pattern: &str, value: &str) -> Truth {
    // Its value is the caller's.
    if pattern.contains("${") {
        return Truth::Perhaps;
    }
    match operator {
        "StringEquals" => Truth::of(pattern == value),
        "StringEqualsIgnoreCase" => Truth::of(pattern.eq_ignore_ascii_case(value)),
        "StringLike" => Truth::of(glob(pattern, value, CaseRule::Counts)),
        "Bool" => Truth::of(pattern.eq_ignore_ascii_case(value)),
        "ArnLike" => {
            let (mut patterns, mut values) = (pattern.splitn(6, ':'), value.splitn(6, ':'));
            loop {
                match (patterns.next(), values.next()) {
                    (None, None) => return Truth::Yes,
                    (Some(pattern), Some(value)) if glob(pattern, value, CaseRule::Counts) => {}
                    _ => return Truth::No,
                }
            }
        }
        _ => Truth::Perhaps,
    }
}

fn conditions(value: Option<&Value>) -> Option<Vec<Condition>> {
    let operators = match value {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(value) => value.as_object()?,
    };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        for (key, values) in keys.as_object()? {
            conditions.push(Condition {
                operator: operator.clone(),
                key: key.to_ascii_lowercase(),
                values: texts(values)?,
            });
        }
    }
    Some(conditions)
}

/// Returns a list's entries, or the single value that stands for a list of one.
pub(crate) fn items(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(list)) => list,
        Some(Value::Null) | None => &[],
        Some(one) => std::slice::from_ref(one),
    }
}

/// Returns the texts of a list or of a single value. Numbers and booleans may be bare.
fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    items(Some(value)).iter().map(text).collect()
}
