//! Values made safe to show on a page or to paste into a shell.
pub(super) use crate::report::text_lines::grouped;
use std::borrow::Borrow;
use std::fmt;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::{DAY, HOUR};

/// A text that may come from outside, with every control character, direction mark and zero-width
/// character spelled out. The template escapes characters that are special in HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown(String);

impl Shown {
    pub(super) fn of(text: impl fmt::Display) -> Self {
        Self(escape(&text.to_string()).into_owned())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns a count with its noun, which takes an `s` unless the count is one: `2,870 digests`.
pub(super) fn count(number: impl Borrow<u64>, noun: &str) -> String {
    let number = *number.borrow();
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Returns a length of time to the second: `71 h 55 min 49 s`.
pub(super) fn length(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let parts = [(hours, "h"), (minutes, "min"), (seconds, "s")];
    let shown: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{} {unit}", grouped(count)))
        .collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

/// Returns a length of time in hours: `2,880.0 h`.
pub(super) fn hours(seconds: i64) -> String {
    format!("{}\u{a0}h", tenths(seconds, HOUR))
}

/// Returns a length of time in hours and, from two days on, in days: `2,880.0 h (120.0 days)`.
pub(super) fn hours_and_days(seconds: i64) -> String {
    let hours = hours(seconds);
    if seconds < 2 * DAY { hours } else { format!("{hours} ({}\u{a0}days)", tenths(seconds, DAY)) }
}

fn tenths(seconds: i64, unit: i64) -> String {
    let tenths = (seconds.saturating_mul(10) + unit / 2) / unit;
    format!("{}.{}", grouped(tenths / 10), tenths % 10)
}

/// Joins parts of a sentence: `a, b and c`.
pub(super) fn joined(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Returns a string of CSS. Everything but letters, digits and a few marks is written as a code
/// point, so that no value can end the string or the style sheet.
pub(super) fn css_string(text: &str) -> String {
    let mut string = String::from("\"");
    for character in text.chars() {
        match character {
            _ if character.is_ascii_alphanumeric() || " .,:/_-".contains(character) => {
                string.push(character);
            }
            _ => string.push_str(&format!("\\{:06x} ", u32::from(character))),
        }
    }
    string.push('"');
    string
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn lengths_and_counts_read_well() {
        assert_eq!(length(71 * HOUR + 55 * 60 + 49), "71 h 55 min 49 s");
        assert_eq!((length(0), length(2_880 * HOUR)), ("0 s".to_owned(), "2,880 h".to_owned()));
        assert_eq!(hours_and_days(2_880 * HOUR), "2,880.0\u{a0}h (120.0\u{a0}days)");
        assert_eq!(hours_and_days(90 * 60), "1.5\u{a0}h");
        assert_eq!((count(1_u64, "digest"), count(2_870_u64, "digest")).1, "2,870 digests");
        let parts = ["a", "b", "c"].map(str::to_owned);
        for (number, words) in ["", "a", "a and b", "a, b and c"].into_iter().enumerate() {
            assert_eq!(joined(&parts[..number]), words);
        }
    }

    #[test]
    fn no_value_ends_a_string_of_css() {
        assert_eq!(css_string("s3://a-b_c"), "\"s3://a-b_c\"");
        assert_eq!(css_string("\"</\\\n"), "\"\\000022 \\00003c /\\00005c \\00000a \"");
    }
}
