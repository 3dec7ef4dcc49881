//! Texts that an input marks as sensitive, which no output shows.
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde_json::Value;
use std::collections::BTreeSet;
use trailproof_core::vocab::budget;

/// Shown in place of a text that holds a sensitive one.
const REDACTED: &str = "(sensitive)";

/// The shortest text that is looked for within others. A shorter one is a part of many.
const LONG: usize = 4;

/// The texts of an input that must not be written.
#[derive(Debug)]
pub(super) struct Secrets<'a> {
    whole: &'a BTreeSet<String>,
    /// Finds those that are long enough, all at once; `None` if there are too many.
    within: Option<AhoCorasick>,
}

impl<'a> Secrets<'a> {
    pub(super) fn new(texts: &'a BTreeSet<String>) -> Self {
        let long = || texts.iter().filter(|text| text.len() >= LONG);
        let length: usize = long().map(String::len).sum();
        let few = length <= budget::SENSITIVE;
        // The kind that is built fastest: what is shown is short.
        let within = || {
            let mut builder = AhoCorasick::builder();
            builder.kind(Some(AhoCorasickKind::NoncontiguousNFA)).build(long()).ok()
        };
        Self { whole: texts, within: few.then(within).flatten() }
    }

    /// Returns whether a text must not be written: it is one of them or holds one. If there are too many to
    /// look for, none may be written.
    fn holds(&self, text: &str) -> bool {
        let within = self.within.as_ref().is_none_or(|within| within.is_match(text));
        within || self.whole.contains(text)
    }

    /// Replaces texts that must not be written.
    pub(super) fn redact(&self, value: &mut Value) {
        match value {
            Value::String(text) if self.holds(text) => *value = Value::from(REDACTED),
            Value::Array(list) => list.iter_mut().for_each(|it| self.redact(it)),
            Value::Object(fields) => fields.values_mut().for_each(|it| self.redact(it)),
            _ => {}
        }
    }

    /// Returns a text, if it may be written.
    pub(super) fn safe(&self, text: &str) -> String {
        if self.holds(text) { REDACTED.to_owned() } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sensitive_texts_are_replaced_wherever_they_stand() {
        let texts = BTreeSet::from(["hunter22".to_owned(), "ab".to_owned()]);
        let secrets = Secrets::new(&texts);
        let mut value = json!({ "a": ["x-hunter22-y", { "b": "ab" }], "c": "cab", "d": 1 });
        secrets.redact(&mut value);
        let shown = json!({ "a": [REDACTED, { "b": REDACTED }], "c": "cab", "d": 1 });
        assert_eq!(value, shown);
    }

    #[test]
    fn nothing_is_shown_where_there_are_too_many_to_look_for() {
        let long = "x".repeat(1 << 10);
        let many = (0..=budget::SENSITIVE >> 10).map(|number| format!("{number}{long}"));
        let many: BTreeSet<String> = many.collect();
        assert_eq!(Secrets::new(&many).safe("anything"), REDACTED);
        let none = BTreeSet::new();
        assert_eq!(Secrets::new(&none).safe("anything"), "anything");
    }
}
