//! ETags with and without their quotes.

/// Returns `etag` without the quotes that HTTP puts around it. A weak ETag, which S3 never returns,
/// is left unchanged: its quotes are not at both ends.
pub(super) fn unquoted(etag: &str) -> String {
    match etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.to_owned(),
        None => etag.to_owned(),
    }
}

/// Returns `etag` in the form that HTTP requires in `If-Match`.
pub(super) fn quoted(etag: &str) -> String {
    if etag.contains('"') { etag.to_owned() } else { format!("\"{etag}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_come_off_and_on() {
        assert_eq!(unquoted("\"abc-2\""), "abc-2");
        assert_eq!(unquoted("abc"), "abc");
        assert_eq!(unquoted("W/\"abc\""), "W/\"abc\"");
        assert_eq!(unquoted("\""), "\"");
        assert_eq!(quoted("abc-2"), "\"abc-2\"");
        assert_eq!(quoted("W/\"abc\""), "W/\"abc\"");
    }
}
