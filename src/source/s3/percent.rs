//! The encoding of keys in listings.
//!
//! XML cannot represent every character that a key can contain, so listings are requested with
//! `encoding-type=url`. S3 then encodes keys like form data: bytes as `%XX`, a space as `+`.
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Decodes `text`; `None` if it is not in that encoding, or not UTF-8 once decoded.
pub(super) fn decode(text: &str) -> Option<Cow<'_, str>> {
    // The crate takes a `%` without two hex digits for itself: that would be another key.
    let is_escape = |after: &str| {
        after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().ok();
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(Cow::Owned(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_as_they_are() {
        for (encoded, key) in [
            ("AWSLogs/1/x.json.gz", "AWSLogs/1/x.json.gz"),
            ("a+b%2Bc%25d", "a b+c%d"),
            ("%01%1B%5B2J%0A", "\u{1}\u{1b}[2J\n"),
            ("%C3%BC%e6%97%a5", "ü日"),
            ("..%2f..", "../.."),
        ] {
            assert_eq!(decode(encoded).as_deref(), Some(key));
        }
    }

    #[test]
    fn an_invalid_encoding_is_refused() {
        for text in ["%", "%1", "%zz", "a%+1", "%ff", "%C3"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
