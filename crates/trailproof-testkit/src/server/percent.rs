//! Percent-encoding, as S3 decodes paths and queries and encodes keys under `encoding-type=url`.
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;

/// The characters that S3 encodes in the keys of listings.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/').remove(b' ');

/// Decodes `text` as UTF-8. A `%` without two hex digits after it stands for itself, as it does in
/// S3. Returns `None` if the bytes are not UTF-8: keys must be UTF-8.
pub(super) fn decode(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

/// Parses the parameters of a query string. Here, and only here, `+` is a space.
pub(super) fn query_parameters(query: &str) -> Vec<(String, String)> {
    let text =
        |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
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
    utf8_percent_encode(key, ENCODED).to_string().replace(' ', "+")
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
