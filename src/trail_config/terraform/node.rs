//! A value in a plan, together with what is not known of it yet.
use serde_json::Value;
use trailproof_core::control::fact::{Fact, UnreadWhy};
use trailproof_core::control::operation::Operation;

/// A value in a plan or state. A plan leaves out what is not known and marks it in a second tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    value: Option<&'a Value>,
    unknown: Option<&'a Value>,
}

impl<'a> Node<'a> {
    pub(super) fn new(value: Option<&'a Value>, unknown: Option<&'a Value>) -> Self {
        Self { value, unknown }
    }

    pub(super) fn get(self, name: &str) -> Self {
        let all = self.unknown.filter(|it| **it == Value::Bool(true));
        Self {
            value: self.value.and_then(|value| value.get(name)),
            unknown: all.or_else(|| self.unknown.and_then(|unknown| unknown.get(name))),
        }
    }

    /// Returns the entries of a list.
    pub(super) fn items(self) -> Vec<Self> {
        let values = self.value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let each = values.iter().enumerate();
        each.map(|(at, value)| Self {
            value: Some(value),
            unknown: self.unknown.and_then(|unknown| unknown.get(at)),
        })
        .collect()
    }

    /// Returns the only entry of a block, which plans write as a list of one.
    pub(super) fn block(self) -> Option<Self> {
        self.items().into_iter().next()
    }

    /// Returns whether the value is not known at all.
    pub(super) fn is_unknown(self) -> bool {
        self.unknown == Some(&Value::Bool(true))
    }

    /// Returns whether any part of the value is not known.
    pub(super) fn has_unknown(self) -> bool {
        fn any(value: &Value) -> bool {
            match value {
                Value::Bool(unknown) => *unknown,
                Value::Array(list) => list.iter().any(any),
                Value::Object(fields) => fields.values().any(any),
                _ => false,
            }
        }
        self.unknown.is_some_and(any)
    }

    /// Returns the text; an empty text is what a state has for one that is not set.
    pub(super) fn text(self) -> Option<&'a str> {
        self.value.and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn on(self) -> Option<bool> {
        self.value.and_then(Value::as_bool)
    }

    /// Returns the number; 0 is what a state has for one that is not set.
    pub(super) fn number(self) -> Option<u64> {
        self.value.and_then(Value::as_u64).filter(|number| *number > 0)
    }

    /// Returns the texts of a list.
    pub(super) fn texts(self) -> Vec<String> {
        let texts = self.items().into_iter().filter_map(|it| it.value?.as_str());
        texts.map(str::to_owned).collect()
    }

    pub(super) fn value(self) -> Option<&'a Value> {
        self.value.filter(|value| !value.is_null())
    }

    /// Returns the fact that `read` makes of the value, if none of it is unknown.
    pub(super) fn fact<T>(self, of: Operation, read: impl FnOnce(Self) -> Option<T>) -> Fact<T> {
        if self.has_unknown() {
            return Fact::unread(of, UnreadWhy::UnknownUntilApplied);
        }
        Fact::of(read(self))
    }

    pub(super) fn text_fact(self, of: Operation) -> Fact<String> {
        self.fact(of, |it| it.text().map(str::to_owned))
    }

    /// Returns the fact about a switch that has this value where it is not set.
    pub(super) fn switch(self, of: Operation, default: bool) -> Fact<bool> {
        self.fact(of, |it| Some(it.on().unwrap_or(default)))
    }
}
