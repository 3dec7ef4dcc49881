//! What lifecycle rules do to log files and digests.

/// The lifecycle configuration of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// The rules.
    pub rules: Vec<LifecycleRule>,
    /// Whether objects below 128 KB are never moved to a different class, whatever the rules say; `None` if
    /// that was not read.
    pub small_stay: Option<bool>,
}

/// A lifecycle rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifecycleRule {
    /// Id.
    pub id: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// Prefix of the keys.
    pub prefix: String,
    /// Whether it applies only to objects with tags. CloudTrail writes none.
    pub tags: bool,
    /// Whether it applies only to objects above or below a size.
    pub sizes: bool,
    /// Days after which current versions expire.
    pub expires: Option<u64>,
    /// Whether current versions expire on a date.
    pub expires_on_date: bool,
    /// Days after which versions that are no longer current are deleted.
    pub noncurrent: Option<u64>,
    /// Transitions of current versions.
    pub transitions: Vec<Transition>,
}

/// A transition to a different storage class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transition {
    /// Days after which it happens; `None` if on a date.
    pub days: Option<u64>,
    /// The class.
    pub class: String,
}

impl Transition {
    /// Returns whether an object in the class must be restored before it can be read.
    pub fn archives(&self) -> bool {
        matches!(self.class.as_str(), "GLACIER" | "DEEP_ARCHIVE")
    }

    /// Returns the day on which it happens. A date may be any day.
    pub fn day(&self) -> u64 {
        self.days.unwrap_or(0)
    }
}

impl LifecycleRule {
    /// Returns whether the rule applies to log files or digests below `root`, which ends in `AWSLogs/`.
    pub fn applies(&self, root: &str) -> bool {
        self.enabled && !self.tags && meets(&self.prefix, root)
    }

    /// Returns whether a file is gone before it is `days` old. Without an expiration no version stops
    /// being current by itself.
    pub fn removes_before(&self, days: u64) -> bool {
        self.expires_on_date || self.expires.is_some_and(|expires| expires < days)
    }

    /// Returns days after which nothing of a file is left, if that is before it is `days` old.
    pub fn destroys_before(&self, days: u64) -> Option<u64> {
        let total = self.expires?.saturating_add(self.noncurrent?);
        (total < days).then_some(total)
    }
}

/// Returns whether keys of log files or digests below `root`, which ends in `AWSLogs/`, begin with `prefix`.
pub(crate) fn meets(prefix: &str, root: &str) -> bool {
    let Some(below) = prefix.strip_prefix(root) else { return root.starts_with(prefix) };
    // `[ORGANIZATION/]ACCOUNT/CloudTrail…`: other services have folders of their own.
    let below = match below.split_once('/') {
        Some((organization, below)) if organization.starts_with("o-") => below,
        _ => below,
    };
    match below.split_once('/') {
        None => true,
        Some((_, folder)) => folder.starts_with(FOLDER) || FOLDER.starts_with(folder),
    }
}

/// What the folders of log files and digests begin with.
const FOLDER: &str = "CloudTrail";

impl Lifecycle {
    /// Returns the rules that apply below `root`.
    pub fn applying<'a>(&'a self, root: &'a str) -> impl Iterator<Item = &'a LifecycleRule> {
        self.rules.iter().filter(move |rule| rule.applies(root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_applies_where_its_prefix_meets_the_logs() {
        let rule = |prefix: &str| LifecycleRule {
            enabled: true,
            prefix: prefix.to_owned(),
            ..LifecycleRule::default()
        };
        for (prefix, expected) in [
            ("", true),
            ("p", true),
            ("p/AWSLogs/", true),
            ("p/AWSLogs/111122223333/", true),
            ("p/AWSLogs/111122223333/Cl", true),
            ("p/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/", true),
            ("p/AWSLogs/o-exampleorgid/", true),
            ("p/AWSLogs/o-exampleorgid/111122223333/CloudTrail/", true),
            ("p/AWSLogs/111122223333/elasticloadbalancing/", false),
            ("p/AWSLogs/o-exampleorgid/111122223333/vpcflowlogs/", false),
            ("q/", false),
            ("AWSLogs/", false),
        ] {
            assert_eq!(rule(prefix).applies("p/AWSLogs/"), expected, "{prefix}");
        }
        assert!(!LifecycleRule { enabled: false, ..rule("") }.applies("AWSLogs/"));
        assert!(!LifecycleRule { tags: true, ..rule("") }.applies("AWSLogs/"));
    }

    #[test]
    fn a_file_is_removed_by_age_or_date() {
        let rule = LifecycleRule { expires: Some(364), ..LifecycleRule::default() };
        assert!(rule.removes_before(365));
        assert!(!rule.removes_before(364));
        assert_eq!(rule.destroys_before(365), None);
        let rule = LifecycleRule { noncurrent: Some(30), ..rule };
        assert_eq!(rule.destroys_before(395), Some(394));
        assert_eq!(rule.destroys_before(394), None);
        let dated = LifecycleRule { expires_on_date: true, ..LifecycleRule::default() };
        assert!(dated.removes_before(1));
        let noncurrent = LifecycleRule { noncurrent: Some(1), ..LifecycleRule::default() };
        assert!(!noncurrent.removes_before(365));
    }
}
