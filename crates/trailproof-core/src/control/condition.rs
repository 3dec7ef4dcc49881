//! Evaluates the conditions of policies, as far as they can be decided.
use crate::vocab::glob::{CaseRule, glob};
use serde_json::Value;

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not.
    No,
    /// That cannot be decided.
    Perhaps,
    /// It does.
    Yes,
}

impl Truth {
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Returns whether the opposite holds.
    pub fn opposite(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Perhaps => Self::Perhaps,
            Self::Yes => Self::No,
        }
    }

    pub(super) fn decided(self) -> Option<bool> {
        match self {
            Self::No => Some(false),
            Self::Perhaps => None,
            Self::Yes => Some(true),
        }
    }
}

/// The value of a condition key in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Context<'a> {
    /// The key has these values.
    Is(Vec<&'a str>),
    /// The request does not have the key.
    Absent,
}

/// A condition of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    operator: String,
    /// In lower case.
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

impl Condition {
    /// Returns the quantifier, the operator without it, and whether an absent key satisfies it.
    pub(super) fn operator(&self) -> (Option<&str>, &str, bool) {
        let (quantifier, rest) = match self.operator.split_once(':') {
            Some((quantifier, rest)) => (Some(quantifier), rest),
            None => (None, self.operator.as_str()),
        };
        match rest.strip_suffix("IfExists") {
            Some(base) => (quantifier, base, true),
            None => (quantifier, rest, false),
        }
    }

    pub(super) fn holds(&self, context: &[(&str, Context<'_>)]) -> Truth {
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
        let understood = positive(base);
        let (positive, negated) = match (understood, known) {
            (Some(understood), _) => understood,
            // Without the key, the value does not matter.
            (None, Context::Absent) if is_operator(base) => ("", base.contains("Not")),
            (None, _) => return Truth::Perhaps,
        };
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
            if negated { any.opposite() } else { any }
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
pub(super) fn positive(operator: &str) -> Option<(&'static str, bool)> {
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

/// Returns whether IAM has an operator of this name whose values are not compared here.
fn is_operator(base: &str) -> bool {
    let comparison = base.strip_prefix("Numeric").or_else(|| base.strip_prefix("Date"));
    let comparisons =
        ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"];
    comparison.is_some_and(|it| comparisons.contains(&it))
        || matches!(base, "IpAddress" | "NotIpAddress" | "BinaryEquals")
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

pub(super) fn conditions(value: Option<&Value>) -> Option<Vec<Condition>> {
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
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    items(Some(value)).iter().map(text).collect()
}
