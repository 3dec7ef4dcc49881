//! Objects beside the log files that digests name: why they may be there, and which of them no
//! reader treats as data.
use strum::{EnumIter, EnumString, IntoStaticStr};

/// Why there may be a log file that no verified digest names.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum UnlistedReason {
    /// No reason is known.
    #[default]
    None,
    /// DescribeTrails names a trail that delivers to this bucket and prefix and has log file
    /// validation switched off.
    TrailWithoutValidation,
}

impl UnlistedReason {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Why an object is set aside: no reader of log files treats it as data.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum SetAside {
    /// It is empty, such as a folder marker.
    Empty,
    /// Its name begins with `.` or `_`, which Hive, Spark and Athena skip.
    HiddenName,
    /// It has the name of a file that desktops leave in directories.
    Desktop,
}

impl SetAside {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Returns why the name of `key` alone sets the object aside. `on_disk` is whether the object
    /// is in a directory, where desktops leave files.
    pub fn by_name(key: &str, on_disk: bool) -> Option<Self> {
        let name = key.rsplit('/').next().unwrap_or(key);
        if name.starts_with(['.', '_']) {
            return Some(Self::HiddenName);
        }
        let left = ["Thumbs.db", "desktop.ini"].iter().any(|left| left.eq_ignore_ascii_case(name));
        (on_disk && left).then_some(Self::Desktop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_readers_skip_are_set_aside() {
        for (key, on_disk, expected) in [
            ("a/.DS_Store", false, Some(SetAside::HiddenName)),
            ("a/._x.json.gz", true, Some(SetAside::HiddenName)),
            ("a/_SUCCESS", false, Some(SetAside::HiddenName)),
            ("_a/x.json.gz", false, None),
            ("a/Thumbs.db", false, None),
            ("a/Thumbs.db", true, Some(SetAside::Desktop)),
            ("a/Desktop.ini", true, Some(SetAside::Desktop)),
            ("a/x", true, None),
            ("a/", true, None),
            ("", false, None),
        ] {
            assert_eq!(SetAside::by_name(key, on_disk), expected, "{key}");
        }
    }
}
