//! Objects beside the log files that digests name: why they may be there, and which of them no
//! reader treats as data.

/// Why there may be a log file that no verified digest names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UnlistedReason {
    /// No reason is known.
    #[default]
    None,
    /// DescribeTrails names a trail that delivers to this bucket and prefix and has log file
    /// validation switched off.
    TrailWithoutValidation,
}

impl UnlistedReason {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::None, Self::TrailWithoutValidation];

    /// Returns the reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// Returns the stable code for machines; never renamed once released.
    pub fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::TrailWithoutValidation => "trail-without-validation",
        }
    }
}

/// Why an object is set aside: no reader of log files treats it as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SetAside {
    /// It is empty, such as a folder marker.
    Empty,
    /// Its name begins with `.` or `_`, which Hive, Spark and Athena skip.
    HiddenName,
    /// It has the name of a file that desktops leave in directories.
    Desktop,
}

impl SetAside {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Empty, Self::HiddenName, Self::Desktop];

    /// Returns the reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// Returns the stable code for machines; never renamed once released.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::HiddenName => "hidden-name",
            Self::Desktop => "desktop",
        }
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

    #[test]
    fn codes_parse_back() {
        assert!(SetAside::ALL.iter().all(|one| SetAside::from_code(one.code()) == Some(*one)));
        let reasons = UnlistedReason::ALL.iter();
        assert!(reasons.clone().all(|one| UnlistedReason::from_code(one.code()) == Some(*one)));
    }
}
