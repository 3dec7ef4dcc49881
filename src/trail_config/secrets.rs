//! Texts that an input marks as sensitive, which no output shows.
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Shown in place of a text that holds a sensitive one.
const REDACTED: &str = "(sensitive)";

/// The shortest text that is looked for within others. A shorter one is a part of many.
const LONG: usize = 4;

/// The texts of an input that must not be written.
///
/// A plan may have any number of them, and what is shown is short. So nothing is built of them: an
/// automaton of 2 MB of texts takes seconds without optimization.
#[derive(Debug)]
pub(super) struct Secrets<'a> {
    whole: &'a BTreeSet<String>,
    /// Those that are long enough, in order, without those that begin with another one: where one of them
    /// is, that other one is.
    within: Vec<&'a str>,
}

impl<'a> Secrets<'a> {
    pub(super) fn new(texts: &'a BTreeSet<String>) -> Self {
        let mut within: Vec<&str> = Vec::new();
        for text in texts.iter().filter(|text| text.len() >= LONG) {
            // In order, a text follows the ones that it begins with.
            if within.last().is_none_or(|before| !text.starts_with(before)) {
                within.push(text);
            }
        }
        Self { whole: texts, within }
    }

    /// Returns whether a text must not be written: it is one of them or holds one.
    fn holds(&self, text: &str) -> bool {
        self.whole.contains(text) || self.is_within(text, &mut |_, _| {})
    }

    /// Returns whether a text holds one of those that are long enough. `compared` takes each two texts that
    /// are compared.
    fn is_within<'t>(&self, text: &'t str, compared: &mut impl FnMut(&str, &'t str)) -> bool {
        let begins = |rest: &'t str| {
            // If one is the beginning of `rest`, none is between the two: it would begin with that one.
            let after = self.within.partition_point(|secret| {
                compared(secret, rest);
                (*secret).cmp(rest) != Ordering::Greater
            });
            let before = after.checked_sub(1).and_then(|before| self.within.get(before));
            before.is_some_and(|secret| rest.starts_with(secret))
        };
        text.char_indices().filter_map(|(at, _)| text.get(at..)).any(begins)
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

    /// The same answers as looking for each text by itself.
    #[test]
    fn texts_that_begin_with_or_hold_each_other_are_found() {
        let all = ["aaaa", "aaaab", "aaab", "abcd", "abcde", "bcdé", "é-über", "zzzz"];
        for chosen in 0..1_u32 << all.len() {
            let of = all.iter().enumerate().filter(|(at, _)| (chosen >> at) & 1 == 1);
            let texts: BTreeSet<String> = of.map(|(_, text)| (*text).to_owned()).collect();
            let secrets = Secrets::new(&texts);
            for text in ["aaaab", "xaaabx", "aaa", "abcdé", "aé-über", "zzz", "", "ééé-über"]
            {
                let expected = texts.iter().any(|secret| text.contains(secret.as_str()));
                assert_eq!(secrets.holds(text), expected, "{text} in {texts:?}");
            }
        }
    }

    /// A hundred times as many texts take a few more comparisons each, and not a hundred times as many.
    #[test]
    fn many_texts_take_few_more_comparisons() {
        let shown = "arn:aws:kms:us-east-1:111122223333:alias/trail";
        let comparisons = |count: usize| {
            let texts = (0..count).map(|number| format!("arn:aws:kms:secret-{number:06}"));
            let texts: BTreeSet<String> = texts.collect();
            let mut comparisons = 0;
            assert!(!Secrets::new(&texts).is_within(shown, &mut |_, _| comparisons += 1));
            comparisons
        };
        let (few, many) = (comparisons(1_000), comparisons(100_000));
        assert!(few > shown.len() && many < 2 * few, "{few} and {many}");
    }
}
