//! Percent-encoding, as S3 decodes paths and queries and encodes keys under `encoding-type=url`.
use std::borrow::Cow;

/// Decodes `text` as UTF-8. A `%` without two hex digits after it stands for itself, as it does in
/// S3. Returns `None` if the bytes are not UTF-8: keys must be UTF-8.
pub(super) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    String::from_utf8(decode_bytes(text, false)).ok().map(Cow::Owned)
}

/// Parses the parameters of a query string. Here, and only here, `+` is a space.
pub(super) fn query_parameters(query: &str) -> Vec<(String, String)> {
    let text = |part: &str| String::from_utf8_lossy(&decode_bytes(part, true)).into_owned();
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (text(name), text(value))
        })
        .collect()
}

/// Encodes `key` as listings do under `encoding-type=url`: slashes are unchanged, and a space
/// becomes `+`.
pub(super) fn encode_key(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len() + 16);
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' | b'/' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn decode_bytes(text: &str, plus_is_space: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, tail @ ..]) => {
                if let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low)) {
                    decoded.push(high * 16 + low);
                    rest = tail;
                } else {
                    decoded.push(byte);
                }
            }
            (b'+', _) if plus_is_space => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    decoded
}

fn hex_digit(byte: u8) -> Option<u8> {
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

    // Keys are opaque: a key that contains `%2e%2e` or `+` must come back unchanged.
    #[test]
    fn keys_round_trip() {
        assert_eq!(decode("a%2Fb%20+c").as_deref(), Some("a/b +c"));
        assert_eq!(decode("100%").as_deref(), Some("100%"));
        assert_eq!(decode("%FF"), None);
        assert_eq!(decode("a%252e").as_deref(), Some("a%2e"));
        assert_eq!(
            query_parameters("prefix=a+b%2B&list-type=2&versions"),
            [
                ("prefix".to_owned(), "a b+".to_owned()),
                ("list-type".to_owned(), "2".to_owned()),
                ("versions".to_owned(), String::new()),
            ]
        );
        assert_eq!(encode_key("a b/ü+\u{1}*"), "a+b/%C3%BC%2B%01*");
    }
}
