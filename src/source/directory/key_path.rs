//! From keys to paths, and from the names of files to keys. A key from a digest is chosen by
//! whoever wrote the digest: none may lead out of the directory.
use std::path::{Component, Path};
use trailproof_core::vocab::budget;

/// What gzip adds to a name, and what copiers that inflate take away.
const GZIP: &str = ".gz";

/// The names of folders and file that a key is made of; `None` for a key that a directory cannot
/// hold: with an empty part, a `.` or `..`, a NUL, or what this system takes for a separator.
pub(crate) fn parts(key: &str) -> Option<Vec<&str>> {
    if key.is_empty() || key.len() > budget::KEY_LENGTH || key.contains('\0') {
        return None;
    }
    key.split('/').map(|part| is_plain(part).then_some(part)).collect()
}

/// Whether `name` is one normal part of a path and nothing else.
pub(crate) fn is_plain(name: &str) -> bool {
    // The names of digests and log files, without the long way.
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.bytes().all(known) && name.bytes().next().is_some_and(|first| first != b'.') {
        return true;
    }
    let mut components = Path::new(name).components();
    let normal = matches!(components.next(), Some(Component::Normal(part)) if part == name);
    normal && components.next().is_none()
}

/// The name under which a file is listed: a copier that inflates log files and digests may have
/// taken the `.gz` off their names.
pub(crate) fn listed_name(name: &str) -> Option<String> {
    is_inflated(name).then(|| format!("{name}{GZIP}"))
}

/// The name that an inflated copy of this file may have.
pub(crate) fn inflated_name(name: &str) -> Option<&str> {
    name.strip_suffix(GZIP).filter(|name| is_inflated(name))
}

fn is_inflated(name: &str) -> bool {
    name.ends_with(".json") && name.contains("_CloudTrail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_could_lead_anywhere_else_has_no_parts() {
        assert_eq!(parts("AWSLogs/1/a.json.gz"), Some(vec!["AWSLogs", "1", "a.json.gz"]));
        assert_eq!(parts("a\\b/c:d"), Some(vec!["a\\b", "c:d"]));
        for key in [
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "a/",
            "../a",
            "a/../b",
            "a/..",
            ".",
            "a/./b",
            "a\0b",
            &"x/".repeat(600),
        ] {
            assert_eq!(parts(key), None, "{key:?}");
        }
    }

    #[test]
    fn only_names_of_cloudtrails_lose_their_ending() {
        assert_eq!(listed_name("1_CloudTrail_x.json").as_deref(), Some("1_CloudTrail_x.json.gz"));
        assert_eq!(inflated_name("1_CloudTrail_x.json.gz"), Some("1_CloudTrail_x.json"));
        for name in ["1_CloudTrail_x.json.gz", "public-keys.json", "x_CloudTrail"] {
            assert_eq!(listed_name(name), None, "{name}");
        }
        assert_eq!(inflated_name("public-keys.json.gz"), None);
    }
}
