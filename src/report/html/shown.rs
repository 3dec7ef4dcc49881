//! Values made safe to show on a page or to paste into a shell.
use std::fmt;
use trailproof_core::vocab::location::escape;

/// Characters of code in a line of a phone.
const PHONE: usize = 40;

/// A text that may come from outside, with every control character, direction mark and zero-width
/// character spelled out. The template escapes characters that are special in HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown(String);

impl Shown {
    pub(super) fn of(text: impl fmt::Display) -> Self {
        Self(escape(&text.to_string()).into_owned())
    }

    /// Returns whether it is longer than a line of a phone.
    pub(super) fn is_long(&self) -> bool {
        self.0.chars().count() > PHONE
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
    fn parts_of_a_sentence_are_joined() {
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
