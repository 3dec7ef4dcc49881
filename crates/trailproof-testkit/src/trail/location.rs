//! Where CloudTrail puts digests and log files, in its own spelling.
#![expect(clippy::expect_used, reason = "a time outside of the calendar is a mistake in a test")]
use chrono::{DateTime, Utc};

fn calendar(time: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(time, 0).expect("the time is in the calendar")
}

/// Formats a time as `2026-03-01T00:00:00Z`.
pub fn iso(time: i64) -> String {
    calendar(time).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Formats the folders of one day: `2026/03/01`.
pub fn day_folder(time: i64) -> String {
    calendar(time).format("%Y/%m/%d").to_string()
}

/// Parses `2026-03-01T00:00:00Z`. Panics on any other form.
pub fn seconds(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).expect("the test wrote an RFC 3339 time").timestamp()
}

/// Returns the folder of one account's digests or log files, with a trailing slash.
///
/// `kind` is `CloudTrail-Digest` or `CloudTrail`.
pub fn folder(
    prefix: Option<&str>,
    organization: Option<&str>,
    account: &str,
    kind: &str,
    region: &str,
) -> String {
    let mut text = String::new();
    let parts = [prefix, Some("AWSLogs"), organization, Some(account), Some(kind), Some(region)];
    for part in parts.into_iter().flatten() {
        text.push_str(part);
        text.push('/');
    }
    text
}

/// Returns the name of a digest that ends at `end`. `suffix` is empty or `_backfill`.
pub fn digest_name(
    account: &str,
    region: &str,
    trail: &str,
    home_region: &str,
    end: i64,
    suffix: &str,
) -> String {
    let end = calendar(end).format("%Y%m%dT%H%M%SZ");
    format!("{account}_CloudTrail-Digest_{region}_{trail}_{home_region}_{end}{suffix}.json.gz")
}

/// Returns the name of a log file for the five minutes that end at `time`.
pub fn log_name(account: &str, region: &str, time: i64, unique: &str) -> String {
    let time = calendar(time).format("%Y%m%dT%H%MZ");
    format!("{account}_CloudTrail_{region}_{time}_{unique}.json.gz")
}
