//! From keys to paths, and from file names to keys. The author of a digest chooses the keys in it,
//! so no key may lead out of the directory.
use std::path::{Component, Path};
use trailproof_core::vocab::budget;

/// The extension that gzip adds, and that copiers that inflate files remove.
const GZIP: &str = ".gz";

/// Returns the names of the folders and the file that a key consists of. Returns `None` for a key
/// that a directory cannot hold: one with an empty part, a `.` or `..`, a NUL, or what this system
/// takes for a separator.
pub(crate) fn parts(key: &str) -> Option<Vec<&str>> {
    if key.is_empty() || key.len() > budget::KEY_LENGTH || key.contains('\0') {
        return None;
    }
    key.split('/').map(|part| is_plain(part).then_some(part)).collect()
}

/// Returns whether `name` is exactly one normal component of a path.
pub(crate) fn is_plain(name: &str) -> bool {
    // Fast path for the names of digests and log files.
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.bytes().all(known) && name.bytes().next().is_some_and(|first| first != b'.') {
        return true;
    }
    let mut components = Path::new(name).components();
    let normal = matches!(components.next(), Some(Component::Normal(part)) if part == name);
    normal && components.next().is_none()
}

/// Returns the name under which a file is listed: a copier that inflates log files and digests may
/// have removed the `.gz` from their names.
pub(crate) fn listed_name(name: &str) -> Option<String> {
    is_inflated(name).then(|| format!("{name}{GZIP}"))
}

/// Returns the name that an inflated copy of this file may have.
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
    fn a_key_that_could_lead_elsewhere_has_no_parts() {
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
    fn only_cloudtrail_names_lose_their_extension() {
        assert_eq!(listed_name("1_CloudTrail_x.json").as_deref(), Some("1_CloudTrail_x.json.gz"));
        assert_eq!(inflated_name("1_CloudTrail_x.json.gz"), Some("1_CloudTrail_x.json"));
        for name in ["1_CloudTrail_x.json.gz", "public-keys.json", "x_CloudTrail"] {
            assert_eq!(listed_name(name), None, "{name}");
        }
        assert_eq!(inflated_name("public-keys.json.gz"), None);
    }
}
