//! ETags with and without their quotes.

/// `etag` without the quotes that HTTP puts round it. A weak one, which S3 never gives, stays as
/// it is: its quotes do not stand at both ends.
pub(super) fn unquoted(etag: &str) -> String {
    match etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.to_owned(),
        None => etag.to_owned(),
    }
}

/// As HTTP wants it in `If-Match`.
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
