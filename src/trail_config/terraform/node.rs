//! A value in a plan, together with what is not known of it yet.
use crate::trail_config::shapes::{Part, fact};
use serde_json::Value;
use trailproof_core::control::fact::{Fact, UnreadWhy};
use trailproof_core::control::operation::Operation;

/// A value in a plan or state. A plan leaves out what is not known and marks it in a second tree, so a
/// value can only be had together with the doubt whether it is known.
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

    /// Returns the entries of a list or set.
    pub(super) fn items(self) -> Part<Vec<Self>> {
        let values = match self.value {
            _ if self.unknown == Some(&Value::Bool(true)) => {
                return Err(UnreadWhy::UnknownUntilApplied);
            }
            None | Some(Value::Null) => &[][..],
            Some(Value::Array(values)) => values.as_slice(),
            Some(_) => return Err(UnreadWhy::Malformed),
        };
        let marks = self.unknown.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        // An entry that is marked and not there.
        if marks.iter().skip(values.len()).any(any) {
            return Err(UnreadWhy::UnknownUntilApplied);
        }
        let each = values.iter().enumerate();
        Ok(each.map(|(at, value)| Self { value: Some(value), unknown: marks.get(at) }).collect())
    }

    /// Returns the only entry of a block, which plans write as a list of one.
    pub(super) fn block(self) -> Part<Option<Self>> {
        Ok(self.items()?.into_iter().next())
    }

    /// Returns whether any part of the value is not known.
    pub(super) fn has_unknown(self) -> bool {
        self.unknown.is_some_and(any)
    }

    /// Returns the value, if it is set and all of it is known.
    pub(super) fn value(self) -> Part<Option<&'a Value>> {
        match self.has_unknown() {
            true => Err(UnreadWhy::UnknownUntilApplied),
            false => Ok(self.value.filter(|value| !value.is_null())),
        }
    }

    /// Returns the text; an empty text is what a state has for one that is not set.
    pub(super) fn text(self) -> Part<Option<&'a str>> {
        match self.value()? {
            None => Ok(None),
            Some(value) => {
                let text = value.as_str().ok_or(UnreadWhy::Malformed)?;
                Ok(Some(text).filter(|text| !text.is_empty()))
            }
        }
    }

    /// Returns the text of an attribute of a nested block, if both are set.
    pub(super) fn text_in(self, block: &str, name: &str) -> Part<Option<&'a str>> {
        match self.get(block).block()? {
            Some(block) => block.get(name).text(),
            None => Ok(None),
        }
    }

    /// Returns the switch. Terraform may write one as text, as the provider's schema has it.
    pub(super) fn on(self) -> Part<Option<bool>> {
        match self.value()? {
            None => Ok(None),
            Some(Value::Bool(on)) => Ok(Some(*on)),
            Some(Value::String(text)) => match text.as_str() {
                "" => Ok(None),
                "true" => Ok(Some(true)),
                "false" => Ok(Some(false)),
                _ => Err(UnreadWhy::Malformed),
            },
            Some(_) => Err(UnreadWhy::Malformed),
        }
    }

    /// Returns the number; 0 is what a state has for one that is not set. Sizes are texts in the schema.
    pub(super) fn number(self) -> Part<Option<u64>> {
        let number = match self.value()? {
            None => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_u64(),
        };
        let number = number.ok_or(UnreadWhy::Malformed)?;
        Ok(Some(number).filter(|number| *number > 0))
    }

    /// Returns the texts of a list.
    pub(super) fn texts(self) -> Part<Vec<String>> {
        let text = |it: Self| {
            let value = it.value()?.and_then(Value::as_str);
            value.map(str::to_owned).ok_or(UnreadWhy::Malformed)
        };
        self.items()?.into_iter().map(text).collect()
    }

    pub(super) fn text_fact(self, of: Operation) -> Fact<String> {
        fact(of, self.text().map(|text| text.map(str::to_owned)))
    }

    /// Returns the fact about a switch that has this value where it is not set.
    pub(super) fn switch(self, of: Operation, default: bool) -> Fact<bool> {
        fact(of, self.on().map(|on| Some(on.unwrap_or(default))))
    }
}

/// Returns whether a tree of marks marks anything as unknown.
fn any(marks: &Value) -> bool {
    match marks {
        Value::Bool(unknown) => *unknown,
        Value::Array(list) => list.iter().any(any),
        Value::Object(fields) => fields.values().any(any),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LATER: UnreadWhy = UnreadWhy::UnknownUntilApplied;

    /// Whatever is asked of a value that is not known, in whole or in part, the answer is that it is not.
    #[test]
    fn nothing_is_had_from_what_is_not_known() {
        for (value, unknown) in [
            (json!({}), json!({ "a": true })),
            (json!({}), json!(true)),
            (json!({ "a": null }), json!({ "a": true })),
            (json!({ "a": [null] }), json!({ "a": [true] })),
            (json!({ "a": [{}] }), json!({ "a": [{ "b": true }] })),
            (json!({}), json!({ "a": [{ "b": true }] })),
        ] {
            let node = Node::new(Some(&value), Some(&unknown)).get("a");
            assert!(node.has_unknown());
            assert_eq!(node.text(), Err(LATER), "{unknown}");
            assert_eq!(node.on(), Err(LATER), "{unknown}");
            assert_eq!(node.number(), Err(LATER), "{unknown}");
            assert_eq!(node.value(), Err(LATER), "{unknown}");
            assert_eq!(node.texts(), Err(LATER), "{unknown}");
            assert!(node.switch(Operation::DescribeTrails, true).is_unread());
            let in_block = node.block().and_then(|it| it.map_or(Ok(None), |it| it.get("b").text()));
            assert_eq!(in_block, Err(LATER), "{unknown}");
        }
    }

    #[test]
    fn a_value_of_a_wrong_form_is_not_one_that_is_not_set() {
        let value = json!({ "list": "x", "switch": "yes", "number": "n", "text": 1, "texts": [1] });
        let node = Node::new(Some(&value), None);
        assert!(node.get("list").items().is_err());
        assert!(node.get("switch").on().is_err());
        assert!(node.get("number").number().is_err());
        assert!(node.get("text").text().is_err());
        assert!(node.get("texts").texts().is_err());
        assert_eq!(node.get("absent").text(), Ok(None));
        let state = json!({ "text": "", "number": 0, "size": "512", "switch": "true" });
        let node = Node::new(Some(&state), None);
        assert_eq!((node.get("text").text(), node.get("number").number()), (Ok(None), Ok(None)));
        assert_eq!(
            (node.get("size").number(), node.get("switch").on()),
            (Ok(Some(512)), Ok(Some(true)))
        );
    }
}
