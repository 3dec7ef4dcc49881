//! Numbers and lengths of time as people read them.
use trailproof_core::compat::event::Tally;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::vocab::time::HOUR;

/// Notice for a run whose caller asserts that the copy is complete.
pub(crate) const COMPLETE_COPY: &str = "The copy is asserted to be complete (`--complete-copy`): \
                                        objects absent from it count as removed.";

/// Returns seconds as hours with one decimal: `71.5 h`.
pub(super) fn hours(seconds: i64) -> String {
    let tenths = (seconds.saturating_mul(10) + HOUR / 2) / HOUR;
    format!("{}.{} h", tenths / 10, tenths % 10)
}

/// Returns a share in percent with one decimal, rounded down: only the whole is `100.0 %`.
pub(super) fn per_cent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "–".to_owned();
    }
    let tenths = i128::from(part) * 1_000 / i128::from(whole);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Returns a number of bytes in a unit that keeps the number short: `1.2 MB`.
pub(crate) fn bytes(count: u64) -> String {
    let mut scaled = u128::from(count) * 10;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if scaled < 10_000 {
            return if unit == "B" {
                format!("{count} B")
            } else {
                format!("{}.{} {unit}", scaled / 10, scaled % 10)
            };
        }
        scaled /= 1_000;
    }
    format!("{} PB", scaled / 10)
}

/// Returns a count with commas between thousands.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Returns a count with its noun, which takes an `s` unless the count is one.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Returns a tally in a few characters: `72`, or `70 of 72` if not all are valid.
pub(super) fn tally(tally: &Tally) -> String {
    if tally.valid == tally.total() {
        tally.valid.to_string()
    } else {
        format!("{} of {}", tally.valid, tally.total())
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
    fn numbers_read_well_and_never_round_up_to_whole() {
        assert_eq!((hours(3_600 * 71 + 1_800), hours(0)), ("71.5 h".into(), "0.0 h".into()));
        assert_eq!(per_cent(999_999, 1_000_000), "99.9 %");
        assert_eq!((per_cent(7, 7), per_cent(0, 0)), ("100.0 %".into(), "–".into()));
        assert_eq!((bytes(999), bytes(1_234_567)), ("999 B".into(), "1.2 MB".into()));
        assert_eq!(bytes(u64::MAX), "18446 PB");
        assert_eq!(
            (counted(1, "digest"), counted(2, "digest")),
            ("1 digest".into(), "2 digests".into())
        );
    }
}
