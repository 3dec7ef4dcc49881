//! Stretches of a listing.
use serde::{Deserialize, Serialize};

/// A stretch of keys: those after one key, up to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::source::mirror) struct Range {
    /// Keys that sort after this one; empty for all keys.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(in crate::source::mirror) after: String,
    /// The last key, which need not exist; `None` for all remaining keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::source::mirror) to: Option<String>,
}

/// The most stretches of one listing that are kept. Weekly runs over ten years that skip every
/// other week produce half as many.
const KEPT: usize = 1_024;

/// Joins stretches that touch, ascending. Stretches beyond the limit are dropped and so become
/// unknown, which is never an overstatement.
pub(super) fn join(ranges: impl IntoIterator<Item = Range>) -> Vec<Range> {
    let mut ranges: Vec<Range> = ranges.into_iter().collect();
    ranges.sort();
    let mut joined: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.to.as_ref().is_none_or(|to| range.after <= *to) => {
                if let (Some(to), Some(more)) = (&last.to, &range.to) {
                    last.to = Some(to.max(more).clone());
                } else {
                    last.to = None;
                }
            }
            _ => joined.push(range),
        }
    }
    joined.truncate(KEPT);
    joined
}

/// Returns how far the keys with this prefix that sort after `after` are known: `None` if not even
/// the first one is, `Some(None)` if all are, otherwise up to the returned key.
pub(in crate::source::mirror) fn known(
    ranges: &[Range],
    prefix: &str,
    after: &str,
) -> Option<Option<String>> {
    let begins = |range: &&Range| {
        if after >= prefix {
            range.after.as_str() <= after
        } else {
            range.after.is_empty() || range.after.as_str() < prefix
        }
    };
    let goes_on = |range: &&Range| range.to.as_deref().is_none_or(|to| to > after && to >= prefix);
    let range = ranges.iter().filter(begins).find(goes_on)?;
    // An end after all keys with the prefix is no limit.
    Some(range.to.clone().filter(|to| to.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(after: &str, to: Option<&str>) -> Range {
        Range { after: after.to_owned(), to: to.map(str::to_owned) }
    }

    #[test]
    fn stretches_that_meet_are_one() {
        let ranges = [range("m", None), range("b", Some("c")), range("", Some("b"))];
        assert_eq!(join(ranges), [range("", Some("c")), range("m", None)]);
        let ranges = [range("", None), range("b", Some("c"))];
        assert_eq!(join(ranges), [range("", None)]);
        let ranges = [range("", Some("x")), range("b", Some("c"))];
        assert_eq!(join(ranges), [range("", Some("x"))]);
        let apart = (0..3 * KEPT).map(|at| range(&format!("{at:06}a"), Some(&format!("{at:06}b"))));
        assert_eq!(join(apart).len(), KEPT, "a file with more of them must not use more memory");
    }

    /// Returns whether the key lies in any of the stretches.
    fn has(ranges: &[Range], key: &str) -> bool {
        let is_in = |range: &Range| {
            key > range.after.as_str() && range.to.as_deref().is_none_or(|to| key <= to)
        };
        ranges.iter().any(is_in)
    }

    proptest::proptest! {
        /// Over all keys of up to three letters: joined, stretches hold the same keys, and a listing
        /// from them names no key as known that is in none.
        #[test]
        fn nothing_is_known_that_was_not_listed(
            stretches in proptest::collection::vec(
                ("[ab/]{0,3}", proptest::option::of("[ab/]{0,3}")),
                0..5,
            ),
            prefix in "[ab/]{0,2}",
            after in "[ab/]{0,3}",
        ) {
            let ranges: Vec<Range> = stretches
                .into_iter()
                .filter(|(after, to)| to.as_ref().is_none_or(|to| after < to))
                .map(|(after, to)| Range { after, to })
                .collect();
            let joined = join(ranges.clone());
            let mut keys = vec![String::new()];
            for length in 0..3 {
                let longer: Vec<String> = keys
                    .iter()
                    .filter(|key| key.len() == length)
                    .flat_map(|key| ["a", "b", "/"].map(|letter| format!("{key}{letter}")))
                    .collect();
                keys.extend(longer);
            }
            for key in &keys {
                proptest::prop_assert_eq!(has(&joined, key), has(&ranges, key), "{}", key);
            }
            if let Some(end) = known(&joined, &prefix, &after) {
                let listed = keys.iter().filter(|key| {
                    key.starts_with(&prefix)
                        && **key > after
                        && end.as_ref().is_none_or(|end| *key <= end)
                });
                for key in listed {
                    proptest::prop_assert!(has(&joined, key), "{key} of {joined:?} to {end:?}");
                }
            }
        }
    }

    #[test]
    fn what_was_not_listed_is_not_known() {
        let end = |to: &str| Some(Some(to.to_owned()));
        let ranges = [range("a/2", Some("a/5")), range("a/7", None)];
        assert_eq!(known(&ranges, "a/", ""), None);
        assert_eq!(known(&ranges, "a/", "a/1"), None);
        assert_eq!(known(&ranges, "a/", "a/2"), end("a/5"));
        assert_eq!(known(&ranges, "a/", "a/4"), end("a/5"));
        assert_eq!(known(&ranges, "a/", "a/5"), None, "the stretch has ended");
        assert_eq!(known(&ranges, "a/4", ""), Some(None), "all of `a/4…` lies in the stretch");
        assert_eq!(known(&ranges, "a/5", ""), end("a/5"), "`a/5x` may be there");
        assert_eq!(known(&ranges, "a/", "a/8"), Some(None));
        assert_eq!(known(&ranges, "b/", ""), Some(None));
        assert_eq!(known(&[range("a/", None)], "a/", ""), None, "the key `a/` itself is not known");
        assert_eq!(known(&[], "", ""), None);
    }
}
