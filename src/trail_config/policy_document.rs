//! From policies as files and services write them to policies that can be evaluated.
use serde_json::Value;
use trailproof_core::control::fact::{Fact, Unread, UnreadWhy};
use trailproof_core::control::operation::Operation;
use trailproof_core::control::policy::{Policy, PolicyFault};

/// Returns the fact about a policy in JSON text.
pub(crate) fn of_text(text: &str, operation: Operation) -> Fact<Policy> {
    fact(Policy::parse(text), operation)
}

/// Returns the fact about a policy in JSON.
pub(crate) fn of_value(value: &Value, operation: Operation) -> Fact<Policy> {
    match value {
        Value::String(text) => of_text(text, operation),
        other => fact(Policy::from_value(other), operation),
    }
}

fn fact(parsed: Result<Policy, PolicyFault>, operation: Operation) -> Fact<Policy> {
    match parsed {
        Ok(policy) => Fact::Known(policy),
        Err(PolicyFault::TooLong) => Fact::Unread(Unread::new(operation, UnreadWhy::OverBudget)),
        Err(PolicyFault::Malformed) => Fact::Unread(Unread::new(operation, UnreadWhy::Malformed)),
    }
}
