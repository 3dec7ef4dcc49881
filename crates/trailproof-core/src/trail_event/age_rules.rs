//! Lifecycle rules that remove or archive current objects, as a `PutBucketLifecycle` event records
//! them.
//!
//! Rules that touch no log file or digest of CloudTrail are left out: rules that are switched off,
//! those for versions that are no longer current, and those with a filter for anything but a prefix.
//! CloudTrail does not tag its objects, and their sizes are not in the record.
use super::facts::Facts;
use crate::control::policy::items;
use crate::vocab::time::{DAY, Timestamp};
use serde_json::Value;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It removes the object, or puts a delete marker on it.
    Expires,
    /// It moves the object to a class from which it must be restored before it can be read.
    Archives,
}

/// When a rule acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At this age.
    Days(u32),
    /// From this date on.
    Date(Timestamp),
}

/// Maximum number of bytes of the id of a rule, as S3 has it.
const ID: usize = 255;

/// A lifecycle rule for current objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgeRule {
    /// Its id; empty if it has none.
    pub id: String,
    /// Prefix of the keys.
    pub prefix: String,
    /// What it does.
    pub act: Act,
    /// When it does that.
    pub due: Due,
}

impl AgeRule {
    /// Returns whether a rule does the same, whatever its id.
    pub fn does_the_same(&self, other: &Self) -> bool {
        (&self.prefix, self.act, self.due) == (&other.prefix, other.act, other.due)
    }

    /// Returns the age in days at which it acts; `None` if it acts on a date.
    pub fn days(&self) -> Option<u32> {
        match self.due {
            Due::Days(days) => Some(days),
            Due::Date(_) => None,
        }
    }

    /// Returns the first second at which it may act on an object of this time. S3 rounds up to
    /// midnight UTC (User Guide, "Understanding object expiration").
    pub fn due_for(&self, time: Timestamp) -> Timestamp {
        let due = match self.due {
            Due::Days(days) => time.plus(i64::from(days) * DAY),
            Due::Date(date) => date.max(time),
        };
        due.plus((-due.unix()).rem_euclid(DAY))
    }
}

/// Lists the enabled rules of the call.
pub(super) fn enabled_rules<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a Value> {
    let rules = facts.parameter("LifecycleConfiguration").map(|it| items(it.get("Rule")));
    let enabled = |rule: &&Value| rule.get("Status").is_some_and(|status| status == "Enabled");
    rules.unwrap_or_default().iter().filter(enabled)
}

/// Lists the enabled rules of the call that remove or archive current objects by prefix.
pub(super) fn age_rules(facts: &Facts<'_>) -> Vec<AgeRule> {
    let mut rules = Vec::new();
    for rule in enabled_rules(facts) {
        let Some(prefix) = prefix(rule) else { continue };
        let id = rule.get("ID").or(rule.get("Id")).and_then(Value::as_str).unwrap_or_default();
        let id = id.get(..id.floor_char_boundary(ID)).unwrap_or_default();
        let mut add = |act, at: &Value| {
            if let Some(due) = due(at) {
                rules.push(AgeRule { id: id.to_owned(), prefix: prefix.to_owned(), act, due });
            }
        };
        if let Some(expiration) = rule.get("Expiration") {
            add(Act::Expires, expiration);
        }
        for transition in items(rule.get("Transition")) {
            let class = transition.get("StorageClass").and_then(Value::as_str);
            if class.is_some_and(|class| class == "GLACIER" || class == "DEEP_ARCHIVE") {
                add(Act::Archives, transition);
            }
        }
    }
    rules
}

/// Returns the prefix of the keys to which a rule applies; `None` if its filter asks for anything
/// else.
fn prefix(rule: &Value) -> Option<&str> {
    let filter = rule.get("Filter").and_then(Value::as_object);
    let both = filter.and_then(|filter| filter.get("And")).and_then(Value::as_object);
    let mut prefix = rule.get("Prefix").and_then(Value::as_str);
    for (name, value) in filter.into_iter().chain(both).flatten() {
        match name.as_str() {
            "Prefix" => prefix = value.as_str(),
            "And" => {}
            _ => return None,
        }
    }
    Some(prefix.unwrap_or_default())
}

/// Returns when a rule acts. `ExpiredObjectDeleteMarker` removes no object.
fn due(at: &Value) -> Option<Due> {
    if let Some(days) = at.get("Days") {
        return number(days).map(Due::Days);
    }
    let date = at.get("Date").and_then(Value::as_str)?;
    // S3 accepts midnight only, with or without fractions of a second.
    let day = date.get(..10)?;
    Timestamp::parse(&format!("{day}T00:00:00Z")).map(Due::Date)
}

pub(super) fn number(value: &Value) -> Option<u32> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => u32::try_from(other.as_u64()?).ok(),
    }
}
