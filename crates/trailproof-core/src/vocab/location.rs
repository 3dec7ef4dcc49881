//! Where an object is stored, and how its location is shown to people.
use std::borrow::Cow;
use std::fmt;

/// Bucket and key of one object. The key is kept exactly as S3 spells it: it is never normalised,
/// split or percent-decoded, because the signature covers these very bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectLocation {
    /// Bucket name.
    pub bucket: String,
    /// Object key, byte for byte.
    pub key: String,
}

impl ObjectLocation {
    /// Creates the location of `key` in `bucket`.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), key: key.into() }
    }

    /// Parses `s3://BUCKET/KEY`.
    pub fn parse(text: &str) -> Option<Self> {
        let (bucket, key) = text.strip_prefix("s3://")?.split_once('/')?;
        (!bucket.is_empty() && !key.is_empty()).then(|| Self::new(bucket, key))
    }

    /// Returns the location as a URI, unescaped: for machines.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// Returns the location as displayed, but cut to the maximum length of a location: for
    /// locations that come from outside.
    pub fn excerpt(&self) -> String {
        use super::budget::{BUCKET_LENGTH, KEY_LENGTH};
        let (bucket, key) = (&self.bucket, &self.key);
        format!("s3://{}/{}", excerpt(bucket, BUCKET_LENGTH), excerpt(key, KEY_LENGTH))
    }
}

impl fmt::Display for ObjectLocation {
    /// `s3://bucket/key`, escaped for terminals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", escape(&self.bucket), escape(&self.key))
    }
}

/// Returns `text` with everything that could control a terminal, or hide in one, written as
/// `\u{…}`.
///
/// These are the control characters (C0, DEL, C1), line and paragraph separators, the marks that
/// change the direction of writing, and zero-width characters. Everything else is unchanged, so
/// that a harmless key can be copied from the output.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Returns `text` as one word of a command that the reader can copy into bash, zsh or ksh, quoted if
/// necessary.
///
/// Characters that [`escape`] would spell out, quotation marks and backslashes are written as bytes
/// (`$'\x1b'`). Other shells read that as a different text, but never as the end of the quotation:
/// fish would end it at `\'`, which bash needs between quotation marks.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    // zsh reads `=ls` as the path of a program.
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    let ends = |c: char| matches!(c, '\'' | '\\' | '\u{2018}'..='\u{201b}') || is_unsafe(c);
    if !text.chars().any(ends) {
        return Cow::Owned(format!("'{text}'"));
    }
    let mut word = String::from("$'");
    for character in text.chars() {
        if ends(character) {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).bytes();
            bytes.for_each(|byte| word.push_str(&format!("\\x{byte:02x}")));
        } else {
            word.push(character);
        }
    }
    word.push('\'');
    Cow::Owned(word)
}

/// Returns `text` escaped and cut to `limit` characters, for values that are only shown.
pub fn excerpt(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(limit).collect();
    let shown = escape(&head).into_owned();
    if characters.next().is_none() { shown } else { format!("{shown}…") }
}

/// Returns whether a character could control a terminal, or hide in one.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00ad}'
                | '\u{061c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fdd0}'..='\u{fdef}'
                | '\u{e0000}'..='\u{e007f}'
        )
        // The last two code points of each plane are noncharacters; XML rejects those of the first
        // plane.
        || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmless_key_is_shown_unchanged() {
        let at = ObjectLocation::new("bucket", "a b/ü_\\<script>/日.json.gz");
        assert_eq!(at.to_string(), "s3://bucket/a b/ü_\\<script>/日.json.gz");
    }

    #[test]
    fn a_location_is_read_as_it_is_shown() {
        let at = ObjectLocation::new("b", "/a//b?c#d");
        assert_eq!(ObjectLocation::parse(&at.to_string()), Some(at));
        for wrong in ["", "b/k", "s3://", "s3://b", "s3://b/", "s3:///k", "S3://b/k"] {
            assert_eq!(ObjectLocation::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn terminal_control_characters_are_escaped() {
        let shown = ObjectLocation::new("b", "\u{1b}[2J\r\n\u{9b}1m\u{202e}x\u{200b}").to_string();
        assert_eq!(shown, "s3://b/\\u{1b}[2J\\u{d}\\u{a}\\u{9b}1m\\u{202e}x\\u{200b}");
    }

    #[test]
    fn noncharacters_are_escaped() {
        let shown = escape("a\u{fffe}b\u{ffff}\u{1fffe}\u{fdd0}").into_owned();
        assert_eq!(shown, "a\\u{fffe}b\\u{ffff}\\u{1fffe}\\u{fdd0}");
    }

    #[test]
    fn an_excerpt_marks_that_it_is_cut() {
        assert_eq!(excerpt("abcdef", 3), "abc…");
        assert_eq!(excerpt("abc", 3), "abc");
        assert_eq!(excerpt("\u{7}", 3), "\\u{7}");
    }

    #[test]
    fn a_word_of_a_command_is_quoted_if_necessary() {
        for (text, word) in [
            ("AWSLogs/1/a_b-c.json.gz", "AWSLogs/1/a_b-c.json.gz"),
            ("html=a.html", "html=a.html"),
            ("=ls", "'=ls'"),
            ("", "''"),
            ("a b", "'a b'"),
            ("日", "'日'"),
            ("$(rm -rf ~)", "'$(rm -rf ~)'"),
            ("it's", r"$'it\x27s'"),
            (r"a\'b", r"$'a\x5c\x27b'"),
            ("\u{1b}[2J", r"$'\x1b[2J'"),
            ("\u{202e}x", r"$'\xe2\x80\xaex'"),
        ] {
            assert_eq!(shell_word(text), word, "{text:?}");
        }
    }
}
