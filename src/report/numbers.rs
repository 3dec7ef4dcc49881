//! Numbers and lengths of time as people read them, for every report and message.
use std::borrow::Borrow;
use std::fmt;
use trailproof_core::compat::event::Tally;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::vocab::time::{DAY, HOUR};

/// Returns a number with its digits in groups of three: `518,400`.
pub(crate) fn grouped(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Returns a count with its noun, which takes an `s` unless the count is one: `2,870 digests`.
pub(crate) fn counted(count: impl Borrow<u64>, noun: &str) -> String {
    let count = *count.borrow();
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// Returns seconds as a number of hours with one decimal: `2,849.9`.
pub(super) fn hour_number(seconds: i64) -> String {
    tenths(seconds, HOUR)
}

/// Returns seconds as hours with one decimal: `2,880.0 h`.
pub(super) fn hours(seconds: i64) -> String {
    format!("{} h", tenths(seconds, HOUR))
}

/// Returns seconds as hours, for a page that must not break the line before the unit.
pub(super) fn unbroken_hours(seconds: i64) -> String {
    format!("{}\u{a0}h", tenths(seconds, HOUR))
}

/// Returns seconds as hours and, from two days on, as days, for a page that must not break the line
/// before a unit: `2,880.0 h (120.0 days)`.
pub(super) fn hours_and_days(seconds: i64) -> String {
    let hours = unbroken_hours(seconds);
    if seconds < 2 * DAY { hours } else { format!("{hours} ({}\u{a0}days)", tenths(seconds, DAY)) }
}

fn tenths(seconds: i64, unit: i64) -> String {
    let tenths = (seconds.saturating_mul(10) + unit / 2) / unit;
    format!("{}.{}", grouped(tenths / 10), tenths % 10)
}

/// Returns a length of time to the second: `71 h 55 min 49 s`.
pub(super) fn length(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / HOUR, seconds / 60 % 60, seconds % 60);
    let parts = [(hours, "h"), (minutes, "min"), (seconds, "s")];
    let shown: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{} {unit}", grouped(count)))
        .collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

/// Returns a number of hours, with one decimal, rounded down, unless it is whole.
pub(super) fn number_of_hours(seconds: i64) -> String {
    let tenths = seconds.saturating_mul(10) / HOUR;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

/// Returns a share in percent with one decimal, rounded down: only the whole is `100.0 %`.
pub(super) fn per_cent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "–".to_owned();
    }
    let tenths = i128::from(part) * 1_000 / i128::from(whole);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Returns a number of bytes in a unit that keeps the number short, rounded down: `1.2 MB`.
pub(crate) fn bytes(count: u64) -> String {
    if count < 1_000 {
        return counted(count, "byte");
    }
    let mut scaled = u128::from(count) * 10;
    for unit in ["kB", "MB", "GB", "TB", "PB"] {
        scaled /= 1_000;
        if scaled < 10_000 {
            return format!("{}.{} {unit}", scaled / 10, scaled % 10);
        }
    }
    format!("{} PB", grouped(scaled / 10))
}

/// Returns a tally in a few characters: `72`, or `70 of 72` if not all are valid.
pub(super) fn tally(tally: &Tally) -> String {
    if tally.valid == tally.total() {
        grouped(tally.valid)
    } else {
        format!("{} of {}", grouped(tally.valid), grouped(tally.total()))
    }
}

/// Returns the seconds of a chain's period that could be verified by now, and those that are
/// verified. Pending time counts in neither.
pub(super) fn verified(segments: &[Segment]) -> (i64, i64) {
    let of = |wanted: Option<Coverage>| {
        segments
            .iter()
            .filter(|segment| match wanted {
                Some(wanted) => segment.coverage == wanted,
                None => segment.coverage != Coverage::Pending,
            })
            .map(Segment::seconds)
            .sum()
    };
    (of(None), of(Some(Coverage::Verified)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0_u64, 1, 2_870].map(|n| counted(n, "digest")),
            ["0 digests", "1 digest", "2,870 digests"]
        );
    }

    #[test]
    fn lengths_of_time_read_well() {
        assert_eq!((hours(71 * HOUR + 1_800), hours(0)), ("71.5 h".into(), "0.0 h".into()));
        assert_eq!(hours_and_days(2_880 * HOUR), "2,880.0\u{a0}h (120.0\u{a0}days)");
        assert_eq!(hours_and_days(90 * 60), "1.5\u{a0}h");
        assert_eq!(length(71 * HOUR + 55 * 60 + 49), "71 h 55 min 49 s");
        assert_eq!((length(0), length(2_880 * HOUR)), ("0 s".to_owned(), "2,880 h".to_owned()));
        assert_eq!([HOUR, 5_400, HOUR - 1].map(number_of_hours), ["1", "1.5", "0.9"]);
    }

    #[test]
    fn shares_and_sizes_never_round_up() {
        assert_eq!(per_cent(999_999, 1_000_000), "99.9 %");
        assert_eq!((per_cent(7, 7), per_cent(0, 0)), ("100.0 %".into(), "–".into()));
        assert_eq!([1, 999, 1_000].map(bytes), ["1 byte", "999 bytes", "1.0 kB"]);
        assert_eq!([1_500, 999_999, 2_360_000].map(bytes), ["1.5 kB", "999.9 kB", "2.3 MB"]);
        assert_eq!([7_000_000_000, u64::MAX].map(bytes), ["7.0 GB", "18,446 PB"]);
    }
}
