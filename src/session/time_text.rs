//! Times as users type them.
//!
//! The AWS CLI accepts whatever its date library can guess, and drops offsets. This parser accepts
//! only unambiguous forms and converts offsets. It rejects a form without a day, which the AWS CLI
//! would complete with the current day.
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use trailproof_core::vocab::time::Timestamp;

const DATES: [&str; 7] =
    ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%b %d %Y", "%b %d, %Y", "%d %b %Y", "%d %B %Y"];
const TIMES: [&str; 5] = ["%H:%M:%S%.f", "%H:%M:%S", "%H:%M", "%H%M%S", "%H%M"];

/// Longest text that is parsed, in bytes. The longest form has some 40 characters.
const LONGEST: usize = 64;

/// Parses a time. A time without an offset is in UTC, and a date alone is its first second.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    // A date such as `01/08/2015` is ambiguous: countries order day and month differently.
    if text.len() > LONGEST || !text.is_ascii() {
        return None;
    }
    if let Some(at) = Timestamp::parse_key(text) {
        return Some(at);
    }
    for date in DATES {
        if let Ok(day) = NaiveDate::parse_from_str(text, date) {
            return in_range(day.and_hms_opt(0, 0, 0)?);
        }
    }
    let (plain, zone) = split_zone(text);
    for date in DATES {
        for between in ["T", " "] {
            for time in TIMES {
                let form = format!("{date}{between}{time}");
                match zone {
                    Zone::Utc => {
                        if let Ok(at) = NaiveDateTime::parse_from_str(plain, &form) {
                            return in_range(at);
                        }
                    }
                    Zone::Offset => {
                        if let Ok(at) = DateTime::parse_from_str(text, &format!("{form}%#z")) {
                            return in_range(at.naive_utc());
                        }
                    }
                }
            }
        }
    }
    None
}

/// Returns whether a time is a date alone.
pub(crate) fn is_date(text: &str) -> bool {
    let text = text.trim();
    text.len() <= LONGEST && DATES.iter().any(|date| NaiveDate::parse_from_str(text, date).is_ok())
}

enum Zone {
    Utc,
    Offset,
}

/// Returns the text without a mark for UTC, and whether it ends in an offset.
fn split_zone(text: &str) -> (&str, Zone) {
    for mark in ["Z", "z", " UTC", " GMT", "UTC"] {
        if let Some(plain) = text.strip_suffix(mark) {
            return (plain, Zone::Utc);
        }
    }
    // A sign after the time of day belongs to an offset; signs before it belong to the date.
    let clock = text.find(':').unwrap_or(text.len());
    let behind = text.get(clock..).unwrap_or_default();
    if behind.contains(['+', '-']) { (text, Zone::Offset) } else { (text, Zone::Utc) }
}

fn in_range(at: NaiveDateTime) -> Option<Timestamp> {
    let seconds = at.and_utc().timestamp();
    let held = Timestamp::from_unix(seconds);
    (held.unix() == seconds).then_some(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_mean_one_thing_are_read() {
        for (text, expected) in [
            ("2015-01-08T05:21:42Z", "2015-01-08T05:21:42Z"),
            ("2015-01-08T05:21:42.999Z", "2015-01-08T05:21:42Z"),
            ("2015-01-08T05:21:42", "2015-01-08T05:21:42Z"),
            ("2015-01-08 05:21", "2015-01-08T05:21:00Z"),
            ("2015-01-08T05:21:42 UTC", "2015-01-08T05:21:42Z"),
            ("2015-01-08", "2015-01-08T00:00:00Z"),
            ("2015/01/08", "2015-01-08T00:00:00Z"),
            ("20150108", "2015-01-08T00:00:00Z"),
            ("20150108T052142Z", "2015-01-08T05:21:42Z"),
            ("20150108T052142", "2015-01-08T05:21:42Z"),
            ("Jan 8 2015", "2015-01-08T00:00:00Z"),
            ("8 Jan 2015 05:21", "2015-01-08T05:21:00Z"),
            ("8 January 2015", "2015-01-08T00:00:00Z"),
        ] {
            assert_eq!(
                parse_time(text).map(|at| at.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn an_offset_is_converted() {
        for text in
            ["2015-01-08T05:21:42+02:00", "2015-01-08T05:21:42+0200", "2015-01-08 05:21:42 +02"]
        {
            assert_eq!(parse_time(text).unwrap().to_string(), "2015-01-08T03:21:42Z", "{text}");
        }
    }

    #[test]
    fn what_would_have_to_be_guessed_is_refused() {
        for text in [
            "",
            "bad",
            "2015",
            "2015-01",
            "10",
            "1420694502",
            "01/08/2015",
            "2015-13-01",
            "2015-01-08T25:00:00Z",
            "yesterday",
            "2015-01-08T05:21:42 EST",
            "99999-01-01",
            "２０１５-01-08",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
        assert_eq!(parse_time(&"2".repeat(1 << 20)), None);
    }
}
