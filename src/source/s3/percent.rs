//! The encoding of keys in listings.
//!
//! XML cannot represent every character that a key can contain, so listings are requested with
//! `encoding-type=url`. S3 then encodes keys like form data: bytes as `%XX`, a space as `+`.
use std::borrow::Cow;

/// Decodes `text`; `None` if it is not in that encoding, or not UTF-8 once decoded.
pub(super) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                decoded.push(high << 4 | low);
            }
            other => decoded.push(other),
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
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
