//! Values made safe to show on a page or to paste into a shell.
use std::fmt;
use trailproof_core::vocab::location::escape;

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

/// Returns one word of a shell command, quoted if necessary. Characters that [`escape`] would spell
/// out are written as bytes (`\x1b`), which bash, zsh and ksh read back, so that the command can be
/// copied from the page.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let quoted = text.replace('\'', r"'\''");
    if matches!(escape(text), std::borrow::Cow::Borrowed(_)) {
        return format!("'{quoted}'");
    }
    let mut word = String::from("$'");
    for character in text.chars() {
        let mut spelt = [0; 4];
        let bytes = character.encode_utf8(&mut spelt);
        match character {
            '\'' | '\\' => word.extend(['\\', character]),
            _ if matches!(escape(bytes), std::borrow::Cow::Borrowed(_)) => word.push(character),
            _ => bytes.bytes().for_each(|byte| word.push_str(&format!("\\x{byte:02x}"))),
        }
    }
    word.push('\'');
    word
}

/// Returns a number with its digits in groups of three: `518,400`.
pub(super) fn grouped(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for text in [
            "s3://bucket/a-b_c.json.gz",
            "it's; rm -rf $HOME `x` \"y\" \\",
            "",
            "\u{1b}[2J it's \\ \u{202e}gz.nosj\n日",
            "~",
        ] {
            let script = format!("printf %s {}", shell_word(text));
            let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text, "{script}");
            assert_eq!(Shown::of(&script).to_string(), script, "a page would show it otherwise");
        }
    }

    #[test]
    fn numbers_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
